"""The programs as a manager calls them: exit codes, reasons, quick starts. Nothing here needs privileges."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.ra.unusable import IDENTITY, UNUSABLE

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


GOOD = {
    "IPaddr": {"ip": "192.0.2.77"},
    "Filesystem": {"device": "/dev/x", "directory": "/absent"},
    "webserver": {},
    "ldirectord": {"configfile": "absent.cf"},
    "filesync": {"source": "/absent", "targets": "web2::www"},
    "lvs-director": {"ip": "192.0.2.77"},
    "lvs-realserver": {"ip": "192.0.2.77"},
    "Dummy": {},
    "Stateful": {},
}


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in UNUSABLE.items() for key in keys])
def test_an_unusable_parameter_is_named_and_keeps_no_stop_from_its_work(
    tmp_path: Path, name: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each parameter × value × action: what starts refuses it; what looks or stops minds what it needs alone."""
    ocf = importlib.import_module("hacluster_ra.ocf")
    agent = importlib.import_module(f"hacluster_ra.{name.lower().replace('-', '_')}").AGENT
    monkeypatch.setenv("HA_RSCTMP", str(tmp_path))
    for value in UNUSABLE[name][key]:
        environment = {f"OCF_RESKEY_{k}": v for k, v in (GOOD[name] | {key: value}).items()}
        for action in ("validate-all", "start"):
            with pytest.raises(ocf.Failure) as refused:
                agent.perform(action, environment)
            assert refused.value.code == 6, (value, action)
            assert key in refused.value.reason or "label" in refused.value.reason, (value, refused.value.reason)
        for action, done in (("stop", 0), ("monitor", 7)):
            if key in IDENTITY[name]:
                with pytest.raises(ocf.Failure) as refused:
                    agent.perform(action, environment)
                assert refused.value.code == 6, (value, action)
            elif key != "op_sleep" or action == "stop":
                assert agent.perform(action, environment) == done, (value, action)


@pytest.mark.parametrize(("name", "key"), sorted((name, key) for name, keys in IDENTITY.items() for key in keys))
def test_the_program_says_it_in_one_line(name: str, key: str) -> None:
    for action in ("validate-all", "start", "monitor", "stop"):
        done = call(RA / "ocf/hacluster" / name, action, **(GOOD[name] | {key: UNUSABLE[name][key][-1]}))
        assert (done.returncode, done.stdout) == (6, "")
        assert done.stderr.startswith("ocf-exit-reason:")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("IPaddr", {"ip": "2001:db8::1", "cidr_netmask": "64", "broadcast": "+"}),
        ("IPaddr", {"ip": "192.0.2.1", "netmask": "255.255.255.0", "nic": "eth0:0", "broadcast": "-"}),
        ("IPaddr", {"ip": "192.0.2.1", "nic": "an-alternative-name-of-some-length", "iflabel": "web"}),
        ("Filesystem", {"device": "/dev/x", "directory": "/x", "force_unmount": "safe"}),
        ("Filesystem", {"device": "-U ab", "directory": "/x", "force_unmount": "ja"}),
        ("Filesystem", {"device": "UUID=x", "directory": "/x", "options": "ro,noatime"}),
        ("webserver", {"port": "8080", "ip": "::1"}),
        ("ldirectord", {"configfile": "/etc/ha.d/web.cf"}),
        ("filesync", {"source": "/srv/www", "targets": "web2::www root@web3:/srv /backup/www", "max_lag": "30"}),
        ("lvs-director", {"ip": "192.0.2.1", "sync_interface": "eth1", "sync_id": "255", "forward": "no"}),
        ("lvs-realserver", {"ip": "2001:db8::1", "method": "tun", "nic": "tunl0"}),
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
    proc = {"device": "proc", "directory": "/proc"}
    assert call(RA / "ocf/hacluster/Filesystem", "monitor", **proc).returncode == 0
    assert call(RA / "ocf/hacluster/Filesystem", "monitor", **proc | {"device": "srv:/data"}).returncode == 7
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


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_arguments_that_do_not_say_what_is_meant_are_neither_running_nor_not(name: str) -> None:
    words = [] if name == "Filesystem" else ["nonsense"]
    done = call(RA / "heartbeat" / name, *words, "status")
    if name in ("Dummy", "filesync", "ldirectord", "webserver"):
        assert done.returncode == 3
        return
    agent = name if name in ("Filesystem", "lvs-director", "lvs-realserver") else "IPaddr"
    assert (done.returncode, done.stdout) == (4, f"{agent}: unknown, for the arguments cannot be used\n")
    assert call(RA / "heartbeat" / name, *words, "stop").returncode == 1


def test_a_front_end_does_with_too_many_arguments_what_it_can() -> None:
    for words in (["192.0.2.77/24/eth0/192.0.2.255/x"], ["192.0.2.77/244/eth0"]):
        assert call(RA / "heartbeat/IPaddr", *words, "stop").returncode == 0
        assert call(RA / "heartbeat/IPaddr", *words, "status").returncode == 3
        assert call(RA / "heartbeat/IPaddr", *words, "start").returncode == 1
    words = ["/dev/x", "/absent", "ext4", "ro", "5"]
    assert call(RA / "heartbeat/Filesystem", *words, "stop").returncode == 0
    assert call(RA / "heartbeat/Filesystem", *words, "status").returncode == 3


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
