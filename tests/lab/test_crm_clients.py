"""Debian's own crm shell and pcs, unmodified, drive a cluster of ours by our tools."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.cluster import Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.conftest import require_lab, skip_or_fail

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

SHELL = "/usr/sbin/crm"


@pytest.fixture(scope="module", name="it")
def _it() -> Iterator[Cluster]:
    require_lab()
    skip_or_fail("" if Path(SHELL).exists() and shutil.which("python3", path="/usr/bin") else "crmsh is not installed")
    with cluster(3, "clients") as it:
        it.install()
        it.start()
        wait_for(lambda: all(it.view(host).synced and len(it.view(host).members) == 3 for host in it.nodes), "a view")
        yield it


def crm(host: Host, *words: str) -> str:
    """What Debian's shell says; it must be content."""
    done = host.run([SHELL, "-F", *words], timeout=120)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return str(done.stdout + done.stderr)


def where(host: Host, resource: str) -> str:
    """The node that runs a resource; empty when it runs nowhere."""
    return host.run(["crm_resource", "-W", "-Q", "-r", resource], timeout=60).stdout.strip()


def test_a_session(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    crm(n1, "configure", "property", "stonith-enabled=false")
    crm(n1, "configure", "primitive", "A", "ocf:heartbeat:Dummy", "op", "monitor", "interval=10s")
    crm(n2, "configure", "primitive", "B", "ocf:heartbeat:Dummy")
    crm(n3, "configure", "group", "g", "A")
    crm(n1, "configure", "colocation", "together", "inf:", "B", "g")
    crm(n1, "configure", "order", "first", "Mandatory:", "g", "B")
    crm(n1, "configure", "location", "there", "g", "100:", "n2")
    wait_for(lambda: where(n1, "A") == where(n1, "B") == "n2", "both run where they are wanted")
    text = crm(n3, "status")
    assert "partition with quorum" in text
    assert "Online: [ n1 n2 n3 ]" in text
    shown = crm(n2, "configure", "show")
    for line in ("group g A", "colocation together inf: B g", "order first Mandatory: g B", "location there g 100: n2"):
        assert line in shown, shown


def test_resources(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    crm(n1, "resource", "stop", "B")
    wait_for(lambda: not where(n1, "B"), "it is stopped")
    crm(n2, "resource", "start", "B")
    wait_for(lambda: where(n1, "B") == "n2", "it runs")
    crm(n1, "resource", "move", "g", "n3")
    wait_for(lambda: where(n1, "A") == where(n1, "B") == "n3", "they have moved")
    assert "Removed migration constraints" in crm(n1, "resource", "clear", "g")
    assert where(n1, "A") in crm(n1, "resource", "status", "A")
    crm(n1, "resource", "cleanup", "A")


def test_nodes(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    node = where(n1, "B")
    crm(n1, "node", "standby", node)
    wait_for(lambda: where(n1, "B") not in ("", node), "it has left")
    crm(n2, "node", "online", node)
    wait_for(lambda: "Online: [ n1 n2 n3 ]" in n3.run(["crm_mon", "-1"], timeout=60).stdout, "the node is back")
    crm(n3, "node", "attribute", "n1", "set", "site", "north")
    assert "value=north" in n2.run(["crm_attribute", "-N", "n1", "-n", "site", "-G"], timeout=60).stdout


TOOLS = (
    *("cibadmin", "crm_attribute", "crm_diff", "crm_error", "crm_mon", "crm_node", "crm_resource", "crm_rule"),
    *("crm_simulate", "crm_verify", "stonith_admin"),
)


def pcs(host: Host, *words: str) -> str:
    """What pcs says; it must be content."""
    done = host.run(["/usr/sbin/pcs", *words], timeout=120)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return str(done.stdout + done.stderr)


def test_pcs_drives_it_too(it: Cluster) -> None:
    """It calls the tools by their whole paths, and looks for nodes in corosync.conf, so a location needs --force."""
    skip_or_fail("" if Path("/usr/sbin/pcs").exists() else "pcs is not installed")
    n1, n2, _ = it.nodes
    for tool in TOOLS:
        n1.run(["sh", "-c", f"mount --bind $(command -v {tool}) /usr/sbin/{tool}"], check=True)
    pcs(n1, "resource", "create", "P", "ocf:heartbeat:Dummy", "fake=x", "op", "monitor", "interval=11s")
    pcs(n1, "constraint", "location", "P", "prefers", "n2=200", "--force")
    wait_for(lambda: where(n2, "P") == "n2", "it runs where it is wanted")
    shown = pcs(n1, "resource", "config", "P")
    assert "fake=x" in shown
    assert "interval=11s" in shown
    assert "n2" in pcs(n1, "constraint")
    pcs(n1, "resource", "disable", "P")
    wait_for(lambda: not where(n2, "P"), "it is stopped")
    pcs(n1, "property", "set", "cluster-recheck-interval=10min")
    assert "cluster-recheck-interval=10min" in crm(n2, "configure", "show")
    assert "Online: [ n1 n2 n3 ]" in pcs(n1, "status")
    pcs(n1, "resource", "delete", "P")
    assert "primitive P" not in crm(n2, "configure", "show")
