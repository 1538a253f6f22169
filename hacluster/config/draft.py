"""A configuration while its file is being read, and the kinds of directive that need no rule of their own.

A handler takes the draft and one line. It reports what is wrong and goes on, so that one run shows every fault.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hacluster.config.facts import HostFacts
from hacluster.config.findings import Findings, shown
from hacluster.config.lexical import Line, read_boolean, read_number, read_time, read_word
from hacluster.config.media import Medium


@dataclass(slots=True)
class Draft:
    """``settings`` are fields of the dataclass to be built.

    ``lines`` is where each directive was last seen, or first, for what must be unique (``hook status``).
    """

    findings: Findings
    host: HostFacts
    port: int
    settings: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    lists: dict[str, list[Any]] = field(default_factory=dict)
    media: list[Medium] = field(default_factory=list)
    nodes: dict[str, int] = field(default_factory=dict)
    ping_nodes: dict[str, int] = field(default_factory=dict)
    configured: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, value: object) -> None:
        """Append to the list setting ``name``."""
        self.lists.setdefault(name, []).append(value)


Handler = Callable[[Draft, Line], None]


def note_line(draft: Draft, line: Line, repeatable: Container[str]) -> None:
    """Remember where the directive stands, and report a value that takes another one's place.

    Heartbeat lets the last value win without a word. ``repeatable`` are the directives whose values add up, or which
    report that themselves.
    """
    before = draft.lines.get(line.directive)
    draft.lines[line.directive] = line.number
    if line.directive in repeatable:
        return
    if before is not None:
        text = f"{line.directive} was given in line {before} already: the last value counts"
        draft.findings.warning("given-again", line.number, text, "keep one of the lines", line.directive)
    if len(line.values) > 1:
        text = f"{line.directive} takes one value: the last of {len(line.values)} counts"
        draft.findings.warning("extra-values", line.number, text, "keep one of them", line.directive)


def time_setting(name: str, *, minimum_ms: int = 1) -> Handler:
    """A time of at least ``minimum_ms``; the last value counts."""

    def handle(draft: Draft, line: Line) -> None:
        for value in line.values:
            found = read_time(line, value.text, draft.findings, minimum_ms=minimum_ms)
            if found is not None:
                draft.settings[name] = found

    return handle


def boolean_setting(name: str) -> Handler:
    """A boolean; the last value counts."""

    def handle(draft: Draft, line: Line) -> None:
        for value in line.values:
            found = read_boolean(line, value.text, draft.findings)
            if found is not None:
                draft.settings[name] = found

    return handle


def number_setting(name: str, low: int, high: int) -> Handler:
    """A number in ``low..high``; the last value counts."""

    def handle(draft: Draft, line: Line) -> None:
        for value in line.values:
            found = read_number(line, value.text, draft.findings, low, high)
            if found is not None:
                draft.settings[name] = found

    return handle


def enum_setting(name: str, kind: type[StrEnum]) -> Handler:
    """One of the words of ``kind``; the last value counts."""

    def handle(draft: Draft, line: Line) -> None:
        for value in line.values:
            found = read_word(line, value.text, draft.findings, tuple(kind))
            if found is not None:
                draft.settings[name] = kind(found)

    return handle


def text_setting(name: str) -> Handler:
    """Any word; the last value counts."""

    def handle(draft: Draft, line: Line) -> None:
        for value in line.values:
            draft.settings[name] = value.text

    return handle


def path_setting(name: str) -> Handler:
    """A path; a relative one is reported, since it depends on where the daemon was started."""

    def handle(draft: Draft, line: Line) -> None:
        for value in line.values:
            if not value.text.startswith("/"):
                text = f"{line.directive} is a relative path"
                draft.findings.warning("relative-path", line.number, text, "write it from /", line.directive)
            draft.settings[name] = value.text

    return handle


def log_setting(name: str) -> Handler:
    """A path of a file that is made when it is missing; its directory is not."""
    setting = path_setting(name)

    def handle(draft: Draft, line: Line) -> None:
        setting(draft, line)
        directories = draft.host.directories
        for value in line.values:
            directory = value.text.rpartition("/")[0] or "/"
            if value.text.startswith("/") and directories is not None and directory not in directories:
                text = f"there is no directory {shown(directory)}: nothing can be written to {shown(value.text)}"
                draft.findings.warning("no-such-directory", line.number, text, f"mkdir -p {directory}", line.directive)

    return handle


def no_meaning(reason: str, *, check: Handler | None = None) -> Handler:
    """A directive of Heartbeat that hacluster does not need: its value is checked, then forgotten."""

    def handle(draft: Draft, line: Line) -> None:
        if check is not None:
            check(draft, line)
        text = f"{line.directive} has no effect here: {reason}"
        draft.findings.notice("no-effect", line.number, text, field=line.directive)

    return handle
