"""One simulated host: a thin driver that performs what the machines of one node ask for, in virtual time.

It does what the daemon's drivers do and nothing else: messages between processes take a millisecond and keep their
order; what is meant for a process that is dead is lost; a stopped process gets everything when it goes on, as far as
its socket buffer holds it. A process that is killed comes back after a moment, and the others are told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from hacluster.base.dice import Dice
from hacluster.base.effects import (
    Append,
    Effect,
    Kill,
    MachineName,
    Persist,
    Publish,
    Reply,
    Say,
    Screen,
    SelfFence,
    Send,
    SetAside,
    Spawn,
    Stop,
    Transmit,
)
from hacluster.config.media import Ping, Ping6, PingGroup
from hacluster.config.resources import Haresources
from hacluster.heartbeat.generation import decode_uuid
from hacluster.msg.driver import (
    ChildExited,
    DatagramReceived,
    HostSample,
    MachineRestarted,
    MediumFailed,
    MediumReady,
    Peer,
    Persisted,
    PersistFailed,
    Request,
    Restored,
    StopRequested,
)
from hacluster.msg.membership import Mute
from hacluster.node.assembly import UUID_KEY, Birth, NodeSettings, build
from hacluster.node.layout import ProcessName
from hacluster.node.router import Asked, Router
from hacluster.node.vigil import Look, Vigil, mute_bound_ms
from hacluster.sim import glue
from hacluster.sim.agents import Agents
from hacluster.sim.clock import Agenda, HostClock
from hacluster.sim.disk import Disk
from hacluster.sim.media import Media
from hacluster.sim.network import Network
from hacluster.sim.trace import Transcript
from hacluster.wire.screen import SAMPLE, Entry, judge

IPC_MS = 1
SAMPLE_MS = 1_000
RESPAWN_MS = 500
"""How long the supervisor waits before it starts a process again."""

EXCHANGE_MS = 100
"""How long the supervisor takes to exchange the brain when the files have changed."""

RESTART_MS = 1_000
"""How long a daemon takes that restarts itself."""

SOCKET_BUFFER = 212_992
"""Bytes of datagrams that wait for a stopped process; Linux's default rmem."""

LOADAVG = "0.10 0.20 0.30 1/100 1000"
ROOT = Peer("simulator", 0, 0, 1)


@dataclass(slots=True)
class Process:
    """One process of the daemon. ``life`` counts its starts: what was meant for an earlier one is not delivered."""

    name: ProcessName
    router: Router | None = None
    life: int = 0
    wake_at: int | None = None
    backlog: deque[Callable[[], None]] = field(default_factory=deque)
    buffered: int = 0


class Watch(Protocol):
    """What a host tells the world, for checkers."""

    def on_service(self, host: str, service: str, *, runs: bool) -> None:
        """A service began or ceased to run."""

    def on_message(self, host: str, by: MachineName, send: Send) -> None:
        """A machine said something to another of its node."""

    def on_transmit(self, host: str, data: bytes) -> None:
        """A datagram leaves."""

    def on_heard(self, host: str, source: str, data: bytes) -> None:
        """A datagram from an address reaches a pulse that runs."""

    def on_pulse(self, host: str, *, runs: bool) -> None:
        """The process that speaks began or ended."""

    def on_daemon(self, host: str, what: str) -> None:
        """A word: started, stopped, killed, paused, resumed, power-lost."""

    def on_files(self, host: str, groups: Haresources) -> None:
        """The daemon uses these files from now on."""

    def on_reply(self, host: str, reply: Reply) -> None:
        """A client was answered."""

    def on_hung_up(self, host: str) -> None:
        """The process that answers clients is gone, and with it their connections."""

    def on_fence(self, host: str, reason: str) -> None:
        """The node wants to be stopped at once."""


class Host:
    """One host with its daemon."""

    def __init__(
        self,
        settings: NodeSettings,
        *,
        agenda: Agenda,
        dice: Dice,
        network: Network,
        transcript: Transcript,
        watch: Watch,
        address: str,
        pace: int,
    ) -> None:
        self.name = settings.node
        self.settings = settings
        self.files = settings.resources
        self.clock = HostClock(agenda)
        self.disk = Disk(agenda, dice.fork())
        self.agents = Agents(agenda, dice.fork(), self._on_service, pace)
        self.reset: Callable[[str], None] = lambda _name: None
        self.powered = False
        self.paused = False
        self.stopping = False
        self._reload_due = False
        self._agenda = agenda
        self._dice = dice
        self._network = network
        self._transcript = transcript
        self._watch = watch
        self._processes = {name: Process(name) for name in settings.layout.hosted}
        self._last_request = 0
        self._last_beat = 0
        self._media = settings.ha.media
        self.media = Media(self._media, agenda, self._tell_of_medium, lambda: self.running and not self.paused)
        self._screen = Screen()
        self._sampled = 0
        self._medium_of = {medium.link: index for index, medium in reversed(list(enumerate(self._media)))}
        network.attach(self.name, address, self._on_datagram)
        uuid = bytes(dice.below(256) for _ in range(16))
        self.disk.durable[UUID_KEY] = uuid

    # -- life ----------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the daemon runs (it may be paused)."""
        return self._processes[ProcessName.PULSE].router is not None

    def boot(self) -> None:
        """Power is back, and with it the daemon."""
        if not self.powered:
            self.powered = True
            self.clock.boot()
            self.say("power is on")
            self.start()

    def lose_power(self) -> None:
        """Everything volatile is gone."""
        if self.powered:
            self.say("power is lost")
            self.powered = False
            self.disk.lose_power()
            self._end_processes()
            self.agents.lose_power()
            self._watch.on_daemon(self.name, "power-lost")

    def start(self, *, anew: bool = True) -> None:
        """Start the daemon, if it does not run; ``anew``: it reads its files."""
        if not self.powered or any(process.router for process in self._processes.values()):
            return
        if anew:
            self._read()
        self.say("the daemon starts")
        self.stopping = False
        self._last_beat = 0
        self._watch.on_daemon(self.name, "started")
        for process in self._processes.values():
            self._begin(process)
        for process in self._processes.values():
            self._introduce(process)

    def kill_daemon(self) -> None:
        """Kill -9 for all processes at once."""
        if self.running:
            self.say("the daemon is killed")
            self._end_processes()
            self._watch.on_daemon(self.name, "killed")

    def kill_process(self, name: ProcessName) -> None:
        """Kill -9 for one process; the supervisor starts it again."""
        process = self._processes[name]
        if process.router is None:
            return
        self.say(f"process {name} is killed")
        self._end(process)
        self._agenda.after(RESPAWN_MS, partial(self._respawn, process, process.life))

    def _read(self) -> None:
        self.settings = replace(self.settings, resources=self.files)
        self._watch.on_files(self.name, self.files)

    def reload(self) -> None:
        """SIGHUP: files that have changed are used by a new brain, which goes on where the old one was."""
        if self.paused:
            self._reload_due = True
        elif self.running and self.files != self.settings.resources:
            self.say("the daemon reads its files again")
            self._read()
            brain = self._processes[ProcessName.BRAIN]
            if brain.router is not None:
                self._end(brain)
                self._agenda.after(EXCHANGE_MS, partial(self._respawn, brain, brain.life))

    def pause(self) -> None:
        """SIGSTOP."""
        if self.running and not self.paused:
            self.paused = True
            self.say("the daemon is paused")
            self._watch.on_daemon(self.name, "paused")

    def resume(self) -> None:
        """SIGCONT: what came meanwhile is delivered, timers before or after it as the dice fall."""
        if not self.paused:
            return
        self.paused = False
        self.say("the daemon goes on")
        self._watch.on_daemon(self.name, "resumed")
        for process in self._processes.values():
            timers_first = self._dice.chance(500_000)
            if timers_first:
                self._tick(process, process.life)
            backlog, process.backlog, process.buffered = process.backlog, deque(), 0
            for happening in backlog:
                happening()
            if not timers_first:
                self._tick(process, process.life)
        if self._reload_due:
            self._reload_due = False
            self.reload()

    def stop(self) -> None:
        """The administrator stops the daemon."""
        if self.running:
            self.say("the daemon is asked to stop")
            self.stopping = True
            self.deliver(self.settings.layout.manager, StopRequested())

    def _end_processes(self) -> None:
        for process in self._processes.values():
            self._end(process)
        self.paused = self._reload_due = False

    def _begin(self, process: Process) -> None:
        process.life += 1
        uuid = decode_uuid(self.disk.read(UUID_KEY, volatile=False) or b"") or bytes(range(16))
        birth = Birth(uuid, bytes(self._dice.below(256) for _ in range(16)), self._dice.below(1 << 63))
        process.router = build(process.name, self.settings, birth)
        if process.name is ProcessName.PULSE:
            self._screen = Screen()
            self._watch.on_pulse(self.name, runs=True)
        elif process.name is ProcessName.BRAIN:
            self._watch_beat(process.life, Vigil(mute_bound_ms(self.settings.ha.deadtime_ms), self.clock.now()), 0)

    def _watch_beat(self, life: int, vigil: Vigil, seen: int, *, told: bool = False) -> None:
        """Tell the brain, as the daemon does, when no heartbeat has left for too long."""
        process, now = self._processes[ProcessName.BRAIN], self.clock.now()
        if process.life != life:
            return
        if not self.paused:
            if self._last_beat != seen:
                seen, told = self._last_beat, False
                vigil.heard()
            if vigil.look(now) is Look.HUNG and seen and not told:
                told = True
                self.deliver(self.settings.layout.manager, Mute(now - seen))
        wait = max(1, vigil.deadline() - now)
        self._agenda.after(wait, partial(self._watch_beat, life, vigil, seen, told=told))

    def _introduce(self, process: Process) -> None:
        """Tell a new process the time and what is on disk: the first events of its machines."""
        self._sample(process, process.life)
        for machine in self.settings.layout.hosted[process.name]:
            for key, volatile in self.settings.layout.restored[machine]:
                self.deliver(machine, Restored(key, self.disk.read(key, volatile=volatile)))
        if process.name is ProcessName.PULSE:
            self.media.begin()

    def _respawn(self, process: Process, life: int) -> None:
        if process.life != life or process.router is not None or not self.powered or not self._any_left(process):
            return
        self.say(f"process {process.name} is started again")
        self._begin(process)
        for machine in self.settings.layout.hosted[process.name]:
            for other in self._processes.values():
                if other is not process and other.router is not None:
                    for listener in self.settings.layout.hosted[other.name]:
                        self.deliver(listener, MachineRestarted(machine.value))
        self._introduce(process)

    def _any_left(self, process: Process) -> bool:
        return any(other.router is not None for other in self._processes.values() if other is not process)

    def _end(self, process: Process) -> None:
        process.life += 1
        process.router = None
        process.wake_at = None
        self.disk.abandon(process.name)
        process.backlog.clear()
        process.buffered = 0
        if process.name is ProcessName.HANDS:
            self.agents.disown()
        if process.name is ProcessName.PULSE:
            self._watch.on_pulse(self.name, runs=False)
        if process.name is ProcessName.BRAIN:
            self._watch.on_hung_up(self.name)

    # -- events --------------------------------------------------------------------------------------------------

    def deliver(self, to: MachineName, event: object) -> None:
        """Hand an event to a machine now."""
        process = self._processes[self.settings.layout.process_of(to)]
        self._deliver(process, process.life, to, event)

    def listens(self, to: MachineName) -> bool:
        """Whether a client finds somebody to ask."""
        return self._processes[self.settings.layout.process_of(to)].router is not None

    def request(self, to: MachineName, body: object, made: Callable[[int], None] = lambda _id: None) -> int:
        """A local client asks; ``made`` is told the id, then the answers come to ``Watch.on_reply``."""
        self._last_request += 1
        made(self._last_request)
        self.deliver(to, Request(self._last_request, ROOT, body))
        return self._last_request

    def _deliver(self, process: Process, life: int, to: MachineName, event: object) -> None:
        if process.life != life or process.router is None:
            return
        if self.paused:
            process.backlog.append(partial(self._deliver, process, life, to, event))
            return
        self._perform(process, process.router.deliver(to, event, self.clock.now()))

    def _on_datagram(self, link: str, data: bytes, source: str) -> None:
        medium = self._medium_of[link]
        if self.media.hears(medium) and self._admits(data, source):
            self._arrive(medium, data, source)

    def _tell_of_medium(self, event: MediumFailed | MediumReady) -> None:
        """In a turn of its own: no machine hears of a consequence before its step is done."""
        process = self._processes[ProcessName.PULSE]
        self._agenda.after(0, partial(self._deliver, process, process.life, MachineName.HEARTBEAT, event))

    def _admits(self, data: bytes, source: str) -> bool:
        entry = judge(self._screen, data, source)
        self._sampled += entry is Entry.SAMPLED
        return entry is Entry.ADMITTED or (entry is Entry.SAMPLED and self._sampled % SAMPLE == 0)

    def _arrive(self, medium: int, data: bytes, source: str) -> None:
        process = self._processes[ProcessName.PULSE]
        if self.paused:
            process.buffered += len(data) + 512
            if process.buffered > SOCKET_BUFFER:
                return
            process.backlog.append(partial(self._watch.on_heard, self.name, source, data))
        elif process.router is not None:
            self._watch.on_heard(self.name, source, data)
        self._deliver(process, process.life, MachineName.HEARTBEAT, DatagramReceived(medium, data, source))

    def _on_service(self, service: str, runs: bool) -> None:
        self.say(f"service {service} {'runs' if runs else 'is stopped'}")
        self._watch.on_service(self.name, service, runs=runs)

    def _sample(self, process: Process, life: int) -> None:
        if process.life != life or process.router is None:
            return
        if not self.paused:
            sample = HostSample(self.clock.unix_ms(), LOADAVG)
            for machine in self.settings.layout.hosted[process.name]:
                self._deliver(process, life, machine, sample)
        if process.name is ProcessName.PULSE:
            self._agenda.after(SAMPLE_MS, partial(self._sample, process, life))

    def wall_clock_set(self) -> None:
        """Samples come at once when the wall clock was set."""
        sample = HostSample(self.clock.unix_ms(), LOADAVG)
        for process in self._processes.values():
            for machine in self.settings.layout.hosted[process.name]:
                self.deliver(machine, sample)

    def _tick(self, process: Process, life: int) -> None:
        if process.life != life or process.router is None or self.paused:
            return
        process.wake_at = None
        self._perform(process, process.router.tick(self.clock.now()))

    def _rearm(self, process: Process) -> None:
        assert process.router is not None
        deadline = process.router.deadline()
        if deadline is None:
            return
        when = max(self.clock.world(deadline), self._agenda.now)
        if process.wake_at is None or when < process.wake_at or process.wake_at < self._agenda.now:
            process.wake_at = when
            self._agenda.at(when, partial(self._wake, process, process.life, when))

    def _wake(self, process: Process, life: int, when: int) -> None:
        if process.life == life and process.wake_at == when:
            self._tick(process, life)

    # -- effects -------------------------------------------------------------------------------------------------

    def _perform(self, process: Process, asked: list[Asked]) -> None:
        assert process.router is not None
        life = process.life
        process.router.check()
        for item in asked:
            if process.life != life:
                return
            self._effect(process, item.by, item.effect)
        if process.life == life:
            self._rearm(process)

    def _effect(self, process: Process, by: MachineName, effect: Effect) -> None:
        match effect:
            case Transmit():
                self._transmit(effect)
            case Screen():
                self._screen = effect
            case Send():
                self._watch.on_message(self.name, by, effect)
                to = self._processes[self.settings.layout.process_of(effect.to)]
                self._agenda.after(IPC_MS, partial(self._deliver, to, to.life, effect.to, effect.body))
            case Say():
                self.say(str(effect))
            case Persist() | Append():
                done = partial(self._written, process, process.life, by, effect)
                self.disk.write(effect, done, process.name)
            case SetAside():
                self.disk.set_aside(effect)
            case Spawn(argv=(glue.PROGRAM, *_)):
                glue.run(self._agenda, effect, self.reset, partial(self._child_exited, process, process.life, by))
            case Spawn():
                self.agents.run(effect, partial(self._child_exited, process, process.life, by))
            case Kill():
                self.agents.kill(effect.child_id, effect.signal)
            case Reply():
                self._watch.on_reply(self.name, effect)
            case Publish():
                pass
            case SelfFence():
                self.say(f"wants to be fenced: {effect.reason}")
                self._watch.on_fence(self.name, effect.reason)
            case Stop():
                self._stopped(effect)

    def _transmit(self, effect: Transmit) -> None:
        medium = self._media[effect.medium]
        self._transcript.datagram(self._agenda.now, self.name, medium.link, effect.data)
        if isinstance(medium, Ping | Ping6 | PingGroup):
            for target in medium.hosts if isinstance(medium, PingGroup) else (medium.host,):
                self._network.echo(self.name, target, effect.data, partial(self._arrive, effect.medium))
            return
        if self.media.carries(effect.medium):
            self._last_beat = self.clock.now()
        if self.media.send(effect.medium):
            self._watch.on_transmit(self.name, effect.data)
            self._network.send(self.name, medium.link, effect.data)

    def _written(
        self, process: Process, life: int, by: MachineName, effect: Persist | Append, error: str | None
    ) -> None:
        event = Persisted(effect.key, effect.token) if error is None else PersistFailed(effect.key, effect.token, error)
        self._deliver(process, life, by, event)

    def _child_exited(self, process: Process, life: int, by: MachineName, exited: ChildExited) -> None:
        self._deliver(process, life, by, exited)

    def _stopped(self, effect: Stop) -> None:
        self.say(f"the daemon {'restarts' if effect.restart else 'ends'}: {effect.reason}")
        self._end_processes()
        self._watch.on_daemon(self.name, "stopped")
        if effect.restart:
            self._agenda.after(RESTART_MS, partial(self.start, anew=False))

    def say(self, text: str) -> None:
        """A line of the transcript."""
        self._transcript.say(self._agenda.now, self.name, text)
