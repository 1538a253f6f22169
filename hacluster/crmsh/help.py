"""Help for levels and verbs, out of the same tables as everything else."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from hacluster.config.findings import nearest
from hacluster.crmsh.level import Level, Refused, Verb, choose, usage_of
from hacluster.crmsh.levels import find_level
from hacluster.crmsh.levels.root import ROOT

_EVERYWHERE = (
    ("up, back, ..", "leave the level"),
    ("cd LEVEL", "go to a level: cd ../resource"),
    ("ls", "the verbs of this level"),
    ("help [VERB]", "help; behind a verb: --help"),
    ("quit", "end the shell"),
)


def find(topics: Sequence[str]) -> tuple[Level, Verb | None]:
    """The level and verb that words name; raises :class:`Refused`."""
    level = ROOT
    for place, topic in enumerate(topics):
        verb: Verb | None = choose({**level.names()}, topic)
        if verb is None and place == 0 and len(topics) == 1:
            verb = None
        if verb is None:
            hint = nearest(topic, level.names())
            raise Refused(f"there is no help for {topic}" + (f" ({hint})" if hint else ""))
        if not verb.opens:
            return level, verb
        level = find_level(verb.opens)
    return level, None


def help_lines(topics: Sequence[str]) -> list[str]:
    """The help as text."""
    level, verb = find(topics)
    return level_lines(level) if verb is None else verb_lines(level, verb)


def level_lines(level: Level) -> list[str]:
    """A level: what it is for, and its verbs."""
    lines = [level.summary[:1].upper() + level.summary[1:] + ".", ""]
    if level.help:
        lines += [*_wrapped(level.help), ""]
    shown = [verb for verb in level.verbs if verb.shown and not (verb.opens and level is not ROOT and not verb.summary)]
    levels = [verb for verb in shown if verb.opens]
    verbs = [verb for verb in shown if not verb.opens]
    for title, rows in (("Levels:", levels), ("Verbs:", verbs)):
        if rows:
            width = max(len(verb.name) for verb in rows) + 2
            lines += [title, *(f"  {verb.name:<{width}}{verb.summary}".rstrip() for verb in rows), ""]
    width = max(len(name) for name, _ in _EVERYWHERE) + 2
    return [*lines, "Everywhere:", *(f"  {name:<{width}}{text}" for name, text in _EVERYWHERE)]


def verb_lines(level: Level, verb: Verb) -> list[str]:
    """A verb: its usage and what it does."""
    place = "crm " if level is ROOT else f"crm {level.name} "
    lines = [f"usage: {place}{usage_of(verb)}", ""]
    if verb.summary:
        lines += [verb.summary[:1].upper() + verb.summary[1:] + ".", ""]
    if verb.help:
        lines += [*_wrapped(verb.help), ""]
    if verb.old:
        lines += [f"Also understood: {', '.join(verb.old)}.", ""]
    return lines[:-1]


def _wrapped(text: str) -> list[str]:
    """Paragraphs in lines of 100 signs; lines that are set in stay as they are."""
    lines: list[str] = []
    for line in text.splitlines():
        lines += [line] if line.startswith(" ") or not line else textwrap.wrap(line, 100)
    return lines
