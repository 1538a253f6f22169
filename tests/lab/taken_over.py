"""hacluster with a stranger inside: a process tries what it must not be able to do, and writes down what came of it.

    taken_over.py REPORTS PROCESS

It is the daemon as installed, run in this interpreter, with a hook: once its part has started, the named process tries
everything in ``TRIES`` from a thread, and writes a JSON object {name: result} to REPORTS/PROCESS.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from hacluster.client.language import codec
from hacluster.daemon import processes
from hacluster.daemon.links import TYPES
from hacluster.tools.main import main
from hacluster.wire.ipc import Frame, Hello, Kind

REPORTS, VICTIM = sys.argv[1:3]
RUN = "/run/hacluster"
STATE = "/var/lib/heartbeat/hb_generation"


def _status(word: str) -> str:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(line.split(":", 1)[1].strip() for line in file if line.startswith(f"{word}:"))


def _pid(name: str) -> int:
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/comm", encoding="ascii") as file:
                if file.read().strip() == name:
                    return int(entry)
        except OSError:
            continue
    raise LookupError(name)


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return f"{len(file.read(100))} bytes"


def _bind(port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", port))
    return "bound"


def _raw() -> str:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    return "opened"


def _address() -> str:
    done = subprocess.run(["ip", "addr", "add", "10.66.0.1/24", "dev", "eth0"], capture_output=True, check=False)
    return f"exit {done.returncode}"


def _setuid_program() -> str:
    return subprocess.run(["/usr/local/bin/suid-id", "-u"], capture_output=True, text=True, check=True).stdout.strip()


def _replace_socket() -> str:
    os.rename(f"{RUN}/lrm.sock", f"{RUN}/mine.sock")
    return "renamed"


def _reboot() -> str:
    # The argument that only switches Ctrl-Alt-Del off: it needs the same right and does no harm.
    libc = ctypes.CDLL(None, use_errno=True)
    return "allowed" if libc.reboot(0) == 0 else os.strerror(ctypes.get_errno())


def _speak_as(process: str, name: str) -> str:
    """Whether the hands take us for another process of the node."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        sock.connect(f"{RUN}/{name}.sock")
        sock.sendall(codec(*TYPES).encode(Frame(Kind.HELLO, Hello(process, process, 1))))
        return "welcome" if sock.recv(4_096) else "dropped"


TRIES: dict[str, Callable[[], object]] = {
    "user": lambda: [os.getresuid(), os.getresgid(), os.getgroups()],
    "capabilities": lambda: [_status(word) for word in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "no new privileges": lambda: _status("NoNewPrivs"),
    "become root": lambda: os.setuid(0),
    "a program of root": _setuid_program,
    "read shadow": lambda: _read("/etc/shadow"),
    "read authkeys": lambda: _read("/etc/ha.d/authkeys"),
    "write the configuration": lambda: os.open("/etc/ha.d/ha.cf", os.O_WRONLY),
    "signal the supervisor": lambda: os.kill(os.getppid(), 0),
    "signal the hands": lambda: os.kill(_pid("ha-hands"), 0),
    "memory of the hands": lambda: _read(f"/proc/{_pid('ha-hands')}/mem"),
    "memory of its like": lambda: _read(f"/proc/{_pid('ha-brain' if VICTIM == 'pulse' else 'ha-pulse')}/maps"),
    "a low port": lambda: _bind(700),
    "a raw socket": _raw,
    "an address": _address,
    "the hands' socket": _replace_socket,
    "speak as the brain to the hands": lambda: _speak_as("brain", "lrm"),
    "reboot": _reboot,
    "its own state": lambda: _read(STATE),
}


def _whole() -> bool:
    """Whether all that is tried is there: the other processes, hands that listen, a state."""
    try:
        for name in ("ha-pulse", "ha-brain", "ha-hands"):
            _pid(name)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.connect(f"{RUN}/lrm.sock")
    except (LookupError, OSError):
        return False
    return os.path.exists(STATE)


def _try_all(report: int) -> None:
    while not _whole():
        time.sleep(0.05)
    found = {}
    for name, attempt in TRIES.items():
        try:
            found[name] = attempt()
        except Exception as error:
            found[name] = getattr(error, "strerror", None) or repr(error)
    os.write(report, json.dumps(found, default=str).encode() + b"\n")


_start = processes.Part.start
_confine = processes.confine
_report = -1


def confine(name, *rest):
    global _report  # noqa: PLW0603 - this process is its own
    _report = os.open(f"{REPORTS}/{VICTIM}", os.O_WRONLY | os.O_CREAT, 0o600)
    return _confine(name, *rest)


def start(part) -> None:
    _start(part)
    if part.process == VICTIM:
        threading.Thread(target=_try_all, args=(_report,), daemon=True).start()


processes.confine = confine
processes.Part.start = start
sys.argv = ["hacluster", "run"]
main()
