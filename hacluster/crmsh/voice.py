"""How the shell speaks: INFO and WARNING among the output, ERROR beside it, each with its line in a batch."""

from __future__ import annotations

import sys
from typing import Final

_COLORS: Final = {"ERROR": "31", "WARNING": "33", "INFO": "32"}


class Voice:
    """``line``: the line of the batch that is being run. ``color``: whether words are coloured."""

    def __init__(self, *, color: bool = False) -> None:
        self.color = color
        self.line: int | None = None
        self.quiet = False

    def out(self, text: str) -> None:
        """A line of the answer."""
        sys.stdout.write(f"{text}\n")

    def info(self, text: str) -> None:
        """What was done besides."""
        self._say("INFO", text)

    def warning(self, text: str) -> None:
        """What may not be what was meant."""
        self._say("WARNING", text)

    def error(self, text: str) -> None:
        """What could not be done."""
        self._say("ERROR", text)

    def flush(self) -> None:
        """What was said stands in front of what another program says next."""
        sys.stdout.flush()
        sys.stderr.flush()

    def _say(self, word: str, text: str) -> None:
        if self.quiet and word == "INFO":
            return
        where = "" if self.line is None else f"{self.line}: "
        shown = f"\033[{_COLORS[word]}m{word}\033[0m" if self.color else word
        self.flush()
        (sys.stderr if word == "ERROR" else sys.stdout).write(f"{shown}: {where}{text}\n")
