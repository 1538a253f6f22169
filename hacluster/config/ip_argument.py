"""The argument of an IP address resource: ``ADDR[/BITS[/IF[:LABEL][/BROADCAST]]]`` or ``ADDR/BITS/BROADCAST``.

As the IPaddr of Heartbeat 3.0.6 reads it; interface and mask default from the routing table.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from hacluster.config.findings import shown
from hacluster.config.lexical import parse_number

MAX_LABEL: Final = 15
"""Longest own name of an interface, and longest label of an address (IFNAMSIZ of Linux, without the closing NUL)."""

MAX_ALTNAME: Final = 127
"""Longest alternative name of an interface (ALTIFNAMSIZ)."""

MAX_SUFFIX: Final = MAX_LABEL - 2
"""Longest text behind the colon of a label, when the interface's own name has one character."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class IpArgument:
    """What the argument says; ``None`` where it leaves the choice to the routing table."""

    address: Address
    bits: int | None = None
    interface: str | None = None
    label: str | None = None
    broadcast: str | None = None


def address_of(text: str) -> Address | None:
    """The IPv4 or IPv6 address that ``text`` is."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def prefix_of(text: str, bits: int) -> int | None:
    """Prefix length from a number or, for IPv4 (32 bits), a dotted mask; ``None`` when it is neither."""
    number = parse_number(text)
    if number is not None:
        return number if number <= bits else None
    try:
        return ipaddress.IPv4Network(f"0.0.0.0/{text}").prefixlen if bits == 32 and "." in text else None
    except ValueError:
        return None


def parse_ip_argument(text: str) -> IpArgument | str:
    """The parts of ``text``, or a sentence saying what is wrong with it."""
    first, *parts = text.split("/")
    address = address_of(first)
    if address is None:
        return f"{shown(first)} is not an IP address"
    if len(parts) > 3:
        return f"{shown(text)} has more than four parts"
    if not parts:
        return IpArgument(address)
    bits = prefix_of(parts[0], address.max_prefixlen)
    if bits is None:
        return f"{shown(parts[0])} is not a prefix length of 0 to {address.max_prefixlen}"
    rest = parts[1:]
    interface: str | None = None
    label: str | None = None
    if rest and not rest[0][:1].isdigit():
        interface, _, label = rest.pop(0).partition(":")
        if not interface:
            return f"{shown(text)} has an empty interface"
        if len(interface) > MAX_ALTNAME:
            return f"{shown(interface)} is longer than any name of an interface"
        if len(label) > MAX_SUFFIX:
            return f"{shown(label)} with an interface before it is longer than {MAX_LABEL} characters"
    broadcast = rest.pop(0) if rest else None
    if rest:
        return f"{shown(rest[0])} after the broadcast address has no meaning"
    if broadcast is not None and (found := address_of(broadcast)) is None:
        return f"{shown(broadcast)} is not a broadcast address"
    if broadcast is not None and found is not None and found.version != address.version:
        return f"{shown(broadcast)} is not an address of the same family"
    return IpArgument(address, bits, interface, label or None, broadcast)
