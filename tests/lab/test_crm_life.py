"""A cluster is made, two nodes join by a token, all nodes are asked by ssh, a report is made, and one node leaves."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Iterator

import pytest

from hacluster.lab.cluster import Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.conftest import require_lab, skip_or_fail

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

SSHD = "/usr/sbin/sshd"
SSHD_CONFIG = """\
HostKey /etc/ssh/lab_host_key
AuthorizedKeysFile /root/.ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
"""


@pytest.fixture(scope="module", name="it")
def _it() -> Iterator[Cluster]:
    require_lab()
    skip_or_fail("" if shutil.which(SSHD) else "openssh-server is not installed")
    with cluster(3, "life") as it:
        first = it.nodes[0]
        first.run(["mkdir", "-p", "/root/.ssh"], check=True)
        first.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519"], check=True)
        known = ""
        for host in it.nodes[1:]:
            host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/lab_host_key"], check=True)
            host.run(["usermod", "-p", "*", "root"], check=True)
            host.write("/root/.ssh/authorized_keys", first.read("/root/.ssh/id_ed25519.pub"), 0o600)
            host.write("/etc/ssh/lab_sshd_config", SSHD_CONFIG)
            host.run(["mkdir", "-p", "/run/sshd"], check=True)
            host.spawn([SSHD, "-D", "-f", "/etc/ssh/lab_sshd_config"])
            known += f"{host.name} {' '.join(host.read('/etc/ssh/lab_host_key.pub').split()[:2])}\n"
        first.write("/root/.ssh/known_hosts", known, 0o600)
        yield it


def crm(host: Host, *words: str, status: int = 0) -> str:
    """What the shell says; its status must be this one."""
    done = host.run(["crm", *words], timeout=150)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return str(done.stdout + done.stderr)


def join(inviting: Host, joining: Host, *, status: int = 0) -> str:
    """Invite at one node, and join at another."""
    inviting.run(["rm", "-f", "/tmp/invitation"])
    inviting.spawn(["sh", "-c", "crm cluster invite 100 >/tmp/invitation 2>&1"])
    token = re.compile(r"crm cluster join (\S+)")
    place = inviting.path("/tmp/invitation")
    wait_for(lambda: place.exists() and token.search(place.read_text()), "there is a token")
    match = token.search(place.read_text())
    assert match is not None
    said = crm(joining, "cluster", "join", match[1], status=status)
    if not status:
        wait_for(lambda: "has a vote" in place.read_text(), place.read_text())
    return said


def test_a_cluster_begins_and_grows(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    assert "****" in crm(n1, "cluster", "init", "-n", "site", "-i", "eth0", "-i", "eth1", "--plan", status=2)
    assert not n1.path("/etc/ha.d/authkeys").exists()
    assert "nothing up" not in crm(n1, "cluster", "init", "-i", "eth9", status=1)
    crm(n1, "cluster", "init", "-n", "site", "-i", "eth0", "-i", "eth1", "--no-start")
    text = n1.read("/etc/ha.d/ha.cf")
    for slow, fast in (
        ("keepalive 1", "keepalive 100ms"),
        ("deadtime 10", "deadtime 1"),
        ("initdead 30", "initdead 5"),
    ):
        text = text.replace(f"{slow}\n", f"{fast}\n")
    n1.write("/etc/ha.d/ha.cf", text.replace("warntime 5\n", ""))
    crm(n1, "cluster", "start")
    assert n1.path("/etc/ha.d/authkeys").stat().st_mode & 0o777 == 0o600
    assert it.view(n1).members == ("n1",)
    assert "already" in crm(n1, "cluster", "init", status=1)
    crm(n1, "configure", "property", "stonith-enabled=false")
    join(n1, n2)
    wait_for(lambda: it.view(n2).members == ("n1", "n2") and it.view(n2).synced, "the second is in")
    crm(n1, "cluster", "copy", "/etc/ha.d/ha.cf")
    assert "is in a cluster already" in crm(n2, "cluster", "join", "hacluster1-x", status=1)
    join(n1, n3)
    wait_for(lambda: all(it.view(host).members == ("n1", "n2", "n3") for host in it.nodes), "the third is in")
    assert n3.read("/etc/ha.d/authkeys") == n1.read("/etc/ha.d/authkeys")
    assert crm(n2, "configure", "show", "n3").startswith("node 3: n3")
    assert "n1=1 n2=1 n3=1" in crm(n3, "configure", "show", "xml")


def test_all_nodes_are_asked_and_a_report_has_them(it: Cluster) -> None:
    n1, n2, _ = it.nodes
    assert "+node n1 n2" in crm(n1, "cluster", "diff", "/etc/ha.d/ha.cf", status=1).replace(
        "-node n1 n2", "+node n1 n2"
    )
    crm(n1, "cluster", "copy", "/etc/ha.d/ha.cf")
    assert "is the same on n1, n2, n3" in crm(n1, "cluster", "diff", "/etc/ha.d/ha.cf")
    said = crm(n1, "cluster", "run", "uname -n")
    assert all(f"[{host.name}]\n{host.name}\n" in said for host in it.nodes), said
    assert "exit status 3" in crm(n1, "cluster", "run", "exit 3", "n2", status=1)
    crm(n1, "configure", "primitive", "A", "ocf:heartbeat:Dummy", "params", "fake=x", "op", "monitor", "interval=10s")
    wait_for(lambda: "Started" in n2.run(["crm_resource", "-W", "-r", "A"], timeout=60).stdout or
             n2.run(["crm_resource", "-W", "-Q", "-r", "A"], timeout=60).stdout.strip(), "it runs")  # fmt: skip
    crm(n1, "report", "/tmp/seen")
    with tarfile.open(n1.path("/tmp/seen.tar.bz2")) as tar:
        names = tar.getnames()
        texts = {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}  # type: ignore[union-attr]
    for host in it.nodes:
        assert {f"seen/{host.name}/{name}" for name in ("cib.xml", "status.txt", "ha.cf", "description.txt")} <= set(
            names
        )
    assert not any(name.endswith("authkeys") for name in names)
    secret = n1.read("/etc/ha.d/authkeys").split()[-1].encode()
    assert not [name for name, data in texts.items() if secret in data]
    assert any("/pengine/pe-input" in name for name in names)
    assert "A_start_0" in crm(n1, "-H", "/tmp/seen.tar.bz2", "history", "transitions")
    assert "primitive A" in crm(n1, "at", "-1s", "configure", "show")
    assert "outage" in crm(n1, "budget", "A")


def test_a_node_leaves(it: Cluster) -> None:
    n1, n2, n3 = it.nodes
    assert "crm --force stops it" in crm(n1, "cluster", "remove", "n3", status=1)
    crm(n1, "-F", "cluster", "remove", "n3")
    wait_for(lambda: it.view(n1).members == ("n1", "n2") == it.view(n2).members, "two are left")
    assert "n3" not in crm(n1, "configure", "show")
    assert "n3" not in n1.read("/etc/ha.d/ha.cf")
    assert it.view(n3).members == ()
    crm(n1, "cluster", "stop", "n2")
    wait_for(lambda: it.view(n2).members == (), "it is stopped")
    crm(n1, "cluster", "start", "n2")
    crm(n2, "cluster", "wait_for_startup", "60")
