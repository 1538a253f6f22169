"""Exit statuses and words of ``cl_status`` that it needs before, and whether or not, a node answers."""

from __future__ import annotations

from typing import Final

from hacluster.base.errors import HaError

OK: Final = 0
FAILURE: Final = 1
PARAMETER_ERROR: Final = 11
TIMEOUT: Final = 12
UNKNOWN_ERROR: Final = 13

STOPPED: Final = "Heartbeat is stopped on this machine."
RUNNING: Final = "Heartbeat is running on this machine."
NO_CONNECTION: Final = "hb_api_signon: Can't initiate connection to heartbeat"


_ORNAMENT: Final = "cl_status: ERROR: "


class FailedError(HaError):
    """The end of a sub-command that cannot answer; ``text`` is for standard error, ready to print."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def error_lines(*lines: str) -> str:
    """Lines for standard error as the original's log has them."""
    return "\n".join(_ORNAMENT + line for line in lines)


def plain(text: str) -> str:
    """What :func:`error_lines` has made, as one line for JSON and XML."""
    return "; ".join(line.removeprefix(_ORNAMENT) for line in text.splitlines())
