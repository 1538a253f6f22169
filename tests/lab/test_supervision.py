"""What the supervisor sees to besides deaths: processes that hang, and programs that must not outlive it."""

from __future__ import annotations

import signal
import time

import pytest

from tests.cluster import Cluster, cluster, daemon_pid, processes, signal_daemon
from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

BOUND_S = 3
HANG = f"hang_timeout {BOUND_S}\n"


def unnoticed(made: Cluster, since: float) -> None:
    """The client was answered all the time, by the same node."""
    made.watch.wait_answer(made.one.name, since=time.monotonic())
    assert made.watch.missed(since) == []
    assert {sample.who for sample in made.watch.samples if sample.start > since} == {made.one.name}


@pytest.mark.parametrize("which", ["brain", "hands"])
def test_a_process_that_hangs_is_begun_anew(which):
    require_lab()
    with cluster(hacluster_cf=HANG) as made:
        made.up()
        since = time.monotonic()
        old = signal_daemon(made.one.host, which, signal.SIGSTOP)
        eventually(f"a new {which}", lambda: daemon_pid(made.one.host, which) not in (None, old))
        assert f"the {which} process gives no sign of life" in made.one.log()
        assert f"the {which} process ended with signal {int(signal.SIGABRT)}" in made.one.log()
        made.says("local", "local")
        unnoticed(made, since)
        made.one.standby()
        made.served_by(made.two)


def test_who_was_stopped_with_the_supervisor_does_not_hang():
    """All of the daemon stands still for three times the bound, on a node whose silence nobody minds."""
    require_lab()
    with cluster(hacluster_cf=HANG, ha_cf="keepalive 250ms\nwarntime 5\ndeadtime 60\ninitdead 60\n") as made:
        made.up()
        since = time.monotonic()
        names = ("supervisor", "pulse", "brain", "hands")
        before = {name: daemon_pid(made.one.host, name) for name in names}
        pids = [str(pid) for pid in before.values()]
        made.one.host.run(["kill", f"-{int(signal.SIGSTOP)}", *pids], check=True)
        time.sleep(3 * BOUND_S)
        # The supervisor first: it must not believe what it sees before the others had time to answer.
        for pid in pids:
            made.one.host.run(["kill", f"-{int(signal.SIGCONT)}", pid], check=True)
        made.says("local", "local")
        time.sleep(BOUND_S + 1)  # who is held to hang is ended within the bound; by then nobody was
        assert {name: daemon_pid(made.one.host, name) for name in names} == before
        assert "sign of life" not in made.one.log()
        unnoticed(made, since)


def test_programs_of_respawn_do_not_outlive_the_supervisor():
    """Those that end when asked have time for it; those that do not are killed; and a new daemon starts one of each."""
    require_lab()
    kind = "#!/bin/sh\ntrap 'echo asked >> /var/log/kind; exit 0' TERM\nwhile :; do sleep 0.1; done\n"
    stubborn = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.1; done\n"
    with cluster(extra="respawn root /usr/local/bin/kind\nrespawn root /usr/local/bin/stubborn\n") as made:
        for node in made.nodes:
            node.host.write("/usr/local/bin/kind", kind, 0o755)
            node.host.write("/usr/local/bin/stubborn", stubborn, 0o755)
        made.up()

        def running() -> list[str]:
            return sorted(n for n, _ in processes(made.one.host).values() if n in ("kind", "stubborn"))

        eventually("both run", lambda: running() == ["kind", "stubborn"])
        signal_daemon(made.one.host, "supervisor")
        eventually("the kind one was asked", lambda: made.one.host.path("/var/log/kind").exists())
        eventually("both are gone", lambda: running() == [])
        made.served_by(made.two)
        made.start(made.one)
        eventually("both run again", lambda: running() == ["kind", "stubborn"])
        made.served_by(made.one)

        # The whole daemon at once: nobody is left to see to it but the next one.
        names = ("supervisor", "pulse", "brain", "hands")
        pids = [str(daemon_pid(made.one.host, name)) for name in names]
        # Stopped first: none of them may see another one die and end the programs itself.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            made.one.host.run(["kill", f"-{int(number)}", *pids], check=True)
        assert running() == ["kind", "stubborn"]
        made.start(made.one)
        eventually("what was left is ended", lambda: "ended programs of respawn" in made.one.log())
        eventually("one of each", lambda: running() == ["kind", "stubborn"])
        made.says("local", "local")
