"""Edits of haresources under running daemons, and handovers that are broken off: nothing forgotten, nothing twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from hacluster.lab.exercise import NODE1, NODE2, VIP
from tests.cluster import Cluster, Odd, cluster, daemon_pid, signal_daemon
from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

FILE = "/etc/ha.d/haresources"
IP = f"IPaddr::{VIP}/16/eth0"
SECOND = "IPaddr::172.16.100.20/16/eth0"
LINE = f"{NODE1} {IP} {SECOND} httpd\n"


def edit(made: Cluster, text: str) -> None:
    """Write the file on both nodes and have it read."""
    for node in made.nodes:
        node.host.write(FILE, text)
    for node in made.nodes:
        rc, out = node.tool("hacluster", "reload")
        assert rc == 0, out
        assert "the new files are in use" in out


@pytest.mark.parametrize(
    "line",
    [f"{NODE1} {IP} httpd\n", f"{NODE1} {IP}\n", f"{NODE1} IPaddr::{VIP}/16/eth0:0 {SECOND} httpd\n"],
    ids=["second out", "all but the first out", "label of the first"],
)
def test_what_is_edited_moves_whole(line: str) -> None:
    require_lab()
    with cluster(failback="off", haresources=LINE) as made:
        made.up()
        edit(made, line)
        rc, out = made.one.tool("hb_standby", "--wait")
        assert rc == 0, out
        assert "and runs it" in out
        eventually("node1 has stopped it", lambda: not {VIP, "172.16.100.20"} & made.one.addresses())
        assert VIP in made.two.addresses()
        assert ("172.16.100.20" in made.two.addresses()) == (SECOND in line)


def test_a_member_comes_in_and_no_client_misses_anything() -> None:
    require_lab()
    with cluster(haresources=f"{NODE1} {IP} httpd\n") as made:
        made.up()
        since = time.monotonic()
        edit(made, LINE)
        eventually("the new address is there", lambda: "172.16.100.20" in made.one.addresses())
        edit(made, f"{NODE1} {IP} httpd\n")
        eventually("and gone again", lambda: "172.16.100.20" not in made.one.addresses())
        made.says("local", "local")
        assert made.watch.missed(since) == []


def test_files_that_differ_are_said_and_hold_nothing_twice() -> None:
    """Each node calls the address its own."""
    require_lab()
    with cluster(haresources=f"{NODE1} {IP} httpd\n") as made:
        made.two.host.write(FILE, f"{NODE2} {IP} httpd\n")
        made.start()
        made.says("local", "local")
        made.served_by(made.one)
        for node, other in ((made.one, NODE2), (made.two, NODE1)):
            assert f"haresources of {other}" in node.tool("cl_status", "rscstatus", "-v")[1]
        made.one.stop()
        made.served_by(made.two)


@contextmanager
def slow(made_with: str) -> Iterator[tuple[Cluster, dict[str, Odd]]]:
    require_lab()
    with cluster(failback="off", haresources=made_with) as made:
        odd = {node.name: Odd(node.host) for node in made.nodes}
        for one in odd.values():
            one.install()
        yield made, odd


def test_wait_tells_that_the_start_has_failed() -> None:
    with slow(f"{NODE1} {IP} httpd odd\n") as (made, odd):
        made.up()
        odd[NODE2].bend("start", "exit 1")
        rc, out = made.one.tool("hb_standby", "--wait")
        assert rc == 1
        assert "odd could not be started" in out
        assert f"nobody runs {IP} now" in out
        rc, out = made.two.tool("cl_status", "rscstatus", "-v")
        assert rc == 1
        assert "odd could not be started" in out


@pytest.mark.parametrize("who", [NODE1, NODE2])
def test_a_pulse_that_begins_anew_in_a_handover_doubles_nothing(who: str) -> None:
    """The taker's start is under way when the pulse of one of them is killed."""
    with slow(f"{NODE1} {IP} httpd odd\n") as (made, odd):
        made.up()
        for one in odd.values():
            one.bend("start", "sleep 2")
        made.one.standby()
        eventually("the taker starts", lambda: odd[NODE2].did("start begins") == 1)
        host = next(node.host for node in made.nodes if node.name == who)
        old = daemon_pid(host, "pulse")
        signal_daemon(host, "pulse", signal.SIGKILL)
        eventually("another pulse", lambda: daemon_pid(host, "pulse") not in (None, old))
        eventually(
            "both have joined again",
            lambda: sorted((made.one.rscstatus(), made.two.rscstatus())) in (["all", "none"], ["local", "local"]),
            90,
        )
        eventually("one has it", lambda: len(made.holders()) == 1)
        assert sum(one.runs for one in odd.values()) == 1


def test_a_healed_partition_costs_no_service() -> None:
    """Both have taken it; the one at home goes on, and the client hears at once that the address is there."""
    require_lab()
    with cluster() as made:
        made.up()
        made.one.host.cut()
        made.watch.wait_answer(NODE2, since=time.monotonic())
        eventually("both have it", lambda: made.holders() == {NODE1, NODE2})
        healed = time.monotonic()
        made.one.host.heal()
        made.served_by(made.one)
        made.says("local", "local")
        answered = [healed, *sorted(s.start for s in made.watch.samples if s.who and s.start > healed)]
        assert max(later - sooner for sooner, later in pairwise(answered)) < 1.5, "half a second is the machine's"
