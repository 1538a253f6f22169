"""Disks that are full, read-only or frozen, and processes that died together: what a node holds, it holds audibly."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster import PATIENT, Cluster, Holding, cluster, daemon_pid, processes, signal_daemon
from tests.conftest import require_lab, require_root
from tests.nodes import OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

STATE = "/var/lib/heartbeat"
STALL_S = 0.5
"""A machine of many tenants may stand still for so long between two looks."""


def shell(node: OurNode, script: str) -> None:
    node.host.run(["sh", "-ec", script], check=True)


@contextmanager
def stuck_cluster(**more: str) -> Iterator[Cluster]:
    require_lab()
    require_root()
    with cluster(ha_cf=PATIENT, **more) as made:
        yield made


@contextmanager
def small_disk(node: OurNode, path: str = STATE) -> Iterator[None]:
    """64 kB for a directory."""
    shell(node, f"mkdir -p {path} && mount -t tmpfs -o size=64k,mode=750 tmpfs {path}")
    yield


@contextmanager
def freezable(node: OurNode, path: str) -> Iterator[None]:
    """A file system of its own for a directory; thawed at the end, or what waits for it would outlive the host."""
    shell(
        node,
        f"truncate -s 16M /var/disk && mkfs.ext4 -q /var/disk && mkdir -p {path} && mount -o loop /var/disk {path}",
    )
    try:
        yield
    finally:
        if node.host.is_on:
            node.host.run(["fsfreeze", "-u", path])


def all_gone(node: OurNode) -> bool:
    return not any(name.startswith("ha-") for name, _ in processes(node.host).values())


def test_a_full_disk_and_a_pulse_that_dies():
    """What was written before is written again in place: nobody notices."""
    with stuck_cluster() as made, small_disk(made.one), Holding([node.host for node in made.nodes]) as holding:
        made.up()
        since = time.monotonic()
        shell(made.one, f"cat /dev/zero > {STATE}/filler 2>/dev/null || true")
        old = signal_daemon(made.one.host, "pulse")
        eventually("a new pulse", lambda: daemon_pid(made.one.host, "pulse") not in (None, old))
        made.says("local", "local")
        made.served_by(made.one)
        print("both held the address for", holding.both_for(since))
        assert holding.both_for(since) == 0
        made.one.standby()
        made.served_by(made.two)


def test_a_disk_that_nobody_can_write_and_a_pulse_that_dies():
    """Without a generation on disk nobody may speak: what is held is given up before the other node takes it."""
    with stuck_cluster() as made, small_disk(made.one), Holding([node.host for node in made.nodes]) as holding:
        made.up()
        since = time.monotonic()
        shell(made.one, f"rm {STATE}/hb_generation; cat /dev/zero > {STATE}/filler 2>/dev/null || true")
        signal_daemon(made.one.host, "pulse")
        made.served_by(made.two)
        print("both held the address for", holding.both_for(since))
        assert holding.both_for(since) < STALL_S
        assert "no heartbeat of this node has left" in made.one.log()
        assert daemon_pid(made.one.host, "supervisor") is not None
        shell(made.one, f"rm {STATE}/filler")
        made.says("local", "local")
        made.served_by(made.one)
        assert holding.both_for(since) < STALL_S


def test_a_frozen_disk_and_a_pulse_that_dies():
    """The thread that writes cannot be killed, and with it the process stays: nobody waits for it."""
    with stuck_cluster() as made, freezable(made.one, STATE), Holding([node.host for node in made.nodes]) as holding:
        made.up()
        since = time.monotonic()
        shell(made.one, f"fsfreeze -f {STATE}")
        signal_daemon(made.one.host, "pulse")
        made.served_by(made.two)
        print("both held the address for", holding.both_for(since))
        assert holding.both_for(since) < STALL_S
        shell(made.one, f"fsfreeze -u {STATE}")
        made.says("local", "local")
        made.served_by(made.one)
        assert holding.both_for(since) < STALL_S


def test_a_frozen_disk_and_a_brain_that_dies():
    """It needs nothing of that disk: nobody notices."""
    with stuck_cluster() as made, freezable(made.one, STATE):
        made.up()
        since = time.monotonic()
        shell(made.one, f"fsfreeze -f {STATE}")
        for which in ("brain", "hands"):
            old = signal_daemon(made.one.host, which)
            eventually(f"new {which}", lambda which=which, old=old: daemon_pid(made.one.host, which) not in (None, old))
        made.says("local", "local")
        assert made.watch.missed(since) == []
        made.one.standby()
        made.served_by(made.two)


def test_a_pulse_that_is_stopped():
    """Seen by the heartbeat that does not leave, not by who asks it: ``hang_timeout`` is half a minute."""
    with stuck_cluster() as made, Holding([node.host for node in made.nodes]) as holding:
        made.up()
        since = time.monotonic()
        signal_daemon(made.one.host, "pulse", signal.SIGSTOP)
        made.served_by(made.two)
        print("both held the address for", holding.both_for(since))
        assert holding.both_for(since) < STALL_S
        signal_daemon(made.one.host, "pulse", signal.SIGCONT)
        made.says("local", "local")
        made.served_by(made.one)
        assert holding.both_for(since) < STALL_S


def test_a_log_on_a_frozen_disk():
    """Nobody writes it himself: a brain that dies is begun anew, and the group moves when it is asked to."""
    with stuck_cluster(extra="logfile /var/log/frozen/ha-log\n") as made, freezable(made.one, "/var/log/frozen"):
        made.up()
        since = time.monotonic()
        shell(made.one, "fsfreeze -f /var/log/frozen")
        old = signal_daemon(made.one.host, "brain")
        eventually("a new brain", lambda: daemon_pid(made.one.host, "brain") not in (None, old))
        made.says("local", "local")
        assert made.watch.missed(since) == []
        made.one.standby()
        made.served_by(made.two)
        made.one.stop()
        eventually("it has ended", lambda: daemon_pid(made.one.host, "pulse") is None)


@pytest.mark.parametrize("during", ["rest", "release"])
def test_supervisor_and_hands_die_together(during):
    """As the OOM killer does it. Nobody can stop anything then: the rest ends, and a new daemon stops what is left."""
    with stuck_cluster() as made, Holding([node.host for node in made.nodes]) as holding:
        made.up()
        if during == "release":
            made.one.host.spawn(["sh", "-c", "exec hacluster stop"])
            time.sleep(0.05)
        began = time.monotonic()
        pids = [str(daemon_pid(made.one.host, which)) for which in ("supervisor", "hands")]
        made.one.host.run(["kill", f"-{int(signal.SIGKILL)}", *pids], check=True)
        eventually("the others have ended", lambda: all_gone(made.one))
        print("the others ended after", time.monotonic() - began)
        made.start(made.one)
        made.says("local", "local")
        made.served_by(made.one)
        print("both held the address for", holding.both_for(began))
        assert holding.both_for(began) < STALL_S
