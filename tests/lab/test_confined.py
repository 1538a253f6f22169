"""Least privilege: what somebody can do who has taken over the heartbeat, or who decides."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest

from hacluster.daemon.privilege import USER
from hacluster.lab.exercise import NODE1
from tests.cluster import cluster, daemon_pid
from tests.conftest import require_lab, skip_or_fail
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

TAKEN_OVER = str(Path(__file__).parent / "taken_over.py")
DENIED = {"Operation not permitted", "Permission denied"}
REFUSED = [
    "become root",
    "read shadow",
    "read authkeys",
    "write the configuration",
    "signal the supervisor",
    "signal the hands",
    "memory of the hands",
    "memory of its like",
    "a low port",
    "a raw socket",
    "the hands' socket",
    "reboot",
]


def require_user() -> pwd.struct_passwd:
    require_lab()
    if os.geteuid() != 0:
        skip_or_fail("needs root to become somebody else")
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        skip_or_fail(f"this host has no user {USER}")


@pytest.mark.parametrize("process", ["pulse", "brain"])
def test_who_takes_a_process_over_has_what_that_process_has(process):
    entry = require_user()
    with cluster() as made:
        host = made.one.host
        program = shutil.which("id")
        assert program is not None
        host.run(["install", "-D", "-m", "4755", program, "/usr/local/bin/suid-id"], check=True)
        host.run(["mkdir", "-p", "/root/reports"], check=True)
        host.spawn([sys.executable, TAKEN_OVER, "/root/reports", process])
        made.two.start()
        report = host.path(f"/root/reports/{process}")
        eventually("it has tried everything", lambda: report.exists() and report.read_text().endswith("\n"))
        found = json.loads(report.read_text())
        print(json.dumps(found, indent=1))
        assert found["user"] == [[entry.pw_uid] * 3, [entry.pw_gid] * 3, []]
        assert set(found["capabilities"]) == {"0" * 16}
        assert found["no new privileges"] == "1"
        assert found["a program of root"] == str(entry.pw_uid)
        assert found["an address"] != "exit 0"
        assert found["speak as the brain to the hands"] in ("dropped", "Connection reset by peer")
        assert {name: found[name] for name in REFUSED if found[name] not in DENIED} == {}
        assert found["its own state"] == "16 bytes"
        made.served_by(made.one)
        made.says("local", "local")


def test_the_confined_open_their_media_again_and_begin_anew():
    """A medium that comes back, a changed configuration, a crash: each needs sockets that only root can open."""
    entry = require_user()
    with cluster() as made:
        made.up()
        for node in made.nodes:
            for process in ("pulse", "brain"):
                status = node.host.read(f"/proc/{daemon_pid(node.host, process)}/status")
                assert f"\nUid:\t{entry.pw_uid}\t" in status
            assert "\nUid:\t0\t" in node.host.read(f"/proc/{daemon_pid(node.host, 'hands')}/status")
        host = made.two.host
        host.run(["ip", "link", "set", "eth0", "down"], check=True)
        eventually("the medium failed", lambda: "failed" in made.two.log())
        host.run(["ip", "link", "set", "eth0", "up"], check=True)
        eventually("it works again", lambda: "works again" in made.two.log())
        eventually("they see each other", lambda: made.two.sees(NODE1) == "active")
        made.served_by(made.one)
