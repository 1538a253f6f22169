"""Resource machines under virtual time: a list network, membership as the heartbeat tells it, hands in memory."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName, Persist, Publish, Reply, Say, SelfFence, Send
from hacluster.base.machine import Instant
from hacluster.config.media import Bcast, Ping
from hacluster.config.resources import AgentClass, Group, Haresources, ResourceWord
from hacluster.config.settings import AutoFailback, Client, HaclusterConfig, HaConfig
from hacluster.haresources.machine import HaresourcesMachine
from hacluster.msg.driver import MachineRestarted, Peer, Persisted, Request, Restored, StopRequested, Tick
from hacluster.msg.lrm import CancelOp, HooksRun, OcfCode, OpEnd, OpFinished, OpsQuery, OpsView, OpView, StartOp
from hacluster.msg.membership import (
    AnnounceRestart,
    CastMessage,
    ClientSignedOn,
    CommUp,
    LeaveNow,
    MembershipView,
    MessageReceived,
    NodeRestarted,
    NodeState,
    NodeStateChanged,
    NodeType,
    NodeView,
    PeerReturned,
    Slept,
)
from hacluster.wire.hamsg import HaMessage

ROOT = Peer("test", 0, 0, 1)
A_IP, B_IP = "IPaddr2::10.77.0.100/24/eth0", "IPaddr2::10.77.0.101/24/eth0"
DEADTIME = 6_000
INITDEAD = 12_000


def word(text: str) -> ResourceWord:
    name, *arguments = text.split("::")
    return ResourceWord(text, AgentClass.HEARTBEAT, name, tuple(arguments))


def haresources(*lines: str) -> Haresources:
    groups = []
    for number, line in enumerate(lines, 1):
        node, *words = line.split()
        groups.append(Group(node, tuple(word(text) for text in words), number))
    return Haresources(tuple(groups))


TWO_GROUPS = haresources(f"alpha {A_IP}", f"beta {B_IP}")


def config(
    auto_failback: AutoFailback = AutoFailback.ON, *, nodes: tuple[str, ...] = ("alpha", "beta"), **rest
) -> HaConfig:
    return HaConfig(nodes, (Bcast("eth0", 694),), deadtime_ms=DEADTIME, auto_failback=auto_failback, **rest)


def with_ipfail() -> HaConfig:
    client = Client("hacluster", ("/usr/lib/heartbeat/ipfail",), failfast=False, line=1)
    return HaConfig(
        ("alpha", "beta"),
        (Bcast("eth0", 694), Ping("gw")),
        deadtime_ms=DEADTIME,
        auto_failback=AutoFailback.ON,
        clients=(client,),
    )


@dataclass
class Hands:
    """An lrm in memory: one operation per resource at a time; services outlive everything but a power loss."""

    world: World
    node: Node
    running: set[str] = field(default_factory=set)
    broken: set[tuple[str, str]] = field(default_factory=set)
    took_ms: Callable[[str, str], int] = lambda word, action: {"status": 20, "start": 200, "stop": 100}[action]
    queues: dict[str, deque[StartOp]] = field(default_factory=dict)
    last: dict[tuple[str, str], OpFinished] = field(default_factory=dict)
    asked: list[tuple[int, str, str]] = field(default_factory=list)
    hooks: list[HooksRun] = field(default_factory=list)
    epoch: int = 0

    def take(self, body: object) -> None:
        match body:
            case StartOp():
                self.asked.append((self.world.now, body.action, body.resource.id))
                queue = self.queues.setdefault(body.resource.id, deque())
                queue.append(body)
                if len(queue) == 1:
                    self.begin(body)
            case CancelOp():
                self.cancel(body.op_id)
            case OpsQuery():
                pending = [
                    OpView(op.op_id, key, op.action, i == 0) for key, q in self.queues.items() for i, op in enumerate(q)
                ]
                self.node.give(OpsView(tuple(pending), tuple(self.last.values())))
            case HooksRun():
                self.hooks.append(body)
            case other:
                raise AssertionError(other)

    def begin(self, op: StartOp) -> None:
        epoch = self.epoch
        self.world.after(self.took_ms(op.resource.id, op.action), lambda: epoch == self.epoch and self.end(op))

    def end(self, op: StartOp) -> None:
        queue = self.queues[op.resource.id]
        if not queue or queue[0] is not op:
            return
        key, rc = op.resource.id, OcfCode.OK
        if (op.action, key) in self.broken:
            rc = OcfCode.GENERIC
        elif op.action == "start":
            self.running.add(key)
            self.world.twice += [key for other in self.world.others(self.node) if key in other.hands.running]
        elif op.action == "stop":
            self.running.discard(key)
        if op.action == "status" and rc is OcfCode.OK and key not in self.running:
            rc = OcfCode.NOT_RUNNING
        self.finish(op, OpEnd.DONE, rc)

    def finish(self, op: StartOp, end: OpEnd, rc: OcfCode) -> None:
        queue = self.queues[op.resource.id]
        queue.remove(op)
        result = OpFinished(op.op_id, op.resource.id, op.action, end, rc)
        if end is OpEnd.DONE:
            self.last[op.resource.id, op.action] = result
        if queue:
            self.begin(queue[0])
        self.node.give(result)

    def cancel(self, op_id: int) -> None:
        for queue in self.queues.values():
            for op in list(queue):
                if op.op_id == op_id:
                    self.finish(op, OpEnd.CANCELLED, OcfCode.GENERIC)

    def crash(self) -> None:
        self.epoch += 1
        self.queues.clear()
        self.last.clear()

    def power_off(self) -> None:
        self.crash()
        self.running.clear()


class Node:
    """One node: the machine, its hands, and what the heartbeat would tell it."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.hands = Hands(world, self)
        self.files = world.groups
        self.machine: HaresourcesMachine | None = None
        self.daemon = False
        self.brain_down: list[object] | None = None
        self.comm_up = False
        self.asleep = False
        self.generation = 100
        self.seq = 0
        self.disk: bytes | None = None
        self.states: dict[str, NodeState] = {}
        self.said: list[Say] = []
        self.replies: list[tuple[int, object, bool]] = []
        self.fenced: list[str] = []
        self.to_fencer: list[object] = []
        self.published: list[object] = []
        self.pings: dict[str, NodeState] = {}
        self.inbox: deque[object] = deque()
        self.stepping = False

    # -- life

    def start(self) -> None:
        assert not self.daemon
        self.daemon, self.comm_up, self.asleep, self.brain_down = True, False, False, None
        self.generation += 1
        self.seq = 0
        self.states = {other.name: NodeState.INIT for other in self.world.others(self)}
        self.machine = self.world.build(self.name)
        self.give(Restored("haresources", self.disk))
        self.give(self.view())
        began = self.generation
        for other in self.world.others(self):
            self.world.after(300, lambda other=other: self.world.hear(other, self, fresh=True))
            self.world.after(300, lambda other=other: self.world.hear(self, other, fresh=False))
        self.world.after(INITDEAD, lambda: self.generation == began and self.give_up_waiting())

    def give_up_waiting(self) -> None:
        for name, state in list(self.states.items()):
            if state is NodeState.INIT and self.daemon:
                self.see(name, NodeState.DEAD, ever_heard=False)
        self.try_comm()

    def try_comm(self) -> None:
        if self.daemon and not self.comm_up and NodeState.INIT not in self.states.values():
            self.comm_up = True
            self.give(CommUp())

    def see(self, name: str, new: NodeState, *, ever_heard: bool = True) -> None:
        old, self.states[name] = self.states.get(name, NodeState.INIT), new
        if old is not new:
            self.give(NodeStateChanged(name, old, new, NodeType.NORMAL, ever_heard))

    def view(self) -> MembershipView:
        nodes = [NodeView(name, NodeType.NORMAL, state, ()) for name, state in self.states.items()]
        nodes += [NodeView(name, NodeType.PING, state, ()) for name, state in self.pings.items()]
        return MembershipView(self.name, NodeState.ACTIVE, self.comm_up, tuple(nodes), generation=self.generation)

    def crash(self, *, power: bool = True) -> None:
        """Power loss, or kill -9 of everything, which leaves the services as they are."""
        self.daemon = self.comm_up = self.asleep = False
        self.machine = None
        self.inbox.clear()
        if power:
            self.hands.power_off()
            self.disk = None
        else:
            self.hands.crash()
        self.world.silent(self)

    def leave(self, leave: LeaveNow) -> None:
        self.daemon = self.comm_up = False
        self.machine = None
        if leave.restart:
            self.world.after(1_000, lambda: None if self.daemon else self.start())
        else:
            self.world.silent(self)

    def begin_anew(self) -> None:
        """What the heartbeat does after a long sleep: the next generation, in place, and ``CommUp`` once more."""
        self.generation, self.seq, self.comm_up = self.generation + 1, 0, False
        self.give(self.view())
        for other in self.world.others(self):
            self.world.after(300, lambda other=other: self.world.hear(other, self, fresh=True))
        self.world.after(600, self.try_comm)

    def stop(self) -> None:
        self.give(StopRequested())

    def crash_brain(self, for_ms: int = 500) -> None:
        self.machine, self.brain_down = None, []

        def back() -> None:
            if self.daemon and self.brain_down is not None:
                waiting, self.brain_down = self.brain_down, None
                self.machine = self.world.build(self.name)
                self.give(Restored("haresources", self.disk))
                self.give(self.view())
                for event in waiting:
                    if not isinstance(event, MessageReceived | OpFinished | Tick):
                        self.give(event)

        self.world.after(for_ms, back)

    def crash_hands(self) -> None:
        self.hands.crash()
        self.give(MachineRestarted(MachineName.LRM))

    def request(self, body: object, request_id: int = 1) -> list[object]:
        """Ask, and what was answered so far."""
        self.give(Request(request_id, ROOT, body))
        return self.answers(request_id)

    def answers(self, request_id: int = 1) -> list[object]:
        return [body for number, body, _ in self.replies if number == request_id]

    def codes(self) -> list[str]:
        return [line.code for line in self.said]

    # -- steps

    def give(self, event: object) -> None:
        """Let the machine take an event, after those that wait."""
        if not self.daemon:
            return
        self.inbox.append(event)
        if self.stepping or self.asleep:
            return
        self.stepping = True
        try:
            while self.inbox and self.daemon:
                event = self.inbox.popleft()
                if self.brain_down is not None:
                    self.brain_down.append(event)
                elif self.machine is not None:
                    machine = self.machine
                    effects = machine.step(event, Instant(self.world.now))
                    machine.check()
                    for effect in effects:
                        self.perform(effect)
        finally:
            self.stepping = False
            if not self.daemon:
                self.inbox.clear()
        self.arm()

    def arm(self) -> None:
        machine = self.machine
        deadline = machine.deadline() if machine else None
        if deadline is not None:
            self.world.at(max(deadline, self.world.now), lambda: self.tick(machine))

    def tick(self, machine: HaresourcesMachine | None) -> None:
        if machine is self.machine and machine is not None and not self.asleep:
            deadline = machine.deadline()
            if deadline is not None and deadline <= self.world.now:
                self.give(Tick())
                again = machine.deadline() if machine is self.machine else None
                assert again is None or again > self.world.now, "a tick that leaves its own cause would spin"

    def perform(self, effect: Effect) -> None:
        match effect:
            case Send(to=MachineName.LRM, body=body):
                self.hands.take(body)
            case Send(to=MachineName.STONITH, body=body):
                self.to_fencer.append(body)
            case Send(body=CastMessage(message=message)):
                self.seq += 1
                stamped = message.replace(src=self.name, seq=f"{self.seq:x}", hg=f"{self.generation:x}")
                self.world.record(self, message)
                self.inbox.append(MessageReceived(self.name, stamped, own=True))
                self.world.carry(self, stamped)
            case Send(body=LeaveNow() as leave):
                self.leave(leave)
            case Send(body=AnnounceRestart()):
                self.world.patience[self.name] = self.world.now + 30_000
            case Send(body=ClientSignedOn(client=client, join=join)):
                news = HaMessage.of(t="hbapi-clstat", st="join" if join else "leave", from_id=client, to_id=client)
                self.perform(Send(MachineName.HEARTBEAT, CastMessage(news)))
            case Persist(key=key, data=data, token=token):
                self.disk = data
                self.inbox.append(Persisted(key, token))
            case Publish(body=body):
                self.published.append(body)
            case Reply(request_id=number, body=body, last=last):
                self.replies.append((number, body, last))
            case Say():
                self.said.append(effect)
            case SelfFence(reason=reason):
                self.fenced.append(reason)
            case other:
                raise AssertionError(other)


class World:
    """Two (or more) nodes, a network and a clock."""

    def __init__(
        self,
        conf: HaConfig | None = None,
        groups: Haresources = TWO_GROUPS,
        settings: HaclusterConfig | None = None,
        seed: int = 1,
        delay: tuple[int, int] = (1, 5),
    ) -> None:
        self.now = 0
        self.dice = Dice(seed)
        self.delay = delay
        self.conf, self.groups = conf or config(), groups
        self.settings = settings or HaclusterConfig()
        self.heap: list[tuple[int, int, Callable[[], object]]] = []
        self.count = 0
        self.cut: set[tuple[str, str]] = set()
        self.wire: list[tuple[int, str, HaMessage]] = []
        self.patience: dict[str, int] = {}
        self.twice: list[str] = []
        self.nodes = {name: Node(self, name) for name in self.conf.nodes}

    @property
    def alpha(self) -> Node:
        return self.nodes["alpha"]

    @property
    def beta(self) -> Node:
        return self.nodes["beta"]

    def build(self, name: str) -> HaresourcesMachine:
        return HaresourcesMachine(self.conf, self.nodes[name.lower()].files, name, self.settings)

    def others(self, node: Node) -> list[Node]:
        return [other for other in self.nodes.values() if other is not node]

    # -- time

    def at(self, when: int, act: Callable[[], object]) -> None:
        self.count += 1
        heapq.heappush(self.heap, (when, self.count, act))

    def after(self, delay: int, act: Callable[[], object]) -> None:
        self.at(self.now + delay, act)

    def run(self, for_ms: int) -> World:
        end = self.now + for_ms
        steps = 0
        while self.heap and self.heap[0][0] <= end:
            self.now, _, act = heapq.heappop(self.heap)
            act()
            steps += 1
            assert steps < 200_000, "the world does not come to rest"
        self.now = end
        return self

    # -- network and membership

    def record(self, node: Node, message: HaMessage) -> None:
        self.wire.append((self.now, node.name, message))

    def carry(self, sender: Node, message: HaMessage) -> None:
        for other in self.others(sender):
            generation = other.generation

            def deliver(other: Node = other, generation: int = generation) -> None:
                if other.generation != generation or not other.daemon:
                    return
                if (sender.name, other.name) in self.cut and other.states.get(sender.name) is not NodeState.DEAD:
                    self.after(500, deliver)
                    return
                if other.daemon and other.states.get(sender.name) not in {NodeState.DEAD, None}:
                    other.give(MessageReceived(sender.name, message, own=False))

            self.after(self.dice.between(*self.delay), deliver)

    def hear(self, listener: Node, speaker: Node, *, fresh: bool) -> None:
        """``listener`` hears a status of ``speaker``; ``fresh``: of a new generation."""
        if not (listener.daemon and speaker.daemon) or (speaker.name, listener.name) in self.cut:
            return
        known = listener.states.get(speaker.name)
        if fresh and known is not NodeState.INIT:
            listener.give(NodeRestarted(speaker.name, speaker.generation))
        elif known is NodeState.DEAD and not fresh:
            listener.give(PeerReturned(speaker.name))
        listener.see(speaker.name, NodeState.ACTIVE)
        self.after(700, listener.try_comm)

    def silent(self, node: Node) -> None:
        """``node`` says nothing more: the others notice after their patience."""
        generation = node.generation
        wait = max(DEADTIME, self.patience.get(node.name, 0) - self.now)

        def dead(other: Node) -> None:
            cut = (node.name, other.name) in self.cut
            if other.daemon and ((not node.daemon and node.generation == generation) or cut):
                other.see(node.name, NodeState.DEAD)
                other.try_comm()

        for other in self.others(node):
            self.after(wait, lambda other=other: dead(other))

    def partition(self, *pairs: tuple[str, str]) -> None:
        """Cut (from, to); without arguments everything."""
        names = list(self.nodes)
        chosen = pairs or tuple((a, b) for a in names for b in names if a != b)
        self.cut.update(chosen)
        for source in {source for source, _ in chosen}:
            self.silent(self.nodes[source])

    def heal(self) -> None:
        cut, self.cut = self.cut, set()
        for source, target in sorted(cut):
            speaker, listener = self.nodes[source], self.nodes[target]
            if not (speaker.daemon and listener.daemon):
                continue
            if listener.states.get(source) is NodeState.DEAD:
                self.after(200, lambda s=speaker, t=listener: self.hear(t, s, fresh=False))
            elif listener.states.get(source) is NodeState.INIT:
                self.after(200, lambda s=speaker, t=listener: self.hear(t, s, fresh=True))

    def ping_node(self, node: Node, state: NodeState) -> None:
        old, node.pings["gw"] = node.pings.get("gw", NodeState.INIT), state
        node.give(NodeStateChanged("gw", old, state, NodeType.PING))

    def sleep(self, node: Node, for_ms: int) -> None:
        node.asleep = True
        self.silent_while_asleep(node, for_ms)
        generation = node.generation

        def wake() -> None:
            if node.daemon and node.asleep and node.generation == generation:
                node.asleep = False
                node.inbox.appendleft(Slept(for_ms, for_ms > DEADTIME))
                first = node.inbox.popleft()
                waiting = list(node.inbox)
                node.inbox.clear()
                node.give(first)
                for event in waiting:
                    if not isinstance(event, NodeStateChanged):
                        node.give(event)
                if for_ms > DEADTIME:
                    node.begin_anew()

        self.after(for_ms, wake)

    def silent_while_asleep(self, node: Node, for_ms: int) -> None:
        if for_ms > DEADTIME:
            for other in self.others(node):
                self.after(
                    DEADTIME, lambda other=other: other.daemon and node.daemon and other.see(node.name, NodeState.DEAD)
                )

    # -- what can be seen

    def up(self) -> World:
        """Both nodes started together and settled."""
        for node in self.nodes.values():
            node.start()
        self.run(20_000)
        return self

    def talk(self, since: int = 0) -> str:
        """Who said what, without times."""
        return "\n".join(f"{name}: {tell(message)}" for when, name, message in self.wire if when >= since)

    def holders(self) -> dict[str, list[str]]:
        """For each resource, the nodes it runs on."""
        found: dict[str, list[str]] = {}
        for group in self.groups.groups:
            for text in group.words:
                found[text] = [node.name for node in self.nodes.values() if text in node.hands.running]
        return found

    def settled(self) -> bool:
        return all(node.machine is None or node.machine.view().status != "transition" for node in self.nodes.values())


def tell(message: HaMessage) -> str:
    """A message as one short line: type, what matters of it, who it is for."""
    names = ("rsc_hold", "isstable", "info", "st", "node", "result", "num_ping", "ipaddr", "weown", "from_id", "dest")
    words = [message.type]
    for name in names:
        value = message.get(name)
        if value is not None:
            words.append(f"{name}={value}")
    if message.get("rtype") is None and message.type == "resource":
        words.append("partial")
    return " ".join(words)
