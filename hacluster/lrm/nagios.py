"""Plugins of Nagios: they can only look. ``PLUGIN --name value …``; exit status 0 is fine, everything else is not.

Starting and stopping one means nothing, and is done at once by a program that does nothing (Pacemaker's executor
likewise); only after a start is there something to look at, so a probe says "not running".
"""

from __future__ import annotations

from typing import Final

from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.call import Call, Verdict, last_line, unusual_end
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildExited
from hacluster.msg.lrm import OcfCode, OpEnd, StartOp

PLACES: Final = ("/usr/lib/nagios/plugins", "/usr/lib64/nagios/plugins", "/usr/libexec/nagios/plugins")
NOTHING: Final = ("/bin/true", "/usr/bin/true")


def _looks(op: StartOp) -> bool:
    return op.action in ("monitor", "status") and op.interval_ms > 0


def call(op: StartOp, timeout_ms: int, host: Surroundings) -> Call:
    """The plugin with its options, or the program that does nothing."""
    del timeout_ms
    env = tuple(sorted(host.environment(op.resource.id).items()))
    if not _looks(op):
        return Call(NOTHING, (), env)
    options = tuple(word for name, value in op.resource.parameters for word in (f"--{name}", value))
    return Call(tuple(f"{place}/{op.resource.type}" for place in PLACES), options, env)


def verdict(op: StartOp, exited: ChildExited, config: HaclusterConfig) -> Verdict:
    """0 is fine; a probe finds nothing that runs."""
    del config
    unusual = unusual_end(exited)
    if unusual is not None:
        return unusual
    if not _looks(op):
        probe = op.action in ("monitor", "status")
        return Verdict(OpEnd.DONE, OcfCode.NOT_RUNNING if probe else OcfCode.OK)
    if exited.code == 0:
        return Verdict(OpEnd.DONE, OcfCode.OK)
    return Verdict(OpEnd.DONE, OcfCode.GENERIC, last_line(exited.stdout, exited.stderr) or f"exited with {exited.code}")
