"""What the daemon says to its host: pid file and locks, the service manager, the watchdog, real time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from hacluster.base.errors import HaError
from hacluster.base.machine import Instant
from hacluster.daemon import realtime
from hacluster.daemon.notify import Notifier, watchdog_interval_ms
from hacluster.daemon.pidfile import NAME, PidFile, running
from hacluster.daemon.watchdog import Watchdog

HOLDER = """
import sys
from hacluster.daemon.pidfile import PidFile
held = PidFile(sys.argv[1])
if sys.argv[2] == "pid":
    held.take()
assert held.wait_for_orphans(lambda: None)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the locks until it is told to go."""
    programs = []

    def hold(what):
        argv = [sys.executable, "-c", HOLDER, str(tmp_path), what]
        program = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        programs.append(program)
        assert program.stdout.readline() == b"held\n"
        return program

    yield hold
    for program in programs:
        program.communicate()


def test_nobody_runs_where_there_is_no_pid_file(tmp_path):
    assert running(str(tmp_path)) is None
    (tmp_path / NAME).write_text("1\n")
    assert running(str(tmp_path)) is None, "a stale file names nobody, whatever it says"


def test_the_one_that_runs_is_found_and_is_alone(tmp_path, holder):
    program = holder("pid")
    assert running(str(tmp_path)) == program.pid
    with pytest.raises(HaError, match=f"already running .pid {program.pid}"):
        PidFile(str(tmp_path)).take()
    program.communicate()
    assert running(str(tmp_path)) is None
    mine = PidFile(str(tmp_path))
    mine.take()
    assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"
    mine.release()
    assert not (tmp_path / NAME).exists()


STRANGER = """
import fcntl, sys
file = open(sys.argv[1])
fcntl.lockf(file, fcntl.LOCK_SH)
print("held", flush=True)
sys.stdin.read()
"""


def test_who_may_only_read_the_file_can_neither_keep_a_daemon_away_nor_pass_for_one(tmp_path):
    path = tmp_path / NAME
    path.write_text("1\n")
    with subprocess.Popen(
        [sys.executable, "-c", STRANGER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as stranger:
        assert stranger.stdout.readline() == b"held\n"
        assert running(str(tmp_path)) is None
        mine = PidFile(str(tmp_path))
        mine.take()
        assert path.read_text() == f"{os.getpid()}\n"
        mine.release()
        stranger.communicate()


def test_a_new_daemon_waits_for_the_processes_of_a_dead_one(tmp_path, holder):
    program = holder("shared")
    said = []

    def on_wait():
        said.append("waiting")
        program.communicate()

    mine = PidFile(str(tmp_path))
    mine.take()
    assert mine.wait_for_orphans(on_wait)
    assert said == ["waiting"]
    mine.release()


def test_it_does_not_wait_for_ever(tmp_path, holder, monkeypatch):
    holder("shared")
    monkeypatch.setattr("hacluster.daemon.pidfile.ORPHANS_S", 0.0)
    mine = PidFile(str(tmp_path))
    mine.take()
    assert not mine.wait_for_orphans(lambda: None)
    mine.release()


def test_the_service_manager_is_told(tmp_path):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        Notifier(address)(READY="1", STATUS="running")
        assert manager.recv(1_000) == b"READY=1\nSTATUS=running\n"
    Notifier(address)(READY="1")
    Notifier("")(READY="1")


@pytest.mark.parametrize(
    ("environment", "interval_ms"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30_000),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_service_managers_watchdog_is_fed_at_half_its_time(environment, interval_ms, monkeypatch):
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert watchdog_interval_ms() == interval_ms


def test_a_watchdog_is_fed_at_most_once_a_second_and_disarmed_by_the_letter(tmp_path):
    device = tmp_path / "watchdog"
    device.write_bytes(b"")
    dog = Watchdog(str(device), deadtime_ms=3_000)
    assert dog.timeout_ms is None
    for now in (0, 10, 999, 1_000, 1_500, 2_000):
        dog.feed(Instant(now))
    dog.close(disarm=True)
    assert device.read_bytes() == b"\0\0\0V"
    dog = Watchdog(str(device), deadtime_ms=3_000)
    dog.close(disarm=False)
    assert not device.read_bytes().endswith(b"VV")


def test_a_watchdog_that_is_not_there_is_said(tmp_path):
    with pytest.raises(HaError, match="cannot open watchdog"):
        Watchdog(str(tmp_path / "none"), 1_000)


def test_what_is_not_permitted_is_said_and_the_rest_is_done(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    done = []
    monkeypatch.setattr(realtime, "round_robin", done.append)
    monkeypatch.setattr(realtime, "lock_memory", refuse)
    monkeypatch.setattr(realtime, "spare_from_oom", lambda: done.append("spared"))
    says = realtime.enter(7)
    assert done == [7, "spared"]
    assert [say.code for say in says] == ["realtime-refused", "realtime"]
    assert says[0].text == "the heartbeat runs without locked memory: Operation not permitted"
    assert says[1].text == "the heartbeat has SCHED_RR priority, exemption from the OOM killer"


def test_the_default_priority_is_the_middle():
    low, high = os.sched_get_priority_min(os.SCHED_RR), os.sched_get_priority_max(os.SCHED_RR)
    assert low < realtime.default_priority() < high
