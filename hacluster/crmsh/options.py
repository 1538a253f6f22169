"""The options of ``crm``: one table, which the parser, the help, the man page and completion read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hacluster.crmsh.level import Refused
from hacluster.tools.options import FLAG, Group, Option, Tool

DISPLAYS: Final = ("plain", "color", "uppercase", "color-always")
TOOL: Final = Tool(
    "crm",
    "Look at a cluster and configure it: one command, a file of commands, or a shell.",
    (
        Group("options", "Options:", (
            Option("file", "f", "FILE", "Run the commands of FILE (- for standard input)"),
            Option("cib", "c", "CIB", "Work on this shadow CIB"),
            Option("force", "F", FLAG, "Do what needs force, and ask nothing"),
            Option("wait", "w", FLAG, "Wait for changes to take effect"),
            Option("no", "n", FLAG, "Answer no to every question"),
            Option("display", "D", "MODE", f"How answers look: {', '.join(DISPLAYS)}"),
            Option("plan", "", "FORMAT", "Change nothing, and say what would be done (text, json); status 2: something",
                   optional=True),
            Option("opt", "o", "OPTION=VALUE", "Set an option for this call (see crm options show all)"),
            Option("history", "H", "SOURCE", "Where history is read from (live)"),
            Option("regression-tests", "R", FLAG, "Tell each line, and each tool that is called"),
            Option("debug", "d", FLAG, "Tell more"),
            Option("profile", "X", "FILE", "Write where the time went"),
            Option("scriptdir", "", "FOLDER", "Where cluster scripts are"),
            Option("help", "h", FLAG, "Show this help"),
            Option("version", "", FLAG, "Show the version"),
        )),
    ),
    "[LEVEL… VERB ARGUMENTS…]",
    output=False,
)  # fmt: skip


@dataclass(slots=True)
class Given:
    """A command line. ``words``: what is left of it for the shell."""

    words: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    settings: list[str] = field(default_factory=list)

    def __contains__(self, name: str) -> bool:
        return name in self.values


def parse_options(argv: Sequence[str]) -> Given:
    """The options in front of the first word; raises :class:`Refused`."""
    options = [option for group in TOOL.groups for option in group.options]
    names = {f"--{option.long}": option for option in options}
    names |= {f"-{option.short}": option for option in options if option.short}
    given, rest = Given(), list(argv)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        bundled = not word.startswith("--") and len(word) > 2 and not equals
        if bundled and f"-{word[1]}" in names:
            first = names[f"-{word[1]}"]
            rest.insert(0, word[2:] if first.arg != FLAG else f"-{word[2:]}")
            name, equals, word = f"-{word[1]}", "", f"-{word[1]}"
        option = names.get(name)
        if option is None or (equals and option.arg == FLAG):
            raise Refused(f"unknown option {word}")
        if option.arg != FLAG and not equals:
            if option.optional:
                value = "text"
            elif not rest:
                raise Refused(f"{word} needs a value")
            else:
                value = rest.pop(0)
        if option.long == "opt":
            given.settings.append(value)
        given.values[option.long] = value
    given.words = rest
    display = given.values.get("display")
    if display is not None and display not in DISPLAYS:
        raise Refused(f"display is one of {', '.join(DISPLAYS)}, not {display}")
    if given.values.get("plan") not in {None, "text", "json"}:
        raise Refused("--plan is text or json")
    return given


def usage() -> str:
    """The help of the command line."""
    lines = [f"usage: crm [OPTION…] {TOOL.operands}", "", TOOL.summary, ""]
    for group in TOOL.groups:
        lines.append(group.title)
        lines += [f"  {option.shown():<26} {option.help}" for option in group.options if not option.hidden]
    return "\n".join([*lines, "", "Levels and verbs: crm help", ""])
