"""Transient attributes, through the real machines of three nodes: who owns them, who sees them, and when."""

from __future__ import annotations

import pytest

from hacluster.attrd.machine import KEY, AttrdMachine
from hacluster.base.effects import MachineName, Persist
from hacluster.base.machine import Instant
from hacluster.msg.attrd import Attribute, AttributeQuery, AttributeValues, Update, UpdateAttribute, Wait
from hacluster.msg.driver import Peer, Refused, Request, Restored
from hacluster.msg.membership import Accepted
from hacluster.sim.crm.faults import Cut
from hacluster.sim.crm.scenario import managed, run_until_quiet
from hacluster.sim.crm.standin import StandIn

ROOT = Peer("attrd_updater", 0, 0, 1)


@pytest.fixture
def ring() -> StandIn:
    made = managed(("a", "b", "c"))
    run_until_quiet(made)
    return made


def ask(ring: StandIn, name: str, body: object) -> int:
    ring._serial += 1
    ring.give(ring.nodes[name], MachineName.ATTRD, Request(ring._serial, ROOT, body))
    return ring._serial


def after(ring: StandIn, ms: int = 3_000) -> StandIn:
    ring.agenda.run_until(ring.agenda.now + ms)
    return ring


def query(ring: StandIn, name: str, attribute: str, node: str = "") -> dict[str, str]:
    answer = ring.nodes[name].replies[ask(ring, name, AttributeQuery(attribute, node))]
    assert isinstance(answer, AttributeValues)
    return dict(answer.values)


def in_status(ring: StandIn, name: str, attribute: str) -> dict[str, str]:
    root = ring.nodes[name].cibd.store.xml()
    return {
        state.get("uname", ""): pair.get("value", "")
        for state in root.iterfind("status/node_state")
        for pair in state.iterfind(f"transient_attributes/*/nvpair[@name='{attribute}']")
    }


def test_a_value_is_known_and_written_everywhere(ring: StandIn) -> None:
    ask(ring, "b", UpdateAttribute("pingd", "100"))
    after(ring)
    for name in "abc":
        assert query(ring, name, "pingd") == in_status(ring, name, "pingd") == {"b": "100"}
    ask(ring, "a", UpdateAttribute("pingd", None, node="b"))
    after(ring)
    assert query(ring, "c", "pingd") == in_status(ring, "c", "pingd") == {}


def test_a_value_of_another_node_is_its_own_business(ring: StandIn) -> None:
    ask(ring, "a", UpdateAttribute("pingd", "5", node="c"))
    after(ring)
    ring.kill("a")
    after(ring)
    assert query(ring, "c", "pingd") == {"c": "5"}
    assert query(ring, "b", "pingd", "c") == {"c": "5"}
    assert query(ring, "b", "pingd", "b") == {}


def test_counting(ring: StandIn) -> None:
    for value, expected in (("value++", "1"), ("value+=4", "5"), ("INFINITY", "INFINITY"), ("value++", "1000000")):
        ask(ring, "b", UpdateAttribute("n", value))
        after(ring)
        assert query(ring, "a", "n") == {"b": expected}, value


def test_dampening_gathers_changes_and_is_not_begun_anew(ring: StandIn) -> None:
    start = ring.agenda.now
    ask(ring, "b", UpdateAttribute("pingd", "1", update=Update.BOTH, delay_ms=5_000))
    after(ring, 3_000)
    assert query(ring, "a", "pingd") == {"b": "1"}, "everybody knows at once"
    assert in_status(ring, "a", "pingd") == {}
    ask(ring, "b", UpdateAttribute("pingd", "2"))
    ring.agenda.run_until(start + 6_500)
    assert in_status(ring, "a", "pingd") == {"b": "2"}
    ask(ring, "b", UpdateAttribute("pingd", "3"))
    ask(ring, "b", UpdateAttribute("pingd", "2"))
    after(ring, 100)
    assert ring.nodes["b"].router.deadline() is not None
    ask(ring, "b", UpdateAttribute("pingd", "4"))
    ask(ring, "b", UpdateAttribute(update=Update.REFRESH))
    after(ring, 2_000)
    assert in_status(ring, "a", "pingd") == {"b": "4"}, "a refresh does not wait"


def test_private_values_are_known_but_never_written(ring: StandIn) -> None:
    ask(ring, "b", UpdateAttribute("secret", "1", private=True))
    after(ring)
    assert query(ring, "a", "secret") == {"b": "1"}
    assert in_status(ring, "a", "secret") == {}


def test_patterns_change_all_that_match(ring: StandIn) -> None:
    for name in ("fail-count-A#start_0", "fail-count-A#monitor_10000", "fail-count-AB#start_0"):
        ask(ring, "b", UpdateAttribute(name, "1"))
    after(ring)
    ask(ring, "a", UpdateAttribute(pattern="^fail-count-A(#.*)?$", node="b"))
    after(ring)
    assert query(ring, "c", "fail-count-A#start_0") == {}
    assert query(ring, "c", "fail-count-AB#start_0") == {"b": "1"}
    answer = ring.nodes["a"].replies[ask(ring, "a", UpdateAttribute(pattern="(", value="1"))]
    assert isinstance(answer, Refused)


def test_capacities_are_written_as_such(ring: StandIn) -> None:
    ask(ring, "b", UpdateAttribute("cpu", "4", utilization=True))
    after(ring)
    found = ring.nodes["a"].cibd.store.xml().findall("status/node_state/transient_attributes/utilization/nvpair")
    assert [(pair.get("name"), pair.get("value")) for pair in found] == [("cpu", "4")]


@pytest.mark.parametrize("wait", [Wait.NO, Wait.LOCAL, Wait.CLUSTER])
def test_who_waits_is_answered_when_it_is_so(ring: StandIn, wait: Wait) -> None:
    number = ask(ring, "a", UpdateAttribute("pingd", "7", node="b", wait=wait))
    told = ring.nodes["a"].replies.get(number)
    assert (told == Accepted()) is (wait is Wait.NO)
    while number not in ring.nodes["a"].replies:
        after(ring, 1)
    assert ring.nodes["a"].replies[number] == Accepted()
    if wait is not Wait.NO:
        assert query(ring, "a", "pingd") == {"b": "7"}
    if wait is Wait.CLUSTER:
        assert in_status(ring, "a", "pingd") == {"b": "7"}


def test_who_waits_in_vain_is_told(ring: StandIn) -> None:
    ring.befall(Cut((("a", "b"), ("b", "a"), ("a", "c"), ("c", "a")), 600_000))
    number = ask(ring, "a", UpdateAttribute("pingd", "7", node="b", wait=Wait.CLUSTER))
    after(ring, 15_000)
    assert isinstance(ring.nodes["a"].replies[number], Refused)


def test_a_node_that_is_gone_leaves_no_values_and_one_that_was_cut_off_brings_its_own(ring: StandIn) -> None:
    ask(ring, "b", UpdateAttribute("pingd", "1"))
    ask(ring, "c", UpdateAttribute("pingd", "2"))
    after(ring)
    ring.befall(Cut((("c", "a"), ("a", "c"), ("c", "b"), ("b", "c")), 20_000))
    after(ring, 12_000)
    assert in_status(ring, "a", "pingd") == query(ring, "a", "pingd") == {"b": "1"}
    ask(ring, "c", UpdateAttribute("pingd", "3"))
    after(ring, 30_000)
    for name in "abc":
        assert in_status(ring, name, "pingd") == query(ring, name, "pingd") == {"b": "1", "c": "3"}
    ring.kill("c")
    after(ring, 8_000)
    assert in_status(ring, "a", "pingd") == {"b": "1"}
    ring.start("c")
    after(ring, 15_000)
    assert query(ring, "c", "pingd") == in_status(ring, "c", "pingd") == {"b": "1"}, "a restart forgets"


def test_what_is_owned_survives_a_crash_of_the_process() -> None:
    machine = AttrdMachine("a")
    effects = machine.step(UpdateAttribute("pingd", "1", delay_ms=5_000), Instant(0))
    kept = next(effect for effect in effects if isinstance(effect, Persist))
    assert kept.volatile
    again = AttrdMachine("a")
    again.step(Restored(KEY, kept.data), Instant(0))
    assert again.table.of("a") == {"pingd": Attribute("pingd", "1", 5_000)}
    broken = AttrdMachine("a")
    assert "damaged" in str(broken.step(Restored(KEY, kept.data[:-3]), Instant(0)))
