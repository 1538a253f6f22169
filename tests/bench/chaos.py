"""Faults without a pause against two real nodes whose agents take their time, and a verdict at the end.

    python -m tests.bench.chaos [--minutes N] [--seed N] [--agents SECONDS]

One or two faults at a time, drawn by the seed; after each the nodes have two minutes to come to rest: one of them runs
the whole group, and both say so. Who has the address, and where the slow resource runs, is looked at from outside all
the time. Faults that keep two nodes without fencing from hearing each other (a cable, a host that stands still) are
told apart, as is the death of supervisor and hands at once (ARCHITECTURE.md, section 9): then both may hold until a
moment after it is over. Whatever else is held twice, a start of what ran already, and a fault after which the nodes do
not come to rest, is a failure: exit status 1.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from hacluster.lab.exercise import NODE1, VIP, random_authkeys
from tests.cluster import PATIENT, Cluster, Odd, cluster, daemon_pid, processes
from tests.nodes import OurNode
from tests.waiting import eventually

AFTER_S = 4.0
"""How long after they hear each other again both may hold: they look at who is there, and slow agents stop."""

REST_S = 120.0
QUIET_S = 2.0
GROUP = f"{NODE1} IPaddr::{VIP}/16/eth0 httpd odd"


@dataclass
class Eye:
    """Sees from outside who holds what; goes on while hosts stand still, boot, or are off."""

    made: Cluster
    changes: list[tuple[float, frozenset[str], frozenset[str]]] = field(default_factory=list)

    def __enter__(self) -> Eye:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, name="eye", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        nodes = self.made.nodes
        while not self._end.wait(0.01):
            address = frozenset(node.name for node in nodes if self._has_address(node.host.pid))
            odd = frozenset(node.name for node in nodes if self._runs_odd(node.host.pid))
            if not self.changes or self.changes[-1][1:] != (address, odd):
                self.changes.append((time.monotonic(), address, odd))

    @staticmethod
    def _has_address(pid: int) -> bool:
        try:
            lines = Path(f"/proc/{pid}/net/fib_trie").read_text().split("\n")
        except OSError:
            return False
        return pid > 0 and any(
            f"-- {VIP}" in line and "host LOCAL" in lines[i + 1] for i, line in enumerate(lines[:-1])
        )

    @staticmethod
    def _runs_odd(pid: int) -> bool:
        try:
            return pid > 0 and Path(f"/proc/{pid}/root/run/odd").exists()
        except OSError:
            return False

    def both_for(self, since: float, until: float) -> float:
        """For how many seconds between the two something was held twice."""
        seen = list(self.changes)
        ends = [when for when, *_ in seen[1:]] + [time.monotonic()]
        return sum(
            max(0.0, min(end, until) - max(begin, since))
            for (begin, *held), end in zip(seen, ends, strict=True)
            if any(len(names) > 1 for names in held)
        )


class Chaos:
    """The faults and what they are done to."""

    def __init__(self, made: Cluster, dice: random.Random) -> None:
        self.made = made
        self.dice = dice

    # Each does its fault and repairs what does not repair itself; true when nobody can keep both from holding:
    # the nodes could not hear each other, or nobody was left who could stop anything.

    def kill(self, node: OurNode) -> bool:
        """One process is killed."""
        which = self.dice.choice(("pulse", "brain", "hands", "log"))
        self._signal(node, which, signal.SIGKILL)
        return False

    def freeze(self, node: OurNode) -> bool:
        """One process stands still for a while."""
        which = self.dice.choice(("pulse", "brain", "hands", "log"))
        pid = self._signal(node, which, signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.3, 12))
        if pid is not None and node.host.is_on:
            node.host.run(["kill", "-CONT", str(pid)])
        return False

    def orphan(self, node: OurNode) -> bool:
        """The supervisor is killed, perhaps with the hands."""
        pids = [daemon_pid(node.host, "supervisor")]
        if self.dice.random() < 0.5:
            pids.append(daemon_pid(node.host, "hands"))
        node.host.run(["kill", "-KILL", *(str(pid) for pid in pids if pid)])
        if self.dice.random() < 0.5:
            eventually("the rest has ended", lambda: not self._lives(node), 90)
        node.start()
        return len(pids) > 1

    def power(self, node: OurNode) -> bool:
        """Power is cut, and comes back."""
        node.crash()
        time.sleep(self.dice.uniform(0, 8))
        node.boot()
        node.start()
        return False

    def stop(self, node: OurNode) -> bool:
        """A clean stop and a start."""
        node.stop()
        time.sleep(self.dice.uniform(0, 3))
        node.start()
        return False

    def handover(self, node: OurNode) -> bool:
        """Whoever it is gives up, or takes; it may be told so in the middle of something else."""
        verb = self.dice.choice(("hb_standby", "hb_takeover"))
        node.tool(verb, self.dice.choice(("all", "local", "foreign")))
        return False

    def reload(self, node: OurNode) -> bool:
        """A changed ha.cf, which begins pulse and brain anew."""
        text = node.host.read("/etc/ha.d/ha.cf")
        node.host.write(
            "/etc/ha.d/ha.cf",
            text.replace("warntime 3", "warntime 2")
            if "warntime 3" in text
            else text.replace("warntime 2", "warntime 3"),
        )
        node.tool("hacluster", "reload")
        return False

    def keys(self, _node: OurNode) -> bool:
        """New keys on both, one after the other."""
        keys = random_authkeys()
        for each in self.made.nodes:
            if each.host.is_on:
                each.host.write("/etc/ha.d/authkeys", keys, 0o600)
                each.tool("hacluster", "reload")
        return False

    def loss(self, node: OurNode) -> bool:
        """Frames are lost."""
        node.host.loss(self.dice.uniform(5, 25))
        time.sleep(self.dice.uniform(1, 8))
        node.host.heal()
        return False

    def blink(self, node: OurNode) -> bool:
        """A cut that is over before anybody could be declared dead."""
        node.host.cut(peer=self.made.two.host if node is self.made.one else self.made.one.host)
        time.sleep(self.dice.uniform(0.2, 1.2))
        node.host.heal()
        return False

    def cut(self, node: OurNode) -> bool:
        """The nodes do not hear each other, or one of them nobody at all."""
        other = self.made.two if node is self.made.one else self.made.one
        node.host.cut(peer=other.host if self.dice.random() < 0.7 else None)
        time.sleep(self.dice.uniform(4, 15))
        node.host.heal()
        return True

    def pause(self, node: OurNode) -> bool:
        """The whole host stands still."""
        node.host.pause()
        time.sleep(self.dice.uniform(0.5, 10))
        node.host.resume()
        return True

    def _signal(self, node: OurNode, which: str, number: signal.Signals) -> int | None:
        pid = daemon_pid(node.host, which) if node.host.is_on else None
        if pid is not None:
            node.host.run(["kill", f"-{int(number)}", str(pid)])
        return pid

    @staticmethod
    def _lives(node: OurNode) -> bool:
        return any(name.startswith("ha-") for name, _ in processes(node.host).values())

    FAULTS = (
        *("kill", "kill", "freeze", "orphan", "power", "stop", "handover", "handover"),
        *("reload", "keys", "loss", "blink", "cut", "pause"),
    )

    def draw(self) -> tuple[str, OurNode]:
        """A fault and whom it meets."""
        return self.dice.choice(self.FAULTS), self.dice.choice(self.made.nodes)


def at_rest(made: Cluster, odds: tuple[Odd, Odd]) -> bool:
    """One node runs the whole group, and both say that nothing more will happen."""
    if not all(node.host.is_on for node in made.nodes):
        return False
    holders = made.holders()
    running = {odd.host.name for odd in odds if odd.runs}
    said = (made.one.rscstatus(), made.two.rscstatus())
    return len(holders) == 1 and running == holders and not {"transition", ""} & set(said)


def settle(made: Cluster, odds: tuple[Odd, Odd]) -> float | None:
    """How long until they were at rest; ``None`` when they are not in time."""
    begin = time.monotonic()
    quiet = None
    while time.monotonic() - begin < REST_S:
        if not at_rest(made, odds):
            quiet = None
        elif quiet is None:
            quiet = time.monotonic()
        elif time.monotonic() - quiet > QUIET_S:
            return quiet - begin
        time.sleep(0.3)
    return None


def main() -> None:
    """Run, and print each fault as it is over."""
    parser = argparse.ArgumentParser(description="faults without a pause against two real nodes")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--agents", type=float, default=1.0, help="seconds that start and stop take")
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    failures: list[str] = []
    counts: dict[str, int] = {}
    with cluster(ha_cf=PATIENT, haresources=GROUP, hacluster_cf="seal on\n") as made:
        odds = Odd(made.one.host), Odd(made.two.host)
        for odd in odds:
            odd.install()
            for action in ("start", "stop"):
                odd.bend(action, f"sleep {arguments.agents:g}")
        made.up()
        eventually("the group runs", lambda: odds[0].runs)
        chaos = Chaos(made, dice)
        until = time.monotonic() + arguments.minutes * 60
        apart = alone = longest = 0.0
        with Eye(made) as eye:
            while time.monotonic() < until:
                begin = time.monotonic()
                drawn = [chaos.draw() for _ in range(2 if dice.random() < 0.3 else 1)]
                deaf = False
                said = " + ".join(f"{name} {node.name.partition('.')[0]}" for name, node in drawn)
                try:
                    for name, node in drawn:
                        counts[name] = counts.get(name, 0) + 1
                        deaf |= getattr(chaos, name)(node)
                        time.sleep(dice.uniform(0, 1.5))
                except Exception as error:
                    failures.append(f"{said}: {type(error).__name__}: {error}")
                healed = time.monotonic()
                took = settle(made, odds)
                end = time.monotonic()
                excused = eye.both_for(begin, healed + AFTER_S) if deaf else 0.0
                both = eye.both_for(begin, end) - excused
                apart, alone = apart + excused, alone + both
                twice = sum(odd.did("start twice") for odd in odds)
                longest = max(longest, took or 0.0)
                rest = "NOT AT REST" if took is None else f"at rest after {took:.1f} s"
                line = f"{said}: {rest}, both {both:.2f} s, deaf {excused:.2f} s, started twice {twice}"
                print(time.strftime("%H:%M:%S"), line, flush=True)
                if took is None or both > 0:
                    failures.append(f"{said}: {rest}, both {both:.2f} s")
                    for node in made.nodes:
                        if node.host.is_on:
                            Path(f"/tmp/chaos-{int(begin)}-{node.name}.log").write_text(node.log())
                    Path(f"/tmp/chaos-{int(begin)}-seen.txt").write_text(
                        "\n".join(
                            f"{when - begin:8.3f} {sorted(a)} {sorted(o)}"
                            for when, a, o in eye.changes
                            if when > begin - 10
                        )
                    )
                if took is None:
                    break
        print(f"{sum(counts.values())} faults {counts}")
        print(f"both hold: {alone:.2f} s; while they could not hear each other: {apart:.2f} s")
        print(f"longest way to rest {longest:.1f} s")
    for failure in failures:
        print("FAILED", failure)
    sys.exit(1 if failures or twice else 0)


if __name__ == "__main__":
    main()
