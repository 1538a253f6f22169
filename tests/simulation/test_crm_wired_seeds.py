"""Seeds of the wired ring: ccm, cibd and the whole CRM over the real heartbeat, streams and speech.

One seed here for ten in the second ring, where the same machines run over what the streams promise.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from hacluster.base.machine import Instant
from hacluster.ccm.rules import Rules
from hacluster.cibd.machine import CibdMachine
from hacluster.msg.lrm import OcfCode
from hacluster.msg.replica import Ack, Patch
from hacluster.msg.stream import Spoken, StreamBroken
from hacluster.sim.crm.adversary import WORLDS
from hacluster.sim.crm.faults import BrainDeath, ClientWrites, Cut, SlowDisk, both_ways
from hacluster.sim.crm.scenario import SINGLE, cluster, run_until_quiet
from hacluster.sim.crm.wired import PulseDeath, Wired, wired_faults_of
from hacluster.sim.desk import majority
from hacluster.sim.network import Quality
from hacluster.speech.machine import SpeechMachine

FAULTS_MS = 12_000
BAD = Quality(loss=150_000, duplicate=100_000, delay_low_ms=1, delay_high_ms=80)
THREE = replace(majority("a", "b", "c"), ccm_rules=Rules())


def run(world: str, seed: int) -> Wired:
    setup = replace(WORLDS[world].setup, ccm_rules=Rules(), kept=1_024)
    ring = Wired(setup, seed, wired_faults_of(setup, seed, FAULTS_MS))
    _, breach = ring.run(FAULTS_MS)
    assert breach == "", f"world {world}, seed {seed}"
    return ring


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("world", ["majority of 2", "majority of 3", "witness, 2", "two nodes"])
def test_when_the_faults_are_over_there_is_one_view_that_takes_a_write(world: str, seed: int) -> None:
    assert run(world, seed).order.heard > 20


def test_so_there_is_with_five_nodes() -> None:
    assert run("majority of 5", 3).order.heard > 20


def test_a_seed_that_failed_once() -> None:
    """What was said to a life that is over is not owed to the next one: the checker's fault."""
    run("majority of 4", 109)


def test_a_bad_network_all_the_time_costs_time_and_nothing_else() -> None:
    script = tuple((at, ClientWrites()) for at in range(4_000, 12_000, 400))
    ring = Wired(THREE, 3, script, weather=BAD)
    assert ring.run(FAULTS_MS)[1] == ""
    assert ring.checkers.counts["answered"] >= 10


def test_a_brain_or_pulse_that_dies_alone_is_a_new_life_and_the_view_is_made_again() -> None:
    ring = Wired(THREE, 1, ((5_000, BrainDeath("a")), (9_000, PulseDeath("b"))))
    ring.agenda.run_until(4_900)
    before = {name: node.member for name, node in ring.nodes.items()}
    assert ring.is_good()
    ring.agenda.run_until(15_000)
    assert ring.is_good()
    after = {name: node.member for name, node in ring.nodes.items()}
    assert (after["a"].generation, after["a"].life) == (before["a"].generation, before["a"].life + 1)
    assert (after["b"].generation, after["b"].life) == (before["b"].generation + 1, before["b"].life)
    assert after["c"] == before["c"]


def test_a_cluster_with_services_over_the_wire() -> None:
    ring = Wired(cluster("abc"), 5)
    ring.services.single = SINGLE
    run_until_quiet(ring)
    assert all(len(ring.services.where(service)) == 1 for service in SINGLE)
    victim = ring.services.where("vip")[0]
    ring.services.become(victim, "vip", OcfCode.NOT_RUNNING)
    ring.agenda.run_until(ring.agenda.now + 12_000)
    run_until_quiet(ring)
    assert len(ring.services.where("vip")) == 1
    ring.kill(ring.services.where("vip")[0])
    ring.agenda.run_until(ring.agenda.now + 12_000)
    assert all(len(ring.services.where(service)) == 1 for service in SINGLE)


def test_the_same_seed_gives_the_same_transcript() -> None:
    assert run("majority of 3", 7).log == run("majority of 3", 7).log


# ---- a checker is believed only after a wrong machine made it speak


class Swallows(SpeechMachine):
    """Tells nobody that something is missing."""

    def _broken(self, broken: StreamBroken) -> None:
        before = len(self._out)
        super()._broken(broken)
        self._out[before:] = [effect for effect in self._out[before:] if getattr(effect, "body", None) != broken]


class Repeats(SpeechMachine):
    """Says twice what it hears."""

    def _spoken(self, spoken: Spoken) -> None:
        super()._spoken(spoken)
        super()._spoken(spoken)


class AcksAtReceipt(CibdMachine):
    """Acknowledges what is not on disk."""

    def _on_body(self, sender, body):
        super()._on_body(sender, body)
        if isinstance(body, Patch) and self._view is not None:
            self._say_to_leader(self._view, Ack(body.view, body.record.seq))


def test_s1_a_hole_that_nobody_is_told_of() -> None:
    writes = tuple((at, ClientWrites()) for at in range(3_900, 9_000, 60))
    script = (*writes, (4_000, Cut(both_ways("ab"), 1_400)), (7_000, Cut(both_ways("ab"), 1_400)))
    script = tuple(sorted(script, key=lambda entry: entry[0]))
    assert Wired(THREE, 2, script).run(9_000)[1] == ""
    found = [Wired(THREE, seed, script, speech=Swallows).run(9_000, 5_000)[1] for seed in range(3)]
    assert any(breach.startswith("S1") and "unsaid" in breach for breach in found), found


def test_s1_what_is_said_twice() -> None:
    assert Wired(THREE, 1, speech=Repeats).run(6_000)[1].startswith("S1")


def test_c4_an_answer_before_all_disks_have_it() -> None:
    script = (*((at, SlowDisk("b", 1_000)) for at in (4_000, 6_000)), (4_500, ClientWrites()), (6_500, ClientWrites()))
    ring = Wired(replace(THREE, cibd=AcksAtReceipt), 1, tuple(sorted(script, key=lambda entry: entry[0])))
    assert ring.run(FAULTS_MS)[1].startswith("C4")
    assert ring.now() > Instant(4_000)
