"""The heartbeat keeps its time: on a busy machine, and when the node itself stood still for a while."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hacluster.lab.exercise import NODE1, NODE2
from hacluster.lab.hosts import Host
from tests.cluster import Cluster, Holding, cluster, signal_daemon
from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

TIGHT = "keepalive 200ms\nwarntime 500ms\ndeadtime 1\ninitdead 10\n"
DEADTIME_S = 3
SLEEP_S = 3 * DEADTIME_S
BUSY_S = 60

BURN = "while True: pass"
WRITE = """
import os, sys
block = os.urandom(1 << 20)
while True:
    with open(sys.argv[1], "wb") as file:
        for _ in range(64):
            file.write(block)
        os.fsync(file.fileno())
"""
STILL = """
import os, sys, time
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(90))
last = time.monotonic()
while True:
    time.sleep(0.01)
    now = time.monotonic()
    if now - last > 0.06:
        print(round(last, 3), round(now - last - 0.01, 3), flush=True)
    last = now
"""
"""A witness above every other program's priority: when it stands still, the machine does."""

_DEATHS = re.compile(r" node \S+: is dead")


def python(host: Host, program: str, *arguments: str, **streams: object):
    return host.spawn([sys.executable, "-I", "-S", "-c", program, *arguments], **streams)


@contextmanager
def busy(place: Cluster, directory: Path) -> Iterator[None]:
    """Every core and one more kept busy by the hosts, and the disk with it."""
    with ExitStack() as stack:
        hosts = place.place.nodes
        for number in range((os.cpu_count() or 1) + 1):
            stack.callback(python(hosts[number % 2], BURN).kill)
        for host in hosts:
            stack.callback(python(host, WRITE, str(directory / f"{host.name}.bin")).kill)
        yield


def deaths(log: str) -> list[str]:
    return [line for line in log.splitlines() if _DEATHS.search(line)]


@pytest.mark.alone
def test_a_busy_machine_costs_nobody_the_life(tmp_path):
    require_lab()
    with cluster(ha_cf=TIGHT, share=[str(tmp_path)]) as made:
        witness = python(made.place.client, STILL, stdout=subprocess.PIPE)
        made.up()
        for node in made.nodes:
            said = [line for line in node.log().splitlines() if "the heartbeat " in line]
            assert any("has SCHED_RR priority, locked memory" in line or "runs without" in line for line in said), said
        since = time.monotonic()
        with busy(made, tmp_path):
            while time.monotonic() < since + BUSY_S:
                time.sleep(0.2)
                assert not deaths(made.one.log()), made.one.log()
                assert not deaths(made.two.log()), made.two.log()
        assert witness.poll() is None
        witness.kill()
        stood = [line.split() for line in witness.communicate()[0].decode().splitlines()]
        stood = [(float(at), float(length)) for at, length in stood if float(at) > since]
        failed = [s for s in made.watch.samples if not s.ok and s.start > since]
        print(f"the machine stood still {len(stood)} times, at most {max([s for _, s in stood], default=0):.3f} s")
        print(f"failed requests: {len(failed)}; outages: {made.watch.outages(since)}")
        assert not failed
        made.says("local", "local")
        assert made.holders() == {NODE1}


STALL_S = 0.5
"""The laboratory itself may stand still for so long."""

OVERLAP_S = DEADTIME_S
"""How long both may have the address after the wake-up; measured: 0.3 to 0.7 s, and 1.2 s at a load of 20."""


def sleep_and_wake(
    made: Cluster, failback: str, stop: Callable[[], object], wake: Callable[[], object], *, whole: bool = True
) -> str:
    """Let the first node sleep for three times deadtime while it serves; gives what it said in its log after that.

    ``whole``: nobody of it is awake, so that both have the address meanwhile.
    """
    one, two = made.nodes
    before, peer_before = len(one.log()), len(two.log())
    with Holding(made.place.nodes) as holding:
        begin = time.monotonic()
        stop()
        eventually("the second node has the address", lambda: NODE2 in holding.holders)
        time.sleep(max(0.0, begin + SLEEP_S - time.monotonic()))
        assert holding.holders == ({NODE1, NODE2} if whole else {NODE2})
        assert whole or holding.both_for(begin) < STALL_S, holding.changes
        woke = time.monotonic()
        wake()
        eventually("it has given the address up", lambda: NODE1 not in holding.holders)
        eventually("it joined again", lambda: one.sees(NODE2) == "active" and two.sees(NODE1) == "active")
        made.served_by(one if failback == "on" else two)
        made.says(*(("local", "local") if failback == "on" else ("none", "all")))
        both = holding.both_for(woke)
        print(f"both had the address for {both * 1000:.0f} ms after the wake-up")
        assert both < OVERLAP_S, (woke, holding.changes)
    said = one.log()[before:]
    assert not deaths(said), said
    assert deaths(two.log()[peer_before:]), two.log()
    return said


@pytest.mark.parametrize("failback", ["on", "off"])
def test_a_node_that_stood_still_gives_up_what_was_taken(failback):
    require_lab()
    with cluster(failback=failback) as made:
        made.up()
        said = sleep_and_wake(made, failback, made.one.host.pause, made.one.host.resume)
        slept, gave = said.index("this node did not run for"), said.index("stopping IPaddr")
        assert slept < gave < said.index("is stopped here"), said
        assert "is stable and holds" in said[gave:], said


@pytest.mark.parametrize("failback", ["on", "off"])
def test_only_the_pulse_stood_still(failback):
    require_lab()
    with cluster(failback=failback) as made:
        made.up()
        host = made.one.host
        said = sleep_and_wake(
            made,
            failback,
            lambda: signal_daemon(host, "pulse", signal.SIGSTOP),
            lambda: signal_daemon(host, "pulse", signal.SIGCONT),
            whole=False,
        )
        assert said.index("no heartbeat of this node has left") < said.index("stopping IPaddr"), said


def test_the_idle_node_stands_still():
    """Nothing is given up, because nothing ran there; the service never stops."""
    require_lab()
    with cluster() as made:
        made.up()
        since, before = time.monotonic(), len(made.two.log())
        made.two.host.pause()
        eventually("its silence is noticed", lambda: made.one.sees(NODE2) == "dead")
        made.two.host.resume()
        eventually("it joined again", lambda: made.two.sees(NODE1) == "active" and made.one.sees(NODE2) == "active")
        made.says("local", "local")
        assert made.holders() == {NODE1}
        assert not deaths(made.two.log()[before:])
        assert not [s for s in made.watch.samples if not s.ok and s.start > since]
