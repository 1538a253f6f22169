"""Who hears whom, as far as this node knows.

An edge between two nodes exists only if each hears the other, and names the very life that it hears. What a node says
of itself is remembered even while it is not counted as heard: a cut in one direction would otherwise leave the two
ends with different ideas of it for ever.
"""

from __future__ import annotations

from hacluster.base.members import Member
from hacluster.msg.hearing import Carried


class Neighbours:
    """The edges around this node, and what the others said of theirs."""

    def __init__(self) -> None:
        self.heard: dict[str, int] = {}
        self.said: dict[str, Carried] = {}

    def clear(self) -> None:
        """The pulse has begun anew: it hears nobody yet."""
        self.heard.clear()
        self.said.clear()

    def known(self, node: str) -> Member | None:
        """Whom we hear under that name: the life whose status came last, if it is of the generation that is heard."""
        said = self.said.get(node)
        return said.member if said is not None and self.heard.get(node) == said.member.generation else None

    def hears(self) -> frozenset[Member]:
        """Everybody whom we hear."""
        return frozenset(member for node in self.heard if (member := self.known(node)) is not None)

    def on_hearing(self, node: str, generation: int, *, heard: bool) -> tuple[Member | None, bool]:
        """An edge of ours changed: the life that we hear no longer, if there is one, and whether anything changed."""
        before = self.known(node)
        was = self.heard.get(node)
        if heard:
            self.heard[node] = generation
        elif was == generation:
            del self.heard[node]
        return (before if before != self.known(node) else None), was != self.heard.get(node)

    def on_status(self, carried: Carried) -> tuple[Member | None, bool]:
        """A node says something new of itself: its former life, if that is over, and whether edges may have changed."""
        node, before = carried.member.name, self.said.get(carried.member.name)
        if before is not None and before.member[1:] > carried.member[1:]:
            return None, False
        gone = self.known(node)
        self.said[node] = carried
        changed = before is None or (before.member, before.hears) != (carried.member, carried.hears)
        return (gone if gone is not None and gone != carried.member else None), changed

    def mutual(self, own: Member) -> dict[str, Member]:
        """Everybody whom we hear and who hears us, by name; we ourselves, too."""
        found = {own.name: own}
        for node in self.heard:
            member = self.known(node)
            if member is not None and own in self.said[node].hears:
                found[node] = member
        return found

    def edges(self, own: Member, nodes: dict[str, Member]) -> dict[str, frozenset[str]]:
        """For each of ``nodes`` those of them that hear it and are heard by it; ``nodes`` are mutual with us."""
        hears = {name: self.said[name].hears if name != own.name else self.hears() for name in nodes}
        found: dict[str, frozenset[str]] = {}
        for name, member in nodes.items():
            found[name] = frozenset(
                other
                for other, theirs in nodes.items()
                if other != name and theirs in hears[name] and member in hears[other]
            )
        return found
