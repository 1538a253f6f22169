"""What an explanation consists of, as data: texts, ids, scores, and what is behind each."""

from __future__ import annotations

from dataclasses import dataclass, field

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Because:
    """One reason: a sentence without its full stop, the id behind it, the score that it gave, and its own reasons."""

    text: str
    id: str | None = None
    score: str | None = None
    because: tuple[Because, ...] = ()

    def as_json(self) -> Json:
        """The shape of ``--output-as=json``: text, id, score, because."""
        return {
            "text": self.text,
            "id": self.id,
            "score": self.score,
            "because": [reason.as_json() for reason in self.because],
        }


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Why a resource is not on a node."""

    node: str
    reasons: tuple[Because, ...]

    def as_json(self) -> Json:
        """The shape of ``--output-as=json``: node, because."""
        return {"node": self.node, "because": [reason.as_json() for reason in self.reasons]}


@dataclass(frozen=True, slots=True)
class Effect:
    """A change of the CIB that was tried, and where the resource would be then."""

    change: str
    id: str | None
    outcome: str
    nodes: tuple[str, ...]

    def as_json(self) -> Json:
        """The shape of ``--output-as=json``: change, id, outcome, nodes."""
        return {"change": self.change, "id": self.id, "outcome": self.outcome, "nodes": list(self.nodes)}


@dataclass(slots=True)
class Part:
    """One resource, or one instance, and where it is or will be."""

    resource: str
    sentence: str
    node: str | None = None
    score: str | None = None
    facts: list[Because] = field(default_factory=list)
    why: list[Because] = field(default_factory=list)
    elsewhere: list[Elsewhere] = field(default_factory=list)

    def as_json(self) -> Json:
        """The shape of ``--output-as=json``: resource, sentence, node, score, facts, why, elsewhere."""
        return {
            "resource": self.resource,
            "sentence": self.sentence,
            "node": self.node,
            "score": self.score,
            "facts": [reason.as_json() for reason in self.facts],
            "why": [reason.as_json() for reason in self.why],
            "elsewhere": [entry.as_json() for entry in self.elsewhere],
        }


@dataclass(slots=True)
class Explanation:
    """The whole answer about a resource; about one ``node`` if one was asked for."""

    resource: str
    parts: list[Part]
    changes: list[Effect] = field(default_factory=list)
    node: str | None = None
    beside: list[Because] = field(default_factory=list)
    """What has to do with it and did not decide."""

    def as_json(self) -> Json:
        """The shape of ``--output-as=json``: resource, parts, beside, changes."""
        return {
            "resource": self.resource,
            "parts": [part.as_json() for part in self.parts],
            "beside": [reason.as_json() for reason in self.beside],
            "changes": [effect.as_json() for effect in self.changes],
        }


@dataclass(slots=True)
class ActionAnswer:
    """The whole answer about one action."""

    action: str
    node: str | None
    number: int | None
    sentence: str
    why: list[Because] = field(default_factory=list)
    waits_for: list[Because] = field(default_factory=list)
    blocked: list[Because] = field(default_factory=list)

    def as_json(self) -> Json:
        """The shape of ``--output-as=json``: action, node, number, sentence, why, waits_for, blocked."""
        return {
            "action": self.action,
            "node": self.node,
            "number": self.number,
            "sentence": self.sentence,
            "why": [reason.as_json() for reason in self.why],
            "waits_for": [reason.as_json() for reason in self.waits_for],
            "blocked": [reason.as_json() for reason in self.blocked],
        }
