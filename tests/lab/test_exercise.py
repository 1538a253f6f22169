"""The exercise of the README, on real addresses and real services, put through every fault while a client looks on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hacluster.lab.exercise import (
    ADDRESSES,
    DOCUMENTS,
    NODE1,
    NODE2,
    SECOND_LINK,
    URL,
    VIP,
    Directory,
    Exercise,
    exercise,
)
from hacluster.lab.hosts import Host
from hacluster.lab.watch import Watch
from tests.conftest import require_lab, require_root, skip_or_fail
from tests.nodes import OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(420)]

FAST = "keepalive 250ms\nwarntime 1\ndeadtime 3\ninitdead 10\n"
"""Three seconds leave room for machines that stand still for half a second."""

MEDIA = {
    "bcast": "bcast eth0",
    "mcast": "mcast eth0 225.0.0.15 694 1 0",
    "ucast on two links": "\n".join(
        [f"ucast eth0 {ADDRESSES[n]}" for n in (NODE1, NODE2)]
        + [f"ucast eth1 {SECOND_LINK[n]}" for n in (NODE1, NODE2)]
    ),
}
LOG = "logfile /var/log/ha-log\n"


@dataclass
class Cluster:
    """The exercise with our daemon on both nodes and a client that asks all the time."""

    place: Exercise
    one: OurNode
    two: OurNode
    watch: Watch

    @property
    def nodes(self) -> tuple[OurNode, OurNode]:
        return self.one, self.two

    def start(self, *nodes: OurNode) -> None:
        for node in nodes or self.nodes:
            node.start()

    def served_by(self, node: OurNode, within: float = 90) -> None:
        """The client gets steady answers of this node, and only this node has the address."""
        since = time.monotonic()
        self.watch.wait_answer(node.name, since=since, timeout=within)
        eventually(f"{node.name} alone has {VIP}", lambda: self.holders() == {node.name})

    def holders(self) -> set[str]:
        return {node.name for node in self.nodes if node.host.is_on and VIP in node.addresses()}

    def says(self, one: str, two: str) -> None:
        eventually(
            f"rscstatus {one} and {two}",
            lambda: [self.one.rscstatus() if one else "", self.two.rscstatus() if two else ""] == [one, two],
        )


MakeCluster = Callable[..., Cluster]


@pytest.fixture
def make_cluster() -> Iterator[MakeCluster]:
    require_lab()
    with ExitStack() as stack:

        def make(medium: str = "bcast", *, failback: str = "on", ha_cf: str | None = None, **texts: str) -> Cluster:
            place = stack.enter_context(exercise("exercise", second_link=medium == "ucast on two links"))
            text = FAST + LOG + f"auto_failback {failback}\n" if ha_cf is None else ha_cf
            directory = Directory(media=MEDIA[medium], ha_cf=text, **texts)
            place.install(directory)
            one, two = (OurNode(host, directory) for host in place.nodes)
            watch = stack.enter_context(Watch(place.client, URL, interval_ms=20))
            return Cluster(place, one, two, watch)

        yield make


def test_the_files_as_people_write_them(make_cluster):
    """Exactly three lines of ha.cf: the defaults are a deadtime of 30 s and the legacy protocol."""
    cluster = make_cluster(ha_cf="")
    cluster.start()
    cluster.served_by(cluster.one)
    cluster.one.crash()
    cluster.served_by(cluster.two)
    cluster.one.boot()
    cluster.start(cluster.one)
    cluster.served_by(cluster.one, within=150)


@pytest.mark.parametrize("medium", list(MEDIA))
def test_every_fault_of_the_exercise(make_cluster, medium):
    cluster = make_cluster(medium)
    one, two = cluster.nodes
    cluster.start()
    cluster.served_by(one)
    cluster.says("local", "local")

    one.crash()
    cluster.served_by(two)
    one.boot()
    cluster.start(one)
    cluster.served_by(one)

    one.standby()
    cluster.served_by(two)
    cluster.says("none", "all")
    one.takeover()
    cluster.served_by(one)

    one.stop()
    cluster.served_by(two)
    assert not one.running()
    cluster.start(one)
    cluster.served_by(one)
    cluster.says("local", "local")


def test_cut_of_the_active_nodes_link(make_cluster):
    """The client's side gets the service back; after the healing exactly one node has it."""
    cluster = make_cluster()
    one, two = cluster.nodes
    cluster.start()
    cluster.served_by(one)
    one.host.cut()
    cluster.watch.wait_answer(two.name, since=time.monotonic())
    one.host.heal()
    cluster.served_by(one, within=150)
    cluster.says("local", "local")


def test_one_of_two_links_may_fail(make_cluster):
    cluster = make_cluster("ucast on two links")
    one, two = cluster.nodes
    cluster.start()
    cluster.served_by(one)
    since = time.monotonic()
    two.host.cut("eth1")
    eventually(
        "the link is seen dead", lambda: one.tool("cl_status", "hblinkstatus", NODE2, "eth1")[1].strip() == "dead"
    )
    assert one.sees(NODE2) == "active"
    two.host.heal()
    eventually("the link is up again", lambda: one.tool("cl_status", "hblinkstatus", NODE2, "eth1")[1].strip() == "up")
    assert cluster.holders() == {NODE1}
    assert cluster.watch.missed(since) == []


def test_return_without_failback(make_cluster):
    cluster = make_cluster(failback="off")
    one, two = cluster.nodes
    cluster.start()
    cluster.served_by(one)
    one.crash()
    cluster.served_by(two)
    one.boot()
    cluster.start(one)
    cluster.says("none", "all")
    since = time.monotonic()
    cluster.served_by(two)
    assert cluster.watch.missed(since) == []
    two.standby("failback")
    cluster.served_by(one)


@contextmanager
def shared_disk(image: Path, host: Host) -> Iterator[str]:
    """An ext4 file system on a loop device, which all hosts of a machine see: the shared disk of the two nodes."""
    with image.open("wb") as file:
        file.truncate(16 << 20)
    host.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    device = host.run(["losetup", "--find", "--show", str(image)], check=True).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def page(client: Host) -> str:
    """The page as the client gets it."""
    fetch = f"import urllib.request as u; print(u.urlopen({URL!r}, timeout=5).read().decode(), end='')"
    return client.run([sys.executable, "-c", fetch]).stdout


@pytest.mark.parametrize("agents", ["our agents", "Debian's agents"])
def test_a_filesystem_before_the_web_server(agents, tmp_path):
    """The page lies on the disk that moves along, so each node serves what the other wrote."""
    require_root()
    require_lab()
    if agents == "Debian's agents" and not Path("/etc/ha.d/resource.d/Filesystem").exists():
        skip_or_fail("Debian's packages heartbeat and resource-agents are not installed")
    with ExitStack() as stack:
        place = stack.enter_context(exercise("exercise-fs", share=[str(tmp_path)]))
        device = stack.enter_context(shared_disk(tmp_path / "shared.img", place.node1))
        directory = Directory(
            ha_cf=FAST + LOG + "auto_failback on\n",
            haresources=f"{NODE1} IPaddr::{VIP}/16/eth0 Filesystem::{device}::{DOCUMENTS}::ext4 httpd",
        )
        place.install(directory, own_agents=agents == "our agents")
        one, two = (OurNode(host, directory) for host in place.nodes)
        watch = stack.enter_context(Watch(place.client, URL, interval_ms=20))
        cluster = Cluster(place, one, two, watch)

        def mounted(node: OurNode) -> bool:
            return f"{device} {DOCUMENTS} ext4" in node.host.read("/proc/1/mounts")

        cluster.start()
        cluster.served_by(one)
        assert mounted(one)
        one.host.write(f"{DOCUMENTS}/index.html", "written by node1\n")
        assert page(place.client) == "written by node1\n"
        one.standby()
        cluster.served_by(two)
        assert mounted(two)
        assert not mounted(one)
        assert page(place.client) == "written by node1\n"
        cluster.says("none", "all")
        two.crash()
        cluster.served_by(one)
        assert mounted(one)
        assert page(place.client) == "written by node1\n"


def test_an_ocf_agent_with_its_settings_file(make_cluster):
    """``OCF::type::instance``: the agent gets the parameters of conf/OCF/type/instance."""
    line = f"{NODE1} IPaddr::{VIP}/16/eth0 OCF::Dummy::one httpd"
    cluster = make_cluster(haresources=line)
    state = "/run/dummy-of-one.state"
    for node in cluster.nodes:
        node.host.write("/etc/ha.d/conf/OCF/Dummy/one", f"# where it leaves its mark\nOCF_RESKEY_state='{state}'\n")
    cluster.start()
    cluster.served_by(cluster.one)
    assert cluster.one.host.path(state).exists()
    assert not cluster.two.host.path(state).exists()
    cluster.one.standby()
    cluster.served_by(cluster.two)
    assert cluster.two.host.path(state).exists()
    assert not cluster.one.host.path(state).exists()
