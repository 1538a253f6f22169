"""The frame of a Heartbeat-class front end: ``NAME ARGUMENT… start|stop|status`` (haresources).

Arguments come before the operation. The text of ``status`` is what decides for Heartbeat, so it is chosen with care:
"running" also where something is there but does not work, because Heartbeat reads "not running" as "surely gone".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from hacluster_ra import ocf

OPERATIONS = ("start", "stop", "status", "monitor")


def program(agent: ocf.Agent, usage: str, read: Callable[[Sequence[str]], dict[str, str]]) -> None:
    """``read`` turns the arguments into parameters of ``agent``; it raises ValueError with a sentence."""
    if len(sys.argv) == 2 and sys.argv[1] in ("meta-data", "usage"):
        ocf.program(agent)
    arguments, operation = sys.argv[1:-1], sys.argv[-1] if len(sys.argv) > 1 else ""
    help_line = f"usage: {os.path.basename(sys.argv[0])} {usage} {'|'.join(OPERATIONS)}\n"
    if operation not in OPERATIONS:
        sys.stderr.write(help_line)
        raise SystemExit(1)
    try:
        parameters = read(arguments)
    except ValueError as error:
        sys.stderr.write(f"{error}\n{help_line}")
        raise SystemExit(1) from None
    os.chdir("/")
    environment = dict(os.environ)
    environment |= {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    environment["OCF_RESOURCE_INSTANCE"] = "_".join([agent.name, *arguments])
    code = ocf.guarded(lambda: agent.perform("monitor" if operation == "status" else operation, environment))
    if operation in ("status", "monitor"):
        raise SystemExit(_status(agent.name, arguments, code))
    raise SystemExit(0 if code == ocf.OK else 1)


def _status(name: str, arguments: Sequence[str], code: int) -> int:
    """Print the text and give LSB's exit code of ``status``: 0 running, 3 not running, 4 unknown."""
    what = " ".join([name, *arguments])
    if code in (ocf.OK, ocf.RUNNING_PROMOTED):
        text, result = "running", 0
    elif code == ocf.NOT_RUNNING or code in (ocf.ERR_CONFIGURED, ocf.ERR_INSTALLED):
        text, result = "not running", 3
    else:
        text, result = "running, but it does not work", 4
    sys.stdout.write(f"{what}: {text}\n")
    return result
