"""How the machines of a node come out of its settings.

Both drivers use it: the daemon builds one process's router at a time (or all in one with ``--one-process``), the
simulator those of every node. A machine's room is imported only when the machine is built, so that the pulse carries
nothing that it does not need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, cast

from hacluster.base.dice import Dice
from hacluster.base.effects import MachineName
from hacluster.base.machine import Machine
from hacluster.config.resources import Haresources
from hacluster.config.settings import HaclusterConfig, HaConfig
from hacluster.lrm.surroundings import Surroundings
from hacluster.node.layout import V1, Layout, ProcessName
from hacluster.node.router import Router
from hacluster.wire.auth import KeyRing

UUID_KEY: Final = "hb_uuid"
"""The file of the node's UUID; whoever starts the pulse reads it, or makes one."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """All settings of one node, read and found in order. ``node`` is its lower-case name."""

    node: str
    ha: HaConfig
    own: HaclusterConfig
    resources: Haresources
    keys: KeyRing
    seal_keys: tuple[bytes, ...]
    surroundings: Surroundings

    @property
    def layout(self) -> Layout:
        """Which machines this node has."""
        return V1


@dataclass(frozen=True, slots=True)
class Birth:
    """What is drawn or read anew for each start of a process: UUID and nonce (16 bytes each), seed of its dice."""

    uuid: bytes
    boot_nonce: bytes
    seed: int


def _heartbeat(settings: NodeSettings, birth: Birth) -> object:
    from hacluster.heartbeat.config import HeartbeatConfig, Identity  # noqa: PLC0415  only where it lives
    from hacluster.heartbeat.machine import HeartbeatMachine  # noqa: PLC0415  only where it lives

    config = HeartbeatConfig.of(settings.ha, settings.own, settings.keys, settings.seal_keys, settings.layout.listeners)
    return HeartbeatMachine(config, Identity(settings.node, birth.uuid, birth.boot_nonce), Dice(birth.seed))


def _haresources(settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.haresources.machine import HaresourcesMachine  # noqa: PLC0415  only where it lives

    return HaresourcesMachine(settings.ha, settings.resources, settings.node, settings.own)


def _lrm(settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.lrm.machine import PARALLEL, LrmMachine  # noqa: PLC0415  only where it lives

    host = settings.surroundings
    return LrmMachine(settings.own, host, asker=settings.layout.manager, parallel=max(PARALLEL, 2 * host.cores))


_BUILDERS: Final[dict[MachineName, Callable[[NodeSettings, Birth], object]]] = {
    MachineName.HEARTBEAT: _heartbeat,
    MachineName.HARESOURCES: _haresources,
    MachineName.LRM: _lrm,
}


def build(processes: ProcessName | Iterable[ProcessName], settings: NodeSettings, birth: Birth) -> Router:
    """The router with the machines of one process, or of several in one."""
    wanted = (processes,) if isinstance(processes, ProcessName) else tuple(processes)
    names = [machine for process in wanted for machine in settings.layout.hosted[process]]
    return Router({name: cast(Machine[object], _BUILDERS[name](settings, birth)) for name in names})
