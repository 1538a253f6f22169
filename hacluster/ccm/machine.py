"""ccm as a machine: which nodes form a view, who leads it, whether it has quorum.

Theory of operation
-------------------
A *view* is an id, members, a leader and a verdict on quorum; the same id means
the same to everybody. Ids are compared as tuples, and a node promises each id on disk before it says so, and never a
lower one. A node acts only in the view that it has entered, as long as it has promised nothing higher.

1. *Hearing.* Each node tells everybody whom it hears, what it promised, in which view it is, and its rank. An edge is
   there only if both ends hear each other's present life.
2. *Calling.* When edges were stable for ``settle``, the node of the lowest rank in its clique (the largest set with it
   in which all hear one another) calls that clique together, unless it is the view already and nothing broke it. A
   node that has no working view for ``stuck`` calls its clique, whatever its rank.
3. *Propose*: an epoch above all that was seen; the old view is left at once; the promise goes to disk, then out.
4. *Accept or refuse.* An id that is not above what was promised is refused, with the promise, so that the caller
   learns the epoch. A node that works in a view refuses as *busy* when a neighbour that it works with is not called
   and the new view is not larger. Otherwise it leaves its view at once, and accepts when the promise is on disk.
5. *Install.* With all candidates' Accepts, which say once more who hears whom, the caller decides members, leader and
   quorum, and casts one ``Install`` that never changes. Not all in time, refused, or overtaken: again with a higher id
   after a random delay that grows. A candidate that refused as busy, or that alone kept a round waiting twice, is left
   out for a time that doubles; any change of any edge clears that.
6. *Entering* is done only if the id is what was promised last and this life is a member.

The leader (DC) is the lowest rank: older feature set, longest up, name; a witness never leads and never calls.
*Broken* is a view one of whose edges was lost, even if it came back (the stream had a hole), with a member that has a
new life, that has promised higher for ``stuck``, or whose acknowledgement is overdue (told by cibd).

Of *two nodes*, one alone that may have quorum must know first that the other is down: by a fencing that it asked for in
this view, by the other's goodbye in the life of the last common view, or because a person says so.

A node that reaches none of its *ping nodes* gives its votes up: it is a member, and is not counted.

Whose promise cannot be written hears nobody, as far as the others are told, and is so left out. What the machine does
not do: copies of the CIB (``cibd`` tells what to say of ours), fencing, and whatever follows from being the DC.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName, Persist, Reply, Say, Send
from hacluster.base.limits import MAX_VIEW_MEMBERS
from hacluster.base.machine import Instant
from hacluster.base.members import Member, Rank, ViewId
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.base.writes import Writes
from hacluster.ccm.clique import best_clique
from hacluster.ccm.neighbours import Neighbours
from hacluster.ccm.quorum import judge, voters_among
from hacluster.ccm.rules import Rules
from hacluster.ccm.settings import CcmSettings
from hacluster.ccm.state import PROMISE_KEY, Born, Mark, Note, Promised, PromiseOnDisk, Round, State
from hacluster.cib.voters import Voters
from hacluster.msg.driver import (
    HostSample,
    MachineRestarted,
    Persisted,
    PersistFailed,
    Refused,
    Request,
    RequesterGone,
    Restored,
    StopRequested,
    Tick,
)
from hacluster.msg.hearing import Carried, Carry, Hearing, PulseStarted, StatusSeen
from hacluster.msg.membership import NodeState, NodeStateChanged, Slept
from hacluster.msg.stream import Convey, Conveyed, StreamBroken
from hacluster.msg.views import (
    Accept,
    CallView,
    CopyIs,
    DownConfirmed,
    FencedInView,
    Goodbye,
    Install,
    PersonConfirmed,
    PromiseLost,
    Propose,
    Refuse,
    View,
    ViewEntered,
    ViewLeft,
    ViewQuery,
    ViewStalled,
    ViewStatus,
    ViewSynced,
)

Event = (
    Conveyed
    | StatusSeen
    | Hearing
    | PulseStarted
    | StreamBroken
    | Slept
    | NodeStateChanged
    | CopyIs
    | ViewSynced
    | ViewStalled
    | FencedInView
    | PersonConfirmed
    | CallView
    | Tick
    | HostSample
    | Restored
    | Persisted
    | PersistFailed
    | Request
    | RequesterGone
    | StopRequested
    | MachineRestarted
)

Elect = Callable[[Sequence[Accept]], str]
"""How the leader is chosen among the members."""

_MAX_SETTLING = 4
"""After so many times ``settle`` of unrest a look is taken all the same: one node that flaps must not hold up the
others.
"""
_PATIENT_ROUNDS = 2
_MOST_DOUBLINGS = 6
_MOST_TRIES = 8


def by_rank(table: Sequence[Accept]) -> str:
    """The member of the lowest rank."""
    return min(table, key=lambda accept: accept.rank).member.name


class CcmMachine:
    """See the module."""

    def __init__(
        self, settings: CcmSettings, dice: Dice, *, rules: Rules | None = None, elect: Elect = by_rank
    ) -> None:
        self._settings, self._timing = settings, settings.timing
        self._dice = dice
        self._rules = rules or Rules()
        self._elect = elect
        self._state = State()
        self._near = Neighbours()
        self._timers: Timers[str] = Timers()
        self._disk: Writes[Note] = Writes()
        self._inbox: deque[object] = deque()
        self._carried: Carry | None = None
        self._restored: Restored | None = None
        self._unrest: Instant | None = None
        self._now = Instant(0)
        self._out: list[Effect] = []

    # ---- the shape of a machine

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._now, self._out = now, []
        self._dispatch(event)
        while self._inbox:
            assert self._state.member_is_known, "nobody speaks to itself before it is somebody"
            self._on_body(self._own, self._inbox.popleft())
        self._carry()
        return self._out

    def deadline(self) -> Instant | None:
        """When a timer fires."""
        return self._timers.deadline()

    def check(self) -> None:
        """Assert every invariant."""
        s = self._state
        if self._rules != Rules():
            return
        assert s.view is None or s.view.id == s.promised, (s.view, s.promised)
        assert s.view is None or self._own in s.view.members, s.view
        assert s.view is None or not s.leaving, s.view
        assert s.view is not None or not s.synced, s
        assert s.round is None or s.round.id == s.promised, (s.round, s.promised)
        assert s.round is None or s.view is None, s.round
        assert not s.confirmed or (s.view is not None and s.view.alone), s
        assert s.promised.epoch <= s.epoch_seen, s
        assert ("round" in self._timers) == (s.round is not None), s.round

    # ---- what others may look at

    @property
    def view(self) -> View | None:
        """The view that this node is in."""
        return self._state.view

    @property
    def promised(self) -> ViewId:
        """The highest id promised in memory."""
        return self._state.promised

    @property
    def member(self) -> Member | None:
        """Who this node is in this life; ``None`` until that is on disk."""
        return self._own if self._state.member_is_known else None

    @property
    def _own(self) -> Member:
        s = self._state
        assert s.generation is not None, "no generation yet"
        assert s.life is not None, "no life yet"
        return Member(self._settings.name, s.generation, s.life)

    @property
    def _rank(self) -> Rank:
        s, settings = self._state, self._settings
        return Rank(settings.witness, settings.feature_set, s.up_since or 0, settings.name)

    # ---- events

    def _dispatch(self, event: Event) -> None:  # noqa: C901 - one flat table of events
        s = self._state
        match event:
            case Conveyed():
                if s.member_is_known:
                    self._on_body(event.sender, event.body)
            case StatusSeen():
                self._on_status(event.carried)
            case Hearing():
                self._on_hearing(event)
            case PulseStarted():
                self._on_pulse(event.generation)
            case StreamBroken():
                self._lost(Member(event.node, event.generation, event.life), "its stream had a hole")
            case Slept():
                self._on_slept(event)
            case NodeStateChanged():
                self._on_ping(event.node, answers=event.new is not NodeState.DEAD)
            case CopyIs():
                s.copy = event.state
                self._arm_settle()
            case ViewSynced():
                self._on_synced(event.id)
            case ViewStalled():
                if s.view is not None and s.view.id == event.id and self._rules.lost_edge_breaks:
                    self._break(event.reason)
                    self._consider()
            case FencedInView():
                self._on_fenced(event)
            case PersonConfirmed():
                self._on_person(event.node)
            case CallView():
                known = self._mutual()
                self._call({name: known[name] for name in event.candidates if name in known}, "it was asked for")
            case Tick():
                self._on_tick()
            case HostSample():
                self._on_sample(event)
            case Restored():
                self._restored = event if event.key == PROMISE_KEY else self._restored
                self._be_born()
            case Persisted():
                for note in self._disk.ended(event.token):
                    self._on_disk(note)
            case PersistFailed():
                self._on_disk_failed(event)
            case Request():
                self._on_request(event)
            case StopRequested():
                self._on_stop()
            case RequesterGone() | MachineRestarted():
                pass
            case _:
                assert_never(event)

    def _on_body(self, sender: Member, body: object) -> None:
        match body:
            case Propose():
                self._on_propose(sender, body)
            case Accept():
                self._on_accept(sender, body)
            case Refuse():
                self._on_refuse(sender, body)
            case Install():
                self._on_install(body.view)
            case Goodbye():
                self._on_goodbye(sender)
            case _:
                self._say(
                    Severity.WARNING, "unknown-message", f"{sender} says {type(body).__name__}, which is not known"
                )

    # ---- being somebody

    def _on_sample(self, event: HostSample) -> None:
        if self._state.up_since is None:
            self._state.up_since = event.unix_ms
            self._be_born()

    def _be_born(self) -> None:
        s = self._state
        if s.life is not None or self._restored is None or s.up_since is None:
            return
        known: PromiseOnDisk | None = None
        if self._restored.data is not None:
            try:
                known = msgspec.json.decode(self._restored.data, type=PromiseOnDisk)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                self._say(Severity.ERROR, "promise-unreadable", f"the file {PROMISE_KEY} cannot be read: {error}")
        if known is None:
            self._send(MachineName.CIBD, PromiseLost())
            s.life = s.up_since // 1_000
        else:
            s.promised, s.life = known.promise, known.life + 1
        s.epoch_seen = max(s.epoch_seen, s.promised.epoch)
        self._write(Born())

    def _write(self, note: Note) -> None:
        s = self._state
        assert s.life is not None, "a promise before there is a life"
        data = msgspec.json.encode(PromiseOnDisk(s.promised, s.life))
        self._out.append(self._disk.after(Persist(PROMISE_KEY, data, 0), note))

    def _on_disk(self, note: Note) -> None:
        s = self._state
        s.ailing = False
        match note:
            case Born():
                s.is_born = True
                self._arm_stuck()
                self._arm_settle()
            case Promised() if note.id == s.promised and note.to != self._settings.name:
                self._convey((note.to,), self._accept(note.id))
            case Promised() if note.id == s.promised and s.round is not None and self._rules.own_promise:
                self._ask()
                self._inbox.append(self._accept(note.id))
            case _:
                pass

    def _on_disk_failed(self, event: PersistFailed) -> None:
        s = self._state
        self._disk.ended(event.token)
        if not s.ailing:
            text = f"this node's promise cannot be written, so it takes part in no view: {event.error}"
            self._say(Severity.ERROR, "promise-not-written", text)
        s.ailing = True
        self._end_round()
        self._leave("its promise cannot be written")
        self._timers.set("disk", self._now, self._timing.disk_retry_ms)

    def _on_pulse(self, generation: int) -> None:
        s = self._state
        if s.generation not in (None, generation):
            self._leave("the heartbeat has begun anew")
            self._end_round()
        s.generation = generation
        self._near.clear()
        self._carried = None
        self._arm_settle()

    def _on_slept(self, event: Slept) -> None:
        if event.presumed_dead:
            self._leave(f"this node slept for {event.duration_ms} ms")
            self._end_round()
            self._arm_settle()

    def _on_stop(self) -> None:
        s = self._state
        if s.leaving:
            return
        s.leaving = True
        if s.member_is_known:
            others = tuple(member.name for member in s.last if member.name != self._settings.name)
            self._convey(others, Goodbye())
        self._end_round()
        self._leave("this node is stopped")

    # ---- hearing

    def _gives_up(self) -> bool:
        return bool(self._settings.ping_nodes) and self._state.silent_pings >= set(self._settings.ping_nodes)

    def _on_ping(self, node: str, *, answers: bool) -> None:
        """A ping node answers, or no longer: a view in which we count, or do not, is another one."""
        s, before = self._state, self._gives_up()
        if node not in self._settings.ping_nodes:
            return
        (s.silent_pings.discard if answers else s.silent_pings.add)(node)
        if self._gives_up() is not before:
            self._say(
                Severity.NOTICE,
                "ping",
                "its votes count again" if before else "it reaches no ping node: its votes do not count",
            )
            if s.view is not None:
                self._break(f"{self._settings.name} reaches {'a' if before else 'no'} ping node")
            self._arm_settle()

    def _on_hearing(self, event: Hearing) -> None:
        lost, changed = self._near.on_hearing(event.node, event.generation, heard=event.heard)
        if lost is not None:
            self._lost(lost, "it is not heard any more" if not event.heard else "it has begun anew")
        if changed:
            self._edges_changed()

    def _on_status(self, carried: Carried) -> None:
        s = self._state
        node = carried.member.name
        if node == self._settings.name or (not self._rules.hearing_told_to_all and node not in self._near.heard):
            return
        s.epoch_seen = max(s.epoch_seen, carried.promise.epoch)
        known = self._near.said.get(node)
        gone, changed = self._near.on_status(carried)
        if gone is not None:
            self._lost(gone, "it has begun anew")
        view = s.view
        if view is not None and carried.member in view.members:
            others = [member for member in view.members if member != carried.member]
            if self._rules.lost_edge_breaks and not all(member in carried.hears for member in others):
                self._break(f"{node} does not hear every member")
            if carried.promise > view.id and "outpromised" not in self._timers:
                self._timers.set("outpromised", self._now, self._timing.stuck_ms)
                if s.synced:
                    s.synced = False
                    self._arm_stuck()
        if known is not None and known.gives_up is not carried.gives_up and view is not None:
            self._break(f"{node} reaches {'no' if carried.gives_up else 'a'} ping node")
            self._arm_settle()
        if changed:
            self._edges_changed()

    def _lost(self, member: Member, why: str) -> None:
        view = self._state.view
        if view is not None and member in view.members and self._rules.lost_edge_breaks:
            self._break(f"{member.name}: {why}")
            self._arm_settle()

    def _edges_changed(self) -> None:
        self._state.marks.clear()
        self._state.silent.clear()
        self._timers.cancel("marks")
        self._arm_settle()

    def _arm_settle(self, extra_ms: int = 0) -> None:
        if self._unrest is None:
            self._unrest = self._now
        latest = self._unrest + _MAX_SETTLING * self._timing.settle_ms
        when = min(self._now + self._timing.settle_ms, max(latest, self._now))
        self._timers.set_at("settle", Instant(when + extra_ms))

    def _arm_stuck(self) -> None:
        delay = self._timing.stuck_ms + self._dice.below(self._timing.spread_ms + 1)
        self._timers.set("stuck", self._now, delay)

    def _mutual(self) -> dict[str, Member]:
        s = self._state
        if s.ailing or s.leaving or not s.member_is_known:
            return {self._settings.name: self._own} if s.member_is_known else {}
        found = self._near.mutual(self._own)
        return {name: member for name, member in found.items() if s.goodbyes.get(name) != member}

    def _voters(self) -> Voters:
        copy = self._state.copy
        return copy.voters if copy is not None else Voters()

    def _clique(self) -> dict[str, Member]:
        s, own = self._state, self._settings.name
        nodes = self._mutual()
        marked = {name for name, mark in s.marks.items() if mark.until > self._now}
        nodes = {name: member for name, member in nodes.items() if name not in marked}
        if not self._rules.cliques:
            return nodes
        ranks = {name: self._near.said[name].rank for name in nodes if name != own}
        voters, present = self._voters(), s.view.names if s.view is not None else frozenset[str]()

        def worth(members: Sequence[str]) -> tuple[int, int, int]:
            return voters.count(members), len(members), sum(name in present for name in members)

        order = sorted(ranks, key=lambda name: ranks[name])
        members = best_clique(own, order, self._near.edges(self._own, nodes), worth)
        return {name: nodes[name] for name in members[:MAX_VIEW_MEMBERS]}

    # ---- calling

    def _on_tick(self) -> None:
        while (timer := self._timers.pop(self._now)) is not None:
            match timer:
                case "settle":
                    self._unrest = None
                    self._consider()
                case "marks":
                    self._consider()
                case "round":
                    self._on_round_over()
                case "stuck":
                    self._on_stuck()
                case "outpromised":
                    self._on_outpromised()
                case "disk":
                    self._write(Promised(self._state.promised, "") if self._state.is_born else Born())
                case _:
                    raise AssertionError(timer)

    def _may_call(self) -> bool:
        s = self._state
        return s.member_is_known and s.copy is not None and not (s.leaving or s.ailing or self._settings.witness)

    def _consider(self) -> None:
        """Call the clique together if that is ours to do and there is a reason."""
        s = self._state
        if not self._may_call() or s.round is not None:
            return
        clique = self._clique()
        if any(name != self._settings.name and self._near.said[name].rank < self._rank for name in clique):
            return
        view = s.view
        if view is not None and set(view.members) == set(clique.values()) and not s.broken:
            return
        self._call(clique, s.broken or self._difference(view, clique))

    def _difference(self, view: View | None, clique: dict[str, Member]) -> str:
        if view is None:
            return "there is no view"
        joins = sorted(name for name, member in clique.items() if member not in view.members)
        goes = sorted(member.name for member in view.members if member not in clique.values())
        parts = [f"{', '.join(joins)} joins"] if joins else []
        parts += [f"{', '.join(goes)} is gone"] if goes else []
        return "; ".join(parts) or "the view is broken"

    def _call(self, candidates: dict[str, Member], why: str) -> None:
        s, own = self._state, self._own
        if not self._may_call() or own.name not in candidates:
            return
        s.epoch_seen += 1
        s.promised = ViewId(s.epoch_seen, own.name, own.generation, own.life)
        self._leave(why)
        s.round = Round(s.promised, candidates)
        self._timers.set("round", self._now, self._timing.round_ms)
        self._arm_stuck()
        self._say(Severity.INFO, "view-proposed", f"proposes view {s.promised} to {_listed(candidates)}: {why}")
        if not self._rules.own_promise:
            self._ask()
            self._inbox.append(self._accept(s.promised))
        self._write(Promised(s.promised, own.name))

    def _ask(self) -> None:
        s = self._state
        assert s.round is not None, "no round to ask for"
        names = tuple(sorted(s.round.asked))
        self._convey(tuple(name for name in names if name != self._settings.name), Propose(s.round.id, names))

    def _end_round(self) -> None:
        self._state.round = None
        self._timers.cancel("round")

    def _again(self) -> None:
        """Try again after a random delay that grows."""
        s = self._state
        self._end_round()
        s.tries = min(s.tries + 1, _MOST_TRIES)
        self._arm_settle(self._dice.below(self._timing.retry_ms * s.tries + 1))

    def _on_round_over(self) -> None:
        s = self._state
        assert s.round is not None, "a timer of no round"
        silent = [name for name in s.round.asked if name not in s.round.accepts and name != self._settings.name]
        for name in silent:
            s.silent[name] = s.silent.get(name, 0) + 1
            if s.silent[name] >= _PATIENT_ROUNDS:
                self._mark(name)
        self._again()

    def _mark(self, name: str) -> None:
        marks = self._state.marks
        refusals = min(marks[name].refusals + 1 if name in marks else 1, _MOST_DOUBLINGS)
        marks[name] = Mark(self._now + (self._timing.busy_ms << refusals), refusals)
        self._timers.sooner("marks", self._now, marks[name].until - self._now)

    def _on_stuck(self) -> None:
        s = self._state
        self._arm_stuck()
        if self._rules.stuck and not s.synced and s.round is None and self._may_call():
            self._call(self._clique(), "there was no working view for long")

    def _on_outpromised(self) -> None:
        view = self._state.view
        if view is None:
            return
        higher = [m.name for m in view.members if m.name in self._near.said and self._promise_of(m) > view.id]
        if higher:
            self._break(f"{', '.join(higher)} promised a higher view")
            self._consider()

    def _promise_of(self, member: Member) -> ViewId:
        said = self._near.said[member.name]
        return said.promise if said.member == member else ViewId(0, "", 0, 0)

    # ---- answering

    def _on_propose(self, sender: Member, propose: Propose) -> None:
        s = self._state
        s.epoch_seen = max(s.epoch_seen, propose.id.epoch)
        if s.leaving or s.ailing or s.copy is None:
            return
        if propose.id <= s.promised:
            self._convey((sender.name,), Refuse(propose.id, s.promised))
            return
        if self._rules.busy and self._is_busy(propose):
            self._convey((sender.name,), Refuse(propose.id, s.promised, busy=True))
            return
        s.promised = propose.id
        self._end_round()
        self._leave(f"{sender.name} proposes view {propose.id}")
        self._arm_stuck()
        self._write(Promised(propose.id, sender.name))

    def _is_busy(self, propose: Propose) -> bool:
        s = self._state
        if s.view is None or not s.synced:
            return False
        voters, near = self._voters(), self._mutual()
        stays = any(
            near.get(member.name) == member and member.name not in propose.candidates for member in s.view.members
        )
        theirs = (voters.count(propose.candidates), len(propose.candidates))
        return stays and theirs <= (voters.count(s.view.names), len(s.view.members))

    def _accept(self, view: ViewId) -> Accept:
        s = self._state
        assert s.copy is not None, "nothing is known of our copy"
        hears = frozenset() if s.ailing or s.leaving else self._near.hears()
        return Accept(view, self._own, hears, self._rank, s.last_view, s.copy, self._gives_up())

    def _on_refuse(self, sender: Member, refuse: Refuse) -> None:
        s = self._state
        s.epoch_seen = max(s.epoch_seen, refuse.promise.epoch)
        if s.round is None or s.round.id != refuse.id:
            return
        if not refuse.busy:
            self._again()
            return
        self._mark(sender.name)
        known = self._mutual()
        rest = {name: known[name] for name in s.round.asked if name in known and name != sender.name}
        self._end_round()
        self._call(rest, f"{sender.name} works in a view of its own")

    def _on_accept(self, sender: Member, accept: Accept) -> None:
        s = self._state
        if s.round is None or s.round.id != accept.id or s.promised != accept.id or sender != accept.member:
            return
        if sender.name not in s.round.asked:
            return
        s.round.accepts[sender.name] = accept
        s.silent.pop(sender.name, None)
        if set(s.round.accepts) != set(s.round.asked):
            return
        accepts, view_id = s.round.accepts, s.round.id
        best = self._clique_of(accepts) if self._rules.accepts_checked else tuple(accepts)
        self._end_round()
        if set(best) != set(accepts):
            self._call({name: accepts[name].member for name in best}, "not all of them hear one another")
            return
        s.tries = 0
        view = self._agreed(view_id, [accepts[name] for name in sorted(accepts)])
        others = tuple(name for name in sorted(accepts) if name != self._settings.name)
        self._convey(others, Install(view))
        self._inbox.append(Install(view))

    def _clique_of(self, accepts: dict[str, Accept]) -> tuple[str, ...]:
        def hear(one: Accept, other: Accept) -> bool:
            return other.member in one.hears and one.member in other.hears

        edges = {
            name: frozenset(other for other in accepts if other != name and hear(accept, accepts[other]))
            for name, accept in accepts.items()
        }
        others = (name for name in accepts if name != self._settings.name)
        order = sorted(others, key=lambda name: accepts[name].rank)
        voters = voters_among(tuple(accepts.values())) or self._voters()
        return best_clique(self._settings.name, order, edges, lambda names: (voters.count(names), len(names)))

    def _agreed(self, view: ViewId, table: list[Accept]) -> View:
        verdict = judge(table, witness_votes_once=self._rules.witness_votes_once)
        members = tuple(accept.member for accept in table)
        leader = self._elect([accept for accept in table if accept.keeps_content])
        return View(view, members, leader, verdict.quorate, verdict.sound, verdict.alone, tuple(table), verdict.why)

    # ---- entering and leaving

    def _on_install(self, view: View) -> None:
        s = self._state
        if self._own not in view.members or s.leaving:
            return
        if self._rules.last_promise_only:
            if view.id != s.promised:
                return
        elif s.view is not None and view.id <= s.view.id:
            return
        if s.view is not None and s.view.id == view.id:
            return
        self._leave("")
        before = s.last
        s.view, s.last, s.last_view, s.broken, s.why = view, view.members, view.id, "", view.why
        self._timers.cancel("outpromised")
        keepers = [accept.member for accept in view.table if accept.keeps_content]
        if len(keepers) == 2:
            s.partner = next((member for member in keepers if member != self._own), s.partner)
        joined = tuple(member for member in view.members if member not in before)
        left = tuple(member for member in before if member not in view.members)
        self._tell(ViewEntered(view, joined, left))
        self._say(
            Severity.NOTICE,
            "view-entered",
            f"is in view {view.id} of {_listed(view.names)}, leader {view.leader}, "
            f"{'with' if view.quorate else 'without'} quorum{f': {view.why}' if view.why else ''}",
        )
        self._arm_stuck()
        self._arm_settle()
        if view.alone and s.partner is not None and s.goodbyes.get(s.partner.name) == s.partner:
            self._confirm(f"{s.partner.name} had said goodbye")

    def _leave(self, why: str) -> None:
        s = self._state
        if s.view is None:
            return
        self._tell(ViewLeft(s.view.id))
        self._say(Severity.INFO, "view-left", f"leaves view {s.view.id}: {why or 'it enters the next one'}")
        s.view, s.synced, s.confirmed, s.broken = None, False, False, ""
        self._timers.cancel("outpromised")
        self._arm_stuck()

    def _break(self, why: str) -> None:
        s = self._state
        if not s.broken:
            s.broken = why

    def _on_synced(self, view: ViewId) -> None:
        s = self._state
        if s.view is not None and s.view.id == view and "outpromised" not in self._timers:
            s.synced, s.tries = True, 0

    # ---- two nodes

    def _on_goodbye(self, sender: Member) -> None:
        s = self._state
        s.goodbyes[sender.name] = sender
        view = s.view
        if view is not None and sender in view.members:
            self._break(f"{sender.name} says goodbye")
        self._edges_changed()
        if view is not None and view.alone and (sender == s.partner or not self._rules.evidence_of_this_view):
            self._confirm(f"{sender.name} says goodbye")

    def _on_fenced(self, event: FencedInView) -> None:
        view = self._state.view
        if view is not None and view.alone and (view.id == event.id or not self._rules.evidence_of_this_view):
            self._confirm(f"{event.node} was fenced")

    def _on_person(self, node: str) -> None:
        s = self._state
        if s.view is not None and s.view.alone and (s.partner is None or s.partner.name == node):
            self._confirm(f"a person says that {node} is down")

    def _confirm(self, why: str) -> None:
        s = self._state
        assert s.view is not None, "confirmed in no view"
        if not s.confirmed:
            s.confirmed = True
            self._say(Severity.NOTICE, "down-confirmed", f"goes on alone: {why}")
            self._tell(DownConfirmed(s.view.id))

    # ---- speaking

    def _on_request(self, event: Request) -> None:
        s = self._state
        match event.body:
            case ViewQuery() if s.member_is_known:
                hears = tuple(sorted(self._near.hears()))
                body = ViewStatus(self._own, s.view, s.synced, s.promised, hears, self._voters(), s.why or s.broken)
                self._out.append(Reply(event.request_id, body))
            case _:
                self._out.append(Reply(event.request_id, Refused("unknown-request", "ccm does not answer this")))

    def _carry(self) -> None:
        s = self._state
        if not s.member_is_known:
            return
        hears = frozenset() if s.ailing or s.leaving else self._near.hears()
        view = s.view.id if s.view is not None else ViewId(0, "", 0, 0)
        audience = None if self._rules.hearing_told_to_all else frozenset(self._near.heard)
        carry = Carry(Carried(self._own, hears, s.promised, view, self._rank, self._gives_up()), audience)
        if carry != self._carried:
            self._carried = carry
            self._send(MachineName.HEARTBEAT, carry)

    def _convey(self, to: tuple[str, ...], body: object) -> None:
        if to:
            self._send(MachineName.SPEECH, Convey(to, MachineName.CCM, body))

    def _send(self, to: MachineName, body: object) -> None:
        self._out.append(Send(to, body))

    def _tell(self, body: object) -> None:
        for listener in self._settings.listeners:
            self._send(listener, body)

    def _say(self, severity: Severity, code: str, text: str) -> None:
        self._out.append(Say(severity, "ccm", code, text))


def _listed(names: Sequence[str] | frozenset[str] | dict[str, Member]) -> str:
    return ", ".join(sorted(names))
