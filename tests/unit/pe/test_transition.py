"""What is done, and in which order."""

from __future__ import annotations

import pytest

from tests.unit.pe.clusters import cib, decide, keys, meta, operation, places, primitive, run


def before(document, first: str, then: str) -> bool:
    """Whether the graph has ``first`` before ``then``."""
    synapses = decide(document).graph.synapses
    inputs = {synapse.action.key: [action.key for action in synapse.inputs] for synapse in synapses}
    todo, seen = [then], set()
    while todo:
        key = todo.pop()
        if key == first:
            return True
        if key not in seen:
            seen.add(key)
            todo += inputs.get(key, [])
    return False


def test_probe_everywhere_before_the_start() -> None:
    document = cib(primitive("a"))
    assert {"a_monitor_0 n1", "a_monitor_0 n2", "a_monitor_0 n3", "a_start_0 n1", "a_monitor_10000 n1"} <= keys(
        document
    )
    assert before(cib(primitive("a")), "a_monitor_0", "a_start_0")
    assert before(cib(primitive("a")), "a_start_0", "a_monitor_10000")


def test_nothing_to_do_once_it_is_done() -> None:
    document = cib(primitive("a"))
    first = run(document)
    assert first.run is not None
    assert first.run.complete
    assert keys(document) == set()


@pytest.mark.parametrize("kind", ["Mandatory", "Optional"])
def test_order(kind: str) -> None:
    order = f'<rsc_order id="o" first="a" then="b" kind="{kind}"/>'
    assert before(cib(primitive("a") + primitive("b"), order), "a_start_0", "b_start_0")
    assert not before(cib(primitive("a") + primitive("b")), "a_start_0", "b_start_0")


def test_only_a_mandatory_order_holds_back() -> None:
    stopped = primitive("a", meta("a", target_role="Stopped")) + primitive("b")
    for kind, starts in (("Mandatory", False), ("Optional", True)):
        order = f'<rsc_order id="o" first="a" then="b" kind="{kind}"/>'
        assert any(key.startswith("b_start_0") for key in keys(cib(stopped, order))) is starts


def test_sets_order_their_members() -> None:
    sets = (
        '<rsc_order id="o"><resource_set id="s1"><resource_ref id="a"/><resource_ref id="b"/></resource_set>'
        '<resource_set id="s2"><resource_ref id="c"/></resource_set></rsc_order>'
    )
    resources = "".join(primitive(name) for name in "abc")
    assert before(cib(resources, sets), "a_start_0", "b_start_0")
    assert before(cib(resources, sets), "b_start_0", "c_start_0")


def test_live_migration() -> None:
    at = '<rsc_location id="l" rsc="a" node="n2" score="50"/>'
    resource = primitive("a", meta("a", allow_migrate="true"))
    document = cib(resource, at, histories={1: operation("a", "start", "n1")})
    assert {"a_migrate_to_0 n1", "a_migrate_from_0 n2"} <= keys(document)


def test_a_failed_monitor_restarts_it() -> None:
    failed = (
        operation("a", "monitor", "n1", 7, 0)
        .replace("monitor_0", "monitor_10000")
        .replace('interval="0"', 'interval="10000"')
    )
    document = cib(primitive("a"), histories={1: failed})
    assert {"a_stop_0 n1", "a_start_0 n1"} <= keys(document)


def test_maintenance_leaves_everything_alone() -> None:
    document = cib(primitive("a"), histories={1: operation("a", "start", "n1")}, maintenance_mode="true")
    assert not {key for key in keys(document) if "start" in key or "stop" in key}


def test_lost_node_is_fenced_first() -> None:
    fencer = '<primitive id="f" class="stonith" type="fence_x"/>'
    document = cib(fencer + primitive("a"), histories={1: operation("a", "start", "n1")}, stonith_enabled="true")
    state = document.status.nodes[0]
    state.attrs.update(in_ccm="false", crmd="offline")
    assert "stonith-n1-reboot n1" in keys(document)
    assert before(document, "stonith-n1-reboot", "a_start_0")
    assert places(document)["a"] != "n1"


def test_no_quorum_stops_all() -> None:
    document = cib(primitive("a"), histories={1: operation("a", "start", "n1")})
    document.root.set("have-quorum", "0")
    assert "a_stop_0 n1" in keys(document)
    assert not {key for key in keys(document) if "start" in key}
