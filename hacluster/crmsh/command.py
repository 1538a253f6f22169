"""The ``crm`` command: one command line, a file, or lines from standard input, through the levels of the shell.

What there is so far: ``configure`` on a file or a shadow (CIB_file, CIB_shadow). A call from the command line, a file
and standard input commit what they changed at the end; a fault ends a batch at its line. Exit status: 0, or 1 after a
fault, as crmsh has it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.errors import HaError
from hacluster.base.report import Report
from hacluster.config.findings import nearest
from hacluster.crmsh.configure import VERBS, ConfigureLevel
from hacluster.crmsh.words import split, statements
from hacluster.crmsh.workspace import Rejected

USAGE: Final = """usage: crm [-h] [-f FILE] [-c CIB] [-F] [-w] [-D MODE] [-R] [-d] [-n] [-o OPT=VAL] [LEVEL COMMAND ...]

  -f, --file FILE            run the commands of FILE (- for standard input)
  -c, --cib CIB              work on the shadow CIB
  -F, --force                do what needs force, and ask nothing
  -w, --wait                 wait for changes to take effect
  -D, --display MODE         plain, color, uppercase or color-always
  -R, --regression-tests     say each line again before it is run
  -d, --debug                tell more
  -n, --no                   answer no to every question
  -o, --opt OPT=VAL          set an option for this call
  -h, --help    --version

levels: configure
"""
_WITH_VALUE: Final = {
    "-f": "file",
    "--file": "file",
    "-c": "cib",
    "--cib": "cib",
    "-D": "display",
    "--display": "display",
}
_IGNORED_VALUE: Final = frozenset({"-o", "--opt", "-H", "--history", "-X", "--profile", "--scriptdir"})
_FLAGS: Final = {
    "-F": "force",
    "--force": "force",
    "-w": "wait",
    "--wait": "wait",
    "-R": "echo",
    "--regression-tests": "echo",
    "-d": "debug",
    "--debug": "debug",
    "-n": "no",
    "--no": "no",
}
_DISPLAYS: Final = ("plain", "color", "uppercase", "color-always")
OTHER_LEVELS: Final = (
    "assist",
    "cib",
    "cluster",
    "corosync",
    "history",
    "maintenance",
    "node",
    "options",
    "ra",
    "report",
    "resource",
    "script",
    "site",
    "status",
    "template",
    "verify",
)
"""Levels of crmsh that this version does not have yet."""


class Fault(Exception):  # noqa: N818  the person's fault, told in a line
    """A command that cannot be done."""


@dataclass(slots=True)
class Options:
    """A command line. ``words``: what is left of it for the shell."""

    words: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)


def parse_options(argv: Sequence[str]) -> Options:
    """The options in front of the first word; raises :class:`Fault`."""
    options, rest = Options(), list(argv)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            options.flags.add(_FLAGS[word])
        elif name in _WITH_VALUE or name in _IGNORED_VALUE:
            if not equals:
                if not rest:
                    raise Fault(f"{word} needs a value")
                value = rest.pop(0)
            if name in _WITH_VALUE:
                options.values[_WITH_VALUE[name]] = value
        elif word in {"-h", "--help", "--version"}:
            options.flags.add(word.lstrip("-").replace("h", "help", 1) if word == "-h" else word.lstrip("-"))
        else:
            raise Fault(f"unknown option {word}")
    options.words = rest
    display = options.values.get("display")
    if display is not None and display not in _DISPLAYS:
        raise Fault(f"display is one of {', '.join(_DISPLAYS)}, not {display}")
    return options


class Shell:
    """The levels, and where in them the next command is read."""

    def __init__(self, environment: Mapping[str, str], *, force: bool, echo: bool) -> None:
        self._environment = environment
        self._force = force
        self._echo = echo
        self._configure: ConfigureLevel | None = None
        self._inside = False

    @property
    def configure(self) -> ConfigureLevel:
        """The level ``configure``, opened when it is first spoken of."""
        if self._configure is None:
            self._configure = ConfigureLevel(self._environment, force=self._force)
        return self._configure

    def run(self, text: str) -> None:
        """One command; raises :class:`Fault`, :class:`Rejected` or :class:`HaError`."""
        if self._echo:
            sys.stdout.write(f".INP: {text}\n")
        if text.startswith("xml"):
            if not self._inside:
                raise Fault("xml stands in configure")
            self.configure.run(["xml"], text)
            return
        try:
            words = split(text)
        except ValueError as fault:
            raise Fault(f"the quotes do not fit: {fault}") from None
        if not words:
            return
        first = words[0].lower()
        if self._inside:
            if first in {"end", "up", "back", "..", "cd"}:
                self._inside = False
            elif first in {"quit", "bye", "exit"}:
                raise EOFError
            else:
                self.configure.run(words, text)
            return
        if first in {"quit", "bye", "exit"}:
            raise EOFError
        if first in {"configure", "cf", "cfg", "conf", "config"}:
            if len(words) == 1:
                self._inside = True
            else:
                self.configure.run(words[1:], text.partition(words[0])[2].strip())
            return
        if first == "help":
            sys.stdout.write(USAGE)
            return
        if first in OTHER_LEVELS:
            raise Fault(f"this version has no level {first} yet")
        hint = nearest(first, ("configure", *OTHER_LEVELS))
        raise Fault(f"{words[0]}: no such command" + (f" ({hint})" if hint else ""))

    def finish(self) -> None:
        """Commit what was changed and not committed yet."""
        if self._configure is not None and self._configure.changed:
            self._configure.commit()


def _say(text: str) -> None:
    sys.stderr.write(f"ERROR: {text}\n")


def _attempt(work: Callable[[], None], line: int | None = None) -> bool:
    """Whether it could be done; what could not is told, with its line in a batch."""
    where = "" if line is None else f"{line}: "
    try:
        work()
    except Rejected as rejected:
        for report in rejected.reports:
            _say(where + _worded(report))
    except (Fault, HaError, OSError) as fault:
        _say(f"{where}{fault}")
    else:
        return True
    return False


def _worded(report: Report) -> str:
    place = report.place
    where = f"{place.file}:{place.line}: " if place is not None and place.line is not None else ""
    word = f" (at {place.field!r})" if place is not None and place.field else ""
    return f"{where}{report.text}{word}"


def _batch(shell: Shell, text: str) -> int:
    for statement in statements(text):
        try:
            if not _attempt(lambda text=statement.text: shell.run(text), statement.line):  # type: ignore[misc]
                return 1
        except EOFError:
            break
    return 0 if _attempt(shell.finish) else 1


def main(argv: Sequence[str]) -> int:
    """Run the command line; gives the exit status."""
    try:
        options = parse_options(argv)
    except Fault as fault:
        _say(str(fault))
        return 1
    if "help" in options.flags:
        sys.stdout.write(USAGE)
        return 0
    if "version" in options.flags:
        from hacluster import __version__  # noqa: PLC0415  only this word needs it

        sys.stdout.write(f"crm of hacluster {__version__}\n")
        return 0
    environment = dict(os.environ)
    if "cib" in options.values:
        environment["CIB_shadow"] = options.values["cib"]
    shell = Shell(environment, force="force" in options.flags, echo="echo" in options.flags)
    if options.words:
        try:
            done = _attempt(lambda: shell.run(_joined(options.words)))
        except EOFError:
            done = True
        return 0 if done and _attempt(shell.finish) else 1
    return _batch(shell, _script(options.values.get("file", "-")))


def _script(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    with open(file, encoding="utf-8") as opened:
        return opened.read()


def _joined(words: Sequence[str]) -> str:
    """The words of a command line as a text that splits into them again."""
    import shlex  # noqa: PLC0415  loaded already by the words

    if "xml" in words[:2]:
        return " ".join(words)
    return shlex.join(words)


def script() -> None:
    """The console script."""
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except (OSError, UnicodeDecodeError) as error:
        _say(str(error))
        sys.exit(1)


__all__ = ["VERBS", "Shell", "main", "script"]
