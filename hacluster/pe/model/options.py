"""The option values of one cluster, as the stages read them (:mod:`hacluster.cib.options` has the names)."""

from __future__ import annotations

from hacluster.base.report import Report, Severity
from hacluster.base.values import truth
from hacluster.cib.options import OPTIONS, Option


class Options:
    """The option values of one cluster, defaults filled in; other names (``cluster-name``) are kept as they are."""

    __slots__ = ("_given", "named", "reports")

    def __init__(self, given: dict[str, str]) -> None:
        self._given = dict(given)
        self.named = frozenset(
            option.name for option in OPTIONS.values() if option.name in given or option.old in given
        )
        """The known options that the configuration itself gives, by their present names."""
        self.reports: list[Report] = []
        for option in OPTIONS.values():
            value = self._settle(option)
            if value:
                self._given[option.name] = value

    def _settle(self, option: Option) -> str:
        name, value = option.name, self._given.get(option.name)
        if value is None and option.old is not None:
            name, value = option.old, self._given.get(option.old)
        if value is None:
            return option.default
        if option.valid(value):
            return value
        self.reports.append(
            Report(
                "bad-option",
                Severity.ERROR,
                f"{name} is {value!r}, not {option.expected}",
                hint=f"{option.default!r} is used",
            )
        )
        return option.default

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and self._given == other._given

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, name: str) -> str:
        return self._given[name]

    def get(self, name: str) -> str | None:
        """Any value, known option or not."""
        return self._given.get(name)

    def true(self, name: str) -> bool:
        """A known option as a boolean."""
        return bool(truth(self._given[name]))
