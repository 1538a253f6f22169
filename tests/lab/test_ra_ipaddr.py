"""The agent IPaddr on real interfaces, seen from a neighbour."""

import json
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab
RA = Path(__file__).parents[2] / "ra"
VIP, VIP6 = "172.16.100.1", "fd00::1"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    with Lab("ipaddr") as made:
        made.add_network("net0", "172.16.0.0/16")
        made.add_network("net1", "10.1.0.0/24")
        for number, name in ((6, "one"), (7, "two")):
            made.add_host(
                name,
                {
                    "eth0": ("net0", f"172.16.100.{number}/16", f"fd00::{number}/64"),
                    "eth1": ("net1", f"10.1.0.{number}/24"),
                },
            )
        yield made


@pytest.fixture
def one(lab: Lab) -> Iterator[Host]:
    yield lab.hosts["one"]
    for host in lab.hosts.values():
        for ip in (VIP, VIP6):
            call(host, "stop", ip=ip)


@pytest.fixture
def two(lab: Lab) -> Host:
    return lab.hosts["two"]


def call(host: Host, action: str, check_level: int = 0, **parameters: str) -> subprocess.CompletedProcess[str]:
    env = {f"OCF_RESKEY_{k}": v for k, v in parameters.items()} | {"OCF_CHECK_LEVEL": str(check_level)}
    return host.run([str(RA / "ocf/hacluster/IPaddr"), action], env=env)


def code(host: Host, action: str, **parameters: str) -> int:
    return call(host, action, **parameters).returncode


def addresses(host: Host, interface: str = "eth0") -> dict[str, dict[str, object]]:
    (link,) = json.loads(host.run(["ip", "-j", "address", "show", "dev", interface], check=True).stdout)
    return {a["local"]: a for a in link["addr_info"]}


def test_the_life_of_an_address(one: Host) -> None:
    before = addresses(one)
    assert code(one, "monitor", ip=VIP) == 7
    assert code(one, "stop", ip=VIP) == 0
    for _ in range(2):
        assert code(one, "start", ip=VIP) == 0
    assert code(one, "monitor", ip=VIP) == 0
    assert code(one, "monitor", ip=VIP, nic="eth0") == 0
    assert code(one, "monitor", ip=VIP, nic="eth1") == 7
    found = addresses(one)[VIP]
    assert (found["prefixlen"], found["broadcast"], found["label"]) == (16, "172.16.255.255", "eth0")
    for _ in range(2):
        assert code(one, "stop", ip=VIP) == 0
    assert code(one, "monitor", ip=VIP) == 7
    assert addresses(one) == before


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"nic": "eth1"}, ("eth1", 32, "eth1")),
        ({"nic": "eth1", "cidr_netmask": "24"}, ("eth1", 24, "eth1")),
        ({"cidr_netmask": "255.255.255.0", "iflabel": "web"}, ("eth0", 24, "eth0:web")),
        ({"nic": "eth0", "cidr_netmask": "32"}, ("eth0", 32, "eth0")),
    ],
)
def test_interface_mask_and_label(one: Host, given: dict[str, str], expected: tuple[str, int, str]) -> None:
    assert code(one, "start", ip=VIP, **given) == 0
    interface, prefix, label = expected
    found = addresses(one, interface)[VIP]
    assert (found["prefixlen"], found["label"]) == (prefix, label)
    assert code(one, "stop", ip=VIP, **given) == 0
    assert VIP not in addresses(one, interface)


def test_ipv6_is_usable_at_once(one: Host, two: Host) -> None:
    assert code(one, "start", ip=VIP6) == 0
    found = addresses(one)[VIP6]
    assert found["prefixlen"] == 64
    assert not found.get("tentative")
    assert two.run(["ping", "-c1", "-W5", VIP6]).returncode == 0
    assert code(one, "monitor", ip=VIP6) == 0
    assert code(one, "stop", ip=VIP6) == 0
    assert code(one, "monitor", ip=VIP6) == 7


@pytest.mark.parametrize("ip", [VIP, VIP6])
def test_a_neighbour_learns_at_once_where_the_address_is(one: Host, two: Host, ip: str) -> None:
    """The neighbour asked node two before, and must reach node one without having asked again."""
    two_mac = two.read("/sys/class/net/eth0/address").strip()
    one_mac = one.read("/sys/class/net/eth0/address").strip()
    client = one.lab.hosts.get("client") or one.lab.add_host(
        "client", {"eth0": ("net0", "172.16.100.8/16", "fd00::8/64")}
    )
    assert code(two, "start", ip=ip) == 0
    assert client.run(["ping", "-c1", "-W5", ip]).returncode == 0

    def known() -> str:
        entries = json.loads(client.run(["ip", "-j", "neighbour", "show", ip], check=True).stdout or "[]")
        return entries[0].get("lladdr", "") if entries else ""

    assert known() == two_mac
    two.run(["ip", "address", "flush", "to", ip], check=True)
    assert code(one, "start", ip=ip) == 0
    eventually("it comes true", lambda: known() == one_mac)
    assert client.run(["ping", "-c1", "-W5", ip]).returncode == 0


SNIFFER = (
    "import socket, time\n"
    "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); s.bind(('eth0', 0x0806))\n"
    "print('ready', flush=True)\n"
    "while True:\n"
    "    f = s.recv(2048)\n"
    "    if f[28:32] == f[38:42]: print(f[21], socket.inet_ntoa(f[28:32]), f[6:12].hex(':'), flush=True)\n"
)


def test_announcements_have_both_styles_and_end_when_the_address_is_gone(one: Host, two: Host) -> None:
    sniffer = two.spawn(["python3", "-I", "-S", "-c", SNIFFER], stdout=subprocess.PIPE)
    assert sniffer.stdout is not None
    assert sniffer.stdout.read(6) == b"ready\n"
    mac = one.read("/sys/class/net/eth0/address").strip()
    assert code(one, "start", ip=VIP, arp_count="3", arp_interval="50") == 0
    wanted = f"1 {VIP} {mac}\n2 {VIP} {mac}\n".encode() * 3
    heard = b""
    while len(heard) < len(wanted):
        assert select.select([sniffer.stdout], [], [], 20)[0]
        heard += sniffer.stdout.read(4096)
    assert heard == wanted
    assert code(one, "stop", ip=VIP) == 0
    assert code(one, "start", ip=VIP, arp_count="1000", arp_interval="20") == 0
    assert code(one, "stop", ip=VIP) == 0
    eventually("it comes true", lambda: "IPaddr" not in one.run(["ps", "-eo", "args"]).stdout)
    while select.select([sniffer.stdout], [], [], 0)[0]:
        sniffer.stdout.read(65536)
    assert not select.select([sniffer.stdout], [], [], 0.2)[0]
    sniffer.kill()
    sniffer.wait()
    sniffer.close()


@pytest.mark.parametrize("ip", [VIP, VIP6])
def test_an_address_in_use_is_refused_unless_told_otherwise(one: Host, two: Host, ip: str) -> None:
    assert code(two, "start", ip=ip) == 0
    mac = two.read("/sys/class/net/eth0/address").strip()
    refused = call(one, "start", ip=ip)
    assert refused.returncode == 1
    assert refused.stderr == f"ocf-exit-reason:{ip} is in use by {mac} on the network of eth0\n"
    assert ip not in addresses(one)
    assert code(one, "start", ip=ip, check_duplicate="no") == 0
    assert ip in addresses(one)


def test_other_addresses_of_the_subnet_survive_the_first_ones_removal(one: Host) -> None:
    """Without promote_secondaries the kernel removes them all with the first."""
    one.run(
        ["sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=0", "net.ipv4.conf.eth1.promote_secondaries=0"],
        check=True,
    )
    assert code(one, "start", ip="192.0.2.1", nic="eth1", cidr_netmask="24", iflabel="a") == 0
    assert code(one, "start", ip="192.0.2.2", nic="eth1", cidr_netmask="24", iflabel="b") == 0
    assert code(one, "stop", ip="192.0.2.1") == 0
    found = addresses(one, "eth1")
    assert "192.0.2.1" not in found
    assert found["192.0.2.2"]["label"] == "eth1:b"
    assert code(one, "stop", ip="192.0.2.2") == 0


def test_failures_have_a_code_and_a_reason(one: Host) -> None:
    for parameters, expected, words in (
        ({}, 6, "the parameter ip is required"),
        ({"ip": "172.16.100.300"}, 6, "no IP address"),
        ({"ip": VIP, "cidr_netmask": "255.0.255.0"}, 6, "no netmask"),
        ({"ip": VIP, "cidr_netmask": "33"}, 6, "no netmask"),
        ({"ip": VIP, "nic": "eth0/0"}, 6, "NAME:LABEL"),
        ({"ip": VIP, "nic": "eth9"}, 5, "no interface eth9"),
        ({"ip": "198.51.100.1"}, 5, "give nic and cidr_netmask"),
        ({"ip": VIP, "arp_count": "many"}, 6, "whole number"),
    ):
        done = call(one, "start", **parameters)
        assert done.returncode == expected, parameters
        assert done.stderr.startswith("ocf-exit-reason:"), parameters
        assert words in done.stderr, parameters
        stopped = 6 if not parameters or parameters["ip"].endswith("300") or "/" in parameters.get("nic", "") else 0
        assert code(one, "stop", **parameters) == stopped, parameters
    assert code(one, "start", ip="10.1.0.9") == 0
    done = call(one, "start", ip="10.1.0.9", nic="eth0", cidr_netmask="24")
    assert (done.returncode, done.stderr) == (1, "ocf-exit-reason:10.1.0.9 is on eth1 already, not on eth0\n")
    assert code(one, "stop", ip="10.1.0.9") == 0


def test_depth_10_wants_a_carrier(one: Host) -> None:
    assert code(one, "start", ip=VIP) == 0
    assert call(one, "monitor", check_level=10, ip=VIP).returncode == 0
    one.cut("eth0")
    eventually("it comes true", lambda: one.read("/sys/class/net/eth0/carrier") == "0\n")
    done = call(one, "monitor", check_level=10, ip=VIP)
    assert (done.returncode, done.stderr) == (1, "ocf-exit-reason:the interface eth0 has no carrier\n")
    assert call(one, "monitor", ip=VIP).returncode == 0
    one.heal()


def test_an_interface_that_is_off_is_switched_on(one: Host, two: Host) -> None:
    one.run(["ip", "link", "set", "eth1", "down"], check=True)
    assert code(one, "start", ip="10.1.0.1", nic="eth1", cidr_netmask="24") == 0
    eventually("it comes true", lambda: two.run(["ping", "-c1", "-W1", "10.1.0.1"]).returncode == 0)
    assert code(one, "stop", ip="10.1.0.1") == 0


@pytest.mark.parametrize("name", ["IPaddr", "IPaddr2"])
def test_as_haresources_calls_it(one: Host, two: Host, name: str) -> None:
    def front(*words: str) -> tuple[int, str]:
        done = one.run([str(RA / "heartbeat" / name), *words])
        return done.returncode, done.stdout

    word = f"{VIP}/16/eth0:0/172.16.255.255"
    assert front(word, "status") == (3, f"IPaddr {word}: not running\n")
    assert front(word, "stop") == (0, "")
    assert code(two, "start", ip=VIP) == 0  # without fencing it must be taken from a peer that still has it
    assert front(word, "start") == (0, "")
    assert front(word, "start") == (0, "")
    assert front(word, "status") == (0, f"IPaddr {word}: running\n")
    assert addresses(one)[VIP]["label"] == "eth0:0"
    assert front(VIP, "stop") == (0, "")
    assert front(word, "status")[0] == 3
    assert front("fd00", "1/64", "start") == (0, "")
    assert VIP6 in addresses(one)
    assert front("fd00", "1/64", "stop") == (0, "")
    assert front("nonsense", "start")[0] == 1
    assert front("start")[0] == 1
