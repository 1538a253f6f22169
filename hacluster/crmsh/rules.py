"""Rules and attribute sets in commands."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.crmsh.cursor import IDSPEC, ROLE, SCORE, TERMINATORS, Context, Cursor, SyntaxFault

DATE_PARTS: Final = ("hours", "monthdays", "weekdays", "yearsdays", "months", "weeks", "years", "weekyears", "moon")
_BINARY: Final = ("lt", "gt", "lte", "gte", "eq", "ne")
_INFINITY: Final = re.compile(r"[+-]?(inf(inity)?|INF(INITY)?|[0-9]+)")
_SCORE_WORDS: Final = {"advisory": "0", "mandatory": "INFINITY"}
_SOURCE: Final = re.compile(r"([^\s{}]+)\{(\S+)\}")


def score_attribute(score: str) -> tuple[str, str]:
    """Under which attribute a score stands, and how: ``inf`` is INFINITY, a word is the name of an attribute."""
    if score.lower() in _SCORE_WORDS:
        return "score", _SCORE_WORDS[score.lower()]
    if _INFINITY.fullmatch(score):
        return "score", re.sub("inf(inity)?|INF(INITY)?", "INFINITY", score)
    return "score-attribute", score


def attribute_set(
    cursor: Cursor, word: str, tag: str, *, terminators: Collection[str] = TERMINATORS, bare: bool = True
) -> XML:
    """``[$id=ID] [SCORE:] [rule…] name=value …`` or ``$id-ref=ID``."""
    element = etree.Element(tag)
    spec = cursor.match(IDSPEC)
    if spec and spec[1].lower() == "$id-ref":
        element.set("id-ref", cursor.context.resolve(word, spec[2]))
        return element
    if spec and spec[2]:
        element.set("id", spec[2])
    score = cursor.match(SCORE)
    if score:
        element.set("score", score[1])
    element.extend(rules(cursor))
    element.extend(cursor.nvpairs(terminators=terminators, bare=bare))
    return element


def attribute_sets(
    cursor: Cursor,
    names: Mapping[str, str],
    *,
    implicit: str | None = None,
    terminators: Collection[str] = TERMINATORS,
) -> Iterator[XML]:
    """The sets that follow, each behind its word; the first may stand without one and is then ``implicit``."""
    word = cursor.one_of(names)
    if word is not None:
        yield attribute_set(cursor, word, names[word], terminators=terminators)
    elif implicit is not None:
        found = attribute_set(cursor, implicit, names[implicit], terminators=terminators)
        if len(found) or found.attrib:
            yield found
    while (word := cursor.one_of(names)) is not None:
        yield attribute_set(cursor, word, names[word], terminators=terminators)


def rules(cursor: Cursor) -> list[XML]:
    """``rule [$id=ID] [$role=ROLE] [SCORE:] EXPRESSION …``."""
    found: list[XML] = []
    while cursor.one_of({"rule"}):
        rule = etree.Element("rule")
        found.append(rule)
        spec = cursor.match(IDSPEC)
        referring = spec is not None and spec[1].lower() == "$id-ref"
        if spec:
            rule.set(spec[1].lower()[1:], cursor.context.resolve("rule", spec[2]) if referring else spec[2])
        role = cursor.match(ROLE)
        if role:
            rule.set("role", cursor.context.role(role[1]))
        if referring:
            continue
        score = cursor.match(SCORE)
        rule.set(*(score_attribute(score[1]) if score else ("score", "INFINITY")))
        _expressions(cursor, rule)
    return found


def _expressions(cursor: Cursor, rule: XML) -> None:
    rule.append(_expression(cursor))
    operator = None
    while (word := cursor.one_of({"and", "or"})) is not None:
        if operator and word != operator:
            raise SyntaxFault("and and or cannot be mixed in one rule", word)
        operator = word
        rule.append(_expression(cursor))
    if operator == "or":
        rule.set("boolean-op", operator)


def _expression(cursor: Cursor) -> XML:
    if cursor.one_of({"date"}):
        return _date(cursor)
    unary = cursor.match("defined|not_defined")
    if unary:
        return etree.Element("expression", operation=unary[0], attribute=cursor.identifier())
    attribute = cursor.identifier()
    types = ["string", "number", "version", *(["integer"] if cursor.context.version >= (3, 5) else [])]
    operation = cursor.expect(f"((?:{'|'.join(types)}):)?({'|'.join(_BINARY)})", "an operator (lt gt lte gte eq ne)")
    element = etree.Element("expression", operation=operation[2], attribute=attribute)
    if operation[1]:
        element.set("type", operation[1][:-1])
    value = cursor.take()
    source = _SOURCE.fullmatch(value)
    if source:
        element.set("value", source[2])
        element.set("value-source", source[1])
    else:
        element.set("value", value)
    return element


def _date(cursor: Cursor) -> XML:
    word = cursor.expect("lt|gt|in_range|date_spec|in|spec", "lt, gt, in or spec")[0]
    operation = {"in": "in_range", "spec": "date_spec"}.get(word, word)
    element = etree.Element("date_expression", operation=operation)
    if word.lower() in {"lt", "gt"}:
        element.set("end" if word.lower() == "lt" else "start", cursor.take())
        return element
    ranged = operation == "in_range"
    pairs = _named(cursor, (*(("start", "end") if ranged else ()), *DATE_PARTS), 2 if ranged else 1)
    if ranged and {name for name, _ in pairs} == {"start", "end"}:
        for name, value in pairs:
            element.set(name, value)
        return element
    inner = etree.SubElement(element, "duration" if ranged else "date_spec")
    for name, value in pairs:
        (element if name in {"start", "end"} else inner).set(name, value)
    return element


def _named(cursor: Cursor, names: Collection[str], least: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    pattern = re.compile(rf"({'|'.join(names)})(?:=(.+))?")
    while (match := cursor.match(pattern)) is not None:
        found.append((match[1], match[2] or ""))
    if len(found) < least:
        raise SyntaxFault(f"at least {least} of these expected: {' '.join(names)}", cursor.word or "")
    return found


__all__ = ["Context", "attribute_set", "attribute_sets", "rules", "score_attribute"]
