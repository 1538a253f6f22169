"""The frame of a Heartbeat-class front end: ``NAME ARGUMENT… start|stop|status`` (haresources).

Arguments come before the operation. The text of ``status`` is what decides for Heartbeat, so it is chosen with care:
"running" also where something is there but does not work, because Heartbeat reads "not running" as "surely gone".
What a start would mend, such as an address whose interface is off, is neither: Heartbeat starts only what does not run.
Arguments that do not even say which resource is meant are neither: Heartbeat then tries to start it, and is told why
that cannot be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from hacluster_ra import ocf

OPERATIONS = ("start", "stop", "status", "monitor", "validate-all")
STARTING = ("start", "validate-all")
UNFINISHED = -1


def program(agent: ocf.Agent, usage: str, read: Callable[[Sequence[str]], tuple[dict[str, str], str]]) -> None:
    """``read`` turns the arguments into parameters of ``agent``, and says what is wrong with them (empty: nothing).

    With wrong arguments nothing is started; ``stop`` and ``status`` do with the parameters what they can.
    """
    if len(sys.argv) == 2 and sys.argv[1] in ("meta-data", "usage"):
        ocf.program(agent)
    arguments, operation = sys.argv[1:-1], sys.argv[-1] if len(sys.argv) > 1 else ""
    help_line = f"usage: {os.path.basename(sys.argv[0])} {usage} {'|'.join(OPERATIONS)}\n"
    if operation not in OPERATIONS:
        sys.stderr.write(help_line)
        raise SystemExit(1)
    parameters, wrong = read(arguments)
    if wrong:
        sys.stderr.write(f"{wrong}\n{help_line}")
        if operation in STARTING:
            raise SystemExit(1)
    os.chdir("/")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OCF_RESKEY_")}
    environment |= {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    environment["OCF_RESOURCE_INSTANCE"] = "_".join([agent.name, *arguments])
    code = ocf.guarded(lambda: _perform(agent, "monitor" if operation == "status" else operation, environment))
    if operation in ("status", "monitor"):
        raise SystemExit(_status(agent.name, arguments, code))
    raise SystemExit(0 if code == ocf.OK else 1)


def _perform(agent: ocf.Agent, action: str, environment: dict[str, str]) -> int:
    try:
        return agent.perform(action, environment)
    except ocf.Unfinished as failure:
        ocf.reason(failure.reason)
        return UNFINISHED


def _status(name: str, arguments: Sequence[str], code: int) -> int:
    """Print the text and give LSB's exit code of ``status``: 0 running, 3 not running, 4 unknown."""
    what = " ".join([name, *arguments])
    if code in (ocf.OK, ocf.RUNNING_PROMOTED):
        text, result = f"{what}: running", 0
    elif code == ocf.NOT_RUNNING:
        text, result = f"{what}: not running", 3
    elif code == UNFINISHED:
        text, result = f"{what}: there, but not as configured", 4
    elif code == ocf.ERR_CONFIGURED:
        text, result = f"{name}: unknown, for the arguments cannot be used", 4
    else:
        text, result = f"{what}: running, but it does not work", 4
    sys.stdout.write(f"{text}\n")
    return result
