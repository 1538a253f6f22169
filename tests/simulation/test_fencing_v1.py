"""``stonith`` lines of ha.cf in the simulator: whatever silences a node, nothing of it starts before it was reset."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hacluster.config.settings import AutoFailback
from hacluster.sim.scenario import LINKS, NODES, STANDARD
from hacluster.sim.script import parse_script
from hacluster.sim.world import Plan, World

CUT = "at 60 cut node1 eth0\nat 60 cut node1 eth1\nat 90 mend node1 eth0\nat 90 mend node1 eth1\n"
PAUSED = "at 60 pause node1\nat 90 resume node1\n"
KILLED = "at 60 kill node1 all\nat 90 start node1\n"
DEAD = "at 60 power node1\nat 90 boot node1\n"


class Watching(World):
    """Notes when a service ran on two hosts, and each reset."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.twice: list[tuple[int, str]] = []
        self.resets: list[str] = []

    def on_service(self, host: str, service: str, *, runs: bool) -> None:
        super().on_service(host, service, runs=runs)
        if all(service in scene.services for scene in self.scene.hosts.values()):
            self.twice.append((self.agenda.now, service))

    def _reset(self, name: str) -> None:
        self.resets.append(name)
        super()._reset(name)


def play(script: str, mode: AutoFailback, seed: int, *, stonith: bool) -> Watching:
    actions, reports = parse_script(f"{script}\nat 150 heal", "f", NODES, LINKS)
    assert not reports
    world = Watching(Plan(seed, actions, replace(STANDARD, auto_failback=mode, stonith=stonith), 120_000))
    outcome = world.run()
    assert outcome.violation is None, outcome.violation
    return world


@pytest.mark.parametrize("mode", list(AutoFailback))
@pytest.mark.parametrize("script", [PAUSED, KILLED, DEAD, CUT], ids=["paused", "killed", "dead", "cut"])
def test_nothing_runs_twice(script: str, mode: AutoFailback) -> None:
    for seed in range(3):
        world = play(script, mode, seed, stonith=True)
        assert world.twice == [], (seed, world.twice)
        assert set(world.resets) >= {"node1"}, "the silent node was reset"


def test_without_a_device_it_would() -> None:
    assert play(CUT, AutoFailback.ON, 0, stonith=False).twice
