"""Explanations as text: short sentences, the id behind each in brackets, scores at the left."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from hacluster.pe.explain.answer import ActionAnswer, Because, Explanation, Part

_SCORE_WIDTH: Final = 9
_INDENT: Final = "  "
_WORDS: Final = re.compile(r"[^\s(),;]*[^\s(),;:]")


def _line(reason: Because, depth: int, with_scores: bool) -> str:
    score = f"{reason.score or '':>{_SCORE_WIDTH}}  " if with_scores else ""
    bullet = "" if depth == 0 else _INDENT * depth + "because "
    named = reason.id is None or reason.id in _WORDS.findall(reason.text)
    ident = "" if named else f" [{reason.id}]"
    return f"{_INDENT}{score}{bullet}{reason.text}{ident}"


def _tree(reasons: Iterable[Because], with_scores: bool, depth: int = 0) -> list[str]:
    lines = []
    for reason in reasons:
        lines.append(_line(reason, depth, with_scores))
        lines += _tree(reason.because, with_scores, depth + 1)
    return lines


def _has_score(reasons: Iterable[Because]) -> bool:
    return any(reason.score is not None or _has_score(reason.because) for reason in reasons)


def _section(title: str, reasons: Iterable[Because]) -> list[str]:
    reasons = list(reasons)
    return ["", f"{title}:", *_tree(reasons, _has_score(reasons))] if reasons else []


def _part_lines(part: Part) -> list[str]:
    lines = [f"{part.sentence}."]
    lines += _section("Note", part.facts)
    if part.node is not None:
        score = f" (score {part.score})" if part.score is not None else ""
        lines += _section(f"Why {part.node}{score}", part.why)
    alike: dict[tuple[Because, ...], list[str]] = {}
    for entry in part.elsewhere:
        alike.setdefault(entry.reasons, []).append(entry.node)
    for reasons, nodes in alike.items():
        lines += _section(f"Why not {', '.join(nodes)}", reasons)
    return lines


def resource_lines(explanation: Explanation) -> list[str]:
    """An explanation of a resource."""
    lines: list[str] = []
    for part in explanation.parts:
        lines += [""] if lines else []
        lines += _part_lines(part)
    lines += _section("Also about it", explanation.beside)
    if explanation.node is not None and not explanation.changes:
        lines += ["", f"No single change that was tried would make a difference to {explanation.node}."]
    if explanation.changes:
        lines += ["", "What one change would do (each was tried):"]
        for effect in explanation.changes:
            ident = f" [{effect.id}]" if effect.id is not None and effect.id not in effect.change.split() else ""
            lines.append(f"{_INDENT}{effect.change}{ident}: {effect.outcome}.")
    return lines


def action_lines(answers: list[ActionAnswer]) -> list[str]:
    """Explanations of actions."""
    lines: list[str] = []
    for answer in answers:
        lines += [""] if lines else []
        lines.append(f"{answer.sentence}.")
        lines += _section("Why", answer.why)
        lines += _section("Comes after", answer.waits_for)
        lines += _section("What is in the way", answer.blocked)
    return lines
