"""What is played before the first fork is a whole life of a node, in every kind of node."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from hacluster.base.effects import Persist, Say, Spawn, Stop, Transmit
from hacluster.config.settings import PacemakerMode
from hacluster.daemon.rehearsal import play, rehearse
from hacluster.node.assembly import NodeSettings
from hacluster.node.layout import CRM, V1, V1_FENCED
from hacluster.sim.scenario import Scenario


def settings(kind: str) -> NodeSettings:
    scenario = Scenario(stonith=kind == V1_FENCED.name)
    made = scenario.settings(scenario.nodes[0])
    made = replace(made, ha=replace(made.ha, pacemaker=PacemakerMode.RESPAWN)) if kind == CRM.name else made
    assert made.layout.name == kind
    return made


@pytest.mark.parametrize("kind", [V1.name, CRM.name])
def test_the_two_nodes_meet(kind):
    asked = [each.effect for each in play(settings(kind))]
    assert {"link-up", "comm-up"} <= {effect.code for effect in asked if isinstance(effect, Say)}
    assert sum(isinstance(effect, Transmit) for effect in asked) > 20
    assert any(isinstance(effect, Persist) for effect in asked)


def test_a_group_is_started_and_stopped():
    asked = [each.effect for each in play(settings(V1.name))]
    actions = [effect.argv[-1] for effect in asked if isinstance(effect, Spawn)]
    assert {"status", "start", "stop"} <= set(actions)
    assert any(isinstance(effect, Stop) for effect in asked)


def test_it_is_quick():
    begin = time.process_time()
    rehearse(settings(V1.name))
    print("CPU", time.process_time() - begin)
    assert time.process_time() - begin < 2
