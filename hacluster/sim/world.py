"""A run: hosts, network and script put together, watched by the checkers.

A run is a pure function of its :class:`Plan`. It forms a cluster, lets the script happen, ends every fault, gives the
cluster time, and then asks whether it is whole. The first violation ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hacluster.base.dice import Dice
from hacluster.base.effects import MachineName, Reply, Send
from hacluster.config.media import PingGroup
from hacluster.config.resources import Haresources
from hacluster.config.settings import AutoFailback, Seal
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import (
    HandoverAccepted,
    HandoverFinished,
    Hold,
    ResourcesQuery,
    ResourcesView,
    StandbyRequest,
    TakeoverRequest,
)
from hacluster.msg.membership import MembershipQuery, MembershipView, NodeState, NodeStateChanged
from hacluster.node.layout import ProcessName
from hacluster.sim.agents import Behaviour
from hacluster.sim.checkers import SAFETY, Bounds, Checker, Violation, membership_faults, placement_faults
from hacluster.sim.clock import Agenda
from hacluster.sim.disk import DiskHealth
from hacluster.sim.edits import EDITS, groups_of
from hacluster.sim.host import Host
from hacluster.sim.network import Network
from hacluster.sim.opener import Opener, status_order
from hacluster.sim.promises import PROMISES
from hacluster.sim.scenario import LOOPING_LINKS, PING_MEDIA, PINGS, STANDARD, Scenario
from hacluster.sim.scene import HostScene, Scene
from hacluster.sim.script import Action
from hacluster.sim.trace import Transcript
from hacluster.wire.seal import Session

SETTLE_MS = 180_000
"""What a cluster gets to become whole after the last fault."""

QUIET_MS = 20_000
"""And for so long before the end nothing may have changed."""

ATTENTION_MS = 10_000
"""After the script, an administrator who starts what does not run looks this often."""

_WELL = frozenset({NodeState.ACTIVE, NodeState.PING})

REPAIR_MS = 20_000
"""From the wish of a node to be fenced to its next boot."""


BOOT_MS = 20_000
"""From a reset until the daemon of a host starts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run depends on."""

    seed: int
    script: tuple[Action, ...]
    scenario: Scenario = STANDARD
    settle_ms: int = SETTLE_MS


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went. ``violation`` is ``None`` for a good one."""

    plan: Plan
    violation: Violation | None
    world_ms: int
    transcript: Transcript


class World:
    """One run."""

    def __init__(self, plan: Plan, *, full_trace: bool = False) -> None:
        self.plan = plan
        self.agenda = Agenda()
        self._opener = Opener(plan.scenario.secrets)
        self.transcript = Transcript(full=full_trace, opener=lambda data: self._opener.open(data).plain)
        self.violation: Violation | None = None
        dice = Dice(plan.seed)
        scenario = plan.scenario
        self.network = Network(self.agenda, dice.fork(), LOOPING_LINKS)
        self.network.recording = any(action.verb == "replay" for action in plan.script)
        self._addresses = {f"10.0.0.{number}": name for number, name in enumerate(scenario.nodes, 1)}
        self.hosts = {
            name: Host(
                scenario.settings(name),
                agenda=self.agenda,
                dice=dice.fork(),
                network=self.network,
                transcript=self.transcript,
                watch=self,
                address=address,
                pace=plan.scenario.pace,
            )
            for address, name in self._addresses.items()
        }
        for host in self.hosts.values():
            host.reset = self._reset
        self.scene = Scene(scenario.groups, {name: HostScene() for name in scenario.nodes})
        self.scene.ipfail = scenario.ipfail and scenario.auto_failback is not AutoFailback.LEGACY
        bounds = Bounds(dead_ms=scenario.deadtime_ms, init_dead_ms=scenario.initdead_ms)
        self._checkers: list[Checker] = [kind(self.scene, bounds) for kind in (*SAFETY, *PROMISES)]
        self._answers: dict[tuple[str, int], list[object]] = {}
        self._newest: dict[tuple[str, str], tuple[int, int]] = {}
        self._sessions: dict[str, Session] = {}
        self._pinned: set[tuple[str, str]] = set()

    # -- running -------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Everything, to the end or to the first violation."""
        for host in self.hosts.values():
            self.agenda.at(0, host.boot)
        for action in self.plan.script:
            self.agenda.at(action.at_ms, partial(self.apply, action))
        self.agenda.at(1_000, self._each_second)
        end = max((action.at_ms for action in self.plan.script), default=0) + self.plan.settle_ms
        self.advance(end)
        if self.violation is None:
            self._ask_views(end)
        return Outcome(self.plan, self.violation, self.agenda.now, self.transcript)

    def advance(self, until_ms: int) -> None:
        """Let the world go on; an assertion that fails in a machine is a violation too."""
        try:
            self.agenda.run_until(until_ms, halt=lambda: self.violation is not None)
        except Exception as error:  # whatever a machine raises is what we are looking for
            place = _innermost(error)
            self.fail("machine", f"{type(error).__name__} in {place}: {error}")

    def fail(self, checker: str, sentence: str | None) -> None:
        """A checker has spoken."""
        if sentence is not None and self.violation is None:
            self.violation = Violation(self.agenda.now, checker, sentence)
            self.transcript.say(self.agenda.now, "checker", str(self.violation))

    def _each_second(self) -> None:
        self._look()
        self._look_for_trouble()
        for checker in self._checkers:
            self.fail(checker.name, checker.each_second())
        self.agenda.after(1_000, self._each_second)

    def _look(self) -> None:
        self.scene.now = now = self.agenda.now
        for name, host in self.hosts.items():
            scene = self.scene.hosts[name]
            if host.media.deaf:
                scene.deaf_since, scene.deaf_until = scene.deaf_since or now, now
            else:
                scene.deaf_since = None
        self.scene.note_apart()

    def _look_for_trouble(self) -> None:
        """Whatever ipfail must come to rest after; asked each second."""
        scene = self.scene
        names = list(scene.hosts)
        if not self.network.perfect or scene.reason_apart(names[0], names[1]) is not None:
            scene.disturbed_at = scene.now
        for name, host in scene.hosts.items() if self.plan.scenario.ipfail else ():
            reach = 0
            for medium in PING_MEDIA:
                targets = medium.hosts if isinstance(medium, PingGroup) else (medium.host,)
                reach += any(self.network.answers(name, target) for target in targets)
            if reach != host.reach:
                host.reach, scene.disturbed_at, scene.overruled = reach, scene.now, False

    def _reset(self, name: str) -> None:
        """A fence device resets a host."""
        self._look()
        self.scene.disturbed_at = self.agenda.now
        self.hosts[name].lose_power()
        self.agenda.after(BOOT_MS, self.hosts[name].boot)

    # -- the script ----------------------------------------------------------------------------------------------

    def apply(self, action: Action) -> None:
        """Do one action of the script."""
        self.transcript.say(self.agenda.now, "script", action.words)
        verb, *arguments = action.verb, *action.arguments
        self._look()
        self.scene.disturbed_at = self.agenda.now
        self.scene.overruled |= verb in _OVERRULING
        _VERBS[verb](self, *arguments)
        self._look()

    def heal(self) -> None:
        """End every fault."""
        self.network.heal()
        for host in self.hosts.values():
            host.media.heal()
            host.disk.health = DiskHealth.OK
            host.agents.heal()
            host.resume()
        files = next(iter(self.hosts.values())).files
        for host in self.hosts.values():
            host.files = files
            host.reload()
        self._attend()

    def _attend(self) -> None:
        for host in self.hosts.values():
            host.boot()
            host.start()
        self.agenda.after(ATTENTION_MS, self._attend)

    def agent(self, hosts: list[Host], service: str, action: str, behaviour: Behaviour) -> None:
        """Programs act differently from now on."""
        for host in hosts:
            host.agents.behave(service, action, behaviour)
            if behaviour is not Behaviour.OK:
                self.scene.hosts[host.name].agents_failed = True

    def replay(self, target: str, begin_ms: int, end_ms: int) -> None:
        """The attacker sends everything it heard between two times, with the same distances."""
        for item in list(self.network.recorded):
            if begin_ms <= item.time <= end_ms:
                self.network.inject(target, item.link, item.data, 1 + item.time - begin_ms)

    def ask(self, host: Host, to: MachineName, body: object) -> list[object]:
        """A client's request; the answers appear in the list that is returned."""
        request_id = host.request(to, body)
        return self._answers.setdefault((host.name, request_id), [])

    def hand_over(self, host: Host, verb: str, body: object) -> None:
        """hb_standby or hb_takeover with ``--wait``."""
        if not host.listens(MachineName.HARESOURCES):
            return

        def made(request_id: int) -> None:
            for checker in self._checkers:
                checker.on_request(host.name, request_id, verb)

        host.request(MachineName.HARESOURCES, body, made)

    def matching(self, word: str) -> list[Host]:
        """The hosts that a script's word means."""
        return list(self.hosts.values()) if word == "*" else [self.hosts[word]]

    # -- what hosts tell -----------------------------------------------------------------------------------------

    def on_service(self, host: str, service: str, *, runs: bool) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        services = self.scene.hosts[host].services
        (services.add if runs else services.discard)(service)
        self.scene.last_change = self.agenda.now
        self._look()
        if self.hosts[host].powered:
            for checker in self._checkers:
                self.fail(checker.name, checker.on_service(host, service, runs=runs))

    def on_message(self, host: str, by: MachineName, send: Send) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        if by is not MachineName.HEARTBEAT or not isinstance(send.body, NodeStateChanged):
            return
        body, scene = send.body, self.scene.hosts[host]
        self._look()
        if body.new is NodeState.DEAD:
            scene.holds_dead.add(body.node)
            for checker in self._checkers:
                self.fail(checker.name, checker.on_declared_dead(host, body.node, ever_heard=body.ever_heard))
        else:
            scene.holds_dead.discard(body.node)
        self._look()

    def on_heard(self, host: str, source: str, data: bytes) -> None:
        """See :class:`hacluster.sim.host.Watch`. Old statuses and copies are no news.

        A sealed status may be believed when it echoes the listener. A classic one is not with ``seal on``, and with
        ``offer`` only surely by who has never believed a sealed one of that sender.
        """
        sender = self._addresses.get(source)
        if sender is None:
            return
        opened = self._opener.open(data)
        pair, seal = (host, sender), self.plan.scenario.seal
        if opened.sealed and opened.echoes_to(self._sessions.get(host)):
            self._pinned.add(pair)
        elif opened.sealed or seal is Seal.ON:
            return
        order = status_order(opened.plain)
        if order is None or order <= self._newest.get(pair, (0, 0)):
            return
        scene = self.scene.hosts[host]
        scene.perhaps[sender] = self.agenda.now
        if opened.sealed or pair not in self._pinned:
            self._newest[pair] = order
            scene.heard[sender] = self.agenda.now

    def on_transmit(self, host: str, data: bytes) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        opened = self._opener.open(data)
        if opened.session is not None:
            self._sessions[host] = opened.session
        for checker in self._checkers:
            self.fail(checker.name, checker.on_transmit(host, opened.plain, self.hosts[host].disk.durable))

    def on_daemon(self, host: str, what: str) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        scene = self.scene.hosts[host]
        self._look()
        if what == "stopped":
            for checker in self._checkers:
                self.fail(checker.name, checker.on_stopped(host))
        scene.daemon = what in {"started", "paused", "resumed"}
        scene.paused = what == "paused"
        if what == "paused":
            scene.paused_at = self.agenda.now
        elif what == "resumed":
            scene.resumed_at = self.agenda.now
            if self.agenda.now - scene.paused_at >= self.plan.scenario.deadtime_ms // 2:
                scene.heard = dict.fromkeys(self.scene.hosts, self.agenda.now)
                scene.perhaps = dict(scene.heard)
        else:
            scene.stop_asked = False
        self._look()

    def on_pulse(self, host: str, *, runs: bool) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        scene = self.scene.hosts[host]
        self._look()
        scene.pulse_since = self.agenda.now if runs else None
        scene.holds_dead.clear()
        scene.heard.clear()
        scene.perhaps.clear()
        self._look()

    def on_files(self, host: str, groups: Haresources) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        del host
        self.scene.groups = groups

    def on_reply(self, host: str, reply: Reply) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        if isinstance(reply.body, Refused | HandoverAccepted | HandoverFinished):
            self.transcript.say(self.agenda.now, host, f"answer: {reply.body.text}")
            self._look()
            for checker in self._checkers:
                self.fail(checker.name, checker.on_reply(host, reply))
        else:
            self._answers.setdefault((host, reply.request_id), []).append(reply.body)

    def on_hung_up(self, host: str) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        for checker in self._checkers:
            checker.on_hung_up(host)

    def on_fence(self, host: str, reason: str) -> None:
        """See :class:`hacluster.sim.host.Watch`."""
        del reason
        self.agenda.after(0, self.hosts[host].lose_power)
        self.agenda.after(REPAIR_MS, self.hosts[host].boot)

    # -- the end -------------------------------------------------------------------------------------------------

    def _ask_views(self, end: int) -> None:
        resources = {n: self.ask(h, MachineName.HARESOURCES, ResourcesQuery()) for n, h in self.hosts.items()}
        members = {n: self.ask(h, MachineName.HEARTBEAT, MembershipQuery()) for n, h in self.hosts.items()}
        self.advance(end + 1_000)
        faults = membership_faults(self.scene) + placement_faults(self.scene, at_home=self._must_be_home())
        for name, answers in members.items():
            view = next((answer for answer in answers if isinstance(answer, MembershipView)), None)
            if view is None or any(node.state not in _WELL for node in view.nodes):
                faults.append(f"{name} does not see every node active")
        for name, answers in resources.items():
            held = next((answer for answer in answers if isinstance(answer, ResourcesView)), None)
            if held is None or held.status == "transition":
                faults.append(f"{name} is in transition")
        quiet = end - self.scene.last_change
        if not faults and quiet < QUIET_MS:
            faults.append(f"services were still changing {quiet} ms before the end")
        for checker in self._checkers:
            self.fail(checker.name, checker.at_end())
        if faults:
            waited = f"{self.plan.settle_ms // 1000} s after the last fault"
            self.fail("converges", f"{waited}: {'; '.join(faults)}")

    def _must_be_home(self) -> bool:
        moved = {"standby", "takeover", "agent", "edit"}
        if any(action.verb in moved for action in self.plan.script):
            return False
        return self.plan.scenario.auto_failback is not AutoFailback.OFF


def _innermost(error: BaseException) -> str:
    trace = error.__traceback__
    assert trace is not None
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f"{code.co_filename.rpartition('hacluster/')[2]}:{code.co_qualname}"


def _hold(verb: type[StandbyRequest] | type[TakeoverRequest]) -> Callable[[World, str, str], None]:
    def request(world: World, host: str, which: str) -> None:
        word = "standby" if verb is StandbyRequest else "takeover"
        world.hand_over(world.hosts[host], f"{word} {which}", verb(Hold(which), wait=True))

    return request


def _quality(name: str) -> Callable[[World, str, str, str], None]:
    def change(world: World, host: str, link: str, percent: str) -> None:
        setattr(world.network.quality(host, link), name, round(float(percent) * 10_000))

    return change


def _delay(world: World, host: str, link: str, span: str) -> None:
    low, high = (int(part) for part in span.split(".."))
    quality = world.network.quality(host, link)
    quality.delay_low_ms, quality.delay_high_ms = low, high


def _kill(world: World, host: str, what: str) -> None:
    if what == "all":
        world.hosts[host].kill_daemon()
    else:
        world.hosts[host].kill_process(ProcessName(what))


def _replay(world: World, host: str, span: str) -> None:
    begin, end = (round(float(part) * 1000) for part in span.split(".."))
    world.replay(host, begin, end)


def _stop(world: World, host: str) -> None:
    world.scene.hosts[host].stop_asked = world.hosts[host].running
    world.hosts[host].stop()


def _step(world: World, host: str, seconds: str) -> None:
    world.hosts[host].clock.step(round(float(seconds) * 1000))
    world.hosts[host].wall_clock_set()


def _disk(world: World, host: str, health: str) -> None:
    world.hosts[host].disk.health = DiskHealth(health)


def _agent(world: World, host: str, service: str, action: str, behaviour: str) -> None:
    world.agent(world.matching(host), service, action, Behaviour(behaviour))


def _edit(world: World, host: str, name: str) -> None:
    world.scene.edited = True
    world.hosts[host].files = groups_of(EDITS[name])


def _cut(world: World, host: str, link: str, direction: str = "both") -> None:
    world.network.cut(host, link, direction)


def _remove(world: World, host: str, link: str) -> None:
    world.network.unplug(host, link)
    world.hosts[host].media.remove(link)


def _restore(world: World, host: str, link: str) -> None:
    world.network.plug(host, link)
    world.hosts[host].media.restore(link)


def _reachable(world: World, host: str, target: str, *, forbidden: bool) -> None:
    for one in world.matching(host):
        for each in PINGS if target == "*" else (target,):
            world.network.forbid(one.name, each, forbidden=forbidden)


_OVERRULING = frozenset({"standby", "takeover"})
_VERBS: dict[str, Callable[..., None]] = {
    "cut": _cut,
    "clog": lambda world, host, link: world.network.clog(host, link),
    "mend": lambda world, host, link: world.network.mend(host, link),
    "remove": _remove,
    "rename": lambda world, host, link: world.hosts[host].media.rename(link),
    "restore": _restore,
    "loss": _quality("loss"),
    "duplicate": _quality("duplicate"),
    "delay": _delay,
    "unreachable": partial(_reachable, forbidden=True),
    "reachable": partial(_reachable, forbidden=False),
    "replay": _replay,
    "power": lambda world, host: world.hosts[host].lose_power(),
    "boot": lambda world, host: world.hosts[host].boot(),
    "kill": _kill,
    "start": lambda world, host: world.hosts[host].start(),
    "stop": _stop,
    "pause": lambda world, host: world.hosts[host].pause(),
    "resume": lambda world, host: world.hosts[host].resume(),
    "step": _step,
    "disk": _disk,
    "agent": _agent,
    "edit": _edit,
    "reload": lambda world, host: world.hosts[host].reload(),
    "standby": _hold(StandbyRequest),
    "takeover": _hold(TakeoverRequest),
    "heal": lambda world: world.heal(),
}
