"""Any weather, then quiet: the machines always find together, and no invariant breaks on the way."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.base.dice import Dice
from hacluster.config.settings import Seal
from hacluster.msg.membership import CastMessage, LeaveNow, NodeState, PeerReturned
from hacluster.wire.hamsg import HaMessage

NAMES = ("alpha", "beta", "gamma")


def _storm(net, dice, steps, modes):
    down = {}
    for _ in range(steps):
        name = NAMES[dice.below(3)]
        match dice.below(9):
            case 0 if name in net.boxes:
                net.paused.discard(name)
                down[name] = net.kill(name).disk
            case 1 | 2 if name in down:
                net.boot(name, dataclasses.replace(net.config, seal=modes[name]), disk=down.pop(name))
            case 3:
                net.cut = {(a, b) for a in NAMES for b in NAMES if a != b and dice.chance(300_000)}
            case 4:
                net.cut = set()
            case 5:
                net.loss, net.duplicate = dice.below(600_000), dice.below(300_000)
                net.delay = (1, 1 + dice.below(800))
            case 6 if name in net.boxes:
                net.paused.add(name)
            case 7:
                net.paused.discard(name)
            case _:
                if name in net.boxes and name not in net.paused:
                    net.give(name, CastMessage(HaMessage.of(t="resource", rsc_hold="all")))
        net.run(dice.between(0, 9_000))
        _restart_the_stopped(net, modes)
    net.cut, net.paused, net.loss, net.duplicate, net.delay = set(), set(), 0, 0, (1, 5)
    for name, disk in down.items():
        net.boot(name, dataclasses.replace(net.config, seal=modes[name]), disk=disk)


def _restart_the_stopped(net, modes):
    """What the resource machine and the daemon do after a healed partition."""
    for name, box in list(net.boxes.items()):
        if box.of(PeerReturned) and box.stopped is None and name not in net.paused:
            net.give(name, LeaveNow(restart=True))
        if box.stopped is not None:
            net.boot(name, dataclasses.replace(net.config, seal=modes[name]), disk=net.kill(name).disk)


def _settle(net, modes):
    for _ in range(60):
        net.run(1_000)
        _restart_the_stopped(net, modes)
        views = [box.view() for box in net.boxes.values()]
        if all(node.state is NodeState.ACTIVE for view in views for node in view.nodes):
            return True
    return False


@pytest.mark.parametrize(
    "modes",
    [
        dict.fromkeys(NAMES, Seal.OFF),
        dict.fromkeys(NAMES, Seal.ON),
        dict.fromkeys(NAMES, Seal.OFFER),
        {"alpha": Seal.OFFER, "beta": Seal.OFFER, "gamma": Seal.OFF},
    ],
    ids=["off", "on", "offer", "mixed"],
)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 12))
def test_after_any_weather_all_find_together(lan, modes, seed, steps):
    net = lan(NAMES, seed=seed, seal_keys=(b"secret",), deadtime_ms=5_000)
    for name in NAMES:
        net.boot(name, dataclasses.replace(net.config, seal=modes[name]))
    _storm(net, Dice(seed), steps, modes)
    assert _settle(net, modes), [(box.name, box.view()) for box in net.boxes.values()]
    net.run(7_000)
    assert all(
        not box.machine._core.peers.get(other).receiver.missing
        for box in net.boxes.values()
        for other in NAMES
        if other != box.name
    )
