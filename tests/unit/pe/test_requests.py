"""Changes asked for before a simulation, and failures during one."""

from __future__ import annotations

import pytest

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document
from hacluster.pe.simulation.report import Outcome, Wishes, simulate
from hacluster.pe.simulation.requests import Requests
from tests.unit.pe.clusters import NOW, cib, operation, primitive

FENCER = '<primitive id="f" class="stonith" type="fence_x"/>'


def _simulate(document: Document, requests: Requests, failures: dict[str, int] | None = None) -> Outcome:
    wishes = Wishes(requests=requests, failures=failures or {})
    return simulate(document, Moment.from_epoch(NOW), NOW, wishes)


def _squeezed(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        (Requests(nodes_down=("n1",)), "Taking node n1 offline"),
        (Requests(nodes_up=("n1",)), "Bringing node n1 online"),
        (Requests(nodes_failing=("n1",)), "Failing node n1"),
        (Requests(quorum="false", watchdog="false"), "Setting quorum: false"),
        (Requests(watchdog="true"), "Setting watchdog: true"),
        (Requests(granted=("t",)), "Granting ticket t"),
        (Requests(standby=("t",)), "Making ticket t standby"),
        (Requests(results=("a_monitor_10000@n1=7",)), "Injecting a_monitor_10000@n1=7 into the configuration"),
    ],
)
def test_what_is_asked_for_is_said(requests: Requests, said: str) -> None:
    lines = _simulate(cib(primitive("a")), requests).lines
    assert "Performing Requested Modifications:" in lines
    assert f"  * {said}" in lines


def test_without_requests_nothing_is_said() -> None:
    assert "Performing Requested Modifications:" not in _simulate(cib(primitive("a")), Requests()).lines


def test_quorum_alone_counts_for_nothing() -> None:
    """So it is in crm_simulate 2.1.5."""
    document = cib(primitive("a"))
    assert "Performing Requested Modifications:" not in _simulate(document, Requests(quorum="false")).lines
    assert document.attribute("have-quorum") == "1"


def test_a_node_that_goes_down_loses_its_resources() -> None:
    document = cib(primitive("a"), histories={1: operation("a", "start", "n1")})
    lines = _simulate(document, Requests(nodes_down=("n1",))).lines
    assert "* Start a ( n2 )" in _squeezed(lines)


def test_a_node_that_fails_is_fenced() -> None:
    document = cib(FENCER + primitive("a"), stonith_enabled="true")
    assert "  * Fencing n2 (reboot)" in _simulate(document, Requests(nodes_failing=("n2",))).lines


def test_tickets() -> None:
    ticket = '<rsc_ticket id="k" rsc="a" ticket="t" loss-policy="stop"/>'
    start = "* Start a ( n1 )"
    assert start not in _squeezed(_simulate(cib(primitive("a"), ticket), Requests()).lines)
    granted = cib(primitive("a"), ticket)
    assert start in _squeezed(_simulate(granted, Requests(granted=("t",))).lines)
    assert granted.status.tickets == [{"id": "t", "granted": "true"}]
    revoked = _simulate(granted, Requests(revoked=("t",)))
    assert "* Stop a ( n1 ) due to node availability" in _squeezed(revoked.lines)


def test_failures_are_counted() -> None:
    document = cib(primitive("a"), histories={1: operation("a", "start", "n1")})
    for _ in range(2):
        _simulate(document, Requests(results=("a_monitor_10000@n1=1",)))
    transient = document.status.nodes[0].transient
    assert transient is not None
    (count,) = transient.iterfind("instance_attributes/nvpair[@name='fail-count-a#monitor_10000']")
    assert count.get("value") == "2"


def test_an_operation_can_fail_during_the_run() -> None:
    document = cib(primitive("a"))
    outcome = _simulate(document, Requests(), {"a_start_0@n1": 1})
    assert any(line.startswith("Pretending action ") and line.endswith("failed with rc=1") for line in outcome.lines)
    assert not any("monitor=10000" in line for line in outcome.lines)


@pytest.mark.parametrize("spec", ["", "a", "a_monitor_10000@n1", "nothing@n1=1", "b_monitor_0@n1=7"])
def test_a_result_that_cannot_be(spec: str) -> None:
    outcome = _simulate(cib(primitive("a")), Requests(results=(spec,)))
    assert len(outcome.complaints) == 1


GUEST = (
    '<primitive id="vm" class="ocf" provider="heartbeat" type="VirtualDomain"><meta_attributes id="vm-meta">'
    '<nvpair id="vm-guest" name="remote-node" value="guest"/></meta_attributes></primitive>'
)


@pytest.mark.parametrize(("requests", "configured"), [(Requests(nodes_up=("n1",)), True), (Requests(), False)])
def test_once_a_node_was_told_to_come_all_that_do_something_are_configured(
    requests: Requests, configured: bool
) -> None:
    document = cib(GUEST + primitive("a"))
    _simulate(document, requests)
    names = [node.get("uname") for node in document.root.iterfind("configuration/nodes/node")]
    assert ("guest" in names) is configured
