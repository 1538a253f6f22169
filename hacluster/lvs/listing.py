"""What ``ipvsadm -L -n`` prints: thresholds, connections, statistics and rates, read by their columns.

A service is a line ``TCP  10.0.0.1:80 …`` (``FWM  8 …``, ``FWM  8 IPv6 …``); its servers follow, each as
``  -> 10.0.0.2:80 …``. Which columns follow depends on the option. The lines of the head belong to no service.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import Final

from hacluster.lvs.rules import RuleError, split_host_port
from hacluster.lvs.table import Protocol, ServiceId, Table

_PROTOCOLS: Final = {"TCP": Protocol.TCP, "UDP": Protocol.UDP, "SCTP": Protocol.SCTP, "FWM": Protocol.FWM}

Columns = tuple[str, ...]


@dataclass(slots=True)
class Listing:
    """The columns after each service's and each server's name. A server is known by its address and port."""

    services: dict[ServiceId, Columns] = field(default_factory=dict)
    servers: dict[ServiceId, dict[tuple[str, int], Columns]] = field(default_factory=dict)

    def numbers(self, service: ServiceId, server: tuple[str, int] | None = None) -> tuple[int, ...] | None:
        """The numbers of a service's or a server's line; ``None`` when it has no line, or one with other words."""
        words = self.services.get(service) if server is None else self.servers.get(service, {}).get(server)
        if words is None or not all(word.isdecimal() for word in words):
            return None
        return tuple(int(word) for word in words)


def parse_listing(text: str) -> Listing:
    """Read a listing; lines that are neither a service nor a server are left out."""
    listing, service = Listing(), None
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2:
            continue
        with contextlib.suppress(RuleError, ValueError):
            if words[0] in _PROTOCOLS:
                service, rest = _service(_PROTOCOLS[words[0]], words)
                listing.services[service] = rest
            elif words[0] == "->" and service is not None:
                address, port = split_host_port(words[1], 0)
                listing.servers.setdefault(service, {})[address, port] = tuple(words[2:])
    return listing


def _service(protocol: Protocol, words: list[str]) -> tuple[ServiceId, Columns]:
    if protocol is Protocol.FWM:
        ipv6 = words[2:3] == ["IPv6"]
        return ServiceId(protocol, mark=int(words[1]), ipv6=ipv6), tuple(words[3 if ipv6 else 2 :])
    address, port = split_host_port(words[1], 0)
    return ServiceId(protocol, address, port, ipv6=":" in address), tuple(words[2:])


def with_thresholds(table: Table, listing: str) -> None:
    """Put the thresholds that ``ipvsadm -L -n --thresholds`` printed into ``table``: UPPER LOWER ACTIVE INACTIVE."""
    for service, servers in parse_listing(listing).servers.items():
        for (address, port), words in servers.items():
            found = table.find(service, address, port)
            if found is not None and len(words) >= 2 and words[0].isdecimal() and words[1].isdecimal():
                upper, lower = int(words[0]), int(words[1])
                table.destinations[service][address, port] = replace(found, upper=upper, lower=lower)
