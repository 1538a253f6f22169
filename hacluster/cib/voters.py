"""Who votes: the list that quorum is counted against, and how it may change.

The list is configuration: it travels, is journaled and is synced with the CIB, and the one in the best copy counts. It
stands in one pair of the cluster options, so that one change is one write::

    <nvpair name="quorum-voters" value="node1=1 node2=1 node3=1 tie-breaker=node1"/>

The words behind the votes are those of corosync's votequorum(5) where it has them:

* ``expected=N``       at least so many votes are expected, although those listed are fewer
* ``tie-breaker=NODE`` of two equal halves the one with NODE has quorum
* ``auto-tie-breaker=lowest``, ``highest`` or ``NODE,NODE,…``: who the tie-breaker is, among those that have votes
* ``last-man-standing``: who is away for long has no vote until it is back, so that the others still have quorum
* ``two-node``         each of two alone may have it, ordered by fencing (``two_node``, with ``wait_for_all``)
* ``wait-for-all``     no quorum before all voters have been in one view once
* ``witness=NODE``     NODE votes and keeps no content (``qdevice``)

Both of the latter are carried out by the leader, in steps, as changes of this list; votequorum's nodes each count for
themselves, and two halves could count differently.

Two lists *overlap* when each quorum of the one has a voter in common with each quorum of the other. A change that does
not overlap could leave two quorate halves, one by each list, so :func:`steps` goes there in several that do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from hacluster.base.errors import HaError
from hacluster.cib.diff import path_of
from hacluster.cib.document import XML

OPTION: Final = "quorum-voters"
MAX_VOTES: Final = 1_000


class VotersError(HaError):
    """A list of voters that cannot be read or used."""


@dataclass(frozen=True, slots=True)
class Voters:
    """The list. ``votes`` is sorted by name and holds the witness, too; nobody in it: nobody has quorum."""

    votes: tuple[tuple[str, int], ...] = ()
    expected: int = 0
    tie_breaker: str = ""
    two_node: bool = False
    wait_for_all: bool = False
    witness: str = ""
    last_man_standing: bool = False
    auto_tie_breaker: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Who votes; a node in the list with no votes does not."""
        return frozenset(name for name, votes in self.votes if votes)

    @property
    def total(self) -> int:
        """How many votes are expected."""
        return max(sum(votes for _, votes in self.votes), self.expected)

    @property
    def needed(self) -> int:
        """How many votes are a majority."""
        return self.total // 2 + 1

    @property
    def waits_for_all(self) -> bool:
        """Whether all must have been there once; two nodes always wait."""
        return self.wait_for_all or self.two_node

    def count(self, names: Iterable[str]) -> int:
        """How many votes these have."""
        present = set(names)
        return sum(votes for name, votes in self.votes if name in present)

    def have_quorum(self, names: Iterable[str]) -> bool:
        """Whether these have a majority, or are the half with the tie-breaker, or one of two.

        What has happened before (wait-for-all, a fencing that must come first) is not the list's business.
        """
        present = set(names)
        count = self.count(present)
        if 2 * count > self.total:
            return True
        if self.tie_breaker and 2 * count == self.total:
            return self.tie_breaker in present
        return self.two_node and count > 0

    def show(self) -> str:
        """The value of the option."""
        words = [f"{name}={votes}" for name, votes in self.votes]
        words += [f"expected={self.expected}"] if self.expected else []
        words += [f"tie-breaker={self.tie_breaker}"] if self.tie_breaker else []
        words += [f"auto-tie-breaker={self.auto_tie_breaker}"] if self.auto_tie_breaker else []
        words += ["last-man-standing"] if self.last_man_standing else []
        words += ["two-node"] if self.two_node else []
        words += ["wait-for-all"] if self.wait_for_all else []
        words += [f"witness={self.witness}"] if self.witness else []
        return " ".join(words)

    def faults(self) -> list[str]:
        """What makes the list one that must not be used."""
        found = []
        if not self.votes or self.total == 0:
            found.append("nobody votes")
        names = self.names
        found += [f"{name} has {votes} votes" for name, votes in self.votes if not 0 <= votes <= MAX_VOTES]
        if self.tie_breaker and self.tie_breaker not in names:
            found.append(f"the tie-breaker {self.tie_breaker} does not vote")
        if self.witness and self.witness not in names:
            found.append(f"the witness {self.witness} does not vote")
        if self.last_man_standing and (self.witness or any(votes > 1 for _, votes in self.votes)):
            found.append("last-man-standing is for voters of one vote each, without a witness")
        if self.last_man_standing and not self.wait_for_all:
            found.append("last-man-standing needs wait-for-all")
        if self.auto_tie_breaker not in ("", "lowest", "highest"):
            known = {name for name, _ in self.votes}
            strangers = [name for name in self.auto_tie_breaker.split(",") if name not in known]
            found += [f"auto-tie-breaker names {name}, which is not in the list" for name in strangers]
        if (self.tie_breaker or self.auto_tie_breaker) and (self.witness or self.two_node):
            found.append("a tie-breaker stands beside a witness or two-node; one of them settles a tie")
        if self.two_node and (self.witness or [votes for _, votes in self.votes] != [1, 1] or self.expected > 2):
            found.append("two-node is for two voters of one vote each, without a witness")
        return found

    def without(self, name: str) -> Voters:
        """The list without this voter."""
        return replace(self, votes=tuple(entry for entry in self.votes if entry[0] != name))

    def giving(self, name: str, votes: int) -> Voters:
        """The list in which ``name`` has so many votes."""
        others = [entry for entry in self.votes if entry[0] != name]
        return replace(self, votes=tuple(sorted([*others, (name, votes)])))


def voters_of(names: Iterable[str], **words: object) -> Voters:
    """A list in which each of ``names`` has one vote."""
    return replace(Voters(tuple((name, 1) for name in sorted(names))), **words)  # type: ignore[arg-type]


def parse_voters(text: str) -> Voters:
    """The list that the option's value says. Raises :class:`VotersError` with all that is wrong with it."""
    votes: dict[str, int] = {}
    found: dict[str, object] = {}
    bad: list[str] = []
    for word in text.split():
        name, equals, value = word.partition("=")
        if word in ("two-node", "wait-for-all", "last-man-standing"):
            found[name.replace("-", "_")] = True
        elif name in ("tie-breaker", "witness", "auto-tie-breaker") and value:
            found[name.replace("-", "_")] = value
        elif not equals or not name or not value.isdecimal() or len(value) > 6:
            bad.append(f'"{word}" is neither NODE=VOTES nor a word of quorum')
        elif name == "expected":
            found["expected"] = int(value)
        elif name in votes:
            bad.append(f"{name} stands there twice")
        else:
            votes[name] = int(value)
    voters = replace(Voters(tuple(sorted(votes.items()))), **found)  # type: ignore[arg-type]
    bad += voters.faults()
    if bad:
        raise VotersError(f"{OPTION}: {'; '.join(bad)}")
    return voters


def _breaker(voters: Voters) -> str:
    names = sorted(voters.names)
    if voters.auto_tie_breaker == "lowest":
        return names[0]
    if voters.auto_tie_breaker == "highest":
        return names[-1]
    return next((name for name in voters.auto_tie_breaker.split(",") if name in names), "")


def adapted(voters: Voters, present: frozenset[str]) -> Voters:
    """What last-man-standing and auto-tie-breaker make of the list while exactly ``present`` are there.

    With last-man-standing the present have one vote and the others none; the last two keep theirs, unless there is
    somebody who breaks their tie (votequorum(5)).
    """
    goal = voters
    if voters.last_man_standing:
        here = [name for name, _ in voters.votes if name in present]
        if len(here) > 1 or (here and voters.auto_tie_breaker):
            goal = replace(goal, votes=tuple((name, int(name in present)) for name, _ in voters.votes))
    if goal.auto_tie_breaker:
        goal = replace(goal, tie_breaker=_breaker(goal))
    return goal


def voters_patch(root: XML, voters: Voters) -> str:
    """The patchset (format 2) that records this list in a CIB."""
    for pair in root.iterfind("configuration/crm_config/cluster_property_set/nvpair"):
        if pair.get("name") == OPTION:
            new = etree.Element("nvpair", {str(key): str(value) for key, value in pair.attrib.items()})
            new.set("value", voters.show())
            change = etree.Element("change", operation="modify", path=path_of(pair))
            etree.SubElement(change, "change-result").append(new)
            break
    else:
        owner = etree.Element("cluster_property_set", id="quorum-options")
        etree.SubElement(owner, "nvpair", id=OPTION, name=OPTION, value=voters.show())
        config = root.find("configuration/crm_config")
        if config is None:
            raise VotersError("the CIB has no section crm_config to record the voters in")
        change = etree.Element("change", operation="create", path=path_of(config), position=str(len(config)))
        change.append(owner)
    patch = etree.Element("diff", format="2")
    patch.append(change)
    return etree.tostring(patch, encoding="unicode")


def read_voters(root: XML) -> Voters | None:
    """The list that a CIB records, ``None`` when it records none. Raises :class:`VotersError`."""
    for pair in root.iterfind("configuration/crm_config/cluster_property_set/nvpair"):
        if pair.get("name") == OPTION:
            return parse_voters(pair.get("value", ""))
    return None


_State = tuple[int, int, bool, bool]


def overlap(old: Voters, new: Voters) -> bool:
    """Whether each quorum of ``old`` has a voter in common with each quorum of ``new``.

    They do not when somebody can be split off so that one side has quorum by the old list and the other by the new one;
    all splits are tried, told apart only by the votes on both sides.
    """
    reached: set[_State] = {(0, 0, False, False)}
    before, now = dict(old.votes), dict(new.votes)
    for name in sorted(before.keys() | now.keys()):
        here, there = before.get(name, 0), now.get(name, 0)
        breaks_old, breaks_new = name == old.tie_breaker, name == new.tie_breaker
        reached = {
            state
            for left, right, tie_left, tie_right in reached
            for state in (
                (left + here, right, tie_left or breaks_old, tie_right),
                (left, right + there, tie_left, tie_right or breaks_new),
            )
        }
    return not any(
        _enough(old, left, tie_breaker=tie_left) and _enough(new, right, tie_breaker=tie_right)
        for left, right, tie_left, tie_right in reached
    )


def _enough(voters: Voters, count: int, *, tie_breaker: bool) -> bool:
    tie = bool(voters.tie_breaker) and tie_breaker and 2 * count == voters.total
    return 2 * count > voters.total or tie or (voters.two_node and count > 0)


def steps(old: Voters, new: Voters) -> Iterator[Voters]:
    """The lists from ``old`` to ``new``, each of which overlaps with the one before; ``new`` is the last.

    One step is enough when both overlap. Otherwise what settles a tie is put aside first and set last; in between one
    vote of one voter changes at a time: votes are given before they are taken, so that nobody is left with too few to
    go on.
    """
    at = old
    if old == new:
        return
    if overlap(old, new):
        yield new
        return
    votes_differ = (old.votes, old.expected) != (new.votes, new.expected)
    if votes_differ and (at.tie_breaker or at.two_node):
        at = replace(at, tie_breaker="", two_node=False)
        yield at
    if votes_differ:
        at = replace(at, expected=max(new.expected, at.expected))
        before, wanted = dict(at.votes), dict(new.votes)
        for gives in (True, False):
            for name in sorted(before.keys() | wanted.keys()):
                have, want = before.get(name, 0), wanted.get(name, 0)
                while (have < want) if gives else (have > want):
                    have += 1 if gives else -1
                    at = replace(at.giving(name, have), expected=at.expected)
                    before[name] = have
                    yield at
    if at != new:
        between = replace(new, tie_breaker="", two_node=False)
        if at not in (between, new) and not overlap(at, new):
            yield between
        yield new
