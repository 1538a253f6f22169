"""ldirectord as a whole: commands, signals, files; its kernel's table is a double, everything else is real."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require_root, skip_or_fail
from tests.lab.ldirectord_place import COMMAND, VIRTUAL, Place
from tests.waiting import eventually

pytestmark = pytest.mark.lab
AGENT = Path("/usr/lib/ocf/resource.d/heartbeat/ldirectord")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.leave()


def recorder(place: Place, name: str) -> tuple[Path, Path]:
    """A program that appends its words to a file; the program and the file."""
    program, file = place.folder / name, place.folder / f"{name}.said"
    program.write_text(f'#!/bin/sh\necho "$@" >> {file}\n', encoding="utf-8")
    program.chmod(0o755)
    return program, file


def told(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def test_start_checks_status_and_stop(place: Place) -> None:
    good, dead = place.server(), place.server()
    dead.end()
    place.write(good, dead)
    assert place.ldirectord("status").returncode == 3
    assert place.ldirectord("start").returncode == 0
    assert place.ldirectord("start").returncode == 0, "a second start is no error"
    place.await_server(good)
    place.await_line(f"Real server is down: 127.0.0.1:{dead.port} ({VIRTUAL})")
    assert not place.has(dead)
    done = place.ldirectord("status")
    assert (done.returncode, "is running with pid" in done.stderr) == (0, True)
    good.end()
    place.await_server(good, inside=False)
    place.await_line(f"Deleted real server: 127.0.0.1:{good.port} ({VIRTUAL})")
    dead.begin()
    place.await_server(dead)
    place.await_line(f"Added real server: 127.0.0.1:{dead.port} ({VIRTUAL}) (Weight set to 2)")
    assert place.ldirectord("stop").returncode == 0
    assert place.rules() == ""
    assert not place.pid_file.exists()
    assert f"Purged virtual server (stop): {VIRTUAL}" in place.said()
    assert place.ldirectord("stop").returncode == 0


def test_a_file_named_from_where_one_stands_is_read_again(place: Place) -> None:
    """The daemon itself stands elsewhere, also in the foreground: the directory of its start may go."""
    first, second = place.server(), place.server()
    place.write(first)
    argv = [str(COMMAND), place.file.name, "start"]
    subprocess.run(argv, env=place.environment, cwd=place.folder, timeout=120, check=True)
    place.await_server(first)
    assert os.readlink(f"/proc/{place.pid_file.read_text(encoding='ascii').strip()}/cwd") == "/"
    place.write(first, second)
    assert place.ldirectord("reload").returncode == 0
    place.await_server(second)
    place.ldirectord("stop")
    child = subprocess.Popen(
        [str(COMMAND), "-d", place.file.name, "start"],
        env=place.environment,
        cwd=place.folder,
        stdout=subprocess.DEVNULL,
    )
    eventually("it stands elsewhere", lambda: os.readlink(f"/proc/{child.pid}/cwd") == "/")
    place.await_server(second)
    child.terminate()
    assert child.wait(60) == 0


def test_what_stays_when_cleanstop_is_off(place: Place) -> None:
    server = place.server()
    place.write(server, head="cleanstop = no\n")
    place.ldirectord("start")
    place.await_server(server)
    assert place.ldirectord("stop").returncode == 0
    assert place.has(server)


def test_restart_is_a_new_process_and_try_restart_starts_nothing(place: Place) -> None:
    server = place.server()
    place.write(server)
    assert place.ldirectord("try-restart").returncode == 0
    assert place.ldirectord("reload").returncode == 1
    assert not place.pid_file.exists()
    place.ldirectord("start")
    before = place.pid_file.read_text(encoding="ascii")
    assert place.ldirectord("restart").returncode == 0
    again = place.pid_file.read_text(encoding="ascii")
    assert place.ldirectord("try-restart").returncode == 0
    assert len({before, again, place.pid_file.read_text(encoding="ascii")}) == 3
    place.await_server(server)


def test_a_reload_takes_the_new_file_and_one_with_errors_is_refused(place: Place) -> None:
    first, second = place.server(), place.server()
    place.write(first)
    place.ldirectord("start")
    place.await_server(first)
    pid = place.pid_file.read_text(encoding="ascii")
    place.write(first, second)
    assert place.ldirectord("reload").returncode == 0
    place.await_server(second)
    place.write(second, tail="    checktype = nonsense\n")
    done = place.ldirectord("reload")
    assert (done.returncode, "checktype" in done.stderr) == (2, True)
    os.kill(int(pid), signal.SIGHUP)
    place.await_line("the configuration has errors: the old one goes on")
    assert place.has(first)
    assert place.ldirectord("status").returncode == 0
    place.write(second)
    assert place.ldirectord("force-reload").returncode == 0
    place.await_server(first, inside=False)
    assert place.has(second)
    assert place.pid_file.read_text(encoding="ascii") == pid
    assert place.said().count(f"Added real server: 127.0.0.1:{second.port}") == 1, "a reload keeps what is known"


def test_autoreload_and_callback_see_a_changed_file(place: Place) -> None:
    first, second = place.server(), place.server()
    program, file = recorder(place, "callback")
    head = f'autoreload = yes\ncallback = "{program}"\n'
    place.write(first, head=head)
    place.ldirectord("start")
    place.await_server(first)
    place.write(second, head=head)
    place.await_server(second)
    place.await_server(first, inside=False)
    eventually("the callback", lambda: told(file) == [str(place.file)])


def test_without_autoreload_a_change_is_only_told(place: Place) -> None:
    first, second = place.server(), place.server()
    program, file = recorder(place, "callback")
    head = f'autoreload = no\ncallback = "{program}"\n'
    place.write(first, head=head)
    place.ldirectord("start")
    place.await_server(first)
    place.write(second, head=head)
    eventually("the callback", lambda: told(file) == [str(place.file)])
    place.await_line("ignore new configuration")
    assert place.has(first)
    assert not place.has(second)


def test_a_file_in_maintenancedir_takes_a_server_out_and_its_end_brings_it_back(place: Place) -> None:
    server = place.server()
    directory = place.folder / "maintenance"
    directory.mkdir()
    place.write(server, head=f'maintenancedir = "{directory}"\n')
    place.ldirectord("start")
    place.await_server(server)
    mark = directory / f"127.0.0.1:{server.port}"
    mark.touch()
    place.await_server(server, inside=False)
    mark.unlink()
    place.await_server(server)


def test_the_fallback_serves_and_its_command_is_told(place: Place) -> None:
    server, sorry = place.server(), place.server()
    program, file = recorder(place, "fallbackcommand")
    place.write(server, tail=f'    fallback = 127.0.0.1:{sorry.port} masq\n    fallbackcommand = "{program}"\n')
    place.ldirectord("start")
    place.await_server(server)
    assert not place.has(sorry)
    server.end()
    place.await_server(sorry)
    place.await_line(f"Added fallback server: 127.0.0.1:{sorry.port} ({VIRTUAL}) (Weight set to 1)")
    eventually("the command", lambda: told(file)[-1:] == [f"start {VIRTUAL} tcp"])
    server.begin()
    place.await_server(sorry, inside=False)
    eventually("the command", lambda: told(file)[-1:] == [f"stop {VIRTUAL} tcp"])
    place.await_line(f"Deleted fallback server: 127.0.0.1:{sorry.port} ({VIRTUAL})")


def test_execute_runs_another_configuration_along(place: Place) -> None:
    server, other = place.server(), place.server()
    second = place.folder / "mail.cf"
    second.write_text(
        f'checkinterval = 1\nlogfile = "{place.log}"\nvirtual = 10.9.0.2:25\n    real = 127.0.0.1:{other.port} masq\n'
        "    checktype = connect\n",
        encoding="utf-8",
    )
    place.write(server, head=f'execute = "{second}"\n')
    place.ldirectord("start")
    place.await_server(server)
    place.await_server(other)
    eventually("its own pid file", (place.folder / "ldirectord.mail.cf.pid").exists)
    place.ldirectord("stop")
    place.await_server(other, inside=False)
    eventually("it has ended", lambda: place.ldirectord("status", file=second).returncode == 3)


@pytest.mark.parametrize("how", ["supervised", "debug"])
def test_in_the_foreground_until_a_signal(place: Place, how: str) -> None:
    server = place.server()
    place.write(server, head="supervised\n" if how == "supervised" else "")
    words = [str(place.file), "start"]
    child = place.begin(*(words if how == "supervised" else ["-d", *words]))
    place.await_server(server)
    assert child.poll() is None
    child.send_signal(signal.SIGTERM)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "terminated on signal: TERM" in said
    assert place.rules() == ""


def test_a_stale_pid_file_is_told_from_a_running_daemon(place: Place) -> None:
    """Also from another program that got the number since and has the name in its command line, as an editor may."""
    place.write(place.server())
    with subprocess.Popen([sys.executable, "-c", "input()", "ldirectord.cf"], stdin=subprocess.PIPE) as other:
        place.pid_file.write_text(f"{other.pid}\n", encoding="ascii")
        done = place.ldirectord("status")
        assert (done.returncode, "stale pid file" in done.stderr) == (1, True)
        assert place.ldirectord("stop").returncode == 0
        assert other.poll() is None
        assert place.ldirectord("start").returncode == 0
        assert place.ldirectord("status").returncode == 0
        other.kill()


def test_a_daemon_that_was_killed_begins_again_over_its_old_table(place: Place) -> None:
    server = place.server()
    place.write(server)
    place.ldirectord("start")
    place.await_server(server)
    os.kill(int(place.pid_file.read_text(encoding="ascii")), signal.SIGKILL)
    eventually("it is gone", lambda: place.ldirectord("status").returncode == 1)
    assert place.has(server)
    assert place.ldirectord("start").returncode == 0
    assert place.has(server), "what served goes on serving"
    assert "Deleted" not in place.said()


def test_a_configuration_with_errors_starts_nothing(place: Place) -> None:
    place.write(place.server(), head="checkinterval = never\n", tail="    frobnicate = 7\n")
    done = place.ldirectord("start")
    assert done.returncode == 2
    assert "checkinterval" in done.stderr
    assert "frobnicate" in done.stderr
    assert place.ldirectord("status").returncode == 3


def test_without_a_table_nothing_has_started(place: Place) -> None:
    place.write(place.server())
    program = place.folder / "bin/ipvsadm"
    text = program.read_text(encoding="utf-8")
    program.write_text(
        '#!/bin/sh\necho "Can\'t initialize ipvs: Protocol not available" >&2\nexit 255\n', encoding="utf-8"
    )
    done = place.ldirectord("start")
    assert done.returncode == 1
    assert "Can't initialize ipvs: Protocol not available" in done.stderr
    eventually("its end", lambda: place.ldirectord("status").returncode == 3)
    program.write_text(text, encoding="utf-8")
    assert place.ldirectord("start").returncode == 0


def test_what_was_changed_behind_our_back_is_repaired_and_told(place: Place) -> None:
    server = place.server()
    place.write(server)
    place.ldirectord("start")
    place.await_server(server)
    subprocess.run(["ipvsadm", "-D", "-t", VIRTUAL], env=place.environment, check=True)
    place.await_line("was taken out by somebody else")
    place.await_server(server)


def status(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [str(COMMAND.with_name("hacluster")), "lvs", *words]
    return subprocess.run(argv, env=place.environment, capture_output=True, text=True, timeout=120, check=False)


def test_hacluster_lvs_and_crm_lvs_show_who_serves_and_why_one_is_out(place: Place) -> None:
    assert status(place).returncode == 3
    good, dead = place.server(), place.server()
    dead.end()
    place.write(good, dead)
    place.ldirectord("start")
    place.await_server(good)
    place.await_line(f"Real server is down: 127.0.0.1:{dead.port}")
    done = status(place, "--stats")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"ldirectord {place.file}: running"
    assert lines[1].split()[0] == f"tcp:{VIRTUAL}"
    up = lines[3].split()
    assert up[:11] == [f"127.0.0.1:{good.port}", "up", "1", "masq", "3", "4", "7", "40", "30", "4000", "3000"]
    assert lines[4].split()[:4] == [f"127.0.0.1:{dead.port}", "down", "-", "masq"]
    assert "refused" in lines[4].lower()
    found = json.loads(status(place, "--json").stdout)
    first, second = found["directors"][0]["virtuals"][0]["servers"]
    assert (first["state"], first["weight"], first["active"], first["connections"]) == ("up", 1, 3, 7)
    assert (second["state"], second["weight"], second["active"]) == ("down", None, None)
    argv = [str(COMMAND.with_name("crm")), "lvs", "status", "stats", "rate"]
    told = subprocess.run(argv, env=place.environment, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 1
    assert [line.split()[:1] for line in told.stdout.splitlines()[3:]] == [[line.split()[0]] for line in lines[3:]]
    os.kill(int(place.pid_file.read_text(encoding="ascii")), signal.SIGKILL)
    eventually("it is gone", lambda: "no answer" in status(place).stderr)


def test_the_resource_agent_of_resource_agents_drives_ours(place: Place) -> None:
    require_root()
    missing = "ocf:heartbeat:ldirectord is missing (Debian: apt install ldirectord resource-agents)"
    skip_or_fail("" if AGENT.exists() else missing)
    server = place.server()
    place.write(server)

    def agent(action: str) -> int:
        environment = {
            **place.environment,
            "OCF_ROOT": "/usr/lib/ocf",
            "OCF_RESKEY_configfile": str(place.file),
            "OCF_RESKEY_ldirectord": str(COMMAND),
            "OCF_RESOURCE_INSTANCE": "lvs",
        }
        done = subprocess.run([AGENT, action], env=environment, capture_output=True, timeout=120, check=False)
        return done.returncode

    assert agent("validate-all") == 0
    assert agent("monitor") == 7
    assert agent("start") == 0
    assert agent("monitor") == 0
    place.await_server(server)
    os.kill(int(place.pid_file.read_text(encoding="ascii")), signal.SIGKILL)
    eventually("it is gone", lambda: agent("monitor") == 7)
    assert agent("start") == 0
    assert agent("stop") == 0
    assert agent("stop") == 0
    assert agent("monitor") == 7
    assert place.rules() == ""
