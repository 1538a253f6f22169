"""An attacker on the network who has no key: what it heard it may say again (WIRE.md 14).

Heartbeat 3.0.6 falls for both: a recorded session holds up a start for as long as it is replayed, and after a death
recorded resource messages move resources. Here neither may happen, sealed or not.
"""

import pytest

from hacluster.config.settings import AutoFailback, Seal
from hacluster.sim.network import ATTACKER_ADDRESS
from hacluster.sim.replay import Wish, run, scripted
from hacluster.sim.scenario import LINKS, NODES
from hacluster.sim.script import parse_script
from hacluster.sim.world import Outcome, World
from tests.simulation.runs import must_be_good

SEALS = [Seal.OFF, Seal.OFFER, Seal.ON]


def played(script: str, seal: Seal) -> Outcome:
    actions, reports = parse_script(script, "f", NODES, LINKS)
    assert not reports
    outcome = run(scripted(1, actions, Wish((), 0, AutoFailback.ON, seal)))
    must_be_good(outcome)
    return outcome


def changes(outcome: Outcome, after_s: float, until_s: float = 1e9) -> list[str]:
    """The services that started or stopped in a stretch of time (seconds)."""
    lines = [line for line in outcome.transcript.lines if " service " in line]
    return [line for line in lines if after_s < float(line.split()[0]) < until_s]


@pytest.mark.parametrize("seal", SEALS)
def test_a_live_session_played_back_at_once_changes_nothing(seal: Seal) -> None:
    outcome = played("at 60 replay node1 0..60\nat 60 replay node2 0..60\nat 130 heal", seal)
    assert changes(outcome, 20) == []


@pytest.mark.parametrize("seal", SEALS)
def test_a_recorded_session_does_not_hold_up_a_start(seal: Seal) -> None:
    """node2 is gone for good; node1 restarts while the session of node2 is played to it. It must be alone in time."""
    script = """
        at 100 power node2
        at 110 power node1
        at 120 boot node1
        at 120.5 replay node1 0..100
        at 221 replay node1 0..100
        at 330 boot node2
        at 340 heal
    """
    outcome = played(script, seal)
    started = changes(outcome, 120, 330)
    assert [line for line in started if "node1" in line and "httpd runs" in line]
    assert [line for line in started if "node1" in line and "mail runs" in line], "it takes what the dead node had"
    assert float(started[-1].split()[0]) < 120 + 20 + 15, "within initdead and a little"


@pytest.mark.parametrize("seal", SEALS)
@pytest.mark.parametrize("recorded", ["standby node2 all", "takeover node2 all", "stop node2"])
def test_recorded_orders_of_a_dead_node_move_nothing(seal: Seal, recorded: str) -> None:
    """What node2 once said is played to node1 after the death of node2."""
    script = f"""
        at 60 {recorded}
        at 90 start node2
        at 120 takeover node2 local
        at 150 power node2
        at 200 replay node1 55..150
        at 320 boot node2
        at 330 heal
    """
    outcome = played(script, seal)
    assert changes(outcome, 185, 320) == []


@pytest.mark.parametrize("seal", SEALS)
def test_a_replayed_death_does_not_hide_a_real_one(seal: Seal) -> None:
    """The statuses of node2 are played to node1 from the moment of its death: it is noticed all the same."""
    script = "at 100 power node2\nat 100.1 replay node1 20..100\nat 200 boot node2\nat 210 heal"
    outcome = played(script, seal)
    took = [line for line in changes(outcome, 100, 200) if "node1" in line]
    assert len(took) == 2
    assert float(took[-1].split()[0]) < 100 + 10 + 10


def test_the_attacker_is_heard_at_all(monkeypatch) -> None:
    """The replay reaches its target: without this the tests above would prove nothing."""
    heard: list[tuple[str, bytes]] = []
    right = World.on_heard
    monkeypatch.setattr(
        World,
        "on_heard",
        lambda self, host, source, data: (heard.append((source, data)), right(self, host, source, data))[1],
    )
    played("at 60 replay node1 0..60\nat 130 heal", Seal.OFF)
    again = [data for source, data in heard if source == ATTACKER_ADDRESS]
    assert len(again) > 200
    assert set(again) <= {data for source, data in heard if source != ATTACKER_ADDRESS}
