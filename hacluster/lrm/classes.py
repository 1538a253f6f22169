"""The classes of agents that can be run, as a table. What a unit's job means is the same for all (``systemd``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hacluster.config.settings import HaclusterConfig
from hacluster.lrm import fencing, heartbeat, lsb, nagios, ocf, systemd
from hacluster.lrm.call import Call, Verdict
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildExited
from hacluster.msg.lrm import AgentClass, StartOp


@dataclass(frozen=True, slots=True)
class ClassRules:
    """How a class is called (operation, timeout in ms, host), and how its answer is read (by the settings)."""

    call: Callable[[StartOp, int, Surroundings], Call]
    verdict: Callable[[StartOp, ChildExited, HaclusterConfig], Verdict]


CLASSES: Final[dict[AgentClass, ClassRules]] = {
    AgentClass.OCF: ClassRules(ocf.call, ocf.verdict),
    AgentClass.LSB: ClassRules(lsb.call, lsb.verdict),
    AgentClass.HEARTBEAT: ClassRules(heartbeat.call, heartbeat.verdict),
    AgentClass.SYSTEMD: ClassRules(systemd.call, lsb.verdict),
    AgentClass.SERVICE: ClassRules(systemd.service_call, lsb.verdict),
    AgentClass.STONITH: ClassRules(fencing.call, fencing.verdict),
    AgentClass.NAGIOS: ClassRules(nagios.call, nagios.verdict),
}
