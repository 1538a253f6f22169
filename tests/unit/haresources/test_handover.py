from __future__ import annotations

import pytest

from hacluster.config.settings import AutoFailback
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import HandoverAccepted, HandoverFinished, Hold, StandbyRequest, TakeoverRequest
from hacluster.msg.membership import MessageReceived
from hacluster.wire.hamsg import HaMessage
from tests.unit.haresources.pair import A_IP, B_IP, World, config

BOTH_HOME = {A_IP: ["alpha"], B_IP: ["beta"]}
ALL_ON_BETA = {A_IP: ["beta"], B_IP: ["beta"]}


def hear(world: World, **fields: str) -> None:
    """Let alpha hear a message of beta that beta never sent."""
    world.alpha.give(MessageReceived("beta", HaMessage.of(**fields), own=False))


@pytest.mark.parametrize("which", [Hold.LOCAL, Hold.ALL])
def test_standby_with_wait_is_accepted_and_then_finished(which):
    world = World().up()
    assert isinstance(world.alpha.request(StandbyRequest(which, wait=True))[0], HandoverAccepted)
    world.run(5_000)
    finished = world.alpha.answers()[1]
    assert isinstance(finished, HandoverFinished)
    assert finished.ok, finished
    assert world.holders() == ALL_ON_BETA
    assert [last for _, _, last in world.alpha.replies] == [False, True]


def test_a_handover_costs_the_agents_and_the_network_and_nothing_else():
    world = World(delay=(1, 1)).up()
    world.alpha.request(StandbyRequest(Hold.LOCAL, wait=True))
    world.run(5_000)
    finished = world.alpha.answers()[1]
    assert isinstance(finished, HandoverFinished)
    messages, stop, start = 4 * 1, 100, 200
    assert finished.elapsed_ms == messages + stop + start


def test_the_status_is_asked_while_the_giver_still_stops():
    world = World().up()
    begun = world.now
    world.alpha.request(StandbyRequest(Hold.LOCAL))
    world.run(5_000)
    asked = {action: at for at, action, word in world.beta.hands.asked if word == A_IP and at >= begun}
    stopped = next(at for at, action, word in world.alpha.hands.asked if action == "stop")
    assert asked["status"] <= stopped + 100 <= asked["start"]


def test_takeover_is_accepted_when_the_other_node_begins():
    world = World().up()
    assert world.beta.request(TakeoverRequest(Hold.FOREIGN, wait=True)) == []
    world.run(5_000)
    accepted, finished = world.beta.answers()
    assert isinstance(accepted, HandoverAccepted)
    assert isinstance(finished, HandoverFinished)
    assert finished.ok
    assert world.holders() == ALL_ON_BETA


def test_takeover_of_a_silent_node_is_refused_after_a_while():
    world = World().up()
    world.partition(("alpha", "beta"))
    world.beta.request(TakeoverRequest(Hold.ALL))
    world.cut.add(("beta", "alpha"))
    world.run(15_000)
    (answer,) = world.beta.answers()
    assert isinstance(answer, Refused)
    assert answer.code == "no-answer"


def test_refusals_say_why_and_what_to_do():
    world = World()
    world.alpha.start()
    (early,) = world.alpha.request(StandbyRequest(Hold.ALL), 1)
    assert early.code == "unstable"
    assert early.hint
    world.beta.start()
    world.run(20_000)
    world.alpha.request(StandbyRequest(Hold.ALL), 2)
    assert world.alpha.request(StandbyRequest(Hold.ALL), 3)[0].code == "handover-running"
    world.run(5_000)
    assert world.alpha.request(StandbyRequest(Hold.ALL), 4)[0].code == "nothing-to-give"
    assert world.beta.request(TakeoverRequest(Hold.ALL), 5)[0].code == "nothing-to-take"
    world.alpha.crash()
    world.run(10_000)
    assert world.beta.request(StandbyRequest(Hold.ALL), 6)[0].code == "no-peer"


def test_legacy_knows_no_standby():
    world = World(config(AutoFailback.LEGACY)).up()
    (answer,) = world.alpha.request(StandbyRequest(Hold.ALL))
    assert answer.code == "legacy"
    hear(world, t="ask_resources", rsc_hold="all", info="me")
    assert world.alpha.codes()[-1] == "mode-differs"


def test_both_go_standby_at_once_and_the_greater_name_goes_first():
    world = World().up()
    world.alpha.request(StandbyRequest(Hold.ALL, wait=True))
    world.beta.request(StandbyRequest(Hold.ALL, wait=True))
    world.run(5_000)
    assert world.holders() == {A_IP: ["alpha"], B_IP: ["alpha"]}
    assert world.beta.answers()[1].ok
    assert not world.alpha.answers()[1].ok


def test_takeover_from_the_network_runs_no_program_and_own_ones_are_ignored():
    world = World().up()
    before = len(world.alpha.hands.hooks)
    world.alpha.give(MessageReceived("alpha", HaMessage.of(t="hb_takeover", rsc_hold="all"), own=True))
    world.run(2_000)
    assert world.holders() == BOTH_HOME
    hear(world, t="hb_takeover", rsc_hold="failback")
    world.run(2_000)
    assert world.alpha.codes()[-1] == "takeover-ignored", "alpha holds nothing foreign, and must not give all"
    assert len(world.alpha.hands.hooks) == before


def test_a_message_written_into_the_fifo_begins_a_standby():
    world = World().up()
    injected = HaMessage.of(t="ask_resources", rsc_hold="all", info="me")
    world.carry(world.alpha, injected)
    world.alpha.give(MessageReceived("alpha", injected, own=True))
    world.run(5_000)
    assert world.holders() == ALL_ON_BETA


def test_an_unanswered_standby_is_cancelled_and_a_late_answer_goes_on_with_it():
    world = World().up()
    world.beta.crash_brain(for_ms=30_000)
    world.alpha.request(StandbyRequest(Hold.LOCAL, wait=True))
    world.run(10_001)
    assert not world.alpha.answers()[1].ok
    assert world.alpha.machine.view().status == "local"
    hear(world, t="ask_resources", rsc_hold="local", info="other")
    world.run(1_000)
    assert world.wire[-1][2].get("info") == "done", "the taker waits for us, so we give"


@pytest.mark.parametrize("after_ms", [1, 4, 8, 60, 110, 150, 250, 320, 330])
@pytest.mark.parametrize("victim", ["alpha", "beta"])
def test_the_peer_dies_in_the_middle(victim, after_ms):
    world = World().up()
    world.alpha.request(StandbyRequest(Hold.ALL))
    world.run(after_ms)
    world.nodes[victim].crash()
    survivor = next(name for name in world.nodes if name != victim)
    world.run(12_000)
    assert world.holders() == {A_IP: [survivor], B_IP: [survivor]}
    assert world.nodes[survivor].machine.view().status == "all"


def test_bad_messages_are_said_and_change_nothing():
    world = World().up()
    before = world.alpha.machine.view()
    hear(world, t="ask_resources", rsc_hold="everything", info="me")
    hear(world, t="resource", rsc_hold="all", isstable="yes")
    assert world.alpha.codes()[-2:] == ["bad-message"] * 2
    assert world.alpha.machine.view() == before


def test_a_duplicated_intention_is_ignored():
    world = World().up()
    for _ in range(3):
        hear(world, t="ask_resources", rsc_hold="local", info="me")
    said = [message.get("info") for _, who, message in world.wire if message.type == "ask_resources"]
    assert said == ["other"]
    assert world.alpha.codes().count("standby-ignored") == 2


def test_a_late_starting_does_not_break_a_handover_off():
    """It was overtaken by a report of the same life: seen after a pause, when the missing is sent again."""
    world = World().up()
    hear(world, t="resource", rsc_hold="local", rtype="full", isstable="1", seq="fff", hg="65")
    hear(world, t="ask_resources", rsc_hold="local", info="me")
    hear(world, t="starting", seq="3", hg="65")
    assert world.alpha.machine.view().standby == "other"
    hear(world, t="starting", seq="3", hg="66")
    assert world.alpha.machine.view().standby == "not"


def test_a_giver_that_takes_its_groups_back_ends_the_handover():
    world = World().up()
    hear(world, t="ask_resources", rsc_hold="local", info="me")
    hear(world, t="resource", rsc_hold="none", rtype="full", isstable="0", info="standby")
    assert world.alpha.machine.view().standby == "other"
    hear(world, t="resource", rsc_hold="none", rtype="full", isstable="1")
    assert world.alpha.machine.view().standby == "other", "a real giver answers our stability so, and goes on"
    hear(world, t="resource", rsc_hold="all", rtype="full", isstable="1", info="req_our_resources()")
    assert world.alpha.machine.view().standby == "not"


def test_an_old_report_does_not_undo_a_newer_one():
    """Delivery is once but in no order (WIRE.md 6.2)."""
    world = World().up()
    hear(world, t="resource", rsc_hold="all", rtype="full", isstable="1", seq="fff", hg="65")
    hear(world, t="resource", rsc_hold="none", rtype="full", isstable="0", seq="ffe", hg="65")
    view = world.alpha.machine.view()
    assert (view.other_hold, view.other_stable) == (Hold.ALL, True)
