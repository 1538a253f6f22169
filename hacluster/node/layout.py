"""Which machines a node has, which process hosts which, and who is whose master: one value, chosen by the
configuration.

What is the same in every kind of node (processes begin and end, sockets, routing) asks the layout, and knows no
resource manager by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hacluster.base.effects import MachineName


class ProcessName(StrEnum):
    """The processes of a node that host machines. THOUGHT thinks for the brain, and is none's master."""

    PULSE = "pulse"
    BRAIN = "brain"
    THOUGHT = "thought"
    HANDS = "hands"


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of node.

    ``hosted``: the machines of each process; each machine lives in exactly one. ``restored``: what a machine wants to
    be told at its start, as (key, volatile). ``manager`` is asked to stop when the node is, is what the FIFO's orders
    are for, and asks the hands. ``listeners`` are told what the heartbeat knows. ``replicates``: whether the CIB is
    kept here, and its machines speak to those of other nodes. ``forgotten``: volatile keys that outlive the processes,
    and not the daemon. ``orders``: whether there is something to order by the FIFO (hb_standby).
    """

    name: str
    hosted: Mapping[ProcessName, tuple[MachineName, ...]]
    restored: Mapping[MachineName, tuple[tuple[str, bool], ...]]
    manager: MachineName
    listeners: tuple[MachineName, ...]
    replicates: bool = False
    forgotten: tuple[str, ...] = ()
    orders: bool = True

    def __post_init__(self) -> None:
        machines = [machine for hosted in self.hosted.values() for machine in hosted]
        assert len(machines) == len(set(machines)), machines
        assert {self.manager, *self.listeners} <= set(machines), self
        assert set(self.restored) == set(machines), self

    @property
    def fences(self) -> bool:
        """Whether there is a fencer."""
        return MachineName.STONITH in self.restored

    def process_of(self, machine: MachineName) -> ProcessName:
        """The process that hosts a machine."""
        return next(process for process, machines in self.hosted.items() if machine in machines)


PULSE_KEYS: Final = (("hb_generation", False), ("replay-floor", False))

V1: Final = Layout(
    "v1",
    MappingProxyType(
        {
            ProcessName.PULSE: (MachineName.HEARTBEAT,),
            ProcessName.BRAIN: (MachineName.HARESOURCES,),
            ProcessName.HANDS: (MachineName.LRM,),
        }
    ),
    MappingProxyType(
        {
            MachineName.HEARTBEAT: PULSE_KEYS,
            MachineName.HARESOURCES: (("haresources", True),),
            MachineName.LRM: (),
        }
    ),
    manager=MachineName.HARESOURCES,
    listeners=(MachineName.HARESOURCES,),
)
"""Heartbeat's first resource manager: two nodes, and the groups of haresources."""

V1_FENCED: Final = replace(
    V1,
    hosted=MappingProxyType({**V1.hosted, ProcessName.HANDS: (MachineName.LRM, MachineName.STONITH)}),
    restored=MappingProxyType({**V1.restored, MachineName.STONITH: ()}),
)
"""The same with a fencer: there are ``stonith`` lines in ha.cf."""

PROMISE_KEYS: Final = (("ccm-promise", False),)
COPY_KEYS: Final = (("cib.xml", False), ("cib.journal", False), ("cib-previous.xml", False), ("cib.last", False))
RESULT_KEYS: Final = (("lrm", True),)
INPUT_KEYS: Final = (("pe-series", False),)

CRM: Final = Layout(
    "crm",
    MappingProxyType(
        {
            ProcessName.PULSE: (MachineName.HEARTBEAT,),
            ProcessName.BRAIN: (
                MachineName.SPEECH,
                MachineName.CCM,
                MachineName.CIBD,
                MachineName.ATTRD,
                MachineName.CRMD,
                MachineName.TE,
            ),
            ProcessName.THOUGHT: (MachineName.PENGINE,),
            ProcessName.HANDS: (MachineName.LRM, MachineName.STONITH),
        }
    ),
    MappingProxyType(
        {
            MachineName.HEARTBEAT: PULSE_KEYS,
            MachineName.SPEECH: (),
            MachineName.CCM: PROMISE_KEYS,
            MachineName.CIBD: COPY_KEYS,
            MachineName.ATTRD: (("attrd", True),),
            MachineName.CRMD: (),
            MachineName.TE: (),
            MachineName.PENGINE: INPUT_KEYS,
            MachineName.LRM: RESULT_KEYS,
            MachineName.STONITH: (),
        }
    ),
    manager=MachineName.CRMD,
    listeners=(MachineName.CRMD,),
    replicates=True,
    forgotten=("attrd", "lrm"),
)
"""A cluster resource manager: resources are in the CIB, and the DC decides."""

ARBITRATOR: Final = Layout(
    "arbitrator",
    MappingProxyType(
        {
            ProcessName.PULSE: (MachineName.HEARTBEAT,),
            ProcessName.BRAIN: (MachineName.SPEECH, MachineName.CCM, MachineName.CIBD, MachineName.ARBITER),
        }
    ),
    MappingProxyType(
        {
            MachineName.HEARTBEAT: PULSE_KEYS,
            MachineName.SPEECH: (),
            MachineName.CCM: PROMISE_KEYS,
            MachineName.CIBD: COPY_KEYS,
            MachineName.ARBITER: (),
        }
    ),
    manager=MachineName.ARBITER,
    listeners=(),
    replicates=True,
    orders=False,
)
"""The witness of a cluster with a resource manager: it votes, and runs nothing."""
