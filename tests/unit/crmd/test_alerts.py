"""Alerts: what the configuration says, when agents are called, and with what; in a whole cluster, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hacluster.base.iso8601 import Moment
from hacluster.base.machine import Instant
from hacluster.cib.document import parse_document
from hacluster.crmd.alerts import stamp
from hacluster.lrm.alerts import AlertRuns
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.alerts import AlertKind
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.lrm import OcfCode, RunAlert
from hacluster.pengine.alerts import alerts_of
from hacluster.sim.crm.scenario import cluster, run_until_quiet
from hacluster.sim.crm.standin import StandIn

ALERTS = """<alerts>
<alert id="file" path="/usr/bin/alert_file">
<instance_attributes id="file-i"><nvpair id="file-d" name="debug" value="no"/></instance_attributes>
<meta_attributes id="file-m"><nvpair id="file-t" name="timeout" value="15s"/></meta_attributes>
<recipient id="r1" value="/var/log/one"/>
<recipient id="r2" value="/var/log/two">
<instance_attributes id="r2-i"><nvpair id="r2-d" name="debug" value="yes"/></instance_attributes>
<meta_attributes id="r2-m"><nvpair id="r2-f" name="timestamp-format" value="%H:%M"/></meta_attributes></recipient>
<recipient id="r3" value="x"><meta_attributes id="r3-m"><nvpair id="r3-e" name="enabled" value="false"/>
</meta_attributes></recipient></alert>
<alert id="ping" path="/usr/bin/ping_alert"><select><select_attributes><attribute id="s-a" name="pingd"/>
</select_attributes></select></alert>
<alert id="ruled" path="/r"><meta_attributes id="ruled-m"><rule id="ruled-r" score="0"><date_expression id="ruled-e"
operation="gt" start="2030-01-01"/></rule><nvpair id="ruled-n" name="enabled" value="false"/></meta_attributes></alert>
</alerts>"""
NOW = Moment.from_epoch(1_600_000_000)


def configured(text: str = ALERTS) -> list:
    content = cluster("abc").content.replace("</configuration>", f"{text}</configuration>")
    return list(alerts_of(parse_document(content.encode()), NOW).agents)


def test_each_recipient_is_an_agent_with_its_own_values() -> None:
    one, two, ping, ruled = configured()
    assert (one.id, one.path, one.recipient, one.timeout_ms) == ("r1", "/usr/bin/alert_file", "/var/log/one", 15_000)
    assert one.parameters == (("debug", "no"),)
    assert one.kinds == {AlertKind.NODE, AlertKind.FENCING, AlertKind.RESOURCE}
    assert (two.parameters, two.timestamp_format, two.timeout_ms) == ((("debug", "yes"),), "%H:%M", 15_000)
    assert (ping.id, ping.recipient, ping.kinds, ping.attributes) == ("ping", None, {AlertKind.ATTRIBUTE}, {"pingd"})
    assert ruled.id == "ruled", "its rule does not hold yet"
    assert configured("") == []


@pytest.mark.parametrize(
    ("format_", "text"),
    [("%H:%M:%S.%06N", "14:26:40.123000"), ("%s", "1600000000"), ("%3N", "123"), ("%N", "123000000"), ("x", "x")],
)
def test_times_are_told_as_wanted(format_: str, text: str) -> None:
    assert stamp(format_, 1_600_000_000_123, 7_200) == text


def test_a_cluster_tells_of_nodes_operations_and_attributes() -> None:
    setup = cluster("abc")
    setup = replace(setup, content=setup.content.replace("</configuration>", f"{ALERTS}</configuration>"))
    ring = StandIn(setup, 3)
    run_until_quiet(ring)
    alerts = ring.services.alerts
    started = [(node, env) for _, node, env in alerts if env.get("CRM_alert_task") == "start"]
    assert {(node, env["CRM_alert_rsc"]) for node, env in started} == {
        (node, name) for _, node, action, name in ring.services.done if action == "start"
    }
    _, env = started[0]
    assert (env["CRM_alert_kind"], env["CRM_alert_desc"], env["CRM_alert_rc"]) == ("resource", "ok", "0")
    assert {env["CRM_alert_recipient"] for _, env in started if "CRM_alert_recipient" in env} == {
        "/var/log/one", "/var/log/two",
    }  # fmt: skip
    assert not [env for _, _, env in alerts if env.get("CRM_alert_task") == "monitor" and env["CRM_alert_rc"] == "7"]
    alerts.clear()
    home = ring.services.where("db")[0]
    ring.services.become(home, "db", OcfCode.NOT_RUNNING)
    ring.agenda.run_until(Instant(ring.agenda.now + 15_000))
    failed = [env for _, node, env in alerts if env.get("CRM_alert_task") == "monitor" and node == home]
    failed = [env for env in failed if env["CRM_alert_rc"] != "0"]
    assert {env["CRM_alert_desc"] for env in failed} == {"not running"}
    assert {(env["CRM_alert_target_rc"], env["CRM_alert_interval"]) for env in failed} == {("0", "10000")}
    alerts.clear()
    ring.kill("c")
    ring.agenda.run_until(Instant(ring.agenda.now + 12_000))
    lost = [(node, env["CRM_alert_node"]) for _, node, env in alerts if env.get("CRM_alert_desc") == "lost"]
    assert set(lost) == {("a", "c"), ("b", "c")}
    sequence = [int(env["CRM_alert_node_sequence"]) for _, node, env in alerts if node == "a"]
    assert sequence == sorted(sequence)


def test_so_many_run_at_once_and_what_fails_is_said() -> None:
    runs = AlertRuns(Surroundings("n", alerts_user="hacluster"), 1_000, 5_000)
    assert runs.push(RunAlert("a", "relative", (), 1_000))
    for number in range(40):
        assert not runs.push(RunAlert(f"a{number}", "/x", (("PATH", "/evil"), ("debug", "1")), 1_000))
    spawns = []
    while runs.idle:
        spawns.append(runs.start(len(spawns)))
    runs.check()
    assert len(spawns) == 32
    assert spawns[0].user == "hacluster"
    assert dict(spawns[0].env)["debug"] == "1"
    assert dict(spawns[0].env)["PATH"] != "/evil"
    assert "too long" not in str(runs.finished(ChildExited(0, ChildEnd.EXITED, 0)))
    assert "failed" in str(runs.finished(ChildExited(1, ChildEnd.TIMED_OUT, 15)))
    assert runs.idle
