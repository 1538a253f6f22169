"""The cluster options: names, defaults, and what is a valid value (Pacemaker Explained, "Cluster Options", 3.0).

A value that is not valid counts as not given, as with Pacemaker. Names that 3.0 replaced are still read; where both
are given, the newer one counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hacluster.base.values import scan_int, truth, valid_interval


def _boolean(text: str) -> bool:
    return truth(text) is not None


def _number(text: str) -> bool:
    return text in ("INFINITY", "+INFINITY", "-INFINITY") or scan_int(text) is not None


def _positive(text: str) -> bool:
    return text in ("INFINITY", "+INFINITY") or (scan_int(text) or 0) > 0


def _percentage(text: str) -> bool:
    return text.rstrip("%").replace(".", "", 1).isdecimal()


def _anything(_text: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``old`` is the name that it had before 3.0; ``dropped``: no longer in effect since 3.0, and why."""

    name: str
    default: str
    valid: Callable[[str], bool]
    expected: str
    old: str | None = None
    dropped: str = ""


_BOOL: Final = (_boolean, "a boolean")
_TIME: Final = (valid_interval, "a duration")
_NUM: Final = (_number, "a number")
_TEXT: Final = (_anything, "any text")


def _words(name: str, default: str, *others: str, old: str | None = None, silent: tuple[str, ...] = ()) -> Option:
    """An option that is one of some words; ``silent`` ones are read but not recommended."""
    named = (default, *others)
    expected = ", ".join(named[:-1]) + f" or {named[-1]}"
    return Option(name, default, lambda text: text.lower() in {*named, *silent}, expected, old)


OPTIONS: Final = {
    option.name: option
    for option in (
        # what the scheduler reads
        _words("no-quorum-policy", "stop", "freeze", "ignore", "demote", "fence", silent=("suicide",)),
        Option("symmetric-cluster", "true", *_BOOL),
        Option("maintenance-mode", "false", *_BOOL),
        Option("start-failure-is-fatal", "true", *_BOOL),
        Option("enable-startup-probes", "true", *_BOOL),
        Option("shutdown-lock", "false", *_BOOL),
        Option("shutdown-lock-limit", "0", *_TIME),
        Option("fencing-enabled", "true", *_BOOL, "stonith-enabled"),
        _words("fencing-action", "reboot", "off", old="stonith-action", silent=("poweroff",)),
        Option("fencing-timeout", "60s", *_TIME, "stonith-timeout"),
        Option("have-watchdog", "false", *_BOOL),
        Option("concurrent-fencing", "true", *_BOOL),
        Option("startup-fencing", "true", *_BOOL),
        Option("priority-fencing-delay", "0", *_TIME),
        Option("fence-remote-without-quorum", "false", *_BOOL),
        Option("node-pending-timeout", "0", *_TIME),
        Option("cluster-delay", "60s", *_TIME),
        Option("batch-limit", "0", *_NUM),
        Option("migration-limit", "-1", *_NUM),
        Option("stop-all-resources", "false", *_BOOL),
        Option("stop-removed-resources", "true", *_BOOL, "stop-orphan-resources"),
        Option("cancel-removed-actions", "true", *_BOOL, "stop-orphan-actions"),
        _words("node-health-strategy", "none", "migrate-on-red", "only-green", "progressive", "custom"),
        Option("node-health-base", "0", *_NUM),
        Option("node-health-green", "0", *_NUM),
        Option("node-health-yellow", "0", *_NUM),
        Option("node-health-red", "-INFINITY", *_NUM),
        _words("placement-strategy", "default", "utilization", "minimal", "balanced"),
        Option("pe-error-series-max", "-1", *_NUM),
        Option("pe-warn-series-max", "5000", *_NUM),
        Option("pe-input-series-max", "4000", *_NUM),
        # what other parts of a cluster read
        Option("dc-version", "", *_TEXT),
        Option("cluster-infrastructure", "", *_TEXT),
        Option("cluster-name", "", *_TEXT),
        Option("dc-deadtime", "20s", *_TIME),
        Option("cluster-recheck-interval", "15min", *_TIME),
        Option("election-timeout", "2min", *_TIME),
        Option("shutdown-escalation", "20min", *_TIME),
        Option("join-integration-timeout", "3min", *_TIME, "crmd-integration-timeout"),
        Option("join-finalization-timeout", "30min", *_TIME, "crmd-finalization-timeout"),
        Option("transition-delay", "0s", *_TIME, "crmd-transition-delay"),
        _words("fencing-reaction", "stop", "panic", old="fence-reaction"),
        Option("fencing-watchdog-timeout", "0", *_TEXT, "stonith-watchdog-timeout"),
        Option("fencing-max-attempts", "10", _positive, "a positive number", "stonith-max-attempts"),
        Option("enable-acl", "false", *_BOOL),
        Option("load-threshold", "80%", _percentage, "a percentage"),
        Option("node-action-limit", "0", *_NUM),
        Option("cluster-ipc-limit", "500", *_TEXT, dropped="it is ignored since 3.0"),
        Option("remove-after-stop", "false", *_BOOL, dropped="it has no effect since 3.0: results are kept"),
        Option("last-lrm-refresh", "0", *_TEXT),
    )
}
"""Every option by its present name."""

PRESENT_NAMES: Final = {option.old: option.name for option in OPTIONS.values() if option.old is not None}
"""The present name of each option that was called otherwise before 3.0."""


def option_names(name: str) -> tuple[str, ...]:
    """The names under which an option may be given, the one that counts first; ``name`` is the present one."""
    option = OPTIONS.get(name)
    return (name,) if option is None or option.old is None else (name, option.old)
