"""Agents that misbehave in every way, under a real daemon: the groups end where they should."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hacluster.lab.exercise import NODE1, VIP
from tests.cluster import Cluster, Odd, cluster, daemon_pid, processes, pss_kib
from tests.conftest import require_lab, require_root
from tests.nodes import OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

GROUP = f"{NODE1} IPaddr::{VIP}/16/eth0 httpd odd"
QUICK = "start_timeout 8\nstop_timeout 8\nstatus_timeout 8\nkill_after 500ms\nstart_failure_delay 500ms\n"
STUBBORN = "stop_retry_max 2\nstop_retry_delay 300ms\n"
HANG = "trap '' TERM; sleep 987 & wait; sleep 987"
GROWTH_KIB = 4_000


@contextmanager
def odd_cluster(settings: str = "", **more: str) -> Iterator[tuple[Cluster, Odd, Odd]]:
    """The exercise with a resource after httpd that a test can bend; nothing is started."""
    require_lab()
    with cluster(haresources=GROUP, hacluster_cf=QUICK + settings, **more) as made:
        one, two = (Odd(node.host) for node in made.nodes)
        one.install()
        two.install()
        yield made, one, two


def runs_on(made: Cluster, node: OurNode, where: Odd, other: Odd) -> None:
    """The whole group runs on ``node`` and nowhere else."""
    made.served_by(node)
    eventually("the odd one runs there", lambda: where.runs and not other.runs)
    assert where.did("start twice") == other.did("start twice") == 0


def sleepers(node: OurNode) -> int:
    """How many of the hung agent's children still live."""
    return sum(name == "sleep" for name, _ in processes(node.host).values())


@pytest.mark.parametrize("bend", [HANG, "exit 7", "kill -SEGV $$", "echo no >&2; exit 255"])
def test_a_start_that_fails_moves_the_group_to_the_peer(bend):
    with odd_cluster() as (made, one, two):
        one.bend("start", bend)
        made.start()
        runs_on(made, made.two, two, one)
        made.says("none", "all")
        assert "could not be started" in made.one.log()
        eventually("nothing of the hung agent lives", lambda: sleepers(made.one) == 0)
        # Once it is mended, it can be had back.
        one.bend("start", "")
        made.one.takeover()
        runs_on(made, made.one, one, two)


def test_a_start_that_fails_everywhere_does_not_drag_the_group_to_and_fro():
    """Each failure in a row doubles the delay; the cluster stays up and says why."""
    with odd_cluster() as (made, one, two):
        one.bend("start", "exit 1")
        two.bend("start", "exit 1")
        made.start()
        eventually("both have tried", lambda: one.did("start begins") > 0 and two.did("start begins") > 0)
        one.bend("start", "")
        two.bend("start", "")
        eventually("it runs", lambda: one.runs or two.runs)
        eventually("on one node", lambda: len(made.holders()) == 1 and one.runs != two.runs)
        assert one.did("start twice") == two.did("start twice") == 0


@pytest.mark.parametrize("bend", [HANG, "exit 1"])
def test_a_stop_that_fails_first_is_tried_again(bend):
    with odd_cluster("stop_timeout 1\n") as (made, one, two):
        made.up()
        one.bend("stop", f"[ -e /run/once ] || {{ touch /run/once; {bend}; }}")
        made.one.standby()
        runs_on(made, made.two, two, one)
        made.says("none", "all")
        assert one.did("stop begins") == 2
        assert sleepers(made.one) == 0


def test_stop_failure_ignored():
    with odd_cluster(STUBBORN + "on_stop_failure ignore\n") as (made, one, two):
        made.up()
        one.bend("stop", "exit 1")
        made.one.standby()
        made.served_by(made.two)
        eventually("the odd one runs there too", lambda: two.runs)
        assert one.runs
        assert one.did("stop begins") == 3
        assert "going on as if it were stopped" in made.one.log()
        assert made.one.running()


def test_stop_failure_stops_the_cluster():
    """The rest is released, the node falls silent without saying that everything is free."""
    with odd_cluster(STUBBORN + "on_stop_failure stop-cluster\n") as (made, one, two):
        made.up()
        one.bend("stop", "exit 1")
        made.one.standby()
        made.served_by(made.two)
        eventually("the odd one runs there", lambda: two.runs)
        eventually("the cluster has stopped", lambda: daemon_pid(made.one.host, "supervisor") is None)
        assert one.did("stop begins") >= 3
        assert "cannot be stopped" in made.one.log()
        eventually("its silence is noticed", lambda: made.two.sees(NODE1) == "dead")
        made.says("", "all")


def test_stop_failure_reboots_the_host():
    """reboot(2) in a PID namespace kills its first process: exactly this host dies, as one that loses power."""
    require_root()
    with odd_cluster(STUBBORN + "on_stop_failure reboot\n") as (made, one, two):
        made.up()
        one.bend("stop", "exit 1")
        made.one.standby()
        eventually("the host is dead", lambda: not made.one.host.is_on)
        assert made.two.host.is_on
        assert made.place.client.is_on
        runs_on_alone(made, two)


def runs_on_alone(made: Cluster, two: Odd) -> None:
    made.served_by(made.two)
    eventually("the odd one runs there", lambda: two.runs)
    made.says("", "all")


def test_an_agent_that_prints_megabytes():
    """Of each output so much is kept, of the rest the size is told; a daemon it leaves keeps the pipes open."""
    noise = "head -c 30000000 /dev/zero | tr '\\0' 'x'; head -c 30000000 /dev/urandom >&2"
    with odd_cluster() as (made, one, two):
        for odd in (one, two):
            odd.bend("start", noise)
            odd.bend("status", "head -c 5000000 /dev/zero | tr '\\0' '\\n'")
        made.start()
        runs_on(made, made.one, one, two)
        before = {which: pss_kib(made.one.host, which) for which in ("hands", "brain")}
        for node, where, other in ((made.two, two, one), (made.one, one, two)) * 2:
            node.takeover()
            runs_on(made, node, where, other)
        for which, size in before.items():
            grown = pss_kib(made.one.host, which) - size
            print(f"{which} grew by {grown} KiB from {size}")
            assert grown < GROWTH_KIB
        assert "wrote more than is kept" in made.one.log()
        assert len(made.one.log()) < 1_000_000


def test_an_agent_that_leaves_daemons_behind():
    """Daemons that keep the agent's pipes open, and talk into them, hold nothing up and live on."""
    leave = "(while :; do echo still here; echo and here >&2; sleep 0.05; done) &"
    with odd_cluster() as (made, one, two):
        for odd in (one, two):
            odd.bend("start", leave)
        since = time.monotonic()
        made.start()
        runs_on(made, made.one, one, two)
        assert time.monotonic() - since < 60
        eventually("what it left lives", lambda: sleepers(made.one) > 0)
        made.one.standby()
        runs_on(made, made.two, two, one)
        eventually("what it left lives still", lambda: sleepers(made.one) > 0)
        made.one.takeover()
        runs_on(made, made.one, one, two)


def test_an_agent_that_vanishes_between_start_and_stop():
    """Nothing can stop the resource or say that it does not run: that is a failed stop."""
    with odd_cluster(STUBBORN + "on_stop_failure stop-cluster\n") as (made, one, two):
        made.up()
        made.one.host.run(["rm", "/etc/init.d/odd"], check=True)
        made.one.standby()
        eventually("the cluster has stopped", lambda: daemon_pid(made.one.host, "supervisor") is None)
        assert "no agent that can be run" in made.one.log()
        assert "odd cannot be stopped and may still run" in made.one.log()
        assert one.runs
        runs_on_alone(made, two)


def test_an_agent_that_was_never_there():
    """The group fails to start, is stopped all the same, and moves to the node that has the script."""
    with odd_cluster() as (made, one, two):
        made.one.host.run(["rm", "/etc/init.d/odd"], check=True)
        made.start()
        runs_on(made, made.two, two, one)
        made.says("none", "all")
        assert "no agent that can be run" in made.one.log()
