"""What the checks share: how a server is declared down, bounds, and patterns."""

from __future__ import annotations

import functools
import re
from typing import Final

from hacluster.lvs.values import perl_pattern

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that are looked at."""

_SHOWN: Final = 200


class Down(Exception):  # noqa: N818  it is no error of ours: it is the check's answer
    """The server counts as down; the text says why."""


def one_line(text: str) -> str:
    """The first line of ``text``, printable and short."""
    line = text.strip().splitlines()[0] if text.strip() else ""
    cut = line if len(line) <= _SHOWN else line[:_SHOWN] + "…"
    return "".join(character if character.isprintable() else "?" for character in cut)


@functools.lru_cache(maxsize=1_024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The Perl expression ``pattern`` as a compiled one of Python's."""
    return re.compile(perl_pattern(pattern))


def expect(pattern: str, answer: str) -> None:
    """:class:`Down` unless ``pattern`` is somewhere in ``answer``; an empty pattern is satisfied by anything."""
    if pattern and not compiled(pattern).search(answer):
        raise Down(f"{pattern!r} is not in the answer: {one_line(answer) or 'it was empty'}")
