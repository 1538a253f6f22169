"""``stonith`` lines: nothing of a dead node starts before it is certainly down."""

from __future__ import annotations

from hacluster.base.effects import MachineName
from hacluster.config.settings import AutoFailback, StonithDevice, StonithHost
from hacluster.haresources.fencing import configured
from hacluster.msg.driver import MachineRestarted
from hacluster.msg.stonith import (
    Device,
    Fence,
    Fenced,
    FencersAre,
    FencingConfigured,
    FencingEntry,
    FencingNoticed,
    FencingState,
)
from tests.unit.haresources.pair import A_IP, B_IP, Node, World, config

BOTH = {A_IP: ["alpha"], B_IP: ["alpha"]}
LINES = (StonithHost("*", "null", ("beta", "alpha"), 7), StonithHost("beta", "external/ssh", ("hostlist=alpha",), 8))


def pair(mode: AutoFailback = AutoFailback.ON) -> World:
    return World(config(mode, stonith_hosts=LINES)).up()


def wishes(node: Node) -> list[Fence]:
    return [body for body in node.to_fencer if isinstance(body, Fence)]


def answer(node: Node, *, good: bool, reason: str = "") -> None:
    wish = wishes(node)[-1]
    state = FencingState.SUCCESS if good else FencingState.FAILED
    node.give(
        Fenced(wish.number, FencingEntry("x", wish.target, "reboot", state, "alpha", device="null", reason=reason))
    )


def test_the_fencer_is_told_its_devices_at_the_start() -> None:
    world = pair()
    told = [body for body in world.beta.to_fencer if isinstance(body, FencingConfigured)]
    assert told == [
        FencingConfigured(
            devices=(
                Device("stonith_host-0", "null", (("positional", "beta alpha"),)),
                Device("stonith_host-1", "external/ssh", (("hostlist", "alpha"),)),
            )
        )
    ]
    assert FencersAre(("beta",)) in world.beta.to_fencer
    assert [len(b.devices) for b in world.alpha.to_fencer if isinstance(b, FencingConfigured)] == [1]


def test_a_file_of_parameters() -> None:
    world = World(config(stonith=StonithDevice("apcmaster", "/etc/ha.d/apc", 3)))
    core = world.build("alpha")._core
    assert configured(core).devices == (Device("stonith", "apcmaster", (("config_file", "/etc/ha.d/apc"),)),)


def test_a_dead_peer_is_fenced_before_its_groups_are_taken() -> None:
    for mode in (AutoFailback.ON, AutoFailback.LEGACY):
        world = pair(mode)
        since = len(world.talk().splitlines())
        world.beta.crash()
        world.run(20_000)
        assert world.holders() == {A_IP: ["alpha"], B_IP: []}, mode
        assert [wish.target for wish in wishes(world.alpha)] == ["beta"]
        answer(world.alpha, good=True)
        world.run(5_000)
        assert world.holders() == BOTH
        assert "OK" in "".join(world.talk().splitlines()[since:])
        assert "n_stnth" not in world.talk()


def test_a_fencing_that_fails_is_tried_every_five_seconds() -> None:
    world = pair()
    world.beta.crash()
    world.run(20_000)
    for _ in range(3):
        answer(world.alpha, good=False, reason="no route")
        world.run(5_100)
    assert len(wishes(world.alpha)) == 4
    assert world.holders() == {A_IP: ["alpha"], B_IP: []}
    assert any("stonith_admin --confirm beta" in say.text for say in world.alpha.said)
    answer(world.alpha, good=True)
    world.run(3_000)
    assert world.holders() == BOTH


def test_a_person_may_say_that_it_is_down() -> None:
    world = pair()
    world.beta.crash()
    world.run(20_000)
    answer(world.alpha, good=False)
    entry = FencingEntry("y", "beta", "off", FencingState.SUCCESS, "alpha", executor="a human")
    world.alpha.give(FencingNoticed(entry))
    world.run(3_000)
    assert world.holders() == BOTH


def test_whoever_comes_back_need_not_be_fenced() -> None:
    world = pair()
    world.beta.crash()
    world.run(20_000)
    answer(world.alpha, good=False)
    world.beta.start()
    world.run(20_000)
    assert world.holders() == {A_IP: ["alpha"], B_IP: ["beta"]}
    before = len(wishes(world.alpha))
    world.run(30_000)
    assert len(wishes(world.alpha)) == before


def test_alone_at_the_start_the_other_is_fenced_first() -> None:
    world = World(config(stonith_hosts=LINES))
    world.alpha.start()
    world.run(40_000)
    assert world.holders() == {A_IP: [], B_IP: []}
    answer(world.alpha, good=True)
    world.run(3_000)
    assert world.holders() == BOTH


def test_a_fencing_outlives_a_brain_and_a_fencer() -> None:
    world = pair()
    world.beta.crash()
    world.run(8_000)
    assert len(wishes(world.alpha)) == 1
    world.alpha.crash_brain()
    world.run(3_000)
    assert len(wishes(world.alpha)) == 2
    world.alpha.give(MachineRestarted(MachineName.STONITH))
    assert len(wishes(world.alpha)) == 3
    assert world.holders() == {A_IP: ["alpha"], B_IP: []}
    answer(world.alpha, good=True)
    world.run(3_000)
    assert world.holders() == BOTH


def test_who_has_left_cleanly_is_not_fenced() -> None:
    world = pair()
    world.beta.stop()
    world.run(20_000)
    assert world.holders() == BOTH
    assert wishes(world.alpha) == []
