"""The v1 resource manager as a machine: which groups of haresources run on this node.

Theory of operation
-------------------
Two nodes share the groups of haresources. *Local* groups name this node in their line, *foreign* ones the other. Each
node holds a set of {local, foreign}; a node claims (``resource``) before it starts anything, and stops before it says
that it has released. Parts, each with its own rules on top of its file:

* ``joining``  coming up beside the other node: ``starting``, ``resource``, ten seconds of settling
* ``handover`` the standby handshake and automatic failback
* ``takeover`` the other node is dead or has left: take everything
* ``leaving``  clean stop, restart after a partition, waking from a sleep
* ``claims``   nobody or both claim a group: converge
* ``legacy``   the protocol before all that; ``ipfail`` compares ping nodes; ``hooks`` notify programs
* ``reality``  what runs against what may run; ``identity``  what a resource is, whatever the line it stands in
* ``groups``, ``grouprun``  works over groups, and one group's operations, done by the hands (lrm)
* ``failures`` what follows a failed start or stop; ``requests`` local programs; ``recovery`` a crash of this process

Each event is handled; then the parts *look* at the state and act on what has become possible (finished works first,
then failures, leaving, failback, claims), until nothing moves. If the state has changed it is persisted before anything
is sent.

``hb_takeover`` from the network runs no program: it is a standby with local and foreign swapped, made in here. Groups
are taken in file order. A third living node switches the pairwise rules off (handover, claims, taking over for a dead
node): the protocol's words mean something between two nodes only, and a third would claim what the second holds.

What it does not do: fence (the fencer of this node does; :mod:`~hacluster.haresources.fencing` asks it), membership,
running programs.
"""

from __future__ import annotations

from typing import assert_never

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName, Persist, Publish, SetAside
from hacluster.base.machine import Instant, earliest
from hacluster.base.ondisk import OnDisk
from hacluster.config.resources import Haresources
from hacluster.config.settings import HaclusterConfig, HaConfig
from hacluster.haresources import protocol, recovery
from hacluster.haresources.bench import Bench
from hacluster.haresources.claims import Claims
from hacluster.haresources.failures import Failures
from hacluster.haresources.groups import Work, WorkTag
from hacluster.haresources.handover import Handover
from hacluster.haresources.hearing import Hearing
from hacluster.haresources.hold import has, mirror
from hacluster.haresources.hooks import Hooks
from hacluster.haresources.ipfail import IpFail
from hacluster.haresources.joining import Joining
from hacluster.haresources.leaving import Leaving
from hacluster.haresources.legacy import Legacy
from hacluster.haresources.reality import Reality
from hacluster.haresources.requests import Requests
from hacluster.haresources.states import ASK_HANDS_MS, JOINING, RState, Standby, Timers
from hacluster.haresources.takeover import Takeover
from hacluster.msg.driver import (
    HostSample,
    MachineRestarted,
    Persisted,
    PersistFailed,
    Request,
    RequesterGone,
    Restored,
    StopRequested,
    Tick,
)
from hacluster.msg.haresources import Hold, ResourcesChanged, ResourcesView
from hacluster.msg.lrm import OpFinished, OpsQuery, OpsView
from hacluster.msg.membership import (
    CommUp,
    LinkStateChanged,
    MembershipView,
    MessageReceived,
    Mute,
    NodeRestarted,
    NodeState,
    NodeStateChanged,
    NodeType,
    PeerReturned,
    Slept,
)
from hacluster.msg.stonith import Fenced, FencingNoticed
from hacluster.wire.hamsg import HaMessage

Event = (
    MembershipView
    | CommUp
    | NodeStateChanged
    | NodeRestarted
    | PeerReturned
    | LinkStateChanged
    | MessageReceived
    | Slept
    | Mute
    | OpFinished
    | OpsView
    | Fenced
    | FencingNoticed
    | Tick
    | Restored
    | Persisted
    | PersistFailed
    | HostSample
    | Request
    | RequesterGone
    | StopRequested
    | MachineRestarted
)

_MAX_ROUNDS = 1_000


class HaresourcesMachine:
    """See the module. ``dice`` is taken for the machines' common shape; nothing here is random."""

    def __init__(
        self,
        config: HaConfig,
        groups: Haresources,
        own_node: str,
        settings: HaclusterConfig | None = None,
        dice: Dice | None = None,
    ) -> None:
        del dice
        core = self._core = Bench(config, groups, own_node.lower(), settings or HaclusterConfig())
        self._handover = Handover(core)
        self._joining = Joining(core, self._handover)
        self._takeover = Takeover(core, self._handover)
        self._leaving = Leaving(core, self._handover)
        self._claims = Claims(core)
        self._legacy = Legacy(core)
        self._fencing = self._legacy.fencing if core.legacy else self._takeover.fencing
        self._told_fencer = False
        self._ipfail = IpFail(core, self._handover)
        self._failures = Failures(core, self._handover, self._leaving)
        self._reality = Reality(core)
        self._requests = Requests(core, self._handover, self._reality)
        self._hooks = Hooks(core)
        self._hearing = Hearing(
            core,
            self._joining,
            self._handover,
            self._takeover,
            self._legacy,
            self._ipfail,
            self._reality,
            self._leaving,
        )
        self._node_states: dict[str, NodeState] = {}
        self._generation = 0
        self._view: MembershipView | None = None
        self._restored = False
        self._before: recovery.Snapshot | None = None
        self._ask_hands: Instant | None = None
        self._token = 0
        self._saved = b""
        self._ondisk = OnDisk()
        self._published: ResourcesView | None = None

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in; effects in order, and nothing is sent before the state behind it is on disk."""
        core = self._core
        core.now, core.out = now, []
        free = self._ondisk.settled(event.token) if isinstance(event, Persisted | PersistFailed) else []
        free += self._overdue(now)
        self._dispatch(event)
        self._settle()
        return free + self._close()

    def _overdue(self, now: Instant) -> list[Effect]:
        free = self._ondisk.overdue(now)
        if self._ondisk.late and free:
            self._core.warn("disk-late", "the state of this process is not written in time; going on without waiting")
        return free

    def deadline(self) -> Instant | None:
        """When something is due."""
        s = self._core.state
        if self._ask_hands is not None:
            return earliest(self._ask_hands, self._ondisk.deadline())
        t = s.timers
        failback = t.failback if s.need_failback else None
        return earliest(
            t.settle,
            t.resend,
            failback,
            t.heal,
            t.overlap_local,
            t.overlap_foreign,
            t.orphan_local,
            t.orphan_foreign,
            t.nudge,
            t.double,
            t.fence,
            t.stop if s.leaving.wanted else None,
            s.handshake.deadline,
            s.ipfail.give_up_at,
            s.ipfail.ask_at,
            self._core.groups.deadline(),
            self._failures.deadline(),
            self._requests.deadline(),
            self._ondisk.deadline(),
        )

    def check(self) -> None:
        """Assert every invariant."""
        s, groups = self._core.state, self._core.groups
        groups.check()
        hs = s.handshake
        assert hs.running == (hs.deadline is not None), hs
        assert not hs.running or s.stable, (s.rstate, hs)
        assert not hs.running or hs.which is not Hold.NONE, hs
        assert not (hs.releasing and hs.giver) or mirror(mirror(hs.which)) is hs.which, hs
        assert not hs.running or not self._core.legacy, hs
        assert (s.timers.settle is not None) == (s.rstate is RState.RSCRCVD), (s.rstate, s.timers)
        assert not s.rejoining or s.hold is Hold.NONE, s
        assert s.rstate is not RState.SHUTDOWN or s.hold is Hold.NONE, s
        assert s.rstate is not RState.SHUTDOWN or not any(work.take for work in groups.works), groups.works
        assert not s.rejoining or not any(work.take for work in groups.works), groups.works
        assert not self._core.legacy or s.hold is Hold.NONE, s
        assert set(s.alive) <= set(self._core.others), s.alive
        if hs.giver and hs.state is Standby.DONE:
            assert not groups.has_tag(WorkTag.GIVE), groups.works

    def view(self) -> ResourcesView:
        """The state for people; also what ``ResourcesQuery`` is answered with."""
        return self._requests.view()

    def _dispatch(self, event: Event) -> None:  # noqa: C901 - one flat table of events
        core = self._core
        match event:
            case MembershipView():
                self._on_view(event)
            case CommUp():
                self._on_comm_up()
            case NodeStateChanged():
                self._on_node_state(event)
            case NodeRestarted():
                self._on_node_restarted(event.node)
            case PeerReturned():
                self._on_returned(event.node)
            case LinkStateChanged():
                self._ipfail.on_link(event.node, up=event.up)
            case MessageReceived():
                self._on_message(event)
            case Slept():
                self._on_slept(event)
            case Mute():
                self._on_mute(event)
            case OpFinished():
                core.groups.on_finished(event, core.now)
            case OpsView():
                self._on_ops(event)
            case Fenced():
                self._fencing.on_fenced(event)
            case FencingNoticed():
                self._fencing.on_noticed(event)
            case Tick():
                self._on_tick()
            case Restored():
                self._on_restored(event)
            case PersistFailed():
                self._saved = b""
                core.warn("not-persisted", f"the state cannot be kept for a restart of this process: {event.error}")
            case Request():
                self._requests.on_request(event)
            case RequesterGone():
                self._requests.on_gone(event.request_id)
            case StopRequested():
                self._ipfail.stop()
                self._leaving.ask(event.reason or "the administrator stops it")
            case MachineRestarted():
                self._on_machine_restarted(event.machine)
            case Persisted() | HostSample():
                pass
            case _:
                assert_never(event)

    def _settle(self) -> None:
        """Let the parts look until nothing moves."""
        core = self._core
        if self._ask_hands is not None:
            return
        for _ in range(_MAX_ROUNDS):
            before = (len(core.out), core.groups.added)
            for work in core.groups.pump():
                self._on_work(work)
            self._failures.look()
            self._leaving.look()
            self._requests.look()
            self._handover.consider_failback()
            self._claims.look()
            self._reality.look()
            if (len(core.out), core.groups.added) == before:
                return
        raise AssertionError(f"the parts do not come to rest: {core.out[-5:]}")

    def _close(self) -> list[Effect]:
        core = self._core
        self._reality.report()
        effects = core.out
        core.out = []
        persist: Persist | None = None
        if self._restored and self._ask_hands is None and self._before is None:
            data = recovery.save(self._generation, core.state, core.groups)
            if data != self._saved:
                self._saved = data
                self._token += 1
                persist = Persist(recovery.KEY, data, self._token, volatile=True)
        view = self._requests.view()
        if view != self._published:
            self._published = view
            effects.append(Publish("resources", ResourcesChanged(view)))
        return self._ondisk.behind(effects) if persist is None else self._ondisk.after(persist, effects, core.now)

    def _on_work(self, work: Work) -> None:
        core, s = self._core, self._core.state
        match work.tag:
            case WorkTag.LOCAL:
                for key in work.keys if work.note else ():
                    core.cast(protocol.ip_response(core.own, key, owned=True))
                core.resource(protocol.INFO_OURS)
            case WorkTag.MACH_DOWN:
                if has(s.hold, Hold.FOREIGN):
                    core.cast(protocol.mach_down())
            case WorkTag.GIVE:
                self._handover.released()
            case WorkTag.TAKE:
                self._handover.acquired()
            case WorkTag.ORPHAN | WorkTag.YIELD | WorkTag.DOUBLE:
                core.resource()
            case WorkTag.SHUTDOWN:
                self._leaving.released()
            case WorkTag.REJOIN | WorkTag.LEFTOVERS:
                s.rejoining = False
                self._leaving.released_mute()
                if s.comm_up:
                    self._join()
            case WorkTag.LEGACY_GIVE:
                self._legacy.given(work)
            case WorkTag.LEGACY_TAKE:
                self._legacy.taken(work)
            case WorkTag.RETRY | WorkTag.AMEND | WorkTag.REMAINS:
                pass
            case _:
                assert_never(work.tag)

    def _on_view(self, view: MembershipView) -> None:
        core = self._core
        if view.generation:
            self._generation = view.generation
        for node in view.nodes:
            self._node_states[node.name] = node.state
            if node.type is NodeType.PING:
                self._ipfail.on_ping_node(node.name, node.state)
            elif node.name in core.others and not core.state.comm_up:
                core.state.alive[node.name] = node.state not in {NodeState.DEAD, NodeState.INIT}
        self._view = view
        if not self._told_fencer:
            self._told_fencer = True
            self._fencing.tell()
        self._recover()

    def _on_restored(self, event: Restored) -> None:
        if event.key != recovery.KEY:
            return
        self._restored = True
        if event.data is None:
            return
        found = recovery.load(event.data)
        if isinstance(found, str):
            self._core.warn("state-unreadable", f"the state of the life before cannot be used: {found}")
            self._core.out.append(SetAside(recovery.KEY, volatile=True))
            return
        self._before = found
        self._core.groups.next_op = recovery.next_op(found.next_op)
        self._recover()

    def _recover(self) -> None:
        """Go on from the life before, once both it and the membership are known."""
        core, view, before = self._core, self._view, self._before
        if view is None:
            return
        if before is None:
            if view.comm_up and not core.state.comm_up:
                self._on_comm_up()
            return
        self._before = None
        if view.comm_up and before.generation in {0, view.generation} and before.state.comm_up:
            core.info("resumed", "this process began anew and goes on where it was")
            core.state = before.state
            recovery.adopt(core.groups, before)
            self._ask_the_hands()
            return
        self._stop_leftovers(before, "an earlier life of this node left it running")
        if view.comm_up:
            self._on_comm_up()

    def _stop_leftovers(self, before: recovery.Snapshot, why: str) -> None:
        core = self._core
        keys = recovery.leftovers(core.groups, before)
        if keys:
            core.warn("leftovers", "an earlier life of this node left groups running; stopping them first")
            core.state.rejoining = True
            core.groups.give(WorkTag.LEFTOVERS, keys, why)

    def _ask_the_hands(self) -> None:
        self._core.send(MachineName.LRM, OpsQuery())
        self._ask_hands = self._core.after(ASK_HANDS_MS)

    def _on_ops(self, ops: OpsView) -> None:
        if self._ask_hands is not None:
            recovery.resume(self._core.groups, ops, self._core.now)
            self._go_on()

    def _go_on(self) -> None:
        """What the hands do is known."""
        core, s = self._core, self._core.state
        self._ask_hands = None
        assert self._view is not None
        for node in core.others:
            seen = self._view.node(node)
            if s.alive.get(node) and seen is not None and seen.state is NodeState.DEAD:
                self._node_gone(node)
        if s.fencing:
            self._fencing.on_restarted()
        self._handover.resumed()
        if s.stable and not core.legacy and core.living:
            self._claims.nudge()

    def _on_comm_up(self) -> None:
        s = self._core.state
        again = s.comm_up
        s.comm_up = True
        if s.rejoining or s.rstate is RState.SHUTDOWN or (again and s.rstate in JOINING):
            return
        self._handover.cancel("the heartbeat began anew")
        s.timers = Timers(stop=s.timers.stop)
        self._join()

    def _join(self) -> None:
        core, s = self._core, self._core.state
        if s.leaving.wanted:
            return
        s.other_stable = False
        if len(core.others) > 1:
            nodes = ", ".join(core.others)
            core.warn(
                "many-nodes", f"haresources is for two nodes; beside {nodes} groups move only while one of them lives"
            )
        if core.legacy:
            self._legacy.start(self._node_states)
            return
        self._joining.start()
        self._ipfail.start()
        if not core.living:
            self._takeover.alone()

    def _on_node_state(self, event: NodeStateChanged) -> None:
        core, s = self._core, self._core.state
        self._node_states[event.node] = event.new
        if event.type is NodeType.PING:
            self._ipfail.on_ping_node(event.node, event.new)
            return
        self._hooks.on_status(event.node, event.old.value, event.new.value)
        if event.node not in core.others:
            return
        if event.new is NodeState.DEAD:
            self._node_gone(event.node)
        elif event.old in {NodeState.DEAD, NodeState.INIT}:
            s.alive[event.node] = True
            self._fencing.give_up(f"{event.node} is alive")
            self._forget_claims(event.node)
            if core.legacy and (event.old, event.new) == (NodeState.DEAD, NodeState.ACTIVE) and s.comm_up:
                self._leaving.on_returned(event.node)
        elif event.new is NodeState.ACTIVE:
            self._legacy.on_active(event.node)

    def _node_gone(self, node: str) -> None:
        core, s = self._core, self._core.state
        s.alive[node] = False
        if s.comm_up and core.legacy:
            self._legacy.on_dead(node)
        elif s.comm_up:
            self._takeover.on_dead(node)
        s.last_full.pop(node, None)
        s.told.pop(node, None)

    def _forget_claims(self, node: str) -> None:
        """What ``node`` said in an earlier life no longer counts."""
        s = self._core.state
        self._handover.cancel(f"{node} began anew")
        s.other_stable, s.other_hold = False, Hold.NONE
        s.heard.pop(node, None)
        s.told.pop(node, None)

    def _on_node_restarted(self, node: str) -> None:
        if node in self._core.others:
            self._core.state.alive[node] = True
            self._core.state.kin = [one for one in self._core.state.kin if one != node]
            self._fencing.give_up(f"{node} has restarted")
            self._core.info("node-restarted", f"{node} has restarted and holds nothing until it says so")
            self._forget_claims(node)

    def _on_returned(self, node: str) -> None:
        if node in self._core.others:
            self._fencing.give_up(f"{node} is alive")
            self._forget_claims(node)
            self._leaving.on_returned(node)

    def _on_slept(self, event: Slept) -> None:
        if event.presumed_dead:
            self._leaving.on_slept(event.duration_ms)
        else:
            self._core.info(
                "dozed", f"this node did not run for {event.duration_ms} ms, too short for others to notice"
            )

    def _on_mute(self, event: Mute) -> None:
        """Whatever this process still waits for: what runs here is stopped."""
        before = self._before
        if before is not None:
            self._before = None
            self._stop_leftovers(before, f"no heartbeat of this node has left for {event.silent_ms} ms")
            return
        if self._ask_hands is not None:
            self._ask_hands = None
            for _, run in self._core.groups.every():
                run.hands_restarted()
        self._leaving.on_mute(event.silent_ms)

    def _on_machine_restarted(self, machine: str) -> None:
        core, s = self._core, self._core.state
        if machine == MachineName.LRM:
            core.warn("hands-restarted", "the hands began anew; what was under way is done again")
            for _, run in core.groups.every():
                run.hands_restarted()
            if self._ask_hands is not None:
                self._go_on()
        elif machine == MachineName.STONITH:
            self._fencing.on_restarted()
        elif machine == MachineName.HEARTBEAT and s.rstate is not RState.SHUTDOWN:
            core.warn("heartbeat-restarted", "the heartbeat began anew; joining again with what runs here")
            self._handover.cancel("the heartbeat began anew")
            s.comm_up, s.rstate, s.timers = False, RState.INIT, Timers(stop=s.timers.stop)
            s.other_stable, s.other_hold = False, Hold.NONE
            s.heard.clear()
            s.told.clear()

    def _on_tick(self) -> None:
        core = self._core
        if self._ask_hands is not None:
            if self._ask_hands <= core.now:
                core.warn("hands-silent", "the hands have not said what is under way; asking again")
                self._ask_the_hands()
            return
        core.groups.on_time(core.now)
        self._joining.on_time()
        self._handover.on_time()
        self._leaving.on_time()
        self._legacy.on_time()
        self._ipfail.on_time()
        self._failures.on_time()
        self._claims.on_time()
        self._reality.on_time()
        self._fencing.on_time()
        t = core.state.timers
        if t.failback is not None and t.failback <= core.now:
            t.failback = None

    def _on_message(self, event: MessageReceived) -> None:
        message, node = event.message, event.node
        old = self._node_states.get(node)
        self._hooks.on_message(message, old.value if old else "")
        if event.own:
            self._on_own(message)
            return
        dest = message.get("dest")
        if node not in self._core.others or (dest is not None and dest.lower() != self._core.own):
            return
        self._hearing.on_message(message, node)

    def _on_own(self, message: HaMessage) -> None:
        generation = message.get("hg") or ""
        if generation and len(generation) <= 16:
            self._generation = int(generation, 16)
        heard = protocol.read(message)
        if isinstance(heard, protocol.Ask):
            self._handover.on_own(heard)
