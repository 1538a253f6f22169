"""CIBs as running clusters of Pacemaker 2.1.7 to 3.0 have them: nothing that is healthy is taken for lost."""

from __future__ import annotations

import pytest

from hacluster.cib.document import Document
from tests.unit.pe.clusters import NOW, cib, decide, keys, meta, operation, places, primitive

FENCING = {"stonith_enabled": "true"}
DEVICE = '<primitive id="f" class="stonith" type="fence_x"/>'


def stamped(document: Document, **attrs: str) -> Document:
    """The document with times in its node states, as the feature sets since 3.18.0 have them."""
    for state in document.status.nodes:
        state.attrs |= {"in_ccm": str(NOW - 900), "crmd": str(NOW - 899)} | attrs
    return document


@pytest.mark.parametrize("fencing", ["true", "false"])
def test_times_are_as_good_as_words(fencing: str) -> None:
    resources = primitive("a") + DEVICE
    words, times = (cib(resources, stonith_enabled=fencing) for _ in range(2))
    cluster = decide(stamped(times)).cluster
    assert all(node.online and not node.unclean for node in cluster.nodes)
    assert not cluster.reports
    assert keys(words) == keys(times)


def test_a_node_that_has_left_counts_as_lost_in_both_forms() -> None:
    for gone in ({"in_ccm": "false", "crmd": "offline"}, {"in_ccm": "0", "crmd": "0"}):
        document = cib(primitive("a") + DEVICE, **FENCING)
        document.status.nodes[2].attrs |= gone
        assert "stonith-n3-reboot n3" in keys(document)


def pending(seconds: int, timeout: str | None = "5min") -> Document:
    """A cluster whose third node became a member so long ago and whose controller has not come since."""
    options = FENCING if timeout is None else FENCING | {"node_pending_timeout": timeout}
    document = stamped(cib(primitive("a") + DEVICE, **options))
    state = document.status.nodes[2]
    state.uname, state.attrs = None, {"in_ccm": str(NOW - seconds), "crmd": "0"}
    return document


def test_a_pending_node_is_waited_for_and_then_fenced() -> None:
    early = decide(pending(200)).cluster
    node = early.find_node("n3")
    assert node is not None
    assert node.pending
    assert not node.unclean
    assert early.recheck_by == NOW + 100
    assert "stonith-n3-reboot n3" in keys(pending(300))
    assert "stonith-n3-reboot n3" not in keys(pending(100_000, timeout=None))


def orphan(name: str, value: str) -> Document:
    return cib(primitive("a"), histories={1: operation("old", "start", "n1")}, **{name: value})


@pytest.mark.parametrize("name", ["stop_removed_resources", "stop_orphan_resources"])
def test_a_removed_resource_stays_only_where_it_is_said(name: str) -> None:
    assert "old_stop_0 n1" in keys(orphan(name, "true"))
    assert "old_stop_0 n1" not in keys(orphan(name, "false"))


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [("fencing_enabled", "true", "stonith-n3-reboot n3"), ("fencing_action", "off", "stonith-n3-off n3")],
)
def test_the_new_name_counts_before_the_old_one(name: str, value: str, key: str) -> None:
    document = cib(primitive("a") + DEVICE, **{"stonith_enabled": "true", name: value})
    document.status.nodes[2].attrs |= {"in_ccm": "0", "crmd": "0"}
    assert key in keys(document)
    (pair,) = [entry for entry in document.root.iter("nvpair") if entry.get("name") == name.replace("_", "-")]
    (old,) = [entry for entry in document.root.iter("nvpair") if entry.get("name") == "stonith-enabled"]
    old.set("value", "false")
    expected = name == "fencing_enabled"
    assert (key in keys(document)) is expected
    pair.set("value", "nonsense")
    assert any(report.code == "bad-option" for report in decide(document).cluster.reports)


def test_without_quorum_everybody_is_fenced_under_both_names() -> None:
    for policy in ("fence", "suicide"):
        document = cib(primitive("a") + DEVICE, no_quorum_policy=policy, **FENCING)
        document.root.set("have-quorum", "0")
        document.root.set("no-quorum-panic", "1")
        assert {f"stonith-n{number}-reboot n{number}" for number in (1, 2, 3)} <= keys(document)


def test_utilization_may_be_transient() -> None:
    heavy = primitive("a", '<utilization id="u"><nvpair id="u-m" name="memory" value="4000"/></utilization>')
    document = cib(heavy, placement_strategy="utilization")
    assert places(document)["a"] is None
    section = document.root.makeelement("transient_attributes", {"id": "2"})
    sets = section.makeelement("utilization", {"id": "t"})
    sets.append(section.makeelement("nvpair", {"id": "t-m", "name": "memory", "value": "8000"}))
    section.append(sets)
    document.status.nodes[1].transient = section
    assert places(document)["a"] == "n2"


def test_several_instances_on_a_node_are_told_apart() -> None:
    clone = f'<clone id="c">{meta("c", clone_node_max="2", clone_max="4")}{primitive("d")}</clone>'
    document = cib(clone, nodes=2)
    assert list(places(document).values()).count("n1") == 2
    said = clone.replace('name="clone-max"', 'name="globally-unique" value="false"/><nvpair id="m" name="clone-max"')
    assert list(places(cib(said, nodes=2)).values()).count("n1") == 1


def test_fail_counts_are_per_operation_whatever_the_feature_set() -> None:
    for feature_set in (None, "3.0.9", "3.19.0"):
        document = cib(primitive("a", meta("a", migration_threshold="2")))
        if feature_set is not None:
            document.root.set("crm_feature_set", feature_set)
        section = document.root.makeelement("transient_attributes", {"id": "1"})
        sets = section.makeelement("instance_attributes", {"id": "t"})
        section.append(sets)
        sets.append(section.makeelement("nvpair", {"id": "t-f", "name": "fail-count-a#monitor_10000", "value": "2"}))
        document.status.nodes[0].transient = section
        assert places(document)["a"] == "n2"
        sets[0].set("name", "fail-count-a")
        assert places(document)["a"] == "n1"


def test_a_state_that_cannot_be_understood_is_told() -> None:
    document = stamped(cib(primitive("a")), invented="1")
    texts = [report.text for report in decide(document).cluster.reports]
    assert "node state of n1: the attribute invented is not known, and has no effect" in texts
