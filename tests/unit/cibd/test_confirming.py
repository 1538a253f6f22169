"""A commit that is to be confirmed: who takes it back, when, and what nobody may change meanwhile."""

from __future__ import annotations

import copy

import pytest
from lxml import etree

from hacluster.base.effects import MachineName
from hacluster.base.machine import Instant
from hacluster.base.results import Exit
from hacluster.cib.unconfirmed import Unconfirmed, drop_mark, further, parts, pending, put_back, put_mark, touched
from hacluster.msg.driver import HostSample, Tick
from hacluster.msg.replica import Edit, EditRequest, WriteEnd, Written
from hacluster.sim.crm.faults import LeaderDeath
from hacluster.sim.crm.ring import EPOCH_MS
from hacluster.sim.crm.scenario import cluster
from hacluster.sim.crm.standin import StandIn
from hacluster.sim.desk import Desk, majority

_DUMMY = '<primitive id="{}" class="ocf" provider="heartbeat" type="Dummy"{}/>'
DESCRIPTION = ' description="x"'
_AROUND = "<configuration><crm_config/><nodes/><resources>{}</resources><constraints/></configuration>"
OLD = _AROUND.format(_DUMMY.format("A", "") + _DUMMY.format("B", ""))
NEW = _AROUND.format(f'<group id="g">{_DUMMY.format("A", "")}</group>{_DUMMY.format("B", DESCRIPTION)}')


def committed(old: etree._Element, new: etree._Element, until: int, who: str = "root") -> etree._Element:
    result = copy.deepcopy(new)
    known = pending(old)
    put_mark(result, further(known, Unconfirmed(until, who, "try", touched(old, new))))
    return result


def plain(root: etree._Element) -> list[bytes]:
    return [etree.tostring(one, method="c14n", with_tail=False) for one in parts(root).values()]


def test_what_was_changed_made_and_removed_is_put_back_in_its_place() -> None:
    old, new = etree.fromstring(OLD), etree.fromstring(NEW)
    marked = committed(old, new, 1_600_000_300)
    found = pending(etree.fromstring(etree.tostring(marked)))
    assert found is not None
    assert (found.names, found.who, found.comment, found.until) == (["A", "B", "g"], "root", "try", 1_600_000_300)
    assert plain(put_back(marked, found)) == plain(old)
    drop_mark(marked)
    assert plain(marked) == plain(new)
    assert pending(marked) is None


@pytest.mark.parametrize("value", ["", "nonsense", "eJw=", "e30="])
def test_a_mark_that_cannot_be_read_is_none(value: str) -> None:
    root = committed(etree.fromstring(OLD), etree.fromstring(NEW), 1_600_000_300)
    for pair in root.iter("nvpair"):
        if pair.get("name") == "unconfirmed-before":
            pair.set("value", value)
    assert pending(root) is None


def desk() -> Desk:
    made = Desk(majority("a", "b", "c"))
    for name in "abc":
        made.restart(name)
    return made.view("a", "abc")


def ask(made: Desk, name: str, operation: str, scope: str, data: str) -> Written:
    number = made.ask(name, EditRequest(Edit(operation, scope, data)))
    made.settle(made.nodes)
    answer = made.nodes[name].replies[number]
    assert isinstance(answer, Written), answer
    return answer


def configuration(made: Desk, name: str) -> etree._Element:
    found = made.nodes[name].cibd.store.xml().find("configuration")
    assert found is not None
    return copy.deepcopy(found)


def commit(made: Desk, name: str, *resources: str, until: int) -> Written:
    old = configuration(made, name)
    new = copy.deepcopy(old)
    section = new.find("resources")
    assert section is not None
    for resource in resources:
        etree.SubElement(section, "primitive", {"id": resource, "class": "ocf", "provider": "x", "type": "Dummy"})
    return ask(made, name, "replace", "configuration", etree.tostring(committed(old, new, until)).decode())


def resources(made: Desk, name: str) -> list[str]:
    return [str(one.get("id")) for one in configuration(made, name).iter("primitive")]


def clock(made: Desk, names: str, seconds: int) -> None:
    for name in names:
        made.give(made.nodes[name], MachineName.CIBD, HostSample(EPOCH_MS + 1_000 * seconds, ""))
    for name in names:
        made.give(made.nodes[name], MachineName.CIBD, Tick())
    made.settle(made.nodes)


SOON = EPOCH_MS // 1_000 + 300


def test_the_leader_takes_it_back_in_time_and_not_before() -> None:
    made = desk()
    assert commit(made, "b", "A", until=SOON).end is WriteEnd.COMMITTED
    clock(made, "abc", 299)
    assert resources(made, "c") == ["A"]
    clock(made, "abc", 300)
    assert [resources(made, name) for name in "abc"] == [[], [], []]
    assert pending(configuration(made, "c")) is None
    assert made.nodes["c"].cibd.store.xml().get("update-client") == "unconfirmed"


def test_a_leader_that_dies_leaves_it_to_the_next() -> None:
    made = desk()
    commit(made, "b", "A", until=SOON)
    made.crash("a")
    made.view("b", "bc")
    clock(made, "bc", 301)
    assert [resources(made, name) for name in "bc"] == [[], []]


def test_without_quorum_it_waits() -> None:
    made = desk()
    commit(made, "b", "A", until=SOON)
    made.crash("a")
    made.crash("b")
    made.view("c", "c")
    clock(made, "c", 301)
    assert resources(made, "c") == ["A"]
    made.restart("b")
    made.view("b", "bc")
    clock(made, "bc", 302)
    assert [resources(made, name) for name in "bc"] == [[], []]


def test_confirmed_it_stays() -> None:
    made = desk()
    commit(made, "b", "A", until=SOON)
    kept = configuration(made, "c")
    drop_mark(kept)
    assert ask(made, "c", "replace", "configuration", etree.tostring(kept).decode()).end is WriteEnd.COMMITTED
    clock(made, "abc", 400)
    assert resources(made, "a") == ["A"]


def test_meanwhile_others_change_other_objects_only() -> None:
    made = desk()
    commit(made, "b", "A", until=SOON)
    other = '<primitive id="{}" class="ocf" provider="x" type="Dummy"/>'
    assert ask(made, "c", "create", "resources", other.format("C")).end is WriteEnd.COMMITTED
    refused = ask(made, "c", "delete", "resources", '<primitive id="A"/>')
    assert (refused.end, refused.status) == (WriteEnd.REFUSED, Exit.UNSAFE)
    assert "A: changed by a commit of root" in refused.text
    clock(made, "abc", 300)
    assert resources(made, "a") == ["C"]


def test_a_further_one_on_top_goes_back_to_the_beginning() -> None:
    made = desk()
    commit(made, "b", "A", until=SOON)
    assert commit(made, "c", "B", until=SOON + 60).end is WriteEnd.COMMITTED
    clock(made, "abc", 301)
    assert resources(made, "a") == ["A", "B"]
    clock(made, "abc", 361)
    assert resources(made, "a") == []


def test_it_is_put_back_by_hand() -> None:
    made = desk()
    commit(made, "b", "A", until=SOON)
    now = configuration(made, "c")
    found = pending(now)
    assert found is not None
    text = etree.tostring(put_back(now, found)).decode()
    assert ask(made, "c", "replace", "configuration", text).end is WriteEnd.COMMITTED
    assert resources(made, "a") == []


def test_whoever_dies_a_cluster_takes_it_back_in_time() -> None:
    """With clocks: the leader dies again and again around the end of the time."""
    for seed in range(4):
        ring = StandIn(cluster("abc"), seed)
        ring.agenda.run_until(Instant(8_000))
        old = ring.nodes["b"].cibd.store.xml().find("configuration")
        assert old is not None
        new = copy.deepcopy(old)
        new.find("resources").append(etree.fromstring('<primitive id="Z" class="ocf" provider="x" type="Dummy"/>'))  # type: ignore[union-attr]
        text = etree.tostring(committed(old, new, EPOCH_MS // 1_000 + 30)).decode()
        ring.ask("b", EditRequest(Edit("replace", "configuration", text)))
        ring.agenda.run_until(Instant(12_000))
        assert all("Z" in etree.tostring(node.cibd.store.xml()).decode() for node in ring.nodes.values())
        while ring.agenda.now < 40_000:
            ring.agenda.run_until(Instant(ring.agenda.now + 3_000 + 700 * seed))
            ring.befall(LeaderDeath())
        ring.heal()
        ring.agenda.run_until(Instant(60_000))
        for node in ring.nodes.values():
            assert 'id="Z"' not in etree.tostring(node.cibd.store.xml()).decode(), seed
