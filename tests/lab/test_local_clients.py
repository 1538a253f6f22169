"""No local client harms the heartbeat: whoever may connect, whatever it sends, however many there are."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hacluster.lab.exercise import NODE1, NODE2, VIP
from hacluster.lab.hosts import Host
from tests.cluster import FAST, Cluster, cluster, daemon_pid, pss_kib
from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

FOE = str(Path(__file__).parent / "client_foe.py")
HEARTBEAT, HARESOURCES, LRM = (f"/run/hacluster/{name}.sock" for name in ("heartbeat", "haresources", "lrm"))
ATTACK_S = 6
"""Twice deadtime."""

MAX_FDS = 256
GROWTH_KIB = 24 * 1024
LATE_MS = 600
"""More than two keepalives and a stall of the machine."""


@contextmanager
def attacked(host: Host, *attacks: tuple[str, str, int]) -> Iterator[None]:
    """These go on at once."""
    programs = []
    for kind, path, count in attacks:
        argv = [sys.executable, FOE, kind, path, str(count)]
        programs.append(host.spawn(argv, stdout=subprocess.PIPE))
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline(), program
    yield
    for program in programs:
        assert program.poll() is None
        program.kill()
        program.wait(30)
        program.close()


def descriptors(host: Host, which: str) -> int:
    return len(list(host.path(f"/proc/{daemon_pid(host, which)}/fd").iterdir()))


def unharmed(made: Cluster, since: float) -> None:
    for node in made.nodes:
        log = node.log()
        for words in ("is dead", "was replaced", "medium-failed", "is started again", "internal fault"):
            assert words not in log, (words, log)
        late = [int(ms) for ms in re.findall(r"Late heartbeat: .*?interval (\d+) ms", log)]
        assert not [ms for ms in late if ms > LATE_MS + 1_000], late
    assert made.one.sees(NODE2) == made.two.sees(NODE1) == "active"
    assert made.holders() == {NODE1}
    assert not [s for s in made.watch.samples if not s.ok and s.start > since]


@pytest.mark.parametrize(
    "attack",
    [("silent", 1_200), ("unfinished", 300), ("pipelined", 60), ("deaf", 60)],
    ids=["silent", "unfinished", "pipelined", "deaf"],
)
def test_the_heartbeat_bears_it(attack):
    require_lab()
    kind, count = attack
    with cluster(ha_cf=FAST.replace("warntime 1\n", "warntime 600ms\n")) as made:
        made.up()
        host, since = made.one.host, time.monotonic()
        before = pss_kib(host, "pulse")
        with attacked(host, (kind, HEARTBEAT, count)):
            most, grown = 0, 0
            while time.monotonic() < since + ATTACK_S:
                most = max(most, descriptors(host, "pulse"))
                grown = max(grown, pss_kib(host, "pulse") - before)
                time.sleep(0.2)
            print(f"{kind}: {most} descriptors, pulse grew by {grown} KiB from {before}")
            unharmed(made, since)
            assert most < MAX_FDS
            assert grown < GROWTH_KIB
        eventually("who asks is answered again", lambda: made.one.tool("cl_status", "hbstatus")[0] == 0, 10)
        unharmed(made, since)
        print("\n".join(line for line in made.two.log().splitlines() if "Late" in line))


def test_the_hands_start_and_stop_what_they_are_told_meanwhile():
    require_lab()
    with cluster() as made:
        made.up()
        attacks = [("silent", path, 1_200) for path in (LRM, HARESOURCES, HEARTBEAT)]
        with attacked(made.two.host, *attacks):
            begin = time.monotonic()
            made.one.crash()
            made.served_by(made.two)
            print(f"served {time.monotonic() - begin:.1f} s after the crash")
            most = max(descriptors(made.two.host, which) for which in ("pulse", "brain", "hands"))
            print(f"hands: at most {most} descriptors in a process")
            assert most < MAX_FDS
            made.two.stop()
            assert VIP not in made.two.addresses()
            assert "could not" not in made.two.log()
            assert "failed" not in made.two.log()
