"""Each process of the daemon is killed on the active node while a client asks."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hacluster.base.errors import HaError
from hacluster.lab.exercise import NODE1, NODE2, VIP
from tests.cluster import Cluster, Odd, cluster, daemon_pid, processes, signal_daemon
from tests.conftest import require_lab, require_root
from tests.nodes import OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

LIVES = 6
"""How often a process may die in a minute, the last time included."""

WITH_ODD = f"{NODE1} IPaddr::{VIP}/16/eth0 httpd odd"
SLOW = "sleep 3"


@contextmanager
def odd_cluster(**more: str) -> Iterator[tuple[Cluster, Odd, Odd]]:
    """The exercise with a resource after httpd that a test can bend."""
    require_lab()
    with cluster(haresources=WITH_ODD, **more) as made:
        one, two = (Odd(node.host) for node in made.nodes)
        one.install()
        two.install()
        made.up()
        eventually("the odd one runs", lambda: one.runs)
        yield made, one, two


def crash(node: OurNode, which: str) -> None:
    """Kill one process and wait until another has its place."""
    old = signal_daemon(node.host, which)
    eventually(f"a new {which}", lambda: daemon_pid(node.host, which) not in (None, old))


def no_request_failed(made: Cluster, since: float) -> None:
    failed = [s for s in made.watch.samples if not s.ok and s.start > since]
    assert not failed, failed


def moved(made: Cluster, source: Odd, target: Odd, node: OurNode) -> None:
    """The whole group runs on ``node`` and nowhere else, and nothing was ever started twice."""
    made.served_by(node)
    eventually("the group runs there", lambda: target.runs and not source.runs)
    assert source.did("start twice") == target.did("start twice") == 0


def test_the_brain_dies():
    with odd_cluster() as (made, one, two):
        since = time.monotonic()
        crash(made.one, "brain")
        made.says("local", "local")
        no_request_failed(made, since)
        made.one.standby()
        moved(made, one, two, made.two)
        made.says("none", "all")
        assert (one.did("start done"), one.did("stop done"), two.did("start done")) == (1, 1, 1)


@pytest.mark.parametrize("victim", ["giver", "taker"])
@pytest.mark.parametrize("during", ["stop", "start"])
def test_the_brain_dies_in_the_middle_of_a_standby(victim, during):
    with odd_cluster() as (made, one, two):
        one.bend("stop", SLOW)
        two.bend("start", SLOW)
        made.one.standby()
        worker = one if during == "stop" else two
        eventually(f"the {during} has begun", lambda: worker.did(f"{during} begins") > 0)
        crash(made.one if victim == "giver" else made.two, "brain")
        moved(made, one, two, made.two)
        made.says("none", "all", within=90)
        assert (one.did("stop done"), two.did("start done")) == (1, 1)


def test_the_brain_dies_while_it_takes_over():
    with odd_cluster() as (made, _, two):
        two.bend("start", SLOW)
        made.one.crash()
        eventually("the start has begun", lambda: two.did("start begins") > 0)
        crash(made.two, "brain")
        made.served_by(made.two)
        eventually("the group runs", lambda: two.did("start done") == 1)
        made.says("", "all")
        assert two.did("start begins") == 1


def test_the_hands_die():
    with odd_cluster() as (made, one, two):
        since = time.monotonic()
        crash(made.one, "hands")
        made.says("local", "local")
        no_request_failed(made, since)
        assert one.runs
        made.one.standby()
        moved(made, one, two, made.two)
        made.says("none", "all")


@pytest.mark.parametrize("during", ["stop", "start"])
def test_the_hands_die_in_the_middle_of_an_operation(during):
    """What was under way is ended with its whole process group before it is done again."""
    with odd_cluster() as (made, one, two):
        one.bend("stop", SLOW)
        two.bend("start", SLOW)
        made.one.standby()
        worker, node = (one, made.one) if during == "stop" else (two, made.two)
        eventually(f"the {during} has begun", lambda: worker.did(f"{during} begins") > 0)
        crash(node, "hands")
        moved(made, one, two, made.two)
        made.says("none", "all", within=90)
        assert worker.did(f"{during} begins") == 2
        assert worker.did(f"{during} done") == 1


def test_the_pulse_dies():
    with odd_cluster() as (made, one, two):
        before = made.one.log().count("Heartbeat generation:")
        since = time.monotonic()
        crash(made.one, "pulse")
        eventually("a new generation", lambda: made.one.log().count("Heartbeat generation:") == before + 1)
        eventually("they see each other", lambda: made.one.sees(NODE2) == made.two.sees(NODE1) == "active")
        made.says("local", "local")
        made.served_by(made.one)
        print("outages", made.watch.outages(since))
        assert one.runs
        assert not two.runs
        assert one.did("start twice") == two.did("start twice") == 0
        made.one.standby()
        moved(made, one, two, made.two)


def test_the_supervisor_dies():
    """Its orphans release everything, tell the other node, and end: nothing is left that nobody watches."""
    with odd_cluster() as (made, one, two):
        since = time.monotonic()
        signal_daemon(made.one.host, "supervisor")
        moved(made, one, two, made.two)
        print("outages", made.watch.outages(since))
        eventually(
            "all of the daemon is gone",
            lambda: not any(daemon_pid(made.one.host, d) for d in ("pulse", "brain", "hands")),
        )
        made.start(made.one)
        moved(made, two, one, made.one)
        made.says("local", "local")


def keep_killing(node: OurNode, which: str, done: Callable[[], bool]) -> int:
    """Kill a process whenever it is there, until ``done``; how often."""
    killed: set[int] = set()
    until = time.monotonic() + 90
    while not done():
        assert time.monotonic() < until, f"{which} was killed {len(killed)} times and it goes on"
        with contextlib.suppress(HaError, OSError):  # the host may die of it
            pid = daemon_pid(node.host, which)
            if pid is not None and pid not in killed:
                node.host.run(["kill", f"-{int(signal.SIGKILL)}", str(pid)])
                killed.add(pid)
        time.sleep(0.05)
    return len(killed)


def test_a_pulse_that_cannot_live():
    """Nobody hears this node any more: it stops what runs here, then itself."""
    with odd_cluster() as (made, one, two):
        times = keep_killing(made.one, "pulse", lambda: daemon_pid(made.one.host, "supervisor") is None)
        assert times == LIVES, made.one.log()
        assert "all resources are released" in made.one.log()
        moved(made, one, two, made.two)


@pytest.mark.parametrize("which", ["brain", "hands"])
def test_a_brain_or_hands_that_cannot_live(which):
    """Nothing here can stop resources: ``self_fence exit`` leaves them and says so, the other node takes over."""
    with odd_cluster() as (made, one, _):
        times = keep_killing(made.one, which, lambda: daemon_pid(made.one.host, "supervisor") is None)
        assert times == LIVES, made.one.log()
        assert f"the {which} process ended {LIVES} times in a minute" in made.one.log()
        assert "this node stops at once" in made.one.log()
        assert not any(name.startswith("ha-") for name, _ in processes(made.one.host).values())
        eventually("the other node has taken over", lambda: NODE2 in made.holders())
        made.start(made.one)
        eventually("what was left has been stopped", lambda: one.did("stop done") > 0)
        made.served_by(made.one)
        made.says("local", "local")


def test_self_fence_none_never_gives_up():
    """Tried again in half a minute, and meanwhile what runs runs on."""
    with odd_cluster(hacluster_cf="self_fence none\n") as (made, one, _):
        since = time.monotonic()
        times = keep_killing(made.one, "hands", lambda: "in a minute" in made.one.log())
        assert times == LIVES
        eventually("new hands", lambda: daemon_pid(made.one.host, "hands") is not None)
        made.says("local", "local")
        assert one.runs
        no_request_failed(made, since)


def test_self_fence_reboot_takes_the_host_with_it():
    """reboot(2) in a PID namespace kills its first process: exactly this host dies, as one that loses power."""
    require_root()
    with odd_cluster(hacluster_cf="self_fence reboot\n") as (made, _, two):
        keep_killing(made.one, "brain", lambda: not made.one.host.is_on)
        assert made.two.host.is_on
        assert made.place.client.is_on
        made.served_by(made.two)
        eventually("the group runs there", lambda: two.runs)


@pytest.mark.parametrize("which", ["brain", "pulse"])
def test_no_room_for_a_process_that_begins_anew(which):
    """Want of descriptors, as of processes or memory: the supervisor lives on and tries until there is room."""
    require_lab()
    with cluster() as made:
        made.up()
        host, supervisor = made.one.host, daemon_pid(made.one.host, "supervisor")
        highest = max(int(entry.name) for entry in host.path(f"/proc/{supervisor}/fd").iterdir())
        limits = host.read(f"/proc/{supervisor}/limits")
        before = next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files"))
        host.run(["prlimit", "--pid", str(supervisor), f"--nofile={highest + 1}:"], check=True)
        signal_daemon(host, which)
        text = f"the {which} process cannot be started now: Too many open files; trying again"
        eventually("it is told", lambda: text in made.one.log())
        assert daemon_pid(host, "supervisor") == supervisor
        host.run(["prlimit", "--pid", str(supervisor), f"--nofile={before}:"], check=True)
        eventually(f"a new {which}", lambda: daemon_pid(host, which) is not None)
        made.says("local", "local")
        made.served_by(made.one)


def test_no_memory_for_processes_that_begin_anew():
    """They end before they have begun; that is no crash, and what runs here is left alone until there is memory."""
    require_lab()
    require_root()
    with cluster() as made:
        made.up()
        host, supervisor = made.one.host, daemon_pid(made.one.host, "supervisor")
        pages = int(host.read(f"/proc/{supervisor}/statm").split()[0])
        since = time.monotonic()
        host.run(["prlimit", "--pid", str(supervisor), f"--as={pages * 4096}:"], check=True)
        signal_daemon(host, "brain")
        eventually("more tries than crashes may be", lambda: made.one.log().count("not enough memory to begin") > LIVES)
        host.run(["prlimit", "--pid", str(supervisor), "--as=unlimited:"], check=True)
        made.says("local", "local")
        made.served_by(made.one)
        assert daemon_pid(host, "supervisor") == supervisor
        assert made.watch.missed(since) == []
