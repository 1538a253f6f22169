"""Fencers of several nodes, step by step."""

from __future__ import annotations

import pytest

from hacluster.msg.lrm import OcfCode
from hacluster.msg.stonith import (
    CheckDevice,
    ConfirmDown,
    DeviceOp,
    DeviceSaid,
    DevicesQuery,
    DevicesView,
    FenceAsked,
    Fenced,
    FencedNode,
    FencersAre,
    FencingConfigured,
    FencingState,
    ForgetHistory,
    HistoryQuery,
    HistoryView,
    Level,
    RegisterDevice,
    RemoveDevice,
    TargetsQuery,
)
from tests.unit.stonith.fencers import Agent, Fencers, device

ABC = ("a", "b", "c")


def cluster(*devices: object, names: tuple[str, ...] = ABC, agent: Agent | None = None, **options: object) -> Fencers:
    fencers = Fencers(names, {"fence_x": agent or Agent(), "fence_y": Agent()})
    fencers.configure(FencingConfigured(devices=devices, **options))  # type: ignore[arg-type]
    return fencers


def ends(fencers: Fencers) -> list[tuple[FencingState, str]]:
    return [(fenced.entry.state, fenced.entry.executor) for _, fenced in fencers.fenced]


def test_a_fencing_is_done_by_a_node_that_can_and_told_to_all() -> None:
    fencers = cluster(device("pdu", hosts="a b c", password="hidden"))
    fencers.fence("a", "c")
    assert fencers.strikes == [("a", "reboot", "c")]
    assert ends(fencers) == [(FencingState.SUCCESS, "a")]
    told = [(node, entry.state) for node, entry in fencers.noticed]
    assert sorted(told) == sorted(
        (node, state) for node in ABC for state in (FencingState.PENDING, FencingState.SUCCESS)
    )
    assert fencers.calls[0][2]["nodename"] == "c"


def test_where_the_device_may_not_be_used_somebody_else_uses_it() -> None:
    fencers = cluster(device("pdu", hosts="c", banned=("a",)))
    fencers.fence("a", "c", "off")
    assert fencers.strikes == [("b", "off", "c")]
    assert [(node, words["action"]) for node, _, words in fencers.calls] == [("b", "off"), ("b", "status")]


def test_nobody_switches_itself_off() -> None:
    fencers = cluster(device("pdu", hosts="a b c"), names=("a",))
    fencers.fence("a", "a")
    assert fencers.strikes == []
    assert ends(fencers) == [(FencingState.FAILED, "")]
    assert "no device" in fencers.fenced[0][1].entry.reason


def test_a_node_that_is_asked_to_fence_itself_has_another_do_it() -> None:
    fencers = cluster(device("pdu", hosts="a b c"))
    fencers.ask("a", FenceAsked("a", "off"))
    assert fencers.strikes == [("b", "off", "a")]


def test_a_device_that_fails_is_tried_again_and_then_on_other_nodes_and_then_the_next_device() -> None:
    fencers = cluster(device("one", hosts="c", priority="2"), device("two", "fence_y", hosts="c"))
    fencers.agents["fence_x"].answers["reboot"] = (1, "no route to host")
    fencers.fence("a", "c")
    fencers.pass_time(10_000)
    assert fencers.strikes == [("a", "reboot", "c")] * 2 + [("b", "reboot", "c")] * 2 + [("a", "reboot", "c")]
    assert fencers.calls[-1][1] == "fence_y"
    assert ends(fencers) == [(FencingState.SUCCESS, "a")]
    assert "no route to host" in fencers.texts("device-failed")[0]


def test_retries_as_configured() -> None:
    fencers = cluster(device("one", hosts="c", pcmk_reboot_retries="4"), names=("a", "c"))
    fencers.agents["fence_x"].answers["reboot"] = (1, "")
    fencers.fence("a", "c")
    fencers.pass_time(10_000)
    assert len(fencers.strikes) == 4
    assert ends(fencers) == [(FencingState.FAILED, "")]


def test_an_agent_that_hangs_ends_at_its_time() -> None:
    fencers = cluster(device("one", hosts="c", pcmk_reboot_timeout="3s"), agent=Agent(hangs=frozenset({"reboot"})))
    fencers.fence("a", "c")
    fencers.pass_time(2_900)
    assert fencers.fenced == []
    fencers.pass_time(10_000)
    assert ends(fencers) == [(FencingState.FAILED, "")]
    assert "did not end in time" in fencers.fenced[0][1].entry.reason


def test_a_device_that_says_off_and_means_on_is_not_believed() -> None:
    fencers = cluster(device("one", hosts="c"), names=("a", "c"), agent=Agent(answers={"status": (0, "Status: ON")}))
    fencers.fence("a", "c", "off")
    fencers.pass_time(5_000)
    assert ends(fencers) == [(FencingState.FAILED, "")]
    assert fencers.texts("device-lies")


def test_a_device_that_cannot_tell_the_state_is_believed_and_that_is_said() -> None:
    fencers = cluster(device("one", hosts="c"), agent=Agent(answers={"status": (1, "?")}))
    fencers.fence("a", "c", "off")
    assert ends(fencers) == [(FencingState.SUCCESS, "a")]
    assert fencers.texts("not-verified")


def test_who_does_it_dies_and_another_goes_on() -> None:
    fencers = cluster(device("one", hosts="c", banned=("a",)), names=("a", "b", "c", "d"))
    fencers.agents["fence_x"].hangs = frozenset({"reboot"})
    fencers.fence("a", "c")
    assert fencers.strikes == [("b", "reboot", "c")]
    fencers.agents["fence_x"].hangs = frozenset()
    fencers.leave("b", "c")
    assert fencers.strikes[-1] == ("d", "reboot", "c")
    assert ends(fencers) == [(FencingState.SUCCESS, "d")]


def test_the_same_wish_is_one_fencing_wherever_it_is_wished() -> None:
    fencers = cluster(device("one", hosts="c"), agent=Agent(hangs=frozenset({"reboot"})))
    fencers.fence("a", "c")
    fencers.fence("a", "c")
    fencers.fence("b", "c")
    assert fencers.strikes == [("a", "reboot", "c")]
    fencers.agents["fence_x"].hangs = frozenset()
    fencers.pass_time(61_000)
    fencers.pass_time(61_000)
    assert len(fencers.fenced) == 3
    assert len({fenced.entry.id for _, fenced in fencers.fenced}) == 1


def test_whoever_waits_for_a_fencing_that_is_lost_begins_it_anew() -> None:
    fencers = cluster(device("one", hosts="c"), agent=Agent(hangs=frozenset({"reboot"})))
    fencers.fence("a", "c")
    fencers.fence("b", "c")
    fencers.agents["fence_x"].hangs = frozenset()
    fencers.leave("a", "c")
    assert fencers.strikes == [("a", "reboot", "c"), ("b", "reboot", "c")]
    assert ends(fencers) == [(FencingState.SUCCESS, "b")]


def test_delays_go_before_the_strike_and_only_before_the_first() -> None:
    one = device("one", hosts="c", pcmk_delay_base="a:9s;c:2s")
    fencers = cluster(one, names=("a", "c"))
    fencers.fence("a", "c", delay_ms=500)
    fencers.pass_time(2_400)
    assert fencers.strikes == []
    fencers.pass_time(200)
    assert fencers.strikes == [("a", "reboot", "c")]
    fencers.fence("a", "c", "off", delay_ms=-1)
    assert fencers.strikes[-1] == ("a", "off", "c")


def test_a_random_delay_is_between_base_and_most() -> None:
    found = set()
    for number in range(12):
        fencers = cluster(device("one", hosts="c", pcmk_delay_base="1s", pcmk_delay_max="4s"), names=("a", "c"))
        fencers.pass_time(number)
        fencers.start("a", number)
        fencers.give("a", FencersAre(("a", "c")))
        fencers.configure(
            FencingConfigured(devices=(device("one", hosts="c", pcmk_delay_base="1s", pcmk_delay_max="4s"),))
        )
        began = fencers.now
        fencers.fence("a", "c")
        while not fencers.strikes:
            fencers.pass_time(100)
        found.add((fencers.now - began) // 100)
    assert min(found) >= 10
    assert max(found) <= 41
    assert len(found) > 3


LEVELS = (Level(2, ("two",), "c"), Level(1, ("psu1", "psu2"), "c"))
POWER = (
    device("psu1", hosts="c", pcmk_host_map="c:left"),
    device("psu2", hosts="c", pcmk_host_map="c:right"),
    device("two", "fence_y", hosts="c"),
)


def test_a_level_of_two_is_off_and_off_and_then_on_and_on() -> None:
    fencers = cluster(*POWER, levels=LEVELS)
    fencers.fence("a", "c")
    assert fencers.strikes == [("a", "off", "left"), ("a", "off", "right"), ("a", "on", "left"), ("a", "on", "right")]
    assert ends(fencers) == [(FencingState.SUCCESS, "a")]


def test_what_cannot_be_switched_on_again_is_fenced_all_the_same() -> None:
    fencers = cluster(*POWER, levels=LEVELS)
    fencers.agents["fence_x"].answers["on"] = (1, "stuck")
    fencers.fence("a", "c")
    fencers.pass_time(30_000)
    assert ends(fencers)[0][0] is FencingState.SUCCESS
    assert all(program == "fence_x" for _, program, _ in fencers.calls)


def test_a_level_that_fails_gives_way_to_the_next() -> None:
    fencers = cluster(*POWER, levels=LEVELS)
    fencers.agents["fence_x"].answers["off"] = (1, "")
    fencers.fence("a", "c")
    fencers.pass_time(30_000)
    assert fencers.calls[-1][1] == "fence_y"
    assert ends(fencers)[0][0] is FencingState.SUCCESS


def test_a_level_that_nobody_offers_is_passed_over_and_said() -> None:
    fencers = cluster(POWER[0], POWER[2], levels=LEVELS)
    fencers.fence("a", "c")
    assert [program for _, program, _ in fencers.calls] == ["fence_y"]
    assert "psu2" in fencers.texts("level-unusable")[0]


def test_when_all_levels_fail_it_has_failed() -> None:
    fencers = cluster(*POWER, levels=LEVELS)
    for agent in fencers.agents.values():
        agent.answers |= {"off": (1, ""), "reboot": (1, "")}
    fencers.fence("a", "c")
    fencers.pass_time(60_000)
    assert ends(fencers)[0][0] is FencingState.FAILED


@pytest.mark.parametrize(
    "level",
    [
        Level(1, ("two",), pattern="^c$"),
        Level(1, ("two",), attribute="rack", value="7"),
        Level(1, ("two",), target="C"),
    ],
)
def test_levels_by_pattern_attribute_and_name(level: Level) -> None:
    fencers = cluster(*POWER, levels=(level,), nodes=(FencedNode("c", (("rack", "7"),)),))
    fencers.fence("a", "c")
    assert [program for _, program, _ in fencers.calls] == ["fence_y"]


def test_a_list_says_who_can_be_fenced_and_is_kept_for_a_minute() -> None:
    fencers = cluster(device("one"), names=("a", "c"), agent=Agent(answers={"list": (0, "1,a\n2,c\n")}))
    fencers.fence("a", "c")
    fencers.fence("a", "c")
    assert [words["action"] for _, _, words in fencers.calls] == ["list", "reboot", "reboot"]
    fencers.fence("a", "x")
    assert ends(fencers)[-1][0] is FencingState.FAILED
    fencers.pass_time(61_000)
    fencers.fence("a", "c")
    assert [words["action"] for _, _, words in fencers.calls][-2:] == ["list", "reboot"]


def test_status_says_who_can_be_fenced_where_there_is_no_list() -> None:
    agent = Agent(actions=("off", "reboot", "status", "monitor"), answers={"status": (2, "")})
    fencers = cluster(device("one"), agent=agent)
    fencers.fence("a", "c")
    assert ("a", "fence_x", {"action": "status", "nodename": "c", "plug": "c"}) in fencers.calls
    assert ends(fencers)[0][0] is FencingState.SUCCESS


def test_a_slow_fencer_is_waited_for_only_a_moment() -> None:
    fencers = cluster(device("one", hosts="c"), names=("a", "b", "c"))
    fencers.cut = {"b"}
    fencers.fence("a", "c")
    assert fencers.strikes == []
    fencers.pass_time(1_100)
    assert fencers.strikes == [("a", "reboot", "c")]


def test_own_words_of_an_action_and_a_device_that_cannot_reboot() -> None:
    fencers = cluster(device("one", hosts="c", pcmk_off_action="cycle"), agent=Agent(actions=("off", "monitor")))
    fencers.fence("a", "c", "reboot")
    assert [words["action"] for _, _, words in fencers.calls] == ["cycle"]


def test_one_action_at_a_time_unless_the_device_takes_more() -> None:
    for limit, at_once in (("", 1), ("2", 2), ("-1", 3)):
        more = {"pcmk_action_limit": limit} if limit else {}
        one = device("one", hosts="x y z", **more)
        fencers = cluster(one, agent=Agent(hangs=frozenset({"reboot"})), names=("a",))
        for target in "xyz":
            fencers.fence("a", target)
        assert len(fencers.strikes) == at_once


def test_tolerance_takes_a_success_that_is_not_old() -> None:
    fencers = cluster(device("one", hosts="c"))
    fencers.fence("a", "c")
    fencers.pass_time(5_000)
    fencers.fence("a", "c", tolerance_ms=10_000)
    assert len(fencers.strikes) == 1
    assert len(fencers.fenced) == 2
    fencers.fence("a", "c", tolerance_ms=4_000)
    assert len(fencers.strikes) == 2


def test_unfencing_is_done_by_the_node_itself_with_all_its_automatic_devices() -> None:
    agent = Agent(on='<action name="on" automatic="1" on_target="1"/>')
    fencers = cluster(device("disk1", hosts="a b c"), device("disk2", hosts="a b c"), agent=agent)
    fencers.fence("a", "c", "on")
    assert fencers.strikes == [("c", "on", "c"), ("c", "on", "c")]
    assert ends(fencers)[0][0] is FencingState.SUCCESS


def test_a_person_confirms_and_what_was_under_way_has_succeeded() -> None:
    fencers = cluster(device("one", hosts="c"), agent=Agent(hangs=frozenset({"reboot"})))
    fencers.fence("a", "c")
    fencers.ask("b", ConfirmDown("c"))
    assert ends(fencers) == [(FencingState.SUCCESS, "a human")]
    ended = {entry.executor for _, entry in fencers.noticed if entry.state is not FencingState.PENDING}
    assert ended == {"a human"}


def test_a_watchdog_is_trusted_after_its_time_when_there_is_no_device() -> None:
    fencers = cluster(watchdog_ms=10_000)
    for name in ("a", "b"):
        fencers.give(name, FencersAre(("a", "b"), quorate=True))
    fencers.fence("a", "c")
    fencers.pass_time(9_900)
    assert fencers.fenced == []
    fencers.pass_time(200)
    assert ends(fencers) == [(FencingState.SUCCESS, "c")]
    assert not fencers.self_fenced


@pytest.mark.parametrize(
    ("peers", "quorate", "bound_ms", "why"),
    [
        (("a", "b"), True, 0, "this node has no watchdog"),
        (("a", "b"), True, 11_000, "a watchdog may take 11000 ms to fire"),
        (("a", "b"), False, 8_000, "a side with quorum"),
        (("a",), True, 8_000, "of more than one node"),
    ],
)
def test_a_watchdog_is_not_trusted(peers: tuple[str, ...], quorate: bool, bound_ms: int, why: str) -> None:
    fencers = Fencers(ABC, watchdog_bound_ms=bound_ms)
    fencers.configure(FencingConfigured(watchdog_ms=10_000))
    for name in peers:
        fencers.give(name, FencersAre(peers, quorate=quorate))
    fencers.fence("a", "c")
    fencers.pass_time(30_000)
    assert ends(fencers)[0][0] is FencingState.FAILED
    assert why in fencers.fenced[0][1].entry.reason


def test_a_node_that_is_back_before_its_watchdog_fired_is_not_called_fenced() -> None:
    fencers = cluster(watchdog_ms=10_000)
    for name in ("a", "b"):
        fencers.give(name, FencersAre(("a", "b"), quorate=True))
    fencers.fence("a", "c")
    fencers.pass_time(5_000)
    fencers.give("a", FencersAre(ABC, quorate=True))
    assert ends(fencers)[0][0] is FencingState.FAILED
    assert "is back" in fencers.fenced[0][1].entry.reason
    assert not fencers.self_fenced


def test_a_member_whose_watchdog_is_counted_on_is_asked_to_reset_itself() -> None:
    fencers = cluster(watchdog_ms=10_000)
    for name in ABC:
        fencers.give(name, FencersAre(ABC, quorate=True))
    fencers.fence("a", "c")
    assert fencers.self_fenced == ["c"]
    fencers.pass_time(10_100)
    assert ends(fencers) == [(FencingState.SUCCESS, "c")]


def test_history_is_the_same_everywhere_and_can_be_forgotten() -> None:
    fencers = cluster(device("one", hosts="c"))
    fencers.fence("a", "c")
    fencers.start("b", 9)
    fencers.give("b", FencersAre(ABC))
    views = [fencers.replies[fencers.ask(node, HistoryQuery("c"))] for node in "ab"]
    assert views[0] == views[1]
    assert isinstance(views[0], HistoryView)
    assert [entry.state for entry in views[0].entries] == [FencingState.SUCCESS]
    fencers.ask("b", ForgetHistory("c"))
    assert fencers.replies[fencers.ask("a", HistoryQuery())] == HistoryView(())


def test_devices_as_resources() -> None:
    fencers = cluster(names=("a",))
    one = device("one", hosts="c")
    for number, action in enumerate(("monitor", "start", "monitor", "stop", "monitor", "promote")):
        fencers.give("a", DeviceOp(number, one, action, 20_000))
    assert [ended.code for ended in fencers.ended] == [
        OcfCode.NOT_RUNNING,
        OcfCode.OK,
        OcfCode.OK,
        OcfCode.OK,
        OcfCode.NOT_RUNNING,
        OcfCode.UNIMPLEMENTED,
    ]
    fencers.agents["fence_x"].answers["monitor"] = (1, "login denied for hunter2")
    fencers.give("a", DeviceOp(9, device("two", hosts="c", password="hunter2"), "start", 20_000))
    fencers.pass_time(3_000)
    assert fencers.ended[-1].code == OcfCode.GENERIC
    assert "login denied for ****" in fencers.ended[-1].reason


def test_an_agent_that_is_not_there_and_one_that_cannot_be_called() -> None:
    fencers = cluster(device("one", "fence_gone", hosts="c"), device("two", "../../bin/sh", hosts="c"), names=("a",))
    fencers.fence("a", "c")
    assert ends(fencers)[0][0] is FencingState.FAILED
    assert "no such agent" in fencers.texts("no-metadata")[0]
    assert "cannot be the name" in fencers.texts("device-refused")[0]
    assert all("sh" not in spawn.argv[0].rpartition("/")[2] for spawn in fencers.spawned)


def test_what_clients_ask() -> None:
    fencers = cluster(device("one", hosts="c"), names=("a", "b"), agent=Agent(answers={"list": (0, "1,c\n")}))
    view = fencers.replies[fencers.ask("a", DevicesQuery())]
    assert isinstance(view, DevicesView)
    assert view.devices == (("one", "fence_x"),)
    assert fencers.replies[fencers.ask("a", DevicesQuery("c"))] == view
    assert fencers.replies[fencers.ask("a", DevicesQuery("x"))] == DevicesView(())
    assert fencers.replies[fencers.ask("a", TargetsQuery("one"))] == DeviceSaid(good=True, text="1,c\n")
    assert fencers.replies[fencers.ask("a", CheckDevice("none"))] == DeviceSaid(False, "there is no device none", False)
    assert fencers.replies[fencers.ask("a", RegisterDevice(device("two", hosts="d")))] == DeviceSaid(good=True)
    answer = fencers.replies[fencers.ask("a", FenceAsked("d", "off", tag="me"))]
    assert isinstance(answer, Fenced)
    assert (answer.entry.state, answer.entry.client) == (FencingState.SUCCESS, "root.me.1")
    fencers.configure(FencingConfigured())
    assert fencers.replies[fencers.ask("a", RemoveDevice("one"))] == DeviceSaid(good=True, known=False)
    assert fencers.replies[fencers.ask("a", RemoveDevice("two"))] == DeviceSaid(good=True)


def test_secrets_are_in_no_argument_and_in_no_line() -> None:
    secret = "swordfish"
    fencers = cluster(
        device("one", hosts="c", password=secret, community=secret),
        device("old", "external/ipmi", hosts="c", passwd=secret),
        names=("a", "c"),
    )
    fencers.agents["external/ipmi"] = Agent()
    for agent in fencers.agents.values():
        agent.answers |= {"reboot": (1, f"wrong password {secret}"), "-E -T reset c": (1, secret)}
    fencers.fence("a", "c")
    fencers.pass_time(20_000)
    assert {program for _, program, _ in fencers.calls} == {"fence_x", "external/ipmi"}
    assert all(secret not in word for spawn in fencers.spawned for word in spawn.argv)
    assert all(secret not in say.text for _, say in fencers.said)
    assert secret not in str(fencers.fenced)
    assert secret not in repr(fencers.machines["a"]._configured) + repr(device("x", password=secret))


def test_what_is_meant_for_an_earlier_life_is_not_answered() -> None:
    fencers = cluster(device("one", hosts="c"))
    fencers.start("b", 9)
    fencers.fence("a", "c")
    assert fencers.strikes == []
    fencers.pass_time(1_100)
    assert fencers.strikes == [("a", "reboot", "c")]
