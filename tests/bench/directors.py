"""``python -m tests.bench.directors [--servers 100] [--native]``: ours beside the Perl ldirectord, in one run.

Real servers are addresses of 127/8 that one process listens on, and one more that is ended. For each director: time
from its start until every server is in the kernel's table, memory (PSS of all its processes) and CPU while nothing
happens, and time from a server's end until it is out of the table, median of several. In a virtual machine unless the
own kernel has IPVS (``--native``); where that is emulated, only the ratios say something.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hacluster.lab.hosts import Lab
from tests.lab.vm.machine import Machine

ROOT = Path(__file__).parents[2]
PERL = "/usr/sbin/ldirectord"
OURS = str(Path(sys.executable).with_name("ldirectord"))
LAST = "127.200.0.1:81"
SAMPLE_S = 20.0
SERVE = """
import socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=4096)
while True:
    listener.accept()[0].close()
"""


@contextlib.contextmanager
def listener(address: str, port: int) -> Iterator[None]:
    child = subprocess.Popen([sys.executable, "-IS", "-c", SERVE, address, str(port)])
    try:
        yield
    finally:
        child.kill()
        child.wait()


def await_true(condition: Callable[[], bool], within_s: float = 600) -> float:
    """Seconds until it holds."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > within_s:
            raise SystemExit("it does not come to an end")
        time.sleep(0.02)
    return time.monotonic() - begun


def rules() -> str:
    return subprocess.run(["ipvsadm", "-S", "-n"], capture_output=True, text=True, check=True).stdout


def family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_s(pids: list[int]) -> float:
    """CPU of the processes and of their ended children."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_kib(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def measure(command: list[str], servers: int, rounds: int) -> dict[str, float]:
    """The figures of one director."""
    folder = Path(tempfile.mkdtemp())
    reals = "".join(f"    real = 127.1.{n >> 8}.{n & 255}:80 masq\n" for n in range(1, servers))
    config = folder / "bench.cf"
    config.write_text(
        f'checkinterval = 1\nchecktimeout = 5\nquiescent = no\nlogfile = "{folder}/log"\n'
        f"virtual = 10.9.8.7:80\n{reals}    real = {LAST} masq\n"
        "    checktype = connect\n    scheduler = rr\n"
    )
    subprocess.run(["ipvsadm", "-C"], check=True)
    with listener("127.200.0.1", 81):
        begun = time.monotonic()
        director = subprocess.Popen(
            [*command, "-d", str(config), "start"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await_true(lambda: rules().count("\n") == servers + 1)
        started = time.monotonic() - begun
        time.sleep(3)
        before, at = cpu_s(family(director.pid)), time.monotonic()
        time.sleep(SAMPLE_S)
        pids = family(director.pid)
        used, memory = (cpu_s(pids) - before) / (time.monotonic() - at), pss_kib(pids) / 1024
    removals = []
    for number in range(rounds):
        if number:
            with listener("127.200.0.1", 81):
                await_true(lambda: LAST in rules())
                time.sleep(0.37 * number)
        removals.append(await_true(lambda: LAST not in rules()))
    director.send_signal(signal.SIGTERM)
    director.wait()
    subprocess.run(["ipvsadm", "-C"], check=True)
    return {
        "start_s": started,
        "memory_mib": memory,
        "cpu_percent": 100 * used,
        "removal_s": statistics.median(removals),
    }


def native(servers: int, rounds: int) -> None:
    """Measure both here, and print them as JSON."""
    with listener("0.0.0.0", 80):
        ours = measure([OURS], servers, rounds)
        theirs = measure([PERL], servers, rounds)
    print(json.dumps({"ours": ours, "perl": theirs}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--native", action="store_true")
    words = parser.parse_args()
    if not Path(PERL).exists():
        print("the Perl ldirectord is missing (Debian: apt install ldirectord)")
        return
    if words.native:
        native(words.servers, words.rounds)
        return
    argv = [sys.executable, "-m", "tests.bench.directors", "--native", "--servers", str(words.servers)]
    with Lab("bench") as lab, Machine("bench", lab, memory_mib=1024, cpus=2) as machine:
        done = machine.run([*argv, "--rounds", str(words.rounds)], cwd=str(ROOT), timeout_s=1800, check=True)
        found = json.loads(done.out.splitlines()[-1])
        print(f"{words.servers} real servers, each looked at every second ({machine.accelerator})")
    for name, ours in found["ours"].items():
        theirs = found["perl"][name]
        print(f"  {name:12} ours {ours:8.2f}   perl {theirs:8.2f}   ratio {ours / theirs if theirs else 0:.2f}")


if __name__ == "__main__":
    main()
