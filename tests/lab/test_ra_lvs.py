"""lvs-realserver in pretended hosts, and the agent ldirectord."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab
from tests.lab.ldirectord_place import Place
from tests.waiting import eventually

pytestmark = pytest.mark.lab
RA = Path(__file__).parents[2] / "ra"
VIP = "172.16.100.1"
QUIET = {"all/arp_ignore": "1", "all/arp_announce": "2", "lo/arp_ignore": "1", "lo/arp_announce": "2"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    with Lab("realserver") as made:
        made.add_network("net0", "172.16.0.0/16")
        made.add_host("rs1", {"eth0": ("net0", "172.16.100.7/16")})
        made.add_host("client", {"eth0": ("net0", "172.16.100.9/16")})
        yield made


@pytest.fixture
def one(lab: Lab) -> Iterator[Host]:
    host = lab.hosts["rs1"]
    yield host
    for ip in (VIP, "172.16.100.2", "fd00::1"):
        code(host, "stop", ip=ip)


def code(host: Host, action: str, **parameters: str) -> int:
    env = {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    return host.run([str(RA / "ocf/hacluster/lvs-realserver"), action], env=env).returncode


def settings(host: Host) -> dict[str, str]:
    return {name: host.run(["cat", f"/proc/sys/net/ipv4/conf/{name}"], check=True).stdout.strip() for name in QUIET}


def addresses(host: Host) -> str:
    return host.run(["ip", "-o", "addr", "show", "dev", "lo"], check=True).stdout


def answers(host: Host) -> bool:
    """Whether the client gets a neighbour entry for the address."""
    client = host.lab.hosts["client"]
    client.run(["ip", "neigh", "flush", "all"])
    client.run(["ping", "-c1", "-W1", VIP])
    return "lladdr" in client.run(["ip", "neigh", "show", VIP]).stdout


def test_the_address_is_there_and_nobody_hears_of_it(one: Host) -> None:
    before = settings(one)
    assert before != QUIET
    assert code(one, "monitor", ip=VIP) == 7
    assert code(one, "start", ip=VIP) == 0
    assert code(one, "start", ip=VIP) == 0
    assert f"inet {VIP}/32 " in addresses(one)
    assert settings(one) == QUIET
    assert code(one, "monitor", ip=VIP) == 0
    assert not answers(one)
    assert code(one, "stop", ip=VIP) == 0
    assert VIP not in addresses(one)
    assert settings(one) == before
    assert code(one, "monitor", ip=VIP) == 7
    assert code(one, "stop", ip=VIP) == 0


def test_without_the_agent_the_host_answers(one: Host) -> None:
    """What the test above would not see if its question were wrong."""
    one.run(["ip", "addr", "add", f"{VIP}/32", "dev", "lo"], check=True)
    assert answers(one)
    one.run(["ip", "addr", "del", f"{VIP}/32", "dev", "lo"], check=True)


def test_the_last_address_puts_the_settings_back(one: Host) -> None:
    before = settings(one)
    assert code(one, "start", ip=VIP) == 0
    assert code(one, "start", ip="172.16.100.2") == 0
    assert code(one, "stop", ip=VIP) == 0
    assert settings(one) == QUIET
    assert code(one, "monitor", ip="172.16.100.2") == 0
    assert code(one, "stop", ip="172.16.100.2") == 0
    assert settings(one) == before


def test_a_setting_that_somebody_changed_is_seen_mended_and_left_on_stop(one: Host) -> None:
    assert code(one, "start", ip=VIP) == 0
    one.run(["sh", "-c", "echo 2 >/proc/sys/net/ipv4/conf/all/arp_ignore"], check=True)
    assert code(one, "monitor", ip=VIP) == 1
    assert code(one, "start", ip=VIP) == 0
    assert code(one, "monitor", ip=VIP) == 0
    one.run(["sh", "-c", "echo 2 >/proc/sys/net/ipv4/conf/all/arp_ignore"], check=True)
    assert code(one, "stop", ip=VIP) == 0
    assert settings(one)["all/arp_ignore"] == "2"
    one.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore"], check=True)


def test_ipv6_needs_no_settings(one: Host) -> None:
    before = settings(one)
    assert code(one, "start", ip="fd00::1") == 0
    assert "inet6 fd00::1/128 " in addresses(one)
    assert settings(one) == before
    assert code(one, "stop", ip="fd00::1") == 0
    assert "fd00::1" not in addresses(one)


def test_in_haresources(one: Host) -> None:
    program = str(RA / "heartbeat/lvs-realserver")
    assert one.run([program, VIP, "status"]).returncode == 3
    assert one.run([program, VIP, "dr", "start"]).returncode == 0
    done = one.run([program, VIP, "dr", "status"])
    assert (done.returncode, done.stdout) == (0, f"lvs-realserver {VIP} dr: running\n")
    assert one.run([program, VIP, "dr", "stop"]).returncode == 0
    assert VIP not in addresses(one)


def test_the_agent_ldirectord(tmp_path: Path) -> None:
    place = Place(tmp_path)
    try:
        server = place.server()
        place.write(server)

        def agent(action: str) -> int:
            path = f"{Path(sys.executable).parent}:{place.environment['PATH']}"
            environment = {**place.environment, "PATH": path, "OCF_RESKEY_configfile": str(place.file)}
            argv = [RA / "ocf/hacluster/ldirectord", action]
            return subprocess.run(argv, env=environment, capture_output=True, timeout=120, check=False).returncode

        assert agent("monitor") == 7
        assert agent("start") == 0
        assert agent("monitor") == 0
        place.await_server(server)
        os.kill(int(place.pid_file.read_text(encoding="ascii")), signal.SIGKILL)
        eventually("it is gone", lambda: agent("monitor") == 7)
        assert agent("start") == 0
        text = place.file.read_text(encoding="utf-8")
        place.file.unlink()
        assert agent("monitor") == 0
        assert agent("stop") == 0, "also when its file is gone"
        assert agent("monitor") == 7
        place.file.write_text(text + "frobnicate\n", encoding="utf-8")
        assert agent("start") == 6
    finally:
        place.leave()
