"""Memory (PSS) and idle CPU of one node: hacluster against Heartbeat, both at keepalive 1 s in the same run.

    python -m tests.bench.footprint [--seconds N] [--json FILE]

PSS is what /proc/PID/smaps_rollup says, summed over the node's daemons; CPU is user and system time of the same
processes over N idle seconds, as a share of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from hacluster.lab.exercise import NODE1, URL, Directory, exercise
from hacluster.lab.hosts import Host
from hacluster.lab.watch import Watch
from tests.nodes import HEARTBEAT, Node, OurNode, RealNode
from tests.waiting import eventually

STEADY_S = 10.0
"""Longer than any agent of the exercise has something to do."""

WORDS = {"real": "heartbeat", "ours": "hacluster"}


def daemons(host: Host, word: str) -> list[int]:
    """The processes of the host whose command line has ``word`` in it, but for its PID 1 and the services."""
    space = os.readlink(f"/proc/{host.pid}/ns/pid")
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or os.readlink(entry / "ns/pid") != space or int(entry.name) == host.pid:
                continue
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            if word in command and "webserver" not in command:
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended meanwhile
    return found


def lasting(host: Host, word: str) -> list[int]:
    """Those of them that stay: agents and what they start in the background have the word in their paths too."""
    first = set(daemons(host, word))
    time.sleep(STEADY_S)
    return sorted(first & set(daemons(host, word)))


def pss_kib(pid: int) -> int:
    """Proportional set size in KiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError(f"no Pss in smaps_rollup of {pid}")


def cpu_s(pid: int) -> float:
    """User and system time so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(kind: type[Node], seconds: float) -> tuple[float, float]:
    """PSS in MiB and CPU in percent of one core, of the active node."""
    directory = Directory(ha_cf="keepalive 1\ndeadtime 10\nauto_failback on\nlogfile /var/log/ha-log\n")
    with exercise(f"footprint-{kind.kind}") as place, Watch(place.client, URL) as watch:
        place.install(directory, own_agents=False)
        one, two = (kind(host, directory) for host in place.nodes)
        one.start()
        two.start()
        watch.wait_answer(NODE1, timeout=120)
        eventually("settled", lambda: (one.rscstatus(), two.rscstatus()) == ("local", "local"))
        watch.stop()
        pids = lasting(place.node1, WORDS[kind.kind])
        assert pids, f"no process of {kind.kind}"
        before, start = sum(map(cpu_s, pids)), time.monotonic()
        time.sleep(seconds)
        percent = 100 * (sum(map(cpu_s, pids)) - before) / (time.monotonic() - start)
        return sum(map(pss_kib, pids)) / 1024, percent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="memory and idle CPU against Heartbeat 3.0.6")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not Path(HEARTBEAT).exists():
        raise SystemExit("footprint: Debian's package heartbeat is not installed: there is nothing to compare with")
    theirs, ours = measure(RealNode, arguments.seconds), measure(OurNode, arguments.seconds)
    print(f"{'one idle node':<22} {'hacluster':>10} {'heartbeat':>10} {'ratio':>7}")
    print(f"{'PSS, MiB':<22} {ours[0]:>10.1f} {theirs[0]:>10.1f} {ours[0] / theirs[0]:>7.2f}")
    print(f"{'CPU, % of one core':<22} {ours[1]:>10.2f} {theirs[1]:>10.2f} {ours[1] / max(theirs[1], 0.01):>7.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"ours": ours, "real": theirs}))


if __name__ == "__main__":
    main()
