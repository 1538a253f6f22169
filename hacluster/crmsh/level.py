"""What a level of the shell is: a table of verbs, from which calls, help, completion and man pages come."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

Handler = Callable[["Session", list[str]], bool | None]
"""Runs a verb: ``False`` when it was not done, and that has been told."""


class Refused(Exception):  # noqa: N818  an answer to the person, told in a line
    """A verb that cannot be done as it was asked."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb.

    ``usage``: its arguments. ``completes``: what may stand at each place, as kinds of :mod:`hacluster.crmsh.complete`;
    the last one goes on with ``repeats``. ``least`` and ``most``: how many arguments it takes. ``old``: names that it
    is still called by. ``waits``: ``--wait`` waits for its effect. ``shown``: whether help and completion have it.
    """

    name: str
    run: Handler
    usage: str = ""
    summary: str = ""
    help: str = ""
    least: int = 0
    most: int | None = None
    old: tuple[str, ...] = ()
    completes: tuple[str, ...] = ()
    repeats: bool = False
    waits: bool = False
    shown: bool = True
    opens: str = ""
    """The level that the verb leads to."""


@dataclass(frozen=True, slots=True)
class Level:
    """A level: its name, what it is for, and its verbs. ``leave``: what is seen to when it is left."""

    name: str
    summary: str
    help: str
    verbs: tuple[Verb, ...]
    leave: Callable[[Session, bool], bool] | None = None

    def names(self) -> dict[str, Verb]:
        """Every name that is understood, present and former."""
        found: dict[str, Verb] = {}
        for verb in self.verbs:
            for name in (verb.name, *verb.old):
                found.setdefault(name, verb)
        return found


def choose(names: Mapping[str, Any], word: str) -> Any | None:
    """What a word names: itself, the one that begins with it, or the one that has its letters in this order."""
    if word in names:
        return names[word]
    for pattern in (re.escape(word), ".*".join(map(re.escape, word))):
        found = [value for name, value in names.items() if re.match(pattern, name, re.IGNORECASE)]
        if len(found) == 1:
            return found[0]
    return None


def usage_of(verb: Verb) -> str:
    """``name ARGUMENTS``."""
    return f"{verb.name} {verb.usage}".rstrip()


def count(verb: Verb, words: Sequence[str]) -> None:
    """Raise :class:`Refused` when a verb is given too few or too many arguments."""
    if len(words) < verb.least or (verb.most is not None and len(words) > verb.most):
        given = "no argument" if not words else "one argument" if len(words) == 1 else f"{len(words)} arguments"
        raise Refused(f"{given} given; write: {usage_of(verb)}")
