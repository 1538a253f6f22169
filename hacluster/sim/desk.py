"""A desk for schedules of single messages: who calls whom, what arrives, what is on disk, who dies.

Counterexamples to a protocol are orders of events, not times. Here nothing happens by itself::

    desk = Desk(majority("a", "b", "c"))
    desk.view("a", "abc")                 # a calls a, b and c together, and all is delivered
    desk.write("a", "r1").disk("a")       # r1 is on the disk of a alone
    desk.drop("a").view("b", "bc")        # what a sent is lost; b and c go on

A rule that is off is given with the setup. A breach of an invariant is raised by the checkers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hacluster.base.effects import MachineName
from hacluster.ccm.rules import Rules as CcmRules
from hacluster.cib.voters import Voters, voters_of
from hacluster.msg.views import CallView, FencedInView, PersonConfirmed
from hacluster.sim.crm.ring import Ring, RingNode, RingSetup

UNTIMED = CcmRules(busy=False, accepts_checked=False)
"""Safety rests on nothing in hearing: at the desk anybody may call anybody."""

_MAX_ROUNDS = 40


def majority(*names: str, **words: object) -> RingSetup:
    """Nodes of one vote each."""
    voters = voters_of([*names, *([str(words["witness"])] if "witness" in words else [])], **words)
    return RingSetup(tuple(sorted(voters.names)), voters, ccm_rules=UNTIMED)


def without(setup: RingSetup, rule: str) -> RingSetup:
    """The same with one rule of ccm or cibd off."""
    if hasattr(setup.ccm_rules, rule):
        return replace(setup, ccm_rules=replace(setup.ccm_rules, **{rule: False}))
    return replace(setup, cibd_rules=replace(setup.cibd_rules, **{rule: False}))


class Desk(Ring):
    """See the module. Every method but those that ask returns the desk."""

    def __init__(self, setup: RingSetup) -> None:
        super().__init__(setup)
        for name in setup.names:
            self.boot(name)
        self.disk()
        self.meet(setup.names)

    # ---- moving

    def deliver(self, sender: str, to: str, *only: str) -> Desk:
        """All that is under way from one node to another arrives, or what comes before something not in ``only``."""
        for channel in [key for key in self.channels if (key[0].name, key[1]) == (sender, to)]:
            queue = self.channels[channel]
            while queue and (not only or type(queue[0][1]).__name__ in only):
                self.deliver_one(channel)
        return self

    def disk(self, names: Iterable[str] = "", up_to: int | None = None) -> Desk:
        """Queued writes of these nodes (all) end, the first ``up_to`` of each."""
        for name in list(names or self.nodes):
            count = 0
            while self.nodes[name].disk.queue and (up_to is None or count < up_to):
                self.disk_one(name)
                count += 1
        return self

    def drop(self, name: str) -> Desk:
        """What is under way to and from a node is lost."""
        for (sender, to), queue in self.channels.items():
            if name in (sender.name, to):
                queue.clear()
        return self

    def settle(self, names: Iterable[str]) -> Desk:
        """Disks and messages among these nodes, until all is quiet."""
        group = [name for name in names if name in self.nodes]
        for _ in range(_MAX_ROUNDS):
            before = len(self.log)
            self.disk(group)
            for one in group:
                for other in group:
                    if one != other:
                        self.deliver(one, other)
            if len(self.log) == before:
                return self
        raise AssertionError(f"{group} do not come to rest: {self.log[-10:]}")

    # ---- acting

    def call(self, caller: str, names: Iterable[str], leader: str = "") -> Desk:
        """A node calls others together; nothing arrives yet."""
        self.leader = leader or caller
        self.give(self.nodes[caller], MachineName.CCM, CallView(tuple(sorted(names))))
        return self

    def view(self, caller: str, names: Iterable[str], leader: str = "") -> Desk:
        """A node calls others together, and everything among them is delivered."""
        group = sorted(names)
        self.call(caller, group, leader).settle(group)
        view = self.nodes[caller].ccm.view
        assert view is not None, self.log[-20:]
        assert view.names == set(group), view.names
        return self

    def write(self, name: str, what: str, patch: str | None = None, *, forced: bool = False) -> Desk:  # type: ignore[override]
        """A client at a node writes; nothing arrives yet."""
        super().write(name, what, patch, forced=forced)
        return self

    def crash(self, name: str, kept: int = 0, torn: int = 0) -> Desk:  # type: ignore[override]
        """A node dies and the others do not hear it any more."""
        super().crash(name, kept, torn)
        for other in self.nodes.values():
            self.hear_not(other, name)
        return self

    def restart(self, name: str) -> Desk:
        """A node that is down starts, and everybody hears it."""
        self.boot(name)
        self.disk(name if len(name) == 1 else [name])
        self.meet(self.nodes)
        return self

    def fenced(self, name: str, other: str) -> Desk:
        """The fencing of ``other`` that ``name`` asked for in its present view has succeeded."""
        view = self.nodes[name].ccm.view
        assert view is not None, f"{name} is in no view"
        self.give(self.nodes[name], MachineName.CCM, FencedInView(view.id, other))
        return self

    def person_says_down(self, name: str, other: str) -> Desk:
        """A person tells ``name`` that ``other`` is down."""
        self.give(self.nodes[name], MachineName.CCM, PersonConfirmed(other))
        return self

    # ---- asking

    def has(self, name: str) -> set[str]:
        """The writes in a node's copy."""
        return set(self.checkers.content(self.nodes[name]))

    def is_synced(self, name: str) -> bool:
        """Whether a node is in a view that works."""
        return self.nodes[name].cibd.is_synced

    def node(self, name: str) -> RingNode:
        """A node that runs."""
        return self.nodes[name]


def two_nodes() -> RingSetup:
    """Two nodes of one vote each, ordered by fencing."""
    names = ("a", "b")
    return RingSetup(names, Voters((("a", 1), ("b", 1)), two_node=True), ccm_rules=UNTIMED)
