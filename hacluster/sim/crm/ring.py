"""Nodes with ccm and cibd, their disks, and the streams between them; nothing moves unless it is moved.

What the stand-in for heartbeat and streams gives, and no more: one first-in-first-out channel from each life of a
sender to each name, which may be held back for long, may lose its end, and outlives its sender; statuses are seen at
once or when whoever drives says so. A disk is one queue; a crash keeps a beginning of it, and of what comes then, when
it is an append, perhaps a part.

The drivers of it are :mod:`hacluster.sim.desk` (a schedule of single messages), :mod:`hacluster.sim.crm.adversary` (any
order, no clock) and :mod:`hacluster.sim.crm.standin` (clocks and timers).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from hacluster.attrd.machine import AttrdMachine
from hacluster.base.dice import Dice
from hacluster.base.effects import (
    Append,
    Effect,
    MachineName,
    Persist,
    Reply,
    Say,
    SelfFence,
    Send,
    Spawn,
    Stop,
    Vouch,
)
from hacluster.base.machine import Instant, Machine
from hacluster.base.members import Member
from hacluster.ccm.machine import CcmMachine
from hacluster.ccm.rounds import by_rank
from hacluster.ccm.rules import Rules as CcmRules
from hacluster.ccm.settings import FEATURE_SET, CcmSettings, Timing
from hacluster.ccm.state import PROMISE_KEY
from hacluster.cib.store import RequestId
from hacluster.cib.voters import Voters
from hacluster.cibd.machine import CibdMachine
from hacluster.cibd.replica import KEYS
from hacluster.cibd.rules import Rules as CibdRules
from hacluster.cibd.settings import CibdSettings
from hacluster.crmd.machine import CrmdMachine
from hacluster.msg.driver import HostSample, Peer, Persisted, PersistFailed, Request, Restored
from hacluster.msg.hearing import Carry, Hearing, PulseStarted, StatusSeen
from hacluster.msg.replica import WriteRequest
from hacluster.msg.stream import Convey, Conveyed
from hacluster.msg.views import Accept
from hacluster.node.router import Asked, Router
from hacluster.pengine.machine import PengineMachine
from hacluster.sim.crm.checkers import Checkers
from hacluster.stonith.machine import StonithMachine
from hacluster.te.machine import TeMachine

ROOT = Peer("test", 0, 0, 1)
EPOCH_MS = 1_600_000_000_000
_ABOUT = (("cluster-infrastructure", "pretended"), ("dc-version", "1"))


@dataclass(frozen=True, slots=True)
class RingSetup:
    """What a ring is made of. ``features`` are feature sets by name; ``kept``: how many request ids are remembered.

    ``ccm`` and ``cibd`` are the machines; a test of a checker puts wrong ones there.
    """

    names: tuple[str, ...]
    voters: Voters
    ccm_rules: CcmRules = field(default_factory=CcmRules)
    cibd_rules: CibdRules = field(default_factory=CibdRules)
    timing: Timing = field(default_factory=Timing)
    kept: int = 1_024
    last_man_window_ms: int = 10_000
    features: tuple[tuple[str, tuple[int, ...]], ...] = ()
    init: bool = True
    ccm: type[CcmMachine] = CcmMachine
    cibd: type[CibdMachine] = CibdMachine
    content: str = ""
    ping_nodes: tuple[str, ...] = ()
    dc_deadtime_ms: int = 3_000
    watchdog_bound_ms: int = 0

    @property
    def has_crm(self) -> bool:
        """Whether crmd, te and pengine run, too: there is something for them to do."""
        return bool(self.content)

    def first_content(self) -> str:
        """The CIB that the cluster begins with."""
        if self.content:
            return self.content
        pair = f'<nvpair id="voters" name="quorum-voters" value="{self.voters.show()}"/>'
        return (
            '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="0" num_updates="0"><configuration><crm_config>'
            f'<cluster_property_set id="options">{pair}</cluster_property_set></crm_config>'
            "<nodes/><resources/><constraints/></configuration></cib>"
        )


SET = "/cib/configuration/crm_config/cluster_property_set[@id='options']"


def write_of(name: str) -> str:
    """A patch that leaves a trace with this name in the configuration."""
    pair = f'<nvpair id="w-{name}" name="w-{name}" value="1"/>'
    return f'<diff format="2"><change operation="create" path="{SET}" position="1">{pair}</change></diff>'


def raise_admin_epoch(name: str) -> str:
    """As :func:`write_of`, and admin_epoch is raised, too."""
    result = '<cib validate-with="pacemaker-3.9" admin_epoch="9" epoch="0" num_updates="0"/>'
    change = f'<change operation="modify" path="/cib"><change-result>{result}</change-result></change>'
    return write_of(name).replace("</diff>", f"{change}</diff>")


def voters_to(voters: Voters, name: str) -> str:
    """As :func:`write_of`, and the list of voters changes."""
    pair = f'<nvpair id="voters" name="quorum-voters" value="{voters.show()}"/>'
    result = f"<change-result>{pair}</change-result>"
    path = f"{SET}/nvpair[@id='voters']"
    return write_of(name).replace("</diff>", f'<change operation="modify" path="{path}">{result}</change></diff>')


@dataclass(slots=True)
class RingDisk:
    """Files of one node, and the writes that have not ended."""

    files: dict[str, bytes] = field(default_factory=dict)
    queue: deque[tuple[MachineName, Persist | Append]] = field(default_factory=deque)
    generation: int = 0

    def apply(self, write: Persist | Append, length: int | None = None) -> None:
        """A write, or a part of it, is on disk."""
        data = write.data if length is None else write.data[:length]
        self.files[write.key] = (self.files.get(write.key, b"") if isinstance(write, Append) else b"") + data

    def crash(self, kept: int, torn: int = 0) -> None:
        """The first ``kept`` writes stay, and ``torn`` bytes of the next one if it is an append."""
        for _, write in list(self.queue)[:kept]:
            self.apply(write)
        if torn and kept < len(self.queue) and isinstance(self.queue[kept][1], Append):
            self.apply(self.queue[kept][1], torn)
        self.queue.clear()


@dataclass(slots=True)
class RingNode:
    """One life of a node."""

    name: str
    router: Router
    ccm: CcmMachine
    cibd: CibdMachine
    disk: RingDisk
    hears: dict[str, int] = field(default_factory=dict)
    carried: Carry | None = None
    crmd: CrmdMachine | None = None
    replies: dict[int, object] = field(default_factory=dict)

    @property
    def member(self) -> Member | None:
        """Who it is."""
        return self.ccm.member


Channel = tuple[Member, str]
_LISTENERS = {False: (MachineName.CIBD,), True: (MachineName.CIBD, MachineName.ATTRD, MachineName.CRMD)}
_FOLLOWERS = {False: (), True: (MachineName.PENGINE, MachineName.TE, MachineName.ATTRD, MachineName.CRMD)}


class Ring:
    """All of it. Subclasses say when what moves; :attr:`log` is the transcript."""

    def __init__(self, setup: RingSetup, seed: int = 0) -> None:
        self.setup = setup
        self.dice = Dice(seed)
        self.checkers = Checkers(self)
        self.disks = {name: RingDisk() for name in setup.names}
        self.nodes: dict[str, RingNode] = {}
        self.channels: dict[Channel, deque[tuple[MachineName, object]]] = {}
        self.requests: dict[str, tuple[RequestId, str]] = {}
        self.log: list[str] = []
        self.leader = ""
        self._serial = 0

    # ---- for subclasses

    def now(self) -> Instant:
        """The clock that machines see."""
        return Instant(0)

    def note(self, text: str) -> None:
        """One line of the transcript."""
        self.log.append(text)

    def host(self, name: str) -> HostSample:
        """What the driver sees of a node's host."""
        del name
        return HostSample(EPOCH_MS + self.now(), "")

    def sent(self, channel: Channel) -> None:
        """Something was put on a channel."""

    def operate(self, node: RingNode, body: object) -> None:
        """Something for the hands of a node."""

    def spawn(self, node: RingNode, spawn: Spawn) -> None:
        """The fencer of a node runs an agent."""

    def ended(self, node: RingNode, why: str) -> None:
        """A node stops at once, of its own will."""

    def vouched(self, node: RingNode, *, fit: bool) -> None:
        """Whether a node may be kept alive by its watchdog from now on."""

    def queued(self, node: RingNode) -> None:
        """Something was put into a disk's queue."""

    def carries(self, node: RingNode, carry: Carry) -> None:
        """What a node's status says has changed: by default all see it at once."""
        for other in list(self.nodes.values()):
            if other is not node and (carry.audience is None or other.name in carry.audience):
                self.give(other, MachineName.CCM, StatusSeen(carry.carried))

    def elect(self, table: Sequence[Accept]) -> str:
        """Who leads: whom the schedule names, or the lowest rank."""
        names = [accept.member.name for accept in table]
        return self.leader if self.leader in names else by_rank(table)

    # ---- nodes

    def boot(self, name: str) -> RingNode:
        """A node starts, from what its disk has."""
        setup, disk = self.setup, self.disks[name]
        disk.generation += 1
        witness = name == setup.voters.witness
        features = dict(setup.features).get(name, FEATURE_SET)
        ccm = setup.ccm(
            CcmSettings(name, witness, features, setup.timing, _LISTENERS[setup.has_crm], setup.ping_nodes),
            self.dice.fork(),
            rules=setup.ccm_rules,
            elect=self.elect,
        )
        cibd = setup.cibd(
            CibdSettings(
                name,
                setup.first_content(),
                setup.voters,
                init=setup.init and disk.generation == 1,
                witness=witness,
                stuck_ms=setup.timing.stuck_ms,
                last_man_window_ms=setup.last_man_window_ms,
                requests_kept=setup.kept,
                followers=_FOLLOWERS[setup.has_crm],
            ),
            rules=setup.cibd_rules,
        )
        machines = {MachineName.CCM: cast(Machine[object], ccm), MachineName.CIBD: cast(Machine[object], cibd)}
        crmd: CrmdMachine | None = None
        if setup.has_crm:
            bound = setup.watchdog_bound_ms
            crmd = CrmdMachine(
                name,
                dc_deadtime_ms=setup.dc_deadtime_ms,
                watchdog_bound_ms=bound,
                about=(*_ABOUT, ("have-watchdog", str(bound > 0).lower())),
            )
            te = TeMachine(f"00000000-0000-0000-0000-{disk.generation:04d}{name:>08}")
            machines[MachineName.STONITH] = cast(
                Machine[object], StonithMachine(name, self.dice.fork(), watchdog_bound_ms=bound)
            )
            machines[MachineName.PENGINE] = cast(Machine[object], PengineMachine())
            machines[MachineName.TE] = cast(Machine[object], te)
            machines[MachineName.ATTRD] = cast(Machine[object], AttrdMachine(name))
            machines[MachineName.CRMD] = cast(Machine[object], crmd)
        node = RingNode(name, Router(machines), ccm, cibd, disk, crmd=crmd)
        self.nodes[name] = node
        self.note(f"boot {name} {disk.generation}")
        sample = self.host(name)
        self.give(node, MachineName.CCM, sample)
        for machine in sorted(node.router.names - {MachineName.CCM}):
            self.give(node, machine, sample)
        self.pulse_started(node)
        for key in KEYS:
            self.give(node, MachineName.CIBD, Restored(key, disk.files.get(key)))
        self.give(node, MachineName.CCM, Restored(PROMISE_KEY, disk.files.get(PROMISE_KEY)))
        return node

    def pulse_started(self, node: RingNode) -> None:
        """Who speaks on the network is there: at once, with a generation for each start of the node."""
        self.give(node, MachineName.CCM, PulseStarted(node.disk.generation))

    def crash(self, name: str, kept: int = 0, torn: int = 0) -> None:
        """A node dies; ``kept`` of its queued writes were on disk."""
        node = self.nodes.pop(name)
        self.note(f"crash {name} kept {kept} of {len(node.disk.queue)}")
        node.disk.crash(kept, torn)
        self.checkers.on_disk(name)

    def lose_disk(self, name: str) -> None:
        """The disk of a node that is down is replaced by an empty one."""
        assert name not in self.nodes, f"{name} runs"
        self.disks[name].files.clear()
        self.checkers.on_disk_lost(name)
        self.note(f"disk of {name} is blank")

    def meet(self, names: Iterable[str]) -> None:
        """Each of these hears each other, and sees its status."""
        group = [self.nodes[name] for name in names if name in self.nodes]
        for one in group:
            for other in group:
                if one is not other:
                    self.hear(one, other)

    def hear(self, one: RingNode, other: RingNode) -> None:
        """``one`` hears ``other``."""
        generation = other.disk.generation
        if one.hears.get(other.name) != generation:
            one.hears[other.name] = generation
            self.give(one, MachineName.CCM, Hearing(other.name, generation, heard=True))
        if other.carried is not None:
            self.give(one, MachineName.CCM, StatusSeen(other.carried.carried))

    def hear_not(self, one: RingNode, name: str) -> None:
        """``one`` hears the node of that name no longer."""
        generation = one.hears.pop(name, None)
        if generation is not None:
            self.give(one, MachineName.CCM, Hearing(name, generation, heard=False))

    # ---- moving

    def give(self, node: RingNode, machine: MachineName, event: object) -> None:
        """An event for a machine of a node that runs, and what follows from it."""
        if self.nodes.get(node.name) is not node:
            return
        self.perform(node, node.router.deliver(machine, event, self.now()))

    def perform(self, node: RingNode, asked: list[Asked]) -> None:
        """What machines asked their driver for."""
        later: list[Carry] = []
        for item in asked:
            effect: Effect = item.effect
            match effect:
                case Send(to=MachineName.HEARTBEAT, body=Carry() as carry):
                    node.carried = carry
                    later.append(carry)
                case Send(to=MachineName.SPEECH, body=Convey() as convey):
                    self.convey(node, convey)
                case Send(to=MachineName.LRM, body=body):
                    self.operate(node, body)
                case Spawn():
                    self.spawn(node, effect)
                case Vouch():
                    self.vouched(node, fit=effect.fit)
                case SelfFence() | Stop():
                    self.ended(node, effect.reason)
                    return
                case Persist() | Append():
                    node.disk.queue.append((item.by, effect))
                    self.queued(node)
                case Say():
                    self.note(f"{node.name} {effect}")
                case Reply():
                    node.replies[effect.request_id] = effect.body
                    self.checkers.on_reply(node, effect.body)
                case _:
                    pass
        node.router.check()
        self.checkers.on_step(node)
        for carry in later:
            self.carries(node, carry)

    def convey(self, node: RingNode, convey: Convey) -> None:
        """A machine says something to those of other nodes."""
        member = node.member
        assert member is not None, "it speaks before it is somebody"
        self.checkers.on_said(node, convey.body)
        for to in convey.to:
            channel = (member, to)
            self.channels.setdefault(channel, deque()).append((convey.machine, convey.body))
            self.sent(channel)

    def deliver_one(self, channel: Channel) -> None:
        """The first message of a channel arrives (nowhere, when the receiver is down)."""
        machine, body = self.channels[channel].popleft()
        sender, to = channel
        node = self.nodes.get(to)
        self.note(f"{sender.name}->{to} {type(body).__name__}")
        if node is not None:
            self.give(node, machine, Conveyed(sender, body))

    def disk_one(self, name: str, error: str = "") -> None:
        """The first queued write of a node ends."""
        node = self.nodes[name]
        by, write = node.disk.queue.popleft()
        if error:
            self.give(node, by, PersistFailed(write.key, write.token, error))
            return
        node.disk.apply(write)
        self.checkers.on_disk(name)
        self.note(f"disk {name} {write.key}")
        self.give(node, by, Persisted(write.key, write.token))

    def write(self, name: str, what: str, patch: str | None = None, *, forced: bool = False) -> int:
        """A client at ``name`` writes; the second time with the same ``what`` it is the same request. Its number."""
        node = self.nodes[name]
        known = self.requests.get(what)
        if known is None:
            view = node.ccm.view
            assert view is not None, f"{name} is in no view"
            known = (RequestId(view.id, node.cibd.store.position.seq, what), patch or write_of(what))
            self.requests[what] = known
        request, text = known
        self.note(f"client at {name} writes {what}")
        return self.ask(name, WriteRequest(text, request, forced))

    def ask(self, name: str, body: object) -> int:
        """A client at ``name`` asks cibd; the number under which :attr:`RingNode.replies` will have the answer."""
        self._serial += 1
        self.give(self.nodes[name], MachineName.CIBD, Request(self._serial, ROOT, body))
        return self._serial
