"""LSB init scripts: ``/etc/init.d/NAME ACTION``; ``status`` has exit codes of its own (LSB core 22.2)."""

from __future__ import annotations

from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.call import Call, Verdict, last_line, unusual_end
from hacluster.lrm.paths import lsb_candidates
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildExited
from hacluster.msg.lrm import OcfCode, OpEnd, StartOp

ACTION_NAMES = {"monitor": "status"}
"""Words of OCF and what the standard calls them."""

STATUS_CODES = {
    0: (OcfCode.OK, ""),
    1: (OcfCode.GENERIC, "is dead and its pid file is still there"),
    2: (OcfCode.GENERIC, "is dead and its lock file is still there"),
    3: (OcfCode.NOT_RUNNING, ""),
    4: (OcfCode.GENERIC, "does not know its own status"),
}

ACTION_CODES = {
    0: (OcfCode.OK, ""),
    1: (OcfCode.GENERIC, "failed"),
    2: (OcfCode.ARGS, "refuses its arguments"),
    3: (OcfCode.UNIMPLEMENTED, "does not know this operation"),
    4: (OcfCode.PERM, "has not the privileges that it needs"),
    5: (OcfCode.INSTALLED, "is not installed"),
    6: (OcfCode.CONFIGURED, "is not configured"),
    7: (OcfCode.NOT_RUNNING, "is not running"),
}


def call(op: StartOp, timeout_ms: int, host: Surroundings) -> Call:
    """The program and the environment of one LSB operation; such scripts take no parameters."""
    del timeout_ms
    action = ACTION_NAMES.get(op.action, op.action)
    return Call(
        lsb_candidates(op.resource, host),
        (action,),
        tuple(sorted(host.environment(op.resource.id).items())),
    )


def verdict(op: StartOp, exited: ChildExited, _: HaclusterConfig) -> Verdict:
    """The exit code by the table of the action; one that no table knows is a plain failure."""
    unusual = unusual_end(exited)
    if unusual is not None:
        return unusual
    table = STATUS_CODES if ACTION_NAMES.get(op.action, op.action) == "status" else ACTION_CODES
    code, reason = table.get(exited.code, (OcfCode.GENERIC, f"exited with {exited.code}, which is no LSB code"))
    said = last_line(exited.stderr) if reason else ""
    return Verdict(OpEnd.DONE, code, f"{reason}: {said}" if said else reason)
