"""Telling and asking the neighbours on an Ethernet: ARP (RFC 826, 5227) and Neighbour Discovery (RFC 4861)."""

from __future__ import annotations

import time
from _socket import AF_INET, AF_PACKET, SOCK_CLOEXEC, SOCK_RAW, inet_pton
from _socket import socket as Socket  # noqa: N812 - the class is called socket
from _struct import Struct

from hacluster_ra.netlink import Link, family_of

ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
ARP_REQUEST, ARP_REPLY = 1, 2
ICMP6_SOLICIT, ICMP6_ADVERT = 135, 136
NA_OVERRIDE = 0x20000000
EVERYBODY = b"\xff" * 6
NO_HARDWARE = bytes(6)
ALL_NODES = inet_pton(10, "ff02::1")
UNSPECIFIED = bytes(16)

_ETHERNET = Struct("!6s6sH")
_ARP = Struct("!HHBBH6s4s6s4s")
_IPV6 = Struct("!IHBB16s16s")
_ND = Struct("!BBHI16s")


def arp_frame(operation: int, sender: bytes, sender_ip: bytes, target: bytes, target_ip: bytes) -> bytes:
    """A broadcast ARP packet with its Ethernet header."""
    body = _ARP.pack(1, 0x0800, 6, 4, operation, sender, sender_ip, target, target_ip)
    return _ETHERNET.pack(EVERYBODY, sender, ETH_P_ARP) + body


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total = sum(int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def nd_frame(kind: int, hardware: bytes, source: bytes, destination: bytes, target: bytes) -> bytes:
    """A multicast Neighbour Solicitation or Advertisement (RFC 4861, 4.3 and 4.4) with its headers.

    Without the link-layer option when the source is unspecified, as that section demands.
    """
    bits = NA_OVERRIDE if kind == ICMP6_ADVERT else 0
    option = b"" if source == UNSPECIFIED else bytes((2 if kind == ICMP6_ADVERT else 1, 1)) + hardware
    body = _ND.pack(kind, 0, 0, bits, target) + option
    pseudo = source + destination + len(body).to_bytes(4, "big") + bytes((0, 0, 0, 58))
    body = body[:2] + checksum(pseudo + body).to_bytes(2, "big") + body[4:]
    header = _IPV6.pack(6 << 28, len(body), 58, 255, source, destination)
    return _ETHERNET.pack(b"\x33\x33" + destination[-4:], hardware, ETH_P_IPV6) + header + body


def announcement(link: Link, ip: str) -> list[bytes]:
    """What makes the neighbours send to us: ARP in both styles, for some listen to one only, or an unsolicited NA."""
    family = family_of(ip)
    packed = inet_pton(family, ip)
    if family == AF_INET:
        return [
            arp_frame(ARP_REQUEST, link.hardware, packed, NO_HARDWARE, packed),
            arp_frame(ARP_REPLY, link.hardware, packed, link.hardware, packed),
        ]
    return [nd_frame(ICMP6_ADVERT, link.hardware, packed, ALL_NODES, packed)]


def question(link: Link, ip: str) -> bytes:
    """Asks for the holder of ``ip`` without claiming it: ARP probe (RFC 5227), or DAD solicitation (RFC 4862)."""
    family = family_of(ip)
    packed = inet_pton(family, ip)
    if family == AF_INET:
        return arp_frame(ARP_REQUEST, link.hardware, bytes(4), NO_HARDWARE, packed)
    solicited = b"\xff\x02" + bytes(9) + b"\x01\xff" + packed[-3:]
    return nd_frame(ICMP6_SOLICIT, link.hardware, UNSPECIFIED, solicited, packed)


def holder(frame: bytes, link: Link, ip: str) -> bytes | None:
    """The hardware address of somebody else who, by this frame, has ``ip``.

    A probe of another node is no claim: two nodes that start at the same time must not both give way.
    """
    family = family_of(ip)
    packed = inet_pton(family, ip)
    sender = frame[6:12]
    if sender == link.hardware:
        return None
    if family == AF_INET:
        if len(frame) < 42 or frame[12:14] != b"\x08\x06" or frame[28:32] != packed or frame[22:28] == link.hardware:
            return None
        return frame[22:28]
    if len(frame) < 78 or frame[12:14] != b"\x86\xdd" or frame[20] != 58 or frame[54] != ICMP6_ADVERT:
        return None
    return sender if frame[62:78] == packed else None


def _open(link: Link, protocol: int) -> Socket:
    sock = Socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)
    sock.bind((link.name, protocol))
    return sock


def announce(link: Link, ip: str) -> None:
    """Send one announcement. OSError when the interface is down."""
    sock = _open(link, 0)
    try:
        for frame in announcement(link, ip):
            sock.send(frame)
    finally:
        sock.close()


def find_holder(
    link: Link, ip: str, wait_ms: int, questions: int = 3, *, ours: frozenset[bytes] = frozenset()
) -> bytes | None:
    """Ask who has ``ip`` and listen for ``wait_ms`` in all, or until somebody answers.

    ``ours`` are this host's interfaces, which may answer for each other.
    """
    sock = _open(link, ETH_P_ARP if family_of(ip) == AF_INET else ETH_P_IPV6)
    try:
        begun = time.monotonic()
        end = begun + wait_ms / 1000
        asked = 0
        while (now := time.monotonic()) < end:
            if asked < questions and now >= begun + asked * wait_ms / 1000 / questions:
                try:
                    sock.send(question(link, ip))
                except OSError:
                    return None  # an interface without a network: nobody there can have it
                asked += 1
            following = begun + asked * wait_ms / 1000 / questions if asked < questions else end
            sock.settimeout(max(0.001, min(following, end) - time.monotonic()))
            try:
                frame = sock.recv(2048)
            except TimeoutError:
                continue
            found = holder(frame, link, ip)
            if found is not None and found not in ours:
                return found
    finally:
        sock.close()
    return None
