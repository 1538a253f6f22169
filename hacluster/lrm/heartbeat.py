"""Heartbeat-class scripts: ``NAME arg1 arg2 ACTION``, and the text of ``status`` decides (HARESOURCES section 3).

Scripts of init.d are called the same way when haresources names them, and their ``status`` text decides there too.
"""

from __future__ import annotations

import re

from hacluster.lrm.call import Call, Verdict, last_line, unusual_end
from hacluster.lrm.paths import heartbeat_candidates
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildExited
from hacluster.msg.lrm import OcfCode, OpEnd, StartOp

ACTION_NAMES = {"monitor": "status"}

_NOT_RUNNING = re.compile(r"[Nn][Oo][Tt] .*[Rr]unning", re.DOTALL)
_RUNNING = re.compile(r"[Rr]unning|OK")


def call(op: StartOp, timeout_ms: int, host: Surroundings) -> Call:
    """The program, its arguments before the action, and the environment."""
    del timeout_ms
    action = ACTION_NAMES.get(op.action, op.action)
    return Call(
        heartbeat_candidates(op.resource, host),
        (*op.resource.arguments, action),
        tuple(sorted(host.environment(op.resource.id).items())),
    )


def says_running(text: str) -> bool:
    """Whether the text of ``status`` means running: "not running" is looked for first, then "running" or "OK"."""
    return _NOT_RUNNING.search(text) is None and _RUNNING.search(text) is not None


def verdict(op: StartOp, exited: ChildExited) -> Verdict:
    """``status``: the text, whatever the exit code. Everything else: zero is success."""
    unusual = unusual_end(exited)
    if unusual is not None:
        return unusual
    if ACTION_NAMES.get(op.action, op.action) == "status":
        running = says_running(exited.stdout.decode("utf-8", "replace"))
        return Verdict(OpEnd.DONE, OcfCode.OK if running else OcfCode.NOT_RUNNING)
    if exited.code == 0:
        return Verdict(OpEnd.DONE, OcfCode.OK)
    said = last_line(exited.stderr, exited.stdout)
    reason = f"exited with {exited.code}"
    return Verdict(OpEnd.DONE, OcfCode.GENERIC, f"{reason}: {said}" if said else reason)
