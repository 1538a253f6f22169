from __future__ import annotations

from itertools import pairwise

from hacluster.config.settings import HaclusterConfig, OnStopFailure
from hacluster.msg.haresources import Hold, StandbyRequest
from tests.unit.haresources.pair import A_IP, B_IP, World, haresources

GROUPS = haresources(f"alpha {A_IP} web", f"beta {B_IP}")


def test_a_group_that_does_not_start_moves_after_half_a_minute():
    world = World(groups=GROUPS)
    world.alpha.hands.broken.add(("start", "web"))
    world.up()
    assert world.holders()[A_IP] == []
    (group, _) = world.alpha.machine.view().groups
    assert group.reason == "web could not be started: exit status 1"
    world.run(25_000)
    assert world.holders() == {A_IP: ["beta"], "web": ["beta"], B_IP: ["beta"]}
    moved = [m for _, who, m in world.wire if m.type == "ask_resources" and m.get("info") == "me"]
    assert [message.get("rsc_hold") for message in moved] == ["local"]
    assert world.alpha.codes().count("group-failed") == 1, "said once, not again when it begins"


def test_a_foreign_group_that_does_not_start_goes_back_as_foreign():
    world = World(groups=GROUPS).up()
    world.beta.hands.broken.add(("start", "web"))
    world.alpha.request(StandbyRequest(Hold.ALL))
    world.run(40_000)
    moved = [(who, m.get("rsc_hold")) for _, who, m in world.wire if m.get("info") == "me"]
    assert moved == [("alpha", "all"), ("beta", "foreign")]
    assert world.holders() == {A_IP: ["alpha"], "web": ["alpha"], B_IP: ["beta"]}


def test_a_group_that_starts_nowhere_moves_ever_more_rarely():
    world = World(groups=GROUPS)
    for node in world.nodes.values():
        node.hands.broken.add(("start", "web"))
    world.up().run(900_000)
    moves = [at for at, _, m in world.wire if m.get("info") == "me"]
    gaps = [round(later - earlier, -3) for earlier, later in pairwise(moves)]
    assert gaps[-1] > 200_000, gaps
    assert gaps == sorted(gaps)
    for node in world.nodes.values():
        node.hands.broken.clear()
    world.run(2_000_000)
    assert len(world.holders()["web"]) == 1


def test_without_another_node_it_is_tried_again_here():
    world = World(groups=GROUPS)
    world.alpha.hands.broken.add(("start", "web"))
    world.alpha.start()
    world.run(20_000)
    assert world.holders()["web"] == []
    world.alpha.hands.broken.clear()
    world.run(40_000)
    assert world.holders()["web"] == ["alpha"]


def stuck(policy: OnStopFailure) -> World:
    world = World(groups=GROUPS, settings=HaclusterConfig(on_stop_failure=policy, stop_retry_max=2)).up()
    world.alpha.hands.broken.add(("stop", "web"))
    world.alpha.request(StandbyRequest(Hold.LOCAL))
    world.run(30_000)
    return world


def test_ignore_goes_on_as_if_it_were_stopped():
    world = stuck(OnStopFailure.IGNORE)
    assert world.holders()["web"] == ["alpha", "beta"]
    assert "stop-failure-ignored" in world.alpha.codes()
    assert world.alpha.daemon


def test_reboot_is_asked_for_only_if_the_administrator_says_so():
    assert stuck(OnStopFailure.REBOOT).alpha.fenced == [f"web of {A_IP} cannot be stopped"]


def test_stop_cluster_leaves_without_saying_that_all_is_released():
    world = stuck(OnStopFailure.STOP_CLUSTER)
    assert world.alpha.fenced == []
    assert not world.alpha.daemon
    assert "shutdone" not in [message.type for _, _, message in world.wire]
    assert A_IP not in world.alpha.hands.running, "what can be stopped is stopped"


def test_the_next_life_first_stops_what_the_last_could_not():
    world = stuck(OnStopFailure.STOP_CLUSTER)
    world.alpha.hands.broken.clear()
    world.alpha.start()
    world.run(60_000)
    assert "leftovers" in world.alpha.codes()
    assert {word: len(nodes) for word, nodes in world.holders().items()} == {A_IP: 1, "web": 1, B_IP: 1}
