"""What programs ask of a node's manager, here and of another node: how it stands, clean-up, a failure by order."""

from __future__ import annotations

import pytest

from hacluster.base.effects import MachineName
from hacluster.msg.crmd import FailResource, ForgetResource, ManagerQuery, ManagerStatus
from hacluster.msg.driver import Peer, Refused, Request
from hacluster.msg.membership import Accepted
from hacluster.sim.crm.faults import Cut
from hacluster.sim.crm.scenario import managed, run_until_quiet
from hacluster.sim.crm.standin import StandIn

FAILED_AND_LAST = ("last_failure", "last")
ROOT = Peer("crm_resource", 0, 0, 1)


@pytest.fixture
def ring() -> StandIn:
    made = managed(("a", "b", "c"))
    run_until_quiet(made)
    return made


def ask(ring: StandIn, name: str, body: object) -> object:
    ring._serial += 1
    number = ring._serial
    ring.give(ring.nodes[name], MachineName.CRMD, Request(number, ROOT, body))
    end = ring.agenda.now + 20_000
    while number not in ring.nodes[name].replies:
        assert ring.agenda.now < end, "no answer at all"
        ring.agenda.run_until(ring.agenda.now + 5)
    return ring.nodes[name].replies[number]


def ops(ring: StandIn, node: str, resource: str) -> list[str]:
    root = ring.nodes["a"].cibd.store.xml()
    path = f"status/node_state[@uname='{node}']/lrm/lrm_resources/lrm_resource[@id='{resource}']/lrm_rsc_op"
    return [str(op.get("id")) for op in root.iterfind(path)]


def test_any_node_says_how_any_other_stands(ring: StandIn) -> None:
    leader = ring.nodes["a"].ccm.view
    assert leader is not None
    dc = leader.leader
    other = next(name for name in "abc" if name != dc)
    assert ask(ring, other, ManagerQuery(dc)) == ManagerStatus(dc, "S_IDLE", dc, quorate=True)
    assert ask(ring, dc, ManagerQuery(other)) == ManagerStatus(other, "S_NOT_DC", dc, quorate=True)
    assert ask(ring, other, ManagerQuery()) == ManagerStatus(other, "S_NOT_DC", dc, quorate=True)
    assert isinstance(ask(ring, dc, ManagerQuery("zebra")), Refused)


def test_a_node_that_does_not_answer_is_said_not_to(ring: StandIn) -> None:
    ring.befall(Cut((("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")), 600_000))
    answer = ask(ring, "a", ManagerQuery("b"))
    assert isinstance(answer, Refused)
    assert answer.code == "no-answer"


def test_a_clean_up_is_followed_by_a_look_and_disturbs_nobody(ring: StandIn) -> None:
    (node,) = ring.services.where("db")
    before = list(ring.services.done)
    other = next(name for name in "abc" if name != node)
    assert ops(ring, node, "db") == ["db_last_0", "db_monitor_10000"]
    assert ask(ring, other, ForgetResource(node, "db")) == Accepted()
    run_until_quiet(ring)
    assert {"db_last_0", "db_monitor_10000"} <= set(ops(ring, node, "db"))
    assert ring.services.done == before, "nothing was started or stopped"
    crmd = ring.nodes[node].crmd
    assert crmd is not None
    recurring = [asked for asked in crmd._doing.local.asked.values() if asked.task.resource == "db"]
    assert len(recurring) == 1, "its monitor runs once"


def test_a_failure_by_order_is_recovered_and_cleaned_up(ring: StandIn) -> None:
    (node,) = ring.services.where("db")
    started = [entry for entry in ring.services.done if entry[2:] == ("start", "db")]
    other = next(name for name in "abc" if name != node)
    assert ask(ring, other, FailResource(node, "db")) == Accepted()
    run_until_quiet(ring)
    assert len([entry for entry in ring.services.done if entry[2:] == ("start", "db")]) == len(started) + 1
    root = ring.nodes["a"].cibd.store.xml()
    assert root.xpath("//nvpair[@name='fail-count-db#asyncmon_0']/@value") == ["1"]
    path = f"//node_state[@uname='{node}']//lrm_rsc_op"
    failed, began = (int(root.xpath(f"{path}[@id='db_{which}_0']/@call-id")[0]) for which in FAILED_AND_LAST)
    assert 0 < failed < began, "what was done about it comes after it"
    assert ask(ring, other, ForgetResource(node, "db")) == Accepted()
    run_until_quiet(ring)
    root = ring.nodes["a"].cibd.store.xml()
    assert root.xpath("//nvpair[contains(@name, 'fail')]") == []
    assert isinstance(ask(ring, other, FailResource(node, "zebra")), Refused)
