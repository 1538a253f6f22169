"""What a client misses when the active node loses power, and when it is told to stand by: hacluster against Heartbeat.

    python -m tests.bench.outage [--runs N] [--profile slow|fast] [--json FILE]

Both run the classic exercise, one after the other and turn about in the same run of the program, with the same agents
(those in /etc/ha.d/resource.d and /etc/init.d). A client opens a fresh TCP connection every 10 ms; the outage is the
time between the last answer before and the first after. A run that the measuring client's own stalls spoil is
repeated. The ratio is ours / Heartbeat's, of the medians; the spread is the largest minus the smallest.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hacluster.lab.exercise import NODE1, URL, Directory, exercise
from hacluster.lab.watch import Watch
from tests.nodes import HEARTBEAT, Node, OurNode, RealNode
from tests.waiting import eventually

PROFILES = {
    "slow": "keepalive 2\nwarntime 5\ndeadtime 10\ninitdead 20\n",
    "fast": "keepalive 200ms\nwarntime 500ms\ndeadtime 1\ninitdead 10\n",
}
FAULTS = ("power-off", "standby")
AFTER_START_S = 6.0
"""For five seconds after its start a node asks for two seconds more of patience (WIRE.md 7.2): not what is measured."""


@dataclass
class Figures:
    """Seconds of outage per fault."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {fault: [] for fault in FAULTS})
    spoiled: int = 0


def measure(kind: type[Node], profile: str, runs: int, note: Callable[[str], None]) -> Figures:
    """``runs`` outages of each fault with two nodes of one kind."""
    figures = Figures()
    directory = Directory(
        ha_cf=PROFILES[profile] + "auto_failback on\nlogfile /var/log/ha-log\n", hacluster_cf="seal on\n"
    )
    with exercise(f"bench-{kind.kind}") as place:
        place.install(directory, own_agents=False)
        one, two = (kind(host, directory) for host in place.nodes)
        with Watch(place.client, URL, interval_ms=10) as watch:
            one.start()
            two.start()
            settled(watch, one, two)
            for fault in FAULTS:
                while len(figures.seconds[fault]) < runs:
                    outage = one_outage(fault, watch, one, two)
                    if outage is None:
                        figures.spoiled += 1
                        assert figures.spoiled <= 3 * runs, "this machine stands still too often to measure on"
                        continue
                    figures.seconds[fault].append(outage)
                    note(f"{kind.kind:>5} {profile} {fault}: {outage:.3f} s")
    return figures


def settled(watch: Watch, one: Node, two: Node) -> None:
    """The first node serves, and both nodes say that nothing more will happen."""
    watch.wait_answer(NODE1, since=time.monotonic(), timeout=180)
    eventually("settled", lambda: (one.rscstatus(), two.rscstatus()) == ("local", "local"), 120)


def one_outage(fault: str, watch: Watch, one: Node, two: Node) -> float | None:
    """One fault and the way back; ``None`` when the client itself stood still meanwhile."""
    if fault == "power-off":
        time.sleep(AFTER_START_S)
    since = time.monotonic()
    if fault == "power-off":
        one.crash()
    else:
        one.standby("all")
    watch.wait_answer(two.name, since=since, timeout=120)
    outages = watch.outages(since)
    if fault == "power-off":
        one.boot()
        one.start()
    else:
        eventually("the standby is over", lambda: (one.rscstatus(), two.rscstatus()) == ("none", "all"), 120)
        one.takeover("local")
    settled(watch, one, two)
    if not outages or any(outage.spoiled for outage in outages):
        return None
    return max(outage.seconds for outage in outages)


def row(name: str, ours: list[float], theirs: list[float]) -> str:
    """One line of the table."""
    a, b = statistics.median(ours), statistics.median(theirs)
    return (
        f"{name:<22} {a:8.3f} {max(ours) - min(ours):8.3f}   {b:8.3f} {max(theirs) - min(theirs):8.3f}   {a / b:6.2f}"
    )


def main() -> None:
    """Measure, print the table, optionally write JSON."""
    parser = argparse.ArgumentParser(description="client-visible outage against Heartbeat 3.0.6")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", choices=[*PROFILES, "all"], default="all")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not Path(HEARTBEAT).exists():
        raise SystemExit("outage: Debian's package heartbeat is not installed: there is nothing to compare with")
    profiles = list(PROFILES) if arguments.profile == "all" else [arguments.profile]
    result: dict[str, dict[str, dict[str, list[float]]]] = {}
    for profile in profiles:
        result[profile] = {
            kind.kind: measure(kind, profile, arguments.runs, lambda text: print(text, flush=True)).seconds
            for kind in (RealNode, OurNode)
        }
    print(f"\n{'seconds without answer':<22} {'hacluster':>17}   {'heartbeat 3.0.6':>17}")
    print(f"{'':<22} {'median':>8} {'spread':>8}   {'median':>8} {'spread':>8}   {'ratio':>6}")
    for profile in profiles:
        for fault in FAULTS:
            print(row(f"{fault}, {profile}", result[profile]["ours"][fault], result[profile]["real"][fault]))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
