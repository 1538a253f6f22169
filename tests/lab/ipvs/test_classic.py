"""The classic set-ups: first with the commands that people know, then by a few lines of ldirectord.cf."""

import pytest

from hacluster.lab.hosts import Host
from tests.lab.ipvs.scene import ADDRESSES, CONFIGURATION, HERE, METHODS, VIP, WORD, Scene
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(600)]
SOURCES = [f"172.16.100.9{n}" for n in range(1, 7)]
MARKS = "nft 'add table ip m; add chain ip m p { type filter hook prerouting priority mangle; }; add rule ip m p {}'"
MARK = MARKS.replace("{}'", f"ip daddr {VIP} tcp dport {{ 80, 23 }} meta mark set 8'")


def test_nat_by_hand(scene: Scene) -> None:
    scene.classic(f"-A -t {VIP}:80 -s rr", f"-a -t {VIP}:80 -r 192.168.10.8 -m", f"-a -t {VIP}:80 -r 192.168.10.9 -m")
    assert scene.share(8) == [4, 4, 0]
    scene.ipvsadm("-E", "-t", f"{VIP}:80", "-s", "wrr")
    scene.ipvsadm("-e", "-t", f"{VIP}:80", "-r", "192.168.10.8", "-m", "-w", "3")
    scene.ipvsadm("-e", "-t", f"{VIP}:80", "-r", "192.168.10.9", "-m", "-w", "1")
    assert scene.share(12) == [9, 3, 0]
    saved = scene.rules()
    scene.ipvsadm("-C")
    scene.director.run(["ipvsadm", "-R"], text=saved, check=True)
    assert scene.rules() == saved
    assert scene.share(12) == [9, 3, 0]


def shipped(scene: Scene, name: str) -> None:
    """A file of conf/lvs as it is, but for where the log goes and for time limits that an emulated machine can keep."""
    text = (HERE.parents[2] / f"conf/lvs/{name}.cf").read_text(encoding="utf-8")
    scene.director.write(CONFIGURATION, text.replace("checktimeout = 3", "checktimeout = 15"))
    scene.ldirectord("start")


def test_the_examples_do_what_is_done_by_hand(scene: Scene) -> None:
    """NAT, direct routing and tunnels: the commands first, then the files that come along."""
    shipped(scene, "nat")
    scene.await_servers("nat1", "nat2")
    assert scene.share(12) == [9, 3, 0]
    scene.ldirectord("stop")
    scene.classic(
        f"-A -t {VIP}:80 -s wlc -p 300",
        f"-a -t {VIP}:80 -r 172.16.100.7 -g -w 2",
        f"-a -t {VIP}:80 -r 172.16.100.8 -g -w 1",
    )
    assert scene.share(6, hold=True, sources=SOURCES) == [4, 2, 0]
    scene.ipvsadm("-C")
    shipped(scene, "dr")
    scene.await_servers("dr1", "dr2")
    assert scene.share(6, hold=True, sources=SOURCES) == [4, 2, 0]
    scene.ldirectord("stop")
    scene.classic(f"-A -t {VIP}:80 -s rr", f"-a -t {VIP}:80 -r 10.20.0.7 -i", f"-a -t {VIP}:80 -r 10.30.0.7 -i")
    assert scene.share(6) == [3, 3, 0]
    scene.ipvsadm("-C")
    shipped(scene, "tun")
    scene.await_servers("tun1", "tun2")
    assert scene.share(6) == [3, 3, 0]


def test_the_scripts_of_both_sides_and_the_agents_in_their_place(scene: Scene) -> None:
    """Direct routing by start, stop and status of the classic scripts; then by lvs-realserver and lvs-director."""
    director, servers = scene.director, [scene.servers["dr1"], scene.servers["dr2"]]

    def script(host: Host, name: str, word: str) -> int:
        return host.run(["sh", str(HERE / name), word]).returncode

    agent = {"ip": VIP, "cidr_netmask": "16", "nic": "eth0", "iflabel": "0"}
    director.run(["ip", "addr", "del", f"{VIP}/16", "dev", "eth0"], check=True)
    for server in servers:
        assert scene.agent(server, "lvs-realserver", "stop", ip=VIP, method="dr") == 0
        assert [script(server, "classic_realserver.sh", word) for word in ("status", "start", "status")] == [3, 0, 0]
    assert [script(director, "classic_director.sh", word) for word in ("status", "start", "status")] == [3, 0, 0]
    assert scene.share(14, hold=True) == [4, 10, 0]
    assert [script(director, "classic_director.sh", word) for word in ("stop", "status")] == [0, 3]
    assert scene.ask(1, timeout_s=1) != ["dr1"]
    for server in servers:
        assert [script(server, "classic_realserver.sh", word) for word in ("stop", "status")] == [0, 3]

    for server in servers:
        actions = [scene.agent(server, "lvs-realserver", word, ip=VIP) for word in ("monitor", "start", "monitor")]
        assert actions == [7, 0, 0]
    assert [scene.agent(director, "lvs-director", word, **agent) for word in ("monitor", "start", "monitor")] == [
        7,
        0,
        0,
    ]
    reals = "    real = 172.16.100.7:80 gate 2\n    real = 172.16.100.8:80 gate 5\n"
    scene.configure(f"virtual = {VIP}:80\n{reals}    scheduler = wlc\n    checktype = connect\n")
    scene.ldirectord("start")
    scene.await_servers("dr1", "dr2")
    assert scene.share(14, hold=True) == [4, 10, 0]
    scene.ldirectord("stop")
    assert [scene.agent(director, "lvs-director", word, **agent) for word in ("stop", "monitor")] == [0, 7]
    assert director.read("/proc/sys/net/ipv4/ip_forward") == "0\n", "as before the start"
    director.run(["sh", "-c", f"ip addr add {VIP}/16 dev eth0 label eth0:0; echo 1 >/proc/sys/net/ipv4/ip_forward"])


PORTS = {"nat": 80, "dr": 443, "tun": 23}


def configuration() -> str:
    """A service for each way of forwarding; a line more than the classic scripts had for one."""
    text = ""
    for method, port in PORTS.items():
        reals = "".join(f"    real = {ADDRESSES[f'{method}{n}']}:{port} {WORD[method]} {n}\n" for n in (1, 2, 3))
        text += (
            f"virtual = {VIP}:{port}\n{reals}    fallback = 127.0.0.1:{port} gate\n    service = http\n"
            f'    request = "/"\n    receive = "{method}"\n    scheduler = wrr\n'
        )
    return text


def test_by_ldirectord_servers_go_and_come_and_the_fallback_serves(scene: Scene) -> None:
    """All three ways at once, so that a failure of one is seen not to touch the others."""
    scene.begin("director")
    scene.configure(configuration())
    scene.ldirectord("start")
    everybody = {f"{method}{n}" for method in METHODS for n in (1, 2, 3)}

    def shares(*expected: int, count: int = 12) -> None:
        for method in METHODS:
            assert scene.share(count, ports=[PORTS[method]]) == list(expected), method

    scene.await_servers(*everybody)
    shares(2, 4, 6)
    dead = [f"{method}2" for method in METHODS]
    for name in dead:
        scene.end(name)
    scene.await_servers(*everybody.difference(dead))
    shares(2, 0, 6, count=8)
    for name in dead:
        scene.begin(name)
    scene.await_servers(*everybody)
    shares(2, 4, 6)
    for name in everybody:
        scene.end(name)
    scene.await_servers("director")
    for port in PORTS.values():
        assert scene.ask(2, ports=[port]) == ["director", "director"]
    scene.begin("tun1")
    scene.await_servers("tun1", "director")
    assert scene.ask(2, ports=[PORTS["tun"]]) == ["tun1", "tun1"]
    for name in everybody:
        scene.begin(name)
    scene.await_servers(*everybody)

    # the table is changed behind its back
    scene.ipvsadm("-d", "-t", f"{VIP}:443", "-r", f"{ADDRESSES['dr2']}:443")
    scene.await_line("was taken out by somebody else")
    scene.await_servers(*everybody)
    scene.ipvsadm("-C")
    scene.await_servers(*everybody)
    scene.ipvsadm("-e", "-t", f"{VIP}:443", "-r", f"{ADDRESSES['dr2']}:443", "-g", "-w", "9")
    scene.await_line("was set to 9 by somebody else: it stays")
    scene.end("dr1")
    scene.await_servers(*everybody.difference(["dr1"]))
    assert f"-r {ADDRESSES['dr2']}:443 -g -w 9" in scene.rules()


def persistent_for_one_client(scene: Scene, ports: list[int]) -> None:
    """One client keeps its server on all these ports; another client has one of its own."""
    first = scene.ask(6, ports=ports, sources=SOURCES[:1])
    second = scene.ask(6, ports=ports, sources=SOURCES[1:2])
    assert (len(set(first)), len(set(second))) == (1, 1), (first, second)
    assert first[0] != second[0]


def test_persistence_for_a_port_for_all_ports_and_for_a_firewall_mark(scene: Scene) -> None:
    one, two = ADDRESSES["dr1"], ADDRESSES["dr2"]
    scene.classic(
        *(f"-A -t {VIP}:{p} -s rr -p 300" for p in (80, 23)),
        *(f"-a -t {VIP}:{p} -r {r} -g" for p in (80, 23) for r in (one, two)),
    )
    persistent_for_one_client(scene, [80])
    persistent_for_one_client(scene, [23])
    scene.ipvsadm("-C")
    scene.classic(f"-A -t {VIP}:0 -s rr -p 300", *(f"-a -t {VIP}:0 -r {r} -g" for r in (one, two)))
    persistent_for_one_client(scene, [80, 23, 443])
    scene.ipvsadm("-C")
    scene.director.run(["sh", "-c", MARK], check=True)
    scene.classic("-A -f 8 -s rr -p 300", f"-a -f 8 -r {one} -g -w 2", f"-a -f 8 -r {two} -g -w 5")
    persistent_for_one_client(scene, [80, 23])
    scene.ipvsadm("-C")

    def virtual(name: str, port: str, check: str) -> str:
        reals = "".join(f"    real = {r}{port} gate 1\n" for r in (one, two))
        tail = "" if name.isdecimal() else "    protocol = tcp\n"
        return f"virtual = {name}\n{reals}    scheduler = rr\n    persistent = 300\n{check}{tail}"

    check = "    checktype = connect\n    checkport = 80\n"
    scene.configure(virtual(f"{VIP}:80", ":80", check))
    scene.ldirectord("start")
    scene.await_servers("dr1", "dr2")
    persistent_for_one_client(scene, [80])
    scene.configure(virtual(f"{VIP}:0", ":0", check))
    scene.ldirectord("reload")
    eventually("all ports", lambda: f"-t {VIP}:0 -s rr -p 300" in scene.rules() and ":80 -s" not in scene.rules())
    scene.await_servers("dr1", "dr2")
    persistent_for_one_client(scene, [80, 23, 443])
    scene.configure(virtual("8", "", check))
    scene.ldirectord("reload")
    eventually("the mark", lambda: "-f 8 -s rr -p 300" in scene.rules() and "-t" not in scene.rules())
    scene.await_servers("dr1", "dr2")
    persistent_for_one_client(scene, [80, 23])
