"""Children: whatever an agent does, one ChildExited comes back and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import signal
from pathlib import Path

import pytest

from hacluster.base.effects import Kill, Spawn
from hacluster.daemon.spawn import Children
from hacluster.msg.driver import ChildEnd, ChildExited
from tests.unit.daemon.conftest import no_descriptors_left
from tests.waiting import eventually

SHELL = "/bin/sh"


def run(script: str, *, timeout_ms: int | None = 20_000, kill_after_ms: int = 5_000, **options) -> ChildExited:
    """Run one shell script as a child and wait for its end."""
    return run_spawn(Spawn(1, (SHELL, "-c", script), (), timeout_ms, kill_after_ms, **options))


def run_spawn(spawn: Spawn) -> ChildExited:
    async def live() -> ChildExited:
        done: asyncio.Future[ChildExited] = asyncio.get_running_loop().create_future()
        children = Children(done.set_result)
        children.start(spawn)
        result = await asyncio.wait_for(done, 60)
        await asyncio.sleep(0)
        assert len(children) == 0
        children.close()
        return result

    return asyncio.run(live())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("code", [0, 1, 7, 100, 255])
def test_the_exit_status_and_both_outputs_come_back(code):
    result = run(f"echo out; echo err >&2; exit {code}")
    assert (result.end, result.code, result.stdout, result.stderr) == (ChildEnd.EXITED, code, b"out\n", b"err\n")
    assert result.dropped == 0


def test_a_signal_is_told_apart_from_an_exit_status():
    result = run("kill -KILL $$")
    assert (result.end, result.code) == (ChildEnd.SIGNALED, signal.SIGKILL)


@pytest.mark.parametrize(
    ("argv", "code"),
    [(("/no/such/agent",), errno.ENOENT), (("/etc/passwd",), errno.EACCES), (("/etc",), errno.EACCES)],
)
def test_a_program_that_is_not_there_is_not_started(argv, code):
    result = run_spawn(Spawn(1, argv, (), None))
    assert (result.end, result.code) == (ChildEnd.NOT_STARTED, code)


@pytest.mark.parametrize("size", [1, 4_096, 65_536])
def test_a_program_reads_what_it_is_given_and_then_the_end(size):
    result = run("cat; echo end", stdin=b"x" * size, output_limit=100_000)
    assert (result.end, result.code) == (ChildEnd.EXITED, 0)
    assert result.stdout == b"x" * size + b"end\n"


def test_a_secret_out_of_a_file_is_read_by_the_program_and_never_told(tmp_path):
    for name, value in (("one", "geheim-1"), ("two", "geheim-2")):
        (tmp_path / name).write_text(f"{value}\n")
        (tmp_path / f"{name}.sign").write_text(hashlib.md5(f"{value}\n".encode()).hexdigest())
    script = 'cat; echo "$P" >&2; [ "$P" = geheim-2 ]'
    kept = {"stdin_secrets": (("passwd", str(tmp_path / "one")),), "secrets": (("P", str(tmp_path / "two")),)}
    done = run(script, stdin=b"action=off\n", **kept)
    assert (done.code, done.stdout, done.stderr) == (0, b"action=off\npasswd=****\n", b"****\n")
    (tmp_path / "one").write_text("another\n")
    done = run(script, stdin=b"action=off\n", **kept)
    assert (done.end, done.code) == (ChildEnd.NOT_STARTED, errno.EBADMSG)


def test_a_program_that_is_given_nothing_reads_nothing():
    assert run("cat; echo end").stdout == b"end\n"


def test_a_program_that_does_not_read_what_it_is_given_ends_all_the_same():
    assert run("exit 3", stdin=b"secret=1\n").code == 3


def test_what_does_not_fit_is_no_program_that_hangs():
    result = run("cat", stdin=b"x" * 65_537)
    assert (result.end, result.code) == (ChildEnd.NOT_STARTED, errno.E2BIG)


def test_a_user_that_does_not_exist_is_not_started():
    result = run_spawn(Spawn(1, (SHELL, "-c", "exit 0"), (), None, user="no-such-user"))
    assert result.end is ChildEnd.NOT_STARTED


def test_a_child_that_hangs_gets_term():
    result = run("sleep 600", timeout_ms=50)
    assert (result.end, result.code) == (ChildEnd.TIMED_OUT, signal.SIGTERM)


def test_a_child_that_ignores_term_gets_kill():
    result = run("trap '' TERM; echo ready; while :; do sleep 600; done", timeout_ms=300, kill_after_ms=100)
    assert (result.end, result.code, result.stdout) == (ChildEnd.TIMED_OUT, signal.SIGKILL, b"ready\n")


def test_a_child_that_runs_out_of_time_takes_its_children_with_it(tmp_path):
    pids = tmp_path / "pids"
    run(
        f"trap '' TERM; (trap '' TERM; sleep 600) & echo $! > {pids}; wait; sleep 600", timeout_ms=500, kill_after_ms=50
    )
    # KILL was sent to all of the group at once, but each of them dies when the kernel next runs it.
    eventually("the grandchild is gone", lambda: not alive(int(pids.read_text())))


def test_a_child_that_ends_in_time_leaves_its_service_running(tmp_path):
    pids = tmp_path / "pid"
    result = run(f"sleep 600 & echo $! > {pids}; echo started")
    pid = int(pids.read_text())
    try:
        assert (result.end, result.code, result.stdout) == (ChildEnd.EXITED, 0, b"started\n")
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_daemon_that_holds_the_pipes_holds_up_nobody(tmp_path):
    pids = tmp_path / "pid"
    script = f"setsid {SHELL} -c 'setsid sleep 600 & echo $! > {pids}' ; echo done"
    result = run(script)
    pid = int(pids.read_text())
    try:
        assert (result.end, result.stdout) == (ChildEnd.EXITED, b"done\n")
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_service_that_goes_on_writing_does_not_die_of_it(tmp_path):
    mark = tmp_path / "wrote"
    script = f"({{ while [ ! -e {mark}.go ]; do sleep 0.01; done; echo late && echo fine > {mark}; }}) & exit 0"

    async def live() -> None:
        done: asyncio.Future[ChildExited] = asyncio.get_running_loop().create_future()
        children = Children(done.set_result)
        children.start(Spawn(1, (SHELL, "-c", script), (), None))
        await asyncio.wait_for(done, 60)
        Path(f"{mark}.go").touch()
        while not mark.exists() or not mark.read_text():
            await asyncio.sleep(0.01)
        children.close()

    asyncio.run(asyncio.wait_for(live(), 60))
    assert mark.read_text() == "fine\n"


def test_megabytes_of_output_are_bounded_and_counted():
    result = run("head -c 5000000 /dev/zero; head -c 1000 /dev/zero >&2", output_limit=4_096)
    assert len(result.stdout) == 4_096
    assert len(result.stderr) == 1_000
    assert result.dropped == 5_000_000 - 4_096
    assert (result.end, result.code) == (ChildEnd.EXITED, 0)


def test_the_environment_is_exactly_what_was_asked_for(monkeypatch):
    monkeypatch.setenv("SECRET", "leaks")
    result = run_spawn(Spawn(1, ("/usr/bin/env",), (("OCF_ROOT", "/x"), ("PATH", "/bin")), None))
    assert sorted(result.stdout.decode().split()) == ["OCF_ROOT=/x", "PATH=/bin"]


def test_no_descriptor_but_the_three_is_inherited(tmp_path):
    with open(tmp_path / "private", "w", encoding="ascii") as private:
        os.set_inheritable(private.fileno(), True)
        result = run("ls /proc/$$/fd")
    assert set(result.stdout.split()) <= {b"0", b"1", b"2", b"10", b"255"}


def test_kill_goes_to_the_whole_group(tmp_path):
    pids = tmp_path / "pid"

    async def live() -> ChildExited:
        done: asyncio.Future[ChildExited] = asyncio.get_running_loop().create_future()
        children = Children(done.set_result)
        children.start(
            Spawn(7, (SHELL, "-c", f"sleep 600 & echo $! > {pids}.new; mv {pids}.new {pids}; wait"), (), None)
        )
        while not pids.exists():
            await asyncio.sleep(0.01)
        children.kill(Kill(7, signal.SIGTERM))
        children.kill(Kill(8, signal.SIGTERM))
        result = await asyncio.wait_for(done, 60)
        while alive(int(pids.read_text())):
            await asyncio.sleep(0.01)
        children.close()
        return result

    result = asyncio.run(asyncio.wait_for(live(), 60))
    assert (result.child_id, result.end, result.code) == (7, ChildEnd.SIGNALED, signal.SIGTERM)


def test_closing_kills_what_still_runs(tmp_path):
    pids = tmp_path / "pid"

    async def live() -> int:
        children = Children(lambda exited: None)
        children.start(Spawn(1, (SHELL, "-c", f"echo $$ > {pids}.new; mv {pids}.new {pids}; sleep 600"), (), None))
        while not pids.exists():
            await asyncio.sleep(0.01)
        children.close()
        return int(pids.read_text())

    pid = asyncio.run(asyncio.wait_for(live(), 60))
    with contextlib.suppress(FileNotFoundError):
        assert not alive(pid)


def test_a_program_for_which_there_is_no_room_is_tried_again():
    async def live():
        ends = []
        children = Children(ends.append)
        with no_descriptors_left():
            children.start(Spawn(1, (SHELL, "-c", "exit 7"), (), 20_000))
            await asyncio.sleep(0.5)
            assert ends == []
            assert len(children) == 1
        async with asyncio.timeout(30):
            while not ends:
                await asyncio.sleep(0.01)
        assert (ends[0].end, ends[0].code) == (ChildEnd.EXITED, 7)
        assert ends[0].elapsed_ms >= 500
        children.close()

    asyncio.run(live())


def test_when_its_time_is_over_it_was_not_started():
    async def live():
        ends = []
        children = Children(ends.append)
        with no_descriptors_left():
            children.start(Spawn(1, (SHELL, "-c", "exit 7"), (), 300))
            children.start(Spawn(2, (SHELL, "-c", "exit 7"), (), 20_000))
            children.kill(Kill(2, signal.SIGTERM))
            async with asyncio.timeout(30):
                while len(ends) < 2:
                    await asyncio.sleep(0.01)
        by_child = {end.child_id: (end.end, end.code) for end in ends}
        assert by_child == {1: (ChildEnd.NOT_STARTED, errno.EMFILE), 2: (ChildEnd.SIGNALED, signal.SIGTERM)}
        assert len(children) == 0
        children.close()

    asyncio.run(live())
