"""IPaddr: an IPv4 or IPv6 address that moves with its resource.

Addresses are set by netlink and neighbours are told by packet sockets, so no program is needed. The first announcement
goes out before ``start`` returns, the others from a child that the start does not wait for, and that falls silent as
soon as the address is gone from here. Which of a host's addresses is the resource's: see ``whereabouts.py``.
"""

from __future__ import annotations

import os
import time
from _socket import AF_INET6, inet_pton
from collections.abc import Sequence

from hacluster_ra import neighbours, ocf
from hacluster_ra.netlink import F_DADFAILED, NAME_SIZE, Address, Link, Netlink, family_of
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Unfinished, Values
from hacluster_ra.removal import lock, remove, unlock
from hacluster_ra.whereabouts import Place, label_of, prefix_length

MAX_LABEL = 15
MAX_NIC = 127
EEXIST = 17


def _is_address(name: str, value: str) -> str:
    try:
        family_of(value)
    except (OSError, ValueError):
        return f"{name} is {value!r}, which is no IP address"
    return ""


def _check_broadcast(value: str) -> str:
    return "" if value in ("+", "-") else _is_address("broadcast", value)


def _check_nic(value: str) -> str:
    name, colon, label = value.partition(":")
    if "/" in value or not name or (colon and not label) or len(name) > MAX_NIC or any(c.isspace() for c in value):
        return f"nic is {value!r}: the name of an interface is needed, or NAME:LABEL"
    return _check_label(label)


def _check_label(value: str) -> str:
    if len(value) + 2 > MAX_LABEL:
        return f"the label {value!r} with an interface before it is longer than {MAX_LABEL} characters"
    return ""


def _check_mask(value: str) -> str:
    try:
        prefix_length(value, 128 if value.isdecimal() else 32)
    except ValueError as error:
        return f"cidr_netmask: {error}"
    return ""


def validate(values: Values) -> None:
    """What of the parameters does not fit together, without a look at this host."""
    family = family_of(values.text("ip"))
    bits = 128 if family == AF_INET6 else 32
    if values.text("cidr_netmask"):
        try:
            prefix_length(values.text("cidr_netmask"), bits)
        except ValueError as error:
            raise Failure(ocf.ERR_CONFIGURED, f"cidr_netmask: {error}") from None
    broadcast = values.text("broadcast")
    if broadcast not in ("", "+", "-") and family_of(broadcast) != family:
        raise Failure(ocf.ERR_CONFIGURED, f"broadcast is {broadcast!r}, which is of another family than ip")
    own, other = values.text("iflabel"), values.text("nic").partition(":")[2]
    if own and other and own != other:
        raise Failure(ocf.ERR_CONFIGURED, f"nic has the label {other!r} and iflabel is {own!r}: name one")


def _last_of_network(ip: str, prefix: int) -> str:
    number = int.from_bytes(bytes(int(p) for p in ip.split(".")), "big") | (0xFFFFFFFF >> prefix)
    return ".".join(str(b) for b in number.to_bytes(4, "big"))


class Wanted:
    """How the address is to be on its interface; what is not configured is left as it is found."""

    def __init__(self, values: Values, place: Place, link: Link) -> None:
        self.place, self.link = place, link
        self.given_mask = values.text("cidr_netmask")
        self.given_broadcast = values.text("broadcast") if place.family != AF_INET6 else ""
        label = label_of(values) if place.family != AF_INET6 else ""
        self.label = f"{link.name}:{label}" if label else ""

    @property
    def prefix(self) -> int:
        """The prefix length: as configured, else that of the network."""
        return self.place.prefix_on(self.link)

    def broadcast(self) -> str:
        """The broadcast address; empty for none."""
        if self.place.family == AF_INET6 or self.given_broadcast == "-":
            return ""
        if self.given_broadcast not in ("", "+"):
            return self.given_broadcast
        return _last_of_network(self.place.ip, self.prefix) if self.prefix < 31 else ""

    def fault(self, address: Address) -> str:
        """How an address that is there differs from what is configured; empty when it does not."""
        if self.given_mask and address.prefix != prefix_length(self.given_mask, self.place.bits):
            return f"with the netmask {address.prefix}, not {self.given_mask}"
        if self.label and address.label != self.label:
            return f"with the label {address.label}, not {self.label}"
        if self.given_broadcast and address.broadcast != self.broadcast():
            return f"with the broadcast address {address.broadcast or 'none'}, not {self.broadcast() or 'none'}"
        if address.flags & F_DADFAILED:
            return "and was switched off, for a neighbour has it too"
        return ""


def start(values: Values) -> int:
    """Bring the address about as it is configured, and announce it in any case.

    One that is there already and is as it should be is left alone. An interface that is off is switched on.
    """
    netlink = Netlink()
    place = Place(values, netlink)
    ours = _present(place)
    link = place.target(ours)
    if not link.is_up:
        netlink.set_up(link)
    wanted = Wanted(values, place, link)
    if len(os.fsencode(wanted.label)) > NAME_SIZE:
        raise Failure(ocf.ERR_ARGS, f"the label {wanted.label} is longer than {MAX_LABEL} characters")
    if not ours:
        _check_others(values, place, link)
    if not _is_good(wanted, ours):
        lock()
        ours = place.present()
        if not _is_good(wanted, ours):
            _put(netlink, wanted, [a for a in ours if a.index == link.index])
        for address in place.present():
            if address.index == link.index and wanted.fault(address):
                remove(netlink, address)
    for address in ours:
        if address.index != link.index:
            remove(netlink, address)
    place.note(link)
    if link.speaks_arp:
        _announce(link, place.ip, values.number("arp_count"), values.number("arp_interval"))
    return ocf.OK


def _present(place: Place) -> list[Address]:
    """Where the address is. It may be away just for the moment in which another agent removes the one before it."""
    found = place.present()
    if not found:
        lock(make=False)
        found = place.present()
        unlock()
    return found


def _is_good(wanted: Wanted, ours: Sequence[Address]) -> bool:
    return any(a.index == wanted.link.index and not wanted.fault(a) for a in ours)


def _check_others(values: Values, place: Place, link: Link) -> None:
    """Somebody else's address is not taken: one of another interface of this host, or of another host."""
    other = place.answers_elsewhere(link)
    if other:
        raise Failure(ocf.ERR_GENERIC, f"{place.ip} is on {other} already, not on {link.name}")
    if values.flag("check_duplicate") and link.speaks_arp:
        ours = frozenset(one.hardware for one in place.links.values())
        found = neighbours.find_holder(link, place.ip, values.number("duplicate_wait"), ours=ours)
        if found is not None:
            raise Failure(ocf.ERR_GENERIC, f"{place.ip} is in use by {found.hex(':')} on the network of {link.name}")


def _put(netlink: Netlink, wanted: Wanted, wrong: Sequence[Address]) -> None:
    """Add the address; where the kernel takes it for one that is there, that one makes room."""
    place = wanted.place
    arguments = (place.ip, wanted.prefix, wanted.link.index, wanted.label, wanted.broadcast())
    try:
        netlink.add(*arguments)
        return
    except OSError as error:
        if error.errno != EEXIST or not wrong:
            raise
    for address in wrong:
        remove(netlink, address)
    try:
        netlink.add(*arguments)
    except OSError:
        for address in wrong:
            netlink.put(address)
        raise


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
    packed = inet_pton(family, ip)
    for _ in range(count):
        time.sleep(interval_ms / 1000)
        if not any(a.packed == packed and a.index == link.index for a in netlink.addresses(family)):
            return
        neighbours.announce(link, ip)


def stop(values: Values) -> int:
    """Remove the resource's address and nothing else: address and interface are all that is looked at."""
    netlink = Netlink()
    place = Place(values, netlink)
    lock()
    for address in place.present():
        remove(netlink, address)
    if place.present():
        raise Failure(ocf.ERR_GENERIC, f"{place.ip} was removed and is there again: somebody else has put it back")
    place.forget()
    left = place.foreign()
    if left:
        ocf.say(f"{place.ip} is on {', '.join(left)}, which is not where this resource has it: it is left alone")
    return ocf.OK


def monitor(values: Values) -> int:
    """0 when the address is on its interface as configured; OCF_CHECK_LEVEL 10 wants a carrier besides."""
    netlink = Netlink()
    place = Place(values, netlink)
    found = _present(place)
    if not found:
        return ocf.NOT_RUNNING
    link = netlink.link_at(found[0].index)
    if not link.is_up:
        raise Unfinished(f"the interface {link.name} is switched off")
    try:
        wanted = Wanted(values, place, link)
        faults = [wanted.fault(address) for address in found]
    except Failure as failure:
        raise Failure(ocf.ERR_GENERIC, f"{place.ip} is on {link.name}, but {failure.reason}") from None
    if all(faults):
        raise Unfinished(f"{place.ip} is on {link.name} {faults[0]}")
    if values.depth >= 10 and not link.has_carrier:
        raise Failure(ocf.ERR_GENERIC, f"the interface {link.name} has no carrier")
    return ocf.OK


PARAMETERS = (
    Parameter(
        "ip",
        "IP address",
        "The IPv4 or IPv6 address.",
        required=True,
        group="address",
        check=lambda v: _is_address("ip", v),
    ),
    Parameter(
        "cidr_netmask",
        "Netmask",
        "The netmask as a prefix length such as 24, or as 255.255.255.0. Default: that of the route to the address.",
        older="netmask",
        check=_check_mask,
    ),
    Parameter(
        "nic",
        "Network interface",
        "The interface that gets the address, by its name or an alternative name; also NAME:LABEL. Default: the one "
        "that the kernel's routes lead to directly, the narrowest first, then by metric; one without a carrier last.",
        check=_check_nic,
    ),
    Parameter(
        "iflabel",
        "Label",
        "Text after the colon of the address's label, eth0:TEXT (IPv4 only).",
        check=_check_label,
    ),
    Parameter(
        "broadcast",
        "Broadcast address",
        "The broadcast address. Default, and +: the last one of the network. -: none.",
        check=_check_broadcast,
    ),
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


def from_haresources(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """``ADDR[/BITS[/IF[:LABEL][/BROADCAST]]]`` or ``ADDR/BITS/BROADCAST``, as parameters (HARESOURCES section 1).

    haresources splits at ``::``, so an IPv6 address may come in several arguments.
    """
    ip, *rest = "::".join(arguments).split("/")
    found = {"ip": ip, "check_duplicate": "false"}
    wrong = "" if ip else "the address is missing"
    if rest:
        found["cidr_netmask"] = rest.pop(0)
    if rest and not rest[0][:1].isdigit():
        found["nic"], _, found["iflabel"] = rest.pop(0).partition(":")
    if rest:
        found["broadcast"] = rest.pop(0)
    if rest:
        wrong = wrong or f"{'/'.join(rest)}: too many parts, nothing may follow the broadcast address"
    return {name: value for name, value in found.items() if value}, wrong
