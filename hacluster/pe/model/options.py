"""The cluster options: names, defaults, and what is a valid value (Pacemaker Explained, "Cluster Options").

A value that is not valid counts as not given, as with Pacemaker; it is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.base.values import scan_int, truth, valid_interval


def _boolean(text: str) -> bool:
    return truth(text) is not None


def _number(text: str) -> bool:
    return text in ("INFINITY", "+INFINITY", "-INFINITY") or scan_int(text) is not None


def _one_of(*words: str) -> Callable[[str], bool]:
    return lambda text: text.lower() in words


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``alias`` is the name that another version gives it."""

    name: str
    default: str
    valid: Callable[[str], bool]
    expected: str
    alias: str | None = None


_BOOL = (_boolean, "a boolean")
_TIME = (valid_interval, "a duration")
_NUM = (_number, "a number")

OPTIONS: Final = {
    option.name: option
    for option in (
        Option(
            "no-quorum-policy",
            "stop",
            _one_of("stop", "freeze", "ignore", "demote", "suicide"),
            "stop, freeze, ignore, demote or suicide",
        ),
        Option("symmetric-cluster", "true", *_BOOL),
        Option("maintenance-mode", "false", *_BOOL),
        Option("start-failure-is-fatal", "true", *_BOOL),
        Option("enable-startup-probes", "true", *_BOOL),
        Option("shutdown-lock", "false", *_BOOL),
        Option("shutdown-lock-limit", "0", *_TIME),
        Option("stonith-enabled", "true", *_BOOL, alias="fencing-enabled"),
        Option(
            "stonith-action", "reboot", _one_of("reboot", "off", "poweroff"), "reboot or off", alias="fencing-action"
        ),
        Option("stonith-timeout", "60s", *_TIME, alias="fencing-timeout"),
        Option("have-watchdog", "false", *_BOOL),
        Option("concurrent-fencing", "false", *_BOOL),
        Option("startup-fencing", "true", *_BOOL),
        Option("priority-fencing-delay", "0", *_TIME),
        Option("cluster-delay", "60s", *_TIME),
        Option("batch-limit", "0", *_NUM),
        Option("migration-limit", "-1", *_NUM),
        Option("stop-all-resources", "false", *_BOOL),
        Option("stop-orphan-resources", "true", *_BOOL),
        Option("stop-orphan-actions", "true", *_BOOL),
        Option("remove-after-stop", "false", *_BOOL),
        Option(
            "node-health-strategy",
            "none",
            _one_of("none", "migrate-on-red", "only-green", "progressive", "custom"),
            "none, migrate-on-red, only-green, progressive or custom",
        ),
        Option("node-health-base", "0", *_NUM),
        Option("node-health-green", "0", *_NUM),
        Option("node-health-yellow", "0", *_NUM),
        Option("node-health-red", "-INFINITY", *_NUM),
        Option(
            "placement-strategy",
            "default",
            _one_of("default", "utilization", "minimal", "balanced"),
            "default, utilization, minimal or balanced",
        ),
    )
}


class Options:
    """The option values of one cluster, defaults filled in; other names (``cluster-name``) are kept as they are."""

    __slots__ = ("_given", "reports")

    def __init__(self, given: dict[str, str]) -> None:
        self._given = dict(given)
        self.reports: list[Report] = []
        for option in OPTIONS.values():
            self._given[option.name] = self._settle(option)

    def _settle(self, option: Option) -> str:
        value = self._given.get(option.name)
        if value is None and option.alias is not None:
            value = self._given.get(option.alias)
        if value is None:
            return option.default
        if option.valid(value):
            return value
        self.reports.append(
            Report(
                "bad-option",
                Severity.WARNING,
                f"{option.name} is {value!r}, not {option.expected}",
                hint=f"{option.default!r} is used",
            )
        )
        return option.default

    def __getitem__(self, name: str) -> str:
        return self._given[name]

    def get(self, name: str) -> str | None:
        """Any value, known option or not."""
        return self._given.get(name)

    def true(self, name: str) -> bool:
        """A known option as a boolean."""
        return bool(truth(self._given[name]))
