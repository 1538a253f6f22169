"""respawn and failfast: started, started again, stopped in reverse order."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from hacluster.base.machine import Instant
from hacluster.config.settings import Client
from hacluster.daemon import clock
from hacluster.daemon.respawn import PAUSES_MS, Respawner
from hacluster.daemon.roster import CLIENTS, Roster


def client(script: str, *, failfast: bool = False) -> Client:
    return Client("", ("/bin/sh", "-c", script), failfast, 1)


def poll_until(respawner: Respawner, condition, hurry_ms: int = 0) -> None:
    """Poll as the supervisor would, until it is so; with ``hurry_ms`` that much time passes between two polls."""
    for turn in range(3_000):
        respawner.poll(Instant(clock.now() + turn * hurry_ms))
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_nothing_starts_before_the_node_is_a_member(tmp_path, sayings):
    respawner = Respawner([client(f"touch {tmp_path}/ran")], (), sayings)
    respawner.poll(clock.now())
    assert respawner.deadline() is None
    assert respawner.stopped


def test_a_program_that_ends_is_started_again_with_pauses(tmp_path, sayings):
    ran = tmp_path / "ran"
    respawner = Respawner([client(f"echo $HA_X >> {ran}; exit 1")], (("HA_X", "yes"),), sayings)
    respawner.start(clock.now())
    poll_until(respawner, lambda: len(lines(ran)) == 4, hurry_ms=500)
    assert lines(ran) == ["yes"] * 4
    pauses = [dict(say.fields)["pause_ms"] for say in sayings.lines if say.code == "client-ended"]
    assert pauses[:3] == [str(pause) for pause in PAUSES_MS[:3]]


def test_exit_status_100_means_enough(tmp_path, sayings):
    respawner = Respawner([client("exit 100")], (), sayings)
    respawner.start(clock.now())
    poll_until(respawner, lambda: "client-done" in sayings.codes)
    assert respawner.deadline() is None


def test_ipfail_is_built_in(sayings):
    ipfail = Client("hacluster", ("/usr/lib/heartbeat/ipfail",), False, 1)
    respawner = Respawner([ipfail], (), sayings)
    respawner.start(clock.now())
    assert sayings.lines == []


def test_the_end_of_a_failfast_program_is_reported(sayings):
    respawner = Respawner([client("exit 0", failfast=True)], (), sayings)
    respawner.start(clock.now())
    poll_until(respawner, lambda: respawner.failed_fast)
    assert respawner.failed_fast == "/bin/sh"


def test_a_program_that_cannot_be_started_is_said_and_tried_again(sayings):
    respawner = Respawner([Client("", ("/no/such/program",), False, 1)], (), sayings)
    respawner.start(clock.now())
    assert sayings.codes == ["client-ended"]
    assert respawner.deadline() is not None


def test_they_are_stopped_last_first_and_the_obstinate_killed(tmp_path, sayings):
    order = tmp_path / "order"
    wait = f"trap 'echo %s >> {order}; exit 0' TERM; echo up >> {order}; while :; do sleep 0.05; done"
    obstinate = f"trap '' TERM; echo up >> {order}; while :; do sleep 0.05; done"
    respawner = Respawner([client(wait % "first"), client(wait % "second"), client(obstinate)], (), sayings)
    respawner.start(clock.now())
    poll_until(respawner, lambda: lines(order) == ["up"] * 3)
    respawner.stop(clock.now())
    assert not respawner.stopped
    poll_until(respawner, lambda: respawner.stopped, hurry_ms=10_000)
    assert sayings.codes.count("client-stopped") == 3
    assert lines(order)[:3] == ["up"] * 3
    stopped = [word for word in lines(order) if word != "up"]
    # Time is hurried past the patience with each: on a slow machine one may be killed before it has written.
    assert stopped == [word for word in ("second", "first") if word in stopped]


def test_what_a_dead_supervisor_left_is_known_by_the_next(tmp_path, sayings):
    respawner = Respawner([client("sleep 60")], (), sayings, Roster(str(tmp_path), CLIENTS))
    respawner.start(clock.now())
    (program,) = respawner._programs
    pid = program.process.pid
    assert Roster(str(tmp_path), CLIENTS).end_leftovers() == [pid]
    assert program.process.wait() == -signal.SIGKILL


def test_what_has_ended_is_not(tmp_path, sayings):
    respawner = Respawner([client("exit 100")], (), sayings, Roster(str(tmp_path), CLIENTS))
    respawner.start(clock.now())
    poll_until(respawner, lambda: "client-done" in sayings.codes)
    assert lines(tmp_path / CLIENTS) == []
