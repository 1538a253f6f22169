"""Addresses, interfaces and routes from the kernel by rtnetlink(7), with the C modules of Python alone."""

from __future__ import annotations

import os
from _socket import AF_INET, AF_INET6, AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, inet_ntop, inet_pton
from _socket import socket as Socket  # noqa: N812 - the class is called socket
from _struct import Struct
from collections.abc import Iterator

RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR, RTM_GETROUTE = 16, 18, 20, 21, 22, 26
NLM_REQUEST, NLM_ACK, NLM_DUMP, NLM_DUMP_INTR, NLM_EXCL, NLM_CREATE = 1, 4, 0x300, 0x10, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_FLAGS = 1, 2, 3, 4, 8
IFLA_ADDRESS, IFLA_IFNAME = 1, 3
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
F_SECONDARY, F_NODAD, F_DADFAILED, F_TENTATIVE = 0x01, 0x02, 0x08, 0x40
IFF_UP, IFF_LOOPBACK, IFF_NOARP, IFF_LOWER_UP = 0x1, 0x8, 0x80, 0x10000
ARPHRD_ETHER = 1
RT_TABLE_MAIN, RTN_UNICAST = 254, 1
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
    def label(self) -> str:
        """The label (IPv4 only)."""
        return self.attributes.get(IFA_LABEL, b"").rstrip(b"\0").decode()


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
        """The interface of that name; ``None`` when there is none."""
        request = _LINK.pack(0, 0, 0, 0, 0) + _attribute(IFLA_IFNAME, name.encode() + b"\0")
        try:
            return self._link(request)
        except OSError as error:
            if error.errno in (19, 34):  # ENODEV; ERANGE for a name that is too long
                return None
            raise

    def link_at(self, index: int) -> Link:
        """The interface of that number."""
        return self._link(_LINK.pack(0, 0, index, 0, 0))

    def _link(self, request: bytes) -> Link:
        answer = next(self._ask(RTM_GETLINK, 0, request))
        _, kind, index, flags, _ = _LINK.unpack_from(answer)
        found = _attributes(answer[_LINK.size :])
        name = found[IFLA_IFNAME].rstrip(b"\0").decode()
        return Link(index, name, kind, flags, found.get(IFLA_ADDRESS, b""))

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

    def connected(self, ip: str) -> list[tuple[int, int]]:
        """(prefix length, interface) of the routes of table main that reach ``ip`` directly, the narrowest first."""
        family = family_of(ip)
        packed = inet_pton(family, ip)
        bits = len(packed) * 8
        wanted = int.from_bytes(packed, "big")
        found = []
        for body in self._dump(RTM_GETROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            kind, prefix, _, _, table, _, _, sort, _ = _ROUTE.unpack_from(body)
            if kind != family or table != RT_TABLE_MAIN or sort != RTN_UNICAST or prefix == 0:
                continue
            route = _attributes(body[_ROUTE.size :])
            if RTA_GATEWAY in route or RTA_OIF not in route:
                continue
            network = int.from_bytes(route.get(RTA_DST, bytes(len(packed))), "big")
            if network >> (bits - prefix) == wanted >> (bits - prefix):
                found.append((prefix, _NUMBER.unpack(route[RTA_OIF])[0]))
        return sorted(found, reverse=True)

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
