"""How the machines of a node come out of its settings.

Both drivers use it: the daemon builds one process's router at a time (or all in one with ``--one-process``), the
simulator those of every node. A machine's room is imported only when the machine is built, so that the pulse carries
nothing that it does not need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from hacluster.base.dice import Dice
from hacluster.base.effects import MachineName
from hacluster.base.machine import Machine
from hacluster.config.resources import Haresources
from hacluster.config.settings import HaclusterConfig, HaConfig
from hacluster.lrm.surroundings import Surroundings
from hacluster.node.layout import ARBITRATOR, CRM, V1, V1_FENCED, Layout, ProcessName
from hacluster.node.router import Router
from hacluster.wire.auth import KeyRing

if TYPE_CHECKING:
    from hacluster.cibd.settings import Judge

UUID_KEY: Final = "hb_uuid"
"""The file of the node's UUID; whoever starts the pulse reads it, or makes one."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """All settings of one node, read and found in order. ``node`` is its lower-case name.

    ``judge`` says why a configuration that somebody writes is refused; ``None``: the schema is not looked at.
    """

    node: str
    ha: HaConfig
    own: HaclusterConfig
    resources: Haresources
    keys: KeyRing
    seal_keys: tuple[bytes, ...]
    surroundings: Surroundings
    judge: Judge | None = None

    @property
    def is_witness(self) -> bool:
        """Whether this node only votes."""
        return self.node == self.own.quorum.witness

    @property
    def layout(self) -> Layout:
        """Which machines this node has."""
        if self.ha.uses_crm:
            return ARBITRATOR if self.is_witness else CRM
        return V1_FENCED if self.ha.stonith is not None or self.ha.stonith_hosts else V1


@dataclass(frozen=True, slots=True)
class Birth:
    """What is drawn or read anew for each start of a process: UUID and nonce (16 bytes each), seed of its dice.

    ``is_new``: the disk shows no trace of this node in any cluster, so that it may begin one.
    """

    uuid: bytes
    boot_nonce: bytes
    seed: int
    is_new: bool = False


def _here(settings: NodeSettings, *machines: MachineName) -> tuple[MachineName, ...]:
    """Those of the machines that this kind of node has."""
    return tuple(machine for machine in machines if machine in settings.layout.restored)


def _heartbeat(settings: NodeSettings, birth: Birth) -> object:
    from hacluster.heartbeat.config import HeartbeatConfig, Identity  # noqa: PLC0415  only where it lives
    from hacluster.heartbeat.machine import HeartbeatMachine  # noqa: PLC0415  only where it lives

    ha, own, layout = settings.ha, settings.own, settings.layout
    config = HeartbeatConfig.of(ha, own, settings.keys, settings.seal_keys, layout.listeners, crm=layout.replicates)
    return HeartbeatMachine(config, Identity(settings.node, birth.uuid, birth.boot_nonce), Dice(birth.seed))


def _haresources(settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.haresources.machine import HaresourcesMachine  # noqa: PLC0415  only where it lives

    return HaresourcesMachine(settings.ha, settings.resources, settings.node, settings.own)


def _lrm(settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.lrm.machine import PARALLEL, LrmMachine  # noqa: PLC0415  only where it lives

    host = settings.surroundings
    return LrmMachine(settings.own, host, asker=settings.layout.manager, parallel=max(PARALLEL, 2 * host.cores))


def _speech(settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.speech.machine import SpeechMachine  # noqa: PLC0415  only where it lives

    return SpeechMachine(tuple(settings.layout.restored))


def _ccm(settings: NodeSettings, birth: Birth) -> object:
    from hacluster.ccm.machine import CcmMachine  # noqa: PLC0415  only where it lives
    from hacluster.ccm.settings import CcmSettings, Timing  # noqa: PLC0415

    ha, quorum = settings.ha, settings.own.quorum
    ccm = CcmSettings(
        settings.node,
        witness=settings.is_witness,
        timing=Timing.of(ha.keepalive_ms, ha.deadtime_ms),
        listeners=_here(settings, MachineName.CIBD, MachineName.ATTRD, MachineName.CRMD),
        ping_nodes=tuple(name.lower() for name in ha.ping_nodes) if quorum.pings else (),
    )
    return CcmMachine(ccm, Dice(birth.seed))


def _cibd(settings: NodeSettings, birth: Birth) -> object:
    from hacluster.ccm.settings import Timing  # noqa: PLC0415
    from hacluster.cibd.machine import CibdMachine  # noqa: PLC0415  only where it lives
    from hacluster.cibd.settings import CibdSettings, accept_all  # noqa: PLC0415
    from hacluster.node.first import first_cib, first_voters  # noqa: PLC0415

    ha, own = settings.ha, settings.own
    cibd = CibdSettings(
        settings.node,
        first_cib(ha, own),
        first_voters(ha, own),
        init=birth.is_new,
        witness=settings.is_witness,
        stuck_ms=Timing.of(ha.keepalive_ms, ha.deadtime_ms).stuck_ms,
        last_man_window_ms=own.quorum.last_man_standing_window_ms,
        followers=_here(settings, MachineName.PENGINE, MachineName.TE, MachineName.ATTRD, MachineName.CRMD),
        judge=settings.judge or accept_all,
    )
    return CibdMachine(cibd)


def _attrd(settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.attrd.machine import AttrdMachine  # noqa: PLC0415  only where it lives

    return AttrdMachine(settings.node)


def _crmd(settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.crmd.machine import CrmdMachine  # noqa: PLC0415  only where it lives
    from hacluster.node.first import about  # noqa: PLC0415  only where it lives

    bound_ms = settings.ha.watchdog_bound_ms
    return CrmdMachine(settings.node, watchdog_bound_ms=bound_ms, about=about(settings.ha))


def _te(_settings: NodeSettings, birth: Birth) -> object:
    from hacluster.te.machine import TeMachine  # noqa: PLC0415  only where it lives

    return TeMachine(str(UUID(bytes=birth.boot_nonce, version=4)))


def _arbiter(_settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.arbiter.machine import ArbiterMachine  # noqa: PLC0415  only where it lives

    return ArbiterMachine()


def _stonith(settings: NodeSettings, birth: Birth) -> object:
    from hacluster.stonith.conventions import Places  # noqa: PLC0415
    from hacluster.stonith.machine import StonithMachine  # noqa: PLC0415  only where it lives

    places = Places(own=settings.surroundings.own_plugins)
    manager, bound = settings.layout.manager, settings.ha.watchdog_bound_ms
    return StonithMachine(settings.node, Dice(birth.seed), places, asker=manager, watchdog_bound_ms=bound)


def _pengine(_settings: NodeSettings, _birth: Birth) -> object:
    from hacluster.pengine.machine import PengineMachine  # noqa: PLC0415  only where it lives

    return PengineMachine()


_BUILDERS: Final[dict[MachineName, Callable[[NodeSettings, Birth], object]]] = {
    MachineName.HEARTBEAT: _heartbeat,
    MachineName.HARESOURCES: _haresources,
    MachineName.LRM: _lrm,
    MachineName.SPEECH: _speech,
    MachineName.CCM: _ccm,
    MachineName.CIBD: _cibd,
    MachineName.ATTRD: _attrd,
    MachineName.CRMD: _crmd,
    MachineName.TE: _te,
    MachineName.PENGINE: _pengine,
    MachineName.STONITH: _stonith,
    MachineName.ARBITER: _arbiter,
}


def build(processes: ProcessName | Iterable[ProcessName], settings: NodeSettings, birth: Birth) -> Router:
    """The router with the machines of one process, or of several in one."""
    wanted = (processes,) if isinstance(processes, ProcessName) else tuple(processes)
    names = [machine for process in wanted for machine in settings.layout.hosted[process]]
    return Router({name: cast(Machine[object], _BUILDERS[name](settings, birth)) for name in names})
