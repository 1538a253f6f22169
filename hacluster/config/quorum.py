"""Who votes, as hacluster.cf says it: the directives of quorum, and what is wrong with them together.

The words are those of votequorum(5) of corosync, with which most people know them, and count only together with ``crm``
in ha.cf. They are what a cluster *begins* with: from then on the list of voters is in the CIB, and changed there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from hacluster.base.report import Place, Report, Severity
from hacluster.config.draft import Draft, Handler, boolean_setting, number_setting, time_setting
from hacluster.config.findings import nearest, shown
from hacluster.config.lexical import Line, read_number

MAX_VOTES: Final = 1_000
"""Most votes of one node."""

LOWEST, HIGHEST = "lowest", "highest"


@dataclass(frozen=True, slots=True)
class QuorumConfig:
    """``votes``: nodes that have not exactly one. ``two_node`` ``None``: on in a cluster of two.

    ``pings``: while a node reaches none of its ping nodes, its votes do not count. ``lines``: where each directive
    stands, for reports.
    """

    expected_votes: int = 0
    votes: tuple[tuple[str, int], ...] = ()
    two_node: bool | None = None
    wait_for_all: bool | None = None
    last_man_standing: bool = False
    last_man_standing_window_ms: int = 10_000
    auto_tie_breaker: bool = False
    auto_tie_breaker_node: tuple[str, ...] = ()
    witness: str = ""
    pings: bool = False
    lines: tuple[tuple[str, int], ...] = ()

    @property
    def is_given(self) -> bool:
        """Whether the file says anything of it."""
        return bool(self.lines)

    def line(self, *directives: str) -> int | None:
        """Where the first of these stands."""
        known = dict(self.lines)
        return next((known[name] for name in directives if name in known), None)

    def is_two_node(self, nodes: tuple[str, ...]) -> bool:
        """Whether each of two nodes alone may have quorum, once the other is fenced."""
        if self.two_node is None:
            plain = not (self.witness or self.votes or self.expected_votes or self.auto_tie_breaker)
            return plain and len(nodes) == 2
        return self.two_node


PLAIN: Final = QuorumConfig()
"""One vote for each node, a majority has quorum."""


def on_quorum_votes(draft: Draft, line: Line) -> None:
    """``quorum_votes NODE NUMBER``: NODE has so many votes; 0: none."""
    words = line.words
    if len(words) != 2:
        text = f"quorum_votes needs a node and a number, this line has {len(words)} words"
        kind = "missing-words" if len(words) < 2 else "extra-words"
        draft.findings.error(kind, line.number, text, "write: quorum_votes NODE NUMBER")
        return
    name = words[0].lower()
    number = read_number(line, words[1], draft.findings, 0, MAX_VOTES)
    if draft.lines.setdefault(f"quorum_votes {name}", line.number) != line.number:
        text = f"the votes of {shown(name)} were given already"
        draft.findings.error("given-twice", line.number, text, "keep one of the lines", line.directive)
    elif number is not None:
        draft.add("votes", (name, number))


def on_witness(draft: Draft, line: Line) -> None:
    """``witness NODE``: it votes and runs nothing (qdevice)."""
    for value in line.values:
        draft.settings["witness"] = value.text.lower()


def on_tie_breaker_node(draft: Draft, line: Line) -> None:
    """``auto_tie_breaker_node lowest|highest|NODE...``: who breaks a tie, the first that has a vote."""
    for value in line.values:
        draft.add("auto_tie_breaker_node", value.text.lower())


DIRECTIVES: Final[dict[str, Handler]] = {
    "expected_votes": number_setting("expected_votes", 1, 100_000),
    "quorum_votes": on_quorum_votes,
    "two_node": boolean_setting("two_node"),
    "wait_for_all": boolean_setting("wait_for_all"),
    "last_man_standing": boolean_setting("last_man_standing"),
    "last_man_standing_window": time_setting("last_man_standing_window_ms", minimum_ms=1_000),
    "auto_tie_breaker": boolean_setting("auto_tie_breaker"),
    "auto_tie_breaker_node": on_tie_breaker_node,
    "witness": on_witness,
    "quorum_pings": boolean_setting("pings"),
}
"""The directives of hacluster.cf that are about quorum."""

REPEATABLE: Final = frozenset({"quorum_votes", "auto_tie_breaker_node"})


def built(draft: Draft) -> QuorumConfig:
    """What the draft says of quorum; it is taken out of the draft."""
    names = [field.name for field in fields(QuorumConfig) if field.name != "lines"]
    found = {name: draft.settings.pop(name) for name in names if name in draft.settings}
    lists: dict[str, Any] = {
        name: tuple(draft.lists.pop(name)) for name in ("votes", "auto_tie_breaker_node") if name in draft.lists
    }
    lines = tuple((name, draft.lines[name]) for name in DIRECTIVES if name in draft.lines)
    return QuorumConfig(**(found | lists), lines=lines)


@dataclass(frozen=True, slots=True)
class _Judge:
    """One cluster's quorum under examination."""

    quorum: QuorumConfig
    nodes: tuple[str, ...]
    file: str

    def error(self, code: str, text: str, hint: str, *directives: str) -> Report:
        return Report(code, Severity.ERROR, text, Place(self.file, self.quorum.line(*directives)), hint)

    def warning(self, text: str, hint: str, *directives: str) -> Report:
        return Report("no-effect", Severity.WARNING, text, Place(self.file, self.quorum.line(*directives)), hint)

    @property
    def votes(self) -> dict[str, int]:
        return dict.fromkeys(self.nodes, 1) | dict(self.quorum.votes)

    def names(self) -> Iterator[Report]:
        quorum = self.quorum
        named = [("quorum_votes", name) for name, _ in quorum.votes]
        named += [("witness", quorum.witness)] if quorum.witness else []
        breakers = [name for name in quorum.auto_tie_breaker_node if name not in (LOWEST, HIGHEST)]
        for directive, name in (*named, *(("auto_tie_breaker_node", name) for name in breakers)):
            if name not in self.nodes:
                hint = nearest(name, self.nodes) or "name a node of ha.cf"
                yield self.error(
                    "unknown-node", f"{directive} names {shown(name)}, which is not a node", hint, directive
                )

    def sums(self) -> Iterator[Report]:
        expected, total = self.quorum.expected_votes, sum(self.votes.values())
        if total == 0:
            yield self.error("nobody-votes", "no node has a vote", "give one to each node", "quorum_votes")
        elif expected >= 2 * total:
            text = f"of {expected} expected votes the nodes have {total}: there is never quorum"
            yield self.error("never-quorum", text, "expected_votes is the sum of all votes", "expected_votes")
        elif expected and expected < total:
            text = f"expected_votes {expected} is less than the {total} votes that the nodes have"
            yield self.warning(text, "take it out: the nodes' votes count", "expected_votes")

    def ties(self) -> Iterator[Report]:
        quorum = self.quorum
        two = quorum.is_two_node(self.nodes)
        if two and (len(self.nodes) != 2 or set(self.votes.values()) != {1} or quorum.expected_votes > 2):
            yield self.error("not-two-nodes", "two_node is for two nodes of one vote each", "take it out", "two_node")
        if two and quorum.wait_for_all is False:
            hint = "without it each of two nodes that start apart would start everything"
            yield self.error("two-node-waits", "two_node goes with wait_for_all", hint, "wait_for_all")
        settles = {"two_node": two, "witness": bool(quorum.witness), "auto_tie_breaker": quorum.auto_tie_breaker}
        given = [name for name, on in settles.items() if on]
        if len(given) > 1:
            text = f"{' and '.join(given)} settle the same tie"
            yield self.error("two-tie-breakers", text, "keep one of them", *reversed(given))
        if quorum.auto_tie_breaker_node and not quorum.auto_tie_breaker:
            text = "auto_tie_breaker_node has no effect: auto_tie_breaker is off"
            yield self.warning(text, "write: auto_tie_breaker on", "auto_tie_breaker_node")

    def witness(self) -> Iterator[Report]:
        """A witness is for a tie; a vote of its own that makes one is worse than none."""
        quorum, votes = self.quorum, self.votes
        name, total = quorum.witness, sum(votes.values())
        if name not in self.nodes:
            return
        if votes[name] == 0:
            yield self.error("witness-without-vote", f"the witness {shown(name)} has no vote", "give it one", "witness")
        if len(self.nodes) < 3:
            hint = "the witness votes beside two nodes or more that run resources"
            yield self.error("witness-alone", f"there is one node beside the witness {shown(name)}", hint, "witness")
        elif total % 2 == 0 and (total - votes[name]) % 2:
            text = f"with the witness there are {total} votes, an even number: two halves without quorum are possible"
            hint = "a witness is for an even number of nodes; with an odd one it costs more than it gives"
            yield Report("even-votes", Severity.WARNING, text, Place(self.file, quorum.line("witness")), hint)

    def last_man(self) -> Iterator[Report]:
        quorum = self.quorum
        if not quorum.last_man_standing:
            return
        if quorum.wait_for_all is not True:
            text = "last_man_standing needs wait_for_all"
            yield self.error("last-man-waits", text, "write: wait_for_all on", "last_man_standing")
        if quorum.witness or any(number > 1 for number in self.votes.values()):
            text = "last_man_standing is for nodes of one vote each, without a witness"
            yield self.error("last-man-alone", text, "take it out", "last_man_standing")


def faults(quorum: QuorumConfig, nodes: tuple[str, ...], pings: tuple[str, ...], file: str) -> Iterator[Report]:
    """What is wrong with it in a cluster of these nodes; ``file`` is where it stands."""
    judge = _Judge(quorum, nodes, file)
    yield from judge.names()
    yield from judge.sums()
    yield from judge.ties()
    yield from judge.witness()
    yield from judge.last_man()
    if quorum.pings and not pings:
        text = "quorum_pings looks at ping nodes, and there are none"
        yield judge.error("pings-without-ping", text, "add a ping line to ha.cf", "quorum_pings")
