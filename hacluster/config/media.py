"""The media of ha.cf: what a node sends its heartbeats over, and what it pings.

A medium's ``link`` is the name under which its state is shown (``cl_status listhblinks``): the interface it works on,
or for a ping medium the name of the ping node. Several media on one interface share one link.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bcast:
    """``bcast IF``: UDP to the broadcast address of ``interface``."""

    interface: str
    port: int

    @property
    def link(self) -> str:
        """The interface."""
        return self.interface


@dataclass(frozen=True, slots=True)
class Mcast:
    """``mcast IF GROUP PORT TTL LOOP``: UDP to a class D ``group``; ``ttl`` 0..4."""

    interface: str
    group: str
    port: int
    ttl: int
    loop: bool

    @property
    def link(self) -> str:
        """The interface."""
        return self.interface


@dataclass(frozen=True, slots=True)
class Mcast6:
    """``mcast6 IF GROUP PORT HOPS LOOP``: UDP to an IPv6 multicast ``group`` (ff00::/8)."""

    interface: str
    group: str
    port: int
    ttl: int
    loop: bool

    @property
    def link(self) -> str:
        """The interface."""
        return self.interface


@dataclass(frozen=True, slots=True)
class Ucast:
    """``ucast IF HOST``: UDP to ``host``, a name or an IPv4 address that is resolved once at start."""

    interface: str
    host: str
    port: int

    @property
    def link(self) -> str:
        """The interface."""
        return self.interface


@dataclass(frozen=True, slots=True)
class Ucast6:
    """``ucast6 IF HOST``: UDP over IPv6 to ``host``, resolved once at start."""

    interface: str
    host: str
    port: int

    @property
    def link(self) -> str:
        """The interface."""
        return self.interface


@dataclass(frozen=True, slots=True)
class Ping:
    """``ping HOST``: ICMP echo; ``host`` is also the name of the ping node."""

    host: str

    @property
    def link(self) -> str:
        """The host."""
        return self.host


@dataclass(frozen=True, slots=True)
class Ping6:
    """``ping6 HOST``: ICMPv6 echo; ``host`` is also the name of the ping node."""

    host: str

    @property
    def link(self) -> str:
        """The host."""
        return self.host


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
