"""The rounds of who calls a view together: proposal, answers, and what they come to.

All candidates' Accepts make a view; one that refuses or is silent makes another round, without those who are busy or
were silent too often, for a time that doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hacluster.base.members import Member, ViewId
from hacluster.base.report import Severity
from hacluster.ccm.clique import best_clique
from hacluster.ccm.quorum import judge, voters_among
from hacluster.ccm.standing import Standing
from hacluster.ccm.state import Mark, Promised, Round
from hacluster.msg.views import Accept, Install, Propose, Refuse, View

Elect = Callable[[Sequence[Accept]], str]
"""How the leader is chosen among the members."""

_PATIENT_ROUNDS: Final = 2
_MOST_DOUBLINGS: Final = 6
_MOST_TRIES: Final = 8


def by_rank(table: Sequence[Accept]) -> str:
    """The member of the lowest rank."""
    return min(table, key=lambda accept: accept.rank).member.name


class Rounds:
    """See the module."""

    def __init__(self, me: Standing, elect: Elect) -> None:
        self._me, self._elect = me, elect

    def call(self, candidates: dict[str, Member], why: str) -> None:
        """Propose a view of these."""
        s, own = self._me.state, self._me.own
        if not self._me.may_call() or own.name not in candidates:
            return
        s.epoch_seen += 1
        s.promised = ViewId(s.epoch_seen, own.name, own.generation, own.life)
        self._me.leave(why)
        s.round = Round(s.promised, candidates)
        self._me.timers.set("round", self._me.step.now, self._me.timing.round_ms)
        self._me.arm_stuck()
        text = f"proposes view {s.promised} to {', '.join(sorted(candidates))}: {why}"
        self._me.step.say(Severity.INFO, "view-proposed", text)
        if not self._me.rules.own_promise:
            self.ask()
            self._me.inbox.append(self._me.accept(s.promised))
        self._me.write(Promised(s.promised, own.name))

    def ask(self) -> None:
        """Our own promise is on disk: the others are asked for theirs."""
        s = self._me.state
        assert s.round is not None, "no round to ask for"
        names = tuple(sorted(s.round.asked))
        self._me.convey(tuple(name for name in names if name != self._me.settings.name), Propose(s.round.id, names))

    def end(self) -> None:
        """There is no round of ours any more."""
        self._me.state.round = None
        self._me.timers.cancel("round")

    def _again(self) -> None:
        """Try again after a random delay that grows."""
        s = self._me.state
        self.end()
        s.tries = min(s.tries + 1, _MOST_TRIES)
        self._me.arm_settle(self._me.dice.below(self._me.timing.retry_ms * s.tries + 1))

    def on_round_over(self) -> None:
        """Not all have answered in time."""
        s = self._me.state
        assert s.round is not None, "a timer of no round"
        silent = [name for name in s.round.asked if name not in s.round.accepts and name != self._me.settings.name]
        for name in silent:
            s.silent[name] = s.silent.get(name, 0) + 1
            if s.silent[name] >= _PATIENT_ROUNDS:
                self._mark(name)
        self._again()

    def _mark(self, name: str) -> None:
        marks = self._me.state.marks
        refusals = min(marks[name].refusals + 1 if name in marks else 1, _MOST_DOUBLINGS)
        marks[name] = Mark(self._me.step.now + (self._me.timing.busy_ms << refusals), refusals)
        self._me.timers.sooner("marks", self._me.step.now, marks[name].until - self._me.step.now)

    def on_refuse(self, sender: Member, refuse: Refuse) -> None:
        """Somebody refuses."""
        s = self._me.state
        s.epoch_seen = max(s.epoch_seen, refuse.promise.epoch)
        if s.round is None or s.round.id != refuse.id:
            return
        if not refuse.busy:
            self._again()
            return
        self._mark(sender.name)
        known = self._me.mutual()
        rest = {name: known[name] for name in s.round.asked if name in known and name != sender.name}
        self.end()
        self.call(rest, f"{sender.name} works in a view of its own")

    def on_accept(self, sender: Member, accept: Accept) -> None:
        """Somebody accepts; when all have, the view is told."""
        s = self._me.state
        if s.round is None or s.round.id != accept.id or s.promised != accept.id or sender != accept.member:
            return
        if sender.name not in s.round.asked:
            return
        s.round.accepts[sender.name] = accept
        s.silent.pop(sender.name, None)
        if set(s.round.accepts) != set(s.round.asked):
            return
        accepts, view_id = s.round.accepts, s.round.id
        best = self._clique_of(accepts) if self._me.rules.accepts_checked else tuple(accepts)
        self.end()
        if set(best) != set(accepts):
            self.call({name: accepts[name].member for name in best}, "not all of them hear one another")
            return
        s.tries = 0
        view = self._agreed(view_id, [accepts[name] for name in sorted(accepts)])
        others = tuple(name for name in sorted(accepts) if name != self._me.settings.name)
        self._me.convey(others, Install(view))
        self._me.inbox.append(Install(view))

    def _clique_of(self, accepts: dict[str, Accept]) -> tuple[str, ...]:
        def hear(one: Accept, other: Accept) -> bool:
            return other.member in one.hears and one.member in other.hears

        edges = {
            name: frozenset(other for other in accepts if other != name and hear(accept, accepts[other]))
            for name, accept in accepts.items()
        }
        others = (name for name in accepts if name != self._me.settings.name)
        order = sorted(others, key=lambda name: accepts[name].rank)
        voters = voters_among(tuple(accepts.values())) or self._me.voters()
        return best_clique(self._me.settings.name, order, edges, lambda names: (voters.count(names), len(names)))

    def _agreed(self, view: ViewId, table: list[Accept]) -> View:
        verdict = judge(table, witness_votes_once=self._me.rules.witness_votes_once)
        members = tuple(accept.member for accept in table)
        leader = self._elect([accept for accept in table if accept.keeps_content])
        return View(view, members, leader, verdict.quorate, verdict.sound, verdict.alone, tuple(table), verdict.why)
