"""cibd as a machine: this node's copy of the CIB, and its part in keeping all copies one.

Theory of operation
-------------------
ccm tells of views entered and left. In a view the leader chooses the best copy
among the members (the highest position of those that are not damaged), fetches it if it lacks it, and casts ``Sync``
to all: those who differ in nothing get the new stamp. A member becomes that copy in memory, writes it as one record,
and acknowledges when it is on disk. With all acknowledgements the view is *synced*: everything in it is committed, and
writes are taken.

A *write* goes from a client's node to the leader, which numbers it and casts ``Patch``; a member takes it only in its
view, after its own acknowledgement of the sync, and only if it is the next. When all members have it on disk:
``Commit``, then the answer. Whoever asks has an id for his write, and asks again with it when he hears "unknown"; an
id is answered from the books when it is committed in this view, waited for when it is not, and refused when it may
have been forgotten.

A view *left* is left at once: nothing of it is acknowledged, committed or answered any more, although its writes may
end. What is journaled stays; whether it survives is for the next sync to say.

A *damaged* copy (blank without ``init``, fallen back to an older snapshot, without its promise) has no say in what is
best, and is healed at ``Synced`` of a quorate view. Without quorum only forced writes are taken; they count until a
copy with a newer stamp turns up. A *witness* keeps position and digest, and gets both last, when somebody's disk has
what they name.

A commit that is to be *confirmed* and is not is taken back by the leader (:mod:`hacluster.cibd.confirming`).

*Status* is cast by the leader in its own order and held in memory; it needs no quorum, and a sync makes it the
leader's.

What the machine does not do: choose views, decide what the status means, check who may write what (its ``judge`` says
whether a configuration is acceptable).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import assert_never

from lxml import etree

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName
from hacluster.base.iso8601 import Moment
from hacluster.base.machine import Instant
from hacluster.base.members import Member, ViewId
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.base.writes import Writes
from hacluster.cib.change import Change
from hacluster.cib.presence import states_in
from hacluster.cib.reader import read_status
from hacluster.cib.store import RequestId, Store
from hacluster.cibd.clients import Clients
from hacluster.cibd.confirming import AGAIN_MS, Confirming
from hacluster.cibd.events import Body, Event, ForLeader
from hacluster.cibd.leading import Lead, Leading, Out, together
from hacluster.cibd.readers import Readers, rights_of
from hacluster.cibd.replica import KEYS, Note, RecordOnDisk, Replica, SyncOnDisk
from hacluster.cibd.rules import Rules
from hacluster.cibd.settings import CibdSettings
from hacluster.cibd.voting import Voting
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
from hacluster.msg.replica import (
    Ack,
    AwaitChange,
    ChangeStatus,
    Commit,
    Committed,
    CopyOf,
    CopyTaken,
    EditAsked,
    EditRequest,
    Fetch,
    Patch,
    ReadRequest,
    SetVoters,
    StatesKnown,
    StatusAsked,
    StatusCast,
    StatusChanged,
    Sync,
    SyncAck,
    Synced,
    Upload,
    VotersAsked,
    VotersWanted,
    WriteAnswered,
    WriteAsked,
    WriteRequest,
    WriteWanted,
)
from hacluster.msg.stream import Convey, Conveyed
from hacluster.msg.views import (
    CopyIs,
    CopyState,
    DownConfirmed,
    PromiseLost,
    View,
    ViewEntered,
    ViewLeft,
    ViewStalled,
    ViewSynced,
)


class CibdMachine:
    """See the module."""

    def __init__(self, settings: CibdSettings, dice: Dice | None = None, *, rules: Rules | None = None) -> None:
        del dice
        self._settings, self._rules = settings, rules or Rules()
        self._disk: Writes[Note] = Writes()
        self._timers: Timers[str] = Timers()
        self._step = Step("cibd")
        self._replica = Replica(settings, self._rules, self._disk, self._step)
        self._leading = Leading(settings, self._rules, self._step)
        self._clients = Clients(settings, self._step)
        self._readers = Readers(self._step)
        self._inbox: deque[tuple[Member, object]] = deque()
        self._view: View | None = None
        self._own: Member | None = None
        self._acked_sync = False
        self._synced = False
        self._committed = 0
        self._lead: Lead | None = None
        self._voting: Voting | None = None
        self._confirming: Confirming | None = None
        self._told: CopyState | None = None
        self._unix_ms = 0
        self._sampled = Instant(0)

    # ---- the shape of a machine

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._step.begin(now)
        self._dispatch(event)
        while self._inbox:
            sender, body = self._inbox.popleft()
            self._on_body(sender, body)
        self._tell_state()
        if self._replica.is_loaded:
            self._readers.look(self._replica.store, self._view, synced=self._synced)
        return self._step.out

    def deadline(self) -> Instant | None:
        """When a timer fires, or a client has waited long enough."""
        dues = (self._timers.deadline(), self._clients.deadline(), self._readers.deadline())
        return min((due for due in dues if due is not None), default=None)

    def check(self) -> None:
        """Assert every invariant."""
        assert not self._acked_sync or self._view is not None
        assert not self._synced or self._acked_sync
        lead = self._lead
        if lead is not None:
            assert self._view is not None, "a leader of no view"
            assert lead.view.id == self._view.id, (lead.view.id, self._view.id)
            assert not lead.is_synced or lead.committed <= self._replica.store.position.seq
            assert all(seq > lead.committed for seq in lead.acks), (lead.committed, sorted(lead.acks))
        if self._replica.is_loaded and not self._settings.witness:
            assert self._committed <= self._replica.store.position.seq, self._committed

    # ---- what others may look at

    @property
    def store(self) -> Store:
        """This node's copy; not to be changed."""
        return self._replica.store

    @property
    def is_synced(self) -> bool:
        """Whether this node is in a view that works."""
        return self._synced

    @property
    def has_acked(self) -> bool:
        """Whether the sync of the present view is on this node's disk."""
        return self._acked_sync

    @property
    def committed(self) -> int:
        """The highest number that this node knows to be committed in its view."""
        return self._lead.committed if self._lead is not None and self._lead.is_synced else self._committed

    # ---- events

    def _dispatch(self, event: Event) -> None:  # noqa: C901 - one flat table of events
        match event:
            case Conveyed():
                self._on_body(event.sender, event.body)
            case ViewEntered():
                self._on_entered(event)
            case ViewLeft():
                self._on_left()
            case DownConfirmed():
                if self._lead is not None and self._lead.view.id == event.id and self._lead.target is None:
                    self._start_sync()
            case PromiseLost():
                self._replica.on_promise_lost()
            case ChangeStatus():
                self._on_change(event.change)
            case WriteWanted() | VotersWanted():
                self._on_wanted(event)
            case Tick():
                self._on_tick()
            case Restored():
                if event.key in KEYS:
                    self._replica.on_restored(event.key, event.data)
            case Persisted():
                for note in self._disk.ended(event.token):
                    self._on_disk(note)
            case PersistFailed():
                self._disk.ended(event.token)
                text = f"{event.key} cannot be written, so this node acknowledges nothing: {event.error}"
                self._step.say(Severity.ERROR, "cib-not-written", text)
            case Request():
                self._on_request(event)
            case RequesterGone():
                self._clients.on_gone(event.request_id)
                self._readers.on_gone(event.request_id)
            case MachineRestarted():
                if event.machine == MachineName.PENGINE:
                    self._send_copy()
            case HostSample():
                self._unix_ms, self._sampled = event.unix_ms, self._step.now
                if self._lead is not None and self._lead.is_synced:
                    self._arm_confirming()
            case StopRequested():
                pass
            case _:
                assert_never(event)

    def _on_body(self, sender: Member, body: object) -> None:
        """Nothing is believed because it arrived: it must name our view, and come from a member of it."""
        view = self._view
        if not isinstance(body, Body) or view is None or body.view != view.id or sender not in view.members:
            return
        from_leader = sender.name == view.leader
        match body:
            case Sync() if from_leader:
                self._on_sync(body)
            case Synced() if from_leader and self._acked_sync:
                self._on_synced(body)
            case Patch() if from_leader and self._acked_sync:
                self._replica.take_record(body.record)
            case Commit() if from_leader and self._acked_sync:
                self._on_commit(body.seq)
            case StatusCast() if from_leader:
                self._apply_status(body.change)
            case Fetch() if from_leader:
                self._say_to(sender, CopyOf(view.id, self._replica.store.snapshot()))
            case WriteAnswered() if from_leader:
                self._clients.on_answer(body)
                self._on_own_answer(body)
            case _ if isinstance(body, ForLeader) and self._lead is not None:
                self._on_leaders_body(self._lead, sender, body)
            case _:
                pass

    def _on_leaders_body(self, lead: Lead, sender: Member, body: ForLeader) -> None:
        match body:
            case CopyOf():
                if lead.target is None:
                    self._cast(self._leading.syncs(lead, body.snapshot, None))
            case SyncAck():
                self._on_sync_ack(lead, sender)
            case Ack() if lead.is_synced:
                self._on_ack(lead, sender, body.seq)
            case WriteAsked() if lead.is_synced:
                self._on_write(lead, sender, body)
            case VotersAsked() if lead.is_synced and self._voting is not None:
                answer = self._voting.ask(body, sender)
                if answer is not None:
                    self._say_to(sender, answer)
                self._timers.set("voters", self._step.now, 0)
            case EditAsked() if lead.is_synced:
                self._on_edit(lead, sender, body)
            case StatusAsked() if lead.is_synced:
                self._cast_status(lead, body.change)
            case _:
                pass

    # ---- views

    def _on_entered(self, event: ViewEntered) -> None:
        self._on_left()
        view = event.view
        self._view = view
        self._own = next(member for member in view.members if member.name == self._settings.name)
        if not self._rules.met_by_sync:
            self._replica.on_synced_disk(view)
        if view.leader != self._settings.name:
            return
        self._lead, self._voting, self._confirming = Lead(view), Voting(view), Confirming(view, self._own)
        if not view.alone or not self._rules.confirm_first:
            self._start_sync()

    def _on_left(self) -> None:
        self._view = self._lead = self._voting = self._confirming = None
        self._acked_sync = self._synced = False
        for timer in ("acks", "voters", "confirm"):
            self._timers.cancel(timer)
        self._clients.on_left()

    def _start_sync(self) -> None:
        lead, own = self._lead, self._own
        assert lead is not None, "only a leader syncs"
        assert own is not None, "a leader is a member"
        holder = self._leading.choose(lead, own)
        if not holder:
            self._leading.say_why(lead)
            return
        self._timers.set("acks", self._step.now, self._settings.stuck_ms)
        if holder == own.name:
            store = self._replica.store
            self._cast(self._leading.syncs(lead, store.snapshot(), store))
        else:
            lead.fetching = f"{holder} did not send its copy"
            self._say_to(lead.view.accept_of(holder).member, Fetch(lead.view.id))

    def _on_sync(self, sync: Sync) -> None:
        if self._acked_sync or not self._replica.take_sync(sync):
            return
        self._committed = 0
        if sync.status and self._own is not None and self._lead is None:
            self._replica.store.adopt_status(read_status(etree.fromstring(sync.status)), sync.updates)

    def _on_disk(self, note: Note) -> None:
        view = self._view
        if view is None or note.view != view.id:
            return
        match note:
            case SyncOnDisk():
                self._acked_sync = True
                self._replica.on_synced_disk(view)
                self._say_to_leader(view, SyncAck(view.id))
            case RecordOnDisk():
                self._say_to_leader(view, Ack(view.id, note.seq))

    def _on_sync_ack(self, lead: Lead, sender: Member) -> None:
        if lead.is_synced:
            return
        self._cast(self._leading.on_sync_ack(lead, sender))
        self._timers.set("acks", self._step.now, self._settings.stuck_ms)
        if self._leading.all_have_sync(lead):
            lead.is_synced = True
            self._timers.cancel("acks")
            lead.committed = lead.shown_to_witness = self._replica.store.position.seq
            self._cast([(member, Synced(lead.view.id, lead.committed)) for member in lead.view.members])
            self._arm_voting()
            self._arm_confirming()

    def _on_synced(self, synced: Synced) -> None:
        view = self._view
        assert view is not None, "synced in no view"
        self._synced = True
        self._on_commit(synced.seq)
        if view.quorate and self._replica.store.position.stamp == view.id:
            self._replica.heal()
        self._step.send(MachineName.CCM, ViewSynced(view.id))
        for follower in self._settings.followers:
            self._step.send(follower, ViewSynced(view.id))
        if MachineName.CRMD in self._settings.followers:
            self._step.send(MachineName.CRMD, StatesKnown(view.id, states_in(self._replica.store.xml())))
        self._send_copy()

    def _send_copy(self) -> None:
        """At a sync, and when who keeps a copy in another process began anew or missed something."""
        if self._view is not None and self._synced and MachineName.PENGINE in self._settings.followers:
            text = etree.tostring(self._replica.store.xml(), encoding="unicode")
            self._step.send(MachineName.PENGINE, CopyTaken(self._view.id, text))

    # ---- writes

    def _on_write(self, lead: Lead, origin: Member, asked: WriteAsked) -> None:
        answer, patches = self._leading.on_write(lead, self._replica.store, asked, origin)
        self._begin_write(origin, answer, patches)

    def _on_edit(self, lead: Lead, origin: Member, asked: EditAsked) -> None:
        """Its changes of the status are cast before the answer: who is answered sees them."""
        unix_s = self._wall_ms() // 1_000
        written = Moment.from_epoch(unix_s).ctime() if self._unix_ms else ""
        done = self._leading.on_edit(lead, self._replica.store, asked, origin, written)
        for change in done.status:
            self._cast_status(lead, change)
        self._begin_write(origin, done.answer, done.patches)

    def _cast_status(self, lead: Lead, change: Change) -> None:
        lead.status_n += 1
        keepers = [accept.member for accept in lead.view.table if accept.keeps_content]
        self._cast([(member, StatusCast(lead.view.id, lead.status_n, change)) for member in keepers])

    def _begin_write(self, origin: Member, answer: WriteAnswered | None, patches: list[Out]) -> None:
        if answer is not None:
            self._say_to(origin, answer)
        if not patches:
            return
        record = next(body.record for _, body in patches if isinstance(body, Patch))
        self._cast([(member, body) for member, body in patches if member != self._own])
        self._replica.journal(record)
        self._timers.sooner("acks", self._step.now, self._settings.stuck_ms)

    def _on_ack(self, lead: Lead, sender: Member, seq: int) -> None:
        self._cast(self._leading.on_ack(lead, sender, seq))
        for number in self._leading.committable(lead):
            self._cast([(member, Commit(lead.view.id, number)) for member in lead.view.members])
            for origin, answer in self._leading.answers(lead, number):
                self._say_to(origin, answer)
        if lead.acks:
            self._timers.set("acks", self._step.now, self._settings.stuck_ms)
        else:
            self._timers.cancel("acks")
            self._arm_voting()
            self._arm_confirming()

    def _on_own_answer(self, answer: WriteAnswered) -> None:
        """What became of a write that this machine began itself."""
        if self._voting is not None:
            self._tell_wish(self._voting.on_answer(answer))
            self._arm_voting()
        if self._confirming is not None and self._confirming.on_answer(answer):
            if self._confirming.report:
                text = f"what was not confirmed cannot be taken back yet: {self._confirming.report}"
                self._step.say(Severity.ERROR, "not-taken-back", text)
                self._timers.set("confirm", self._step.now, AGAIN_MS)
            else:
                self._arm_confirming()

    # ---- what was not confirmed

    def _arm_confirming(self) -> None:
        confirming = self._confirming
        wait_ms = confirming.wait_ms(self._replica.store.head, self._wall_ms()) if confirming is not None else None
        if wait_ms is None or not self._unix_ms:
            self._timers.cancel("confirm")
        else:
            self._timers.set("confirm", self._step.now, wait_ms)

    def _on_confirm_due(self) -> None:
        lead, confirming, own, store = self._lead, self._confirming, self._own, self._replica.store
        if lead is None or confirming is None or own is None or not lead.is_synced:
            return
        if confirming.wait_ms(store.head, self._wall_ms()) != 0:
            self._arm_confirming()
            return
        due = confirming.take_back(store.head, store.position.seq)
        if due is not None:
            asked, text = due
            self._step.say(Severity.WARNING, "taken-back", text)
            self._on_edit(lead, own, asked)

    def _wall_ms(self) -> int:
        return self._unix_ms + self._step.now - self._sampled

    # ---- who votes

    def _arm_voting(self) -> None:
        """Is the list what it should be? Votes are given at once, and taken after the window."""
        voting, now = self._voting, self._replica.voters()
        if voting is None or voting.goal(now) == now:
            if voting is not None:
                self._tell_wish(voting.reached(now, self.committed))
            self._timers.cancel("voters")
        elif voting.is_due(now):
            self._timers.set("voters", self._step.now, 0)
        else:
            self._timers.sooner("voters", self._step.now, self._settings.last_man_window_ms)

    def _on_voting(self) -> None:
        lead, voting, own = self._lead, self._voting, self._own
        if lead is None or voting is None or own is None or not lead.is_synced:
            return
        if lead.acks:
            return
        store, now = self._replica.store, self._replica.voters()
        step = voting.next(now, store.head, store.position.seq)
        if step is not None:
            self._on_write(lead, own, step)
        else:
            self._tell_wish(voting.reached(now, self.committed))

    def _tell_wish(self, answers: list[tuple[Member, WriteAnswered]]) -> None:
        for member, answer in answers:
            self._say_to(member, answer)

    def _on_commit(self, seq: int) -> None:
        if seq > self._replica.store.position.seq:
            return
        self._committed = max(self._committed, seq)
        for record in self._replica.commit(seq):
            for follower in self._settings.followers:
                self._step.send(follower, Committed(record))

    def _on_change(self, change: Change) -> None:
        if self._view is not None and self._synced:
            self._say_to_leader(self._view, StatusAsked(self._view.id, change))

    def _apply_status(self, change: Change) -> None:
        self._replica.store.change_status(change)
        for follower in self._settings.followers:
            self._step.send(follower, StatusChanged(change))

    # ---- clients

    def _on_request(self, event: Request) -> None:
        body = event.body
        match body:
            case WriteRequest() | SetVoters() if not event.peer.is_administrator:
                text = "only root and the user of the daemons may do this: no access control stands before it"
                self._step.reply(event.request_id, Refused("not-permitted", text))
            case WriteRequest():
                self._ask_leader(
                    event, body.request, lambda view, asked: WriteAsked(view, asked, body.patch, body.forced)
                )
            case SetVoters():
                self._ask_leader(event, None, lambda view, asked: VotersAsked(view, asked, body.voters))
            case EditRequest():
                edit = self._readers.edit(event.request_id, body)
                if edit is not None:
                    user, groups = rights_of(event.peer, body.user)
                    self._ask_leader(
                        event,
                        body.request,
                        lambda view, asked: EditAsked(view, asked, edit, body.forced, user, groups, event.peer.name),
                    )
            case ReadRequest() | Upload() | AwaitChange() if self._replica.is_loaded:
                self._readers.on_request(event, self._replica.store, self._view, synced=self._synced)
            case _:
                self._step.reply(event.request_id, Refused("unknown-request", "cibd does not answer this"))

    def _on_wanted(self, event: WriteWanted | VotersWanted) -> None:
        view = self._view
        if view is None or not self._synced:
            return
        request = self._clients.own_request(view, self._replica.store.position.seq)
        if isinstance(event, VotersWanted):
            self._say_to_leader(view, VotersAsked(view.id, request, event.voters))
        else:
            self._say_to_leader(view, EditAsked(view.id, request, event.edit, forced=False, client="crmd"))

    def _ask_leader(self, event: Request, again: RequestId | None, word: Callable[[ViewId, RequestId], object]) -> None:
        standing = self._view if self._synced else None
        seq = self._replica.store.position.seq if standing is not None else 0
        request = self._clients.on_ask(event.request_id, again, standing, seq)
        if request is not None and self._view is not None:
            self._say_to_leader(self._view, word(self._view.id, request))

    def _on_tick(self) -> None:
        self._clients.on_time()
        self._readers.on_time()
        while (timer := self._timers.pop(self._step.now)) is not None:
            if timer == "voters":
                self._on_voting()
                continue
            if timer == "confirm":
                self._on_confirm_due()
                continue
            lead = self._lead
            reason = self._leading.missing(lead) if lead is not None else ""
            if lead is not None and reason:
                self._step.send(MachineName.CCM, ViewStalled(lead.view.id, reason))

    # ---- speaking

    def _tell_state(self) -> None:
        if not self._replica.is_loaded:
            return
        state = self._replica.state()
        if state != self._told:
            self._told = state
            self._step.send(MachineName.CCM, CopyIs(state))

    def _cast(self, out: list[Out]) -> None:
        """What is the same for several is said once to all of them: it is encoded, cut and sent once."""
        self._inbox += [(member, body) for member, body in out if member == self._own]
        for names, body in together([(member, body) for member, body in out if member != self._own]):
            self._step.send(MachineName.SPEECH, Convey(names, MachineName.CIBD, body))

    def _say_to_leader(self, view: View, body: object) -> None:
        self._say_to(view.accept_of(view.leader).member, body)

    def _say_to(self, member: Member, body: object) -> None:
        if member == self._own:
            self._inbox.append((member, body))
        else:
            self._step.send(MachineName.SPEECH, Convey((member.name,), MachineName.CIBD, body))
