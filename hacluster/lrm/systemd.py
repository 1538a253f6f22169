"""Units of systemd, and ``service``: an init script where there is one, else a unit of that name.

What is asked for is a job, and its end is the answer; the state after it counts as well, since a job that is done says
only that systemd did its part. A unit that is on its way to another state is not looked at until it is there. A unit
that has failed is not running: it has no process, and nothing else of it is left (so does Pacemaker's executor).
"""

from __future__ import annotations

from typing import Final

from hacluster.base.effects import UnitVerb
from hacluster.config.settings import HaclusterConfig
from hacluster.lrm import lsb
from hacluster.lrm.call import Call, Verdict
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import UnitDone, UnitEnd
from hacluster.msg.lrm import OcfCode, OpEnd, StartOp

_SUFFIXES: Final = (".service", ".socket", ".mount", ".timer", ".path")
_VERBS: Final = {
    "start": UnitVerb.START,
    "stop": UnitVerb.STOP,
    "monitor": UnitVerb.LOOK,
    "status": UnitVerb.LOOK,
    "restart": UnitVerb.RESTART,
    "reload": UnitVerb.RELOAD,
}
_RUNS: Final = frozenset({"active", "reloading", "refreshing"})


def unit_name(kind: str) -> str:
    """The unit that a type means: a service, if its suffix says nothing else."""
    return kind if kind.endswith(_SUFFIXES) else f"{kind}.service"


def call(op: StartOp, timeout_ms: int, host: Surroundings) -> Call:
    """The unit and what is asked of it."""
    del timeout_ms, host
    verb = _VERBS.get(op.action)
    return Call(()) if verb is None else Call((), unit=unit_name(op.resource.type), verb=verb)


def service_call(op: StartOp, timeout_ms: int, host: Surroundings) -> Call:
    """The init script, and then the unit."""
    script, unit = lsb.call(op, timeout_ms, host), call(op, timeout_ms, host)
    return Call(script.candidates, script.arguments, script.env, unit.unit, unit.verb)


def unit_verdict(op: StartOp, done: UnitDone, config: HaclusterConfig) -> Verdict:
    """What became of a job, in the words of OCF."""
    del config
    verb, unit = _VERBS.get(op.action, UnitVerb.LOOK), unit_name(op.resource.type)
    missing = done.end is UnitEnd.NO_SUCH_UNIT or (done.loaded == "not-found" and done.active not in _RUNS)
    if missing:
        return _missing(verb, unit)
    match done.end:
        case UnitEnd.TIMED_OUT:
            return Verdict(OpEnd.TIMED_OUT, OcfCode.GENERIC, f"{unit} is still {done.active or 'without an answer'}")
        case UnitEnd.CANCELLED:
            return Verdict(OpEnd.CANCELLED, OcfCode.GENERIC, "was cancelled")
        case UnitEnd.UNREACHABLE:
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"systemd cannot be asked: {done.detail}")
        case UnitEnd.FAILED:
            return Verdict(OpEnd.DONE, OcfCode.GENERIC, f"the job of {unit} ended as {done.detail}")
        case _:
            return _state(verb, unit, done)


def _missing(verb: UnitVerb, unit: str) -> Verdict:
    if verb is UnitVerb.LOOK:
        return Verdict(OpEnd.DONE, OcfCode.NOT_RUNNING)
    if verb is UnitVerb.STOP:
        return Verdict(OpEnd.DONE, OcfCode.OK)
    return Verdict(OpEnd.NOT_INSTALLED, OcfCode.INSTALLED, f"there is no unit {unit}")


def _state(verb: UnitVerb, unit: str, done: UnitDone) -> Verdict:
    runs = done.active in _RUNS
    if verb is UnitVerb.LOOK:
        reason = f"{unit} is {done.active}" if done.active not in (*_RUNS, "inactive") else ""
        return Verdict(OpEnd.DONE, OcfCode.OK if runs else OcfCode.NOT_RUNNING, reason)
    if runs == (verb is not UnitVerb.STOP):
        return Verdict(OpEnd.DONE, OcfCode.OK)
    return Verdict(OpEnd.DONE, OcfCode.GENERIC, f"{unit} is {done.active or 'in no state'} after its {verb}")
