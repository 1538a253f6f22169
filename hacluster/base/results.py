"""Results as Pacemaker's tools tell them: the text of an error, and the exit status that stands for it.

The numbers and texts are those of Pacemaker 3.0 (``crm_error --list --exit`` and ``--rc``); exit statuses follow
sysexits(3) from 64 on, and OCF's below 10.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from hacluster.base.errors import HaError


class Exit(IntEnum):
    """Exit statuses that tools end with."""

    OK = 0
    ERROR = 1
    UNIMPLEMENTED = 3
    DENIED = 4
    USAGE = 64
    DATA = 65
    NO_INPUT = 66
    NO_HOST = 68
    SOFTWARE = 70
    CANNOT_CREATE = 73
    IO_ERROR = 74
    PROTOCOL = 76
    CONFIG = 78
    DISCONNECTED = 102
    OLD = 103
    DIGEST = 104
    NO_SUCH = 105
    QUORUM = 106
    UNSAFE = 107
    EXISTS = 108
    MULTIPLE = 109
    EXPIRED = 110
    NOT_YET = 111
    INDETERMINATE = 112
    UNSATISFIED = 113
    NO_DC = 114
    TIMEOUT = 124


EXITS: Final[tuple[tuple[int, str, str], ...]] = (
    (0, "CRM_EX_OK", "OK"),
    (1, "CRM_EX_ERROR", "Error occurred"),
    (2, "CRM_EX_INVALID_PARAM", "Invalid parameter"),
    (3, "CRM_EX_UNIMPLEMENT_FEATURE", "Unimplemented"),
    (4, "CRM_EX_INSUFFICIENT_PRIV", "Insufficient privileges"),
    (5, "CRM_EX_NOT_INSTALLED", "Not installed"),
    (6, "CRM_EX_NOT_CONFIGURED", "Not configured"),
    (7, "CRM_EX_NOT_RUNNING", "Not running"),
    (8, "CRM_EX_PROMOTED", "Promoted"),
    (9, "CRM_EX_FAILED_PROMOTED", "Failed in promoted role"),
    (64, "CRM_EX_USAGE", "Incorrect usage"),
    (65, "CRM_EX_DATAERR", "Invalid data given"),
    (66, "CRM_EX_NOINPUT", "Input file not available"),
    (67, "CRM_EX_NOUSER", "User does not exist"),
    (68, "CRM_EX_NOHOST", "Host does not exist"),
    (69, "CRM_EX_UNAVAILABLE", "Necessary service unavailable"),
    (70, "CRM_EX_SOFTWARE", "Internal software bug"),
    (71, "CRM_EX_OSERR", "Operating system error occurred"),
    (72, "CRM_EX_OSFILE", "System file not available"),
    (73, "CRM_EX_CANTCREAT", "Cannot create output file"),
    (74, "CRM_EX_IOERR", "I/O error occurred"),
    (75, "CRM_EX_TEMPFAIL", "Temporary failure, try again"),
    (76, "CRM_EX_PROTOCOL", "Protocol violated"),
    (77, "CRM_EX_NOPERM", "Insufficient privileges"),
    (78, "CRM_EX_CONFIG", "Invalid configuration"),
    (100, "CRM_EX_FATAL", "Fatal error occurred, will not respawn"),
    (101, "CRM_EX_PANIC", "System panic required"),
    (102, "CRM_EX_DISCONNECT", "Not connected"),
    (103, "CRM_EX_OLD", "Update was older than existing configuration"),
    (104, "CRM_EX_DIGEST", "Digest mismatch"),
    (105, "CRM_EX_NOSUCH", "No such object"),
    (106, "CRM_EX_QUORUM", "Quorum required"),
    (107, "CRM_EX_UNSAFE", "Operation not safe"),
    (108, "CRM_EX_EXISTS", "Requested item already exists"),
    (109, "CRM_EX_MULTIPLE", "Multiple items match request"),
    (110, "CRM_EX_EXPIRED", "Requested item has expired"),
    (111, "CRM_EX_NOT_YET_IN_EFFECT", "Requested item is not yet in effect"),
    (112, "CRM_EX_INDETERMINATE", "Could not determine status"),
    (113, "CRM_EX_UNSATISFIED", "Not applicable under current conditions"),
    (114, "CRM_EX_NO_DC", "DC is not yet elected"),
    (124, "CRM_EX_TIMEOUT", "Timeout occurred"),
    (190, "CRM_EX_DEGRADED", "Service is active but might fail soon"),
    (191, "CRM_EX_DEGRADED_PROMOTED", "Service is promoted but might fail soon"),
    (193, "CRM_EX_NONE", "No exit status available"),
)
"""Exit statuses: number, name, text."""

_EXIT_TEXTS: Final = {code: text for code, _, text in EXITS}


def exit_text(code: int) -> str:
    """What an exit status means; above 128 it may be a signal's."""
    known = _EXIT_TEXTS.get(code)
    if known is not None:
        return known
    return "Interrupted by signal" if 128 < code < 193 else "Error occurred" if code == 255 else "Unknown exit status"


class Fault(HaError):  # noqa: N818 - the field calls it that
    """A call that failed. ``text`` is the standard one of its error, ``exit`` the status that a tool ends with."""

    def __init__(self, text: str, status: Exit) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


def no_such() -> Fault:
    """What was asked for is not there."""
    return Fault("No such device or address", Exit.NO_SUCH)


def invalid() -> Fault:
    """The request makes no sense."""
    return Fault("Invalid argument", Exit.SOFTWARE)


def denied() -> Fault:
    """The user may not do that."""
    return Fault("Permission denied", Exit.DENIED)


def exists() -> Fault:
    """What was to be made is there already."""
    return Fault("File exists", Exit.EXISTS)


def old_data() -> Fault:
    """The change is for an older document."""
    return Fault("Update was older than existing configuration", Exit.OLD)


def bad_schema() -> Fault:
    """The document would not be what its schema says."""
    return Fault("Update does not conform to the configured schema", Exit.CONFIG)


def bad_patch() -> Fault:
    """A patch cannot be applied."""
    return Fault("Application of update diff failed, requesting full refresh", Exit.ERROR)


def not_connected() -> Fault:
    """No daemon answers."""
    return Fault("Transport endpoint is not connected", Exit.DISCONNECTED)
