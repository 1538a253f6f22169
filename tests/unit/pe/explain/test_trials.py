"""A change that is tried on a part of the cluster leads to what it leads to on the whole, or nothing is said of it."""

from __future__ import annotations

import pytest

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.pe.explain import edits
from hacluster.pe.explain.outcome import places_of
from hacluster.pe.explain.part import Neighbourhood, neighbourhood
from hacluster.pe.explain.resource import explain
from hacluster.pe.explain.stuck import stuck_actions
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.tally import Tally
from hacluster.pe.schedule import decide, schedule
from hacluster.pe.unpack.status import unpack
from tests.bench.pe_cibs import EXECUTION_DATE, SHAPES, cib
from tests.unit.pe import clusters

NOW = Moment.from_epoch(EXECUTION_DATE)


def base(document: Document, now: Moment = NOW) -> tuple[Cluster, Tally]:
    cluster, tally = Cluster(edits.copied(document), now, sanitized=True, ledger=True), Tally()
    cluster.tally = tally
    unpack(cluster)
    decide(cluster)
    return cluster, tally


def around(document: Document, ident: str, now: Moment = NOW) -> Neighbourhood | None:
    cluster, tally = base(document, now)
    rsc = cluster.find_resource(ident)
    assert rsc is not None
    return neighbourhood(document, cluster, tally, rsc)


def some_changes(cluster: Cluster, ident: str) -> list[edits.Edit]:
    last = cluster.nodes[-1].name
    return [
        lambda _document: None,
        edits.prefer(ident, last, 50),
        edits.prefer(ident, last, 1_000_000),
        edits.set_meta(ident, "target-role", "Stopped"),
        edits.set_meta(ident, "resource-stickiness", "0"),
        edits.set_node_attribute(cluster.nodes[0].name, "standby", "true"),
        edits.set_node_attribute(last, "standby", "true"),
        edits.clean_up(ident, cluster.nodes[0].name),
        edits.set_option("stop-all-resources", "true"),
        edits.set_option("maintenance-mode", "true"),
        edits.add_device,
        *(edits.remove(entry.get("id", "")) for entry in cluster.document.root.iterfind("configuration/constraints/*")),
    ]


@pytest.mark.parametrize(
    "shape", [shape for shape in SHAPES if shape.startswith(("3x20", "groups", "clones", "promot"))]
)
def test_a_part_says_what_the_whole_says_or_nothing(shape: str) -> None:
    document = parse_document(cib(shape))
    cluster, tally = base(document)
    compared = known = 0
    for rsc in cluster.resources[:3]:
        part = neighbourhood(document, cluster, tally, rsc)
        if part is None:
            continue
        for edit in some_changes(cluster, rsc.id)[:16]:
            compared += 1
            small = part.document(edit)
            found = part.schedule(small, NOW)
            if found is None:
                continue
            known += 1
            whole = edits.copied(document)
            edit(whole)
            everything = schedule(whole, NOW, sanitized=True)
            one, other = found.cluster.find_resource(rsc.id), everything.cluster.find_resource(rsc.id)
            assert one is not None
            assert other is not None
            assert places_of(one, stuck_actions(found.graph)) == places_of(other, stuck_actions(everything.graph))
    assert known or not compared


def test_where_the_load_decides_a_part_does_not_know() -> None:
    document = clusters.cib("".join(clusters.primitive(f"a{number}") for number in range(9)))
    now = Moment.from_epoch(clusters.NOW)
    part = around(document, "a4", now)
    assert part is not None
    assert part.schedule(part.document(edits.set_meta("a4", "target-role", "Stopped")), now) is not None
    assert part.schedule(part.document(edits.set_meta("a4", "is-managed", "true")), now) is not None
    assert part.schedule(part.document(edits.prefer("a4", "n3", 5)), now) is not None
    assert part.schedule(part.document(edits.set_meta("a5", "is-managed", "true")), now) is None  # is not in it
    assert part.schedule(part.document(edits.set_node_attribute("n2", "standby", "true")), now) is None


def test_what_is_tied_to_most_of_all_is_tried_on_the_whole() -> None:
    resources = "".join(clusters.primitive(f"a{number}") for number in range(4))
    together = "".join(
        f'<rsc_colocation id="c{number}" rsc="a{number}" with-rsc="a0" score="5"/>' for number in range(1, 4)
    )
    now = Moment.from_epoch(clusters.NOW)
    assert around(clusters.cib(resources, together), "a1", now) is None
    assert around(clusters.cib(resources), "a1", now) is not None


def test_a_node_that_a_lost_ticket_fences_is_not_forgotten() -> None:
    resources = (
        "".join(clusters.primitive(f"a{number}") for number in range(9))
        + '<primitive id="f" class="stonith" type="x"/>'
    )
    document = clusters.cib(
        resources,
        '<rsc_ticket id="t" rsc="a0" ticket="T" loss-policy="fence"/>',
        histories={1: clusters.operation("a0", "start", "n1")},
        stonith_enabled="true",
    )
    document.status.tickets.append({"id": "T", "granted": "false"})
    now = Moment.from_epoch(clusters.NOW)
    assert any(key.startswith("stonith-n1") for key in clusters.keys(document))
    assert around(document, "a4", now) is None


@pytest.mark.parametrize("option", [{"placement_strategy": "balanced"}, {"shutdown_lock": "true"}])
def test_what_reaches_across_all_resources_is_tried_on_the_whole(option: dict[str, str]) -> None:
    resources = "".join(clusters.primitive(f"a{number}") for number in range(9))
    assert around(clusters.cib(resources, **option), "a1", Moment.from_epoch(clusters.NOW)) is None


def test_the_document_is_left_as_it_was() -> None:
    failed = clusters.operation("a", "monitor", "n1", 1, 0)
    document = clusters.cib(
        clusters.primitive("a", clusters.meta("a", failure_timeout="5s")) + clusters.primitive("b"),
        histories={1: failed},
    )
    before = [(op.rc, op.status) for state in document.status.nodes for entry in state.histories for op in entry.ops]
    explain(document, Moment.from_epoch(clusters.NOW), "a")
    after = [(op.rc, op.status) for state in document.status.nodes for entry in state.histories for op in entry.ops]
    assert before == after
