"""The timed ring: clocks, heartbeats that are heard or not, messages that take their time, disks that are slow, faults.

Edges are lost after ``deadtime`` of silence. While a direction is cut its messages are held; a cut that was longer
than ``deadtime`` loses their end, a shorter one loses nothing. Statuses travel like messages, to everybody, heard or
not. When the faults are over everything heals, and within a bound there must be one view of all, synced, that takes a
write (A4).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from hacluster.base.dice import Dice
from hacluster.base.effects import Append, MachineName, Spawn
from hacluster.base.limits import WATCHDOG_LEASE_MS, WATCHDOG_MARGIN_MS
from hacluster.base.machine import Instant
from hacluster.msg.driver import ChildExited, HostSample, MachineRestarted, Request
from hacluster.msg.hearing import Carried, Carry, StatusSeen
from hacluster.msg.lrm import CancelOp, OpsNoted, OpsQuery, RunAlert, StartOp
from hacluster.msg.membership import Slept
from hacluster.msg.stonith import ConfirmDown, DeviceOpEnded
from hacluster.msg.stream import StreamBroken
from hacluster.sim.clock import Agenda
from hacluster.sim.crm.checkers import Breach
from hacluster.sim.crm.faults import (
    BrainDeath,
    Busy,
    ClientWrites,
    Cut,
    Death,
    Fault,
    HandsDeath,
    LeaderDeath,
    Script,
    Sleep,
    SlowDisk,
)
from hacluster.sim.crm.hands import Hands, Services
from hacluster.sim.crm.power import BOOT_MS, Power
from hacluster.sim.crm.ring import EPOCH_MS, ROOT, Channel, Ring, RingNode, RingSetup

KEEPALIVE_MS: Final = 200
DEADTIME_MS: Final = 1_000
SAMPLE_MS: Final = 10_000
"""How often the driver of the brain looks at its host."""

CORES: Final = 2
_FOREVER: Final = 10**9
_PROBE_MS: Final = 3_000


class StandIn(Ring):
    """One run. ``late`` nodes start at the given times, all others at once."""

    def __init__(self, setup: RingSetup, seed: int, script: Script = (), late: dict[str, int] | None = None) -> None:
        super().__init__(setup, seed)
        self.agenda = Agenda()
        self.healed = False
        self.stable_at: int | None = None
        self._cut: dict[tuple[str, str], int] = {}
        self._cut_at: dict[tuple[str, str], int] = {}
        self._held: dict[Channel, list[tuple[MachineName, object]]] = {}
        self._statuses: dict[tuple[str, str], list[Carried]] = {}
        self._arrival: dict[Channel, int] = {}
        self._busy: set[str] = set()
        self._slow: dict[str, int] = {}
        self._asleep: dict[str, int] = {}
        self._armed: dict[str, int] = {}
        self._writes = 0
        self._loads: dict[str, tuple[float, int]] = {}
        self.services = Services()
        self._hands: dict[str, Hands] = {}
        self._journals: dict[str, dict[str, bytes]] = {}
        self._deaf: set[str] = set()
        self._unfit: dict[str, int] = {}
        self.power = Power(
            self.agenda, Dice(seed * 7_919 + 1), self.kill, self.start, lambda name: name in self.nodes, setup.names
        )
        for name in setup.names:
            self.agenda.at((late or {}).get(name, 0), partial(self.start, name))
        for at, fault in script:
            self.agenda.at(at, partial(self.befall, fault))

    # ---- what subclasses of Ring say

    def now(self) -> Instant:
        """World time."""
        return Instant(self.agenda.now)

    def note(self, text: str) -> None:
        """A line with its time."""
        self.log.append(f"{self.agenda.now / 1000:8.3f} {text}")

    def give(self, node: RingNode, machine: MachineName, event: object) -> None:
        """As the ring does, when the node is awake."""
        if node.name in self._asleep:
            self.agenda.at(self._asleep[node.name], partial(self.give, node, machine, event))
            return
        super().give(node, machine, event)
        self._arm(node)

    def _arm(self, node: RingNode) -> None:
        due = node.router.deadline()
        if due is None:
            return
        when = max(int(due), self.agenda.now)
        if self._armed.get(node.name, _FOREVER) > when or self._armed[node.name] < self.agenda.now:
            self._armed[node.name] = when
            self.agenda.at(when, partial(self._tick, node, when))

    def _tick(self, node: RingNode, when: int) -> None:
        if self._armed.get(node.name) == when:
            del self._armed[node.name]
        if self.nodes.get(node.name) is not node:
            return
        if node.name in self._asleep:
            self.agenda.at(self._asleep[node.name], partial(self._tick, node, when))
            return
        self.perform(node, node.router.tick(self.now()))
        self._arm(node)

    def operate(self, node: RingNode, body: object) -> None:
        """Hands of a node get something to do."""
        if node.name in self._deaf:
            return
        hands = self._hands.get(node.name)
        if hands is None:
            hands = self._begin_hands(node.name)
        assert isinstance(body, StartOp | CancelOp | OpsQuery | OpsNoted | DeviceOpEnded | RunAlert), body
        hands.take(body)

    def spawn(self, node: RingNode, spawn: Spawn) -> None:
        """The fencer of a node switches power."""

        def tell(exited: ChildExited) -> None:
            self.give(node, MachineName.STONITH, exited)

        self.power.run(node.name, spawn, tell)

    def confirm(self, name: str, target: str) -> None:
        """A person at a node says that another is down."""
        request = Request(0, ROOT, ConfirmDown(target))
        self.give(self.nodes[name], MachineName.STONITH, request)

    def vouched(self, node: RingNode, *, fit: bool) -> None:
        """A node that is unfit for longer than its lease is fed no more, and reset when its watchdog's time is over."""
        if fit:
            self._unfit.pop(node.name, None)
        elif self.setup.watchdog_bound_ms:
            self._unfit[node.name] = node.disk.generation
            after = self.setup.watchdog_bound_ms - WATCHDOG_MARGIN_MS
            self.agenda.after(after, partial(self._bite, node.name, node.disk.generation))

    def _bite(self, name: str, generation: int) -> None:
        if self._unfit.get(name) == generation:
            del self._unfit[name]
            self._reset(name, generation)

    def _reset(self, name: str, generation: int) -> None:
        """The watchdog of this life of a node fires."""
        node = self.nodes.get(name)
        if node is not None and node.disk.generation == generation:
            self.note(f"{name} is reset by its watchdog")
            self.kill(name)
            self.agenda.after(BOOT_MS, partial(self.start, name))

    def ended(self, node: RingNode, why: str) -> None:
        """A node that stops of its own will is gone at once, with what it ran."""
        self.note(f"{node.name} stops: {why}")
        self.kill(node.name)

    def _begin_hands(self, name: str) -> Hands:
        def tell(to: MachineName, body: object) -> None:
            node = self.nodes.get(name)
            if node is not None:
                self.give(node, to, body)

        files = self._journals.setdefault(name, {})
        hands = self._hands[name] = Hands(name, self.services, self.agenda, self.dice.fork(), tell, files)
        return hands

    def _kill_hands(self, fault: HandsDeath) -> None:
        """Only the hands die; what the brain says meanwhile is lost, and it is told when they are back."""
        hands = self._hands.pop(fault.name, None)
        if hands is None:
            return
        hands.kill()

        def back() -> None:
            self._deaf.discard(fault.name)
            node = self.nodes.get(fault.name)
            if node is not None:
                if fault.name not in self._hands:
                    self._begin_hands(fault.name)
                self.give(node, MachineName.CRMD, MachineRestarted(MachineName.LRM.value))

        self._deaf.add(fault.name)
        self.agenda.after(fault.ms, back)

    def sent(self, channel: Channel) -> None:
        """It arrives after a while, or is held while the way is cut."""
        queue = self.channels[channel]
        item = queue.pop()
        if self._cut.get((channel[0].name, channel[1]), 0):
            self._held.setdefault(channel, []).append(item)
        else:
            self._push(channel, item)

    def _delay(self) -> int:
        return self.dice.between(1, 40) if self.dice.chance(950_000) else self.dice.between(40, 600)

    def _push(self, channel: Channel, item: tuple[MachineName, object]) -> None:
        when = max(self.agenda.now + self._delay(), self._arrival.get(channel, 0))
        self._arrival[channel] = when
        self.agenda.at(when, partial(self._arrive, channel, item))

    def _arrive(self, channel: Channel, item: tuple[MachineName, object]) -> None:
        self.channels[channel].append(item)
        self.deliver_one(channel)

    def carries(self, node: RingNode, carry: Carry) -> None:
        """Statuses go to everybody, heard or not."""
        for name in self.setup.names:
            if name != node.name and (carry.audience is None or name in carry.audience):
                self._status(node.name, name, carry.carried)

    def _status(self, sender: str, to: str, carried: Carried) -> None:
        """Statuses are repeated each keepalive: the newest one gets through as soon as the way is open."""
        if self._cut.get((sender, to), 0):
            self._statuses[sender, to] = [carried]
            return
        self.agenda.after(self._delay(), partial(self._seen, to, carried))

    def _seen(self, to: str, carried: Carried) -> None:
        node = self.nodes.get(to)
        sender = self.nodes.get(carried.member.name)
        if node is not None and sender is not None and sender.member == carried.member:
            newest = sender.carried
            if newest is not None and newest.audience is None:
                carried = newest.carried
            self.give(node, MachineName.CCM, StatusSeen(carried))

    def queued(self, node: RingNode) -> None:
        """A write takes its time; one after the other."""
        if node.name not in self._busy:
            self._busy.add(node.name)
            slow = self.agenda.now < self._slow.get(node.name, 0)
            took = self.dice.between(200, 900) if slow else self.dice.between(1, 20)
            self.agenda.after(took, partial(self._written, node))

    def _written(self, node: RingNode) -> None:
        if self.nodes.get(node.name) is not node:
            return
        self._busy.discard(node.name)
        if node.disk.queue:
            self.disk_one(node.name)
            if self.nodes.get(node.name) is node and node.disk.queue:
                self.queued(node)

    # ---- nodes

    def start(self, name: str) -> None:
        """A node starts, and is heard after a beat or two."""
        if name in self.nodes:
            return
        self._busy.discard(name)
        self._armed.pop(name, None)
        node = self.boot(name)
        self._arm(node)
        self.agenda.after(SAMPLE_MS, partial(self._look_at_host, node))
        for other in self.setup.names:
            if other != name:
                self.agenda.after(self.dice.between(KEEPALIVE_MS, KEEPALIVE_MS + 100), partial(self._beat, other, name))
                self.agenda.after(self.dice.between(KEEPALIVE_MS, KEEPALIVE_MS + 100), partial(self._beat, name, other))

    def host(self, name: str) -> HostSample:
        """What the driver sees of a host."""
        load, until = self._loads.get(name, (0.0, 0))
        text = f"{load if self.agenda.now < until else 0.1:.2f} 0.10 0.10 1/100 4711"
        return HostSample(EPOCH_MS + self.agenda.now, text, cores=CORES)

    def _look_at_host(self, node: RingNode) -> None:
        if self.nodes.get(node.name) is not node:
            return
        for machine in sorted(node.router.names):
            self.give(node, machine, self.host(node.name))
        self.agenda.after(SAMPLE_MS, partial(self._look_at_host, node))

    def _beat(self, hearer: str, name: str) -> None:
        """``hearer`` hears a beat of ``name``, if it can."""
        one, other = self.nodes.get(hearer), self.nodes.get(name)
        if one is None or other is None or self._cut.get((name, hearer), 0):
            return
        if other.name in self._asleep:
            self.agenda.at(self._asleep[other.name] + KEEPALIVE_MS, partial(self._beat, hearer, name))
            return
        self.hear(one, other)
        self._arm(one)

    def _silence(self, hearer: str, name: str, generation: int) -> None:
        """``hearer`` has not heard this generation of ``name`` for deadtime, if nothing came in between."""
        one, other = self.nodes.get(hearer), self.nodes.get(name)
        if one is None or one.hears.get(name) != generation:
            return
        cut = self._cut.get((name, hearer), 0)
        gone = other is None or other.disk.generation != generation
        quiet = cut and self.agenda.now - self._cut_at.get((name, hearer), 0) >= DEADTIME_MS
        if gone or quiet or name in self._asleep:
            self.hear_not(one, name)
            self._arm(one)

    def kill(self, name: str, *, hands_live: bool = False) -> None:
        """A node loses power, or only its brain dies (which to the others looks the same for a while)."""
        node = self.nodes.get(name)
        if node is None:
            return
        queue = node.disk.queue
        kept = self.dice.below(len(queue) + 1)
        torn = 0
        if kept < len(queue) and isinstance(queue[kept][1], Append):
            torn = self.dice.below(len(queue[kept][1].data) + 1)
        generation = node.disk.generation
        self.crash(name, kept, torn)
        self._unfit.pop(name, None)
        if not hands_live:
            if name in self._hands:
                self._hands.pop(name).kill()
            self._journals.pop(name, None)
            self.services.runs.pop(name, None)
        self._asleep.pop(name, None)
        for other in self.setup.names:
            self.agenda.after(
                DEADTIME_MS + self.dice.below(KEEPALIVE_MS), partial(self._silence, other, name, generation)
            )

    # ---- faults

    def befall(self, fault: Fault) -> None:
        """A fault happens now."""
        if not isinstance(fault, ClientWrites):
            self.note(str(fault))
        match fault:
            case Cut():
                self._sever(fault)
            case Death():
                self.kill(fault.name)
                if fault.ms:
                    self.agenda.after(fault.ms, partial(self.start, fault.name))
            case HandsDeath():
                self._kill_hands(fault)
            case BrainDeath():
                self.kill(fault.name, hands_live=True)
                self.agenda.after(fault.ms, partial(self.start, fault.name))
            case LeaderDeath():
                leaders = sorted({node.ccm.view.leader for node in self.nodes.values() if node.ccm.view is not None})
                if leaders:
                    self.befall(Death(leaders[0], fault.ms))
            case SlowDisk():
                self._slow[fault.name] = self.agenda.now + fault.ms
            case Busy():
                self._loads[fault.name] = (fault.load, self.agenda.now + fault.ms)
            case Sleep():
                self.sleep(fault)
            case ClientWrites():
                self._client(again=fault.again)

    def _sever(self, fault: Cut) -> None:
        for pair in fault.pairs:
            self._cut[pair] = self._cut.get(pair, 0) + 1
            if self._cut[pair] == 1:
                self._cut_at[pair] = self.agenda.now
            self.sever(pair)
        self.agenda.after(fault.ms, partial(self._mend, fault.pairs))

    def sever(self, pair: tuple[str, str]) -> None:
        """Nothing goes that way from now on."""
        sender = self.nodes.get(pair[0])
        if sender is not None:
            generation = sender.disk.generation
            self.agenda.after(DEADTIME_MS + 1, partial(self._silence, pair[1], pair[0], generation))

    def _mend(self, pairs: Sequence[tuple[str, str]]) -> None:
        for pair in pairs:
            if not self._cut.get(pair):
                continue
            self._cut[pair] -= 1
            if self._cut[pair]:
                continue
            self.join(pair, long=self.agenda.now - self._cut_at[pair] >= DEADTIME_MS)

    def join(self, pair: tuple[str, str], *, long: bool) -> None:
        """It goes that way again; ``long``: it did not for deadtime or more."""
        for channel in [key for key in self._held if (key[0].name, key[1]) == pair]:
            items = self._held.pop(channel)
            kept = items[: self.dice.below(len(items) + 1)] if long else items
            for item in kept:
                self._push(channel, item)
            if len(kept) < len(items):
                self._tell_broken(channel)
        for carried in self._statuses.pop(pair, []):
            self._status(*pair, carried)
        self.agenda.after(self.dice.between(1, KEEPALIVE_MS), partial(self._beat, pair[1], pair[0]))

    def _tell_broken(self, channel: Channel) -> None:
        """Both ends of a stream that lost something are told, when they hear each other again."""
        sender, to = channel

        def tell() -> None:
            one, other = self.nodes.get(sender.name), self.nodes.get(to)
            if other is not None:
                self.give(other, MachineName.CCM, StreamBroken(*sender))
            if one is not None and one.member == sender and other is not None and other.member is not None:
                self.give(one, MachineName.CCM, StreamBroken(*other.member))

        self.agenda.after(KEEPALIVE_MS, tell)

    def sleep(self, fault: Sleep) -> None:
        """A node does nothing for a while."""
        node = self.nodes.get(fault.name)
        if node is None or fault.name in self._asleep:
            return
        self._asleep[fault.name] = self.agenda.now + fault.ms
        generation = node.disk.generation
        for other in self.setup.names:
            if fault.ms > DEADTIME_MS:
                self.agenda.after(DEADTIME_MS + 1, partial(self._silence, other, fault.name, generation))
            self.agenda.after(fault.ms + KEEPALIVE_MS, partial(self._beat, other, fault.name))
        self.agenda.after(fault.ms, partial(self._wake, node, fault.ms))
        hungry_ms = self.setup.watchdog_bound_ms - WATCHDOG_LEASE_MS - WATCHDOG_MARGIN_MS
        if 0 < hungry_ms <= fault.ms:
            self.agenda.after(hungry_ms, partial(self._reset, fault.name, generation))

    def _wake(self, node: RingNode, slept_ms: int) -> None:
        self._asleep.pop(node.name, None)
        self.give(node, MachineName.CCM, Slept(slept_ms, presumed_dead=slept_ms >= DEADTIME_MS))

    def _client(self, *, again: bool) -> str:
        witness = self.setup.voters.witness
        up = [
            name
            for name, node in self.nodes.items()
            if name != witness and node.cibd.is_synced and name not in self._asleep
        ]
        if not up:
            return ""
        name = up[self.dice.below(len(up))]
        if again and self.requests:
            what = list(self.requests)[-1]
        else:
            self._writes += 1
            what = f"r{self._writes}"
        self.write(name, what)
        self._arm(self.nodes[name])
        return what

    # ---- the end

    def heal(self) -> None:
        """All faults end: cuts, slow disks, sleep; whoever is down starts."""
        self.healed = True
        self.note("heals")
        for pair in [pair for pair, count in self._cut.items() if count]:
            self._cut[pair] = 1
            self._mend([pair])
        self._slow.clear()
        for name in self.setup.names:
            self.start(name)

    def is_good(self) -> bool:
        """One synced view of all."""
        if len(self.nodes) != len(self.setup.names):
            return False
        views = {node.ccm.view.id if node.ccm.view is not None else None for node in self.nodes.values()}
        if len(views) != 1 or None in views or not all(node.cibd.is_synced for node in self.nodes.values()):
            return False
        view = next(iter(self.nodes.values())).ccm.view
        return view is not None and view.names == set(self.setup.names)

    def run(self, faults_ms: int, bound_ms: int = 40_000) -> tuple[int, str]:
        """Let the script happen, heal, and wait for A4: (ms that it took after healing, breach)."""
        try:
            self.agenda.run_until(faults_ms)
            self.heal()
            return self._converge(faults_ms, bound_ms), ""
        except Breach as breach:
            return -1, str(breach)

    def _converge(self, start: int, bound_ms: int) -> int:
        probe, probed_at = "", -_FOREVER
        while self.agenda.now < start + bound_ms:
            self.agenda.run_until(self.agenda.now + 20)
            if not self.is_good():
                continue
            if self.agenda.now - probed_at > _PROBE_MS:
                probe, probed_at = self._client(again=False), self.agenda.now
            if probe in self.checkers.committed:
                return self.agenda.now - start
        raise Breach(f"A4 no synced view of all that takes a write within {bound_ms} ms")

    def views_entered(self, since_ms: int = 0) -> int:
        """How many times a node entered a view after ``since_ms``."""
        return sum(" is in view " in line and float(line[:8]) * 1000 >= since_ms for line in self.log)
