"""One daemon on one host, that stops when it is told to, and that begins whatever lies in its directories."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cluster import Cluster, Odd, cluster, daemon_pid, processes
from tests.conftest import require_lab, require_root
from tests.nodes import BIN, OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

HACLUSTER = str(BIN / "hacluster")
STATE, RUN = "/var/lib/heartbeat", "/run/hacluster"
DURABLE = ("hb_generation", "hb_uuid", "replay-floor", "hacluster.lock")
VOLATILE = ("volatile/haresources", "agents", "clients", "hacluster.pid", "stop-asked")

DAMAGES = {
    "cut": "head -c 7 {0} > {0}.cut; mv {0}.cut {0}",
    "empty": ": > {0}",
    "noise": "rm -rf {0}; head -c 300 /dev/urandom > {0}",
    "number": "rm -rf {0}; echo 999999999999999 > {0}",
    "huge": "rm -rf {0}; truncate -s 17M {0}",
    "directory": "rm -rf {0}; mkdir -p {0}/in/it",
    "fifo": "rm -rf {0}; mkfifo {0}",
    "link": "rm -rf {0}; echo precious > /etc/precious; ln -s /etc/precious {0}",
    "dangling": "rm -rf {0}; ln -s /etc/nowhere {0}",
    "foreign": "chown 4711 {0}",
}


def up(node: OurNode) -> bool:
    return daemon_pid(node.host, "pulse") is not None


def down(node: OurNode) -> bool:
    return not any(name.startswith("ha-") for name, _ in processes(node.host).values())


@contextmanager
def lone_node(**more: str) -> Iterator[tuple[Cluster, OurNode]]:
    """The exercise, of which one node is used, which takes its group alone."""
    require_lab()
    with cluster(ha_cf="keepalive 250ms\nwarntime 1\ndeadtime 3\ninitdead 3\n", **more) as made:
        yield made, made.one


def begun(node: OurNode) -> Callable[[], bool]:
    """Whether it speaks, after what its log says now."""
    before = node.log().count("Local status now set to: 'active'")
    return lambda: node.log().count("Local status now set to: 'active'") > before


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_set_aside(damage):
    require_root()
    with lone_node() as (_, one):
        speaks = begun(one)
        one.start()
        eventually("it speaks", speaks)
        one.stop()
        for name in [f"{STATE}/{name}" for name in DURABLE] + [f"{RUN}/{name}" for name in VOLATILE]:
            one.host.run(["sh", "-ec", f"[ -e {name} ] || echo 1 > {name}; {DAMAGES[damage].format(name)}"], check=True)
        speaks = begun(one)
        one.start()
        eventually("it speaks all the same", speaks)
        eventually("it serves", lambda: one.rscstatus() == "all")
        assert one.running()
        assert one.host.path("/etc/nowhere").exists() is False
        if damage == "link":
            assert one.host.read("/etc/precious") == "precious\n"
        aside = {path.name for path in one.host.path(STATE).iterdir() if ".damaged-" in path.name}
        # Sixteen bytes of any kind are a UUID.
        damaged = [name for name in DURABLE[:3] if (damage, name) != ("number", "hb_uuid")]
        assert {f"{name}.damaged-1" for name in damaged} <= aside, one.log()
        for name in damaged:
            assert f"{name}.damaged-1" in one.log()
        assert "crashed" not in one.log()
        assert "Traceback" not in one.log()
        done = one.host.run([HACLUSTER, "stop"], timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done
        eventually("it has ended", lambda: down(one))


def test_a_second_daemon_is_refused_whatever_was_wiped():
    with lone_node() as (_, one):
        one.start()
        eventually("it runs", one.running)
        pid = daemon_pid(one.host, "supervisor")
        one.host.run(["rm", "-rf", RUN], check=True)
        for more in ([], ["--run-dir", "/run/other"]):
            done = one.host.run([HACLUSTER, "run", *more], timeout=30)
            assert done.returncode == 1
            assert done.stderr.endswith(f"hacluster: hacluster is already running [pid {pid}]\n")
        apart = ["--run-dir", "/run/other", "--state-dir", "/var/other"]
        done = one.host.run([HACLUSTER, "run", *apart], timeout=30)
        assert done.returncode == 1
        assert "UDP port 694 is in use" in done.stderr
        assert daemon_pid(one.host, "supervisor") == pid
        done = one.host.run([HACLUSTER, "stop"], timeout=60)
        assert done.returncode == 0, done.stderr
        eventually("it has ended", lambda: down(one))
        assert daemon_pid(one.host, "supervisor") is None


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_a_stop_right_after_a_start_stops_it(delay):
    with lone_node() as (_, one):
        program = one.host.spawn([HACLUSTER, "run"])
        time.sleep(delay)
        done = one.host.run([HACLUSTER, "stop"], timeout=60)
        assert done.returncode == 0, done.stderr
        program.wait(timeout=30)
        assert down(one)
        one.start()
        eventually("one that is started later runs", one.running)


def test_stop_says_what_it_stopped():
    with lone_node(haresources="node1.name IPaddr::172.16.100.1/16/eth0\nnode1.name odd\n") as (_, one):
        odd = Odd(one.host)
        odd.install()
        one.start()
        eventually("it serves", lambda: odd.runs and one.rscstatus() == "all")
        done = one.host.run([HACLUSTER, "stop"], timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "stopped: IPaddr::172.16.100.1/16/eth0\nstopped: odd\n"
        assert one.host.run([HACLUSTER, "stop"]).stdout == "heartbeat is stopped. No process\n"


def test_stop_says_what_it_could_not_stop_and_so_does_the_daemon():
    config = "stop_retry_max 1\nstop_retry_delay 100ms\n"
    with lone_node(haresources="node1.name IPaddr::172.16.100.1/16/eth0 odd\n", hacluster_cf=config) as (_, one):
        odd = Odd(one.host)
        odd.install()
        program = one.host.spawn([HACLUSTER, "run"])
        eventually("it serves", lambda: odd.runs and one.rscstatus() == "all")
        odd.bend("stop", "exit 1")
        done = one.host.run([HACLUSTER, "stop"], timeout=60)
        assert done.returncode == 1
        assert "not stopped: odd of IPaddr::172.16.100.1/16/eth0 odd: may still run here\n" in done.stderr
        assert program.wait(timeout=30) == 7
        assert "may still run here: odd" in one.log()
