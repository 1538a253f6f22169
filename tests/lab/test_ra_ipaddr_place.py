"""IPaddr: whose address it is, on which interface, and what a start and a stop change besides."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab
from tests.unit.ra.unusable import IDENTITY, UNUSABLE
from tests.waiting import eventually

pytestmark = pytest.mark.lab
RA = Path(__file__).parents[2] / "ra"
VIP, NET = "172.16.100.1", "172.16.0.0/16"
LONG = "an-alternative-name-of-thirty-eight-ch"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    with Lab("place") as made:
        made.add_network("net0", NET)
        made.add_network("net1", "10.1.0.0/24")
        made.add_network("net2", NET)
        made.add_host("one", {"eth0": ("net0", "172.16.100.6/16"), "eth1": ("net1", "10.1.0.6/24"), "eth2": ("net2",)})
        made.add_host("two", {"eth0": ("net0", "172.16.100.7/16")})
        yield made


@pytest.fixture
def one(lab: Lab) -> Iterator[Host]:
    """A host as it was before: only its own addresses, every interface on and with a carrier."""
    host = lab.hosts["one"]
    yield host
    host.heal()
    script = (
        f"ip address flush to {VIP}; ip address flush dev eth2; rm -f /run/resource-agents/*; ip link set eth0 up;"
        " ip link set eth1 up; ip link set eth2 up; ip address replace 172.16.100.6/16 brd + dev eth0;"
        " ip address flush to 192.0.2.0/24; ip address replace 10.1.0.6/24 brd + dev eth1"
    )
    host.run(["sh", "-c", script], check=True)
    for interface in ("eth0", "eth1", "eth2"):
        eventually("carrier", lambda interface=interface: carrier(host, interface))


def carrier(host: Host, interface: str) -> bool:
    return "LOWER_UP" in link(host, interface)["flags"]


def link(host: Host, interface: str) -> dict[str, list[str]]:
    (found,) = json.loads(host.run(["ip", "-j", "link", "show", "dev", interface], check=True).stdout)
    assert isinstance(found, dict)
    return found


def call(host: Host, action: str, check_level: int = 0, **parameters: str) -> subprocess.CompletedProcess[str]:
    env = {f"OCF_RESKEY_{k}": v for k, v in parameters.items()} | {"OCF_CHECK_LEVEL": str(check_level)}
    return host.run([str(RA / "ocf/hacluster/IPaddr"), action], env=env)


def code(host: Host, action: str, **parameters: str) -> int:
    return call(host, action, **{"ip": VIP, "arp_count": "1"} | parameters).returncode


def ip(host: Host, *words: str) -> str:
    return host.run(["ip", *words], check=True).stdout


def where(host: Host, address: str = VIP) -> list[tuple[str, int, str]]:
    """(interface, prefix length, label) of every place that has the address."""
    return [
        (entry["ifname"], found["prefixlen"], found.get("label", ""))
        for entry in json.loads(ip(host, "-j", "address", "show"))
        for found in entry["addr_info"]
        if found.get("local") == address
    ]


def cut(host: Host, interface: str) -> None:
    host.cut(interface)
    eventually("no carrier", lambda: not carrier(host, interface))


# -- whose address -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nic", ["", "eth0"])
def test_the_address_that_a_real_server_of_lvs_keeps_on_its_loopback_is_left_alone(one: Host, nic: str) -> None:
    ip(one, "address", "add", f"{VIP}/32", "dev", "lo")
    kept = ("lo", 32, "lo")
    assert code(one, "monitor", nic=nic) == 7
    done = call(one, "stop", ip=VIP, nic=nic)
    assert (done.returncode, "left alone" in done.stderr) == (0, True)
    assert where(one) == [kept]
    assert code(one, "start", nic=nic) == 0
    assert where(one) == [kept, ("eth0", 16, "eth0")]
    assert code(one, "monitor", nic=nic) == 0
    assert code(one, "stop", nic=nic) == 0
    assert where(one) == [kept]
    assert code(one, "monitor", nic=nic) == 7


def test_on_an_interface_without_arp_it_is_left_alone_too(one: Host) -> None:
    """As on the dummy interface of a real server."""
    ip(one, "link", "add", "real0", "type", "veth", "peer", "name", "real1")
    ip(one, "link", "set", "real0", "arp", "off", "up")
    ip(one, "address", "add", f"{VIP}/32", "dev", "real0")
    assert code(one, "monitor") == 7
    assert code(one, "start") == 0
    assert code(one, "stop") == 0
    assert where(one) == [("real0", 32, "real0")]
    ip(one, "link", "delete", "real0")


def test_an_address_of_another_interface_is_left_alone(one: Host) -> None:
    ip(one, "address", "add", f"{VIP}/32", "dev", "eth1")
    for nic in ("", "eth0", "eth2", "absent"):
        assert code(one, "monitor", nic=nic) == 7, nic
        assert code(one, "stop", nic=nic) == 0, nic
        assert code(one, "start", nic=nic) == (5 if nic == "absent" else 1), nic
    assert where(one) == [("eth1", 32, "eth1")]
    assert code(one, "monitor", nic="eth1") == 0
    assert code(one, "stop", nic="eth1") == 0
    assert where(one) == []


def test_what_cannot_be_told_is_neither_running_nor_stopped(one: Host) -> None:
    """No interface is in the network of the address, and one has it: whose is it?"""
    other = "192.0.2.9"
    ip(one, "address", "add", f"{other}/32", "dev", "eth1")
    for action in ("monitor", "stop", "start"):
        done = call(one, action, ip=other)
        assert (done.returncode, "give nic" in done.stderr) == (1, True), action
    assert where(one, other) == [("eth1", 32, "eth1")]
    assert code(one, "stop", ip=other, nic="eth1") == 0
    assert where(one, other) == []


def test_what_a_start_made_is_found_when_routes_and_names_are_gone(one: Host) -> None:
    one.run(["sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1"], check=True)
    assert code(one, "start") == 0
    ip(one, "address", "del", "172.16.100.6/16", "dev", "eth0")
    ip(one, "link", "set", "eth0", "down")
    assert code(one, "monitor") == 1
    assert code(one, "stop") == 0
    assert where(one) == []
    ip(one, "link", "set", "eth0", "up")
    assert code(one, "start", nic="eth0", cidr_netmask="16") == 0
    ip(one, "link", "set", "eth0", "down")
    ip(one, "link", "set", "eth0", "name", "lan0")
    assert code(one, "stop", nic="eth0", cidr_netmask="16") == 0
    assert where(one) == []
    ip(one, "link", "set", "lan0", "name", "eth0")


def test_without_a_note_the_networks_of_the_host_tell(one: Host) -> None:
    assert code(one, "start") == 0
    one.run(["rm", "-r", "/run/resource-agents"], check=True)
    assert code(one, "monitor") == 0
    ip(one, "link", "set", "eth0", "down")
    assert code(one, "stop") == 0
    assert where(one) == []


# -- what a stop needs ---------------------------------------------------------------------------------------------

NOT_NEEDED = [(k, v) for k, values in UNUSABLE["IPaddr"].items() if k not in IDENTITY["IPaddr"] for v in values]


def test_no_unusable_parameter_leaves_the_address_behind(one: Host) -> None:
    """Started with good parameters, then one was edited: stop removes it all the same, and monitor never says 7."""
    for name, value in NOT_NEEDED:
        assert code(one, "start", arp_count="0") == 0
        assert code(one, "monitor", **{name: value}) in (0, 1), (name, value)
        assert code(one, "stop", **{name: value}) == 0, (name, value)
        assert where(one) == [], (name, value)


def test_a_stop_that_does_not_know_what_to_stop_fails(one: Host) -> None:
    assert code(one, "start") == 0
    for wrong in ({"ip": ""}, {"ip": "172.16.100.300"}, {"nic": "eth0/16"}):
        assert code(one, "stop", **wrong) == 6, wrong
    done = one.run([str(RA / "heartbeat/IPaddr"), f"{VIP}/244/eth0", "stop"])
    assert done.returncode == 0
    assert where(one) == []


# -- a start brings about what is configured ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [
        (("32",), {"cidr_netmask": "16"}, ("eth0", 16, "eth0")),
        (("24",), {"cidr_netmask": "255.255.0.0"}, ("eth0", 16, "eth0")),
        (("16",), {"iflabel": "web"}, ("eth0", 16, "eth0:web")),
        (("16", "label", "eth0:old"), {"nic": "eth0:web"}, ("eth0", 16, "eth0:web")),
        (("16", "label", "eth0:old"), {}, ("eth0", 16, "eth0:old")),
        (("16",), {"broadcast": "172.16.255.254"}, ("eth0", 16, "eth0")),
    ],
)
def test_an_address_that_is_there_becomes_what_is_configured(
    one: Host, before: tuple[str, ...], given: dict[str, str], after: tuple[str, int, str]
) -> None:
    mask, *more = before
    ip(one, "address", "add", f"{VIP}/{mask}", *more, "dev", "eth0")
    differs = bool(given)
    nic = {"nic": "eth0"} | given
    assert code(one, "monitor", **nic) == (1 if differs else 0)
    assert code(one, "start", **nic) == 0
    assert where(one) == [after]
    assert code(one, "monitor", **nic) == 0
    if "broadcast" in given:
        assert "brd 172.16.255.254 " in ip(one, "address", "show", "to", VIP)
    assert len(where(one, "172.16.100.6")) == 1


@pytest.mark.parametrize("present", [False, True])
def test_an_interface_that_is_off_is_no_running_address_and_a_start_switches_it_on(one: Host, present: bool) -> None:
    if present:
        assert code(one, "start", nic="eth0") == 0
    ip(one, "link", "set", "eth0", "down")
    done = call(one, "monitor", ip=VIP, nic="eth0")
    assert (done.returncode, "switched off" in done.stderr) == ((1, True) if present else (7, False))
    status = one.run([str(RA / "heartbeat/IPaddr"), f"{VIP}/16/eth0", "status"])
    text = "there, but not as configured" if present else "not running"
    assert (status.returncode, status.stdout) == (4 if present else 3, f"IPaddr {VIP}/16/eth0: {text}\n")
    assert code(one, "start", nic="eth0") == 0
    assert where(one) == [("eth0", 16, "eth0")]
    eventually("it is on", lambda: code(one, "monitor", nic="eth0") == 0)


# -- which interface -------------------------------------------------------------------------------------------------


def second(host: Host, *more: str) -> None:
    """eth2 is in the network of eth0 too."""
    ip(host, "address", "add", "172.16.100.5/16", *more, "dev", "eth2")


def asked(host: Host) -> str:
    """The interface that the kernel takes."""
    (answer,) = json.loads(ip(host, "-j", "route", "get", VIP))
    return str(answer["dev"])


@pytest.mark.parametrize("metrics", [(0, 0), (100, 200), (200, 100), (100, 0)])
def test_of_two_interfaces_in_one_subnet_the_kernels_choice_counts(one: Host, metrics: tuple[int, int]) -> None:
    ip(one, "address", "del", "172.16.100.6/16", "dev", "eth0")
    for interface, address, metric in zip(("eth0", "eth2"), ("172.16.100.6", "172.16.100.5"), metrics, strict=True):
        ip(one, "address", "add", f"{address}/16", "dev", interface, *(["metric", str(metric)] if metric else []))
    expected = asked(one)
    assert expected == ("eth2" if metrics[1] < metrics[0] else "eth0")
    assert code(one, "start") == 0
    assert [interface for interface, _, _ in where(one)] == [expected]
    assert code(one, "stop") == 0
    assert where(one) == []


def test_a_narrower_route_counts_more_than_a_metric(one: Host) -> None:
    ip(one, "route", "add", "172.16.100.0/24", "dev", "eth2", "metric", "900")
    assert asked(one) == "eth2"
    assert code(one, "start") == 0
    assert where(one) == [("eth2", 24, "eth2")]
    assert code(one, "stop") == 0


@pytest.mark.parametrize("dead", ["eth0", "eth2"])
def test_an_interface_without_carrier_is_the_last_choice(one: Host, dead: str) -> None:
    second(one)
    cut(one, dead)
    done = call(one, "start", ip=VIP)
    assert (done.returncode, done.stderr) == (0, "")
    assert [interface for interface, _, _ in where(one)] == ["eth2" if dead == "eth0" else "eth0"]
    assert code(one, "stop") == 0
    assert where(one) == []


def test_when_none_has_a_carrier_that_is_said(one: Host) -> None:
    cut(one, "eth0")
    done = call(one, "start", ip=VIP)
    assert done.returncode == 0
    assert "goes to eth0, which has no carrier" in done.stderr
    assert code(one, "stop") == 0


def test_an_address_moves_away_from_a_dead_interface_when_it_is_started_again(one: Host) -> None:
    second(one)
    assert code(one, "start") == 0
    assert [interface for interface, _, _ in where(one)] == ["eth0"]
    cut(one, "eth0")
    assert code(one, "start") == 0
    assert [interface for interface, _, _ in where(one)] == ["eth2"]
    one.heal()
    eventually("carrier", lambda: carrier(one, "eth0"))
    assert code(one, "start") == 0
    assert [interface for interface, _, _ in where(one)] == ["eth2"], "one that works is as good as any"
    assert code(one, "stop") == 0
    assert where(one) == []


@pytest.mark.parametrize("name", ["lan", LONG])
def test_an_interface_may_be_called_by_an_alternative_name(one: Host, name: str) -> None:
    ip(one, "link", "property", "add", "dev", "eth1", "altname", name)
    given = {"nic": f"{name}:0", "cidr_netmask": "24"}
    assert code(one, "validate-all", **given) == 0
    for action, expected in (("monitor", 7), ("start", 0), ("monitor", 0)):
        assert code(one, action, **given) == expected
    assert where(one) == [("eth1", 24, "eth1:0")]
    word = f"{VIP}/24/{name}:0"
    assert one.run([str(RA / "heartbeat/IPaddr"), word, "status"]).returncode == 0
    assert one.run([str(RA / "heartbeat/IPaddr"), word, "stop"]).returncode == 0
    assert where(one) == []
    ip(one, "link", "property", "del", "dev", "eth1", "altname", name)


def test_a_label_is_measured_on_the_interfaces_own_name(one: Host) -> None:
    ip(one, "link", "property", "add", "dev", "eth1", "altname", "storage-lan")
    for label, expected in (("ten-letter", 0), ("eleven-char", 2)):
        assert code(one, "start", nic="storage-lan", iflabel=label) == expected, label
    assert where(one) == [("eth1", 32, "eth1:ten-letter")]
    assert code(one, "stop", nic="storage-lan") == 0
    ip(one, "link", "property", "del", "dev", "eth1", "altname", "storage-lan")


# -- what a stop leaves ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writable", [True, False], ids=["promotion for a moment", "put back"])
@pytest.mark.parametrize("by", [[], ["heartbeat"]], ids=["ocf", "heartbeat"])
def test_the_routes_stay_when_the_first_address_of_a_subnet_goes(one: Host, writable: bool, by: list[str]) -> None:
    """Without promote_secondaries the kernel takes the others with the first, and the routes with the last."""
    for name in ("all", "eth0"):
        one.run(["sysctl", "-qw", f"net.ipv4.conf.{name}.promote_secondaries=0"], check=True)
    ip(one, "address", "del", "172.16.100.6/16", "dev", "eth0")
    assert code(one, "start", nic="eth0", cidr_netmask="16") == 0
    ip(one, "address", "add", "172.16.100.6/16", "brd", "+", "dev", "eth0")
    assert "secondary" in ip(one, "address", "show", "to", "172.16.100.6")
    ip(one, "route", "add", "default", "via", "172.16.0.254", "dev", "eth0")
    ip(one, "route", "add", "203.0.113.0/24", "via", "172.16.0.253", "metric", "7", "mtu", "1400")
    ip(one, "route", "add", "198.51.100.0/24", "dev", "eth0", "src", "172.16.100.6", "table", "main")
    ip(one, "route", "add", "192.0.2.0/24", "via", "172.16.0.252", "table", "77")

    def routes() -> list[str]:
        lines = ip(one, "route", "show", "table", "all").splitlines()
        return sorted(line.rstrip() for line in lines if "proto kernel" not in line)

    before = routes()
    assert len([line for line in before if "dev eth0" in line]) >= 4
    stop = [str(RA / "ocf/hacluster/IPaddr"), "stop"]
    if by:
        stop = [str(RA / "heartbeat/IPaddr"), f"{VIP}/16/eth0", "stop"]
    if not writable:
        script = 'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; exec "$@"'
        stop = ["unshare", "-m", "sh", "-ec", script, "sh", *stop]
    env = {"OCF_RESKEY_ip": VIP, "OCF_RESKEY_nic": "eth0"}
    done = one.run(stop, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert where(one) == []
    assert where(one, "172.16.100.6") == [("eth0", 16, "eth0")]
    assert routes() == before
    assert one.read("/proc/sys/net/ipv4/conf/eth0/promote_secondaries") == "0\n"
    for words in (("default",), ("203.0.113.0/24",), ("198.51.100.0/24",), ("192.0.2.0/24", "table", "77")):
        ip(one, "route", "del", *words)


def test_host_stays_reachable_while_the_first_address_goes(one: Host) -> None:
    """The host's own address is not away for a moment: what asks for it all the time never misses it."""
    for name in ("all", "eth0"):
        one.run(["sysctl", "-qw", f"net.ipv4.conf.{name}.promote_secondaries=0"], check=True)
    ip(one, "address", "del", "172.16.100.6/16", "dev", "eth0")
    assert code(one, "start", nic="eth0", cidr_netmask="16") == 0
    ip(one, "address", "add", "172.16.100.6/16", "dev", "eth0")
    monitor = one.spawn(["ip", "monitor", "address"], stdout=subprocess.PIPE)
    assert code(one, "stop", nic="eth0") == 0
    ip(one, "address", "add", "192.0.2.1/32", "dev", "eth1")
    assert monitor.stdout is not None
    seen = b""
    while b"192.0.2.1" not in seen:
        seen += monitor.stdout.read(4096)
    assert b"Deleted" in seen
    assert not any(b"172.16.100.6" in line for line in seen.split(b"\n") if line.startswith(b"Deleted"))
    monitor.kill()
    monitor.wait()
    monitor.close()


def test_many_that_go_and_come_at_once_do_not_bring_each_other_back(one: Host) -> None:
    """Each is stopped while others of its subnet are: what was removed stays removed, the rest stays."""
    for name in ("all", "eth0"):
        one.run(["sysctl", "-qw", f"net.ipv4.conf.{name}.promote_secondaries=0"], check=True)
    numbers = range(10, 16)
    agent = str(RA / "ocf/hacluster/IPaddr")
    given = "OCF_RESKEY_nic=eth0 OCF_RESKEY_cidr_netmask=24 OCF_RESKEY_check_duplicate=no OCF_RESKEY_arp_count=1"
    for read_only in (False, True):
        for action, others in (("start", "stop"), ("stop", "start")) * 2:
            jobs = " & ".join(
                f"OCF_RESKEY_ip=192.0.2.{n} {given} '{agent}' {action if n % 2 else others}" for n in numbers
            )
            script = f"{jobs} & wait"
            if read_only:
                script = f"mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; {script}"
            done = one.run(["unshare", "-m", "sh", "-c", script])
            assert done.stderr == ""
            runs = {n for n in numbers if where(one, f"192.0.2.{n}")}
            assert runs == {n for n in numbers if (action if n % 2 else others) == "start"}
    ip(one, "address", "flush", "to", "192.0.2.0/24")


def test_an_interface_that_is_off_is_named_when_there_is_no_other(one: Host) -> None:
    ip(one, "link", "set", "eth0", "down")
    done = call(one, "start", ip=VIP)
    assert (done.returncode, "eth0 has its network and is switched off" in done.stderr) == (5, True), done.stderr


@pytest.mark.parametrize(
    "harm", ["mkdir {0}", "mkfifo {0}", "ln -s /etc/passwd {0}", "head -c 9999 /dev/urandom >{0}", ">{0}"]
)
def test_a_note_that_is_something_else_is_none(one: Host, harm: str) -> None:
    record = f"/run/resource-agents/hacluster-IPaddr-{bytes(map(int, VIP.split('.'))).hex()}-.made"
    assert code(one, "start") == 0
    one.run(["sh", "-ec", f"rm {record}; {harm.format(record)}"], check=True)
    assert code(one, "monitor") == 0
    assert code(one, "stop") == 0
    assert where(one) == []
    one.run(["rm", "-rf", record], check=True)
