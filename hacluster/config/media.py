"""The media of ha.cf: what a node sends its heartbeats over, and what it pings.

A medium's ``link`` is the name under which its state is shown (``cl_status listhblinks``): the interface it works on,
or for a ping medium the name of the ping node. Several media on one interface share one link.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _OnInterface:
    """What every medium that sends heartbeats has."""

    interface: str

    @property
    def link(self) -> str:
        """The interface."""
        return self.interface


@dataclass(frozen=True, slots=True)
class Bcast(_OnInterface):
    """``bcast IF``: UDP to the broadcast address of ``interface``."""

    port: int


@dataclass(frozen=True, slots=True)
class _Multicast(_OnInterface):
    group: str
    port: int
    ttl: int
    loop: bool


@dataclass(frozen=True, slots=True)
class Mcast(_Multicast):
    """``mcast IF GROUP PORT TTL LOOP``: UDP to a class D ``group``; ``ttl`` 0..4."""


@dataclass(frozen=True, slots=True)
class Mcast6(_Multicast):
    """``mcast6 IF GROUP PORT HOPS LOOP``: UDP to an IPv6 multicast ``group`` (ff00::/8)."""


@dataclass(frozen=True, slots=True)
class _Unicast(_OnInterface):
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Ucast(_Unicast):
    """``ucast IF HOST``: UDP to ``host``, a name or an IPv4 address that is resolved once at start."""


@dataclass(frozen=True, slots=True)
class Ucast6(_Unicast):
    """``ucast6 IF HOST``: UDP over IPv6 to ``host``, resolved once at start."""


@dataclass(frozen=True, slots=True)
class _PingHost:
    host: str

    @property
    def link(self) -> str:
        """The host."""
        return self.host


@dataclass(frozen=True, slots=True)
class Ping(_PingHost):
    """``ping HOST``: ICMP echo; ``host`` is also the name of the ping node."""


@dataclass(frozen=True, slots=True)
class Ping6(_PingHost):
    """``ping6 HOST``: ICMPv6 echo; ``host`` is also the name of the ping node."""


@dataclass(frozen=True, slots=True)
class PingGroup:
    """``ping_group NAME HOST...``: one ping node ``name`` that is up while any of ``hosts`` answers."""

    name: str
    hosts: tuple[str, ...]

    @property
    def link(self) -> str:
        """The group's name."""
        return self.name


NetworkMedium = Bcast | Mcast | Mcast6 | Ucast | Ucast6
PingMedium = Ping | Ping6 | PingGroup
Medium = NetworkMedium | PingMedium


def described(medium: Medium) -> str:
    """A medium in a sentence: ``bcast eth0``, ``ucast eth0 10.0.0.2``, ``ping 10.0.0.254``."""
    directive = "ping_group" if isinstance(medium, PingGroup) else type(medium).__name__.lower()
    end = f" {medium.host}" if isinstance(medium, Ucast | Ucast6) else ""
    return f"{directive} {medium.link}{end}"
