"""Agents on three real nodes with a resource manager: what they find around them, and hands that die in the middle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hacluster.lab.cluster import Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.conftest import require_lab, skip_or_fail

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

AGENT = "/usr/lib/ocf/resource.d/lab/witness"
WITNESS = """#!/bin/sh
# Writes down what it finds, and when it begins and ends what it does.
d=/var/witness; mkdir -p $d
me=$OCF_RESOURCE_INSTANCE
case $1 in
meta-data)
    cat <<END
<?xml version="1.0"?><resource-agent name="witness"><version>1.1</version><parameters>
<parameter name="alpha" unique="1"/><parameter name="beta" reloadable="1"/><parameter name="passwd"/></parameters>
<actions><action name="start" timeout="20s"/><action name="stop" timeout="20s"/><action name="monitor" timeout="20s"/>
<action name="reload-agent" timeout="20s"/></actions></resource-agent>
END
    exit 0 ;;
esac
env >$d/env.$me.$1.$$; mv $d/env.$me.$1.$$ $d/env.$me.$1
case $1 in
start)  echo "begin $$" >>$d/log.$me; [ ! -e $d/slow ] || sleep 3; echo "end $$" >>$d/log.$me; touch $d/up.$me ;;
stop)   rm -f $d/up.$me ;;
monitor) [ -e $d/up.$me ] || exit 7; [ ! -e $d/broken ] || { echo ocf-exit-reason:it is broken >&2; exit 1; } ;;
reload-agent) echo reload >>$d/log.$me ;;
esac
exit 0
"""
OPTIONS = (
    '<crm_config><cluster_property_set id="cib-bootstrap-options">'
    '<nvpair id="fencing" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>'
)


def primitive(name: str, kind: str, provider: str, parameters: str = "") -> str:
    return (
        f'<primitive id="{name}" class="ocf" provider="{provider}" type="{kind}">{parameters}'
        f'<operations><op id="{name}-m" name="monitor" interval="1s" timeout="20s"/></operations></primitive>'
    )


def resources(beta: str = "1") -> str:
    pairs = "".join(
        f'<nvpair id="w-{name}" name="{name}" value="{value}"/>'
        for name, value in (("alpha", "a"), ("beta", beta), ("passwd", "geheim"))
    )
    witness = primitive("w", "witness", "lab", f'<instance_attributes id="w-p">{pairs}</instance_attributes>')
    meta = (
        '<meta_attributes id="states-m"><nvpair id="states-n" name="notify" value="true"/>'
        '<nvpair id="states-x" name="clone-max" value="2"/></meta_attributes>'
    )
    clone = f'<clone id="states">{meta}{primitive("state", "witness", "lab")}</clone>'
    return f"<resources>{witness}{clone}{primitive('dummy', 'Dummy', 'heartbeat')}</resources>"


@pytest.fixture(scope="module")
def it() -> Iterator[Cluster]:
    require_lab()
    with cluster(3) as made:
        here = made.nodes[0].path("/usr/lib/ocf/resource.d/heartbeat/Dummy").exists()
        skip_or_fail("" if here else "needs resource-agents")
        for host in made.nodes:
            host.write(AGENT, WITNESS, 0o755)
        made.install()
        made.start()
        wait_for(lambda: all(made.view(host).synced for host in made.nodes), "a view")
        made.edit(made.nodes[0], "modify", OPTIONS, "crm_config")
        made.edit(made.nodes[0], "replace", resources(), "resources")
        wait_for(lambda: len(running(made, "w")) == 1 and len(running(made, "state")) == 2, "all runs")
        yield made


def running(it: Cluster, name: str) -> list[Host]:
    return [host for host in it.nodes if host.path(f"/var/witness/up.{name}").exists()]


def history(it: Cluster, name: str, node: str) -> dict[str, dict[str, str]]:
    """The records of a resource on a node, by their ids."""
    path = f".//node_state[@uname='{node}']//lrm_resource[@id='{name}']/lrm_rsc_op"
    return {
        str(op.get("id")): {str(k): str(v) for k, v in op.attrib.items()} for op in it.cib(it.nodes[0]).iterfind(path)
    }


def recovered(it: Cluster, host: Host, failure: int) -> bool:
    """Whether a resource was started and looked at there after a failure, by the numbers of its operations."""
    known = history(it, "w", host.name)
    start, look = (int(known.get(name, {}).get("call-id", "0")) for name in ("w_last_0", "w_monitor_1000"))
    return look > start > failure and known["w_last_0"]["operation"] == "start"


def environment(host: Host, name: str) -> dict[str, str]:
    path = host.path(f"/var/witness/env.{name}")
    lines = path.read_text().splitlines() if path.exists() else []
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def kill_hands(host: Host) -> None:
    pids = host.run(["pgrep", "-x", "ha-hands"]).stdout.split()
    assert len(pids) == 1
    host.run(["kill", "-9", *pids], check=True)


def test_what_agents_find_around_them(it: Cluster) -> None:
    (holder,) = running(it, "w")
    env = environment(holder, "w.start")
    tools = env["PATH"].split(":")[0]
    assert env["HA_SBIN_DIR"] == tools
    assert holder.run(["test", "-x", f"{tools}/crm_attribute"]).returncode == 0
    assert holder.run(["test", "-e", f"{tools}/python3"]).returncode == 1
    assert env["HACLUSTER_RUN_DIR"]
    expected = {
        "OCF_RESOURCE_INSTANCE": "w",
        "OCF_RESOURCE_TYPE": "witness",
        "OCF_RESOURCE_PROVIDER": "lab",
        "OCF_RESKEY_alpha": "a",
        "OCF_RESKEY_CRM_meta_on_node": holder.name,
        "OCF_RESKEY_CRM_meta_timeout": "20000",
        "OCF_RA_VERSION_MINOR": "1",
    }
    assert expected.items() <= env.items()
    assert "OCF_RESKEY_CRM_meta_interval" not in env, "as with Pacemaker's executor: it is not recurring"
    wait_for(lambda: environment(holder, "w.monitor").get("OCF_RESKEY_CRM_meta_interval") == "1000", "it recurs")
    assert environment(holder, "w.monitor")["OCF_RESKEY_CRM_meta_name"] == "monitor"
    clone = environment(running(it, "state")[0], "state.start")
    assert (clone["OCF_RESKEY_CRM_meta_clone_max"], clone["OCF_RESKEY_CRM_meta_notify"]) == ("2", "true")
    (noted, _) = running(it, "state")
    told = "OCF_RESKEY_CRM_meta_notify_type", "OCF_RESKEY_CRM_meta_notify_operation"
    wait_for(
        lambda: [environment(noted, "state.notify").get(name) for name in told] == ["post", "start"],
        "it is told that all have started",
    )


def test_records_and_a_reload_by_the_agents_own_word(it: Cluster) -> None:
    (holder,) = running(it, "w")
    wait_for(lambda: "w_monitor_1000" in history(it, "w", holder.name), "the monitor is recorded")
    start = history(it, "w", holder.name)["w_last_0"]
    assert (start["operation"], start["op-force-restart"], start["op-secure-params"]) == (
        "start",
        "  passwd alpha  ",
        "  passwd  ",
    )
    assert int(start["exec-time"]) > 0
    before = holder.read("/var/witness/log.w")
    it.edit(it.nodes[0], "replace", resources(beta="2"), "resources")
    wait_for(lambda: "reload" in holder.read("/var/witness/log.w"), "it is reloaded")
    assert holder.read("/var/witness/log.w") == before + "reload\n", "and not restarted"


def test_hands_that_die_in_the_middle_of_a_start(it: Cluster) -> None:
    (holder,) = running(it, "w")
    for host in it.nodes:
        host.write("/var/witness/slow", "")
    starts = holder.read("/var/witness/log.w").count("begin")
    holder.run(["rm", "-f", "/var/witness/up.w"], check=True)
    wait_for(lambda: holder.read("/var/witness/log.w").count("begin") == starts + 1, "the recovery begins")
    kill_hands(holder)
    wait_for(lambda: running(it, "w") == [holder], "it runs again where it ran")
    lines = holder.read("/var/witness/log.w").split("\n")[-4:-1]
    first, again, end = (line.split() for line in lines)
    assert (first[0], again[0], end[0]) == ("begin", "begin", "end")
    assert first[1] != again[1] == end[1], "the first one was ended before the second began"
    for host in it.nodes:
        host.run(["rm", "-f", "/var/witness/slow"], check=True)


def last_failure(it: Cluster, holder: Host) -> str:
    """Why the service last failed there, whatever was before."""
    return str(history(it, "w", holder.name).get("w_last_failure_0", {}).get("exit-reason", ""))


def test_a_failure_says_why_and_hands_that_die_forget_nothing(it: Cluster) -> None:
    (holder,) = running(it, "w")
    holder.write("/var/witness/broken", "")
    wait_for(lambda: "it is broken" in last_failure(it, holder), "the failure is recorded, and why")
    holder.run(["rm", "-f", "/var/witness/broken"], check=True)
    failure = history(it, "w", holder.name)["w_last_failure_0"]
    assert failure["operation_key"] == "w_monitor_1000"
    wait_for(lambda: recovered(it, holder, int(failure["call-id"])), "it runs again, and is looked at")
    known = history(it, "w", holder.name)
    starts = holder.read("/var/witness/log.w").count("begin")
    kill_hands(holder)
    wait_for(lambda: holder.run(["pgrep", "-x", "ha-hands"]).returncode == 0, "other hands")
    assert history(it, "w", holder.name) == known
    holder.run(["rm", "-f", "/var/witness/up.w"], check=True)
    wait_for(lambda: holder.read("/var/witness/log.w").count("begin") > starts, "its monitor goes on")
    wait_for(lambda: running(it, "w") == [holder], "and it is mended")
