"""Meta-attributes: names and what values they take (Pacemaker Explained, "Resource Meta-Attributes", "Operations")."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from hacluster.base.values import msec, scan_int, truth, valid_interval

_SCORE: Final = re.compile(r"[+-]?(INFINITY|\d+)")
_TIMEOUT: Final = re.compile(r"\d+(ms|us|s|m|min|h|hr|msec|usec|sec)?")
_CLOSE: Final = 0.75


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be, and how that is said."""

    accepts: Callable[[str], bool]
    expected: str


def _words(*words: str) -> Kind:
    known = frozenset(word.lower() for word in words)
    return Kind(lambda text: text.lower() in known, f"one of {', '.join(words)}")


def _is_count(text: str) -> bool:
    number = scan_int(text)
    return number is not None and number >= 0 and text.strip().lstrip("+").isdecimal()


def plain_time(text: str) -> bool:
    """Whether a time is written as the documentation has it: a number with a unit and nothing between or after."""
    return _TIMEOUT.fullmatch(text) is not None or (text.startswith("P") and valid_interval(text))


BOOLEAN: Final = Kind(lambda text: truth(text) is not None, "a boolean (true or false)")
SCORE: Final = Kind(
    lambda text: _SCORE.fullmatch(text) is not None or scan_int(text) is not None,
    "a score: an integer, INFINITY or -INFINITY",
)
COUNT: Final = Kind(_is_count, "an integer of at least 0")
INTERVAL: Final = Kind(valid_interval, "a duration, such as 30s")
TIMEOUT: Final = Kind(lambda text: msec(text) > 0, "a time above 0, such as 30s")
TEXT: Final = Kind(lambda _text: True, "any text")
ROLE: Final = _words("Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave", "default")
THRESHOLD: Final = Kind(
    lambda text: SCORE.accepts(text) and not text.startswith("-"), "a number of at least 0 or INFINITY"
)

RESOURCE: Final[dict[str, Kind]] = {
    "priority": SCORE,
    "critical": BOOLEAN,
    "target-role": ROLE,
    "is-managed": Kind(lambda text: BOOLEAN.accepts(text) or text.lower() == "default", BOOLEAN.expected),
    "maintenance": BOOLEAN,
    "resource-stickiness": Kind(lambda text: SCORE.accepts(text) or text.lower() == "default", SCORE.expected),
    "requires": _words("nothing", "quorum", "fencing", "unfencing"),
    "migration-threshold": THRESHOLD,
    "failure-timeout": INTERVAL,
    "multiple-active": _words("block", "stop_only", "stop_start", "stop_unexpected"),
    "allow-migrate": BOOLEAN,
    "allow-unhealthy-nodes": BOOLEAN,
    "container-attribute-target": TEXT,
    "remote-node": TEXT,
    "remote-addr": TEXT,
    "remote-port": COUNT,
    "remote-connect-timeout": TIMEOUT,
    "remote-allow-migrate": BOOLEAN,
    "restart-type": TEXT,
    "clone-max": COUNT,
    "clone-node-max": COUNT,
    "clone-min": COUNT,
    "globally-unique": BOOLEAN,
    "interleave": BOOLEAN,
    "notify": BOOLEAN,
    "ordered": BOOLEAN,
    "collocated": BOOLEAN,
    "promotable": BOOLEAN,
    "promoted-max": COUNT,
    "promoted-node-max": COUNT,
    "master-max": COUNT,
    "master-node-max": COUNT,
    "provides": TEXT,
    "container": TEXT,
}
"""Meta-attributes of resources, by name."""

CLONE_ONLY: Final = frozenset({
    "clone-max", "clone-node-max", "clone-min", "globally-unique", "interleave", "promotable", "promoted-max",
    "promoted-node-max", "master-max", "master-node-max",
})  # fmt: skip
"""What only a clone (or what stands around it) reads."""

OPERATION: Final[dict[str, Kind]] = {
    "interval": INTERVAL,
    "interval-origin": TEXT,
    "start-delay": INTERVAL,
    "timeout": TIMEOUT,
    "enabled": BOOLEAN,
    "record-pending": BOOLEAN,
    "role": _words("Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"),
    "on-fail": _words("ignore", "block", "demote", "stop", "restart", "standby", "fence", "restart-container"),
    "can_fail": BOOLEAN,
    "role_after_failure": TEXT,
    "requires": TEXT,
    "failure-timeout": INTERVAL,
    "migration-threshold": THRESHOLD,
}
"""Meta-attributes of operations, by name; the last two are read where people have put them for years."""

DEVICE: Final = (
    "pcmk_host_argument", "pcmk_host_map", "pcmk_host_list", "pcmk_host_check", "pcmk_delay_max", "pcmk_delay_base",
    "pcmk_action_limit",
    *(f"pcmk_{action}_{what}" for action in ("reboot", "off", "on", "list", "monitor", "status", "metadata")
      for what in ("action", "timeout", "retries")),
)  # fmt: skip
"""Parameters that every fencing device understands."""


def nearest(name: str, known: object) -> str | None:
    """The known name that is nearest to a misspelt one: case, ``_`` for ``-`` and slips of a letter or two."""
    names = sorted(str(one) for one in known) if isinstance(known, (dict, frozenset, set, tuple, list)) else []
    plain = name.lower().replace("_", "-")
    for one in names:
        if one != name and one.lower().replace("_", "-") == plain:
            return one
    close = get_close_matches(name.lower(), names, n=1, cutoff=_CLOSE)
    return close[0] if close else None
