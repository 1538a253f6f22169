"""IPaddr: an IPv4 or IPv6 address that moves with its resource.

Addresses are set by netlink and neighbours are told by packet sockets, so no program is needed. The first announcement
goes out before ``start`` returns, the others from a child that the start does not wait for, and that falls silent as
soon as the address is gone from here.
"""

from __future__ import annotations

import os
import time
from _socket import AF_INET6, inet_pton
from collections.abc import Sequence

from hacluster_ra import neighbours, ocf
from hacluster_ra.netlink import IFF_LOOPBACK, IFF_LOWER_UP, IFF_UP, Address, Link, Netlink, family_of
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Values

MAX_LABEL = 15


def _check_ip(name: str, value: str) -> None:
    try:
        family_of(value)
    except (OSError, ValueError):
        raise Failure(ocf.ERR_CONFIGURED, f"{name} is {value!r}, which is no IP address") from None


def prefix_length(text: str, bits: int) -> int:
    """A prefix length from ``16`` or, for IPv4, ``255.255.0.0``; ValueError when it is neither."""
    if text.isdecimal() and int(text) <= bits:
        return int(text)
    parts = text.split(".")
    if bits == 32 and len(parts) == 4 and all(p.isdecimal() and int(p) < 256 for p in parts):
        mask = int.from_bytes(bytes(int(p) for p in parts), "big")
        length = mask.bit_count()
        if mask == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF:
            return length
    raise ValueError(f"{text!r} is no netmask for an address of {bits} bits")


def _bits(ip: str) -> int:
    return 128 if family_of(ip) == AF_INET6 else 32


def _last_of_network(ip: str, prefix: int) -> str:
    number = int.from_bytes(bytes(int(p) for p in ip.split(".")), "big") | (0xFFFFFFFF >> prefix)
    return ".".join(str(b) for b in number.to_bytes(4, "big"))


def validate(values: Values) -> None:
    """Everything that can be said of the parameters without looking at this host."""
    ip, nic, label = values.text("ip"), values.text("nic"), values.text("iflabel")
    _check_ip("ip", ip)
    mask = values.text("cidr_netmask")
    try:
        prefix_length(mask or "0", _bits(ip))
    except ValueError as error:
        raise Failure(ocf.ERR_CONFIGURED, f"cidr_netmask: {error}") from None
    broadcast = values.text("broadcast")
    if broadcast not in ("", "+"):
        _check_ip("broadcast", broadcast)
    if ":" in nic or "/" in nic:
        raise Failure(ocf.ERR_CONFIGURED, f"nic is {nic!r}: name the interface alone, a label goes to iflabel")
    if label and len(f"{nic}:{label}") > MAX_LABEL:
        raise Failure(ocf.ERR_CONFIGURED, f"the label {nic}:{label} is longer than {MAX_LABEL} characters")


class Place:
    """What is known of the address on this host: where it is to be, and where it is."""

    def __init__(self, values: Values, netlink: Netlink) -> None:
        self.values = values
        self.netlink = netlink
        self.ip = values.text("ip")
        self.family = family_of(self.ip)

    def present(self) -> list[Address]:
        """The address wherever it is on this host, on ``nic`` if that is given."""
        found = [a for a in self.netlink.addresses(self.family) if self._same(a)]
        nic = self.values.text("nic")
        if not nic or not found:
            return found
        link = self.netlink.link(nic)
        return [a for a in found if link is not None and a.index == link.index]

    def _same(self, address: Address) -> bool:
        return address.packed == inet_pton(self.family, self.ip)

    def elsewhere(self, link: Link) -> str:
        """The name of another interface that has the address; empty when none has."""
        for address in self.netlink.addresses(self.family):
            if self._same(address) and address.index != link.index:
                return self.netlink.link_at(address.index).name
        return ""

    def target(self) -> tuple[Link, int]:
        """Interface and prefix length, what is not given taken from the routing table."""
        nic, mask = self.values.text("nic"), self.values.text("cidr_netmask")
        link = self.netlink.link(nic) if nic else None
        if nic and link is None:
            raise Failure(ocf.ERR_INSTALLED, f"there is no interface {nic} on this host")
        if link is not None and mask:
            return link, prefix_length(mask, _bits(self.ip))
        routes = [(p, i) for p, i in self.netlink.connected(self.ip) if link is None or link.index == i]
        if not routes and link is None:
            raise Failure(
                ocf.ERR_INSTALLED, f"no interface of this host has a route to {self.ip}: give nic and cidr_netmask"
            )
        prefix = routes[0][0] if routes else _bits(self.ip)
        if mask:
            prefix = prefix_length(mask, _bits(self.ip))
        return link or self.netlink.link_at(routes[0][1]), prefix


def start(values: Values) -> int:
    """Add the address unless it is there, and announce it in any case."""
    netlink = Netlink()
    place = Place(values, netlink)
    link, prefix = place.target()
    if not any(a.index == link.index for a in place.present()):
        other = place.elsewhere(link)
        if other:
            raise Failure(ocf.ERR_GENERIC, f"{place.ip} is on {other} already, not on {link.name}")
        if not link.flags & IFF_UP:
            netlink.set_up(link)
        if values.flag("check_duplicate") and link.speaks_arp:
            found = neighbours.find_holder(link, place.ip, values.number("duplicate_wait"))
            if found is not None:
                raise Failure(
                    ocf.ERR_GENERIC, f"{place.ip} is in use by {found.hex(':')} on the network of {link.name}"
                )
        label = values.text("iflabel")
        broadcast = ""
        if place.family != AF_INET6:
            broadcast = values.text("broadcast")
            if broadcast in ("", "+"):
                broadcast = _last_of_network(place.ip, prefix) if prefix < 31 else ""
        netlink.add(place.ip, prefix, link.index, f"{link.name}:{label}" if label else "", broadcast)
    if link.speaks_arp:
        _announce(link, place.ip, values.number("arp_count"), values.number("arp_interval"))
    return ocf.OK


def _announce(link: Link, ip: str, count: int, interval_ms: int) -> None:
    """The first at once, the rest by a child of nobody, which has closed what the manager might wait for."""
    if count < 1:
        return
    try:
        neighbours.announce(link, ip)
    except OSError as error:
        ocf.say(f"{ip} could not be announced on {link.name}: {error}")
    if count == 1:
        return
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            os.closerange(3, 256)
            os.chdir("/")
            _repeat(link, ip, count - 1, interval_ms)
    finally:
        os._exit(0)


def _repeat(link: Link, ip: str, count: int, interval_ms: int) -> None:
    """An announcement after the address has moved would draw the clients back: look before each."""
    netlink = Netlink()
    family = family_of(ip)
    for _ in range(count):
        time.sleep(interval_ms / 1000)
        if not any(a.ip == ip and a.index == link.index for a in netlink.addresses(family)):
            return
        neighbours.announce(link, ip)


def stop(values: Values) -> int:
    """Remove the address and nothing else.

    When the kernel loses the first address of a subnet it drops the others of that subnet too (unless
    promote_secondaries is set); those are put back.
    """
    netlink = Netlink()
    place = Place(values, netlink)
    for address in place.present():
        before = netlink.addresses(place.family)
        netlink.remove(address)
        left = {(a.index, a.packed, a.prefix) for a in netlink.addresses(place.family)}
        gone = (address.index, address.packed, address.prefix)
        for lost in before:
            key = (lost.index, lost.packed, lost.prefix)
            if key not in left and key != gone and lost.index == address.index:
                netlink.put(lost)
    return ocf.OK


def monitor(values: Values) -> int:
    """0 when the address is on the interface; with OCF_CHECK_LEVEL 10 the interface must also have a carrier."""
    netlink = Netlink()
    found = Place(values, netlink).present()
    if not found:
        return ocf.NOT_RUNNING
    if values.depth >= 10:
        link = netlink.link_at(found[0].index)
        if not link.flags & IFF_LOOPBACK and not link.flags & IFF_LOWER_UP:
            raise Failure(ocf.ERR_GENERIC, f"the interface {link.name} has no carrier")
    return ocf.OK


PARAMETERS = (
    Parameter("ip", "IP address", "The IPv4 or IPv6 address.", required=True, group="address"),
    Parameter(
        "cidr_netmask",
        "Netmask",
        "The netmask as a prefix length such as 24, or as 255.255.255.0. Default: that of the route to the address.",
    ),
    Parameter(
        "nic",
        "Network interface",
        "The interface that gets the address. Default: the one with the most specific direct route to it.",
    ),
    Parameter("iflabel", "Label", "Text after the colon of the address's label, eth0:TEXT (IPv4 only)."),
    Parameter("broadcast", "Broadcast address", "The broadcast address. Default: the last one of the network."),
    Parameter(
        "check_duplicate",
        "Refuse an address in use",
        "Ask the network before adding the address, and fail when somebody else has it. The Heartbeat-class front "
        "end does not ask: without fencing it must take the address from a peer that is half dead.",
        kind="boolean",
        default="true",
    ),
    Parameter(
        "duplicate_wait",
        "Milliseconds to wait for an answer",
        "How long to listen for the holder of the address; three questions are asked meanwhile. It delays each start. "
        "RFC 5227 would wait for seconds; on one Ethernet an answer comes within a few milliseconds.",
        kind="integer",
        default="100",
    ),
    Parameter(
        "arp_count",
        "Number of announcements",
        "Gratuitous ARP or unsolicited neighbour advertisements after the start; the first is sent at once.",
        kind="integer",
        default="5",
        reloadable=True,
    ),
    Parameter(
        "arp_interval",
        "Milliseconds between announcements",
        "Time between two announcements.",
        kind="integer",
        default="200",
        reloadable=True,
    ),
)


def reload_agent(_: Values) -> int:
    """The reloadable parameters are read at the next start; there is nothing to change now."""
    return ocf.OK


AGENT = Agent(
    "IPaddr",
    "An IPv4 or IPv6 address on a network interface",
    "Adds an address to an interface, tells the neighbours by gratuitous ARP or unsolicited neighbour advertisement, "
    "and removes it again. Needs no other program.",
    PARAMETERS,
    (
        Action("start", start, 20),
        Action("stop", stop, 20),
        Action("monitor", monitor, 20, depth=0, interval="10s"),
        Action("monitor", monitor, 20, depth=10, interval="60s"),
        Action("reload-agent", reload_agent, 20),
    ),
    validate=validate,
)

USAGE = "ADDR[/BITS[/IF[:LABEL][/BROADCAST]]]"


def from_haresources(arguments: Sequence[str]) -> dict[str, str]:
    """``ADDR[/BITS[/IF[:LABEL][/BROADCAST]]]`` or ``ADDR/BITS/BROADCAST``, as parameters (HARESOURCES section 1).

    haresources splits at ``::``, so an IPv6 address may come in several arguments.
    """
    if not arguments or not arguments[0]:
        raise ValueError("the address is missing")
    ip, *rest = "::".join(arguments).split("/")
    found = {"ip": ip, "check_duplicate": "false"}
    if len(rest) > 3:
        raise ValueError(f"{'/'.join(rest)}: too many parts")
    if rest:
        found["cidr_netmask"] = rest[0]
    if len(rest) > 1 and rest[1][:1].isdigit():
        found["broadcast"] = rest[1]
        if len(rest) > 2:
            raise ValueError(f"{rest[2]}: nothing may follow the broadcast address")
    elif len(rest) > 1:
        found["nic"], _, found["iflabel"] = rest[1].partition(":")
        if len(rest) > 2:
            found["broadcast"] = rest[2]
    return {name: value for name, value in found.items() if value}
