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

from collections.abc import Sequence
from typing import assert_never

import msgspec

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName
from hacluster.base.machine import Instant
from hacluster.base.members import Member, ViewId
from hacluster.base.report import Severity
from hacluster.ccm.rounds import Elect, Rounds, by_rank
from hacluster.ccm.rules import Rules
from hacluster.ccm.settings import CcmSettings
from hacluster.ccm.standing import Standing
from hacluster.ccm.state import PROMISE_KEY, Born, Note, Promised, PromiseOnDisk
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
from hacluster.msg.stream import Conveyed, StreamBroken
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


class CcmMachine:
    """See the module."""

    def __init__(
        self, settings: CcmSettings, dice: Dice, *, rules: Rules | None = None, elect: Elect = by_rank
    ) -> None:
        self._me = Standing(settings, rules or Rules(), dice)
        self._step = self._me.step
        self._rounds = Rounds(self._me, elect)
        self._carried: Carry | None = None
        self._restored: Restored | None = None

    # ---- the shape of a machine

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._step.begin(now)
        self._dispatch(event)
        while self._me.inbox:
            assert self._me.state.member_is_known, "nobody speaks to itself before it is somebody"
            self._on_body(self._me.own, self._me.inbox.popleft())
        self._carry()
        return self._step.out

    def deadline(self) -> Instant | None:
        """When a timer fires."""
        return self._me.timers.deadline()

    def check(self) -> None:
        """Assert every invariant."""
        s = self._me.state
        if self._me.rules != Rules():
            return
        assert s.view is None or s.view.id == s.promised, (s.view, s.promised)
        assert s.view is None or self._me.own in s.view.members, s.view
        assert s.view is None or not s.leaving, s.view
        assert s.view is not None or not s.synced, s
        assert s.round is None or s.round.id == s.promised, (s.round, s.promised)
        assert s.round is None or s.view is None, s.round
        assert not s.confirmed or (s.view is not None and s.view.alone), s
        assert s.promised.epoch <= s.epoch_seen, s
        assert ("round" in self._me.timers) == (s.round is not None), s.round

    # ---- what others may look at

    @property
    def view(self) -> View | None:
        """The view that this node is in."""
        return self._me.state.view

    @property
    def promised(self) -> ViewId:
        """The highest id promised in memory."""
        return self._me.state.promised

    @property
    def member(self) -> Member | None:
        """Who this node is in this life; ``None`` until that is on disk."""
        return self._me.own if self._me.state.member_is_known else None

    # ---- events

    def _dispatch(self, event: Event) -> None:  # noqa: C901 - one flat table of events
        s = self._me.state
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
                self._me.arm_settle()
            case ViewSynced():
                self._on_synced(event.id)
            case ViewStalled():
                if s.view is not None and s.view.id == event.id and self._me.rules.lost_edge_breaks:
                    self._me.break_view(event.reason)
                    self._consider()
            case FencedInView():
                self._on_fenced(event)
            case PersonConfirmed():
                self._on_person(event.node)
            case CallView():
                known = self._me.mutual()
                self._rounds.call({name: known[name] for name in event.candidates if name in known}, "it was asked for")
            case Tick():
                self._on_tick()
            case HostSample():
                self._on_sample(event)
            case Restored():
                self._restored = event if event.key == PROMISE_KEY else self._restored
                self._be_born()
            case Persisted():
                for note in self._me.disk.ended(event.token):
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
                self._rounds.on_accept(sender, body)
            case Refuse():
                self._rounds.on_refuse(sender, body)
            case Install():
                self._on_install(body.view)
            case Goodbye():
                self._on_goodbye(sender)
            case _:
                self._step.say(
                    Severity.WARNING, "unknown-message", f"{sender} says {type(body).__name__}, which is not known"
                )

    # ---- being somebody

    def _on_sample(self, event: HostSample) -> None:
        if self._me.state.up_since is None:
            self._me.state.up_since = event.unix_ms
            self._be_born()

    def _be_born(self) -> None:
        s = self._me.state
        if s.life is not None or self._restored is None or s.up_since is None:
            return
        known: PromiseOnDisk | None = None
        if self._restored.data is not None:
            try:
                known = msgspec.json.decode(self._restored.data, type=PromiseOnDisk)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                self._step.say(Severity.ERROR, "promise-unreadable", f"the file {PROMISE_KEY} cannot be read: {error}")
        if known is None:
            self._step.send(MachineName.CIBD, PromiseLost())
            s.life = s.up_since // 1_000
        else:
            s.promised, s.life = known.promise, known.life + 1
        s.epoch_seen = max(s.epoch_seen, s.promised.epoch)
        self._me.write(Born())

    def _on_disk(self, note: Note) -> None:
        s = self._me.state
        s.ailing = False
        match note:
            case Born():
                s.is_born = True
                self._me.arm_stuck()
                self._me.arm_settle()
            case Promised() if note.id == s.promised and note.to != self._me.settings.name:
                self._me.convey((note.to,), self._me.accept(note.id))
            case Promised() if note.id == s.promised and s.round is not None and self._me.rules.own_promise:
                self._rounds.ask()
                self._me.inbox.append(self._me.accept(note.id))
            case _:
                pass

    def _on_disk_failed(self, event: PersistFailed) -> None:
        s = self._me.state
        self._me.disk.ended(event.token)
        if not s.ailing:
            text = f"this node's promise cannot be written, so it takes part in no view: {event.error}"
            self._step.say(Severity.ERROR, "promise-not-written", text)
        s.ailing = True
        self._rounds.end()
        self._me.leave("its promise cannot be written")
        self._me.timers.set("disk", self._step.now, self._me.timing.disk_retry_ms)

    def _on_pulse(self, generation: int) -> None:
        s = self._me.state
        if s.generation not in (None, generation):
            self._me.leave("the heartbeat has begun anew")
            self._rounds.end()
        s.generation = generation
        self._me.near.clear()
        self._carried = None
        self._me.arm_settle()

    def _on_slept(self, event: Slept) -> None:
        if event.presumed_dead:
            self._me.leave(f"this node slept for {event.duration_ms} ms")
            self._rounds.end()
            self._me.arm_settle()

    def _on_stop(self) -> None:
        s = self._me.state
        if s.leaving:
            return
        s.leaving = True
        if s.member_is_known:
            others = tuple(member.name for member in s.last if member.name != self._me.settings.name)
            self._me.convey(others, Goodbye())
        self._rounds.end()
        self._me.leave("this node is stopped")

    # ---- hearing

    def _on_ping(self, node: str, *, answers: bool) -> None:
        """A ping node answers, or no longer: a view in which we count, or do not, is another one."""
        s, before = self._me.state, self._me.gives_up()
        if node not in self._me.settings.ping_nodes:
            return
        (s.silent_pings.discard if answers else s.silent_pings.add)(node)
        if self._me.gives_up() is not before:
            self._step.say(
                Severity.NOTICE,
                "ping",
                "its votes count again" if before else "it reaches no ping node: its votes do not count",
            )
            if s.view is not None:
                self._me.break_view(f"{self._me.settings.name} reaches {'a' if before else 'no'} ping node")
            self._me.arm_settle()

    def _on_hearing(self, event: Hearing) -> None:
        lost, changed = self._me.near.on_hearing(event.node, event.generation, heard=event.heard)
        if lost is not None:
            self._lost(lost, "it is not heard any more" if not event.heard else "it has begun anew")
        if changed:
            self._edges_changed()

    def _on_status(self, carried: Carried) -> None:
        s = self._me.state
        node = carried.member.name
        unheard = not self._me.rules.hearing_told_to_all and node not in self._me.near.heard
        if node == self._me.settings.name or unheard:
            return
        s.epoch_seen = max(s.epoch_seen, carried.promise.epoch)
        known = self._me.near.said.get(node)
        gone, changed = self._me.near.on_status(carried)
        if gone is not None:
            self._lost(gone, "it has begun anew")
        view = s.view
        if view is not None and carried.member in view.members:
            others = [member for member in view.members if member != carried.member]
            if self._me.rules.lost_edge_breaks and not all(member in carried.hears for member in others):
                self._me.break_view(f"{node} does not hear every member")
            if carried.promise > view.id and "outpromised" not in self._me.timers:
                self._me.timers.set("outpromised", self._step.now, self._me.timing.stuck_ms)
                if s.synced:
                    s.synced = False
                    self._me.arm_stuck()
        if known is not None and known.gives_up is not carried.gives_up and view is not None:
            self._me.break_view(f"{node} reaches {'no' if carried.gives_up else 'a'} ping node")
            self._me.arm_settle()
        if changed:
            self._edges_changed()

    def _lost(self, member: Member, why: str) -> None:
        view = self._me.state.view
        if view is not None and member in view.members and self._me.rules.lost_edge_breaks:
            self._me.break_view(f"{member.name}: {why}")
            self._me.arm_settle()

    def _edges_changed(self) -> None:
        self._me.state.marks.clear()
        self._me.state.silent.clear()
        self._me.timers.cancel("marks")
        self._me.arm_settle()

    # ---- calling

    def _on_tick(self) -> None:
        while (timer := self._me.timers.pop(self._step.now)) is not None:
            match timer:
                case "settle":
                    self._me.unrest = None
                    self._consider()
                case "marks":
                    self._consider()
                case "round":
                    self._rounds.on_round_over()
                case "stuck":
                    self._on_stuck()
                case "outpromised":
                    self._on_outpromised()
                case "disk":
                    self._me.write(Promised(self._me.state.promised, "") if self._me.state.is_born else Born())
                case _:
                    raise AssertionError(timer)

    def _consider(self) -> None:
        """Call the clique together if that is ours to do and there is a reason."""
        s = self._me.state
        if not self._me.may_call() or s.round is not None:
            return
        clique = self._me.clique()
        if any(name != self._me.settings.name and self._me.near.said[name].rank < self._me.rank for name in clique):
            return
        view = s.view
        if view is not None and set(view.members) == set(clique.values()) and not s.broken:
            return
        self._rounds.call(clique, s.broken or self._difference(view, clique))

    def _difference(self, view: View | None, clique: dict[str, Member]) -> str:
        if view is None:
            return "there is no view"
        joins = sorted(name for name, member in clique.items() if member not in view.members)
        goes = sorted(member.name for member in view.members if member not in clique.values())
        parts = [f"{', '.join(joins)} joins"] if joins else []
        parts += [f"{', '.join(goes)} is gone"] if goes else []
        return "; ".join(parts) or "the view is broken"

    def _on_stuck(self) -> None:
        s = self._me.state
        self._me.arm_stuck()
        if self._me.rules.stuck and not s.synced and s.round is None and self._me.may_call():
            self._rounds.call(self._me.clique(), "there was no working view for long")

    def _on_outpromised(self) -> None:
        view = self._me.state.view
        if view is None:
            return
        higher = [m.name for m in view.members if m.name in self._me.near.said and self._promise_of(m) > view.id]
        if higher:
            self._me.break_view(f"{', '.join(higher)} promised a higher view")
            self._consider()

    def _promise_of(self, member: Member) -> ViewId:
        said = self._me.near.said[member.name]
        return said.promise if said.member == member else ViewId(0, "", 0, 0)

    # ---- answering

    def _on_propose(self, sender: Member, propose: Propose) -> None:
        s = self._me.state
        s.epoch_seen = max(s.epoch_seen, propose.id.epoch)
        if s.leaving or s.ailing or s.copy is None:
            return
        if propose.id <= s.promised:
            self._me.convey((sender.name,), Refuse(propose.id, s.promised))
            return
        if self._me.rules.busy and self._is_busy(propose):
            self._me.convey((sender.name,), Refuse(propose.id, s.promised, busy=True))
            return
        s.promised = propose.id
        self._rounds.end()
        self._me.leave(f"{sender.name} proposes view {propose.id}")
        self._me.arm_stuck()
        self._me.write(Promised(propose.id, sender.name))

    def _is_busy(self, propose: Propose) -> bool:
        s = self._me.state
        if s.view is None or not s.synced:
            return False
        voters, near = self._me.voters(), self._me.mutual()
        stays = any(
            near.get(member.name) == member and member.name not in propose.candidates for member in s.view.members
        )
        theirs = (voters.count(propose.candidates), len(propose.candidates))
        return stays and theirs <= (voters.count(s.view.names), len(s.view.members))

    # ---- entering and leaving

    def _on_install(self, view: View) -> None:
        s = self._me.state
        if self._me.own not in view.members or s.leaving:
            return
        if self._me.rules.last_promise_only:
            if view.id != s.promised:
                return
        elif s.view is not None and view.id <= s.view.id:
            return
        if s.view is not None and s.view.id == view.id:
            return
        self._me.leave("")
        before = s.last
        s.view, s.last, s.last_view, s.broken, s.why = view, view.members, view.id, "", view.why
        self._me.timers.cancel("outpromised")
        keepers = [accept.member for accept in view.table if accept.keeps_content]
        if len(keepers) == 2:
            s.partner = next((member for member in keepers if member != self._me.own), s.partner)
        joined = tuple(member for member in view.members if member not in before)
        left = tuple(member for member in before if member not in view.members)
        self._me.tell(ViewEntered(view, joined, left))
        self._step.say(
            Severity.NOTICE,
            "view-entered",
            f"is in view {view.id} of {_listed(view.names)}, leader {view.leader}, "
            f"{'with' if view.quorate else 'without'} quorum{f': {view.why}' if view.why else ''}",
        )
        self._me.arm_stuck()
        self._me.arm_settle()
        if view.alone and s.partner is not None and s.goodbyes.get(s.partner.name) == s.partner:
            self._confirm(f"{s.partner.name} had said goodbye")

    def _on_synced(self, view: ViewId) -> None:
        s = self._me.state
        if s.view is not None and s.view.id == view and "outpromised" not in self._me.timers:
            s.synced, s.tries = True, 0

    # ---- two nodes

    def _on_goodbye(self, sender: Member) -> None:
        s = self._me.state
        s.goodbyes[sender.name] = sender
        view = s.view
        if view is not None and sender in view.members:
            self._me.break_view(f"{sender.name} says goodbye")
        self._edges_changed()
        if view is not None and view.alone and (sender == s.partner or not self._me.rules.evidence_of_this_view):
            self._confirm(f"{sender.name} says goodbye")

    def _on_fenced(self, event: FencedInView) -> None:
        view = self._me.state.view
        if view is not None and view.alone and (view.id == event.id or not self._me.rules.evidence_of_this_view):
            self._confirm(f"{event.node} was fenced")

    def _on_person(self, node: str) -> None:
        s = self._me.state
        if s.view is not None and s.view.alone and (s.partner is None or s.partner.name == node):
            self._confirm(f"a person says that {node} is down")

    def _confirm(self, why: str) -> None:
        s = self._me.state
        assert s.view is not None, "confirmed in no view"
        if not s.confirmed:
            s.confirmed = True
            self._step.say(Severity.NOTICE, "down-confirmed", f"goes on alone: {why}")
            self._me.tell(DownConfirmed(s.view.id))

    # ---- speaking

    def _on_request(self, event: Request) -> None:
        me, s = self._me, self._me.state
        match event.body:
            case ViewQuery() if s.member_is_known:
                hears = tuple(sorted(me.near.hears()))
                body = ViewStatus(me.own, s.view, s.synced, s.promised, hears, me.voters(), s.why or s.broken)
                self._step.reply(event.request_id, body)
            case _:
                self._step.reply(event.request_id, Refused("unknown-request", "ccm does not answer this"))

    def _carry(self) -> None:
        me, s = self._me, self._me.state
        if not s.member_is_known:
            return
        view = s.view.id if s.view is not None else ViewId(0, "", 0, 0)
        audience = None if me.rules.hearing_told_to_all else frozenset(me.near.heard)
        carry = Carry(Carried(me.own, me.hears(), s.promised, view, me.rank, me.gives_up()), audience)
        if carry != self._carried:
            self._carried = carry
            self._step.send(MachineName.HEARTBEAT, carry)


def _listed(names: Sequence[str] | frozenset[str] | dict[str, Member]) -> str:
    return ", ".join(sorted(names))
