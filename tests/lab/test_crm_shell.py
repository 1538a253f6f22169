"""The crm shell on a living cluster of three nodes: what it says at one node is so on all, and what it did is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hacluster.lab.cluster import Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.conftest import require_lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

START = """configure
property stonith-enabled=false
primitive A ocf:hacluster:Dummy op monitor interval=10s timeout=20s
primitive B ocf:hacluster:Dummy op monitor interval=10s timeout=20s
group G A B
commit
"""


@pytest.fixture(scope="module", name="it")
def _it() -> Iterator[Cluster]:
    require_lab()
    with cluster(3, "shell") as it:
        it.install()
        it.start()
        wait_for(lambda: all(it.view(host).synced and len(it.view(host).members) == 3 for host in it.nodes), "a view")
        done = it.nodes[0].run(["crm", "-f", "-"], text=START, timeout=60)
        assert done.returncode == 0, (done.stdout, done.stderr)
        wait_for(lambda: where(it.nodes[1], "B"), "the group runs")
        yield it


def crm(host: Host, *words: str, status: int = 0) -> str:
    """What the shell says; its status must be this one."""
    done = host.run(["crm", *words], timeout=60)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return str(done.stdout + (done.stderr if status else ""))


def where(host: Host, resource: str) -> str:
    """The node that runs a resource; empty when it runs nowhere."""
    return str(host.run(["crm_resource", "-W", "-Q", "-r", resource], timeout=60).stdout.strip())


def test_a_configuration_is_the_same_everywhere(it: Cluster) -> None:
    shown = {crm(host, "configure", "show") for host in it.nodes}
    assert len(shown) == 1
    assert "group G A B" in shown.pop()
    assert "partition with quorum" in crm(it.nodes[2], "status")


def test_resources_stop_start_and_move_when_they_are_told(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    assert "Stop" in crm(n1, "resource", "stop", "G", "--plan", status=2)
    assert where(n1, "A"), "a plan does nothing"
    crm(n1, "resource", "stop", "G")
    wait_for(lambda: not where(n2, "A") and not where(n2, "B"), "both are stopped")
    crm(n2, "-w", "resource", "start", "G")
    assert where(n3, "A") == where(n3, "B") != "", "who waits comes back when it runs"
    goal = next(host.name for host in it.nodes if host.name != where(n1, "A"))
    crm(n3, "resource", "move", "G", goal)
    wait_for(lambda: where(n1, "B") == goal, "it is there")
    crm(n1, "resource", "clear", "G")


def test_what_runs_is_not_deleted_and_a_node_in_standby_is_left(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    assert "is running, can't delete it" in crm(n1, "configure", "delete", "A", status=1)
    home = where(n2, "A")
    crm(n2, "node", "standby", home)
    wait_for(lambda: where(n1, "B") not in {"", home}, "it left")
    crm(n1, "node", "online", home)
    assert "standby=off" in crm(n2, "node", "show", home)


def test_a_text_is_applied_at_one_node_and_taken_back(it: Cluster) -> None:
    n1, _, n3 = it.nodes
    before = crm(n3, "configure", "show")
    n1.run(["sh", "-c", "echo 'primitive C ocf:hacluster:Dummy' > /tmp/wanted.crm"])
    crm(n1, "apply", "--plan", "/tmp/wanted.crm", status=2)
    crm(n1, "apply", "/tmp/wanted.crm")
    wait_for(lambda: where(n3, "C"), "it runs")
    assert "already" in crm(n1, "apply", "/tmp/wanted.crm")
    crm(n1, "rollback", "1")
    assert crm(n3, "configure", "show") == before
    wait_for(lambda: not where(n3, "C"), "it is gone")


def test_a_commit_that_nobody_confirms_is_taken_back_by_the_cluster(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    before = crm(n3, "configure", "show")
    change = "configure\nprimitive D ocf:hacluster:Dummy\ncommit confirm {}\n"
    done = n1.run(["crm", "-f", "-"], text=change.format("10s"), timeout=60)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "D" in crm(n2, "configure", "unconfirmed", status=2)
    assert "changed by a commit of root" in crm(n2, "configure", "delete", "--force", "D", status=1)
    wait_for(lambda: crm(n3, "configure", "show") == before, "it is as it was", 40)
    n1.run(["crm", "-f", "-"], text=change.format("10m"), timeout=60, check=True)
    crm(n3, "configure", "confirm")
    crm(n2, "configure", "unconfirmed")
    assert "primitive D" in crm(n1, "configure", "show")
    n2.run(["crm", "-f", "-"], text=change.replace(" D ", " E ").format("10m"), timeout=60, check=True)
    crm(n1, "configure", "revert")
    assert "primitive E" not in crm(n3, "configure", "show")


AGENT = """#!/bin/sh
echo "$CRM_alert_kind $CRM_alert_node" \\
    "$CRM_alert_task$CRM_alert_attribute_name $CRM_alert_desc $mark" >>"$CRM_alert_recipient"
"""


def test_alert_agents_are_called(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    for host in it.nodes:
        host.write("/usr/local/sbin/told", AGENT, 0o755)
    crm(n1, "configure", "alert", "note", "/usr/local/sbin/told", "attributes", "mark=seen", "select", "nodes",
        "resources", "attributes", "{", "site", "}", "to", "{", "/tmp/alerts", "}")  # fmt: skip
    n2.run(["attrd_updater", "-n", "site", "-U", "north"], check=True)
    n2.run(["attrd_updater", "-n", "other", "-U", "x"], check=True)
    crm(n3, "configure", "primitive", "F", "ocf:hacluster:Dummy")
    wait_for(lambda: where(n1, "F"), "it runs")
    home = it.node(where(n1, "F"))

    def told(host: Host) -> str:
        path = host.path("/tmp/alerts")
        return str(path.read_text()) if path.exists() else ""

    wait_for(lambda: f"resource {home.name} start ok seen" in told(home), "the start is told where it was")
    for host in it.nodes:
        wait_for(lambda host=host: "attribute n2 site  seen" in told(host), f"the attribute is told at {host.name}")
        assert " other " not in told(host)
