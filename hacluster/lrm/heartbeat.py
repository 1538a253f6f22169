"""Heartbeat-class scripts: ``NAME arg1 arg2 ACTION`` (HARESOURCES section 3). What ``status`` means: ``status.py``.

Scripts of init.d are called the same way when haresources names them.
"""

from __future__ import annotations

from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.call import Call, Verdict, last_line, unusual_end
from hacluster.lrm.paths import heartbeat_candidates
from hacluster.lrm.status import Rule, read_status
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildExited
from hacluster.msg.lrm import OcfCode, OpEnd, StartOp

ACTION_NAMES = {"monitor": "status"}


def call(op: StartOp, timeout_ms: int, host: Surroundings) -> Call:
    """The program, its arguments before the action, and the environment."""
    del timeout_ms
    action = ACTION_NAMES.get(op.action, op.action)
    return Call(
        heartbeat_candidates(op.resource, host),
        (*op.resource.arguments, action),
        tuple(sorted(host.environment(op.resource.id).items())),
    )


def verdict(op: StartOp, exited: ChildExited, config: HaclusterConfig) -> Verdict:
    """``status``: by its text or its exit status, as configured. Everything else: zero is success."""
    unusual = unusual_end(exited)
    if unusual is not None:
        return unusual
    if ACTION_NAMES.get(op.action, op.action) == "status":
        rule = Rule.EXIT if config.status_by_exit else Rule.TEXT
        reading = read_status(exited.stdout.decode("utf-8", "replace"), exited.code, rule)
        return Verdict(OpEnd.DONE, reading.rc, reading.reason, reading.note)
    if exited.code == 0:
        return Verdict(OpEnd.DONE, OcfCode.OK)
    said = last_line(exited.stderr, exited.stdout)
    reason = f"exited with {exited.code}"
    return Verdict(OpEnd.DONE, OcfCode.GENERIC, f"{reason}: {said}" if said else reason)
