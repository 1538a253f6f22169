"""ldirectord: the daemon that checks real servers and keeps the kernel's IPVS table."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from hacluster_ra import ocf
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Values
from hacluster_ra.programs import run

TIMEOUT_S = 60
UNLIMITED_S = 3600
"""Heartbeat gives its scripts no time limit; who calls this one has a limit of its own, and it counts."""


def validate(_: Values) -> None:
    """Every parameter is judged by itself; the configuration by the start."""


def program(values: Values) -> str:
    """The command: the one that was named, ours, or that of PATH.

    Ours is beside the interpreter, or where it was installed with this agent (PREFIX/share/hacluster/ra and PREFIX/bin,
    or a checkout with its .venv); in PATH another one may come first.
    """
    agents = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
    places = (os.path.dirname(sys.executable), f"{agents}/../../../bin", f"{agents}/../.venv/bin")
    found = (os.path.normpath(f"{place}/ldirectord") for place in places)
    ours = next((path for path in found if ocf.exists(path)), "ldirectord")
    return values.text("ldirectord") or ours


def _tell(values: Values, command: str) -> tuple[int, str]:
    limit_s = values.timeout_s if values.meta("timeout") else UNLIMITED_S
    return run([program(values), values.text("configfile"), command], limit_s * 0.9)


def start(values: Values) -> int:
    """Returns when the daemon has begun."""
    status, said = _tell(values, "start")
    if status == 0:
        return ocf.OK
    raise Failure(ocf.ERR_CONFIGURED if status == 2 else ocf.ERR_GENERIC, said or f"ldirectord ended with {status}")


def stop(values: Values) -> int:
    """Returns when the daemon has ended and its services are out of the table (unless cleanstop = no)."""
    status, said = _tell(values, "stop")
    if status != 0:
        raise Failure(ocf.ERR_GENERIC, said or f"ldirectord ended with {status}")
    return ocf.OK


def monitor(values: Values) -> int:
    """Whether the daemon runs."""
    status, said = _tell(values, "status")
    if status == 0:
        return ocf.OK
    if status == 3 or (status == 1 and "stale pid file" in said):
        return ocf.NOT_RUNNING
    raise Failure(ocf.ERR_GENERIC, said or f"ldirectord ended with {status}")


AGENT = Agent(
    "ldirectord",
    "Checks real servers of LVS",
    "Runs ldirectord: it checks the real servers of a load balancer and keeps the kernel's IPVS table accordingly. Put "
    "it into a group with the virtual address.",
    (
        Parameter(
            "configfile",
            "Configuration",
            "The ldirectord.cf. A name is looked for below /etc/ha.d and /etc/ha.d/conf.",
            default="ldirectord.cf",
            group="configfile",
        ),
        Parameter(
            "ldirectord",
            "The program",
            "Path of ldirectord. Default: the one that was installed with hacluster.",
            check=ocf.absolute("ldirectord"),
        ),
    ),
    (
        Action("start", start, TIMEOUT_S),
        Action("stop", stop, TIMEOUT_S),
        Action("monitor", monitor, 20, depth=0, interval="20s"),
    ),
    validate=validate,
)

USAGE = "[CONFIGURATION]"


def from_haresources(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """``ldirectord[::CONFIGURATION]``."""
    wrong = "one configuration at most" if len(arguments) > 1 else ""
    return {"configfile": arguments[0]} if arguments and arguments[0] else {}, wrong
