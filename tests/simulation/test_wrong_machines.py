"""A simulator that cannot fail proves nothing: each checker speaks when a machine is made wrong on purpose."""

import pytest

from hacluster.base.effects import MachineName, Persist, Reply, Send
from hacluster.config.settings import AutoFailback, Seal
from hacluster.haresources.bench import Bench
from hacluster.haresources.machine import HaresourcesMachine
from hacluster.haresources.reality import Reality
from hacluster.heartbeat.machine import HeartbeatMachine
from hacluster.heartbeat.watch import Watch
from hacluster.lrm.machine import LrmMachine
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import HandoverFinished
from hacluster.msg.lrm import OcfCode, OpEnd, OpFinished, StartOp
from hacluster.msg.membership import CommUp, MessageReceived, Mute, NodeState, NodeStateChanged, NodeType, PeerReturned
from hacluster.sim.replay import Wish, run, scripted
from hacluster.sim.scenario import LINKS, NODES
from hacluster.sim.script import parse_script

PARTITION = """
at 60 cut node1 eth0
at 60 cut node1 eth1
at 90 mend node1 eth0
at 90 mend node1 eth1
"""


NO_INTERFACE = """
at 60 remove node1 eth0
at 60.5 rename node1 eth1
at 100 restore node1 eth0
at 100 restore node1 eth1
"""


def violation(script: str, mode: AutoFailback = AutoFailback.ON, seal: Seal = Seal.ON) -> str:
    actions, reports = parse_script(f"{script}\nat 150 heal", "f", NODES, LINKS)
    assert not reports
    outcome = run(scripted(1, actions, Wish((), 0, mode, seal)))
    return outcome.violation.checker if outcome.violation else "none"


def wrong(monkeypatch, machine, step) -> None:
    right = machine.step
    monkeypatch.setattr(machine, "step", lambda self, event, now: step(right, self, event, now))


def test_the_right_machines_pass() -> None:
    assert violation(PARTITION) == "none"


def test_takes_its_own_lack_of_interfaces_for_the_silence_of_others(monkeypatch) -> None:
    assert violation(NO_INTERFACE) == "none"
    monkeypatch.setattr(Watch, "deaf", lambda _self: False)
    assert violation(NO_INTERFACE) == "death"


def test_deaf_to_a_healed_partition(monkeypatch) -> None:
    def step(right, self, event, now):
        deaf = isinstance(event, PeerReturned) or (isinstance(event, MessageReceived) and now > 60_000)
        return [] if deaf else right(self, event, now)

    wrong(monkeypatch, HaresourcesMachine, step)
    assert violation(PARTITION) == "exclusive"


def test_takes_what_the_other_has(monkeypatch) -> None:
    def step(right, self, event, now):
        died = NodeStateChanged("node2", NodeState.ACTIVE, NodeState.DEAD)
        event = died if isinstance(event, MessageReceived) and now > 30_000 and not event.own else event
        return right(self, event, now)

    wrong(monkeypatch, HaresourcesMachine, step)
    assert violation("at 40 standby node2 local") == "exclusive"


@pytest.mark.parametrize("seal", list(Seal))
def test_declares_death_without_silence(monkeypatch, seal: Seal) -> None:
    def step(right, self, event, now):
        effects = right(self, event, now)
        if now > 30_000:
            died = NodeStateChanged("node2", NodeState.ACTIVE, NodeState.DEAD)
            effects = [*effects, Send(MachineName.HARESOURCES, died)]
        return effects

    wrong(monkeypatch, HeartbeatMachine, step)
    assert violation("", seal=seal) == "death"


@pytest.mark.parametrize("seal", list(Seal))
def test_never_declares_death(monkeypatch, seal: Seal) -> None:
    def step(right, self, event, now):
        effects = right(self, event, now)
        return [e for e in effects if not (isinstance(e, Send) and isinstance(e.body, NodeStateChanged))]

    wrong(monkeypatch, HeartbeatMachine, step)
    assert violation("at 60 power node1\nat 149 boot node1", seal=seal) == "death"


@pytest.mark.parametrize("seal", list(Seal))
def test_speaks_before_its_generation_is_saved(monkeypatch, seal: Seal) -> None:
    def forget(right, self, event, now):
        effects = right(self, event, now)
        return [
            Persist(e.key, b"             42\n", e.token) if isinstance(e, Persist) and e.key == "hb_generation" else e
            for e in effects
        ]

    wrong(monkeypatch, HeartbeatMachine, forget)
    assert violation("", seal=seal) == "save-first"


FROZEN = """
at 60 disk node1 hang
at 61 kill node1 pulse
at 130 disk node1 ok
"""


def test_a_disk_that_hangs_costs_the_service_no_second_holder() -> None:
    assert violation(FROZEN) == "none"


@pytest.mark.parametrize("also", ["brain", "hands"])
@pytest.mark.parametrize("when", ["61.2", "64", "70"])
def test_and_whoever_crashes_meanwhile(also: str, when: str) -> None:
    assert violation(f"{FROZEN}at {when} kill node1 {also}") == "none"


def test_holds_on_although_it_is_mute(monkeypatch) -> None:
    wrong(
        monkeypatch, HaresourcesMachine, lambda right, self, e, now: [] if isinstance(e, Mute) else right(self, e, now)
    )
    assert violation(FROZEN) == "mute"


def test_starts_out_of_order(monkeypatch) -> None:
    def step(right, self, event, now):
        if isinstance(event, StartOp) and event.action == "start" and event.resource.type == "IPaddr":
            done = OpFinished(event.op_id, event.resource.id, event.action, OpEnd.DONE, OcfCode.OK)
            return [Send(MachineName.HARESOURCES, done)]
        return right(self, event, now)

    wrong(monkeypatch, LrmMachine, step)
    assert violation("") == "order"


def test_leaves_something_running(monkeypatch) -> None:
    def step(right, self, event, now):
        if isinstance(event, StartOp) and event.action == "stop" and event.resource.type == "IPaddr":
            done = OpFinished(event.op_id, event.resource.id, event.action, OpEnd.DONE, OcfCode.OK)
            return [Send(MachineName.HARESOURCES, done)]
        return right(self, event, now)

    wrong(monkeypatch, LrmMachine, step)
    assert violation("at 60 stop node1") in {"clean-stop", "exclusive"}


def test_never_comes_to_rest(monkeypatch) -> None:
    def step(right, self, event, now):
        effects = right(self, event, now)
        return [e for e in effects if not (isinstance(e, Send) and isinstance(e.body, CommUp))]

    wrong(monkeypatch, HeartbeatMachine, step)
    assert violation("") == "converges"


LOST_PING = "at 60 unreachable node1 10.0.0.254\nat 130 reachable node1 10.0.0.254"


def test_ipfail_that_hears_nothing_of_ping_nodes(monkeypatch) -> None:
    def step(right, self, event, now):
        ping = isinstance(event, NodeStateChanged) and event.type is NodeType.PING
        return [] if ping else right(self, event, now)

    assert violation(LOST_PING) == "none"
    wrong(monkeypatch, HaresourcesMachine, step)
    assert violation(LOST_PING) == "ipfail"


def test_never_tells_the_end_of_a_handover(monkeypatch) -> None:
    def step(right, self, event, now):
        effects = right(self, event, now)
        return [e for e in effects if not (isinstance(e, Reply) and isinstance(e.body, HandoverFinished))]

    wrong(monkeypatch, HaresourcesMachine, step)
    assert violation("at 40 standby node1 all") == "answers"


def test_refuses_late(monkeypatch) -> None:
    def step(right, self, event, now):
        effects = right(self, event, now)
        return [e for e in effects if not (isinstance(e, Reply) and isinstance(e.body, Refused))]

    wrong(monkeypatch, HaresourcesMachine, step)
    assert violation("at 1 standby node1 all") == "answers"


def test_breaks_an_invariant(monkeypatch) -> None:
    def check(self) -> None:
        assert self.deadline() is None or self.deadline() < 30_000, "on purpose"

    monkeypatch.setattr(HeartbeatMachine, "check", check)
    assert violation("") == "machine"


@pytest.mark.parametrize("mode", list(AutoFailback))
def test_every_mode_has_a_good_death(mode: AutoFailback) -> None:
    assert violation("at 60 power node1\nat 90 boot node1", mode) == "none"


MEMBER_OUT = "at 60 edit node1 last-out\nat 60 edit node2 last-out\nat 61 reload node1\nat 61 reload node2"
MEMBER_IN = "at 60 edit node1 last-in\nat 60 edit node2 last-in\nat 61 reload node1\nat 61 reload node2"
FILES_DIFFER = "at 60 edit node2 owner\nat 61 reload node2\nat 62 power node1\nat 80 boot node1"


@pytest.mark.parametrize("script", [MEMBER_OUT, MEMBER_IN, FILES_DIFFER])
def test_edits_with_the_right_machines(script: str) -> None:
    assert violation(script) == "none"


@pytest.mark.parametrize(("script", "action"), [(MEMBER_OUT, "stop"), (MEMBER_IN, "start")])
def test_says_that_an_edit_is_done_and_does_nothing(monkeypatch, script: str, action: str) -> None:
    """What was started is forgotten when no line names it any more; what is new is believed to run."""

    def step(right, self, event, now):
        if isinstance(event, StartOp) and event.action == action and now > 60_000:
            done = OpFinished(event.op_id, event.resource.id, event.action, OpEnd.DONE, OcfCode.OK)
            return [Send(MachineName.HARESOURCES, done)]
        return right(self, event, now)

    wrong(monkeypatch, LrmMachine, step)
    assert violation(script) == "converges"


def test_neither_compares_files_nor_what_runs(monkeypatch) -> None:
    """Both hold what each takes for its own by its files."""
    monkeypatch.setattr(Reality, "_double", lambda *_: False)
    monkeypatch.setattr(Bench, "elsewhere", lambda *_: "")
    assert violation(FILES_DIFFER) == "exclusive"
