"""The interpreter: finds what a line means at the level where it is said, and runs it there."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from hacluster.base.errors import HaError
from hacluster.base.report import Report
from hacluster.config.findings import nearest
from hacluster.crmsh.level import Level, Refused, Verb, choose, count
from hacluster.crmsh.levels import find_level
from hacluster.crmsh.levels.root import ROOT
from hacluster.crmsh.session import Session
from hacluster.crmsh.words import split, statements
from hacluster.crmsh.workspace import Rejected

UP: Final = frozenset({"up", "end", "back", ".."})
QUIT: Final = frozenset({"quit", "bye", "exit"})


class Ended(Exception):  # noqa: N818  the person said so
    """The shell is to end with this status, ``None``: as it stands."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class Shell:
    """``session`` knows where one stands."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def level(self) -> Level:
        """Where one stands."""
        return self.session.path[-1] if self.session.path else ROOT

    def run(self, line: str) -> bool:
        """One line; ``False`` when it could not be done, which has been told. Raises :class:`Ended`."""
        line = line.strip()
        if not line or line.startswith("#"):
            return True
        try:
            words = line.split(" ") if line.startswith("xml") else split(line)
        except ValueError as fault:
            self.session.voice.error(f"the quotes do not fit: {fault}")
            return False
        return self.perform(words)

    def perform(self, words: Sequence[str]) -> bool:
        """The words of a line: levels, which one passes through, and a verb. Where one stood stays."""
        session = self.session
        mark = len(session.path)
        name = ""
        try:
            rest = list(words)
            while rest:
                name, *rest = rest
                if self._moves(name, rest):
                    return True
                verb = self._find(name)
                if verb.opens:
                    session.path.append(find_level(verb.opens))
                    continue
                if any(word in {"-h", "--help"} for word in rest[:1]):
                    self._help([*[level.name for level in session.path], verb.name])
                    return self._back(mark, in_passing=True)
                done = self._call(verb, rest)
                return self._back(mark, in_passing=True) and done
        except (Refused, HaError, OSError) as fault:
            session.voice.error(f"{self._qualified(name)}: {fault_text(fault)}")
        except Rejected as rejected:
            for report in rejected.reports:
                session.voice.error(worded(report))
        else:
            return True
        self._back(mark, in_passing=True, keep=False)
        return False

    def _call(self, verb: Verb, words: list[str]) -> bool:
        count(verb, words)
        done = verb.run(self.session, words) is not False
        waits = self.session.switches.wait or self.session.preferences.truth("core.wait")
        if done and verb.waits and waits:
            from hacluster.crmsh.waiting import settled  # noqa: PLC0415  seldom

            return settled(self.session)
        return done

    def _find(self, name: str) -> Verb:
        names = self.level.names()
        verb: Verb | None = choose({**names}, name)
        if verb is None:
            hint = nearest(name, [one for one in names if not one.startswith("_")])
            raise Refused("No such command" + (f" ({hint})" if hint else ""))
        if name in verb.old:
            self.session.voice.warning(f"This command '{name}' is deprecated, please use '{verb.name}'")
        if name != verb.name:
            self.session.voice.info(f'"{name}" is accepted as "{verb.name}"')
        return verb

    def _moves(self, name: str, rest: Sequence[str]) -> bool:
        """Words that every level has: up, cd, quit, help, ls."""
        if name in UP:
            self._up()
        elif name == "cd":
            self._cd(rest[0] if rest else "..")
        elif name in QUIT:
            status = int(rest[0]) if rest and rest[0].isdecimal() else None
            self.finish()
            raise Ended(status)
        elif name in {"help", "?"}:
            self._help([*([level.name for level in self.session.path] if rest or self.session.path else []), *rest])
        elif name == "ls":
            for verb in self.level.verbs:
                if verb.shown:
                    self.session.voice.out(verb.name)
        else:
            return False
        return True

    def _help(self, topics: list[str]) -> None:
        from hacluster.crmsh.help import help_lines  # noqa: PLC0415  only help needs it

        for line in help_lines(topics):
            self.session.voice.out(line)

    def _up(self, *, in_passing: bool = False, keep: bool = True) -> bool:
        if not self.session.path:
            return True
        level = self.session.path[-1]
        done = True
        if level.leave is not None:
            try:
                if keep:
                    done = level.leave(self.session, in_passing)
                else:
                    self.session.renew()
            finally:
                self.session.path.pop()
        else:
            self.session.path.pop()
        return done

    def _back(self, mark: int, *, in_passing: bool, keep: bool = True) -> bool:
        """Up to where one stood: what a line of one command changed is committed, what failed is dropped."""
        done = True
        while len(self.session.path) > mark:
            try:
                done = self._up(in_passing=in_passing, keep=keep) and done
            except (Refused, HaError, OSError) as fault:
                self.session.voice.error(fault_text(fault))
                done = False
        return done

    def _cd(self, path: str) -> None:
        for step in path.strip("/").split("/"):
            if step in {"", "."}:
                continue
            if step == "..":
                self._up()
            else:
                verb = self._find(step)
                if not verb.opens:
                    raise Refused(f"{step} is no level")
                self.session.path.append(find_level(verb.opens))

    def _qualified(self, name: str) -> str:
        return ".".join([*(level.name for level in self.session.path), name])

    def finish(self, *, faults: bool = False) -> bool:
        """Leave all levels; what was changed is committed, unless a line of a batch failed."""
        if faults and self.session.editing:
            self.session.voice.error("what was changed is not committed, because of the faults above; use commit")
            self.session.renew()
        return self._back(0, in_passing=False)

    def batch(self, text: str) -> int:
        """Run every line of a text; the exit status. A line that fails does not keep the next from being run."""
        session = self.session
        faults = False
        try:
            for number, line in numbered(text, echo=session.switches.echo):
                session.voice.line = number
                faults = not self.run(line) or faults
        except Ended as ended:
            if ended.status is not None:
                return ended.status
        session.voice.line = None
        done = self.finish(faults=faults)
        return 0 if done and not faults else 1


def numbered(text: str, *, echo: bool) -> Iterator[tuple[int, str]]:
    """The commands of a text with their lines.

    With ``echo`` each line is told when its turn has come, comments and empty ones too, as crmsh's tests want it.
    """
    if not echo:
        yield from ((one.line, one.text) for one in statements(text))
        return
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    parts: list[str] = []
    for number, raw in enumerate(lines, start=1):
        sys.stderr.flush()
        sys.stdout.write(f".INP: {raw}\n")
        sys.stdout.flush()
        line = raw.strip()
        if line.endswith("\\"):
            parts.append(line.rstrip("\\"))
            continue
        yield number, "".join([*parts, line])
        parts = []
    if parts:
        yield len(lines), "".join(parts)


def fault_text(fault: Exception) -> str:
    """What to say of a fault."""
    if isinstance(fault, OSError) and fault.strerror:
        return f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror
    return str(fault)


def worded(report: Report) -> str:
    """A report with its place and hint."""
    place = report.place
    where = f"{place.file}:{place.line}: " if place is not None and place.line is not None else ""
    word = f" (at {place.field!r})" if place is not None and place.field else ""
    hint = f" ({report.hint})" if report.hint else ""
    return f"{where}{report.text}{word}{hint}"
