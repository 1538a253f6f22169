"""Where an address resource is on this host: one answer for start, stop and monitor.

The resource is an address *on its interface*. Its interface is the one that ``nic`` names. Without ``nic`` it is one
that is in the address's network: another address of the interface, or a route, says so. A loopback is in no network,
so the /32 that a real server of LVS keeps on ``lo`` is never the resource's. What a start has made is noted besides
(:meth:`Place.note`): a renamed interface, or one whose routes are gone, is still found.

An address of which nothing says whose it is, is not taken for the resource's, and not for somebody else's either:
:meth:`Place.present` fails then.
"""

from __future__ import annotations

import os
from _socket import AF_INET, AF_INET6, inet_pton

from hacluster_ra import ocf
from hacluster_ra.netlink import IFF_LOOPBACK, Address, Link, Netlink, Route, covers, family_of
from hacluster_ra.ocf import Failure, Values

LINK_LOCAL = bytes.fromhex("fe80") + bytes(14)


def prefix_length(text: str, bits: int) -> int:
    """A prefix length from ``16`` or, for IPv4, ``255.255.0.0``; ValueError when it is neither."""
    if text.isdecimal() and text.isascii() and len(text) <= 3 and int(text) <= bits:
        return int(text)
    parts = text.split(".")
    if bits == 32 and len(parts) == 4 and all(p.isdecimal() and p.isascii() and int(p) < 256 for p in parts):
        mask = int.from_bytes(bytes(int(p) for p in parts), "big")
        length = mask.bit_count()
        if mask == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF:
            return length
    raise ValueError(f"{text!r} is no netmask for an address of {bits} bits")


def interface_of(values: Values) -> str:
    """The interface that ``nic`` names; empty when the routes decide."""
    return values.text("nic").partition(":")[0]


def label_of(values: Values) -> str:
    """The label, from ``iflabel`` or behind the colon of ``nic``."""
    return values.text("iflabel") or values.text("nic").partition(":")[2]


class Place:
    """What is known of the address on this host: where it is to be, and where it is."""

    def __init__(self, values: Values, netlink: Netlink) -> None:
        self.values, self.netlink = values, netlink
        self.ip, self.nic = values.text("ip"), interface_of(values)
        self.family = family_of(self.ip)
        self.bits = 128 if self.family == AF_INET6 else 32
        self.packed = inet_pton(self.family, self.ip)
        self._links: dict[int, Link] | None = None

    @property
    def links(self) -> dict[int, Link]:
        """The interfaces of this host by number."""
        if self._links is None:
            self._links = self.netlink.links()
        return self._links

    # -- where it is ---------------------------------------------------------------------------------------------

    def present(self) -> list[Address]:
        """The resource's address where it is; several when it is there with several prefix lengths."""
        found = [a for a in self.netlink.addresses(self.family) if a.packed == self.packed]
        if not found:
            return []
        noted = self._noted()
        if any(a.index == noted for a in found):
            return [a for a in found if a.index == noted]
        if self.nic:
            link = self.netlink.link(self.nic)
            return [a for a in found if link is not None and a.index == link.index]
        networks = self._networks()
        if not networks:
            unclear = [self.links[a.index].name for a in found if self._answers(a.index)]
            if unclear:
                text = f"{self.ip} is on {unclear[0]}, and nothing tells whether that is this resource: give nic"
                raise Failure(ocf.ERR_GENERIC, text)
        return [a for a in found if a.index in networks]

    def foreign(self) -> list[str]:
        """Names of the interfaces that have the address; after a stop they are somebody else's."""
        holders = [a.index for a in self.netlink.addresses(self.family) if a.packed == self.packed]
        return [self.links[index].name for index in holders if index in self.links]

    def answers_elsewhere(self, link: Link) -> str:
        """The name of another interface that has the address and answers for it on its network; empty: none."""
        for address in self.netlink.addresses(self.family):
            if address.packed == self.packed and address.index != link.index and self._answers(address.index):
                return self.links[address.index].name
        return ""

    def _answers(self, index: int) -> bool:
        link = self.links.get(index)
        return link is not None and link.speaks_arp

    def _networks(self) -> set[int]:
        """The interfaces that are in the address's network; when only the address itself says so, that counts too."""
        addresses = self.netlink.addresses(self.family)
        own = {(a.prefix, a.index) for a in addresses if a.packed == self.packed}
        covering = [a for a in addresses if 0 < a.prefix < self.bits and covers(a.network, a.prefix, self.packed)]
        found = {a.index for a in covering if a.packed != self.packed}
        found |= {r.index for r in self._routes() if (r.prefix, r.index) not in own}
        found = {index for index in found if self._may_have(index)}
        return found or {a.index for a in covering if self._may_have(a.index)}

    def _may_have(self, index: int) -> bool:
        """A loopback has loopback addresses, and no other interface has them; a link-local one is in all networks."""
        link = self.links.get(index)
        if link is None or (self.family == AF_INET6 and covers(LINK_LOCAL, 10, self.packed)):
            return False
        is_local = self.packed[:1] == b"\x7f" if self.family == AF_INET else self.packed == bytes(15) + b"\1"
        return bool(link.flags & IFF_LOOPBACK) == is_local

    # -- where it is to be ---------------------------------------------------------------------------------------

    def target(self, ours: list[Address]) -> Link:
        """The interface on which the address is to be. ``ours``: where it is; one that works is as good as any."""
        if self.nic:
            link = self.netlink.link(self.nic)
            if link is None:
                raise Failure(ocf.ERR_INSTALLED, f"there is no interface {self.nic} on this host")
            return link
        for address in ours:
            link = self.links.get(address.index)
            if link is not None and link.is_up and link.has_carrier:
                return link
        routes = [r for r in self._routes() if self._may_have(r.index)]
        routes.sort(key=lambda r: r.is_dead or not self.links[r.index].has_carrier)
        if not routes:
            networks = [self.links[index].name for index in self._networks() if not self.links[index].is_up]
            off = f"; {networks[0]} has its network and is switched off" if networks else ""
            text = f"no interface of this host has a route to {self.ip}{off}: give nic and cidr_netmask"
            raise Failure(ocf.ERR_INSTALLED, text)
        link = self.links[routes[0].index]
        if not link.has_carrier:
            ocf.say(f"{self.ip} goes to {link.name}, which has no carrier: no interface of its network has one")
        return link

    def prefix_on(self, link: Link) -> int:
        """The prefix length that is configured, else the network's on that interface, else that of one address."""
        mask = self.values.text("cidr_netmask")
        if mask:
            return prefix_length(mask, self.bits)
        addresses = [a for a in self.netlink.addresses(self.family) if a.index == link.index]
        own = {a.prefix for a in addresses if a.packed == self.packed}
        routes = [r.prefix for r in self._routes() if r.index == link.index]
        near = [a.prefix for a in addresses if a.packed != self.packed and covers(a.network, a.prefix, self.packed)]
        return max([p for p in routes if p not in own] or [p for p in near if p] or routes or [self.bits])

    def _routes(self) -> list[Route]:
        return self.netlink.connected(self.ip)

    # -- the note ------------------------------------------------------------------------------------------------

    def note(self, link: Link) -> None:
        """Note where the address was brought about."""
        ocf.write_record(self._record(), f"{_namespace()} {link.index} {self.nic}\n")

    def forget(self) -> None:
        """The address is gone from there."""
        ocf.remove_record(self._record())

    def _noted(self) -> int:
        """The interface that was noted, 0 when none was; a note of another configuration or namespace is none."""
        namespace, _, rest = ocf.read_record(self._record()).partition(" ")
        index, _, nic = rest.partition(" ")
        is_ours = namespace == _namespace() and nic == self.nic
        return int(index) if is_ours and index.isascii() and index.isdecimal() and len(index) <= ocf.MAX_DIGITS else 0

    def _record(self) -> str:
        return ocf.record_path("IPaddr", f"{self.packed.hex()}-{self.nic}")


def _namespace() -> str:
    return str(os.stat("/proc/self/ns/net").st_ino)
