"""The programs as a manager calls them: exit codes, reasons, quick starts. Nothing here needs privileges."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RA = Path(__file__).parents[3] / "ra"
AGENTS = sorted(p.name for p in (RA / "ocf/hacluster").iterdir())
FRONT_ENDS = sorted(p.name for p in (RA / "heartbeat").iterdir())


def call(program: Path, *arguments: str, **parameters: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HA_RSCTMP": "/nonexistent"}
    env |= {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    return subprocess.run([program, *arguments], check=False, env=env, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("name", AGENTS)
def test_without_parameters_it_describes_itself(name: str) -> None:
    done = call(RA / "ocf/hacluster" / name, "meta-data")
    assert (done.returncode, done.stderr) == (0, "")
    assert f'<resource-agent name="{name}"' in done.stdout
    done = call(RA / "ocf/hacluster" / name, "usage")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {name} {{start|stop|monitor|")


@pytest.mark.parametrize("name", AGENTS)
def test_wrong_calls(name: str) -> None:
    program = RA / "ocf/hacluster" / name
    assert call(program).returncode == 2
    done = call(program, "dance", ip="192.0.2.1", device="/dev/x", directory="/x")
    assert done.returncode == 3
    assert f"ocf-exit-reason:{name} has no action dance\n" in done.stderr


@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        ("IPaddr", {}, "the parameter ip is required"),
        ("IPaddr", {"ip": "192.0.2.1", "arp_count": "-1", "check_duplicate": "maybe"}, "arp_count is '-1', a whole"),
        ("IPaddr", {"ip": "192.0.2.1", "iflabel": "much-too-long-a-label"}, "longer than 15 characters"),
        ("IPaddr", {"ip": "\udcff"}, "no IP address"),
        ("Filesystem", {"device": "/dev/x"}, "the parameter directory is required"),
        ("Filesystem", {"device": "/dev/x", "directory": "x"}, "absolute path"),
        ("webserver", {"port": "70000"}, "1 to 65535"),
        ("webserver", {"ip": "localhost"}, "no IP address"),
        ("webserver", {"access_log": "log"}, "absolute path"),
        ("Dummy", {"state": "here"}, "absolute path"),
        ("Dummy", {"op_sleep": "9" * 30}, "too much"),
    ],
)
def test_bad_parameters_are_told_and_a_stop_has_nothing_to_stop(
    name: str, parameters: dict[str, str], reason: str
) -> None:
    for action in ("validate-all", "start", "monitor"):
        done = call(RA / "ocf/hacluster" / name, action, **parameters)
        assert done.returncode == 6
        assert done.stderr.startswith("ocf-exit-reason:")
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1
    assert call(RA / "ocf/hacluster" / name, "stop", **parameters).returncode == 0


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("IPaddr", {"ip": "2001:db8::1", "cidr_netmask": "64", "broadcast": "+"}),
        ("Filesystem", {"device": "UUID=x", "directory": "/x", "options": "ro,noatime"}),
        ("webserver", {"port": "8080", "ip": "::1"}),
        ("Dummy", {}),
        ("Stateful", {"promoted_score": "100"}),
    ],
)
def test_good_parameters_are_valid(name: str, parameters: dict[str, str]) -> None:
    done = call(RA / "ocf/hacluster" / name, "validate-all", **parameters)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("ip", "code"), [("127.0.0.1", 0), ("192.0.2.77", 7), ("2001:db8::77", 7)])
def test_monitor_of_an_address_needs_no_privileges(ip: str, code: int) -> None:
    done = call(RA / "ocf/hacluster/IPaddr", "monitor", ip=ip)
    assert (done.returncode, done.stderr) == (code, "")


def test_monitor_of_a_mount_needs_no_privileges() -> None:
    assert call(RA / "ocf/hacluster/Filesystem", "monitor", device="proc", directory="/proc").returncode == 0
    assert call(RA / "ocf/hacluster/Filesystem", "monitor", device="proc", directory="/absent").returncode == 7


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_front_ends_want_an_operation(name: str) -> None:
    for arguments in ([], ["x"]):
        done = call(RA / "heartbeat" / name, *arguments)
        assert done.returncode == 1, arguments
        assert f"usage: {name} " in done.stderr


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_front_ends_refuse_to_start_nonsense(name: str) -> None:
    done = call(RA / "heartbeat" / name, "a", "b", "c", "d", "e", "start")
    assert done.returncode == 1
    assert done.stderr


def test_front_end_status_texts() -> None:
    done = call(RA / "heartbeat/IPaddr", "127.0.0.1/8/lo", "status")
    assert (done.returncode, done.stdout) == (0, "IPaddr 127.0.0.1/8/lo: running\n")
    done = call(RA / "heartbeat/IPaddr", "192.0.2.77", "status")
    assert (done.returncode, done.stdout) == (3, "IPaddr 192.0.2.77: not running\n")
    done = call(RA / "heartbeat/Filesystem", "/dev/x", "/absent", "status")
    assert (done.returncode, done.stdout) == (3, "Filesystem /dev/x /absent: not running\n")


@pytest.mark.parametrize("name", ["IPaddr", "Dummy"])
def test_a_monitor_imports_nothing_heavy(name: str) -> None:
    """What costs more than the whole job: see the library's first lines."""
    code = (
        "import sys; sys.argv = ['x', 'monitor']\n"
        f"sys.path.insert(0, {str(RA / 'lib')!r})\n"
        f"from hacluster_ra.{name.lower()} import AGENT\n"
        "from hacluster_ra.ocf import program\n"
        "try: program(AGENT)\n"
        "except SystemExit: pass\n"
        "print(*sorted({'socket', 'subprocess', 're', 'typing', 'enum', 'dataclasses', 'signal'} & set(sys.modules)))\n"
    )
    env = {"PATH": os.environ["PATH"], "OCF_RESKEY_ip": "127.0.0.1", "HA_RSCTMP": "/nonexistent"}
    done = subprocess.run([sys.executable, "-IS", "-c", code], check=True, env=env, capture_output=True, text=True)
    assert done.stdout == "\n"
