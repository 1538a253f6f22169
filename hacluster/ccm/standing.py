"""This node as ccm knows it: what it has promised and whom it hears, and the acts that all parts of ccm have in common.

What follows from an event is for the machine to say, and what a round of ours comes to for :mod:`hacluster.ccm.rounds`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from hacluster.base.dice import Dice
from hacluster.base.effects import MachineName, Persist
from hacluster.base.limits import MAX_VIEW_MEMBERS
from hacluster.base.machine import Instant
from hacluster.base.members import Member, Rank, ViewId
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.base.writes import Writes
from hacluster.ccm.clique import best_clique
from hacluster.ccm.neighbours import Neighbours
from hacluster.ccm.rules import Rules
from hacluster.ccm.settings import CcmSettings
from hacluster.ccm.state import PROMISE_KEY, Note, PromiseOnDisk, State
from hacluster.cib.voters import Voters
from hacluster.msg.stream import Convey
from hacluster.msg.views import Accept, ViewLeft

MAX_SETTLING: Final = 4
"""After so many times ``settle`` of unrest a look is taken all the same: one node that flaps must not hold up the
others.
"""


class Standing:
    """See the module. ``unrest``: since when there are changes that nobody has looked at; ``inbox``: what this node
    says to itself.
    """

    def __init__(self, settings: CcmSettings, rules: Rules, dice: Dice) -> None:
        self.settings, self.timing = settings, settings.timing
        self.rules = rules
        self.dice = dice
        self.step = Step("ccm")
        self.state = State()
        self.near = Neighbours()
        self.timers: Timers[str] = Timers()
        self.disk: Writes[Note] = Writes()
        self.inbox: deque[object] = deque()
        self.unrest: Instant | None = None

    @property
    def own(self) -> Member:
        """Who this node is in this life."""
        s = self.state
        assert s.generation is not None, "no generation yet"
        assert s.life is not None, "no life yet"
        return Member(self.settings.name, s.generation, s.life)

    @property
    def rank(self) -> Rank:
        """How it stands in the order of leaders."""
        s, settings = self.state, self.settings
        return Rank(settings.witness, settings.feature_set, s.up_since or 0, settings.name)

    def gives_up(self) -> bool:
        """Whether it reaches no ping node."""
        return bool(self.settings.ping_nodes) and self.state.silent_pings >= set(self.settings.ping_nodes)

    def may_call(self) -> bool:
        """Whether it may call others together."""
        s = self.state
        return s.member_is_known and s.copy is not None and not (s.leaving or s.ailing or self.settings.witness)

    def hears(self) -> frozenset[Member]:
        """Whom it says that it hears: nobody, when it takes part in nothing."""
        s = self.state
        return frozenset() if s.ailing or s.leaving else self.near.hears()

    def mutual(self) -> dict[str, Member]:
        """Everybody whom it hears and who hears it, by name; itself, too."""
        s = self.state
        if s.ailing or s.leaving or not s.member_is_known:
            return {self.settings.name: self.own} if s.member_is_known else {}
        found = self.near.mutual(self.own)
        return {name: member for name, member in found.items() if s.goodbyes.get(name) != member}

    def voters(self) -> Voters:
        """Who votes, by its copy."""
        copy = self.state.copy
        return copy.voters if copy is not None else Voters()

    def clique(self) -> dict[str, Member]:
        """The largest set with it in which all hear one another."""
        s, own = self.state, self.settings.name
        nodes = self.mutual()
        marked = {name for name, mark in s.marks.items() if mark.until > self.step.now}
        nodes = {name: member for name, member in nodes.items() if name not in marked}
        if not self.rules.cliques:
            return nodes
        ranks = {name: self.near.said[name].rank for name in nodes if name != own}
        voters, present = self.voters(), s.view.names if s.view is not None else frozenset[str]()

        def worth(members: Sequence[str]) -> tuple[int, int, int]:
            return voters.count(members), len(members), sum(name in present for name in members)

        order = sorted(ranks, key=lambda name: ranks[name])
        members = best_clique(own, order, self.near.edges(self.own, nodes), worth)
        return {name: nodes[name] for name in members[:MAX_VIEW_MEMBERS]}

    def accept(self, view: ViewId) -> Accept:
        """What it says when it accepts a view."""
        s = self.state
        assert s.copy is not None, "nothing is known of our copy"
        return Accept(view, self.own, self.hears(), self.rank, s.last_view, s.copy, self.gives_up())

    def leave(self, why: str) -> None:
        """The view is left, at once; an empty ``why``: for the next one."""
        s = self.state
        if s.view is None:
            return
        self.tell(ViewLeft(s.view.id))
        self.step.say(Severity.INFO, "view-left", f"leaves view {s.view.id}: {why or 'it enters the next one'}")
        s.view, s.synced, s.confirmed, s.broken = None, False, False, ""
        self.timers.cancel("outpromised")
        self.arm_stuck()

    def break_view(self, why: str) -> None:
        """The view must be replaced."""
        s = self.state
        if not s.broken:
            s.broken = why

    def arm_settle(self, extra_ms: int = 0) -> None:
        """Something changed: look at it when it is quiet."""
        if self.unrest is None:
            self.unrest = self.step.now
        latest = self.unrest + MAX_SETTLING * self.timing.settle_ms
        when = min(self.step.now + self.timing.settle_ms, max(latest, self.step.now))
        self.timers.set_at("settle", Instant(when + extra_ms))

    def arm_stuck(self) -> None:
        """Wait for a view that works."""
        delay = self.timing.stuck_ms + self.dice.below(self.timing.spread_ms + 1)
        self.timers.set("stuck", self.step.now, delay)

    def write(self, note: Note) -> None:
        """Have the promise on disk; ``note`` says what follows from that."""
        s = self.state
        assert s.life is not None, "a promise before there is a life"
        data = msgspec.json.encode(PromiseOnDisk(s.promised, s.life))
        self.step.out.append(self.disk.after(Persist(PROMISE_KEY, data, 0), note))

    def convey(self, to: tuple[str, ...], body: object) -> None:
        """Say something to the ccm of other nodes."""
        if to:
            self.step.send(MachineName.SPEECH, Convey(to, MachineName.CCM, body))

    def tell(self, body: object) -> None:
        """Tell the machines that live in views."""
        for listener in self.settings.listeners:
            self.step.send(listener, body)
