"""The agent Filesystem on loop devices, bind mounts and tmpfs, with processes in its way."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Host, Lab
from hacluster.lab.programs import Program
from tests.conftest import require_lab, require_root
from tests.waiting import eventually

pytestmark = pytest.mark.lab
RA = Path(__file__).parents[2] / "ra"
IMAGE, DIR = "/var/disk.img", "/srv/with blank"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    require_root()
    with Lab("filesystem") as made:
        host = made.add_host("one", {})
        host.run(
            ["sh", "-ec", f"truncate -s 8M {IMAGE}; mkfs.ext4 -q -L labdisk {IMAGE}; mkdir /var/other"], check=True
        )
        yield made


@pytest.fixture
def one(lab: Lab) -> Iterator[Host]:
    host = lab.hosts["one"]
    yield host
    call(host, "stop", device=IMAGE, directory=DIR)


def call(host: Host, action: str, check_level: int = 0, **parameters: str) -> subprocess.CompletedProcess[str]:
    env = {f"OCF_RESKEY_{k}": v for k, v in parameters.items()} | {"OCF_CHECK_LEVEL": str(check_level)}
    return host.run([str(RA / "ocf/hacluster/Filesystem"), action], env=env)


def image(host: Host, action: str, **more: str) -> int:
    return call(host, action, **({"device": IMAGE, "directory": DIR} | more)).returncode


def is_mounted(host: Host) -> bool:
    return host.run(["mountpoint", "-q", DIR]).returncode == 0


def squatter(host: Host, script: str) -> Program:
    """A shell script that says ``here`` when it uses the mount."""
    program = host.spawn(["sh", "-c", script], stdout=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.read(5) == b"here\n"
    return program


def test_the_life_of_a_mount(one: Host) -> None:
    assert image(one, "monitor") == 7
    assert image(one, "stop") == 0
    for _ in range(2):
        assert image(one, "start", fstype="ext4", options="noatime") == 0
    assert image(one, "monitor") == 0
    line = one.run(["findmnt", "-no", "FSTYPE,OPTIONS", DIR], check=True).stdout
    assert line.startswith("ext4")
    assert "noatime" in line
    one.write(f"{DIR}/page", "kept")
    for _ in range(2):
        assert image(one, "stop") == 0
    assert image(one, "monitor") == 7
    assert not one.path(f"{DIR}/page").exists()
    assert image(one, "start") == 0
    assert one.read(f"{DIR}/page") == "kept"
    assert image(one, "stop") == 0
    eventually("it comes true", lambda: IMAGE not in one.run(["losetup", "-a"]).stdout)


@pytest.mark.parametrize(
    "script",
    [
        f"cd '{DIR}'; echo here; sleep 1000",
        f"exec 9>'{DIR}/open'; echo here; sleep 1000 & wait",
        f"cp /bin/sleep '{DIR}/prog'; '{DIR}/prog' 1000 & echo here; wait",
    ],
    ids=["working directory", "open file", "running program"],
)
def test_users_are_ended(one: Host, script: str) -> None:
    assert image(one, "start") == 0
    program = squatter(one, script)
    done = call(one, "stop", device=IMAGE, directory=DIR)
    assert done.returncode == 0, done.stderr
    assert "sending TERM to process" in done.stderr
    assert not is_mounted(one)
    if "prog" not in script:
        assert program.wait(20) == -signal.SIGTERM
    program.kill()
    program.close()


def test_who_ignores_term_is_killed(one: Host) -> None:
    assert image(one, "start") == 0
    program = squatter(one, f"trap '' TERM; cd '{DIR}'; echo here; while :; do sleep 1000; done")
    done = call(one, "stop", device=IMAGE, directory=DIR, term_wait="0")
    assert done.returncode == 0, done.stderr
    assert program.wait(20) == -signal.SIGKILL
    program.close()


def test_nobody_is_killed_when_that_is_not_wanted_and_the_reason_names_them(one: Host) -> None:
    assert image(one, "start") == 0
    program = squatter(one, f"cd '{DIR}'; echo here; exec sleep 1000")
    done = call(one, "stop", device=IMAGE, directory=DIR, force_unmount="no", CRM_meta_timeout="2000")
    assert done.returncode == 1
    assert f"used by process {program.pid} (sleep, working directory)\n" in done.stderr
    assert done.stderr.startswith(f"ocf-exit-reason:{DIR} cannot be unmounted: ")
    assert image(one, "monitor") == 0
    program.kill()
    program.wait(20)
    program.close()


def test_the_caller_is_spared_though_it_stands_in_the_mount(one: Host) -> None:
    """The manager itself may have been started there: the stop fails rather than kill it, says so, and at once."""
    assert image(one, "start") == 0
    script = f"cd '{DIR}'; echo $$; '{RA}/ocf/hacluster/Filesystem' stop; echo $?; cd /"
    env = {"OCF_RESKEY_device": IMAGE, "OCF_RESKEY_directory": DIR, "OCF_RESKEY_CRM_meta_timeout": "60000"}
    begun = time.monotonic()
    done = one.run(["sh", "-c", script], env=env)
    assert time.monotonic() - begun < 10  # of the 54 s that it might take
    pid, status = done.stdout.split()
    assert status == "1"
    assert (
        f"used by process {pid} (sh, working directory, which waits for this stop and must leave first)" in done.stderr
    )
    log = one.run(["sh", "-c", f"'{RA}/ocf/hacluster/Filesystem' stop >'{DIR}/log'"], env=env)
    assert log.returncode == 1
    assert f"open file {DIR}/log, which waits for this stop" in log.stderr
    assert image(one, "stop") == 0


def test_mounts_inside_go_first(one: Host) -> None:
    assert image(one, "start") == 0
    one.run(["sh", "-ec", f"mkdir -p '{DIR}/in'; mount -t tmpfs inner '{DIR}/in'"], check=True)
    assert image(one, "stop") == 0
    assert not is_mounted(one)


def test_a_bind_mount_ends_only_its_own_users(one: Host) -> None:
    bind = {"device": "/var/other", "directory": "/srv/bound", "options": "bind"}
    assert call(one, "start", **bind).returncode == 0
    one.write("/var/other/x", "x")
    assert one.read("/srv/bound/x") == "x"
    assert call(one, "monitor", **bind).returncode == 0
    inside = squatter(one, "cd /srv/bound; echo here; exec sleep 1000")
    outside = squatter(one, "cd /var/other; echo here; exec sleep 1000")
    assert call(one, "stop", **bind).returncode == 0
    assert inside.wait(20) == -signal.SIGTERM
    assert outside.poll() is None
    outside.kill()
    outside.wait(20)
    for program in (inside, outside):
        program.close()
    assert call(one, "monitor", **bind).returncode == 7


def test_what_another_namespace_calls_by_the_same_name_is_spared(one: Host) -> None:
    """A container may have something of its own at that place, which is no reason to kill its processes."""
    one.run(["mkdir", "-p", DIR], check=True)
    script = f"mount -t tmpfs own '{DIR}'; cd '{DIR}'; echo here; exec sleep 1000"
    contained = squatter(one, f'exec unshare --mount sh -c "{script}"')
    assert image(one, "start") == 0
    outside = squatter(one, f"cd '{DIR}'; echo here; exec sleep 1000")
    assert image(one, "stop") == 0
    assert outside.wait(20) == -signal.SIGTERM
    assert contained.poll() is None
    contained.kill()
    contained.wait(20)
    for program in (contained, outside):
        program.close()


def test_who_uses_the_mount_from_another_namespace_is_ended(one: Host) -> None:
    """As a service with PrivateTmp does: its copy of the mount keeps ours busy."""
    one.run(["mount", "--make-rshared", "/"], check=True)
    assert image(one, "start") == 0
    script = f"cd '{DIR}'; echo here; exec sleep 1000"
    service = squatter(one, f'exec unshare --mount --propagation slave sh -c "{script}"')
    assert one.run(["umount", DIR]).returncode != 0
    assert image(one, "stop") == 0
    assert service.wait(20) == -signal.SIGTERM
    service.close()
    one.run(["mount", "--make-rprivate", "/"], check=True)


def test_depths_read_and_write(one: Host) -> None:
    given = {"device": IMAGE, "directory": DIR}
    assert image(one, "start") == 0
    assert [call(one, "monitor", depth, **given).returncode for depth in (0, 10, 20)] == [0, 0, 0]
    assert [p.name for p in one.path(DIR).iterdir() if p.name.startswith(".hacluster")] == []
    one.run(["mount", "-o", "remount,ro", DIR], check=True)
    assert call(one, "monitor", 0, **given).returncode == 0
    for depth in (10, 20):
        done = call(one, "monitor", depth, **given)
        assert (done.returncode, done.stderr) == (
            1,
            f"ocf-exit-reason:{DIR} has become read-only, as after an error of the disk\n",
        )
    assert call(one, "monitor", 20, options="ro", **given).returncode == 0


def test_the_user_of_the_service_must_be_able_to_write(one: Host) -> None:
    """As a database on NFS needs it: by number, in its directory, at the start and at depth 20."""
    given = {"device": IMAGE, "directory": DIR, "check_user": "3306", "check_directory": "data"}
    assert image(one, "start") == 0
    one.run(["install", "-d", "-o", "3306", "-g", "3306", "-m", "700", f"{DIR}/data"], check=True)
    assert [call(one, action, 20, **given).returncode for action in ("start", "monitor")] == [0, 0]
    one.run(["chown", "root", f"{DIR}/data"], check=True)
    assert call(one, "monitor", 10, **given).returncode == 0
    for action in ("start", "monitor"):
        done = call(one, action, 20, **given)
        assert done.returncode == 1
        assert f"user 3306 cannot write in {DIR}/data: [Errno 13] Permission denied" in done.stderr
    assert call(one, "monitor", 20, device=IMAGE, directory=DIR).returncode == 0, "root can"
    for wrong in ({"check_user": "nobody-of-this-name"}, {"check_directory": "../x"}):
        assert call(one, "start", **given | wrong).returncode == 6


def test_something_else_on_the_directory_is_no_success(one: Host) -> None:
    one.run(["sh", "-ec", f"cp {IMAGE} /var/second.img"], check=True)
    assert image(one, "start", device="/var/second.img") == 0
    done = call(one, "start", device=IMAGE, directory=DIR)
    assert done.returncode == 1
    assert f"is mounted on {DIR}, not {IMAGE}" in done.stderr
    assert image(one, "stop") == 0
    assert is_mounted(one), "what is somebody else's is left alone"
    assert image(one, "stop", device="/var/second.img") == 0
    assert not is_mounted(one)


def test_failures_have_a_code_and_a_reason(one: Host) -> None:
    for more, expected, words in (
        ({"device": ""}, 6, "device is required"),
        ({"directory": "relative"}, 6, "absolute path"),
        ({"directory": "/"}, 6, "other than /"),
        ({"options": "ro, noatime"}, 6, "blanks"),
        ({"device": "/dev/absent"}, 5, "there is no /dev/absent"),
        ({"device": "/etc/hostname"}, 1, "mount of /etc/hostname on"),
    ):
        done = call(one, "start", **({"device": IMAGE, "directory": DIR} | more))
        assert done.returncode == expected, (more, done.stderr)
        assert words in done.stderr, done.stderr
        assert image(one, "stop", **more) == (6 if {"device", "directory"} & set(more) and expected == 6 else 0)


def test_as_haresources_calls_it(one: Host) -> None:
    def front(action: str) -> tuple[int, str]:
        done = one.run([str(RA / "heartbeat/Filesystem"), IMAGE, "/srv/plain", "ext4", "noatime", action])
        return done.returncode, done.stdout

    what = f"Filesystem {IMAGE} /srv/plain ext4 noatime"
    assert front("status") == (3, f"{what}: not running\n")
    assert front("start") == (0, "")
    assert front("status") == (0, f"{what}: running\n")
    assert front("stop") == (0, "")
    assert front("status")[0] == 3
