"""The agent lvs-director: address and forwarding, in pretended hosts; its sync daemon: tests/lab/ipvs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab

pytestmark = pytest.mark.lab
RA = Path(__file__).parents[2] / "ra"
VIP = "172.16.100.1"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    with Lab("director") as made:
        made.add_network("net0", "172.16.0.0/16")
        made.add_host("director", {"eth0": ("net0", "172.16.100.2/16")})
        yield made


@pytest.fixture
def one(lab: Lab) -> Iterator[Host]:
    host = lab.hosts["director"]
    host.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward"], check=True)
    yield host
    for ip in (VIP, "172.16.100.3"):
        assert code(host, "stop", ip=ip) == 0


def code(host: Host, action: str, **parameters: str) -> int:
    env = {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    return host.run([str(RA / "ocf/hacluster/lvs-director"), action], env=env).returncode


def forwards(host: Host) -> bool:
    return host.run(["cat", "/proc/sys/net/ipv4/ip_forward"], check=True).stdout == "1\n"


def addresses(host: Host) -> str:
    return host.run(["ip", "-o", "addr", "show", "dev", "eth0"], check=True).stdout


def test_start_and_stop_undo_one_another(one: Host) -> None:
    assert code(one, "monitor", ip=VIP) == 7
    assert code(one, "start", ip=VIP, nic="eth0", iflabel="0") == 0
    assert code(one, "start", ip=VIP, nic="eth0", iflabel="0") == 0
    assert f"inet {VIP}/16 " in addresses(one)
    assert "eth0:0" in addresses(one)
    assert forwards(one)
    assert code(one, "monitor", ip=VIP) == 0
    assert code(one, "stop", ip=VIP) == 0
    assert VIP not in addresses(one)
    assert not forwards(one)
    assert code(one, "stop", ip=VIP) == 0


def test_the_last_address_ends_forwarding_and_one_that_forwarded_before_goes_on(one: Host) -> None:
    assert code(one, "start", ip=VIP) == 0
    assert code(one, "start", ip="172.16.100.3") == 0
    assert code(one, "stop", ip=VIP) == 0
    assert forwards(one)
    assert code(one, "stop", ip="172.16.100.3") == 0
    assert not forwards(one)
    one.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"], check=True)
    assert code(one, "start", ip=VIP) == 0
    assert code(one, "stop", ip=VIP) == 0
    assert forwards(one)


def test_without_forwarding(one: Host) -> None:
    assert code(one, "start", ip=VIP, forward="no") == 0
    assert not forwards(one)
    assert code(one, "monitor", ip=VIP, forward="no") == 0


def test_forwarding_that_somebody_ends_is_seen_and_mended(one: Host) -> None:
    assert code(one, "start", ip=VIP) == 0
    one.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward"], check=True)
    assert code(one, "monitor", ip=VIP) == 1
    assert code(one, "start", ip=VIP) == 0
    assert code(one, "monitor", ip=VIP) == 0


def test_in_haresources(one: Host) -> None:
    program = str(RA / "heartbeat/lvs-director")
    word = f"{VIP}/16/eth0:0"
    assert one.run([program, word, "status"]).returncode == 3
    assert one.run([program, word, "start"]).returncode == 0
    done = one.run([program, word, "status"])
    assert (done.returncode, done.stdout) == (0, f"lvs-director {word}: running\n")
    assert "eth0:0" in addresses(one)
    assert one.run([program, word, "stop"]).returncode == 0
    assert VIP not in addresses(one)
    assert not forwards(one)
