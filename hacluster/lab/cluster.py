"""A cluster with a resource manager in the laboratory: some nodes on two networks, and a client.

Nodes are ``n1``, ``n2``, … with the addresses 172.16.0.N; the client is ``client``.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from hacluster.base.errors import HaError
from hacluster.lab.hosts import Host, Lab

VIP: Final = "172.16.100.1"
ARBITER: Final = "10.9.0.9"
"""Where the host outside of the cluster is that votes in it."""

FAST: Final = "keepalive 100ms\ndeadtime 1\ninitdead 10\n"
"""Times of the heartbeat that tests have patience for."""


@dataclass(frozen=True, slots=True)
class View:
    """What a node says of its view; no members: it is in none."""

    members: tuple[str, ...]
    leader: str
    quorate: bool
    synced: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """The hosts. Nothing has been started."""

    lab: Lab
    nodes: tuple[Host, ...]
    client: Host
    arbiter: Host | None = None
    """A third place, which all nodes reach over a network of its own."""

    def node(self, name: str) -> Host:
        """A node by its name."""
        return next(host for host in self.nodes if host.name == name)

    def install(self, ha_cf: str = FAST, hacluster_cf: str = "") -> None:
        """Write the files of the cluster into all nodes."""
        names = " ".join(host.name for host in self.nodes)
        key = secrets.token_hex(32)
        media = "bcast eth0\nbcast eth1\n"
        places = [(host, "/etc/ha.d", media) for host in self.nodes]
        if self.arbiter is not None:
            names, hacluster_cf = f"{names} {self.arbiter.name}", f"witness {self.arbiter.name}\n{hacluster_cf}"
            places = [(host, place, f"{media}ucast eth2 {ARBITER}\n") for host, place, media in places]
            peers = "".join(f"ucast eth0 10.9.0.{host.number}\n" for host in self.nodes)
            places.append((self.arbiter, f"/etc/ha.d/arbitrator/{self.lab.name}", peers))
        for host, place, ways in places:
            host.write(f"{place}/ha.cf", f"node {names}\n{ways}crm respawn\nlogfile /var/log/ha-log\n{ha_cf}")
            host.write(f"{place}/authkeys", f"auth 1\n1 sha1 {key}\n", 0o600)
            if hacluster_cf:
                host.write(f"{place}/hacluster.cf", hacluster_cf)

    def start(self, *hosts: Host) -> None:
        """Start the daemon, on all nodes by default."""
        for host in hosts or self.nodes:
            host.spawn(["hacluster", "run"])

    def stop(self, *hosts: Host, timeout: float = 60) -> None:
        """Stop the daemon cleanly, and wait for it."""
        for host in hosts or self.nodes:
            host.run(["hacluster", "stop"], check=True, timeout=timeout)

    def log(self, host: Host) -> str:
        """What a node's log says."""
        path = host.path("/var/log/ha-log")
        return path.read_text(errors="replace") if path.exists() else ""

    def edit(self, host: Host, operation: str, data: str, scope: str | None = None) -> None:
        """Change the CIB from a host, as ``cibadmin`` does; :class:`HaError` when it is not committed."""
        program = (
            "from dataclasses import replace\n"
            "from hacluster.msg.replica import Edit, EditRequest, WriteEnd\n"
            f"asked = EditRequest(Edit({operation!r}, scope={scope!r}, data={data!r}))\n"
            "w = c.ask(asked)\n"
            "for _ in range(50):\n"
            "    if getattr(w, 'end', None) is not WriteEnd.UNKNOWN or w.request is None: break\n"
            "    time.sleep(0.2); w = c.ask(replace(asked, request=w.request))\n"
            "print(json.dumps([getattr(w, 'end', 'refused'), w.text]))"
        )
        end, text = self.ask(host, program)
        if end != "committed":
            raise HaError(f"{operation} is {end}: {text}")

    def cib(self, host: Host) -> etree._Element:
        """The CIB as a host sees it, configuration and status."""
        text = self.ask(
            host,
            "from hacluster.msg.replica import ReadRequest\n"
            "a = c.ask(ReadRequest()); text = a.text\n"
            "while a.left:\n"
            "    a = c.ask(ReadRequest(token=a.token, offset=len(text))); text += a.text\n"
            "print(json.dumps(text))",
        )
        return etree.fromstring(text)

    def view(self, host: Host) -> View:
        """The view that a host is in; none while nobody answers there."""
        program = (
            "from hacluster.msg.views import ViewQuery\n"
            "s = c.ask(ViewQuery()); v = getattr(s, 'view', None)\n"
            "print(json.dumps([sorted(v.names) if v else [], v.leader if v else '', bool(v and v.quorate), "
            "bool(v and s.synced)]))"
        )
        try:
            found = self.ask(host, program)
        except HaError:
            return View((), "", quorate=False, synced=False)
        return View(tuple(found[0]), *found[1:])

    def ask(self, host: Host, program: str) -> Any:
        """Run a few lines of Python in a host with ``c``, a connection to the daemon; what they ``print`` as JSON."""
        head = "import json, time\nfrom hacluster.client.connection import Connection\nc = Connection(name='lab')\n"
        done = host.run(["python3", "-c", head + program], timeout=20)
        if done.returncode:
            raise HaError(f"{host.name}: {done.stderr.strip().splitlines()[-1:]}")
        return json.loads(done.stdout)


@contextmanager
def cluster(
    count: int = 3, name: str = "cluster", *, share: Sequence[str] = (), arbiter: bool = False
) -> Iterator[Cluster]:
    """Make the hosts; everything is removed at the end, whatever happens. ``arbiter``: one more, outside of it."""
    with Lab(name, share=share) as lab:
        lab.add_network("lan", "172.16.0.0/16")
        lab.add_network("cross", "192.168.5.0/24")
        if arbiter:
            lab.add_network("outside", "10.9.0.0/24")
        nodes = []
        for number in range(1, count + 1):
            networks = {"eth0": ("lan", f"172.16.0.{number}/16"), "eth1": ("cross", f"192.168.5.{number}/24")}
            if arbiter:
                networks["eth2"] = ("outside", f"10.9.0.{number}/24")
            nodes.append(lab.add_host(f"n{number}", networks))
        client = lab.add_host("client", {"eth0": ("lan", "172.16.200.1/16")})
        third = lab.add_host("arbiter", {"eth0": ("outside", f"{ARBITER}/24")}) if arbiter else None
        yield Cluster(lab, tuple(nodes), client, third)


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = 60) -> None:
    """Wait until something is so; :class:`HaError` names it when it does not come about."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise HaError(f"not within {timeout_s} s: {what}")
        time.sleep(0.05)
