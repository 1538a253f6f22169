"""Pacemaker's tools on three real nodes: what one says at a node is so on all, and what it did is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from hacluster.lab.cluster import Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.conftest import require_lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

DUMMY = (
    '<primitive id="{0}" class="ocf" provider="hacluster" type="Dummy"><operations>'
    '<op id="{0}-m" name="monitor" interval="10s" timeout="20s"/></operations></primitive>'
)
OPTION = (
    '<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="fencing" name="stonith-enabled"'
    ' value="false"/></cluster_property_set></crm_config>'
)


@pytest.fixture(scope="module", name="it")
def _it() -> Iterator[Cluster]:
    require_lab()
    with cluster(3, "tools") as it:
        it.install()
        it.start()
        n1, n2, n3 = it.nodes
        wait_for(lambda: all(it.view(host).synced and len(it.view(host).members) == 3 for host in it.nodes), "a view")
        says(n1, "cibadmin", "-M", "-c", "-o", "crm_config", "-X", OPTION)
        says(n2, "cibadmin", "-C", "-o", "resources", "-X", DUMMY.format("A"))
        says(n3, "cibadmin", "-C", "-o", "resources", "-X", DUMMY.format("B"))
        wait_for(lambda: where(it.nodes[0], "A") and where(it.nodes[0], "B"), "both run")
        yield it


def says(host: Host, *words: str, status: int = 0) -> str:
    """What a command prints; its status must be this one."""
    done = host.run(list(words), timeout=60)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return str(done.stdout + (done.stderr if status else ""))


def where(host: Host, resource: str) -> str:
    """The node that runs a resource; empty when it runs nowhere."""
    found = host.run(["crm_resource", "-W", "-Q", "-r", resource], timeout=60)
    return found.stdout.strip()


def test_who_is_there(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    assert says(n1, "crm_node", "-l") == "1 n1 member\n2 n2 member\n3 n3 member\n"
    assert says(n2, "crm_node", "-p") == "n1 n2 n3 \n"
    assert says(n3, "crm_node", "-q") == "1\n"
    assert says(n3, "crm_node", "-n") == "n3\n"
    dc = it.view(n1).leader
    for host in it.nodes:
        assert says(host, "crmadmin", "-D") == f"Designated Controller is: {dc}\n"
    assert says(n1, "crmadmin", "-S", dc) == f"Controller on {dc} in state S_IDLE: ok\n"
    assert "is a member" in says(n1, "crm_node", "-f", "-R", "n2", status=107)


def test_every_node_shows_the_same(it: Cluster) -> None:
    text = says(it.nodes[0], "crm_mon", "-1")
    assert "partition with quorum" in text
    assert "Online: [ n1 n2 n3 ]" in text
    assert "A	(ocf:hacluster:Dummy):	 Started n" in text
    shown = [says(host, "cibadmin", "-Q", "-o", "configuration") for host in it.nodes]
    assert shown[0] == shown[1] == shown[2]


def test_writes_from_all_nodes_at_once_are_all_kept(it: Cluster) -> None:
    running = [
        host.spawn(["sh", "-c", f"for i in 1 2 3 4; do crm_attribute -n {host.name}-$i -v $i || exit 1; done"])
        for host in it.nodes
    ]
    for process in running:
        assert process.wait(timeout=120) == 0
    for host in it.nodes:
        found = etree.fromstring(says(host, "cibadmin", "-Q", "-o", "crm_config"))
        names = {pair.get("name") for pair in found.iter("nvpair")}
        assert {f"{name}-{i}" for name in ("n1", "n2", "n3") for i in range(1, 5)} <= names
    refused = says(it.nodes[1], "cibadmin", "-C", "-o", "resources", "-X", DUMMY.format("A"), status=108)
    assert "File exists" in refused


def test_what_the_schema_forbids_is_refused(it: Cluster) -> None:
    wrong = '<primitive id="C" class="ocf" provider="hacluster" type="Dummy" colour="red"/>'
    text = says(it.nodes[1], "cibadmin", "-C", "-o", "resources", "-X", wrong, status=78)
    assert "does not conform to the configured schema" in text


def test_a_long_text_goes_both_ways(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    pairs = "".join(f'<nvpair id="long-{i}" name="long-{i}" value="{"x" * 200}"/>' for i in range(3_000))
    data = f'<crm_config><cluster_property_set id="long">{pairs}</cluster_property_set></crm_config>'
    n1.write("/tmp/long.xml", data)
    says(n1, "cibadmin", "-M", "-c", "-o", "crm_config", "-x", "/tmp/long.xml")
    assert says(n2, "cibadmin", "-Q", "-o", "crm_config").count("long-2999") == 2
    says(n2, "cibadmin", "-D", "-o", "crm_config", "-X", '<cluster_property_set id="long"/>')
    assert "long-2999" not in says(n1, "cibadmin", "-Q", "-o", "crm_config")


def test_attributes_that_last_and_that_do_not(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    says(n1, "crm_attribute", "-N", "n2", "-n", "site", "-v", "north")
    assert says(n3, "crm_attribute", "-N", "n2", "-n", "site", "-G") == "scope=nodes name=site value=north\n"
    says(n1, "attrd_updater", "-n", "pingd", "-U", "100", "--wait=cluster")
    says(n2, "attrd_updater", "-n", "pingd", "-U", "50", "--wait=cluster")
    found = says(n3, "attrd_updater", "-n", "pingd", "-Q", "-A")
    assert found == 'name="pingd" host="n1" value="100"\nname="pingd" host="n2" value="50"\n'
    says(n3, "crm_attribute", "-N", "n1", "-n", "pingd", "-D", "-l", "reboot")
    wait_for(lambda: n2.run(["attrd_updater", "-n", "pingd", "-Q", "-N", "n1"]).returncode == 105, "it is gone")
    shown = says(n1, "crm_attribute", "-N", "n2", "-n", "pingd", "-G", "-l", "reboot")
    assert shown == "scope=status name=pingd value=50\n"


def test_a_resource_is_moved_and_let_go(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    first = where(n1, "A")
    says(n2, "crm_resource", "-M", "-r", "A")
    wait_for(lambda: where(n1, "A") not in ("", first), "it has moved")
    says(n2, "crm_resource", "--wait", "-T", "60s")
    assert says(n1, "crm_resource", "-U", "-r", "A") == f"Removing constraint: cli-ban-A-on-{first}\n"


def test_a_node_in_standby_runs_nothing(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    node = where(n1, "B")
    says(n2, "crm_standby", "-v", "on", "-N", node)
    wait_for(lambda: where(n1, "B") not in ("", node), "it has moved")
    assert f"Node {node}: standby" in says(n1, "crm_mon", "-1")
    says(n1, "crm_standby", "-D", "-N", node)
    says(n1, "crm_resource", "--wait", "-T", "60s")
    assert "Online: [ n1 n2 n3 ]" in says(n1, "crm_mon", "-1")


def test_a_failure_is_recovered_counted_and_cleaned_up(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    node = where(n1, "A")
    says(n3, "crm_resource", "-F", "-r", "A", "-N", node)
    wait_for(lambda: "Started" in says(n1, "crm_mon", "-1", "-f") and "fail-count=1" in says(n1, "crm_mon", "-1", "-f"),
             "it is counted and recovered")  # fmt: skip
    says(n1, "crm_resource", "--wait", "-T", "60s")
    assert says(n2, "crm_failcount", "-G", "-r", "A", "-N", node) == "scope=status  name=fail-count-A value=1\n"
    assert says(n2, "crm_resource", "-C", "-r", "A") == f"Cleaned up A on {node}\n"
    wait_for(lambda: "fail-count" not in says(n1, "crm_mon", "-1", "-f"), "it is forgotten")
    says(n1, "crm_resource", "--wait", "-T", "60s")
    assert where(n1, "A") == node


def test_a_restart_stops_and_starts(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    node = it.node(where(n1, "B"))
    text = says(n2, "crm_resource", "--restart", "-r", "B")
    assert "Waiting for 1 resources to stop:\n * B\n" in text
    assert "Waiting for 1 resources to start again:\n * B\n" in text
    assert where(n1, "B")
    assert "target-role" not in says(node, "cibadmin", "-Q", "-o", "resources")


def test_a_shadow_is_committed_to_the_cluster(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    script = (
        "export CIB_shadow_dir=/tmp; crm_shadow -b -c plan >/dev/null && export CIB_shadow=plan"
        " && crm_attribute -n maintenance-mode -v false && crm_shadow -b -f -C plan >/dev/null"
    )
    says(n1, "sh", "-c", script)
    assert "maintenance-mode" in says(n2, "cibadmin", "-Q", "-o", "crm_config")


ACLS = (
    '<acls><acl_role id="reader"><acl_permission id="reader-1" kind="read" xpath="/cib"/>'
    '<acl_permission id="reader-2" kind="write" xpath="//meta_attributes"/>'
    '<acl_permission id="reader-3" kind="deny" xpath="//crm_config"/></acl_role>'
    '<acl_target id="anna"><role id="reader"/></acl_target></acls>'
)
AS_A_USER = (
    "-U anna -Q -o resources", "-U anna -Q -o crm_config", "-U anna -Q -A //nvpair[@name='enable-acl']",
    "-U bert -Q", "-U anna -E -f", "-U anna -B", "-U anna -D -o resources -X '<primitive id=\"A\"/>'",
    "-U anna -M -o crm_config -X '<nvpair id=\"fencing\" value=\"true\"/>'",
    "-U anna -C -o resources -X '<primitive id=\"Z\" class=\"ocf\" provider=\"hacluster\" type=\"Dummy\"/>'",
    "-U bert -M -o resources -X '<primitive id=\"A\" description=\"x\"/>'",
)  # fmt: skip
"""What is asked in the name of users with few rights, and with none."""


def test_rights_count_on_the_cluster_as_on_a_file(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    says(n1, "cibadmin", "-M", "-c", "-o", "acls", "-X", ACLS)
    says(n1, "crm_attribute", "-n", "enable-acl", "-v", "true")
    try:
        before = says(n2, "cibadmin", "-Q", "-o", "configuration")
        n1.write("/tmp/acl.xml", says(n1, "cibadmin", "-Q"))
        denied = 0
        for words in AS_A_USER:
            live = n2.run(["sh", "-c", f"cibadmin {words}"], timeout=60)
            file = n1.run(["sh", "-c", f"cp /tmp/acl.xml /tmp/a.xml; CIB_file=/tmp/a.xml cibadmin {words}"], timeout=60)
            assert (live.returncode, live.stdout) == (file.returncode, file.stdout), words
            assert bool(live.stderr) == bool(file.stderr), words
            denied += live.returncode == 4
        assert denied >= 6
        assert says(n2, "cibadmin", "-Q", "-o", "configuration") == before, "nothing that was denied was done"
        says(n2, "sh", "-c", "CIB_user=anna crm_resource -r A -m -p priority -v 1")
        says(n1, "sh", "-c", "CIB_user=anna crm_attribute -n x -v y", status=4)
    finally:
        says(n1, "crm_attribute", "-n", "enable-acl", "-D")
    says(n1, "crm_resource", "-r", "A", "-m", "-d", "priority")


def test_a_plan_a_check_and_a_rehearsal_change_nothing(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    before = says(n1, "cibadmin", "-Q", "-o", "configuration")
    assert "Would be checked anew:\n  * A on n1\n  * A on n2\n  * A on n3\n" in says(
        n2, "crm_resource", "-R", "-r", "A", "--plan"
    )
    assert "Nothing would be started or stopped" in says(n2, "crm_resource", "-C", "--plan")
    place = it.node(where(n1, "A"))
    text = says(place, "crm_simulate", "-L", "-S", "-d", place.name)
    assert f"OFFLINE: [ {place.name} ]" in text
    assert "returned 0 (ok)" in says(place, "crm_resource", "--force-check", "-r", "A")
    assert says(n1, "crm_verify", "-L") == ""
    assert place.name in says(n2, "hacluster", "explain", "A")
    says(n1, "crm_rule", "-c", "-r", "none", status=105)
    assert "Supporting v" in says(n1, "pacemakerd", "-F")
    assert says(n1, "cibadmin", "-Q", "-o", "configuration") == before


def test_without_a_daemon_tools_say_so(it: Cluster) -> None:
    assert "not connected" in says(it.client, "cibadmin", "-Q", status=102)
    assert "Connection refused" in says(it.client, "attrd_updater", "-n", "x", "-Q", status=102)
