"""The wheel: built, installed into a fresh environment, and everything in it found and at work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hacluster.lab.exercise import random_authkeys
from hacluster.tools.pages import ENTRIES
from tests.conftest import skip_or_fail

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHECKOUT = Path(__file__).parents[2]
COMMANDS = ("hacluster", "cl_status", "ha_propagate", "hb_addnode", "hb_delnode", "hb_standby", "hb_takeover")
AGENTS = ("Dummy", "Filesystem", "IPaddr", "Stateful", "webserver")


def run(*argv: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **env}
    return subprocess.run(argv, env=clean, cwd="/", capture_output=True, text=True, check=False, timeout=240)


def build(place: Path) -> Path:
    """A wheel of the checkout, in `place`."""
    options = ("--quiet", "--no-deps", "--wheel-dir", place)
    built = run(sys.executable, "-m", "pip", "wheel", *options, CHECKOUT)
    said = built.stderr
    if built.returncode != 0:
        # Where the build backend cannot be fetched, one that is installed will do.
        built = run(sys.executable, "-m", "pip", "wheel", *options, "--no-build-isolation", CHECKOUT)
    assert built.returncode == 0, f"{said}\n--- and with what is installed:\n{built.stderr}"
    (wheel,) = place.glob("hacluster-*.whl")
    return wheel


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    """A fresh virtual environment with the wheel in it; the libraries it needs are those of this one."""
    place = tmp_path_factory.mktemp("wheel")
    wheel = build(place)
    prefix = place / "prefix"
    made = run(sys.executable, "-m", "venv", "--without-pip", prefix)
    assert made.returncode == 0, made.stderr
    installed = run(sys.executable, "-m", "pip", "--python", prefix, "install", "--quiet", "--no-deps", wheel)
    assert installed.returncode == 0, installed.stderr
    (site,) = (prefix / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return prefix


def test_builds_at_the_same_time_do_not_disturb_each_other(tmp_path):
    """They once made their pages in one folder of the checkout, and one took away what another was packing."""
    places = [tmp_path / str(number) for number in range(4)]
    with ThreadPoolExecutor(len(places)) as pool:
        wheels = list(pool.map(build, places))
    assert [wheel.name for wheel in wheels] == [wheels[0].name] * len(places)


def test_the_package_is_the_wheels(prefix):
    script = "import hacluster, hacluster.client.paths as p; print(hacluster.__file__); print(p.shipped('ra'))"
    done = run(prefix / "bin/python", "-c", script)
    assert all(line.startswith(str(prefix)) for line in done.stdout.split()), done.stdout + done.stderr
    assert done.stdout.split()[1] == str(prefix / "share/hacluster/ra")


def test_every_command_has_a_man_page_and_completion_where_man_and_bash_look(prefix):
    commands = {path.name for path in (prefix / "bin").iterdir()} & set(ENTRIES)
    assert commands == set(ENTRIES)
    assert {path.stem for path in (prefix / "share/man/man8").glob("*.8")} == commands
    assert {path.name for path in (prefix / "share/bash-completion/completions").iterdir()} == commands
    assert "RESOURCE: RESOURCES" in (prefix / "share/man/man8/crm.8").read_text()


def test_every_command_starts(prefix):
    for command in COMMANDS:
        done = run(prefix / "bin" / command, "--help")
        assert "Traceback" not in done.stderr
        assert command in done.stdout + done.stderr
    done = run(prefix / "bin/cl_status", "hbstatus", "--run-dir", str(prefix))
    assert (done.returncode, done.stdout) == (1, "Heartbeat is stopped on this machine.\n")


def test_check_finds_the_agents_of_the_wheel(prefix, tmp_path):
    own = os.uname().nodename.lower()
    (tmp_path / "ha.cf").write_text(
        f"node {own} other\nucast lo 127.0.0.1\nauto_failback on\nkeepalive 1\ndeadtime 10\n"
    )
    (tmp_path / "authkeys").write_text(random_authkeys())
    (tmp_path / "authkeys").chmod(0o600)
    (tmp_path / "haresources").write_text(f"{own} IPaddr::192.0.2.1/24/lo webserver Dummy\n")
    done = run(prefix / "bin/hacluster", "check", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "there is no script" not in done.stdout
    (tmp_path / "haresources").write_text(f"{own} no-such-agent\n")
    done = run(prefix / "bin/hacluster", "check", tmp_path)
    assert "there is no script 'no-such-agent'" in done.stdout


@pytest.mark.parametrize("agent", AGENTS)
def test_the_agents_are_programs(prefix, agent):
    done = run(prefix / "share/hacluster/ra/ocf/hacluster" / agent, "meta-data", OCF_ROOT="/usr/lib/ocf")
    assert done.returncode == 0, done.stderr
    assert f'<resource-agent name="{agent}"' in done.stdout


def test_an_agent_of_heartbeats_kind(prefix, tmp_path):
    dummy = prefix / "share/hacluster/ra/heartbeat/Dummy"
    env = {"HA_RSCTMP": str(tmp_path), "OCF_ROOT": "/usr/lib/ocf"}
    done = [run(dummy, action, **env) for action in ("start", "status", "stop")]
    assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]


@pytest.mark.parametrize("name", ["hacluster", "hacluster-arbitrator"])
def test_the_unit_is_in_order(prefix, tmp_path, name):
    """With the edit that README.md names, for a program that is not in /usr/bin."""
    if not shutil.which("systemd-analyze"):
        skip_or_fail("systemd-analyze is not installed")
    unit = tmp_path / f"{name}.service"
    text = (prefix / f"share/hacluster/conf/{name}.service").read_text()
    unit.write_text(text.replace("/usr/bin/hacluster", str(prefix / "bin/hacluster")))
    done = run("systemd-analyze", "verify", unit)
    # It looks at the units of the host, too, and has its opinion of them.
    about_ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, about_ours) == (0, [])
