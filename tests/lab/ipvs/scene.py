"""The networks of the classic set-ups: one director, three real servers for each way of forwarding, a client.

==========  ==============================================================================
client      172.16.100.9 (and .91 to .96) on ``out``
director    172.16.100.2 on ``out``, 192.168.10.7 on ``in``; the virtual address is 172.16.100.1
nat1-3      192.168.10.8 to .10 on ``in``, their way out is the director
dr1-3       172.16.100.7, .8 and .11 on ``out``
tun1-3      10.20.0.7, 10.30.0.7 and 10.30.0.8 behind a router
==========  ==============================================================================
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final, cast

from hacluster.lab.hosts import Host, Lab
from hacluster.lab.programs import Program
from tests.waiting import eventually

VIP: Final = "172.16.100.1"
HERE: Final = Path(__file__).parent
AGENTS: Final = HERE.parents[2] / "ra/ocf/hacluster"
COMMAND: Final = str(Path(sys.executable).with_name("ldirectord"))
HACLUSTER: Final = str(Path(sys.executable).with_name("hacluster"))
CONFIGURATION: Final = "/etc/ha.d/ldirectord.cf"
LOG: Final = "/var/log/ldirectord.log"
PYTHON: Final = [sys.executable, "-I", "-S"]

METHODS: Final = ("nat", "dr", "tun")
SWITCH: Final = {"nat": "-m", "dr": "-g", "tun": "-i"}
WORD: Final = {"nat": "masq", "dr": "gate", "tun": "ipip"}
ADDRESSES: Final = {
    "nat1": "192.168.10.8",
    "nat2": "192.168.10.9",
    "nat3": "192.168.10.10",
    "dr1": "172.16.100.7",
    "dr2": "172.16.100.8",
    "dr3": "172.16.100.11",
    "tun1": "10.20.0.7",
    "tun2": "10.30.0.7",
    "tun3": "10.30.0.8",
}


class Scene:
    """All of it, running. ``clear`` brings it back to its beginning."""

    def __init__(self, lab: Lab) -> None:
        for name, subnet in {
            "out": "172.16.0.0/16",
            "in": "192.168.10.0/24",
            "far": "10.20.0.0/24",
            "farther": "10.30.0.0/24",
        }.items():
            lab.add_network(name, subnet)
        others = [f"172.16.100.9{n}/16" for n in range(1, 7)]
        self.client = lab.add_host("client", {"eth0": ("out", "172.16.100.9/16", *others)})
        self.director = lab.add_host(
            "director", {"eth0": ("out", "172.16.100.2/16"), "eth1": ("in", "192.168.10.7/24")}
        )
        router = lab.add_host(
            "router",
            {
                "eth0": ("out", "172.16.100.254/16"),
                "eth1": ("far", "10.20.0.1/24"),
                "eth2": ("farther", "10.30.0.1/24"),
            },
        )
        self._shell(router, "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter")
        self._shell(
            self.director, f"ip addr add {VIP}/16 dev eth0 label eth0:0; ip route add 10.0.0.0/8 via 172.16.100.254"
        )
        self._asker = self.client.spawn([*PYTHON, str(HERE / "ask.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._asker.stdout is not None
        self._answers = io.BufferedReader(cast("io.RawIOBase", self._asker.stdout))
        self.servers: dict[str, Host] = {}
        self._pages: dict[str, Program] = {}
        for name, address in ADDRESSES.items():
            network = "in" if name.startswith("nat") else "out"
            if name.startswith("tun"):
                network = "far" if address.startswith("10.20") else "farther"
            bits = 16 if network == "out" else 24
            host = self.servers[name] = lab.add_host(name, {"eth0": (network, f"{address}/{bits}")})
            way = {"in": "192.168.10.7", "far": "10.20.0.1", "farther": "10.30.0.1"}.get(network)
            if way:
                self._shell(host, f"ip route add default via {way}")
            if network != "in":
                method = "tun" if name.startswith("tun") else "dr"
                self.agent(host, "lvs-realserver", "start", ip=VIP, method=method)
            self.begin(name)
        self._shell(self.director, "echo 1 >/proc/sys/net/ipv4/ip_forward")

    @staticmethod
    def _shell(host: Host, line: str) -> str:
        return host.run(["sh", "-c", line], check=True).stdout

    @staticmethod
    def agent(host: Host, name: str, action: str, **parameters: str) -> int:
        """Run one of our agents and give its exit status."""
        environment = {f"OCF_RESKEY_{key}": value for key, value in parameters.items()}
        return host.run([str(AGENTS / name), action], env=environment).returncode

    # the servers and the client ---------------------------------------------------------------------------------------

    def begin(self, name: str) -> None:
        """The web server of that real server (or of ``director``) begins, at ports 80, 23 and 443."""
        if name not in self._pages:
            host = self.servers.get(name, self.director)
            page = host.spawn([*PYTHON, str(HERE / "page.py"), name, "80", "23", "443"], stdout=subprocess.PIPE)
            assert page.stdout is not None
            assert page.stdout.readline() == b"ready\n"
            self._pages[name] = page

    def end(self, name: str) -> None:
        """It refuses connections from now on."""
        page = self._pages.pop(name, None)
        if page is not None:
            page.kill()
            page.wait()
            page.close()

    def ask(self, count: int, **wanted: object) -> list[str]:
        """Which server answered each of the client's connections; see ``ask.py``."""
        order = json.dumps({"address": VIP, "count": count, **wanted})
        assert self._asker.stdin is not None
        self._asker.stdin.write(f"{order}\n".encode())
        return cast("list[str]", json.loads(self._answers.readline()))

    def share(self, count: int, **wanted: object) -> list[int]:
        """How many of the connections each of the three servers of a way of forwarding got; all must be answered."""
        said = Counter(self.ask(count, **wanted))
        names = sorted(said)
        kind = names[0].rstrip("123")
        assert set(names) <= {f"{kind}{n}" for n in (1, 2, 3)}, said
        return [said[f"{kind}{n}"] for n in (1, 2, 3)]

    # the table --------------------------------------------------------------------------------------------------------

    def ipvsadm(self, *words: str) -> str:
        """Run it on the director."""
        return self.director.run(["ipvsadm", *words], check=True).stdout

    def classic(self, *lines: str) -> None:
        """Commands of ipvsadm as people type them, one a line."""
        self.director.run(["ipvsadm", "-R"], text="".join(f"{line}\n" for line in lines), check=True)

    def rules(self) -> str:
        """What ``ipvsadm -S -n`` prints."""
        return self.ipvsadm("-S", "-n")

    def has(self, name: str) -> bool:
        """Whether that server (``director`` for 127.0.0.1) is in the table."""
        return f"-r {ADDRESSES.get(name, '127.0.0.1')}:" in self.rules()

    def await_servers(self, *names: str) -> None:
        """Wait until exactly these are in the table."""
        everybody = (*ADDRESSES, "director")
        eventually(
            f"{names} in the table, no others", lambda: {one for one in everybody if self.has(one)} == set(names), 90
        )

    # ldirectord -------------------------------------------------------------------------------------------------------

    def configure(self, text: str) -> None:
        """The configuration of ldirectord; check interval 1 s, log and no quiescence are given."""
        head = f'checkinterval = 1\nchecktimeout = 3\nnegotiatetimeout = 3\nquiescent = no\nlogfile = "{LOG}"\n'
        self.director.write(CONFIGURATION, head + text)

    def ldirectord(self, word: str) -> None:
        """Start, stop, reload, …"""
        self.director.run([COMMAND, CONFIGURATION, word], check=True, timeout=100)

    def said(self) -> str:
        """The log of ldirectord."""
        path = self.director.path(LOG)
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def await_line(self, words: str) -> None:
        """Wait for words in the log."""
        eventually(f"{words!r} in the log:\n{self.said()}", lambda: words in self.said(), 90)

    def clear(self) -> None:
        """No director, no services, all servers there."""
        if self.director.path(CONFIGURATION).exists():
            self.ldirectord("stop")
            self.director.path(CONFIGURATION).unlink()
            self.director.path(LOG).unlink(missing_ok=True)
        self.ipvsadm("-C")
        self.end("director")
        for name in self.servers:
            self.begin(name)
