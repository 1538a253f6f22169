"""The wired ring: the timed ring with the real heartbeat, its streams and speech under it, over a simulated network.

Each node has two processes that may die apart: the pulse (heartbeat) and the brain (speech and everything above), which
say things to each other in a millisecond. Datagrams are sealed as on a wire; the network loses, doubles, delays and
reorders them, and directions are cut. Whatever :mod:`hacluster.sim.crm.standin` assumes of ordered streams, of hearing
and of statuses comes out of the machines here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, cast

from hacluster.base.dice import Dice
from hacluster.base.effects import MachineName, Persist, Say, Send, Transmit
from hacluster.base.machine import Machine
from hacluster.base.members import Member
from hacluster.config.settings import Seal
from hacluster.heartbeat.config import HeartbeatConfig, Identity, MediumSpec
from hacluster.heartbeat.generation import FLOOR_KEY, GENERATION_KEY
from hacluster.heartbeat.machine import HeartbeatMachine
from hacluster.msg.driver import DatagramReceived, HostSample, MachineRestarted, Persisted, Request, Restored
from hacluster.msg.hearing import Carry, PulseStarted
from hacluster.msg.stream import Convey, Conveyed, StreamBroken
from hacluster.node.router import Asked, Router
from hacluster.sim.crm.faults import BrainDeath, Fault, Script, Sleep, faults_of
from hacluster.sim.crm.order import Order
from hacluster.sim.crm.ring import EPOCH_MS, ROOT, RingNode, RingSetup
from hacluster.sim.crm.standin import DEADTIME_MS, KEEPALIVE_MS, StandIn
from hacluster.sim.network import Network, Quality
from hacluster.speech.machine import SpeechMachine
from hacluster.wire.auth import Key, KeyRing, Method

LINK: Final = "eth0"
IPC_MS: Final = 1
RESPAWN_MS: Final = 300
SAMPLE_MS: Final = 1_000
_MACHINES_OF_BRAIN: Final = (MachineName.SPEECH, MachineName.CCM, MachineName.CIBD)
_KEYS: Final = KeyRing({1: Key(1, Method.SHA1, b"a key for simulations")}, 1)
_SECRET: Final = b"a secret for simulations".ljust(32, b".")


@dataclass(frozen=True, slots=True)
class PulseDeath:
    """The process that speaks dies alone and comes back: a new generation, and nothing above it has died."""

    name: str


@dataclass(frozen=True, slots=True)
class Weather:
    """All links are this bad for a while; probabilities per million."""

    quality: Quality
    ms: int


WiredFault = Fault | PulseDeath | Weather
WiredScript = tuple[tuple[int, WiredFault], ...]


@dataclass(slots=True)
class Pulse:
    """One life of a node's pulse."""

    name: str
    router: Router
    armed: int | None = None


class Wired(StandIn):
    """See the module. ``weather``: how good the network is all the time; ``speech``: a test of a checker puts a wrong
    one there; ``knows``: whom ha.cf of a node names, if not all.
    """

    def __init__(
        self,
        setup: RingSetup,
        seed: int,
        script: WiredScript = (),
        *,
        late: dict[str, int] | None = None,
        weather: Quality | None = None,
        speech: type[SpeechMachine] = SpeechMachine,
        knows: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.order = Order()
        self._speech_type = speech
        self._knows = knows
        self.pulses: dict[str, Pulse] = {}
        self.speech: dict[str, SpeechMachine] = {}
        self._files: dict[str, dict[str, bytes]] = {name: {} for name in setup.names}
        self._boots = 0
        plain: Script = tuple((at, fault) for at, fault in script if not isinstance(fault, _OWN))
        super().__init__(setup, seed, plain, late)
        self.network = Network(self.agenda, self.dice.fork())
        self._weather = weather or Quality()
        self.set_weather(self._weather)
        for number, name in enumerate(setup.names, 1):
            self.network.attach(name, f"10.0.0.{number}", partial(self._datagram, name))
        for at, fault in script:
            if isinstance(fault, _OWN):
                self.agenda.at(at, partial(self.befall_wired, fault))

    def set_weather(self, quality: Quality) -> None:
        """All links are like this from now on."""
        every = self.network.quality("*", LINK)
        every.loss, every.duplicate = quality.loss, quality.duplicate
        every.delay_low_ms, every.delay_high_ms = quality.delay_low_ms, quality.delay_high_ms

    # ---- nodes

    def start(self, name: str) -> None:
        """A node starts, its pulse and what stands on it; or only the latter, when the pulse lives."""
        if name in self.nodes:
            return
        self._busy.discard(name)
        self._armed.pop(name, None)
        pulse = self.pulses.get(name)
        if pulse is None:
            self._start_pulse(name)
        node = self.boot(name)
        self._arm(node)
        if pulse is not None:
            for machine in _MACHINES_OF_BRAIN:
                self._pulse_gets(pulse, MachineRestarted(machine))

    def pulse_started(self, node: RingNode) -> None:
        """The pulse tells it itself."""
        self.speech[node.name] = self._speech_type()

    def _start_pulse(self, name: str) -> None:
        number = self.setup.names.index(name)
        self._boots += 1
        identity = Identity(name, bytes([number + 1]) * 16, b"boot%012d" % self._boots)
        config = HeartbeatConfig(
            nodes=self._knows.get(name, self.setup.names),
            media=(MediumSpec(LINK, text=f"bcast {LINK}"),),
            keys=_KEYS,
            keepalive_ms=KEEPALIVE_MS,
            deadtime_ms=DEADTIME_MS,
            warntime_ms=DEADTIME_MS // 2,
            initdead_ms=2 * DEADTIME_MS,
            seal=Seal.ON,
            seal_keys=(_SECRET,),
            listeners=(MachineName.CRMD,) if self.setup.has_crm else (),
            crm=True,
        )
        machine = HeartbeatMachine(config, identity, self.dice.fork())
        pulse = Pulse(name, Router({MachineName.HEARTBEAT: cast(Machine[object], machine)}))
        self.pulses[name] = pulse
        files = self._files[name]
        self._sample(pulse)
        for key in (GENERATION_KEY, FLOOR_KEY):
            self._pulse_gets(pulse, Restored(key, files.get(key)))

    def _sample(self, pulse: Pulse) -> None:
        if self.pulses.get(pulse.name) is not pulse:
            return
        self._pulse_gets(pulse, HostSample(EPOCH_MS + self.agenda.now, ""))
        self.agenda.after(SAMPLE_MS, partial(self._sample, pulse))

    def kill(self, name: str, *, hands_live: bool = False) -> None:
        """A node loses power; or only its brain dies, and the pulse goes on."""
        super().kill(name, hands_live=hands_live)
        self.speech.pop(name, None)
        if not hands_live:
            self.pulses.pop(name, None)

    # ---- the pulse

    def _pulse_gets(self, pulse: Pulse, event: object) -> None:
        if self.pulses.get(pulse.name) is not pulse:
            return
        if pulse.name in self._asleep:
            self.agenda.at(self._asleep[pulse.name], partial(self._pulse_gets, pulse, event))
            return
        self._pulse_did(pulse, pulse.router.deliver(MachineName.HEARTBEAT, event, self.now()))

    def ask_pulse(self, name: str, body: object) -> None:
        """A program asks the heartbeat of a node."""
        self._pulse_gets(self.pulses[name], Request(0, ROOT, body))

    def _pulse_did(self, pulse: Pulse, asked: list[Asked]) -> None:
        pulse.router.check()
        for item in asked:
            match item.effect:
                case Transmit():
                    self.network.send(pulse.name, LINK, item.effect.data)
                case Send(to=to, body=body):
                    node = self.nodes.get(pulse.name)
                    if node is not None:
                        self.agenda.after(IPC_MS, partial(self._brain_gets, node, to, body))
                case Persist():
                    self.agenda.after(self.dice.between(1, 4), partial(self._pulse_wrote, pulse, item.effect))
                case Say():
                    self.note(f"{pulse.name} {item.effect}")
                case _:
                    pass
        self._pulse_arm(pulse)

    def _pulse_wrote(self, pulse: Pulse, persist: Persist) -> None:
        if self.pulses.get(pulse.name) is pulse:
            self._files[pulse.name][persist.key] = persist.data
            self._pulse_gets(pulse, Persisted(persist.key, persist.token))

    def _pulse_arm(self, pulse: Pulse) -> None:
        due = pulse.router.deadline()
        if due is None:
            return
        when = max(int(due), self.agenda.now)
        if pulse.armed is None or when < pulse.armed or pulse.armed < self.agenda.now:
            pulse.armed = when
            self.agenda.at(when, partial(self._pulse_tick, pulse, when))

    def _pulse_tick(self, pulse: Pulse, when: int) -> None:
        if self.pulses.get(pulse.name) is not pulse or pulse.armed != when:
            return
        if pulse.name in self._asleep:
            self.agenda.at(self._asleep[pulse.name], partial(self._pulse_tick, pulse, when))
            return
        pulse.armed = None
        self._pulse_did(pulse, pulse.router.tick(self.now()))

    def _datagram(self, name: str, _link: str, data: bytes, source: str) -> None:
        pulse = self.pulses.get(name)
        if pulse is not None:
            self._pulse_gets(pulse, DatagramReceived(0, data, source))

    # ---- the brain

    def _brain_gets(self, node: RingNode, to: MachineName, body: object) -> None:
        if self.nodes.get(node.name) is not node:
            return
        if node.name in self._asleep:
            self.agenda.at(self._asleep[node.name], partial(self._brain_gets, node, to, body))
        elif to is MachineName.SPEECH:
            self._speech_gets(node, body)
        elif to in node.router.names:
            self.give(node, to, body)

    def _speech_gets(self, node: RingNode, event: object) -> None:
        if isinstance(event, PulseStarted):
            self.order.on_begun(node.name)
        speech = self.speech[node.name]
        effects = cast(Machine[object], speech).step(event, self.now())
        speech.check()
        for effect in effects:
            match effect:
                case Send(to=MachineName.HEARTBEAT, body=body):
                    self._to_pulse(node, body)
                case Send(to=to, body=body):
                    self._heard(node, to, body)
                case Say():
                    self.note(f"{node.name} {effect}")
                case _:
                    raise AssertionError(effect)
        due = speech.deadline()
        if due is not None:
            self.agenda.at(int(due), partial(self._speech_goes_on, node, speech))

    def _heard(self, node: RingNode, to: MachineName, body: object) -> None:
        match body:
            case Conveyed():
                self.order.on_heard(body.sender, node.name, to, body.body)
            case StreamBroken():
                self.order.on_broken(node.name, body)
                other = self.nodes.get(body.node)
                if node.member is not None and other is not None and other.member != Member(*astuple(body)):
                    self.order.on_over(node.member, body.node)
            case _:
                pass
        self.give(node, to, body)

    def _speech_goes_on(self, node: RingNode, speech: SpeechMachine) -> None:
        due = speech.deadline()
        if self.speech.get(node.name) is speech and due is not None and due <= self.agenda.now:
            self._speech_gets(node, HostSample(EPOCH_MS + self.agenda.now, ""))

    def _to_pulse(self, node: RingNode, body: object) -> None:
        pulse = self.pulses.get(node.name)
        if pulse is not None:
            self.agenda.after(IPC_MS, partial(self._pulse_gets, pulse, body))

    def carries(self, node: RingNode, carry: Carry) -> None:
        """The pulse has it in its statuses."""
        self._to_pulse(node, carry)

    def convey(self, node: RingNode, convey: Convey) -> None:
        """Speech gets it."""
        self.checkers.on_said(node, convey.body)
        assert node.member is not None, "it speaks before it is somebody"
        self.order.on_said(node.member, convey.to, convey.machine, convey.body)
        self._speech_gets(node, convey)

    # ---- faults

    def befall_wired(self, fault: PulseDeath | Weather) -> None:
        """A fault that only this ring knows happens now."""
        self.note(str(fault))
        match fault:
            case PulseDeath():
                self._kill_pulse(fault.name)
            case Weather():
                self.set_weather(fault.quality)
                self.agenda.after(fault.ms, partial(self.set_weather, self._weather))

    def _kill_pulse(self, name: str) -> None:
        node = self.nodes.get(name)
        if name not in self.pulses or node is None:
            return
        del self.pulses[name]

        def again() -> None:
            if name in self.pulses or self.nodes.get(name) is not node:
                return
            self._start_pulse(name)
            for machine in sorted(node.router.names):
                self._brain_gets(node, machine, MachineRestarted(MachineName.HEARTBEAT))
            self._brain_gets(node, MachineName.SPEECH, MachineRestarted(MachineName.HEARTBEAT))

        self.agenda.after(RESPAWN_MS, again)

    def sever(self, pair: tuple[str, str]) -> None:
        """Nothing goes that way."""
        self.network.sever(*pair)

    def join(self, pair: tuple[str, str], *, long: bool) -> None:
        """It goes again."""
        del long
        self.network.join(*pair)

    def sleep(self, fault: Sleep) -> None:
        """Both processes stand still; what comes waits."""
        if fault.name not in self.nodes or fault.name in self._asleep:
            return
        self._asleep[fault.name] = self.agenda.now + fault.ms
        self.agenda.after(fault.ms, partial(self._wakes, fault.name))

    def _wakes(self, name: str) -> None:
        self._asleep.pop(name, None)

    def heal(self) -> None:
        """As the timed ring does, and the weather is fine."""
        self._weather = Quality()
        self.set_weather(self._weather)
        super().heal()


_OWN: Final = (PulseDeath, Weather)


def wired_faults_of(setup: RingSetup, seed: int, faults_ms: int) -> WiredScript:
    """Random faults of the timed ring, and of this one."""
    dice, names = Dice(seed * 17 + 3), setup.names
    out: list[tuple[int, WiredFault]] = list(faults_of(setup, seed, faults_ms, most=6))
    for _ in range(dice.between(1, 5)):
        at, name = dice.below(faults_ms), names[dice.below(len(names))]
        match dice.below(4):
            case 0:
                out.append((at, BrainDeath(name)))
            case 1:
                out.append((at, PulseDeath(name)))
            case 2:
                quality = Quality(dice.below(300_000), dice.below(200_000), 1, dice.between(1, 150))
                out.append((at, Weather(quality, dice.between(500, 6_000))))
            case _:
                out.append((at, BrainDeath(name)))
                out.append((at + dice.below(600), PulseDeath(names[dice.below(len(names))])))
    return tuple(sorted(out, key=lambda entry: entry[0]))
