"""The two kinds of node that tests set side by side, behind one face.

``RealNode`` is Debian's heartbeat 3.0.6, ``OurNode`` is hacluster; both read the same files in /etc/ha.d of their host.
"""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hacluster.lab.hosts import Host

BIN = Path(sys.executable).parent
HEARTBEAT = "/usr/libexec/heartbeat/heartbeat"
SHARE = "/usr/share/heartbeat"
LOG = "/var/log/ha-log"


@dataclass(frozen=True, slots=True)
class Files:
    """What is written into /etc/ha.d of a host. ``haresources`` and ``authkeys`` are the same on both."""

    ha_cf: str
    authkeys: str
    haresources: str
    hacluster_cf: str = "seal offer\n"

    def install(self, host: Host) -> None:
        host.write("/etc/ha.d/ha.cf", self.ha_cf, 0o644)
        host.write("/etc/ha.d/authkeys", self.authkeys, 0o600)
        host.write("/etc/ha.d/haresources", self.haresources, 0o644)
        host.write("/etc/ha.d/hacluster.cf", self.hacluster_cf, 0o644)


class Installable(Protocol):
    """A set of files for /etc/ha.d."""

    def install(self, host: Host) -> None: ...


class Node(ABC):
    """What a test may do with a node of either kind."""

    kind: str

    def __init__(self, host: Host, files: Installable) -> None:
        self.host = host
        self.name = host.name
        self.install(files)

    def install(self, files: Installable) -> None:
        self.files = files
        files.install(self.host)

    @abstractmethod
    def start(self) -> None:
        """Start the cluster software; returns before it has joined."""

    @abstractmethod
    def stop(self) -> None:
        """Leave cleanly, and return when that is done."""

    @abstractmethod
    def tool(self, *argv: str) -> tuple[int, str]:
        """Run one of the ha tools of this kind: exit status, and both outputs."""

    @abstractmethod
    def reload(self) -> None:
        """Have the changed authkeys read again."""

    def rscstatus(self) -> str:
        return self.tool("cl_status", "rscstatus")[1].strip()

    def sees(self, other: str) -> str:
        return self.tool("cl_status", "nodestatus", other)[1].strip()

    def running(self) -> bool:
        return self.tool("cl_status", "hbstatus")[0] == 0

    def standby(self, which: str = "all") -> None:
        rc, out = self.tool("hb_standby", which)
        assert rc == 0, out

    def takeover(self, which: str = "all") -> None:
        rc, out = self.tool("hb_takeover", which)
        assert rc == 0, out

    def addresses(self) -> set[str]:
        out = self.host.run(["ip", "-j", "-4", "addr", "show"], timeout=30).stdout
        return {info["local"] for link in json.loads(out) for info in link["addr_info"]} - {"127.0.0.1"}

    def log(self) -> str:
        return self.host.read(LOG) if self.host.path(LOG).exists() else ""

    def crash(self) -> None:
        """Power off, and on again without starting the cluster software."""
        self.host.power_off()

    def boot(self) -> None:
        self.host.boot()


class RealNode(Node):
    kind = "real"

    def start(self) -> None:
        self.host.run(["mkdir", "-p", "/run/heartbeat"], timeout=30)
        done = self.host.run([HEARTBEAT], timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self) -> None:
        done = self.host.run([HEARTBEAT, "-k"], timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def reload(self) -> None:
        self.host.run([HEARTBEAT, "-r"], timeout=30)

    def tool(self, *argv: str) -> tuple[int, str]:
        path = {"cl_status": "/usr/bin/cl_status"}.get(argv[0], f"{SHARE}/{argv[0]}")
        done = self.host.run([path, *argv[1:]], timeout=60)
        return done.returncode, done.stdout + done.stderr


class OurNode(Node):
    kind = "ours"

    def start(self) -> None:
        self.host.spawn([str(BIN / "hacluster"), "run"])

    def stop(self) -> None:
        done = self.host.run([str(BIN / "hacluster"), "stop"], timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def reload(self) -> None:
        done = self.host.run([str(BIN / "hacluster"), "reload"], timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr

    def tool(self, *argv: str) -> tuple[int, str]:
        done = self.host.run([str(BIN / argv[0]), *argv[1:]], timeout=60)
        return done.returncode, done.stdout + done.stderr
