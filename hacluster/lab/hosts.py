"""Pretended hosts on pretended networks.

    with Lab("demo") as lab:
        lab.add_network("net0", "172.16.0.0/16")
        one = lab.add_host("node1.name", {"eth0": ("net0", "172.16.100.6/16")})
        one.run(["ping", "-c1", "172.16.100.7"], timeout=5)

Each host has its own network, host name, process numbers, IPC and files: its root is the machine's, with everything the
host writes kept apart on a disk in memory. /run, /tmp and /dev are new at each boot. The program's own checkout and
interpreter appear at their usual paths, and the checkout is shared. See :mod:`hacluster.lab.init` for how it is done.

Works as root, and without privileges where the system allows user namespaces; then there are no loop devices.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from pathlib import Path
from types import TracebackType
from typing import Any

import hacluster
from hacluster.base.errors import HaError
from hacluster.lab import faults
from hacluster.lab.faults import Direction, Fault
from hacluster.lab.programs import Console, Program, Stream, message_pair, receive

SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DISK_DIRECTORIES = ("/mnt", "/media", "/srv", "/opt")
INIT = Path(__file__).with_name("init.py")
PACKAGES = {"ip": "iproute2", "tc": "iproute2", "nft": "nftables"}


class LabError(HaError):
    """The laboratory cannot do what was asked; ``step`` names the part of the set-up that failed, if it was one."""

    def __init__(self, text: str, step: str = "") -> None:
        super().__init__(text)
        self.step = step


def visible_paths() -> list[str]:
    """Directories that must look the same in every host: the package's parent and the interpreter's."""
    paths = {Path(hacluster.__file__).resolve().parents[1], Path(sys.prefix), Path(sys.base_prefix).resolve()}
    system = [Path("/usr"), Path("/opt")]
    return [str(p) for p in sorted(paths) if p != Path("/") and not any(p.is_relative_to(s) for s in system)]


def _outermost(paths: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for path in sorted({os.path.abspath(p) for p in paths}):
        if not any(Path(path).is_relative_to(k) for k in kept):
            kept.append(path)
    return kept


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program in a host finds in its environment."""
    path = os.path.dirname(sys.executable) + ":" + SBIN
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")} | dict(
        extra or {}
    )


FILES_OF_A_CLUSTER = ("ha.cf", "authkeys", "haresources", "hacluster.cf")
"""What a new host does not take over from this machine's /etc/ha.d."""


class Lab:
    """A set of networks and hosts. Everything dies with this process, at the latest; ``close`` makes it earlier.

    ``share`` are further directories that every host sees as they are, writable.
    """

    def __init__(self, name: str = "lab", share: Sequence[str] = ()) -> None:
        self.name = name
        self.hosts: dict[str, Host] = {}
        self.networks: dict[str, IPv4Network | IPv6Network] = {}
        self.faults: list[Fault] = []
        self._binds = _outermost([*visible_paths(), *share])
        self._closed = False
        self._has_rules = False
        disks = next(
            (d for d in DISK_DIRECTORIES if os.path.isdir(d) and not any(_inside(b, d) for b in self._binds)), None
        )
        if disks is None:
            raise LabError(f"one of {', '.join(DISK_DIRECTORIES)} must be a directory without our files in it", "tmpfs")
        mine, theirs = message_pair()
        with theirs:
            self._outer = subprocess.Popen(
                [sys.executable, "-I", "-S", str(INIT), str(theirs.fileno()), disks],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                cwd="/",
                env={"PATH": SBIN, "LANG": "C.UTF-8"},
            )
        self.switch = Console(mine)
        try:
            answer = receive(mine)
            _raise_failure(answer, "the laboratory cannot be set up")
        except BaseException:
            self.close()
            raise
        assert answer is not None
        self.user_namespace = bool(answer["user_namespace"])

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything: returns when the last process of the last host is gone. May be called again."""
        if self._closed:
            return
        self._closed = True
        for host in self.hosts.values():
            host.forget()
        self.switch.close()
        self._outer.wait()

    def add_network(self, name: str, subnet: str) -> None:
        """A bridge. It forwards every multicast to every port and never delays a new port."""
        if name in self.networks:
            raise LabError(f"network {name} exists already")
        network = ip_network(subnet)
        self.tool(
            ["ip", "-batch", "-"],
            f"link add name {name} type bridge forward_delay 0 mcast_snooping 0\nlink set {name} up\n",
        )
        self.networks[name] = network

    def add_host(self, name: str, interfaces: Mapping[str, tuple[str, ...]]) -> Host:
        """Add a host and boot it. ``interfaces``: name → network, then addresses with prefix length."""
        if name in self.hosts:
            raise LabError(f"host {name} exists already")
        for interface, (network, *addresses) in interfaces.items():
            if network not in self.networks:
                raise LabError(f"{name} {interface}: no network {network}")
            for address in addresses:
                try:
                    ip_interface(address)
                except ValueError:
                    raise LabError(f"{name} {interface}: {address} is no address with a prefix length") from None
        host = Host(self, name, len(self.hosts) + 1, {k: tuple(v) for k, v in interfaces.items()})
        host.boot()
        host.forget_the_machine()
        self.hosts[name] = host
        for other in self.hosts.values():
            other.write_hosts_file()
        return host

    def tool(self, argv: Sequence[str], text: str | None = None, check: bool = True) -> None:
        """Run a tool of the system in the network namespace that carries the bridges."""
        require_program(argv[0])
        try:
            self.switch.run(argv, {"PATH": SBIN}, text=text, timeout=30, check=check)
        except HaError as error:
            raise LabError(str(error), "network") from None

    def apply_faults(self) -> None:
        """Make the bridges' rules say what ``faults`` says."""
        if self.faults or self._has_rules:
            self.tool(["nft", "-f", "-"], faults.ruleset(self.faults))
            self._has_rules = bool(self.faults)

    @property
    def binds(self) -> list[str]:
        """Directories that the hosts share with the machine."""
        return self._binds


def _inside(path: str, directory: str) -> bool:
    return Path(path).is_relative_to(directory)


def require_program(name: str) -> None:
    """Raise a clear error when a tool is not installed."""
    if shutil.which(name, path=SBIN) is None:
        package = PACKAGES.get(name, name)
        raise LabError(f"the program {name} is missing (Debian: apt install {package})", "program")


def _raise_failure(answer: Mapping[str, Any] | None, what: str) -> None:
    if answer is None:
        raise LabError(f"{what}: its first process died")
    if "error" in answer:
        raise LabError(f"{what}: {answer['step']}: {answer['error']}", str(answer["step"]))


class Host:
    """One pretended host. Made by :meth:`Lab.add_host`."""

    def __init__(self, lab: Lab, name: str, number: int, interfaces: dict[str, tuple[str, ...]]) -> None:
        self.lab = lab
        self.name = name
        self.number = number
        self.interfaces = interfaces
        self.pid = 0
        self._console: Console | None = None
        self._pidfd = -1
        self._unplugged: set[str] = set()
        self._netem: set[str] = set()

    # ---- power ----

    @property
    def is_on(self) -> bool:
        """Whether the host has power."""
        return self._console is not None and not select.select([self._pidfd], [], [], 0)[0]

    def boot(self) -> None:
        """Power on: the disk is as it was, /run, /tmp and /dev are new. Cables that were pulled stay pulled."""
        if self.is_on:
            return
        self.forget()
        mine, theirs = message_pair()
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        try:
            with theirs:
                request = {"op": "boot", "name": self.name, "disk": f"host{self.number}", "binds": self.lab.binds}
                answer = self.lab.switch.ask(request, theirs.fileno())
            _raise_failure(answer, f"{self.name} cannot boot")
            self.pid, ready = _first_words(mine)
            _raise_failure(ready, f"{self.name} cannot boot")
            self._pidfd = os.pidfd_open(self.pid)
        except BaseException:
            mine.close()
            raise
        self._console = Console(mine)
        self.write_hosts_file()
        self._plug_in(int(answer["pid"]))

    def _plug_in(self, pid: int) -> None:
        outer: list[str] = []
        inner = ["link set lo up"]
        for index, (interface, (network, *addresses)) in enumerate(self.interfaces.items()):
            port = self.port(interface)
            mac = f"02:00:{index:02x}:00:{self.number >> 8:02x}:{self.number & 255:02x}"
            state = "down" if interface in self._unplugged else "up"
            outer += [
                f"link add name {port} type veth peer name {interface} address {mac} netns {pid}",
                f"link set dev {port} master {network} {state}",
            ]
            inner.append(f"link set dev {interface} up")
            for address in addresses:
                extra = "nodad" if ip_interface(address).version == 6 else "broadcast +"
                inner.append(f"address add {address} {extra} dev {interface}")
        self.lab.tool(["ip", "-batch", "-"], "\n".join(outer) + "\n")
        self.run(["ip", "-batch", "-"], text="\n".join(inner) + "\n", check=True, timeout=30)

    def power_off(self) -> None:
        """Pull the plug: cables first, then PID 1 is killed; no program of the host gets to run after that."""
        if not self.is_on:
            return
        self._ports("".join(f"link set dev {self.port(i)} down\n" for i in self.interfaces))
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        select.select([self._pidfd], [], [])
        self._ports("".join(f"link del dev {self.port(i)}\n" for i in self.interfaces))
        self.forget()

    def forget(self) -> None:
        """Drop our ends; for a host that is on this is its end too."""
        if self._console is not None:
            self._console.close()
            self._console = None
            os.close(self._pidfd)
            self.pid = 0
            self._netem.clear()

    def pause(self) -> None:
        """Stop every process of the host (SIGSTOP), as a virtual machine stands still."""
        self._power().ask({"op": "signal-all", "signal": int(signal.SIGSTOP)})

    def resume(self) -> None:
        """Let every process go on (SIGCONT)."""
        self._power().ask({"op": "signal-all", "signal": int(signal.SIGCONT)})

    def _power(self) -> Console:
        if self._console is None or not self.is_on:
            raise LabError(f"{self.name} is off")
        return self._console

    # ---- programs and files ----

    def spawn(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
    ) -> Program:
        """Start a program in the host; streams as for Popen, ``None`` is /dev/null. It dies with the host."""
        return self._power().spawn(argv, environment(env), cwd, stdin=stdin, stdout=stdout, stderr=stderr)

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        *,
        text: str | None = None,
        timeout: float | None = 60,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end. ``check``: HaError unless it gives 0. ``timeout`` in seconds, then it is killed."""
        return self._power().run(argv, environment(env), cwd, text=text, timeout=timeout, check=check)

    def path(self, path: str) -> Path:
        """The host's ``path`` as the machine sees it, while the host is on. Absolute symbolic links lead astray."""
        self._power()
        return Path(f"/proc/{self.pid}/root{path}")

    def write(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        """Write a file of the host, whole or not at all; directories are made as needed."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        new.write_bytes(text.encode() if isinstance(text, str) else text)
        new.chmod(mode)
        new.replace(target)

    def read(self, path: str) -> str:
        """The text of a file of the host."""
        return self.path(path).read_text(encoding="utf-8", errors="replace")

    def forget_the_machine(self) -> None:
        """Leave out what this machine is in a cluster of its own: its hosts would all have its UUID and its keys."""
        state = self.path("/var/lib/heartbeat")
        kept = [entry for entry in state.iterdir() if not entry.is_dir()] if state.is_dir() else []
        for entry in (*kept, *(self.path(f"/etc/ha.d/{name}") for name in FILES_OF_A_CLUSTER)):
            entry.unlink(missing_ok=True)

    def write_hosts_file(self) -> None:
        """Write /etc/hosts with every host of the laboratory under its first address."""
        if not self.is_on:
            return
        lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
        for host in {**self.lab.hosts, self.name: self}.values():
            address = host.address()
            if address:
                lines.append(f"{address} {host.name}")
        self.write("/etc/hosts", "\n".join(lines) + "\n")

    def address(self, interface: str | None = None) -> str:
        """The first address of an interface (default: of the host), without prefix length; empty if there is none."""
        for name, (_, *addresses) in self.interfaces.items():
            if interface in (None, name) and addresses:
                return str(ip_interface(addresses[0]).ip)
        return ""

    def enter_argv(self) -> list[str]:
        """The command prefix with which a person enters the host from a shell (nsenter(1) of util-linux)."""
        self._power()
        user = ["-U", "--preserve-credentials"] if self.lab.user_namespace else []
        return ["nsenter", "-t", str(self.pid), *user, "-m", "-u", "-i", "-n", "-p", "--wd"]

    # ---- cables ----

    def port(self, interface: str) -> str:
        """The name of the bridge's end of an interface's cable."""
        if interface not in self.interfaces:
            raise LabError(f"{self.name} has no interface {interface}")
        return f"p{self.number}.{list(self.interfaces).index(interface)}"

    def cut(self, iface: str | None = None, direction: Direction = "both", peer: Host | None = None) -> None:
        """Pull the cable, or drop what goes one way or between this host and ``peer``. Default: all interfaces."""
        chosen = list(self.interfaces) if iface is None else [iface]
        if direction == "both" and peer is None:
            self._ports("".join(f"link set dev {self.port(i)} down\n" for i in chosen))
            self._unplugged.update(chosen)
            return
        for interface in chosen:
            self.lab.faults += self._towards(interface, direction, peer, 10_000)
        self.lab.apply_faults()

    def heal(self) -> None:
        """Undo every cut and loss that was asked for on this host, or on others with this one as the peer."""
        ports = {self.port(i) for i in self.interfaces}
        self.lab.faults = [f for f in self.lab.faults if f.port not in ports and f.peer not in ports]
        self.lab.apply_faults()
        for interface in sorted(self._netem):
            self._lose_by_netem(interface, 0)
        if self._unplugged:
            self._ports("".join(f"link set dev {self.port(i)} up\n" for i in sorted(self._unplugged)))
            self._unplugged.clear()

    def loss(self, percent: float, direction: Direction = "both", peer: Host | None = None) -> None:
        """Lose frames at random, in steps of 0.01 percent; replaces the host's earlier loss, 0 ends it."""
        per_myriad = round(percent * 100)
        if not 0 <= per_myriad < 10_000:
            raise LabError(f"a loss of {percent} percent: 0 to 99.99 is possible, use cut for all")
        if shutil.which("nft", path=SBIN) is None and direction == "both" and peer is None:
            for interface in self.interfaces:
                self._lose_by_netem(interface, per_myriad)
            return
        ports = {self.port(i) for i in self.interfaces}
        self.lab.faults = [f for f in self.lab.faults if f.per_myriad == 10_000 or f.port not in ports]
        if per_myriad:
            for interface in self.interfaces:
                self.lab.faults += self._towards(interface, direction, peer, per_myriad)
        self.lab.apply_faults()

    def _towards(self, interface: str, direction: Direction, peer: Host | None, per_myriad: int) -> list[Fault]:
        """The faults of one interface; a peer counts on every interface that hangs on the same network."""
        port = self.port(interface)
        if peer is None:
            return [Fault(port, direction, None, per_myriad)]
        network = self.interfaces[interface][0]
        far = [peer.port(i) for i, (other, *_) in peer.interfaces.items() if other == network]
        return [Fault(port, direction, p, per_myriad) for p in far]

    def _lose_by_netem(self, interface: str, per_myriad: int) -> None:
        """Netem works on what an interface sends: the port's for the way in, the host's own for the way out."""
        require_program("tc")
        if per_myriad:
            self.lab.tool(faults.netem(self.port(interface), per_myriad))
            self.run(faults.netem(interface, per_myriad), check=True)
            self._netem.add(interface)
        elif interface in self._netem:
            self.lab.tool(faults.netem(self.port(interface), 0), check=False)
            self.run(faults.netem(interface, 0))
            self._netem.discard(interface)

    def _ports(self, batch: str) -> None:
        """Commands on the ports; a port is missing while its host is off, and has gone when its host died."""
        if batch:
            self.lab.tool(["ip", "-force", "-batch", "-"], batch, check=False)


def _first_words(control: socket.socket) -> tuple[int, Mapping[str, Any] | None]:
    """The host's first message, with the number of its PID 1 as we see it (unix(7), SCM_CREDENTIALS)."""
    data, ancillary, _, _ = control.recvmsg(1 << 16, socket.CMSG_SPACE(12))
    if not data:
        return 0, None
    pid = next(struct.unpack("3i", d)[0] for level, kind, d in ancillary if kind == socket.SCM_CREDENTIALS)
    return int(pid), json.loads(data)
