"""Which machines a node has, which process hosts which, and who is whose master: one value, chosen by the
configuration.

What is the same in every kind of node (processes begin and end, sockets, routing) asks the layout, and knows no
resource manager by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hacluster.base.effects import MachineName


class ProcessName(StrEnum):
    """The processes of a node that host machines."""

    PULSE = "pulse"
    BRAIN = "brain"
    HANDS = "hands"


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of node.

    ``hosted``: the machines of each process; each machine lives in exactly one. ``restored``: what a machine wants to
    be told at its start, as (key, volatile). ``manager`` is asked to stop when the node is, is what the FIFO's orders
    are for, and asks the hands. ``listeners`` are told what the heartbeat knows.
    """

    name: str
    hosted: Mapping[ProcessName, tuple[MachineName, ...]]
    restored: Mapping[MachineName, tuple[tuple[str, bool], ...]]
    manager: MachineName
    listeners: tuple[MachineName, ...]

    def __post_init__(self) -> None:
        machines = [machine for hosted in self.hosted.values() for machine in hosted]
        assert len(machines) == len(set(machines)), machines
        assert {self.manager, *self.listeners} <= set(machines), self
        assert set(self.restored) == set(machines), self

    def process_of(self, machine: MachineName) -> ProcessName:
        """The process that hosts a machine."""
        return next(process for process, machines in self.hosted.items() if machine in machines)


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
            MachineName.HEARTBEAT: (("hb_generation", False), ("replay-floor", False)),
            MachineName.HARESOURCES: (("haresources", True),),
            MachineName.LRM: (),
        }
    ),
    manager=MachineName.HARESOURCES,
    listeners=(MachineName.HARESOURCES,),
)
"""Heartbeat's first resource manager: two nodes, and the groups of haresources."""
