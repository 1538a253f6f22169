"""Seeds of whole clusters with fencing in the second ring (``hacluster.sim.crm.mixes``).

With fencing a primitive is never active twice (A1), whatever happens, unless a device says that it has done what it has
not: then that is said at the highest rank as soon as the node is heard again. Among two nodes that are cut apart the
delays decide. In the end everything runs once, and the DC has nothing to do (A4).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from hacluster.base.dice import Dice
from hacluster.sim.crm.checkers import Breach
from hacluster.sim.crm.faults import Cut, both_ways
from hacluster.sim.crm.mixes import MIXES, Mix, place, play
from hacluster.sim.crm.scenario import SINGLE, cluster, device, run_until_quiet
from hacluster.sim.crm.standin import StandIn


@pytest.mark.parametrize("name", MIXES)
def test_nothing_runs_twice(name: str) -> None:
    for seed in range(4):
        play(MIXES[name], seed)


def test_a_device_that_lies_is_found_out() -> None:
    """Only where a device said that it struck, and did not, may anything run twice; and it is said."""
    found, twice = 0, 0
    for seed in range(12):
        mix = Mix(lies=True, policy="freeze")
        dice, ring = Dice(seed), place(mix, seed)
        run_until_quiet(ring)
        victim = ring.services.where("vip")[0]
        ring.power.lies = {("*", victim)}
        others = [name for name in "abc" if name != victim]
        try:
            ring.befall(Cut(both_ways(*[victim + other for other in others]), 6_000 + dice.below(4_000)))
            ring.agenda.run_until(ring.agenda.now + 40_000)
        except Breach as breach:
            twice += str(breach).startswith("A1")
            ring.services.single = frozenset()
            ring.agenda.run_until(ring.agenda.now + 40_000)
        assert ring.power.lied, "the device was never asked"
        found += any("lies although" in line or "device does not do" in line or "is alive" in line for line in ring.log)
    assert found == 12
    assert twice, "the checker sees what a lie leads to"


@pytest.mark.parametrize("seed", range(6))
def test_two_nodes_cut_apart_and_exactly_one_survives(seed: int) -> None:
    """Delays differ, so one strikes before the other does; the survivor goes on with everything."""
    ring = StandIn(cluster("ab", devices=device("pdu", pcmk_delay_base="a:3s;b:0s")), seed)
    ring.services.single = SINGLE
    run_until_quiet(ring)
    ring.befall(Cut(both_ways("ab"), 3_000))
    ring.agenda.run_until(ring.agenda.now + 4_500)
    assert [strike.target for strike in ring.power.strikes] == ["b"]
    for service in SINGLE:
        assert ring.services.where(service) == ["a"]


@pytest.mark.parametrize("seed", range(6))
def test_of_two_nodes_cut_apart_the_more_important_one_survives(seed: int) -> None:
    """priority-fencing-delay: whoever runs more of what is important strikes at once, the other waits."""
    setup = cluster("ab", devices=device("pdu"), options={"priority-fencing-delay": "8s"})
    pair = '<nvpair id="important" name="priority" value="5"/>'
    content = setup.content.replace('<nvpair id="sticky"', f'{pair}<nvpair id="sticky"')
    content = content.replace('<group id="web">', '<group id="web"><meta_attributes id="w">'
                              '<nvpair id="w-p" name="priority" value="20"/></meta_attributes>')  # fmt: skip
    ring = StandIn(replace(setup, content=content), seed)
    ring.services.single = SINGLE
    run_until_quiet(ring)
    heavy = ring.services.where("vip")[0]
    ring.befall(Cut(both_ways("ab"), 6_000))
    ring.agenda.run_until(ring.agenda.now + 5_500)
    assert [strike.target for strike in ring.power.strikes] == ["b" if heavy == "a" else "a"]
    for service in SINGLE:
        assert ring.services.where(service) == [heavy]


def test_when_all_levels_fail_nothing_starts_until_a_person_confirms() -> None:
    ring = place(Mix(levels=True), 3)
    run_until_quiet(ring)
    victim = ring.services.where("vip")[0]
    ring.power.fails = {("*", "*")}
    ring.kill(victim)
    ring.agenda.run_until(ring.agenda.now + 200_000)
    assert ring.services.where("vip") == []
    said = [line for line in ring.log if "stonith_admin --confirm" in line]
    assert said, "status says what to do"
    other = next(iter(ring.nodes.values()))
    ring.confirm(other.name, victim)
    ring.agenda.run_until(ring.agenda.now + 3_000)
    assert len(ring.services.where("vip")) == 1


def test_who_was_in_a_view_that_never_worked_is_not_known_to_be_down() -> None:
    """Found by a seed: said to have gone, it counted as expected down, and services started beside it unfenced."""
    for cut_at in range(700, 1_000, 60):
        for seed in (1, 2):
            ring = place(Mix(policy="ignore"), seed)
            ring.agenda.at(cut_at, partial(ring.befall, Cut(both_ways("ab", "bc"), 9_000)))
            ring.agenda.run_until(9_000)
        assert len(ring.log) > 50, "something happened, and nothing twice"


def test_without_quorum_nobody_is_fenced() -> None:
    ring = place(Mix("abcde"), 4)
    run_until_quiet(ring)
    for name in "abc":
        ring.kill(name)
    ring.agenda.run_until(ring.agenda.now + 20_000)
    assert ring.power.strikes == []
    assert all(ring.services.where(service) == [] for service in SINGLE)
