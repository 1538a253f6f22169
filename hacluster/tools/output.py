"""How a tool in the line of Pacemaker's runs: arguments, answer as text, XML or JSON, errors, exit status.

A tool is a table of options and a function. The function writes lines where text is wanted and trees where XML or JSON
is, and answers with the exit status; a :class:`~hacluster.base.results.Fault` that it raises becomes the message and
status of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from hacluster import __version__
from hacluster.base.errors import HaError
from hacluster.base.results import Exit, Fault, exit_text
from hacluster.base.tree import Tree
from hacluster.tools.options import FLAG, Given, Tool, UsageError, help_text, parse
from hacluster.tools.words import drop_output, end

FORMATS = ("text", "xml", "json")


class Failed(HaError):  # noqa: N818 - a message and a status, not only an error
    """An end with a message of one's own. ``bare``: the message is not led by the name of the tool."""

    def __init__(self, text: str, status: int, *, bare: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.status = int(status)
        self.bare = bare


DANGEROUS = (
    "The supplied command is considered dangerous. To prevent accidental destruction of the cluster, the --force flag"
    " is required in order to proceed."
)
"""What is said to who asks for something dangerous without ``--force``."""


class Output:
    """Where a tool's answer goes. ``style`` is ``text``, ``xml``, ``json``, or a tool's own, such as ``html``."""

    def __init__(self, tool: str, argv: Sequence[str], style: str, to: str) -> None:
        self.tool = tool
        self.style = style
        self.argv = argv
        self._to = to
        self._text: list[str] = []
        self._trees: list[Tree] = []
        self._errors: list[str] = []
        self._whole: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether lines are wanted, not trees."""
        return self.style not in ("xml", "json")

    def line(self, text: str = "") -> None:
        """A line of text; nothing when a tree is wanted."""
        if self.is_text:
            self._text.append(f"{text}\n")

    def raw(self, text: str) -> None:
        """Text as it is."""
        if self.is_text:
            self._text.append(text)

    def tree(self, *trees: Tree) -> None:
        """Parts of the answer as trees; nothing when text is wanted."""
        if not self.is_text:
            self._trees += trees

    def answer(self, text: str) -> None:
        """The whole answer, in the tool's own shape of the format that was asked for."""
        self._whole = text

    def error(self, text: str) -> None:
        """A message on standard error, or among the errors of the answer."""
        if self.is_text:
            print(text, file=sys.stderr)
        else:
            self._errors.append(text)

    def redirect(self, to: str) -> None:
        """Write to another place from now on."""
        self._to = to
        open(to, "w", encoding="utf-8").close()

    def flush(self) -> None:
        """Write what there is of the text."""
        text = "".join(self._text)
        self._text.clear()
        if not text:
            return
        if self._to == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            with open(self._to, "a", encoding="utf-8") as file:
                file.write(text)

    def finish(self, status: int) -> int:
        """Write the answer; the status it ends with."""
        if self._whole is not None:
            self._text = [self._whole]
        elif not self.is_text:
            from hacluster.tools.result import envelope_text  # noqa: PLC0415 - text needs none of it

            errors = [Tree("error", text=text) for text in self._errors]
            told = Tree("status", {"code": str(status), "message": exit_text(status)})
            if errors:
                told.children.append(Tree("errors", children=errors))
            self._text.append(envelope_text([*self._trees, told], self.style, self.argv, self.tool))
        self.flush()
        return status


Main = Callable[[Given, Output], int]


def _usage(tool: Tool, text: str, argv: Sequence[str]) -> int:
    style = next((word.partition("=")[2] for word in argv if word.startswith("--output-as=")), "text")
    out = Output(tool.name, argv, style if style in FORMATS else "text", "-")
    out.error(f"{tool.name}: {text}")
    return out.finish(Exit.USAGE)


def perform(tool: Tool, main: Main, argv: Sequence[str], styles: Sequence[str] | None = FORMATS) -> int:
    """Run a tool with these arguments; its exit status. ``styles``: its formats, ``None`` if it sees to them itself."""
    try:
        given = parse(tool, argv)
    except UsageError as error:
        return _usage(tool, str(error), argv)
    if given.help is not None:
        sys.stdout.write(help_text(tool, given.help))
        return Exit.OK
    if "version" in given:
        sys.stdout.write(f"Pacemaker {__version__} (hacluster)\nWritten by the hacluster project\n")
        return Exit.OK
    style = given.get("output-as") or "text"
    to = given.get("output-to")
    to = "-" if to is None else to
    if styles is not None and style not in styles:
        print(f"{tool.name}: Error creating output format {style}: Unknown output format", file=sys.stderr)
        return Exit.ERROR
    out = Output(tool.name, argv, style, to)
    if to != "-":
        try:
            open(to, "w", encoding="utf-8").close()
        except OSError as error:
            print(f"{tool.name}: Error creating output format {style}: {to}: {error.strerror}", file=sys.stderr)
            return Exit.ERROR
    try:
        return out.finish(main(given, out))
    except UsageError as error:
        out.error(f"{tool.name}: {error}")
        return out.finish(Exit.USAGE)
    except Failed as error:
        if error.text:
            out.error(error.text if error.bare else f"{tool.name}: {error.text}")
        return out.finish(error.status)
    except Fault as error:
        out.error(f"{tool.name}: {error.text}")
        return out.finish(error.status)


def run(tool: Tool, main: Main, styles: Sequence[str] | None = FORMATS) -> NoReturn:
    """The whole process of a tool."""
    end(lambda: perform(tool, main, sys.argv[1:], styles))


__all__ = ["FLAG", "FORMATS", "Failed", "Main", "Output", "drop_output", "perform", "run"]
