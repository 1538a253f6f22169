"""What the status shows when it is asked for more."""

from __future__ import annotations

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.cib.statusxml import document_xml
from hacluster.pe.schedule import status
from hacluster.pe.views.details import attribute_lines, failcount_lines, failed_lines
from tests.unit.pe.clusters import NOW, cib, operation, primitive

PING = (
    '<primitive id="ping" class="ocf" provider="pacemaker" type="ping"><instance_attributes id="ping-params">'
    '<nvpair id="ping-name" name="name" value="reach"/><nvpair id="ping-hosts" name="host_list" value="one two"/>'
    '<nvpair id="ping-multiplier" name="multiplier" value="100"/></instance_attributes></primitive>'
)


def _document(attributes: dict[str, str], resources: str, **histories: str) -> Document:
    document = cib(resources, nodes=1, histories={1: "".join(histories.values())})
    pairs = "".join(f'<nvpair id="s-{n}" name="{n}" value="{v}"/>' for n, v in attributes.items())
    block = f'<transient_attributes id="1"><instance_attributes id="s">{pairs}</instance_attributes>'
    document.status.nodes[0].transient = parse_document(
        f"<cib><configuration>{block}</transient_attributes></configuration></cib>".encode()
    ).root.find(".//transient_attributes")
    return document


def _cluster(attributes: dict[str, str], resources: str = primitive("a"), **histories: str):
    return status(_document(attributes, resources, **histories), Moment.from_epoch(NOW, 0))


def test_attributes_without_those_that_are_told_elsewhere() -> None:
    cluster = _cluster({"site": "a", "shutdown": "0", "fail-count-a#start_0": "1", "#health-cpu": "green"})
    assert attribute_lines(cluster) == [
        "  * Node Attributes:",
        "    * Node: n1:",
        f"      * {'site':<32}\t: {'a':<10}",
    ]
    assert attribute_lines(_cluster({})) == []


def test_connectivity() -> None:
    running = operation("ping", "start", "n1")
    for value, told in (("0", "\t: Connectivity is lost"), ("200", ""),
                        ("100", "\t: Connectivity is degraded (Expected=200)")):  # fmt: skip
        lines = attribute_lines(_cluster({"reach": value}, PING, ping=running))
        assert lines[-1] == f"      * {'reach':<32}\t: {value:<10}{told}"


def test_fail_counts() -> None:
    failing = {"fail-count-a#start_0": "2", "last-failure-a#start_0": str(NOW - 9)}
    cluster = _cluster(failing, a=operation("a", "start", "n1", 1))
    assert failcount_lines(cluster, lambda when: f"<{when}>") == [
        "  * Migration Summary:",
        "    * Node: n1:",
        f"      * a: migration-threshold=1000000 fail-count=2 last-failure='<{NOW - 9}>'",
    ]
    assert failcount_lines(_cluster({}), str) == ["  * Migration Summary:"]


def test_failed_operations() -> None:
    cluster = _cluster({}, a=operation("a", "start", "n1", 1))
    line = f"    * a_start_0 on n1 'Error occurred' (1): call=5, status='Error', last-rc-change='{NOW - 60}'"
    assert failed_lines(cluster, str) == ["  * Failed Resource Actions:", line]
    assert failed_lines(_cluster({}), str) == []


def test_how_long_a_failed_operation_took_is_kept() -> None:
    took = operation("a", "start", "n1", 1).replace(" op-digest", ' queue-time="3" exec-time="7" op-digest')
    document = _document({}, primitive("a"), a=took)
    assert failed_lines(status(document, Moment.from_epoch(NOW, 0)), str)[1].endswith("queued=3ms, exec=7ms")
    written = document_xml(document).find(".//lrm_rsc_op")
    assert (written.get("queue-time"), written.get("exec-time")) == ("3", "7")
