"""Addresses, interfaces and routes from the kernel by rtnetlink(7), with the C modules of Python alone."""

from __future__ import annotations

import os
from _socket import AF_INET, AF_INET6, AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, inet_ntop, inet_pton
from _socket import socket as Socket  # noqa: N812 - the class is called socket
from _struct import Struct
from collections.abc import Iterator

RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 16, 18, 20, 21, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
NLM_REQUEST, NLM_ACK, NLM_DUMP, NLM_DUMP_INTR, NLM_EXCL, NLM_CREATE = 1, 4, 0x300, 0x10, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_FLAGS = 1, 2, 3, 4, 8
IFLA_ADDRESS, IFLA_IFNAME, IFLA_ALT_IFNAME = 1, 3, 53
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_CACHEINFO = 1, 4, 5, 6, 7, 12
F_SECONDARY, F_NODAD, F_DADFAILED, F_TENTATIVE = 0x01, 0x02, 0x08, 0x40
IFF_UP, IFF_LOOPBACK, IFF_NOARP, IFF_LOWER_UP = 0x1, 0x8, 0x80, 0x10000
ARPHRD_ETHER = 1
RT_TABLE_MAIN, RT_TABLE_LOCAL, RTN_UNICAST = 254, 255, 1
RTNH_F_DEAD, RTNH_F_LINKDOWN = 0x01, 0x10
NAME_SIZE = 15
"""Longest name of an interface; an alternative name may have 127 characters."""
WAIT_S = 5.0
"""The kernel answers at once; this bounds what should not happen."""

_HEADER = Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = Struct("=HH")
_ADDRESS = Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_LINK = Struct("=BxHiII")  # family, type, index, flags, change
_ROUTE = Struct("=BBBBBBBBI")  # family, destination's length, …, table, protocol, scope, type, flags
_NUMBER = Struct("=I")


def family_of(ip: str) -> int:
    """AF_INET or AF_INET6; OSError when it is no address."""
    family = AF_INET6 if ":" in ip else AF_INET
    inet_pton(family, ip)
    return family


class Link:
    """A network interface: ``kind`` is its ARPHRD number, ``hardware`` its address in bytes."""

    __slots__ = ("flags", "hardware", "index", "kind", "name")

    def __init__(self, index: int, name: str, kind: int, flags: int, hardware: bytes) -> None:
        self.index, self.name, self.kind, self.flags, self.hardware = index, name, kind, flags, hardware

    @property
    def is_up(self) -> bool:
        """Whether it is switched on."""
        return bool(self.flags & IFF_UP)

    @property
    def has_carrier(self) -> bool:
        """Whether something is at the other end; a loopback needs none."""
        return bool(self.flags & (IFF_LOOPBACK | IFF_LOWER_UP))

    @property
    def speaks_arp(self) -> bool:
        """Whether neighbours are found by ARP or ND over Ethernet frames."""
        return self.kind == ARPHRD_ETHER and not self.flags & IFF_NOARP and len(self.hardware) == 6


class Address:
    """An address on an interface; ``body`` holds the kernel's attributes, so that it can be put back unchanged."""

    __slots__ = ("attributes", "family", "flags", "index", "ip", "packed", "prefix", "scope")

    def __init__(self, family: int, prefix: int, scope: int, index: int, attributes: dict[int, bytes]) -> None:
        self.family, self.prefix, self.scope, self.index = family, prefix, scope, index
        self.attributes = attributes
        self.packed = attributes.get(IFA_LOCAL) or attributes[IFA_ADDRESS]
        self.ip = inet_ntop(family, self.packed)
        self.flags = _NUMBER.unpack(attributes.get(IFA_FLAGS, bytes(4)))[0]

    @property
    def network(self) -> bytes:
        """An address of the network that it is in: the peer's on a point-to-point link."""
        return self.attributes.get(IFA_ADDRESS) or self.packed

    @property
    def broadcast(self) -> str:
        """The broadcast address; empty when it has none (IPv4 only)."""
        packed = self.attributes.get(IFA_BROADCAST)
        return inet_ntop(self.family, packed) if packed else ""

    @property
    def label(self) -> str:
        """The label (IPv4 only)."""
        return self.attributes.get(IFA_LABEL, b"").rstrip(b"\0").decode()


class Route:
    """A route of table main that reaches an address without a gateway."""

    __slots__ = ("index", "is_dead", "metric", "prefix")

    def __init__(self, prefix: int, index: int, metric: int, is_dead: bool) -> None:
        self.prefix, self.index, self.metric, self.is_dead = prefix, index, metric, is_dead


def covers(network: bytes, prefix: int, packed: bytes) -> bool:
    """Whether the first ``prefix`` bits of both are the same."""
    shift = len(packed) * 8 - prefix
    return int.from_bytes(network, "big") >> shift == int.from_bytes(packed, "big") >> shift


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    at = 0
    while at + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def _read_link(body: bytes) -> Link:
    _, kind, index, flags, _ = _LINK.unpack_from(body)
    found = _attributes(body[_LINK.size :])
    return Link(index, os.fsdecode(found[IFLA_IFNAME].rstrip(b"\0")), kind, flags, found.get(IFLA_ADDRESS, b""))


class Netlink:
    """One conversation with the kernel."""

    def __init__(self) -> None:
        self.socket = Socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)
        self.socket.bind((0, 0))
        self.socket.settimeout(WAIT_S)
        self.sequence = 0

    def close(self) -> None:
        """End it."""
        self.socket.close()

    def _ask(self, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
        """Send a request and give the bodies of its answers; OSError with the kernel's number when it refuses."""
        self.sequence += 1
        header = _HEADER.pack(_HEADER.size + len(body), kind, flags | NLM_REQUEST, self.sequence, 0)
        self.socket.send(header + body)
        interrupted = False
        while True:
            data = self.socket.recv(1 << 17)
            at = 0
            while at + _HEADER.size <= len(data):
                length, answer, bits, sequence, _ = _HEADER.unpack_from(data, at)
                part = data[at + _HEADER.size : at + length]
                at += (length + 3) & ~3
                if sequence != self.sequence:
                    continue
                interrupted = interrupted or bool(bits & NLM_DUMP_INTR)
                if answer == NLMSG_DONE:
                    if interrupted:
                        raise InterruptedError
                    return
                if answer == NLMSG_ERROR:
                    code = -int.from_bytes(part[:4], "little" if _NUMBER.pack(1)[0] else "big", signed=True)
                    if code:
                        raise OSError(code, os.strerror(code))
                    return
                yield part
                if not flags & (NLM_DUMP | NLM_ACK):
                    return

    def _dump(self, kind: int, body: bytes) -> list[bytes]:
        """A whole list; asked again when it changed meanwhile."""
        for _ in range(10):
            try:
                return list(self._ask(kind, NLM_DUMP, body))
            except InterruptedError:
                continue
        raise OSError(4, "the kernel's list changes all the time")

    def link(self, name: str) -> Link | None:
        """The interface of that name or alternative name; ``None`` when there is none."""
        data = os.fsencode(name)
        kind = IFLA_IFNAME if len(data) <= NAME_SIZE else IFLA_ALT_IFNAME
        try:
            return self._link(_LINK.pack(0, 0, 0, 0, 0) + _attribute(kind, data + b"\0"))
        except OSError as error:
            if error.errno in (19, 22, 34):  # ENODEV; EINVAL, ERANGE for a name that cannot be one
                return None
            raise

    def link_at(self, index: int) -> Link:
        """The interface of that number."""
        return self._link(_LINK.pack(0, 0, index, 0, 0))

    def _link(self, request: bytes) -> Link:
        return _read_link(next(self._ask(RTM_GETLINK, 0, request)))

    def links(self) -> dict[int, Link]:
        """Every interface by its number."""
        found = {}
        for body in self._dump(RTM_GETLINK, _LINK.pack(0, 0, 0, 0, 0)):
            link = _read_link(body)
            found[link.index] = link
        return found

    def set_up(self, link: Link) -> None:
        """Switch an interface on (ip link set up)."""
        list(self._ask(RTM_NEWLINK, NLM_ACK, _LINK.pack(0, 0, link.index, IFF_UP, IFF_UP)))
        link.flags |= IFF_UP

    def addresses(self, family: int) -> list[Address]:
        """Every address of a family, in the kernel's order."""
        found = []
        for body in self._dump(RTM_GETADDR, _ADDRESS.pack(family, 0, 0, 0, 0)):
            kind, prefix, _, scope, index = _ADDRESS.unpack_from(body)
            if kind == family:
                found.append(Address(kind, prefix, scope, index, _attributes(body[_ADDRESS.size :])))
        return found

    def connected(self, ip: str) -> list[Route]:
        """The routes that reach ``ip`` directly, in the order in which the kernel would take them.

        The narrowest first, then the smallest metric, then the oldest (fib_select_path of Linux). The kernel is not
        simply asked for the way to ``ip``, for as soon as the address is here its answer is "local".
        """
        family = family_of(ip)
        packed = inet_pton(family, ip)
        found = []
        for body in self._dump(RTM_GETROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            kind, prefix, _, _, table, _, _, sort, flags = _ROUTE.unpack_from(body)
            if kind != family or table != RT_TABLE_MAIN or sort != RTN_UNICAST or prefix == 0:
                continue
            route = _attributes(body[_ROUTE.size :])
            if RTA_GATEWAY in route or RTA_OIF not in route:
                continue
            if covers(route.get(RTA_DST, bytes(len(packed))), prefix, packed):
                metric = _NUMBER.unpack(route.get(RTA_PRIORITY, bytes(4)))[0]
                dead = bool(flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN))
                found.append(Route(prefix, _NUMBER.unpack(route[RTA_OIF])[0], metric, dead))
        return sorted(found, key=lambda r: (-r.prefix, r.metric))

    def routes(self, family: int) -> list[bytes]:
        """Every route of a family but those of table local, as the kernel describes it; equal routes are equal."""
        found = []
        for body in self._dump(RTM_GETROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            kind, prefix, source, tos, table, protocol, scope, sort, _ = _ROUTE.unpack_from(body)
            if kind == family and table != RT_TABLE_LOCAL:
                head = _ROUTE.pack(kind, prefix, source, tos, table, protocol, scope, sort, 0)
                kept = _attributes(body[_ROUTE.size :])
                kept.pop(RTA_CACHEINFO, None)
                found.append(head + b"".join(_attribute(k, v) for k, v in kept.items()))
        return found

    def put_route(self, route: bytes) -> None:
        """Add a route as :meth:`routes` gave it."""
        list(self._ask(RTM_NEWROUTE, NLM_CREATE | NLM_EXCL | NLM_ACK, route))

    def add(self, ip: str, prefix: int, index: int, label: str = "", broadcast: str = "") -> None:
        """Add an address. The kernel is told not to look for duplicates itself, for that takes it a second or two."""
        family = family_of(ip)
        packed = inet_pton(family, ip)
        attributes = {IFA_LOCAL: packed, IFA_ADDRESS: packed}
        if label:
            attributes[IFA_LABEL] = label.encode() + b"\0"
        if broadcast:
            attributes[IFA_BROADCAST] = inet_pton(family, broadcast)
        if family == AF_INET6:
            attributes[IFA_FLAGS] = _NUMBER.pack(F_NODAD)
        self.put(Address(family, prefix, 0, index, attributes))

    def put(self, address: Address) -> None:
        """Add an address as it was."""
        self._change(RTM_NEWADDR, NLM_CREATE | NLM_EXCL, address, address.attributes)

    def remove(self, address: Address) -> None:
        """Remove exactly this address."""
        key = {k: v for k, v in address.attributes.items() if k in (IFA_LOCAL, IFA_ADDRESS)}
        self._change(RTM_DELADDR, 0, address, key)

    def _change(self, kind: int, flags: int, address: Address, attributes: dict[int, bytes]) -> None:
        body = _ADDRESS.pack(address.family, address.prefix, address.flags & 0xFF, address.scope, address.index)
        body += b"".join(_attribute(k, v) for k, v in attributes.items())
        list(self._ask(kind, flags | NLM_ACK, body))


def route_scope(route: bytes) -> int:
    """How far a route of :meth:`Netlink.routes` reaches: 253 the link, 0 everywhere."""
    return int(_ROUTE.unpack_from(route)[6])


def route_index(route: bytes) -> int:
    """The interface of such a route; 0 when it names none."""
    return int(_NUMBER.unpack(_attributes(route[_ROUTE.size :]).get(RTA_OIF, bytes(4)))[0])


def route_source(route: bytes) -> bytes:
    """The source address that such a route prefers; empty when it names none."""
    return _attributes(route[_ROUTE.size :]).get(RTA_PREFSRC, b"")
