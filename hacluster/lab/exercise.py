"""The classic exercise: two nodes, one address, one web server, and a client that looks on.

Hosts and files are those of the two-node howtos that people learn Heartbeat with, so what is seen here can be typed on
two real machines: ``node1.name`` 172.16.100.6 and ``node2.name`` 172.16.100.7 with a 16-bit mask keep 172.16.100.1 and
``httpd``. ``hacluster demo`` shows it; the laboratory tests put it through every fault.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5

from hacluster.client.paths import shipped
from hacluster.lab.hosts import Host, Lab

NODE1, NODE2, CLIENT = "node1.name", "node2.name", "client.name"
ADDRESSES = {NODE1: "172.16.100.6", NODE2: "172.16.100.7", CLIENT: "172.16.200.1"}
SECOND_LINK = {NODE1: "192.168.5.6", NODE2: "192.168.5.7"}
VIP = "172.16.100.1"
URL = f"http://{VIP}/"
DOCUMENTS = "/var/www/html"


def random_authkeys() -> str:
    """An authkeys file with one md5 key: the md5sum of random bytes, as the howtos make it with dd and md5sum."""
    key = md5(secrets.token_bytes(512), usedforsecurity=False).hexdigest()
    return f"auth 1\n1 md5 {key}\n"


@dataclass(frozen=True, slots=True)
class Directory:
    """The texts of /etc/ha.d, the same on both nodes. ``ha_cf`` holds what follows the two ``node`` lines."""

    media: str = "bcast eth0"
    ha_cf: str = ""
    haresources: str = f"{NODE1} IPaddr::{VIP}/16/eth0 httpd"
    authkeys: str = field(default_factory=random_authkeys, repr=False)
    hacluster_cf: str = ""

    def install(self, host: Host, directory: str = "/etc/ha.d") -> None:
        """Write the files into a host; authkeys with mode 600."""
        ha_cf = f"node {NODE1}\nnode {NODE2}\n{self.media}\n{self.ha_cf}"
        host.write(f"{directory}/ha.cf", ha_cf if ha_cf.endswith("\n") else ha_cf + "\n")
        host.write(f"{directory}/authkeys", self.authkeys, 0o600)
        host.write(f"{directory}/haresources", self.haresources + "\n")
        if self.hacluster_cf:
            host.write(f"{directory}/hacluster.cf", self.hacluster_cf)


@dataclass(frozen=True, slots=True)
class Exercise:
    """The laboratory with the exercise's hosts in it. Nothing has been started."""

    lab: Lab
    node1: Host
    node2: Host
    client: Host

    @property
    def nodes(self) -> tuple[Host, Host]:
        """The two cluster nodes."""
        return self.node1, self.node2

    def other(self, host: Host) -> Host:
        """The other of the two nodes."""
        return self.node2 if host is self.node1 else self.node1

    def install(self, directory: Directory, *, own_agents: bool = True) -> None:
        """Write configuration and the ``httpd`` init script into both nodes.

        ``own_agents`` hides those of a Heartbeat that happens to be installed on this machine, as on a fresh one.
        """
        script = shipped("conf/httpd").read_bytes()
        for host in self.nodes:
            if own_agents:
                host.run(["rm", "-rf", "/etc/ha.d/resource.d"], check=True)
            directory.install(host)
            host.write("/etc/init.d/httpd", script, 0o755)
            host.write("/etc/default/httpd", f"HACLUSTER_RA={shipped('ra')}\nDIRECTORY={DOCUMENTS}\n")
            host.write(f"{DOCUMENTS}/index.html", f"{host.name}\n")


@contextmanager
def exercise(name: str = "exercise", *, second_link: bool = False, share: Sequence[str] = ()) -> Iterator[Exercise]:
    """Make the three hosts; everything is removed at the end, whatever happens."""
    with Lab(name, share=share) as lab:
        lab.add_network("lan", "172.16.0.0/16")
        if second_link:
            lab.add_network("cross", "192.168.5.0/24")
        hosts = []
        for host, address in ADDRESSES.items():
            interfaces: dict[str, tuple[str, ...]] = {"eth0": ("lan", f"{address}/16")}
            if second_link and host in SECOND_LINK:
                interfaces["eth1"] = ("cross", f"{SECOND_LINK[host]}/24")
            hosts.append(lab.add_host(host, interfaces))
        yield Exercise(lab, *hosts)
