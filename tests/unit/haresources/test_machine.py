"""Third nodes, other modes, notifications, ipfail: what does not belong to one part alone."""

from __future__ import annotations

import dataclasses

import pytest

from hacluster.base.effects import Persist, Reply, Say, Send
from hacluster.base.limits import MAX_DISK_WAIT_MS
from hacluster.base.machine import Instant
from hacluster.config.settings import AutoFailback, HaclusterConfig
from hacluster.haresources.hooks import environment
from hacluster.msg.driver import Persisted, PersistFailed, Refused, Request, Restored, Tick
from hacluster.msg.haresources import Hold, ResourcesQuery, ResourcesView, StandbyRequest
from hacluster.msg.membership import CommUp, LinkStateChanged, MessageReceived, NodeState
from hacluster.wire.hamsg import HaMessage
from tests.unit.haresources.pair import A_IP, B_IP, ROOT, World, config, haresources, with_ipfail

BOTH_HOME = {A_IP: ["alpha"], B_IP: ["beta"]}


def test_one_after_the_other():
    world = World()
    world.alpha.start()
    world.run(20_000)
    assert world.holders() == {A_IP: ["alpha"], B_IP: ["alpha"]}
    world.beta.start()
    world.run(5_000)
    assert world.holders() == BOTH_HOME


def test_failback_off_leaves_them_where_they_are():
    world = World(config(AutoFailback.OFF))
    world.alpha.start()
    world.run(20_000)
    world.beta.start()
    world.run(60_000)
    assert world.holders() == {A_IP: ["alpha"], B_IP: ["alpha"]}
    assert {name: node.machine.view().status for name, node in world.nodes.items()} == {"alpha": "all", "beta": "none"}


def test_a_peer_that_restarts_within_deadtime_leaves_no_group_behind():
    world = World(config(AutoFailback.OFF)).up()
    world.alpha.request(StandbyRequest(Hold.ALL))
    world.run(5_000)
    world.beta.crash()
    world.beta.start()
    world.run(40_000)
    assert world.holders() == BOTH_HOME


def test_legacy_from_start_to_return():
    world = World(config(AutoFailback.LEGACY)).up()
    assert world.holders() == BOTH_HOME
    world.alpha.crash()
    world.run(10_000)
    assert world.holders() == {A_IP: ["beta"], B_IP: ["beta"]}
    world.alpha.start()
    world.run(10_000)
    assert world.holders() == BOTH_HOME
    assert world.alpha.machine.view().status == "none", "what cl_status rscstatus says in legacy mode"
    world.beta.stop()
    world.run(3_000)
    assert world.holders() == {A_IP: ["alpha"], B_IP: ["alpha"]}


def test_legacy_gives_a_group_to_its_home_that_does_not_ask():
    """A real node that hears its own status before ours takes its groups unasked; two real nodes then both run them."""
    world = World(config(AutoFailback.LEGACY)).up()
    world.alpha.crash()
    world.run(10_000)
    world.wire.clear()
    for state in (NodeState.UP, NodeState.ACTIVE):
        world.beta.see("alpha", state)
    world.run(1_000)
    assert world.holders() == {A_IP: [], B_IP: ["beta"]}
    assert [(who, m.type) for _, who, m in world.wire] == [("beta", "ip-request-resp")]


def test_a_dead_third_node_makes_nobody_claim_what_a_living_one_holds():
    """Trap 14: two real nodes both claim all here."""
    world = World(config(nodes=("alpha", "beta", "gamma")), haresources(f"alpha {A_IP}", f"beta {B_IP}"))
    world.alpha.start()
    world.beta.start()
    world.run(40_000)
    assert world.holders() == BOTH_HOME
    assert world.twice == []
    assert "many-nodes" in world.alpha.codes()
    world.alpha.crash()
    world.run(10_000)
    assert world.holders() == {A_IP: ["beta"], B_IP: ["beta"]}


def test_handovers_among_three_living_nodes_are_refused():
    world = World(config(nodes=("alpha", "beta", "gamma"))).up()
    (answer,) = world.alpha.request(StandbyRequest(Hold.ALL))
    assert answer.code == "many-nodes"


def test_ipfail_gives_up_what_the_other_reaches_better_and_takes_it_back():
    world = World(with_ipfail())
    for node in world.nodes.values():
        node.pings["gw"] = NodeState.PING
    world.up()
    assert world.holders() == BOTH_HOME
    world.ping_node(world.alpha, NodeState.DEAD)
    world.run(10_000)
    assert world.holders() == {A_IP: ["beta"], B_IP: ["beta"]}
    world.ping_node(world.alpha, NodeState.PING)
    world.run(10_000)
    assert world.holders() == BOTH_HOME


def test_a_ping_node_that_comes_back_during_the_handover_brings_the_groups_home():
    """The real ipfail compares in the middle of the handover, finds nothing to do yet, and never looks again."""
    world = World(with_ipfail())
    for node in world.nodes.values():
        node.pings["gw"] = NodeState.PING
    world.up()
    world.ping_node(world.alpha, NodeState.DEAD)
    while A_IP in world.alpha.hands.running:
        world.run(10)
    world.ping_node(world.alpha, NodeState.PING)
    world.run(1_000)
    assert world.holders() == {A_IP: ["beta"], B_IP: ["beta"]}
    world.run(15_000)
    assert world.holders() == BOTH_HOME
    assert world.twice == []


def test_a_ping_node_that_both_lose_moves_nothing():
    world = World(with_ipfail())
    for node in world.nodes.values():
        node.pings["gw"] = NodeState.PING
    world.up()
    for node in world.nodes.values():
        world.ping_node(node, NodeState.DEAD)
    world.run(20_000)
    assert world.holders() == BOTH_HOME


def test_a_lost_link_makes_ipfail_compare():
    world = World(with_ipfail()).up()
    world.wire.clear()
    world.alpha.give(LinkStateChanged("beta", "eth0", up=False))
    world.run(1_000)
    assert [(who, m.type) for _, who, m in world.wire] == [("alpha", "num_ping_nodes"), ("beta", "abort_giveup")]


def test_only_configured_hooks_run_with_safe_variables():
    settings = HaclusterConfig(rc_d=True, hooks=(("mail", "/etc/ha.d/rc.d/mail"), ("status", "/etc/ha.d/rc.d/status")))
    world = World(settings=settings).up()
    world.alpha.hands.hooks.clear()
    wicked = HaMessage.of(t="mail", PATH="/x", CURHOST="mallory", note="two\nlines", text="fine")
    world.alpha.give(MessageReceived("beta", wicked, own=False))
    world.alpha.give(MessageReceived("beta", HaMessage.of(t="other"), own=False))
    (run,) = world.alpha.hands.hooks
    assert run.hook == "mail"
    env = dict(run.env)
    assert env["HA_CURHOST"] == "alpha"
    assert env["HA_text"] == "fine"
    assert env["HA_PATH"] == "/x"
    assert "HA_note" not in env
    world.beta.crash()
    world.run(10_000)
    status = dict(world.alpha.hands.hooks[-1].env)
    assert (status["HA_src"], status["HA_OSTATUS"], status["HA_st"]) == ("beta", "active", "dead")


def test_no_hook_runs_by_default():
    world = World(settings=HaclusterConfig(hooks=(("resource", "/bin/x"),))).up()
    assert world.alpha.hands.hooks == []


def test_the_environment_of_a_hook_is_bounded():
    fields = {f"f{i}": "x" for i in range(500)}
    assert len(environment(HaMessage.of(t="x", **fields))) == 64
    assert environment(HaMessage.of(t="x", big="y" * 5_000)) == {"HA_t": "x"}


def test_the_view_and_unknown_requests():
    world = World().up()
    (view,) = world.alpha.request(ResourcesQuery(), 7)
    assert isinstance(view, ResourcesView)
    assert (view.status, view.hold, view.other_hold) == ("local", Hold.LOCAL, Hold.LOCAL)
    assert [(group.key, group.state.value) for group in view.groups] == [(A_IP, "running"), (B_IP, "stopped")]
    (answer,) = world.alpha.request(object(), 8)
    assert isinstance(answer, Refused)


def test_each_change_is_published_once():
    world = World().up()
    assert len(world.alpha.published) == len(dict.fromkeys(map(str, world.alpha.published)))
    before = len(world.alpha.published)
    world.alpha.request(ResourcesQuery())
    assert len(world.alpha.published) == before


def test_the_state_is_on_disk_before_anything_is_sent():
    world = World()
    machine = world.build("alpha")
    machine.step(Restored("haresources", None), Instant(0))
    effects = machine.step(CommUp(), Instant(5))
    (persist,) = [effect for effect in effects if isinstance(effect, Persist)]
    assert not any(isinstance(effect, Send) for effect in effects)
    assert machine.step(Request(1, ROOT, ResourcesQuery()), Instant(6)) == [], "an answer does not overtake"
    free = machine.step(Persisted(persist.key, persist.token), Instant(7))
    assert any(isinstance(effect, Send) for effect in free)
    (answer,) = [effect for effect in free if isinstance(effect, Reply)]
    assert answer.body.rstate != "init"


@pytest.mark.parametrize("answer", ["fails", "never comes"])
def test_a_disk_that_fails_or_hangs_keeps_nothing_back_for_long(answer):
    world = World()
    machine = world.build("alpha")
    machine.step(Restored("haresources", None), Instant(0))
    (persist,) = [e for e in machine.step(CommUp(), Instant(5)) if isinstance(e, Persist)]
    if answer == "fails":
        effects = machine.step(PersistFailed(persist.key, persist.token, "No space left"), Instant(6))
    else:
        assert machine.deadline() == MAX_DISK_WAIT_MS
        effects = machine.step(Tick(), Instant(MAX_DISK_WAIT_MS))
        assert "disk-late" in [e.code for e in effects if isinstance(e, Say)]
    assert any(isinstance(effect, Send) for effect in effects)


def test_a_node_without_groups_and_a_cluster_of_one():
    alone = World(config(nodes=("alpha",)), haresources(f"alpha {A_IP}"))
    alone.alpha.start()
    alone.run(13_000)
    assert alone.holders() == {A_IP: ["alpha"]}
    nothing = World(groups=haresources())
    nothing.up()
    assert nothing.settled()


def test_why_is_always_said():
    world = World().up()
    world.beta.crash()
    world.run(10_000)
    assert f"haresources: taking {B_IP} because beta is dead" in map(str, world.alpha.said)


def test_names_are_compared_in_lower_case():
    world = World(dataclasses.replace(config(), auto_failback=AutoFailback.ON))
    machine = world.build("ALPHA")
    assert machine.view().groups[0].node == "alpha"
    assert machine._core.others == ("beta",)
