"""Stateful: a promotable resource that is nothing but a file, for trying out promotion."""

from __future__ import annotations

import os

from hacluster_ra import ocf
from hacluster_ra.dummy import STATE, state_file, validate
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Values

UNPROMOTED, PROMOTED = "unpromoted", "promoted"


def _role(values: Values) -> str:
    """The role, or empty when it does not run. OCF 1.0 calls the roles slave and master; files are ours alone."""
    text = ocf.read_file(state_file(values, "Stateful"))
    if text is None:
        return ""
    role = text.strip()
    if role not in (UNPROMOTED, PROMOTED):
        raise Failure(ocf.ERR_GENERIC, f"the state file says {role!r}")
    return role


def _become(values: Values, role: str) -> None:
    ocf.replace_file(state_file(values, "Stateful"), role + "\n")
    _prefer(values, {PROMOTED: values.text("promoted_score"), UNPROMOTED: values.text("unpromoted_score")}[role])


def _prefer(values: Values, score: str) -> None:
    """Set this node's promotion score (empty: remove it) where the manager gave us a tool for it."""
    directories = [values.environment.get("HA_SBIN_DIR", ""), *values.environment.get("PATH", "").split(":")]
    tool = next((f"{d}/crm_attribute" for d in directories if d and os.access(f"{d}/crm_attribute", os.X_OK)), "")
    if not tool:
        return
    instance = values.environment.get("OCF_RESOURCE_INSTANCE", "default").partition(":")[0]
    argv = [tool, "-N", os.uname().nodename, "-n", f"master-{instance}", "-l", "reboot", "--quiet"]
    argv += ["-v", score] if score else ["-D"]
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, n) for n in (0, 1, 2)]
    pid = os.posix_spawn(tool, argv, dict(values.environment), file_actions=actions)
    _, status = os.waitpid(pid, 0)
    if status:
        ocf.say(f"the promotion score could not be set: crm_attribute gave {os.waitstatus_to_exitcode(status)}")


def start(values: Values) -> int:
    """Run unpromoted."""
    role = _role(values)
    if role == PROMOTED:
        return ocf.RUNNING_PROMOTED
    _become(values, UNPROMOTED)
    return ocf.OK


def stop(values: Values) -> int:
    """Stop in whatever role."""
    try:
        os.unlink(state_file(values, "Stateful"))
    except FileNotFoundError:
        return ocf.OK
    _prefer(values, "")
    return ocf.OK


def monitor(values: Values) -> int:
    """0 unpromoted, 8 promoted, 7 not running."""
    return {"": ocf.NOT_RUNNING, UNPROMOTED: ocf.OK, PROMOTED: ocf.RUNNING_PROMOTED}[_role(values)]


def promote(values: Values) -> int:
    """Become promoted; it must run."""
    if not _role(values):
        raise Failure(ocf.NOT_RUNNING, "not running, so it cannot be promoted")
    _become(values, PROMOTED)
    return ocf.OK


def demote(values: Values) -> int:
    """Become unpromoted; it must run."""
    if not _role(values):
        raise Failure(ocf.NOT_RUNNING, "not running, so it cannot be demoted")
    _become(values, UNPROMOTED)
    return ocf.OK


def notify(_: Values) -> int:
    """Notifications are welcome and change nothing."""
    return ocf.OK


AGENT = Agent(
    "Stateful",
    "A promotable resource that only keeps a file",
    "Remembers in a file whether it is promoted, and sets its promotion score. For trying out promotable clones.",
    (
        STATE,
        Parameter("promoted_score", "Score when promoted", "Promotion score of the promoted instance.", default="10"),
        Parameter("unpromoted_score", "Score when unpromoted", "Promotion score of the others.", default="5"),
    ),
    (
        Action("start", start, 20),
        Action("stop", stop, 20),
        Action("monitor", monitor, 20, depth=0, interval="10s", role="Promoted"),
        Action("monitor", monitor, 20, depth=0, interval="11s", role="Unpromoted"),
        Action("promote", promote, 20),
        Action("demote", demote, 20),
        Action("notify", notify, 20),
    ),
    validate=validate,
)
