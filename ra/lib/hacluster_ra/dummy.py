"""Dummy: a resource that is nothing but a file, for trying out a cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from hacluster_ra import ocf
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Values


def state_file(values: Values, kind: str) -> str:
    """The file that stands for the resource."""
    return values.text("state") or os.path.join(ocf.state_directory(), f"hacluster-{kind}-{values.instance}.state")


def validate(_: Values) -> None:
    """Every parameter is judged by itself."""


def _is_running(values: Values) -> bool:
    return ocf.exists(state_file(values, "Dummy"))


def _delay(values: Values) -> None:
    time.sleep(values.number("op_sleep"))


def start(values: Values) -> int:
    """Make the file."""
    _delay(values)
    if os.uname().nodename in values.text("fail_start_on").split():
        raise Failure(ocf.ERR_GENERIC, "told to fail here by fail_start_on")
    if not _is_running(values):
        ocf.replace_file(state_file(values, "Dummy"), values.text("value") + "\n")
    return ocf.OK


def stop(values: Values) -> int:
    """Remove the file; a delay that cannot be read is no reason to leave it."""
    try:
        _delay(values)
    except Failure as failure:
        ocf.say(failure.reason)
    if _is_running(values):
        os.unlink(state_file(values, "Dummy"))
    return ocf.OK


def monitor(values: Values) -> int:
    """Look for the file."""
    _delay(values)
    return ocf.OK if _is_running(values) else ocf.NOT_RUNNING


def migrate_to(values: Values) -> int:
    """On the source: hand the resource over, which leaves nothing here."""
    if not _is_running(values):
        raise Failure(ocf.NOT_RUNNING, "not running, so it cannot migrate")
    ocf.say(f"migrates to {values.meta('migrate_target', 'another node')}")
    return stop(values)


def migrate_from(values: Values) -> int:
    """On the target: the resource arrives."""
    ocf.say(f"arrives from {values.meta('migrate_source', 'another node')}")
    return start(values)


def reload_agent(values: Values) -> int:
    """Take new values of the reloadable parameters without a restart."""
    if not _is_running(values):
        raise Failure(ocf.NOT_RUNNING, "not running, so it cannot be reloaded")
    ocf.replace_file(state_file(values, "Dummy"), values.text("value") + "\n")
    return ocf.OK


STATE = Parameter(
    "state",
    "State file",
    "The file that stands for the resource. Default: one named after the resource in HA_RSCTMP, gone after a boot.",
    group="state",
    check=ocf.absolute("state"),
)

AGENT = Agent(
    "Dummy",
    "A resource that only keeps a file",
    "Does nothing but remember in a file that it runs. For trying out a cluster and for tests.",
    (
        STATE,
        Parameter("value", "Any text", "Written into the state file.", default="", reloadable=True),
        Parameter(
            "op_sleep",
            "Seconds each action takes",
            "Makes start, stop and monitor slow.",
            kind="integer",
            default="0",
            reloadable=True,
        ),
        Parameter("fail_start_on", "Nodes where it fails", "Names of nodes on which start fails, separated by blanks."),
    ),
    (
        Action("start", start, 20),
        Action("stop", stop, 20),
        Action("monitor", monitor, 20, depth=0, interval="10s"),
        Action("reload-agent", reload_agent, 20),
        Action("reload", reload_agent, 20),
        Action("migrate_to", migrate_to, 20),
        Action("migrate_from", migrate_from, 20),
    ),
    validate=validate,
)

USAGE = "[NAME]"


def from_haresources(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """At most a name, which keeps several of them apart."""
    return {}, "one name at most" if len(arguments) > 1 else ""
