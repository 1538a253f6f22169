"""Our fence agents as programs: their meta-data, what they answer, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hacluster.client.paths import shipped
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.stonith.conventions import facts_of
from tests.waiting import eventually

PLUGINS = shipped("stonith_plugins")
NAMES = sorted(path.name for path in PLUGINS.iterdir() if path.is_file() and os.access(path, os.X_OK))


def call(name: str, *, wait: bool = True, **words: str) -> subprocess.Popen[str]:
    """Run an agent as the fencer does."""
    text = "".join(f"{key}={value}\n" for key, value in words.items())
    pipe = subprocess.PIPE
    child = subprocess.Popen([PLUGINS / name], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert child.stdin is not None
    child.stdin.write(text)
    child.stdin.close()
    if wait:
        child.wait(60)
    return child


def said(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    assert child.stdout is not None
    assert child.stderr is not None
    code = child.wait(60)
    out, err = child.stdout.read(), child.stderr.read()
    child.stdout.close()
    child.stderr.close()
    return code, out, err


def ask(name: str, **words: str) -> tuple[int, str, str]:
    return said(call(name, **words))


def test_all_are_there() -> None:
    assert (
        sorted(["apcpdu", "blade", "ipmilan", "meatware", "null", "redfish", "scsi", "ssh", "ups", "virsh", "watchdog"])
        == NAMES
    )


@pytest.mark.parametrize("name", NAMES)
def test_metadata_is_what_the_fencer_reads(name: str) -> None:
    code, out, err = ask(name, action="metadata")
    assert (code, err) == (0, "")
    facts = facts_of(f"hacluster/{name}", ChildExited(1, ChildEnd.EXITED, 0, out.encode()))
    assert facts is not None
    assert {"off", "status", "monitor", "metadata", "validate-all"} <= facts.actions
    assert facts.host_argument == "plug"
    assert facts.on_target == (name == "scsi")
    assert f'name="hacluster/{name}"' in out


@pytest.mark.parametrize("name", [name for name in NAMES if name != "virsh"])
def test_what_is_required_is_asked_for(name: str) -> None:
    code, _, err = ask(name, action="validate-all")
    assert code == 1
    assert "is required" in err


def test_unknown_words_are_said_and_actions_refused() -> None:
    code, _, err = ask("null", action="status", plug="a", hostlist="a", colour="blue")
    assert code == 1
    assert "Ignoring unknown option 'colour'" in err
    code, _, err = ask("null", action="explode", hostlist="a")
    assert code == 1
    assert "there is no action 'explode'" in err


def test_null_does_nothing_and_says_so() -> None:
    code, _, err = ask("null", action="reboot", port="a", hostlist="a b")
    assert code == 0
    assert "TEST DEVICE" in err
    assert ask("null", action="list", hostlist="a b")[:2] == (0, "a,\nb,\n")
    assert ask("null", action="status", plug="a", hostlist="a b")[0] == 1, "it proves nothing"
    assert ask("null", action="off", plug="c", hostlist="a b")[0] == 1


@pytest.mark.parametrize(("words", "code"), [("meatware reply a", 0), ("no", 1)])
def test_meatware_waits_for_a_person(tmp_path: Path, words: str, code: int) -> None:
    child = call("meatware", wait=False, action="off", plug="a", hostlist="a", rundir=str(tmp_path))
    fifo = tmp_path / "meatware.a"
    eventually("it waits", fifo.is_fifo)
    assert fifo.stat().st_mode & 0o777 == 0o600
    assert child.poll() is None
    fifo.write_text(words)
    got, _, err = said(child)
    assert got == code
    assert "OPERATOR INTERVENTION REQUIRED" in err
    assert not fifo.exists()


def test_watchdog_waits_its_time() -> None:
    began = time.monotonic()
    assert ask("watchdog", action="off", plug="a", hostlist="a", timeout="1")[0] == 0
    assert time.monotonic() - began >= 1
    assert ask("watchdog", action="off", plug="b", hostlist="a", timeout="1")[0] == 1


class _Machine(BaseHTTPRequestHandler):
    """A management controller that speaks Redfish: one system, which takes a moment to change its state."""

    power, stuck, orders = "On", False, list[str]()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, body: object, code: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _known(self) -> bool:
        if self.headers["Authorization"] == "Basic YWRtaW46c2VjcmV0":
            return True
        self._answer({}, 401)
        return False

    def do_GET(self) -> None:
        reset = {"#ComputerSystem.Reset": {"target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset"}}
        if self._known() and self.path == "/redfish/v1/Systems":
            self._answer({"Members": [{"@odata.id": "/redfish/v1/Systems/1"}]})
        elif self._known() and self.path == "/redfish/v1/Systems/1":
            self._answer({"PowerState": type(self).power, "Actions": reset})

    def do_POST(self) -> None:
        if not self._known():
            return
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["ResetType"]
        type(self).orders.append(order)
        if not type(self).stuck:
            state = {"ForceOff": "Off", "On": "On"}[order]
            threading.Timer(0.3, lambda: setattr(type(self), "power", state)).start()
        self._answer({})


def test_redfish() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Machine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = {"ip": "127.0.0.1", "ipport": str(server.server_address[1]), "ssl": "0", "username": "admin"}
    good = {**where, "password": "secret"}
    try:
        assert ask("redfish", action="monitor", **good)[0] == 0
        assert ask("redfish", action="list", **good)[:2] == (0, "1,\n")
        assert ask("redfish", action="status", plug="1", **good)[:2] == (0, "Status: ON\n")
        assert ask("redfish", action="off", plug="1", **good)[0] == 0
        assert ask("redfish", action="status", plug="1", **good)[:2] == (2, "Status: OFF\n")
        assert ask("redfish", action="off", plug="1", **good)[0] == 0, "off already"
        assert ask("redfish", action="on", nodename="n", **good)[0] == 0
        assert ask("redfish", action="reboot", plug="1", **good)[0] == 0
        assert _Machine.orders == ["ForceOff", "On", "ForceOff", "On"]
        _Machine.stuck = True
        code, _, err = ask("redfish", action="off", plug="1", power_timeout="1", **good)
        assert code == 1
        assert "is not off after" in err
        code, _, err = ask("redfish", action="off", plug="1", password="wrong1", **where)
        assert code == 1
        assert "401" in err
        assert "wrong1" not in err
    finally:
        server.shutdown()
        server.server_close()
    assert ask("redfish", action="monitor", **good)[0] == 1


def test_a_device_that_nobody_can_reach_is_no_success() -> None:
    for name, words in {
        "ipmilan": {"ip": "127.0.0.1", "ipport": "9", "username": "u", "password": "swordfish", "power_timeout": "1"},
        "scsi": {"devices": "/dev/null"},
        "virsh": {"uri": "test:///nowhere"},
        "ups": {"ip": "none@127.0.0.1:9"},
        "apcpdu": {"ip": "127.0.0.1", "ipport": "9", "community": "swordfish"},
        "blade": {"ip": "127.0.0.1", "ipport": "9", "username": "u", "identity_file": "/dev/null"},
        "ssh": {"hostlist": "127.0.0.1", "ipport": "9"},
    }.items():
        code, _, err = ask(name, action="off", plug="127.0.0.1", **words)
        assert code == 1, name
        assert err, name
        assert "swordfish" not in err
