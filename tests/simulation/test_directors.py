"""Directors under seeds of trouble: servers die, hang and return, the table is changed and ipvsadm fails, reloads."""

import pytest

from hacluster.base.dice import Dice
from hacluster.director.words import MaintenanceSeen, Reloaded
from hacluster.lvs.table import Destination
from hacluster.sim.directors import DirectorWorld
from tests.unit.director.conftest import settings

INTERVAL = 1_000
LIMIT = 2_000


def configuration(dice, *, more=0):
    lines = [f"checkinterval = 1\nchecktimeout = 2\nnegotiatetimeout = 2\nfailurecount = {dice.between(1, 3)}"]
    lines += [f"quiescent = {'yes' if dice.below(2) else 'no'}", f"readdquiescent = {'yes' if dice.below(2) else 'no'}"]
    for number in range(1, dice.between(1, 3) + 1 + more):
        lines.append(f"virtual = 10.9.0.{number}:80")
        lines += [f"    real = 10.9.1.{n}:80 masq {dice.between(1, 5)}" for n in range(1, dice.between(1, 4) + 1)]
        lines.append(f"    checktype = {('connect', 'negotiate', '2')[dice.below(3)]}")
        if dice.below(2):
            lines.append("    fallback = 127.0.0.1:80")
    return "\n".join(lines) + "\n"


def trouble(world, dice):
    kind = dice.below(7)
    address = f"10.9.1.{dice.between(1, 4)}"
    if kind <= 1:
        world.server(address).up = not world.server(address).up
    elif kind == 2:
        world.server(address).latency_ms = (5, 500, 5_000)[dice.below(3)]
    elif kind == 3:
        world.broken = "" if world.broken else "Memory allocation problem"
    elif kind == 4 and world.kernel.services:
        id_ = list(world.kernel.services)[dice.below(len(world.kernel.services))]
        inside = world.kernel.destinations[id_]
        if dice.below(2) or not inside:
            world.kernel.remove(id_)
        else:
            inside.pop(sorted(inside)[dice.below(len(inside))])
    elif kind == 5:
        world.give(MaintenanceSeen(frozenset({address} if dice.below(2) else set())))
    else:
        world.settings = settings(configuration(dice, more=dice.below(2)))
        world.give(Reloaded(world.settings))


def never_before_a_good_check(world):
    for inside in world.kernel.destinations.values():
        for entry in inside.values():
            if entry.address != "127.0.0.1" and entry.weight > 0:
                assert entry.address in world.good, f"{entry} gets traffic and was never found up"


def settled(world):
    """What the table must be when nothing has changed for long enough."""
    for virtual in world.settings.virtuals:
        found = {entry.address: entry.weight for entry in world.kernel.destinations[virtual.service.id].values()}
        up = {}
        for real in virtual.reals:
            server = world.server(real.address)
            if server.up and server.latency_ms < LIMIT:
                up[real.address] = real.weight
        serving = {address: weight for address, weight in found.items() if weight and address != "127.0.0.1"}
        assert serving == up, (virtual, found)
        assert ("127.0.0.1" in found) == (not up and virtual.fallback is not None), (virtual, found)


@pytest.mark.parametrize("seed", range(120))
def test_seed(seed):
    dice = Dice(seed)
    world = DirectorWorld(settings(configuration(dice)), dice.fork())
    for _ in range(dice.between(10, 40)):
        world.run_until(world.now + dice.between(10, 3_000))
        trouble(world, dice)
        never_before_a_good_check(world)
    world.broken = ""
    world.give(MaintenanceSeen(frozenset()))
    world.run_until(world.now + 4 * (INTERVAL + LIMIT) + 10_000)
    settled(world)


def test_the_checker_sees_a_director_that_forgets_to_check():
    """The checks above can fail: a table with an entry that nobody found up, and one that lacks a server."""
    world = DirectorWorld(
        settings("virtual = 10.9.0.1:80\n    real = 10.9.1.1:80 gate\n    checktype = connect\n"), Dice(1)
    )
    world.run_until(30_000)
    settled(world)
    id_ = world.settings.virtuals[0].service.id
    world.kernel.destinations[id_]["10.9.1.7", 80] = Destination("10.9.1.7", 80)
    with pytest.raises(AssertionError):
        never_before_a_good_check(world)
    world.kernel.destinations[id_].clear()
    with pytest.raises(AssertionError):
        settled(world)
