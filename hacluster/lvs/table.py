"""The IPVS table as values: virtual services, their destinations, and how each is named.

Words and defaults are those of ipvsadm(8). Nothing here reads or changes a kernel; :mod:`hacluster.lvs.rules` has the
text form and :mod:`hacluster.lvs.listing` the counters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Protocol(StrEnum):
    """What a virtual service is known by: a transport, or a firewall mark."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    FWM = "fwm"


class Forward(StrEnum):
    """How packets reach a destination: direct routing, network address translation, IP-IP tunnel."""

    GATE = "gate"
    MASQ = "masq"
    IPIP = "ipip"


MAX_WEIGHT: Final = 65_535
"""Largest weight that the kernel takes (ipvsadm(8), ``-w``)."""

MAX_THRESHOLD: Final = 65_535
"""Largest connection threshold (ipvsadm(8), ``-x`` and ``-y``)."""


def host_port(address: str, port: int) -> str:
    """``10.0.0.1:80`` or ``[fd00::1]:80``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True, slots=True, order=True)
class ServiceId:
    """What names a virtual service: protocol, address and port, or a firewall mark and its address family.

    ``address`` is numeric and empty for a mark; ``port`` is 0 for all ports (persistent services only).
    """

    protocol: Protocol
    address: str = ""
    port: int = 0
    mark: int = 0
    ipv6: bool = False

    def __str__(self) -> str:
        return str(self.mark) if self.protocol is Protocol.FWM else host_port(self.address, self.port)

    @property
    def label(self) -> str:
        """With its protocol, for logs: ``tcp:10.0.0.1:80``, ``fwm:8``, ``fwm6:8``."""
        return f"{self.protocol}{'6' if self.ipv6 and self.protocol is Protocol.FWM else ''}:{self}"


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """A real server in the table. ``upper`` and ``lower`` are connection thresholds, 0 for none.

    ``tunnel``: for :attr:`Forward.IPIP` the options of ipvsadm when it is no plain IP-IP tunnel, such as
    ``--tun-type gue --tun-port 6080 --tun-nocsum``.
    """

    address: str
    port: int
    forward: Forward = Forward.GATE
    weight: int = 1
    upper: int = 0
    lower: int = 0
    tunnel: str = ""

    def __str__(self) -> str:
        return host_port(self.address, self.port)


@dataclass(frozen=True, slots=True)
class Service:
    """A virtual service without its destinations.

    ``persistent``: seconds, ``None`` when it is not. ``netmask``: of persistence, as ipvsadm prints it (a dotted quad,
    or a prefix length for IPv6), empty for single hosts. ``flags``: scheduler flags such as ``sh-fallback,sh-port``.
    ``engine``: persistence engine, such as ``sip``.
    """

    id: ServiceId
    scheduler: str = "wlc"
    persistent: int | None = None
    netmask: str = ""
    flags: str = ""
    one_packet: bool = False
    engine: str = ""


@dataclass(slots=True)
class Table:
    """Services in their order, each with its destinations in theirs."""

    services: dict[ServiceId, Service] = field(default_factory=dict)
    destinations: dict[ServiceId, dict[tuple[str, int], Destination]] = field(default_factory=dict)

    def add(self, service: Service, destinations: Iterable[Destination] = ()) -> None:
        """Add or replace a service; its destinations stay and ``destinations`` are added."""
        self.services[service.id] = service
        inside = self.destinations.setdefault(service.id, {})
        for destination in destinations:
            inside[destination.address, destination.port] = destination

    def remove(self, service: ServiceId) -> None:
        """Forget a service with its destinations; one that is not there is no error."""
        self.services.pop(service, None)
        self.destinations.pop(service, None)

    def of(self, service: ServiceId) -> Iterator[Destination]:
        """The destinations of a service, none when it is not there."""
        return iter(self.destinations.get(service, {}).values())

    def find(self, service: ServiceId, address: str, port: int) -> Destination | None:
        """The destination at that address and port."""
        return self.destinations.get(service, {}).get((address, port))

    def copy(self) -> Table:
        """One that can be changed without changing this."""
        return Table(dict(self.services), {key: dict(inside) for key, inside in self.destinations.items()})
