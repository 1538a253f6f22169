"""The demo as people and scripts run it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

MANAGED = [str(Path(sys.executable).with_name("hacluster")), "demo"]
DEMO = [*MANAGED, "--v1"]


def descendants(pid: int) -> set[int]:
    """All processes below ``pid``."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(errors="replace")
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, todo = set(), [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            found.add(child)
            todo.append(child)
    return found


def test_the_story_of_three_nodes():
    require_lab()
    done = subprocess.run([*MANAGED, "--json"], check=False, capture_output=True, text=True, timeout=220)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    turns = ["start", "service", "power-off", "return", "cut", "standby", "move", "end"]
    assert [e["turn"] for e in events if e["event"] == "turn"] == turns
    outages = {e["fault"]: e for e in events if e["event"] == "outage"}
    assert list(outages) == ["service killed", "power-off", "return", "cut off", "standby", "move"]
    for fault in ("power-off", "cut off", "standby", "move"):
        assert outages[fault]["before"] != outages[fault]["after"], fault
        assert outages[fault]["seconds"] > 0
    assert outages["return"]["requests_lost"] == 0
    whys = [e["text"] for e in events if e["event"] == "why"]
    assert any("web_monitor_1000" in text and "because" in text for text in whys)
    assert any(text.startswith("hacluster explain vip --input pe-input-") and "starts on" in text for text in whys)


def test_the_classic_story_as_text():
    require_lab()
    done = subprocess.run([*DEMO, "--plain"], check=False, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "node1.name loses power" in done.stdout
    told = [fault for fault in ("power-off", "failback", "standby") if f"{fault}: no answer for" in done.stdout]
    assert told == ["power-off", "failback", "standby"]
    assert "then node2.name served" in done.stdout
    assert done.stdout.endswith("everything the demo made is removed\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(number):
    require_lab()
    with subprocess.Popen([*DEMO, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert json.loads(demo.stdout.readline())["turn"] == "start"
        eventually("daemons run", lambda: len(descendants(demo.pid)) > 8)
        below = descendants(demo.pid)
        demo.send_signal(number)
        _, text = demo.communicate(timeout=60)
        assert demo.returncode == 128 + number
        assert "everything the demo made is removed" in text
        eventually("all are gone", lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))


def test_keep_leaves_the_hosts_and_says_what_to_try():
    """On a terminal, with the live screen."""
    require_lab()
    mine, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    with subprocess.Popen(
        [*DEMO, "--keep"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as demo:
        os.close(theirs)
        screen = b""
        while b"Ctrl-C removes the hosts." not in screen:
            screen += os.read(mine, 65536)
        below = descendants(demo.pid)
        assert len(below) > 8
        for word in (b"hacluster demo", b"node1.name", b"IPaddr::172.16.100.1/16/eth0", b"nsenter", b"hb_standby"):
            assert word in screen
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=60) == 128 + signal.SIGINT
        eventually("all are gone", lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))
    os.close(mine)
