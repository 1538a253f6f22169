"""The classic exercise with our daemon on both nodes, and everything a test may want to see or do to it."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from hacluster.lab.exercise import URL, VIP, Directory, Exercise, exercise
from hacluster.lab.hosts import Host
from hacluster.lab.watch import Watch
from tests.nodes import LOG, OurNode
from tests.waiting import eventually

FAST = "keepalive 250ms\nwarntime 1\ndeadtime 3\ninitdead 10\n"
"""Three seconds leave room for machines that stand still for half a second."""

PATIENT = "keepalive 250ms\nwarntime 2\ndeadtime 6\ninitdead 12\n"
"""Deadtime long enough that what is given up before it is over shows, and that a busy machine makes nobody dead: where
nodes are fenced that would be the end of the test."""

LOGFILE = f"logfile {LOG}\n"
DAEMONS = ("pulse", "brain", "hands")


def processes(host: Host) -> dict[int, tuple[str, int]]:
    """The processes of a host by its own numbers: name and parent."""
    found = {}
    for entry in host.path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(errors="replace")
            except OSError:
                continue
            name, rest = stat.partition("(")[2].rsplit(")", 1)
            found[int(entry.name)] = (name, int(rest.split()[1]))
    return found


def daemon_pid(host: Host, which: str) -> int | None:
    """The number of one of the daemon's processes: pulse, brain, hands or supervisor."""
    table = processes(host)
    if which == "supervisor":
        parents = {parent for name, parent in table.values() if name in {f"ha-{d}" for d in DAEMONS}}
        return next((p for p in parents if p in table and p != 1), None)
    return next((pid for pid, (name, _) in table.items() if name == f"ha-{which}"), None)


def signal_daemon(host: Host, which: str, number: int = signal.SIGKILL) -> int:
    """Send a signal to one of the daemon's processes; gives its number."""
    pid = daemon_pid(host, which)
    assert pid is not None, f"{host.name} has no {which}: {processes(host)}"
    host.run(["kill", f"-{int(number)}", str(pid)], check=True)
    return pid


def pss_kib(host: Host, which: str) -> int:
    """The memory that one of the daemon's processes has for itself (proportional share), in KiB."""
    pid = daemon_pid(host, which)
    rollup = host.read(f"/proc/{pid}/smaps_rollup")
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found is not None, rollup
    return int(found[1])


@dataclass
class Cluster:
    """Two nodes and a client that asks all the time."""

    place: Exercise
    directory: Directory
    one: OurNode
    two: OurNode
    watch: Watch

    @property
    def nodes(self) -> tuple[OurNode, OurNode]:
        return self.one, self.two

    def start(self, *nodes: OurNode) -> None:
        for node in nodes or self.nodes:
            node.start()

    def served_by(self, node: OurNode, within: float = 90) -> None:
        """The client gets steady answers of this node, and only this node has the address."""
        self.watch.wait_answer(node.name, since=time.monotonic(), timeout=within)
        eventually(f"{node.name} alone has {VIP}", lambda: self.holders() == {node.name})

    def up(self) -> None:
        """Start both; the first serves and both say that they are at home."""
        self.start()
        self.served_by(self.one)
        self.says("local", "local")

    def holders(self) -> set[str]:
        return {node.name for node in self.nodes if node.host.is_on and VIP in node.addresses()}

    def says(self, one: str, two: str, within: float = 60) -> None:
        eventually(
            f"rscstatus {one} and {two}",
            lambda: [self.one.rscstatus() if one else "", self.two.rscstatus() if two else ""] == [one, two],
            within,
        )


@contextmanager
def cluster(
    *,
    medium: str = "bcast eth0",
    ha_cf: str = FAST,
    failback: str = "on",
    extra: str = "",
    hacluster_cf: str = "",
    haresources: str = "",
    bare: bool = False,
    own_agents: bool = True,
    second_link: bool = False,
    share: Sequence[str] = (),
) -> Iterator[Cluster]:
    """The hosts with their files; nothing is started. ``extra`` are further lines of ha.cf; ``bare``: no line but nodes
    and medium. ``own_agents``: without those of a Heartbeat that is installed here.
    """
    with ExitStack() as stack:
        place = stack.enter_context(exercise("cluster", second_link=second_link, share=share))
        text = "" if bare else f"{ha_cf}{LOGFILE}auto_failback {failback}\n{extra}"
        more = {"haresources": haresources} if haresources else {}
        directory = Directory(media=medium, ha_cf=text, hacluster_cf=hacluster_cf, **more)
        place.install(directory, own_agents=own_agents)
        one, two = (OurNode(host, directory) for host in place.nodes)
        watch = stack.enter_context(Watch(place.client, URL, interval_ms=20))
        made = Cluster(place, directory, one, two, watch)
        try:
            yield made
        except BaseException:
            for node in made.nodes:
                if node.host.is_on and node.host.path(LOG).exists():
                    print(f"---- {LOG} of {node.name} ----\n{node.log()}")
            raise


@dataclass
class Holding:
    """Who has an address, seen many times a second from outside the hosts, so that it goes on while they stand still.

    ``changes`` are (CLOCK_MONOTONIC seconds, names of the nodes that have it).
    """

    hosts: Sequence[Host]
    address: str = VIP
    interval: float = 0.005
    changes: list[tuple[float, frozenset[str]]] = field(default_factory=list)

    def __enter__(self) -> Holding:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, name="holding", daemon=True)
        self._thread.start()
        eventually("the first look", lambda: bool(self.changes))
        return self

    @property
    def holders(self) -> frozenset[str]:
        """Who has it now."""
        return self.changes[-1][1]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(self.interval):
            now = time.monotonic()
            # A host that was off and is on again has another number.
            have = frozenset(h.name for h in self.hosts if h.pid and self._has(Path(f"/proc/{h.pid}/net/fib_trie")))
            if not self.changes or self.changes[-1][1] != have:
                self.changes.append((now, have))

    def _has(self, file: Path) -> bool:
        try:
            return re.search(rf"-- {re.escape(self.address)}\n\s+/32 host LOCAL", file.read_text()) is not None
        except OSError:
            return False

    def both_for(self, since: float) -> float:
        """For how many seconds after ``since`` more than one node had it."""
        ends = [when for when, _ in self.changes[1:]] + [time.monotonic()]
        return sum(
            max(0.0, end - max(begin, since))
            for (begin, have), end in zip(self.changes, ends, strict=True)
            if len(have) > 1
        )


ODD = """#!/bin/sh
# A resource whose every action a test may bend: /etc/odd/ACTION is read before the action is done.
say() { echo "$(date +%s.%N) $*" >> /var/log/odd; }
say "$1" begins
[ -r "/etc/odd/$1" ] && . "/etc/odd/$1"
case $1 in
start)
    [ -e /run/odd ] && say start twice
    echo $$ > /run/odd
    ;;
stop)
    rm -f /run/odd
    ;;
status)
    if [ -e /run/odd ]; then echo running; else echo stopped; exit 3; fi
    ;;
esac
say "$1" done
"""
"""An init script for haresources: what it does is in /var/log/odd, that it runs in /run/odd."""


@dataclass(frozen=True, slots=True)
class Odd:
    """The resource :data:`ODD` on one host."""

    host: Host

    def install(self) -> None:
        self.host.write("/etc/init.d/odd", ODD, 0o755)

    def bend(self, action: str, shell: str) -> None:
        """Have ``action`` run these lines first; empty lines make it straight again."""
        self.host.write(f"/etc/odd/{action}", shell + "\n")

    @property
    def runs(self) -> bool:
        return self.host.path("/run/odd").exists()

    def did(self, words: str) -> int:
        """How often it said so: ``start begins``, ``start done``, ``start twice`` …"""
        file = self.host.path("/var/log/odd")
        return len(re.findall(rf" {words}$", file.read_text(), re.MULTILINE)) if file.exists() else 0
