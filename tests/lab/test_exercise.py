"""The exercise of the README, on real addresses and real services, put through every fault while a client looks on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hacluster.lab.exercise import ADDRESSES, DOCUMENTS, NODE1, NODE2, SECOND_LINK, URL, VIP
from hacluster.lab.hosts import Host
from tests.cluster import cluster
from tests.conftest import require_lab, require_root, skip_or_fail
from tests.nodes import OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(420)]

TWO_LINKS = "ucast on two links"
MEDIA = {
    "bcast": "bcast eth0",
    "mcast": "mcast eth0 225.0.0.15 694 1 0",
    TWO_LINKS: "\n".join(
        [f"ucast eth0 {ADDRESSES[n]}" for n in (NODE1, NODE2)]
        + [f"ucast eth1 {SECOND_LINK[n]}" for n in (NODE1, NODE2)]
    ),
}


@pytest.fixture(autouse=True)
def _laboratory() -> None:
    require_lab()


def test_the_files_as_people_write_them():
    """Exactly three lines of ha.cf: the defaults are a deadtime of 30 s and the legacy protocol."""
    with cluster(bare=True) as it:
        it.start()
        it.served_by(it.one)
        it.one.crash()
        it.served_by(it.two)
        it.one.boot()
        it.start(it.one)
        it.served_by(it.one, within=150)


@pytest.mark.parametrize("medium", list(MEDIA))
def test_every_fault_of_the_exercise(medium):
    with cluster(medium=MEDIA[medium], second_link=medium == TWO_LINKS) as it:
        one, two = it.nodes
        it.start()
        it.served_by(one)
        it.says("local", "local")

        one.crash()
        it.served_by(two)
        one.boot()
        it.start(one)
        it.served_by(one)

        one.standby()
        it.served_by(two)
        it.says("none", "all")
        one.takeover()
        it.served_by(one)

        one.stop()
        it.served_by(two)
        assert not one.running()
        it.start(one)
        it.served_by(one)
        it.says("local", "local")


@pytest.mark.parametrize("medium", list(MEDIA))
def test_cut_of_the_active_nodes_link(medium):
    """The client's side gets the service back; after the healing exactly one node has it."""
    with cluster(medium=MEDIA[medium], second_link=medium == TWO_LINKS) as it:
        one, two = it.nodes
        it.start()
        it.served_by(one)
        one.host.cut()
        it.watch.wait_answer(two.name, since=time.monotonic())
        one.host.heal()
        it.served_by(one, within=150)
        it.says("local", "local")


def test_one_of_two_links_may_fail():
    with cluster(medium=MEDIA[TWO_LINKS], second_link=True) as it:
        one, two = it.nodes
        it.start()
        it.served_by(one)
        since = time.monotonic()
        two.host.cut("eth1")
        eventually(
            "the link is seen dead", lambda: one.tool("cl_status", "hblinkstatus", NODE2, "eth1")[1].strip() == "dead"
        )
        assert one.sees(NODE2) == "active"
        two.host.heal()
        eventually(
            "the link is up again", lambda: one.tool("cl_status", "hblinkstatus", NODE2, "eth1")[1].strip() == "up"
        )
        assert it.holders() == {NODE1}
        assert it.watch.missed(since) == []


@pytest.mark.parametrize("medium", list(MEDIA))
def test_return_without_failback(medium):
    with cluster(medium=MEDIA[medium], second_link=medium == TWO_LINKS, failback="off") as it:
        one, two = it.nodes
        it.start()
        it.served_by(one)
        one.crash()
        it.served_by(two)
        one.boot()
        it.start(one)
        it.says("none", "all")
        since = time.monotonic()
        it.served_by(two)
        assert it.watch.missed(since) == []
        two.standby("failback")
        it.served_by(one)


@contextmanager
def shared_disk(image: Path) -> Iterator[str]:
    """An ext4 file system on a loop device, which all hosts of a machine see: the shared disk of the two nodes."""
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    command = ["losetup", "--find", "--show", str(image)]
    device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
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
    if agents == "Debian's agents" and not Path("/etc/ha.d/resource.d/Filesystem").exists():
        skip_or_fail("Debian's packages heartbeat and resource-agents are not installed")
    with (
        shared_disk(tmp_path / "shared.img") as device,
        cluster(
            haresources=f"{NODE1} IPaddr::{VIP}/16/eth0 Filesystem::{device}::{DOCUMENTS}::ext4 httpd",
            own_agents=agents == "our agents",
            share=[str(tmp_path)],
        ) as it,
    ):
        one, two = it.nodes
        client = it.place.client

        def mounted(node: OurNode) -> bool:
            return f"{device} {DOCUMENTS} ext4" in node.host.read("/proc/1/mounts")

        for node in it.nodes:
            # Where no systemd-tmpfiles has been at work; Debian's agents fail without it.
            node.host.run(["rm", "-r", "/run/resource-agents"], check=True)
        it.start()
        it.served_by(one)
        assert mounted(one)
        one.host.write(f"{DOCUMENTS}/index.html", "written by node1\n")
        assert page(client) == "written by node1\n"
        one.standby()
        it.served_by(two)
        assert mounted(two)
        assert not mounted(one)
        assert page(client) == "written by node1\n"
        it.says("none", "all")
        two.crash()
        it.served_by(one)
        assert mounted(one)
        assert page(client) == "written by node1\n"


def test_an_ocf_agent_with_its_settings_file():
    """``OCF::type::instance``: the agent gets the parameters of conf/OCF/type/instance."""
    with cluster(haresources=f"{NODE1} IPaddr::{VIP}/16/eth0 OCF::Dummy::one httpd") as it:
        state = "/run/dummy-of-one.state"
        for node in it.nodes:
            node.host.write("/etc/ha.d/conf/OCF/Dummy/one", f"# where it leaves its mark\nOCF_RESKEY_state='{state}'\n")
        it.start()
        it.served_by(it.one)
        assert it.one.host.path(state).exists()
        assert not it.two.host.path(state).exists()
        it.one.standby()
        it.served_by(it.two)
        assert it.two.host.path(state).exists()
        assert not it.one.host.path(state).exists()
