"""The cluster that is simulated: its files as typed settings.

The standard cluster has two nodes, two links (``eth0`` broadcast, ``eth1`` multicast), and one group at home on each.
With ``ipfail`` it has two ping nodes too, a host and a group of two hosts, and ha.cf respawns ipfail; with ``stonith``
a device that switches each node's power.
"""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.config.media import Bcast, Mcast, NetworkMedium, Ping, PingGroup, PingMedium
from hacluster.config.resources import Haresources
from hacluster.config.settings import AutoFailback, Client, HaclusterConfig, HaConfig, Seal, StonithHost
from hacluster.lrm.surroundings import Surroundings
from hacluster.node.assembly import NodeSettings
from hacluster.sim.edits import STANDARD_LINES, groups_of
from hacluster.wire.auth import Key, KeyRing, Method

LINKS = ("eth0", "eth1")
LOOPING_LINKS = frozenset({"eth0"})
NODES = ("node1", "node2")

PING_MEDIA: tuple[PingMedium, ...] = (
    Ping("10.0.0.254"),
    PingGroup("resolvers", ("10.0.0.252", "10.0.0.253")),
)
PINGS = ("10.0.0.252", "10.0.0.253", "10.0.0.254")
"""The hosts that answer pings."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What differs between simulated clusters. Times in milliseconds."""

    auto_failback: AutoFailback = AutoFailback.ON
    seal: Seal = Seal.ON
    ipfail: bool = False
    stonith: bool = False
    keepalive_ms: int = 1_000
    deadtime_ms: int = 10_000
    initdead_ms: int = 20_000
    deadping_ms: int = 10_000
    pace: int = 1
    """How many times as long as the quickest the programs of this cluster take (``Agents``)."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the hosts."""
        return NODES

    @property
    def groups(self) -> Haresources:
        """The resource groups."""
        return groups_of(STANDARD_LINES)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What datagrams are sealed with; nothing with ``seal off``."""
        return () if self.seal is Seal.OFF else (b"a secret for simulations".ljust(32, b"."),)

    def settings(self, node: str) -> NodeSettings:
        """The settings of one node."""
        media: tuple[NetworkMedium, ...] = (
            Bcast("eth0", 694),
            Mcast("eth1", "239.0.0.1", 694, 1, loop=False),
        )
        ha = HaConfig(
            nodes=self.nodes,
            media=(*media, *PING_MEDIA) if self.ipfail else media,
            clients=(Client("hacluster", ("/usr/lib/heartbeat/ipfail",), False, 0),) if self.ipfail else (),
            stonith_hosts=(StonithHost("*", "sim", self.nodes, 0),) if self.stonith else (),
            deadping_ms=self.deadping_ms,
            keepalive_ms=self.keepalive_ms,
            deadtime_ms=self.deadtime_ms,
            warntime_ms=self.deadtime_ms // 2,
            initdead_ms=self.initdead_ms,
            auto_failback=self.auto_failback,
        )
        own = HaclusterConfig(
            seal=self.seal,
            start_timeout_ms=20_000,
            stop_timeout_ms=20_000,
            status_timeout_ms=10_000,
        )
        keys = KeyRing({1: Key(1, Method.SHA1, b"a key for simulations")}, 1)
        return NodeSettings(node, ha, own, self.groups, keys, self.secrets, Surroundings(node))


STANDARD = Scenario()
