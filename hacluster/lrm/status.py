"""What ``status`` of a Heartbeat-class script means: its text, its exit status, and what to make of both.

Heartbeat 3.0.6 goes by the text alone (HARESOURCES section 3), and so "No server running", exit status 3, runs for it.
LSB (core 22.2) goes by the exit status, and so a script that always exits with 0 runs for ever. Here one of the two
decides, as configured; where they contradict each other that is said. "Cannot tell" is an answer of its own: the
resource is started, which does no harm where it runs, and after a stop that failed it counts as running.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from hacluster.lrm.call import printable
from hacluster.msg.lrm import OcfCode

_NOT_RUNNING = re.compile(r"[Nn][Oo][Tt] .*[Rr]unning", re.DOTALL)
_RUNNING = re.compile(r"[Rr]unning|OK")
_STOPPED = re.compile(
    r"\b(?:not\b.*\b(?:running|active|started)|(?:is |are )?(?:stopped|inactive|dead|down)\b)", re.I | re.S
)

EXIT_MEANINGS = {0: "running", 1: "dead, pid file left", 2: "dead, lock file left", 3: "not running", 4: "unknown"}
"""LSB's words for the exit statuses of ``status``; all others are nobody's."""

_RUNS = {0: True, 1: False, 2: False, 3: False, int(OcfCode.NOT_RUNNING): False}
"""What an exit status says of running; 7 is what wrappers of OCF agents give."""

_DEAD = (1, 2)
"""Dead, and something is left; what a script gives as well for an error, so its text has to agree."""

_GONE = (3, int(OcfCode.NOT_RUNNING))
SHOWN = 60


class Rule(StrEnum):
    """What decides."""

    TEXT = "text"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Reading:
    """OK, NOT_RUNNING or GENERIC (cannot be told: then ``reason``); ``note`` is a contradiction, in a sentence."""

    rc: OcfCode
    reason: str = ""
    note: str = ""


def says_running(text: str) -> bool:
    """Heartbeat's rule: "not running" is looked for first, then "running" or "OK"."""
    return _NOT_RUNNING.search(text) is None and _RUNNING.search(text) is not None


def says_stopped(text: str) -> bool:
    """Whether the text says plainly, to a person, that it does not run."""
    if _NOT_RUNNING.search(text) is not None:
        return True
    return _RUNNING.search(text) is None and _STOPPED.search(text) is not None


def read_status(text: str, code: int, rule: Rule) -> Reading:
    """What ``status`` that printed ``text`` and exited with ``code`` means."""
    runs, by_text = _RUNS.get(code), says_running(text)
    said = f"status says {_shown(text)} and exits with {code} ({EXIT_MEANINGS.get(code, 'no status of LSB')})"
    reading = _by_text(text) if rule is Rule.TEXT else _by_exit(text, code, said)
    if runs is None or runs == by_text:
        return reading
    if rule is Rule.EXIT and not by_text and not says_stopped(text):
        return reading  # a text of another kind, as LSB leaves it to the script: no contradiction
    outcome = {OcfCode.OK: "it counts as running", OcfCode.NOT_RUNNING: "it counts as not running"}
    note = f"{said}: by its {'text' if rule is Rule.TEXT else 'exit status'} "
    return Reading(reading.rc, reading.reason, note + outcome.get(reading.rc, "it cannot be told"))


def _by_text(text: str) -> Reading:
    return Reading(OcfCode.OK if says_running(text) else OcfCode.NOT_RUNNING)


def _by_exit(text: str, code: int, said: str) -> Reading:
    if code == 0 and not says_stopped(text):
        return Reading(OcfCode.OK)
    if code in _GONE or (code in _DEAD and says_stopped(text)):
        return Reading(OcfCode.NOT_RUNNING)
    return Reading(OcfCode.GENERIC, said)


def _shown(text: str) -> str:
    line = printable(" ".join(text.split()))
    return repr(line if len(line) <= SHOWN else line[:SHOWN] + "…") if line else "nothing"
