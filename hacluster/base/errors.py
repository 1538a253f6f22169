"""The few exceptions that cross an API edge.

Inside, what the world does wrong is data and what we do wrong is an assertion; an exception is for a caller who
asked for something that cannot be had.
"""

from __future__ import annotations

from hacluster.base.report import Report


class HaError(Exception):
    """Base of every exception that hacluster raises on purpose."""


class WireError(HaError):
    """A datagram or frame that is not what its format says. ``field`` names the offending part, if one is known."""

    def __init__(self, text: str, *, field: str | None = None, offset: int | None = None) -> None:
        where = "" if field is None else f" in field {field!r}"
        where += "" if offset is None else f" at byte {offset}"
        super().__init__(text + where)
        self.field = field
        self.offset = offset


class ConfigError(HaError):
    """Configuration that must not be used; carries every report that was found, not only the first."""

    def __init__(self, reports: list[Report]) -> None:
        super().__init__("; ".join(str(report) for report in reports))
        self.reports = reports
