"""What is looked at before the daemon begins."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess

import pytest

from hacluster.base.errors import HaError
from hacluster.config.media import Bcast, Ping, Ucast
from hacluster.daemon import preflight
from tests.waiting import eventually


@pytest.fixture
def taken():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        yield sock.getsockname()[1]


def test_one_medium_that_works_is_enough(tmp_path):
    free = Ucast("lo", "127.0.0.1", 0)
    preflight.check([Bcast("nosuch0", 0), free, Ping("192.0.2.1")], str(tmp_path / "none"))


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_somebody_has_is_told_even_if_he_would_share_it(tmp_path, shared):
    """Two daemons that share a port take each other's datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, shared)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        media = [Ucast("lo", "127.0.0.1", 0), Ucast("lo", "127.0.0.1", port)]
        with pytest.raises(HaError, match=f"UDP port {port} is in use"):
            preflight.check(media, str(tmp_path / "none"))
    preflight.check(media, str(tmp_path / "none"))


def test_none_that_works_is_told_with_all_reasons(taken, tmp_path):
    media = [Ucast("lo", "127.0.0.1", taken), Bcast("nosuch0", 694), Ping("127.0.0.1")]
    with pytest.raises(HaError) as error:
        preflight.check(media, str(tmp_path / "none"), alone=False)
    faults = ("ucast lo 127.0.0.1: Address already in use", "bcast nosuch0: no interface with this name")
    assert str(error.value) == f"no medium can be opened: {'; '.join(faults)}"


def test_a_real_heartbeat_on_this_host_is_told(tmp_path):
    program = tmp_path / "heartbeat"
    shutil.copy("/bin/sleep", program)
    file = tmp_path / "pid"
    with subprocess.Popen([program, "600"]) as process:
        try:
            file.write_text(f"   {process.pid}\n")
            eventually("it has its name", lambda: preflight.running_heartbeat(str(file)) == process.pid)
            with pytest.raises(HaError, match=rf"Heartbeat runs on this host \[pid {process.pid}\]"):
                preflight.check([Ucast("lo", "127.0.0.1", 0)], str(file))
        finally:
            process.kill()
    assert preflight.running_heartbeat(str(file)) is None


@pytest.mark.parametrize("text", ["", "soon", "-1", "99999999999999999999", "another program"])
def test_what_a_dead_one_left_does_not_count(tmp_path, text):
    (tmp_path / "pid").write_text(str(os.getpid()) if text == "another program" else text)
    assert preflight.running_heartbeat(str(tmp_path / "pid")) is None
