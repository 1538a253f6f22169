"""The processes of a node from inside: what each opens around its machines, and the life of one.

A *part* is the machines of one process with their organs: disk, sockets, media for the pulse, children for the hands.
Normally each part is a process that the supervisor forked, and speaks to the others over :mod:`links`. With
``--one-process`` all parts share one loop and hand each other their messages directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hacluster.base.effects import Effect, MachineName, Say, Send, Transmit
from hacluster.base.errors import HaError
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.client.language import SOCKETS, Circle, codec
from hacluster.config.settings import SelfFencePolicy, UuidFrom
from hacluster.daemon import clock, orphan, plug, realtime, toolbox
from hacluster.daemon.beat import Beat, BeatWatch, Lease
from hacluster.daemon.collector import Collector
from hacluster.daemon.control import End, PassedBy, Ping, Progress, Stage, control_codec
from hacluster.daemon.disk import Disk
from hacluster.daemon.driver import Driver, Others, Outcome
from hacluster.daemon.fifo import Fifo, FifoRequest
from hacluster.daemon.files import DamagedFileError
from hacluster.daemon.ipc import LocalServer
from hacluster.daemon.launch import Launch
from hacluster.daemon.links import TYPES, Links
from hacluster.daemon.listener import Listener
from hacluster.daemon.log import Log, Sink, Writer, sinks
from hacluster.daemon.media.broker import Remote
from hacluster.daemon.media.ports import Media
from hacluster.daemon.media.sockets import Opener
from hacluster.daemon.privilege import USER, drop
from hacluster.daemon.roster import CLIENTS, Roster
from hacluster.daemon.scribe import Scribe
from hacluster.daemon.signon import SignOn
from hacluster.daemon.spawn import NO_ROOM, Children, widen_limits
from hacluster.daemon.stream import Connection
from hacluster.daemon.watchdog import Watchdog
from hacluster.heartbeat.generation import decode_uuid, uuid_of_name
from hacluster.msg.driver import MachineRestarted, Peer, Request, RequesterGone, Restored
from hacluster.msg.membership import BeginAnew, CommUp, LeaveNow
from hacluster.node.assembly import UUID_KEY, Birth, NodeSettings, build
from hacluster.node.layout import PROMISE_KEYS, Layout, ProcessName
from hacluster.wire.ipc import Frame, Hello, Kind

if TYPE_CHECKING:
    from hacluster.daemon.units import Units

CONFINED: Final = frozenset({ProcessName.PULSE, ProcessName.BRAIN, ProcessName.THOUGHT})
"""Who is not root."""

_WIDE: Final = frozenset({ProcessName.BRAIN, ProcessName.THOUGHT})
"""Between these whole CIBs are handed over. None of them is root, and so neither may fill the memory of who is."""

CIRCLES: Final[dict[ProcessName, Circle | None]] = {
    ProcessName.PULSE: Circle.PULSE,
    ProcessName.BRAIN: Circle.BRAIN,
    ProcessName.THOUGHT: Circle.THOUGHT,
    ProcessName.HANDS: Circle.HANDS,
}
"""What the processes of a cluster resource manager speak about beyond v1's messages."""

FIFO: Final = "fifo"
FIFO_REQUEST_ID: Final = 0
"""Answers to what came by the FIFO have nowhere to go: no client has this number."""


def log_sinks(launch: Launch) -> list[Sink]:
    """Where the lines go that ha.cf asks for."""
    return sinks(launch.settings.ha.log, launch.settings.node, stderr=launch.log_stderr)


def scribe_of(launch: Launch, *more: str) -> Scribe:
    """Who writes the log of a node: a channel for each of its processes, and for ``more``. OSError."""
    hosted = launch.settings.layout.hosted
    writers = {name.value: frozenset({name.value, *machines}) for name, machines in hosted.items()}
    return Scribe(log_sinks(launch), writers | {name: frozenset({name}) for name in more})


def log_of(launch: Launch, writer: Writer) -> Log:
    """The log of one process, which ``writer`` has written."""
    ha, own = launch.settings.ha, launch.settings.own
    return Log(writer, debug=ha.log.debug > 0, limit=own.log_rate_limit, clock=clock.now)


def _set_aside(disk: Disk, key: str, why: str, log: Callable[[Say], None], *, volatile: bool = False) -> None:
    try:
        where = f"it is now {disk.set_aside(key, volatile=volatile)}"
    except OSError as error:
        where = f"it cannot be set aside: {error.strerror}"
    log(Say(Severity.ERROR, "state", "unreadable-state", f"{why}; {where}"))


def own_uuid(disk: Disk, settings: NodeSettings, log: Callable[[Say], None]) -> bytes:
    """This node's UUID, made and kept the first time. :class:`HaError` when it cannot be kept."""
    if settings.ha.uuid_from is UuidFrom.NODENAME:
        return uuid_of_name(settings.node)
    found = None
    try:
        data = disk.read(UUID_KEY)
        found = None if data is None else decode_uuid(data)
        damage = "" if data is None or found is not None else f"{disk.path(UUID_KEY)} is no UUID"
    except DamagedFileError as error:
        damage = str(error)
    if damage:
        _set_aside(disk, UUID_KEY, f"{damage}; this node gets a new UUID", log)
    if found is None:
        # RFC 9562, version 4.
        raw = bytearray(os.urandom(16))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        found = bytes(raw)
        try:
            disk.write(UUID_KEY, found)
        except OSError as error:
            raise HaError(f"cannot write {disk.path(UUID_KEY)}: {error.strerror}") from error
    return found


@dataclass(slots=True)
class Estate:
    """What a process opens while it may: its local sockets, a watchdog, who opens the sockets of media later, and what
    restarts the host when the supervisor is not there to do it."""

    listeners: list[Listener] = field(default_factory=list)
    watchdog: Watchdog | None = None
    opener: Callable[[], Opener] | None = None
    sysrq: int = -1


def endow(name: ProcessName, launch: Launch, log: Callable[[Say], None], owner: int = -1) -> Estate:
    """Open all that, the local sockets for ``owner``. :class:`HaError` when one of these cannot be."""
    own, estate = launch.settings.own, Estate()
    for machine in launch.settings.layout.hosted[name]:
        if machine not in SOCKETS:
            continue
        path = os.path.join(launch.run_dir, SOCKETS[machine])
        listener = Listener(path, mode=own.socket_mode, group=own.socket_group, owner=owner, log=log)
        estate.listeners.append(listener)
    if MachineName.HEARTBEAT in launch.settings.layout.hosted[name]:
        estate.watchdog = _open_watchdog(launch, log)
    return estate


def remove_sockets(launch: Launch) -> None:
    """Take away the local sockets that processes left which may not do so themselves."""
    for name in SOCKETS.values():
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(launch.run_dir, name))


def _open_watchdog(launch: Launch, log: Callable[[Say], None]) -> Watchdog | None:
    ha = launch.settings.ha
    if ha.watchdog is None:
        return None
    try:
        found = Watchdog(ha.watchdog, ha.deadtime_ms)
    except HaError as error:
        log(Say(Severity.ERROR, "watchdog", "no-watchdog", f"{error}; going on without it"))
        return None
    if found.timeout_ms is None or found.timeout_ms > found.wanted_ms:
        takes = "a time that it does not tell" if found.timeout_ms is None else f"{found.timeout_ms // 1000} s"
        text = f"{ha.watchdog} resets this host after {takes}, not after {found.wanted_ms // 1000} s as it was told"
        log(Say(Severity.WARNING, "watchdog", "other-time", text))
    return found


def circle_of(layout: Layout, name: ProcessName) -> Circle | None:
    """What a process speaks about beyond v1's messages."""
    if layout.replicates:
        return CIRCLES[name]
    return Circle.HANDS if layout.fences and name in (ProcessName.BRAIN, ProcessName.HANDS) else None


class Part:
    """The machines of one process and their organs."""

    def __init__(
        self, name: ProcessName, launch: Launch, log: Callable[[Say], None], beat: Beat, estate: Estate | None = None
    ) -> None:
        settings = launch.settings
        self.process = name.value
        self.incarnation = int.from_bytes(os.urandom(7), "big")
        self._layout = settings.layout
        self._hosted = self._layout.hosted[name]
        self.machines = tuple(machine.value for machine in self._hosted)
        self.on_stage: Callable[[Stage, str], None] = lambda _stage, _detail: None
        self.links: Links | None = None
        self._name = name
        self._launch = launch
        self._log = log
        self._disk = launch.disk
        uuid = own_uuid(self._disk, settings, log) if name is ProcessName.PULSE else bytes(16)
        is_new = not any(self._disk.has(key) for key, volatile in PROMISE_KEYS if not volatile)
        birth = Birth(uuid, os.urandom(16), int.from_bytes(os.urandom(8), "big"), is_new)
        self.driver = Driver(build(name, settings, birth), log)
        self.codec = codec(*TYPES, circle=circle_of(self._layout, name))
        self._server = LocalServer(
            self.codec,
            self,
            log,
            mode=settings.own.socket_mode,
            group=settings.own.socket_group,
            max_clients=settings.own.max_clients,
            sign_on=SignOn(settings.ha.apiauth, settings.own.socket_group),
        )
        self._estate = estate or endow(name, launch, log)
        self._media: Media | None = None
        self._children: Children | None = None
        self._fencers: Children | None = None
        self._units: Units | None = None
        self._watchdog: Watchdog | None = None
        self._lease: Lease | None = None
        self._fifo: Fifo | None = None
        self._beat = beat
        self._beat_watch: BeatWatch | None = None

    async def open(self, others: Others) -> None:
        """Open everything that others may look for, but start nothing. :class:`HaError`."""
        driver = self.driver
        driver.disk, driver.clients, driver.others = self._disk, self._server, others
        driver.observers.append(self._observe)
        if MachineName.HEARTBEAT in self._hosted:
            opener = self._estate.opener
            self._media = driver.media = Media(
                self._launch.settings.ha.media,
                lambda event: driver.post(MachineName.HEARTBEAT, event),
                None if opener is None else opener(),
            )
            self._watchdog = self._estate.watchdog
            if self._watchdog is not None:
                driver.on_turn = self._feed
        if MachineName.CRMD in self._hosted and self._launch.settings.ha.watchdog is not None:
            self._lease = Lease(self._beat)
            driver.on_vouch = self._lease.vouch
        if MachineName.LRM in self._hosted:
            self._open_children()
        for listener in self._estate.listeners:
            self._server.adopt(listener)
        self._server.start()
        if self._layout.manager in self._hosted and self._layout.orders:
            self._open_fifo()

    def start(self) -> None:
        """Tell the machines how the host is and what was kept, then let the world in."""
        self.driver.start()
        for machine in self._hosted:
            for key, volatile in self._layout.restored[machine]:
                self.driver.post(machine, Restored(key, self._read(key, volatile=volatile)))
        if self._media is not None:
            self._media.start()
        if self._layout.manager in self._hosted:
            self._beat_watch = BeatWatch(
                self._beat,
                self._launch.settings.ha.deadtime_ms,
                lambda mute: self.driver.post(self._layout.manager, mute),
            )
            self._beat_watch.start()
        self.on_stage(Stage.READY, "")

    def _read(self, key: str, *, volatile: bool) -> bytes | None:
        try:
            return self._disk.read(key, volatile=volatile)
        except DamagedFileError as error:
            _set_aside(self._disk, key, f"{error}; going on without it", self._log, volatile=volatile)
            return None

    def _open_children(self) -> None:
        driver, roster = self.driver, Roster(self._launch.run_dir)
        left = roster.end_leftovers()
        if left:
            text = "ended agents that an earlier life of the hands left at work"
            self._log(Say(Severity.WARNING, self.process, "agents-ended", text, (("pids", " ".join(map(str, left))),)))
        self._make_temporary_dir()
        if self._launch.settings.surroundings.tools_dir:
            from hacluster.daemon.units import Units  # noqa: PLC0415  only where there is a CRM

            self._make_toolbox()
            self._units = driver.units = Units(lambda event: driver.post(MachineName.LRM, event), self._log)
        self._children = driver.children = Children(lambda event: driver.post(MachineName.LRM, event), roster)
        if MachineName.STONITH in self._hosted:
            # No roster: a fencing that has begun is not ended by a new life of the hands.
            self._fencers = Children(lambda event: driver.post(MachineName.STONITH, event))
            driver.families[MachineName.STONITH] = self._fencers

    def _make_toolbox(self) -> None:
        """The tools that agents of a CRM call."""
        try:
            folder, missing = toolbox.fill(self._launch.run_dir)
        except OSError as error:
            text = f"agents do not find our tools: {error.strerror}"
            self._log(Say(Severity.ERROR, self.process, "no-toolbox", text))
            return
        if missing:
            text = f"agents that call one of {', '.join(missing)} do not find ours in {folder}: it is not installed"
            self._log(Say(Severity.WARNING, self.process, "tools-missing", text))

    def _make_temporary_dir(self) -> None:
        """HA_RSCTMP, which agents take for granted: systemd-tmpfiles makes it at boot, and not every host has that."""
        path = self._launch.settings.surroundings.temporary_dir
        try:
            os.makedirs(path, 0o755, exist_ok=True)
        except OSError as error:
            text = f"cannot make {path}, in which agents keep what they need: {error.strerror}"
            self._log(Say(Severity.WARNING, self.process, "no-temporary-dir", text))

    def _open_fifo(self) -> None:
        path = os.path.join(self._launch.state_dir, FIFO)
        self._fifo = Fifo(path, self._on_fifo, self._log)
        try:
            self._fifo.open()
        except HaError as error:
            self._log(Say(Severity.WARNING, FIFO, "no-fifo", str(error)))

    def _on_fifo(self, request: FifoRequest) -> None:
        peer = Peer("fifo", os.geteuid(), os.getegid(), 0)
        self.driver.post(self._layout.manager, Request(FIFO_REQUEST_ID, peer, request))

    def _observe(self, _by: MachineName, effect: Effect) -> None:
        if isinstance(effect, Transmit):
            if self._media is not None and self._media.carries(effect.medium):
                self._beat.mark()
        elif isinstance(effect, Send):
            match effect.body:
                case CommUp():
                    self.on_stage(Stage.COMM_UP, "")
                case LeaveNow(restart=True):
                    self.on_stage(Stage.BEGINS_ANEW, "")
                case LeaveNow(kept=kept):
                    self.on_stage(Stage.RELEASED, ", ".join(kept))
                case BeginAnew():
                    self.on_stage(Stage.GIVEN_UP, "")

    def request(self, machine: str, event: Request | RequesterGone) -> None:
        """A client asks."""
        self.driver.post(MachineName(machine), event)

    def process_connected(self, connection: Connection, hello: Hello) -> None:
        """Another process of this node has connected."""
        assert self.links is not None
        self.links.accepted(connection, hello)

    def process_spoke(self, connection: Connection, frame: Frame) -> None:
        """It says something."""
        assert self.links is not None
        self.links.spoke(connection, frame)

    def process_gone(self, connection: Connection) -> None:
        """It is gone."""
        if self.links is not None:
            self.links.lost(connection)

    def other_restarted(self, process: str) -> None:
        """Another process began anew, or missed something we said."""
        for lost in self._layout.hosted[ProcessName(process)]:
            for machine in self._hosted:
                self.driver.post(machine, MachineRestarted(lost.value))

    def _feed(self, now: Instant) -> None:
        """Feed the watchdog: where there is a cluster manager, only while that vouches for this node."""
        assert self._watchdog is not None
        if not self._layout.replicates or now < self._beat.fit_until:
            self._watchdog.feed(now)

    async def close(self, outcome: Outcome) -> None:
        """Close everything; the hands let operations run on when they did not end on purpose."""
        if self._media is not None:
            await self._media.close()
        if self._fifo is not None:
            self._fifo.close()
        if self._watchdog is not None:
            self._watchdog.close(disarm=outcome in (Outcome.STOPPED, Outcome.RESTART))
        if self._beat_watch is not None:
            self._beat_watch.close()
        if self._lease is not None:
            self._lease.close()
        for children in (self._children, self._fencers):
            if children is not None:
                children.close()
        if self._units is not None:
            await self._units.close()
        if self.links is not None:
            self.links.close()
        await self._server.close()
        self.driver.close()


def connect_links(part: Part, name: ProcessName, launch: Launch, log: Callable[[Say], None]) -> Links:
    """The links of one process to the others: each connects to those before it in the table."""
    hosted = launch.settings.layout.hosted
    others = {other.value: machines for other, machines in hosted.items() if other is not name}
    links = part.links = Links(
        name.value,
        part.codec,
        log,
        incarnation=part.incarnation,
        here=hosted[name],
        others=others,
        on_message=part.driver.post,
        on_restarted=part.other_restarted,
        wide=_WIDE if name in _WIDE else (),
    )
    order = list(hosted)
    for other in order[: order.index(name)]:
        machine = next(machine for machine in hosted[other] if machine in SOCKETS)
        links.connect(other.value, os.path.join(launch.run_dir, SOCKETS[machine]))
    return links


def confine(name: ProcessName, launch: Launch, broker: socket.socket | None, log: Log) -> Estate:
    """Arrange what needs root, then be root no more where the process may not be. :class:`HaError`."""
    if name is ProcessName.PULSE and launch.settings.ha.realtime and launch.settings.own.real_time:
        for say in realtime.enter(launch.settings.ha.rtprio, capable=not launch.account.usable):
            log.say(say)
    confined = name in CONFINED and launch.account.usable
    estate = endow(name, launch, log.say, launch.account.uid if confined else -1)
    if name is ProcessName.THOUGHT:
        # Large, and nobody else's: not imported before the fork.
        importlib.import_module("hacluster.pengine.machine")
    if confined:
        if name is ProcessName.BRAIN:
            estate.sysrq = plug.grasp(launch.settings.own, panics=launch.settings.layout.replicates)
        if broker is not None:
            estate.opener = lambda: Remote(broker)
        try:
            drop(launch.account)
        except OSError as error:
            # Never half: a process that is neither root nor confined does neither work.
            raise HaError(f"cannot become user {USER}: {error.strerror or error}") from error
    return estate


async def _live(  # noqa: PLR0917
    name: ProcessName, launch: Launch, sock: socket.socket, beat: Beat, log: Log, estate: Estate
) -> Outcome:
    try:
        part = Part(name, launch, log.say, beat, estate)
        links = connect_links(part, name, launch, log.say)
        await part.open(links)
    except HaError as error:
        log.say(Say(Severity.CRIT, name.value, "cannot-start", str(error)))
        log.close()
        return Outcome.REFUSED
    loop = asyncio.get_running_loop()
    wake, orphaned = asyncio.Event(), asyncio.Event()

    def on_closed(_connection: Connection) -> None:
        orphaned.set()
        wake.set()

    channel = Connection(
        control_codec(),
        lambda _connection, frame: _on_order(part, frame),
        on_closed,
        log.say,
    )
    await loop.connect_accepted_socket(lambda: channel, sock)

    def on_stage(stage: Stage, detail: str) -> None:
        channel.send(Frame(Kind.SEND, Progress(name.value, stage, detail)))
        if stage in {Stage.RELEASED, Stage.BEGINS_ANEW} and orphaned.is_set():
            part.driver.finish(Outcome.STOPPED)

    part.on_stage = on_stage
    part.start()
    if launch.settings.layout.replicates and name in _WIDE:
        Collector(lambda: part.driver.is_idle).start()
    part.driver.finished.add_done_callback(lambda _finished: wake.set())
    await wake.wait()
    if not part.driver.finished.done():
        manager = launch.settings.layout.manager
        await orphan.wind_up(name, part.driver, links, Roster(launch.run_dir, CLIENTS), log.say, manager=manager)
    outcome = await part.driver.finished
    await part.close(outcome)
    if orphaned.is_set() and outcome in {Outcome.FENCED, Outcome.UNRELEASED, Outcome.PANIC}:
        # Otherwise the supervisor sees to it.
        chosen = plug.policy(launch.settings.own, machine=outcome is Outcome.FENCED)
        plug.pull(SelfFencePolicy.REBOOT if outcome is Outcome.PANIC else chosen, estate.sysrq)
    log.close()
    return outcome


def _on_order(part: Part, frame: Frame) -> None:
    if isinstance(frame.body, End):
        part.driver.finish(Outcome.STOPPED)
    elif isinstance(frame.body, Ping):
        part.on_stage(Stage.ALIVE, "")
    elif isinstance(frame.body, PassedBy):
        if part.links is not None:
            part.links.pass_by(frame.body.process)
    else:
        part.driver.post(MachineName(frame.to), frame.body)


def main(  # noqa: PLR0917
    name: ProcessName,
    launch: Launch,
    sock: socket.socket,
    beat: Beat,
    writer: Writer,
    broker: socket.socket | None = None,
) -> int:
    """The life of a process that the supervisor forked; the answer is its exit status."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        # They are for the supervisor, which a terminal or an administrator may have meant. Handled, not ignored: what
        # is ignored would be ignored by the agents too.
        signal.signal(number, lambda *_: None)
    with contextlib.suppress(OSError):
        _set_name(f"ha-{name.value}")
    widen_limits()
    log = log_of(launch, writer)
    try:
        estate = confine(name, launch, broker, log)
        return int(asyncio.run(_live(name, launch, sock, beat, log, estate)))
    except HaError as error:
        log.say(Say(Severity.CRIT, name.value, "cannot-start", str(error)))
        return int(Outcome.REFUSED)
    except MemoryError:
        log.say(Say(Severity.CRIT, name.value, "no-room", "there is not enough memory to begin"))
        return int(Outcome.NO_ROOM)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            log.say(Say(Severity.CRIT, name.value, "no-room", f"cannot begin now: {error.strerror}"))
            return int(Outcome.NO_ROOM)
        log.say(Say(Severity.CRIT, name.value, "internal-fault", f"{type(error).__name__}: {error}"))
        return int(Outcome.CRASHED)


def _set_name(name: str) -> None:
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write(name[:15])
