"""A throw-away virtual machine under QEMU, with Debian's kernel and this machine's files.

    with Lab("lvs") as lab, Machine("director", lab) as vm:
        vm.run(["ipvsadm", "-L", "-n"], check=True)

Its root is the host's, read-only, below a disk in memory, so every program that is installed here is there, the
checkout too, and nothing that is done there outlives it. Orders go over a serial line and need no network; its cards
(``eth0``, …) are on networks of the laboratory, in which it runs: it ends with it. ``cut`` takes its power away. KVM
is used where it works (some nested ones take a machine and never run it: one that says nothing for a while is begun
again without, which is remembered), else it is emulated, about ten times slower.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from hacluster.lab.hosts import SBIN, Lab
from hacluster.lab.programs import Program
from tests.lab.vm.kernel import Kernel, NoMachineError, cache, kernel

QEMU: Final = "qemu-system-x86_64"
GUEST: Final = Path(__file__).with_name("guest.py")
ROOT: Final = Path(__file__).parents[3]
SILENCE_S: Final = 10.0
"""A machine under KVM has begun to speak long before; one second is usual."""

BOOT_S: Final = 120.0
"""An emulated one is usual after a quarter of a minute. One that hangs (rare) is begun again, once."""

MODULES: Final = (
    *("ip_vs_rr", "ip_vs_wrr", "ip_vs_lc", "ip_vs_wlc", "ip_vs_sed", "ip_vs_nq", "ip_vs_sh", "ip_vs_dh", "ip_vs_lblc"),
    *("ip_vs_lblcr", "ip_vs_mh", "ip_vs_fo", "ip_vs_ovf", "ipip", "dummy", "veth", "bridge", "virtio_net"),
)

_LINE: Final = (
    "console=ttyS0 quiet panic=-1 net.ifnames=0 mitigations=off no_timer_check audit=0 apparmor=0 selinux=0 "
    "cryptomgr.notests=1"
)
"""The kernel tests its ciphers at each boot; an emulated processor has been seen to get stuck there for minutes."""


def missing() -> str:
    """Why there can be no machine here; empty when nothing speaks against it."""
    if shutil.which(QEMU) is None:
        return f"{QEMU} is missing (Debian: apt install qemu-system-x86)"
    try:
        kernel()
    except NoMachineError as error:
        return str(error)
    return ""


class MachineError(Exception):
    """The machine did not begin, or ended."""


class Answer(msgspec.Struct, frozen=True):
    """What a command said; ``status`` 124 when its time was over, 127 when it could not be run."""

    status: int = 0
    out: str = ""
    err: str = ""


class Machine:
    """One machine; made, it runs and takes orders.

    ``networks`` of ``lab``: a card on each. ``lines``: names of further serial lines; what is said there is in a file.
    """

    def __init__(
        self,
        name: str,
        lab: Lab,
        networks: Sequence[str] = (),
        *,
        memory_mib: int = 640,
        cpus: int = 1,
        lines: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"hacluster-vm-{name}-"))
        self._lab, self._networks = lab, tuple(networks)
        self._memory, self._cpus, self._lines = memory_mib, cpus, tuple(lines)
        self._socket = socket.socket(socket.AF_UNIX)
        self._waiting = b""
        self.accelerator = ""
        """``kvm`` or ``tcg``."""
        self._process: Program | None = None
        try:
            self._begin(kernel())
            self.run(["hostname", name], check=True)
            self.run(["modprobe", "-a", *MODULES], check=True)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def console(self) -> str:
        """What the kernel said."""
        path = self.folder / "console"
        return path.read_text(encoding="utf-8", errors="backslashreplace") if path.exists() else ""

    def line(self, name: str) -> Path:
        """The file in which what the machine says on a further line ends up."""
        return self.folder / f"line-{name}"

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        text: str = "",
        timeout_s: float = 60.0,
        check: bool = False,
    ) -> Answer:
        """Run a command in the machine to its end."""
        order = {"argv": list(argv), "env": dict(env or {}), "cwd": cwd, "text": text, "timeout_s": timeout_s}
        try:
            self._socket.sendall(msgspec.json.encode(order) + b"\n")
        except OSError:
            raise MachineError(f"{self.name} has ended:\n{self.console[-3000:]}") from None
        answer = msgspec.json.decode(self._read_line(timeout_s + 30), type=Answer)
        if check and answer.status:
            raise MachineError(f"{self.name}: {' '.join(argv)}: {answer.status}\n{answer.out}{answer.err}")
        return answer

    def close(self) -> None:
        """Cut its power; its files go as well. May be called again."""
        self.cut()
        self._socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cut(self) -> None:
        """Cut its power: from one instruction to the next it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _begin(self, made: Kernel) -> None:
        mark = cache() / f"no-kvm-{os.uname().release}"
        wanted = os.environ.get("HACLUSTER_VM_ACCEL") or ("tcg" if mark.exists() else "kvm")
        if wanted == "kvm" and os.access("/dev/kvm", os.R_OK | os.W_OK):
            self.accelerator = "kvm"
            try:
                self._spawn(made)
                self._await_greeting(SILENCE_S)
            except MachineError:
                if self.console:
                    raise
                self.cut()
                mark.touch()
            else:
                return
        self.accelerator = "tcg"
        try:
            self._spawn(made)
            self._await_greeting(BOOT_S)
        except MachineError:
            self.cut()
            self._spawn(made)
            self._await_greeting(BOOT_S)

    def _spawn(self, made: Kernel) -> None:
        words = f"{_LINE} hacluster.modules={made.modules} hacluster.python={_python()} hacluster.guest={GUEST}"
        cpu = (
            "host,-arch-capabilities"
            if self.accelerator == "kvm"
            else "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand,+cx16"
        )
        accelerator = "kvm" if self.accelerator == "kvm" else "tcg,thread=multi,tb-size=256"
        argv = [QEMU, "-name", self.name, "-accel", accelerator, "-cpu", cpu]
        argv += ["-smp", str(self._cpus), "-m", str(self._memory), "-nodefaults", "-no-user-config", "-no-reboot"]
        argv += ["-display", "none", "-serial", f"file:{self.folder}/console"]
        argv += ["-kernel", made.image, "-initrd", made.initrd, "-append", words]
        argv += ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
        argv += ["-fsdev", "local,id=root,path=/,security_model=none,multidevs=remap,readonly=on"]
        argv += ["-device", "virtio-9p-pci,fsdev=root,mount_tag=hostroot"]
        argv += ["-chardev", f"socket,id=commands,path={self.folder}/commands,server=on,wait=off"]
        argv += ["-device", "virtserialport,chardev=commands,name=commands"]
        for name in self._lines:
            argv += ["-chardev", f"file,id={name},path={self.line(name)}"]
            argv += ["-device", f"virtserialport,chardev={name},name={name}"]
        for number, network in enumerate(self._networks):
            mac = f"52:54:00:00:{zlib.crc32(self.name.encode()) & 255:02x}:{number:02x}"
            argv += ["-netdev", f"tap,id=net{number},ifname={self._plug(number, network)},script=no,downscript=no"]
            argv += ["-device", f"virtio-net-pci,netdev=net{number},mac={mac},romfile="]
        with open(self.folder / "qemu", "wb") as said:
            self._process = self._lab.switch.spawn(argv, {"PATH": SBIN}, stdout=said, stderr=said)
        until = time.monotonic() + 20
        while True:
            self._socket.close()
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.connect(f"{self.folder}/commands")
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    said_text = (self.folder / "qemu").read_text(encoding="utf-8", errors="backslashreplace")
                    raise MachineError(f"{self.name} does not begin: {said_text}") from None
                time.sleep(0.02)
            else:
                return

    def _plug(self, number: int, network: str) -> str:
        """The bridge's end of a card's cable."""
        port = f"{self.name[:10]}.{number}"
        lines = f"tuntap add name {port} mode tap\nlink set dev {port} master {network} up\n"
        self._lab.tool(["ip", "-force", "-batch", "-"], f"tuntap del name {port} mode tap\n", check=False)
        self._lab.tool(["ip", "-batch", "-"], lines)
        return port

    def _await_greeting(self, silence_s: float) -> None:
        """Wait until it takes orders: as long as a boot may take, if the kernel has said anything by then."""
        begun = time.monotonic()
        while time.monotonic() - begun < BOOT_S:
            try:
                self._read_line(0.2)
            except TimeoutError:
                if not self.console and time.monotonic() - begun > silence_s:
                    break
            else:
                return
        raise MachineError(f"{self.name} does not take orders:\n{self.console[-3000:]}")

    def _read_line(self, within_s: float) -> bytes:
        until = time.monotonic() + within_s
        while b"\n" not in self._waiting:
            self._socket.settimeout(max(0.01, until - time.monotonic()))
            try:
                part = self._socket.recv(65536)
            except ConnectionError:
                part = b""
            if not part:
                raise MachineError(f"{self.name} has ended:\n{self.console[-3000:]}")
            self._waiting += part
        line, _, self._waiting = self._waiting.partition(b"\n")
        return line


def _python() -> str:
    """An interpreter outside of any environment: the agent needs nothing but the standard library."""
    return os.path.realpath(sys.executable)
