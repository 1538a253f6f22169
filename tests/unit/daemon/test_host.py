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
from hacluster.daemon.pidfile import LOCK, NAME, PidFile, mark_stop, running, stop_was_asked
from hacluster.daemon.watchdog import Watchdog

HOLDER = """
import os, sys, time
from hacluster.daemon.pidfile import PidFile
held = PidFile(sys.argv[1], sys.argv[1])
held.take()
held.wait_for_orphans(lambda: None, lambda pids: None)
if sys.argv[2] == "orphan":
    parent = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == parent:
        time.sleep(0.01)
print("held", os.getpid(), flush=True)
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
        assert program.stdout.readline().startswith(b"held ")
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
        PidFile(str(tmp_path), str(tmp_path)).take()
    program.communicate()
    assert running(str(tmp_path)) is None
    mine = PidFile(str(tmp_path), str(tmp_path))
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
        mine = PidFile(str(tmp_path), str(tmp_path))
        mine.take()
        assert path.read_text() == f"{os.getpid()}\n"
        mine.release()
        stranger.communicate()


def test_a_new_daemon_waits_for_the_processes_of_a_dead_one(tmp_path, holder):
    program = holder("orphan")
    said = []

    def on_wait():
        said.append("waiting")
        program.communicate()

    mine = PidFile(str(tmp_path), str(tmp_path))
    mine.take()
    mine.wait_for_orphans(on_wait, said.append)
    assert said == ["waiting"]
    mine.release()


def test_it_does_not_wait_for_ever(tmp_path, holder, monkeypatch):
    """Processes of a dead daemon that do not end are killed: the service comes back."""
    program = holder("orphan")
    monkeypatch.setattr("hacluster.daemon.pidfile.ORPHANS_S", 0.0)
    mine = PidFile(str(tmp_path), str(tmp_path))
    mine.take()
    killed = []
    mine.wait_for_orphans(lambda: None, killed.extend)
    assert len(killed) == 1
    assert program.stdout.read() == b"", "it is gone"
    mine.release()


def test_what_takes_the_place_of_the_lock_condemns_nobody(tmp_path, holder, monkeypatch):
    """The state directory's owner is not root; whom the supervisor kills is not for him to choose."""
    holder("orphan")
    monkeypatch.setattr("hacluster.daemon.pidfile.ORPHANS_S", 0.0)
    mine = PidFile(str(tmp_path), str(tmp_path))
    mine.take()
    precious = tmp_path / "precious"
    precious.write_text("")
    (tmp_path / LOCK).unlink()
    (tmp_path / LOCK).symlink_to(precious)
    killed = []
    with precious.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as bystander:
        mine.wait_for_orphans(lambda: None, killed.extend)
        assert bystander.poll() is None
        assert bystander.pid not in killed
        bystander.kill()
    assert len(killed) == 1
    mine.release()


def test_one_that_cannot_even_be_killed_is_passed_by(tmp_path, holder, monkeypatch):
    holder("orphan")
    monkeypatch.setattr("hacluster.daemon.pidfile.ORPHANS_S", 0.0)
    monkeypatch.setattr("hacluster.daemon.pidfile.KILLED_S", 0.0)
    monkeypatch.setattr("hacluster.daemon.pidfile.holders", lambda _lock: [])
    mine = PidFile(str(tmp_path), str(tmp_path))
    mine.take()
    mine.wait_for_orphans(lambda: None, lambda _pids: None)
    mine.release()


def test_a_run_directory_that_was_wiped_hides_no_daemon(tmp_path, holder):
    program = holder("pid")
    (tmp_path / NAME).unlink()
    assert running(str(tmp_path)) is None
    assert running(str(tmp_path), str(tmp_path)) == program.pid
    for run in (tmp_path, tmp_path / "other"):
        run.mkdir(exist_ok=True)
        with pytest.raises(HaError, match=f"already running .pid {program.pid}"):
            PidFile(str(run), str(tmp_path)).take()
        assert not (run / NAME).exists()


@pytest.mark.parametrize("name", [NAME, LOCK])
@pytest.mark.parametrize("thing", ["fifo", "directory", "link", "dangling link", "noise"])
def test_whatever_lies_in_the_place_of_a_lock_is_neither_followed_nor_waited_for(tmp_path, name, thing):
    path, victim = tmp_path / name, tmp_path / "victim"
    victim.write_text("precious")
    match thing:
        case "fifo":
            os.mkfifo(path)
        case "directory":
            (path / "in it").mkdir(parents=True)
        case "link":
            path.symlink_to(victim)
        case "dangling link":
            path.symlink_to(tmp_path / "nowhere")
        case _:
            path.write_bytes(bytes(range(256)) * 1_000)
    assert running(str(tmp_path), str(tmp_path)) is None
    mine = PidFile(str(tmp_path), str(tmp_path))
    mine.take()
    assert path.read_text() == f"{os.getpid()}\n"
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()
    mine.release()


def test_a_stop_counts_for_what_was_started_before_it(tmp_path):
    code = "import sys; from hacluster.daemon import pidfile; "
    asks = f"{code}import time; time.sleep(0.05); print(pidfile.stop_was_asked(sys.argv[1]))"
    early = f"{code}sys.stdin.read(); print(pidfile.stop_was_asked(sys.argv[1]))"
    with subprocess.Popen(
        [sys.executable, "-c", early, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as before:
        subprocess.run(["sleep", "0.05"], check=True)
        stop = f"{code}pidfile.mark_stop(sys.argv[1])"
        subprocess.run([sys.executable, "-c", stop, str(tmp_path)], check=True)
        after = subprocess.run([sys.executable, "-c", asks, str(tmp_path)], check=True, capture_output=True)
        assert before.communicate()[0] == b"True\n"
    assert after.stdout == b"False\n"
    mark_stop(str(tmp_path))
    assert stop_was_asked(str(tmp_path)), "began in the same tick of the clock"
    (tmp_path / "stop-asked").write_bytes(b"noise" * 100)
    assert not stop_was_asked(str(tmp_path))


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
    def refuse(*_, **_options):
        raise PermissionError(1, "Operation not permitted")

    done = []
    monkeypatch.setattr(realtime, "round_robin", done.append)
    monkeypatch.setattr(realtime, "lock_memory", refuse)
    monkeypatch.setattr(realtime, "spare_from_oom", lambda: done.append("spared"))
    says = realtime.enter(7)
    assert done == [7, "spared"]
    assert [say.code for say in says] == ["realtime-refused", "realtime"]
    words = "(give the daemon CAP_IPC_LOCK, or LimitMEMLOCK=infinity in its unit, or set real_time off)"
    assert says[0].text == f"the heartbeat runs without locked memory: Operation not permitted {words}"
    assert says[1].text == "the heartbeat has SCHED_RR priority, exemption from the OOM killer"


def test_the_default_priority_is_the_middle():
    low, high = os.sched_get_priority_min(os.SCHED_RR), os.sched_get_priority_max(os.SCHED_RR)
    assert low < realtime.default_priority() < high
