"""Cluster options that the manager itself goes by, and what the DC writes about its cluster."""

from __future__ import annotations

import pytest

from hacluster.base.effects import MachineName
from hacluster.cib.document import parse_document
from hacluster.crmd.fsa import State
from hacluster.msg.crmd import ManagerOptions
from hacluster.msg.driver import StopRequested
from hacluster.pe.model.options import Options
from hacluster.pengine.options import options_of
from hacluster.sim.crm.ring import SET, write_of
from hacluster.sim.crm.scenario import managed, primitive_patch, run_until_quiet, state_of
from hacluster.sim.crm.standin import StandIn


def dc(ring: StandIn) -> str:
    return next(name for name in ring.nodes if state_of(ring, name) in (State.IDLE, State.TRANSITION_ENGINE))


def option_of(ring: StandIn, name: str) -> list[str | None]:
    root = ring.nodes[dc(ring)].cibd.store.xml()
    return [pair.get("value") for pair in root.iterfind(".//crm_config//nvpair") if pair.get("name") == name]


def set_option(ring: StandIn, name: str, value: str) -> None:
    pair = f'<nvpair id="o-{name}" name="{name}" value="{value}"/>'
    change = f'<change operation="create" path="{SET}" position="1">{pair}</change>'
    ring.write("a", name, write_of(name).replace("</diff>", f"{change}</diff>"))
    ring.agenda.run_until(ring.agenda.now + 500)


ROOT = parse_document(b'<cib validate-with="pacemaker-3.9" epoch="0" num_updates="0" admin_epoch="0"/>').root


def test_what_the_configuration_does_not_say_is_what_the_manager_takes() -> None:
    assert options_of(Options({}), ROOT) == ManagerOptions()


def test_what_it_says_is_read_as_the_policy_engine_reads_it() -> None:
    given = {
        "dc-deadtime": "5s",
        "crmd-integration-timeout": "PT1M",
        "cluster-recheck-interval": "0",
        "shutdown-escalation": "90",
        "transition-delay": "250ms",
        "load-threshold": "120%",
        "node-action-limit": "7",
        "dc-version": "9",
    }
    assert options_of(Options(given), ROOT) == ManagerOptions(
        dc_deadtime_ms=5_000,
        integration_ms=60_000,
        recheck_ms=0,
        escalation_ms=90_000,
        transition_delay_ms=250,
        load_threshold=1.2,
        action_limit=7,
        told=(("dc-version", "9"),),
    )
    bad = options_of(Options({"load-threshold": "much", "shutdown-escalation": "soon"}), ROOT)
    assert (bad.load_threshold, bad.escalation_ms) == (0.8, 20 * 60_000), "and the fault is reported"


@pytest.mark.parametrize("schema", ["3.9", "4.0"])
def test_a_node_state_says_since_when_where_readers_know_that(schema: str) -> None:
    ring = managed("abc", schema=schema)
    run_until_quiet(ring)
    ring.kill("c")
    ring.agenda.run_until(ring.agenda.now + 5_000)
    states = {s.get("uname"): s for s in ring.nodes["a"].cibd.store.xml().iter("node_state")}
    if schema == "4.0":
        assert states["a"].get("in_ccm", "").startswith("16000000")
        assert states["a"].get("crmd") == states["a"].get("in_ccm")
        assert (states["c"].get("in_ccm"), states["c"].get("crmd")) == ("0", "0")
    else:
        assert (states["a"].get("in_ccm"), states["a"].get("crmd")) == ("true", "online")
        assert (states["c"].get("in_ccm"), states["c"].get("crmd")) == ("false", "offline")
    assert [len(ring.services.where(name)) for name in ("vip", "httpd", "db")] == [1, 1, 1]


def test_the_dc_writes_what_it_is_and_writes_it_once() -> None:
    ring = managed("abc")
    run_until_quiet(ring)
    assert option_of(ring, "dc-version") == ["1"]
    assert option_of(ring, "have-watchdog") == ["false"]
    epoch = ring.nodes["a"].cibd.store.xml().get("epoch")
    ring.kill(dc(ring))
    run_until_quiet_without(ring)
    assert ring.nodes[dc(ring)].cibd.store.xml().get("epoch") == epoch, "the next one finds it so"


def run_until_quiet_without(ring: StandIn) -> None:
    ring.agenda.run_until(ring.agenda.now + 8_000)


def test_a_dc_of_another_version_says_so() -> None:
    ring = managed("abc")
    run_until_quiet(ring)
    set_option(ring, "cluster-name", "mine")
    pair = '<nvpair id="cib-bootstrap-options-dc-version" name="dc-version" value="0"/>'
    path = "/cib/configuration/crm_config/cluster_property_set[@id='cib-bootstrap-options']/nvpair[@name='dc-version']"
    change = f'<change operation="modify" path="{path}"><change-result>{pair}</change-result></change>'
    ring.write("a", "old", write_of("old").replace("</diff>", f"{change}</diff>"))
    ring.agenda.run_until(ring.agenda.now + 300)
    run_until_quiet(ring)
    assert option_of(ring, "cluster-name") == ["mine"], "an administrator's name of the cluster stays"


def test_a_node_whose_dc_does_not_let_it_go_stops_by_itself_when_the_configuration_says() -> None:
    ring = managed("abc")
    run_until_quiet(ring)
    set_option(ring, "shutdown-escalation", "30s")
    node = next(name for name in "abc" if name != dc(ring) and ring.services.runs.get(name))
    for service in list(ring.services.runs[node]):
        ring.services.hanging.add((service, "stop"))
    ring.services.slow["slow", "start"] = 10**6
    ring.give(ring.nodes[node], MachineName.CRMD, StopRequested("test"))
    ring.agenda.run_until(ring.agenda.now + 29_000)
    assert not any("did not let this node stop in time" in line for line in ring.log)
    ring.agenda.run_until(ring.agenda.now + 2_000)
    assert any("did not let this node stop in time" in line for line in ring.log)


def test_thoughts_wait_for_more_to_happen_as_the_configuration_says() -> None:
    ring = managed("abc")
    run_until_quiet(ring)
    set_option(ring, "transition-delay", "2s")
    ring.agenda.run_until(ring.agenda.now + 5_000)
    written = ring.agenda.now
    ring.write("a", "one", primitive_patch("one"))
    ring.agenda.run_until(written + 1_900)
    assert ring.services.where("one") == []
    ring.agenda.run_until(written + 3_500)
    assert len(ring.services.where("one")) == 1


def test_it_is_looked_again_as_often_as_the_configuration_says() -> None:
    ring = managed("abc")
    run_until_quiet(ring)

    def looks() -> int:
        return sum("recheck timer" in line for line in ring.log)

    set_option(ring, "cluster-recheck-interval", "60s")
    run_until_quiet(ring)
    before = looks()
    ring.agenda.run_until(ring.agenda.now + 305_000)
    assert 4 <= looks() - before <= 5
