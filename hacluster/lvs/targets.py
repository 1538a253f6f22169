"""Addresses in ldirectord.cf: the virtual service itself, real servers with their options, the fallback server.

Names are looked up by :class:`Names`, which the caller provides; a name that it does not know is reported.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from hacluster.config.findings import Findings, shown
from hacluster.lvs.lines import Entry
from hacluster.lvs.table import MAX_THRESHOLD, MAX_WEIGHT, Forward

MAX_RANGE: Final = 65_536
"""Most real servers of one range."""

_SERVICE_NAME: Final = r"[0-9A-Za-z_-]+"
_VIRTUAL: Final = re.compile(
    rf"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[0-9A-Za-z._+-]+)):(?P<port>{_SERVICE_NAME})(?:\s.*)?"
)
_MARK: Final = re.compile(r"(\d+)(?:\s.*)?")
_HOST: Final = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+?"
_REAL: Final = re.compile(
    rf"(?P<first>{_HOST})(?:->(?P<last>{_HOST}))?(?::(?P<port>{_SERVICE_NAME}))?\s+(?P<forward>\S+)(?P<rest>.*)"
)
_FALLBACK: Final = re.compile(rf"(?P<host>{_HOST})(?::(?P<port>{_SERVICE_NAME}))?(?:\s+(?P<forward>\S+))?")
_WEIGHT: Final = re.compile(r"\s+(\d+)(?=\s|$)")
_ASK: Final = re.compile(r'\s+"(.*?)"\s*(?:,|\s)\s*"(.*?)"')
_LOWER: Final = re.compile(r"\s+l:(\d+)(?=\s|$)")
_UPPER: Final = re.compile(r"\s+u:(\d+)(?=\s|$)")
MAX_MARK: Final = 2**32 - 1


class Names(Protocol):
    """Look-ups that the host answers (hosts(5), services(5), the domain name system)."""

    def address(self, name: str, *, ipv6: bool) -> str | None:
        """The first address of a host, numeric; ``None`` when it has none of that family."""
        ...

    def port(self, name: str, protocol: str) -> int | None:
        """The port of a service of services(5)."""
        ...


@dataclass(frozen=True, slots=True)
class VirtualTarget:
    """The head of a section: a mark, or a host and port as written."""

    mark: int | None = None
    host: str = ""
    port: str = ""


@dataclass(frozen=True, slots=True)
class RealTarget:
    """One real server of a ``real`` line, its addresses resolved. ``names`` are what people may call it."""

    address: str
    port: int
    forward: Forward
    weight: int
    request: str | None
    receive: str | None
    upper: int
    lower: int
    names: frozenset[str]
    line: int


def read_head(findings: Findings, line: int, head: str, *, ipv6: bool) -> VirtualTarget | None:
    """The virtual service that a section is about."""
    field = "virtual6" if ipv6 else "virtual"
    match = _VIRTUAL.fullmatch(head)
    if match:
        if match["v6"] and not ipv6:
            findings.error("wrong-family", line, f"{shown(head)} is an IPv6 address", "write virtual6 = …", field)
            return None
        if match["v6"] and not numeric(match["v6"], ipv6=True):
            findings.error("bad-address", line, f"{shown(match['v6'])} is no IPv6 address", field=field)
            return None
        return VirtualTarget(host=match["v6"] or match["host"], port=match["port"])
    mark = _MARK.fullmatch(head)
    if mark and 0 < int(mark[1]) <= MAX_MARK:
        return VirtualTarget(mark=int(mark[1]))
    hint = "write address:port, name:service, or a firewall mark" + (", with [ ] around the address" if ipv6 else "")
    findings.error("bad-address", line, f"{shown(head)} is no virtual service", hint, field)
    return None


def numeric(text: str, *, ipv6: bool) -> str | None:
    """``text`` in its shortest form when it is a numeric address of that family."""
    try:
        return str(ipaddress.IPv6Address(text) if ipv6 else ipaddress.IPv4Address(text))
    except ValueError:
        return None


def resolve_host(findings: Findings, line: int, host: str, names: Names, *, ipv6: bool, field: str) -> str | None:
    """The numeric address of ``host``, brackets allowed; reports what cannot be looked up."""
    bare = host[1:-1] if host.startswith("[") else host
    address = numeric(bare, ipv6=ipv6)
    if address is not None:
        return address
    family = "IPv6" if ipv6 else "IPv4"
    if ":" in bare or re.fullmatch(r"[\d.]+", bare):
        findings.error("bad-address", line, f"{shown(bare)} is no {family} address", field=field)
        return None
    address = names.address(bare, ipv6=ipv6)
    if address is None:
        text = f"the name {shown(bare)} has no {family} address"
        findings.error("unresolved-name", line, text, "write the address, or put the name into /etc/hosts", field)
    return address


def resolve_port(findings: Findings, line: int, port: str, names: Names, *, protocol: str, field: str) -> int | None:
    """The number of a port that is a number or a name of services(5); reports what is neither."""
    found = int(port) if re.fullmatch(r"\d{1,6}", port) else names.port(port, protocol)
    if found is None or not 0 <= found <= 65_535:
        findings.error(
            "bad-port", line, f"{shown(port)} is no port", "a number up to 65535, or a name of services(5)", field
        )
        return None
    return found


def read_forward(findings: Findings, line: int, word: str, field: str) -> Forward | None:
    """``gate``, ``masq`` or ``ipip``."""
    if word in set(Forward):
        return Forward(word)
    findings.error("bad-word", line, f"{shown(word)} is no forwarding method", "gate, masq or ipip", field)
    return None


def read_real(findings: Findings, entry: Entry, protocol: str, names: Names, *, ipv6: bool) -> Iterator[RealTarget]:
    """The real servers of one line: one, or each address of a range."""
    match = _REAL.fullmatch(entry.value or "")
    if match is None:
        hint = 'write: address[->address][:port] gate|masq|ipip [weight] ["request","receive"] [l:N] [u:N]'
        findings.error("bad-real", entry.line, f"{shown(entry.value or '')} is no real server", hint, entry.name)
        return
    line, field = entry.line, entry.name
    forward = read_forward(findings, line, match["forward"], field)
    port = resolve_port(findings, line, match["port"] or "0", names, protocol=protocol, field=field)
    first = resolve_host(findings, line, match["first"], names, ipv6=ipv6, field=field)
    last = first
    if match["last"]:
        last = resolve_host(findings, line, match["last"], names, ipv6=ipv6, field=field)
    options = _options(findings, entry, match["rest"])
    if forward is None or port is None or first is None or last is None or options is None:
        return
    weight, request, receive, upper, lower = options
    written = match["first"].strip("[]")
    for address in _range(findings, entry, first, last):
        known = (
            {address}
            if match["last"]
            else {address, written, written.partition(".")[0] if names_host(written) else address}
        )
        yield RealTarget(
            address, port, forward, weight, request, receive, upper, lower, frozenset(known), line
        )  # fmt: skip


def names_host(text: str) -> bool:
    """Whether ``text`` is a name rather than a numeric address."""
    return ":" not in text and not re.fullmatch(r"[\d.]+", text)


def _range(findings: Findings, entry: Entry, first: str, last: str) -> Iterator[str]:
    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
    count = int(high) - int(low) + 1
    if count < 1:
        text = f"the range begins at {first} and ends before it, at {last}"
        findings.error("bad-range", entry.line, text, field=entry.name)
    elif count > MAX_RANGE:
        text = f"the range has {count} addresses, more than {MAX_RANGE}"
        findings.error("bad-range", entry.line, text, field=entry.name)
    else:
        for offset in range(count):
            yield str(low + offset)


def _options(findings: Findings, entry: Entry, rest: str) -> tuple[int, str | None, str | None, int, int] | None:
    """Weight, request, receive, upper and lower threshold, in this order as the original takes them."""
    weight, request, receive, upper, lower = 1, None, None, 0, 0
    if match := _WEIGHT.match(rest):
        weight, rest = int(match[1]), rest[match.end() :]
    if match := _ASK.match(rest):
        request, receive, rest = match[1], match[2], rest[match.end() :]
    for pattern, name in ((_LOWER, "l"), (_UPPER, "u"), (_LOWER, "l")):
        if match := pattern.match(rest):
            rest = rest[match.end() :]
            if name == "l":
                lower = int(match[1])
            else:
                upper = int(match[1])
    good = True
    if rest.strip():
        hint = 'after the method come: weight "request","receive" l:N u:N'
        findings.error("bad-real", entry.line, f"cannot make out {shown(rest.strip())}", hint, entry.name)
        good = False
    for value, most, what in (
        (weight, MAX_WEIGHT, "weight"),
        (upper, MAX_THRESHOLD, "u:"),
        (lower, MAX_THRESHOLD, "l:"),
    ):
        if value > most:
            findings.error("bad-number", entry.line, f"{what} {value} is above {most}", field=entry.name)
            good = False
    if upper and lower > upper:
        text = f"l:{lower} is above u:{upper}: the server would never be used again once it was full"
        findings.warning("thresholds-crossed", entry.line, text, field=entry.name)
    return (weight, request, receive, upper, lower) if good else None


def read_fallback(
    findings: Findings, entry: Entry, protocol: str, names: Names, *, ipv6: bool
) -> tuple[str, int | None, Forward] | None:
    """Address, port if one is given, and method of a fallback server."""
    match = _FALLBACK.fullmatch(entry.value or "")
    if match is None:
        hint = "write: host[:port] [gate|masq|ipip]"
        findings.error("bad-fallback", entry.line, f"{shown(entry.value or '')} is no server", hint, entry.name)
        return None
    forward = read_forward(findings, entry.line, match["forward"] or "gate", entry.name)
    address = resolve_host(findings, entry.line, match["host"], names, ipv6=ipv6, field=entry.name)
    port = None
    if match["port"]:
        port = resolve_port(findings, entry.line, match["port"], names, protocol=protocol, field=entry.name)
        if port is None:
            return None
    return None if forward is None or address is None else (address, port, forward)
