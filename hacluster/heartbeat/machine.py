"""The heartbeat machine: who is there, and reliable messages between them.

Theory of operation. The machine is the network half of a v1 node. It speaks the wire of Linux-HA Heartbeat 3.0.6 so
that a real node takes it for a member (WIRE.md), and believes less than a real node does (:mod:`admission`).

* *Life.* :mod:`startup` draws it. The driver tells the time (``HostSample``) and what is on disk (``Restored`` of
  ``hb_generation`` and ``replay-floor``); the next generation is written, and only when it is on disk the node speaks:
  a generation that was ever on the wire is never used again. ``LeaveNow`` makes it fall silent, write the floors
  exactly, and emit ``Stop``.
* *Time.* Everything that is due is in :meth:`HeartbeatMachine._run_timers`; :meth:`deadline` is the earliest of it.
  Each step ends with running what is due, so a late driver costs nothing but the delay.
* *Our own sleep.* A timer that comes far too late means that we did not run. Then nobody is declared dead for the
  silence in which we did not listen, and the resource machine is told (``Slept``). (A shorter lateness is just not
  counted as silence of the others.) If the others may have declared us
  dead we say nothing more in this generation but begin anew with the next one: to the others we are a dead node that
  restarts, not a healed partition, which would cost them their resources as well. The resource machine gets ``CommUp``
  a second time and joins again when it has given up what they took.
* *Who speaks.* Status each keepalive; acknowledgements, requests for what is missing and resent messages as they fall
  due; everything else is asked for by the resource machine or by clients, and looped back to the former first.

What it does not do: it knows nothing of resources. A healed partition, a restarted node, a death are told, not judged.
It routes nothing, and it starts no program.

Parts: :mod:`station` shared state and acts; :mod:`reception` datagram to believed message; :mod:`delivery` what
messages mean; :mod:`rexmit` numbers, history, gaps; :mod:`watch`, :mod:`liveness`, :mod:`link` who is silent;
:mod:`outbox` what we send.
"""

from __future__ import annotations

from typing import Final, assert_never

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName, Reply, SetAside, Stop
from hacluster.base.limits import MAX_HELD
from hacluster.base.machine import Instant, after, earliest
from hacluster.base.report import Severity
from hacluster.heartbeat.config import HeartbeatConfig, Identity
from hacluster.heartbeat.delivery import Delivery
from hacluster.heartbeat.generation import (
    FLOOR_KEY,
    GENERATION_KEY,
    MAX_GENERATION,
    decode_floors,
    decode_generation,
    encode_generation,
    next_generation,
)
from hacluster.heartbeat.liveness import Pause, pause_of
from hacluster.heartbeat.reception import Reception
from hacluster.heartbeat.requests import Requests
from hacluster.heartbeat.startup import Handshake, Phase
from hacluster.heartbeat.station import START_BUMP_MS, Station
from hacluster.heartbeat.watch import Watch
from hacluster.msg.driver import (
    DatagramReceived,
    HostSample,
    MachineRestarted,
    MediumFailed,
    MediumReady,
    Persisted,
    PersistFailed,
    Refused,
    Request,
    RequesterGone,
    Restored,
    StopRequested,
    Tick,
)
from hacluster.msg.hearing import Carry
from hacluster.msg.membership import (
    AnnounceRestart,
    BeginAnew,
    CastMessage,
    ClientSignedOn,
    LeaveNow,
    NodeState,
    ReloadKeys,
    Slept,
)
from hacluster.msg.stream import BreakStream, Speak, Taken
from hacluster.wire.fields import MessageType
from hacluster.wire.hamsg import HaMessage

Event = (
    Tick
    | HostSample
    | Restored
    | Persisted
    | PersistFailed
    | DatagramReceived
    | MediumFailed
    | MediumReady
    | Request
    | RequesterGone
    | StopRequested
    | MachineRestarted
    | CastMessage
    | AnnounceRestart
    | BeginAnew
    | LeaveNow
    | ReloadKeys
    | ClientSignedOn
    | Carry
    | Speak
    | Taken
    | BreakStream
)

SAVE_RETRY_MS: Final = 1_000
SAVE_TRIES: Final = 5
"""After so many failures it is said what follows from them."""

_CHECK_ALL_EVERY: Final = 8

LEAVE_WAIT_MS: Final = 2_000
"""How long a leaving node waits for the disk."""


class HeartbeatMachine:
    """See the module's text. ``dice`` decides delays and residues only."""

    def __init__(self, config: HeartbeatConfig, identity: Identity, dice: Dice) -> None:
        self._core = Station(config, identity, dice)
        self._delivery = Delivery(self._core)
        self._watch = Watch(self._core)
        self._reception = Reception(self._core, self._delivery)
        self._requests = Requests(self._core, self._delivery, self._reception)
        self._now = Instant(0)
        self._wanted: Instant | None = None
        self._others_due: Instant | None = None
        self._checks = 0
        self._sampled = False
        self._loaded: set[str] = set()
        self._stored: int | None = None
        self._save_token = 0
        self._save_tries = 0
        self._save_due: Instant | None = None
        self._status_due = Instant(0)
        self._bump_ends: Instant | None = None
        self._leaving: LeaveNow | None = None
        self._leave_token = 0
        self._leave_due = Instant(0)
        self._leaves = False
        self._waiting: list[HaMessage] = []

    # -- the shape of a machine ----------------------------------------------------------------------------------

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in. See :class:`hacluster.base.machine.Machine`."""
        assert now >= self._now, (now, self._now)
        self._now = now
        core = self._core
        if core.phase is not Phase.GONE:
            core.light = False
            core.touched = set() if isinstance(event, DatagramReceived | Tick) else None
            paused = core.phase.talking and self._notice_pause(now)
            self._dispatch(event, now)
            if core.light and core.streaming is not None and not paused and self._only_streams_are_due(now):
                core.out += core.streaming.work(now)
                self._wanted = earliest(self._others_due, core.streaming.deadline())
                effects, core.out = core.out, []
                return effects
            self._see_to_setback(now)
            self._run_timers(now)
        elif isinstance(event, Request):
            self._core.out.append(Reply(event.request_id, Refused("stopped", "the cluster is stopped on this node")))
        self._others_due = self._deadline_of_others()
        self._wanted = self._deadline()
        effects, self._core.out = self._core.out, []
        return effects

    def _dispatch(self, event: Event, now: Instant) -> None:  # noqa: C901 - one case per event, nothing nested
        core = self._core
        match event:
            case Tick():
                core.light = True
            case DatagramReceived():
                if core.phase.talking:
                    self._reception.receive(event, now)
            case HostSample():
                if core.outbox.clock.tell(event.unix_ms, event.loadavg, now):
                    core.forget_clocks()
                self._sampled = True
                self._load()
            case Restored():
                self._on_restored(event)
            case Persisted():
                self._on_persisted(event.token, now)
            case PersistFailed():
                self._on_persist_failed(event, now)
            case MediumFailed() | MediumReady():
                self._watch.on_medium(event, now)
            case Request():
                self._requests.on_request(event, now)
            case RequesterGone():
                core.api.drop(event.request_id)
            case StopRequested():
                if not core.was_member:
                    self._leave(LeaveNow(reason="stopped before the node was a member"), now)
            case MachineRestarted():
                if core.phase.talking:
                    core.tell(core.view())
                    if core.streaming is not None and event.machine == MachineName.CCM:
                        core.streaming.begin()
            case CastMessage():
                self._on_cast(event.message, now)
            case AnnounceRestart():
                self._announce_restart(now)
            case BeginAnew():
                if core.phase.talking:
                    self._begin_anew(core.outbox.generation + 1)
            case LeaveNow():
                self._leave(event, now)
            case ReloadKeys():
                self._requests.reload_keys(event, now)
            case ClientSignedOn():
                self._on_client(event, now)
            case Carry() | Speak() | Taken() | BreakStream():
                self._on_streaming(event, now)
            case _:
                assert_never(event)

    def deadline(self) -> Instant | None:
        """When the first thing is due."""
        return self._wanted

    def _only_streams_are_due(self, now: Instant) -> bool:
        return self._core.phase.talking and (self._others_due is None or self._others_due > now)

    def _deadline(self) -> Instant | None:
        streaming = self._core.streaming
        if streaming is None or not self._core.phase.talking:
            return self._others_due
        return earliest(self._others_due, streaming.deadline())

    def _deadline_of_others(self) -> Instant | None:
        core = self._core
        match core.phase:
            case Phase.LOADING | Phase.GONE:
                return None
            case Phase.SAVING:
                return self._save_due
            case Phase.LEAVING:
                return self._leave_due
            case Phase.JOINING | Phase.ASKING | Phase.ACTIVE:
                pass
        asking = core.handshake.due if core.phase is Phase.ASKING else None
        first = earliest(
            self._status_due, self._bump_ends, asking, core.floor_due, core.api.deadline(), core.flood.until
        )
        return earliest(first, self._watch.deadline())

    def check(self) -> None:
        """Assert every invariant."""
        core = self._core
        core.outbox.history.check()
        core.api.check()
        for peer in core.peers:
            peer.check()
        due = self._wanted
        assert due is None or due > self._now, (due, self._now)
        assert due == self._deadline(), (due, self._deadline())
        self._checks += 1
        if self._checks % _CHECK_ALL_EVERY == 0:
            core.touched = None
            assert self._others_due == self._deadline_of_others(), (self._others_due, self._deadline_of_others())
        if core.phase.talking:
            assert core.outbox.generation > (self._stored or 0)
            assert core.state is (NodeState.ACTIVE if core.phase is Phase.ACTIVE else NodeState.UP), core.state
        else:
            assert core.phase in {Phase.LEAVING, Phase.GONE} or core.outbox.history.last == 0
            assert core.phase is not Phase.SAVING or core.outbox.generation > (self._stored or 0)
        assert core.accounted or core.phase is not Phase.ACTIVE

    # -- start ---------------------------------------------------------------------------------------------------

    def _on_restored(self, event: Restored) -> None:
        core = self._core
        if event.key == GENERATION_KEY and event.data is not None:
            self._stored = decode_generation(event.data)
            if self._stored is None:
                core.say(Severity.ERROR, "bad-generation", "hb_generation is unreadable; the generation starts anew")
                core.out.append(SetAside(GENERATION_KEY))
        elif event.key == FLOOR_KEY and event.data is not None:
            floors = decode_floors(event.data)
            if floors is None:
                text = "replay-floor is unreadable; recorded messages can be told from new ones by their time only"
                core.say(Severity.ERROR, "bad-floor", text)
                core.out.append(SetAside(FLOOR_KEY))
            else:
                core.peers.restore(floors.nodes)
                core.sealing.stored = floors.seal
        self._loaded.add(event.key)
        self._load()

    def _load(self) -> None:
        core = self._core
        if core.phase is not Phase.LOADING or not self._sampled or not {GENERATION_KEY, FLOOR_KEY} <= self._loaded:
            return
        unix_ms = core.outbox.clock.unix_ms
        generation = next_generation(self._stored, unix_ms, core.config.generation_method)
        if self._stored is None:
            core.say(Severity.WARNING, "no-generation", f"No Previous generation - starting at {generation}")
        self._begin_anew(generation)

    def _begin_anew(self, generation: int) -> None:
        """Speak as ``generation``, once that is on disk."""
        core = self._core
        core.outbox.begin(generation)
        core.phase = Phase.SAVING
        self._save_tries = 0
        self._save()

    def _save(self) -> None:
        core = self._core
        self._save_due = None
        self._save_tries += 1
        self._save_token = core.persist(GENERATION_KEY, encode_generation(core.outbox.generation))

    def _on_persisted(self, token: int, now: Instant) -> None:
        core = self._core
        if core.phase is Phase.SAVING and token == self._save_token:
            self._begin(now)
        elif core.phase is Phase.LEAVING and token == self._leave_token:
            self._gone()

    def _on_persist_failed(self, event: PersistFailed, now: Instant) -> None:
        core = self._core
        if core.phase is Phase.SAVING and event.token == self._save_token:
            core.say(Severity.ERROR, "save-failed", f"hb_generation cannot be written: {event.error}")
            if self._save_tries == SAVE_TRIES:
                text = "this node must not speak before hb_generation is written: mute until it can be"
                core.say(Severity.CRIT, "mute", text)
            self._save_due = after(now, SAVE_RETRY_MS)
        elif core.phase is Phase.LEAVING and event.token == self._leave_token:
            self._gone()
        elif event.key == FLOOR_KEY:
            text = f"replay-floor cannot be written: {event.error}"
            core.murmur(Severity.WARNING, "floor-failed", "", text, now)

    def _begin(self, now: Instant) -> None:
        core = self._core
        core.phase = Phase.JOINING
        core.state = NodeState.INIT
        core.started = now
        core.restart_announced = False
        core.say(Severity.INFO, "generation", f"Heartbeat generation: {core.outbox.generation}")
        trouble = core.sealing.begin(core.outbox.generation)
        if trouble:
            core.say(Severity.ERROR, "bad-seal-record", f"whom we sealed with before is forgotten: {trouble}")
        for peer in core.peers:
            peer.silence.since = now
            if self._watch.deaf() and peer.state is NodeState.DEAD:
                # It may be back, which was not to be heard: it counts as one that was never heard.
                peer.state, peer.silence.heard, core.accounted = NodeState.INIT, False, False
        core.handshake = Handshake()
        self._bump_ends = after(now, START_BUMP_MS)
        self._status_due = after(now, core.config.keepalive_ms)
        core.tell(core.view())
        if core.streaming is not None:
            core.streaming.begin()
        core.send_status(now)
        core.set_own_state(NodeState.UP, now)
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            core.cast(message, now, loop=True)

    # -- time ----------------------------------------------------------------------------------------------------

    def _notice_pause(self, now: Instant) -> bool:
        """Whether we did not run for a while."""
        pause = pause_of(self._core.config, self._wanted, now)
        if pause is None:
            return False
        self._core.touched = None
        self._watch.wait(now)
        for peer in self._core.peers:
            peer.silence.excuse(pause.lateness_ms, now)
            peer.links.excuse(pause.lateness_ms, now)
        if pause.slept:
            self._slept(pause, now)
        return True

    def _slept(self, pause: Pause, now: Instant) -> None:
        core = self._core
        silent = now - core.last_status
        alive = core.peers.alive()
        presumed = bool(alive) and silent >= core.advertised_ms(core.last_status)
        core.say(
            Severity.WARNING,
            "slept",
            f"this node did not run for {pause.lateness_ms} ms; nobody is declared dead for it",
            presumed_dead=str(presumed).lower(),
        )
        for peer in core.peers:
            whole = int(now)  # as long as there was time at all: everybody counts as heard just now
            peer.silence.excuse(whole, now)
            peer.links.excuse(whole, now)
        core.tell(Slept(pause.lateness_ms, presumed))
        if presumed:
            self._begin_anew(core.outbox.generation + 1)

    def _see_to_setback(self, now: Instant) -> None:
        """Another node knows more of us than we have said (:mod:`setback`)."""
        core = self._core
        known, core.overtaken = core.overtaken, None
        if known is None or not core.phase.talking or self._leaves:
            return
        own = core.outbox.generation
        fields = {"known": f"{known.generation:x}.{known.seq:x}", "ours": f"{own:x}.{core.outbox.history.last:x}"}
        if known.lives or known.generation > MAX_GENERATION:
            if known.lives and now >= after(core.started, core.config.initdead_ms):
                text = "another host sends under our node name and UUID, and the others believe that one"
                core.murmur(Severity.CRIT, "refused-here", "", text, now, **fields)
                return
            self._leaves = True
            why = (
                "another host with our node name and UUID is up: one is a copy; remove hb_uuid there"
                if known.lives
                else "the others know a last generation of this node, and none comes after it: run 'hacluster forget"
                f" {core.identity.node}' there"
            )
            core.say(Severity.CRIT, "refused-leaves", f"{why}; this node leaves before it takes resources", **fields)
            core.tell(StopRequested("the others refuse this node"))
            return
        text = (
            "this host or its state directory was set back: the others know more of this node than it has said; it"
            " begins anew with the next generation"
        )
        core.say(Severity.CRIT, "set-back", text, **fields)
        if core.was_member:
            core.tell(Slept(0, presumed_dead=True))
        self._begin_anew(max(own, known.generation) + 1)

    def _run_timers(self, now: Instant) -> None:
        core = self._core
        if core.phase is Phase.SAVING and self._save_due is not None and self._save_due <= now:
            self._save()
        if core.phase is Phase.LEAVING and self._leave_due <= now:
            self._gone()
        if not core.phase.talking:
            return
        self._beat(now)
        if core.streaming is not None:
            core.out += core.streaming.work(now)
        if core.flood.until is not None:
            core.screen(now)
        self._watch.run(now)
        if not core.accounted and all(peer.accounted for peer in core.peers):
            core.accounted, core.touched = True, None
            self._watch.run(now)  # from initdead to the ordinary dead times: some may be over
        self._join(now)
        core.out += core.api.expire(now)
        if core.floor_due is not None and core.floor_due <= now:
            core.save_floors(now)

    def _beat(self, now: Instant) -> None:
        core = self._core
        due = self._status_due <= now
        if core.streaming is not None and core.streaming.status_due:
            core.streaming.status_due = False
            due = True
        if self._bump_ends is not None and self._bump_ends <= now:
            self._bump_ends = None
            due = True
        if due:
            core.send_status(now)
            core.told_of_keys(core.sealing.settle(now))
            for kind, hidden in core.quiet.summaries(now):
                core.say(Severity.WARNING, "suppressed", f"{hidden} more lines of this kind were not logged", kind=kind)
        if self._status_due <= now:
            beats = (now - self._status_due) // core.config.keepalive_ms + 1
            self._status_due = after(self._status_due, beats * core.config.keepalive_ms)

    def _join(self, now: Instant) -> None:
        core = self._core
        if core.phase is Phase.JOINING and core.accounted and not self._watch.deaf():
            core.phase = Phase.ASKING
        if core.phase is not Phase.ASKING:
            return
        target = core.handshake.choose(core.peers)
        if target is None:
            self._delivery.comm_up(now)
        elif core.handshake.ask(target, now):
            core.cast(HaMessage.of(t=MessageType.REQNODES, dest=target.name), now)

    # -- orders --------------------------------------------------------------------------------------------------

    def _on_cast(self, message: HaMessage, now: Instant) -> None:
        core = self._core
        if core.phase.talking:
            core.cast(message, now, loop=True)
        elif core.phase is Phase.SAVING and len(self._waiting) < MAX_HELD:
            self._waiting.append(message)
        else:
            text = f"a {message.type or '?'} message is not sent: this node does not speak now"
            core.murmur(Severity.WARNING, "not-talking", "", text, now, phase=core.phase.name.lower())

    def _on_streaming(self, event: Carry | Speak | Taken | BreakStream, now: Instant) -> None:
        streaming = self._core.streaming
        self._core.light = not isinstance(event, Carry)
        if streaming is None:
            self._core.say(Severity.ERROR, "no-streams", f"{type(event).__name__} for a node that has no streams")
            return
        match event:
            case Carry():
                streaming.carry(event)
            case Speak():
                streaming.speak(event, now)
            case Taken():
                streaming.taken(event)
            case BreakStream():
                streaming.break_stream(event)

    def _on_client(self, event: ClientSignedOn, now: Instant) -> None:
        core = self._core
        news = core.api.change(event.client, event.join, event.reason)
        if news is not None and core.phase is Phase.ACTIVE:
            core.cast(news, now, loop=True)

    def _announce_restart(self, now: Instant) -> None:
        core = self._core
        if core.phase.talking and not core.restart_announced:
            core.restart_announced = True
            core.send_status(now)

    def _leave(self, event: LeaveNow, now: Instant) -> None:
        core = self._core
        if core.phase in {Phase.LEAVING, Phase.GONE}:
            return
        self._leaving = event
        if not core.phase.talking:
            self._gone()
            return
        if event.restart:
            self._announce_restart(now)
            core.send_status(now)
        core.phase = Phase.LEAVING
        self._leave_token = core.save_floors(now)
        self._leave_due = after(now, LEAVE_WAIT_MS)

    def _gone(self) -> None:
        assert self._leaving is not None
        self._core.phase = Phase.GONE
        reason = self._leaving.reason or ("restart" if self._leaving.restart else "shutdown")
        self._core.out.append(Stop(reason, restart=self._leaving.restart))
