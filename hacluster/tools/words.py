"""What the tools in the line of Heartbeat's have in common: their options, their formats, their way to end.

They take their arguments as Heartbeat's do, not as click would: an option may stand anywhere, ``--help`` of some exits
with 1, and scripts rely on that. They start in a tenth of a second, so they import no more than they need.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from hacluster.base.errors import HaError
from hacluster.client.rundir import run_dir

FORMATS: Final = ("text", "json", "xml")


class UsageError(HaError):
    """Arguments that make no sense."""


@dataclass(frozen=True, slots=True)
class Words:
    """A parsed command line: plain words, flags (``-v``), and options with values (``--run-dir``)."""

    plain: tuple[str, ...]
    flags: frozenset[str]
    values: dict[str, str] = field(default_factory=dict)

    @property
    def output_as(self) -> str:
        """The format asked for."""
        return self.values.get("--output-as", "text")

    @property
    def run_dir(self) -> str:
        """Where the daemon's sockets are: the option, or where :mod:`hacluster.client.rundir` finds them."""
        return run_dir(self.values.get("--run-dir", ""))


def parse(argv: Sequence[str], *, flags: Sequence[str] = (), values: Sequence[str] = ()) -> Words:
    """Split a command line. :class:`UsageError` for an option that is not known, or that lacks its value."""
    known_values = (*values, "--output-as", "--run-dir")
    plain: list[str] = []
    found: set[str] = set()
    valued: dict[str, str] = {}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            plain += rest
            break
        if not word.startswith("-") or word == "-":
            plain.append(word)
        elif word in flags:
            found.add(word)
        elif name in known_values and equals and name.startswith("--"):
            valued[name] = value
        elif word in known_values:
            if not rest:
                raise UsageError(f"option {word} needs a value")
            valued[word] = rest.pop(0)
        elif not word.startswith("--") and len(word) > 2 and all(f"-{letter}" in flags for letter in word[1:]):
            found |= {f"-{letter}" for letter in word[1:]}
        else:
            raise UsageError(f"unknown option {word}")
    if valued.get("--output-as", "text") not in FORMATS:
        raise UsageError(f"--output-as is one of {', '.join(FORMATS)}")
    return Words(tuple(plain), frozenset(found), valued)


def rendered(output_as: str, command: str, text: str, data: dict[str, Any]) -> str:
    """``text`` as it is, or ``data`` as JSON or XML."""
    match output_as:
        case "json":
            import json  # noqa: PLC0415 - only who asks for it pays

            return json.dumps(data)
        case "xml":
            from xml.etree import ElementTree  # noqa: PLC0415 - written only, never parsed

            root = ElementTree.Element("hacluster-result", command=command)
            _fill(root, data, ElementTree.SubElement)
            return ElementTree.tostring(root, encoding="unicode")
    return text


def _fill(element: Any, data: dict[str, Any], child: Callable[[Any, str], Any]) -> None:
    """Scalars become attributes, dictionaries elements, lists elements in a row."""
    for key, value in data.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _fill(child(element, key), item, child)
            elif isinstance(value, list):
                child(element, key).text = str(item)
            elif item is not None:
                element.set(key, str(item).lower() if isinstance(item, bool) else str(item))


def complain(text: str) -> None:
    """One line on standard error."""
    print(text, file=sys.stderr)


def drop_output() -> None:
    """What is still in the buffer of standard output must not fail once more when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def end(main: Callable[[], int]) -> NoReturn:
    """End the process with the exit status of ``main``; when nobody takes its output (a full disk), in one line.

    What the terminal's encoding has no sign for is escaped, as Python does on standard error anyway.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
    except OSError as error:
        drop_output()
        if not isinstance(error, BrokenPipeError):
            complain(f"{os.path.basename(sys.argv[0])}: {error.strerror or error}")
        status = 1
    sys.exit(status)
