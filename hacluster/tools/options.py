"""Options of the tools in the line of Pacemaker's: tables that the parser, the help, the man pages and completion read.

The rules are GLib's, which Pacemaker's tools parse with: options may stand anywhere, short ones may be bundled, a short
option's value may follow at once, long names are not abbreviated, and ``--`` ends the options.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.errors import HaError

FLAG: Final = ""
"""The metavar of an option without a value."""


class UsageError(HaError):
    """Arguments that make no sense."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``arg`` names its value (none: a flag); ``optional``: the value may be missing."""

    long: str
    short: str = ""
    arg: str = FLAG
    help: str = ""
    optional: bool = False
    number: bool = False
    hidden: bool = False

    def shown(self) -> str:
        """``-x, --long=ARG`` as the help has it."""
        names = f"-{self.short}, --{self.long}" if self.short else f"--{self.long}"
        if self.arg == FLAG:
            return names
        return f"{names}[={self.arg}]" if self.optional else f"{names}={self.arg}"


@dataclass(frozen=True, slots=True)
class Group:
    """Options that belong together: ``name`` as in ``--help-name``."""

    name: str
    title: str
    options: tuple[Option, ...]


OUTPUT: Final = Group("output", "Output Options:", (
    Option("output-as", "", "FORMAT", "Specify output format as one of: text (default), xml, json"),
    Option("output-to", "", "DEST", 'Specify file name for output (or "-" for stdout)'),
))  # fmt: skip
COMMON: Final = Group("", "Application Options:", (
    Option("version", "$", FLAG, "Display software version and exit"),
    Option("verbose", "V", FLAG, "Increase debug output (may be specified multiple times)"),
))  # fmt: skip
FANCY: Final = Option(
    "text-fancy", "", FLAG, "Use more highly formatted output (accepted for compatibility)", hidden=True
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A command: its name, one line of what it does, its options, what may stand after them, and examples."""

    name: str
    summary: str
    groups: tuple[Group, ...] = ()
    operands: str = ""
    output: bool = True
    """Whether it has ``--output-as`` and ``--output-to``."""
    notes: str = ""

    def all_groups(self) -> tuple[Group, ...]:
        """The groups with those that every tool has."""
        return (*self.groups, *((OUTPUT,) if self.output else ()), COMMON)

    def options(self) -> Iterator[Option]:
        """Every option."""
        for group in self.all_groups():
            yield from group.options


@dataclass(slots=True)
class Given:
    """A parsed command line: options in their order, and what is no option."""

    events: list[tuple[str, str]] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    help: str | None = None
    """The group of options that help is wanted for; "" for the usual."""

    def __contains__(self, name: str) -> bool:
        return any(event == name for event, _ in self.events)

    def get(self, name: str) -> str | None:
        """The last value of an option; ``None`` when it was not given."""
        return next((value for event, value in reversed(self.events) if event == name), None)

    def all(self, name: str) -> list[str]:
        """Every value of an option."""
        return [value for event, value in self.events if event == name]

    def count(self, name: str) -> int:
        """How often an option was given."""
        return len(self.all(name))

    def last_of(self, *names: str) -> str | None:
        """Which of these options came last."""
        return next((event for event, _ in reversed(self.events) if event in names), None)


class _Parser:
    def __init__(self, tool: Tool) -> None:
        self.long = {option.long: option for option in tool.options()}
        self.short = {option.short: option for option in tool.options() if option.short}
        self.groups = {group.name for group in tool.all_groups()} | {"all"}
        self.given = Given()

    def note(self, option: Option, value: str, shown: str) -> None:
        if option.number:
            try:
                int(value)
            except ValueError:
                raise UsageError(f"Cannot parse integer value “{value}” for {shown}") from None
        self.given.events.append((option.long, value))

    def long_word(self, word: str, rest: list[str]) -> None:
        name, equals, value = word[2:].partition("=")
        option = self.long.get(name)
        if option is None:
            if name == "help" or (name.startswith("help-") and name[5:] in self.groups):
                self.given.help = name[5:]
                return
            raise UsageError(f"Unknown option {word}")
        if option.arg == FLAG:
            if equals:
                raise UsageError(f"Unknown option {word}")
            self.note(option, "", word)
        elif equals:
            self.note(option, value, f"--{name}")
        elif option.optional:
            self.note(option, rest.pop(0) if rest and not rest[0].startswith("-") else "", word)
        elif rest:
            self.note(option, rest.pop(0), word)
        else:
            raise UsageError(f"Missing argument for {word}")

    def short_word(self, word: str, rest: list[str]) -> None:
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            option = self.short.get(letter)
            if option is None:
                if letter in "?h":
                    self.given.help = ""
                    continue
                raise UsageError(f"Unknown option -{letter}")
            if option.arg == FLAG:
                self.note(option, "", f"-{letter}")
                continue
            if letters:
                self.note(option, letters, f"-{letter}")
            elif option.optional:
                self.note(option, rest.pop(0) if rest and not rest[0].startswith("-") else "", f"-{letter}")
            elif rest:
                self.note(option, rest.pop(0), f"-{letter}")
            else:
                raise UsageError(f"Missing argument for -{letter}")
            return


def parse(tool: Tool, argv: Sequence[str]) -> Given:
    """Read a command line. Raises :class:`UsageError` for what the tool does not know."""
    parser = _Parser(tool)
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            parser.given.rest += rest
            break
        if word.startswith("--"):
            parser.long_word(word, rest)
        elif word.startswith("-") and word != "-":
            parser.short_word(word, rest)
        else:
            parser.given.rest.append(word)
    return parser.given


def help_text(tool: Tool, group: str = "all") -> str:
    """The help: every group of options, or one."""
    lines = ["Usage:", f"  {tool.name} [OPTION…]" + (f" {tool.operands}" if tool.operands else ""), ""]
    lines += [tool.summary, ""]
    lines += ["Help Options:", "  -?, --help                        Show help options"]
    lines += ["  --help-all                        Show all help options", ""]
    for part in tool.all_groups():
        if group not in ("all", "") and part.name not in (group, ""):
            continue
        lines.append(part.title)
        for option in part.options:
            if not option.hidden:
                shown = f"  {option.shown()}"
                lines.append(f"{shown:<35} {option.help}" if len(shown) < 35 else f"{shown}\n{'':<35} {option.help}")
        lines.append("")
    return "\n".join(lines) + (f"\n{tool.notes}\n" if tool.notes else "")
