"""Filesystem: whose mount it is. The device at the directory is the resource, nothing else that is mounted there."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab, require_root
from tests.unit.ra.unusable import IDENTITY, UNUSABLE

pytestmark = pytest.mark.lab
RA = Path(__file__).parents[2] / "ra"
IMAGE, OTHER, DIR = "/var/disk.img", "/var/other.img", "/srv/data"
UUID = "11111111-2222-4333-8444-555555555555"
NOWHERE = "99999999-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    require_root()
    with Lab("mounts") as made:
        host = made.add_host("one", {})
        script = (
            f"for i in {IMAGE} {OTHER}; do truncate -s 8M $i; done; mkfs.ext4 -q -L labdisk -U {UUID} {IMAGE};"
            f" mkfs.ext4 -q -L elsewhere {OTHER}; mkdir -p {DIR} /var/shown /var/hidden;"
            " mount -t tmpfs hidden /var/hidden; echo here >/var/shown/page"
        )
        host.run(["sh", "-ec", script], check=True)
        yield made


@pytest.fixture
def one(lab: Lab) -> Iterator[Host]:
    host = lab.hosts["one"]
    yield host
    # Loop devices belong to the machine: only those of this host's files are let go.
    script = (
        f"for i in {DIR}/inner.img {IMAGE} {OTHER};"
        " do [ ! -e $i ] || losetup -nO NAME -j $i | xargs -rn1 losetup -d; done;"
        f" while mountpoint -q {DIR}; do umount -l {DIR}; done; rm -f /run/resource-agents/*"
    )
    host.run(["sh", "-c", script], check=True)


def call(host: Host, action: str, **parameters: str) -> subprocess.CompletedProcess[str]:
    given = {"device": IMAGE, "directory": DIR, "CRM_meta_timeout": "20000"} | parameters
    return host.run(
        [str(RA / "ocf/hacluster/Filesystem"), action], env={f"OCF_RESKEY_{k}": v for k, v in given.items()}
    )


def code(host: Host, action: str, **parameters: str) -> int:
    return call(host, action, **parameters).returncode


def mounted(host: Host) -> list[str]:
    """The sources of what is mounted at the directory, the lowest first; loop devices by their files."""
    script = (
        f'awk \'$5 == "{DIR}" {{ sub(/.* - /, ""); print $2 }}\' /proc/self/mountinfo | while read s; do'
        " case $s in /dev/loop*) losetup -nO BACK-FILE $s;; *) echo $s;; esac; done"
    )
    return host.run(["sh", "-c", script], check=True).stdout.split()


def shell(host: Host, script: str) -> str:
    return host.run(["sh", "-ec", script], check=True).stdout.strip()


# What may be mounted there, and what each is called by: script, source as mounted() tells it.
THINGS = {
    "tmpfs": (f"mount -t tmpfs scratch {DIR}", "scratch"),
    "another image": (f"mount -o loop {OTHER} {DIR}", "other.img"),
    "a bind mount": (f"mount --bind /var/hidden {DIR}", None),
}
RESOURCES: dict[str, dict[str, str]] = {
    "image": {},
    "image by another name": {"device": "/var/../var/disk.img"},
    "UUID": {"device": f"UUID={UUID}"},
    "old UUID": {"device": f"-U {UUID}"},
    "label": {"device": "LABEL=labdisk"},
    "unknown UUID": {"device": f"UUID={NOWHERE}"},
    "missing device": {"device": "/dev/absent"},
    "missing image": {"device": "/var/absent.img"},
    "nfs": {"device": "server:/export", "fstype": "nfs"},
    "cifs": {"device": "//server/share", "fstype": "cifs"},
    "bind": {"device": "/var/shown", "options": "bind"},
    "tmpfs": {"device": "mine", "fstype": "tmpfs"},
}


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("resource", RESOURCES)
def test_what_is_somebody_elses_is_not_running_not_started_over_and_not_unmounted(
    one: Host, thing: str, resource: str
) -> None:
    """A start fails, and a stop leaves it. Where nothing tells what it is, monitor and stop say so and fail."""
    script, _ = THINGS[thing]
    shell(one, script)
    before = mounted(one)
    assert len(before) == 1
    given = RESOURCES[resource]
    untold = resource in ("missing device", "missing image") and thing == "another image"
    assert code(one, "monitor", **given) == (1 if untold else 7)
    assert code(one, "start", **given) in (1, 5)
    done = call(one, "stop", **given)
    assert done.returncode == (1 if untold else 0)
    assert ("nothing tells" if untold else "left alone") in done.stderr
    assert mounted(one) == before


def loop_of(host: Host) -> str:
    """The image as a block device, as a disk would be."""
    return shell(host, f"losetup -f --show {IMAGE}")


@pytest.mark.parametrize("name", ["UUID", "old UUID", "label", "block device", "link to it", "image", "bind", "tmpfs"])
@pytest.mark.parametrize("noted", [True, False])
def test_the_same_identity_from_start_to_stop(one: Host, name: str, noted: bool) -> None:
    if name in ("block device", "link to it", "UUID", "old UUID", "label"):
        loop = loop_of(one)
    given = RESOURCES.get(name) or {}
    if name == "block device":
        given = {"device": loop}
    elif name == "link to it":
        shell(one, f"ln -sf {loop} /var/link")
        given = {"device": "/var/link"}
    assert code(one, "monitor", **given) == 7
    assert code(one, "stop", **given) == 0
    for _ in range(2):
        done = call(one, "start", **given)
        assert done.returncode == 0, done.stderr
        if not noted:
            shell(one, "rm -f /run/resource-agents/*")
    assert len(mounted(one)) == 1
    assert code(one, "monitor", **given) == 0
    assert code(one, "stop", **given) == 0
    assert mounted(one) == []
    assert code(one, "monitor", **given) == 7


def test_start_of_what_is_not_there_fails(one: Host) -> None:
    for resource, words in (
        ("unknown UUID", f"no device with UUID={NOWHERE}"),
        ("missing device", "no /dev/absent"),
        ("missing image", "no /var/absent.img"),
    ):
        done = call(one, "start", **RESOURCES[resource])
        assert (done.returncode, words in done.stderr) == (5, True), done.stderr


def test_a_mount_that_fails_has_its_reason_in_one_line(one: Host) -> None:
    shell(one, "truncate -s 1M /var/empty.img")
    done = call(one, "start", device="/var/empty.img", fstype="ext4")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "mount of /var/empty.img on /srv/data failed" in done.stderr


def test_what_a_start_made_is_ours_though_its_device_is_gone(one: Host) -> None:
    shell(one, f"cp {IMAGE} /var/lost.img; mkdir -p /var/gone")
    for given, lose in (
        ({"device": "/var/lost.img"}, "rm /var/lost.img"),
        ({"device": "/var/gone", "options": "bind"}, "rmdir /var/gone"),
    ):
        assert code(one, "start", **given) == 0
        shell(one, lose)
        assert code(one, "monitor", **given) == 0
        assert code(one, "stop", **given) == 0
        assert mounted(one) == []


def test_what_lies_on_our_mount_hides_it_and_goes_with_it(one: Host) -> None:
    assert code(one, "start") == 0
    shell(one, f"mount -t tmpfs lid {DIR}")
    for action in ("monitor", "start"):
        done = call(one, action)
        assert (done.returncode, "lid (tmpfs) lies on" in done.stderr) == (1, True), done.stderr
    assert code(one, "stop") == 0
    assert mounted(one) == []


def test_what_lies_on_a_directory_above_hides_our_mount(one: Host) -> None:
    assert code(one, "start") == 0
    shell(one, "mount -t tmpfs lid /srv")
    for action in ("monitor", "start", "stop"):
        done = call(one, action, CRM_meta_timeout="20000")
        assert (done.returncode, "lid (tmpfs) lies on" in done.stderr) == (1, True), action
    shell(one, "umount /srv")
    assert code(one, "monitor") == 0
    assert code(one, "stop") == 0


def test_what_lies_below_our_mount_stays(one: Host) -> None:
    shell(
        one, f"mount -t tmpfs floor {DIR}; mount -o loop {IMAGE} {DIR}; mkdir -p {DIR}/in; mount -t tmpfs in {DIR}/in"
    )
    assert code(one, "monitor") == 0
    assert code(one, "stop") == 0
    assert mounted(one) == ["floor"]


def test_a_mount_that_is_read_only_by_mistake_is_made_writable_by_a_start(one: Host) -> None:
    shell(one, f"mount -o loop,ro {IMAGE} {DIR}; mount -o remount,ro {DIR}")
    done = call(one, "start")
    assert done.returncode in (0, 1)  # a loop device that was made read-only cannot be: then that is said
    assert (done.returncode == 0) == ("rw" in shell(one, f"findmnt -no OPTIONS {DIR}").split(","))
    assert done.returncode == 0 or "cannot be made rw" in done.stderr
    assert code(one, "stop") == 0
    assert code(one, "start") == 0
    shell(one, f"mount -o remount,ro {DIR}")
    assert code(one, "start") == 0
    assert "rw" in shell(one, f"findmnt -no OPTIONS {DIR}").split(",")
    assert code(one, "start", options="ro") == 0
    assert "ro" in shell(one, f"findmnt -no OPTIONS {DIR}").split(",")


NOT_NEEDED = [(k, v) for k, values in UNUSABLE["Filesystem"].items() if k not in IDENTITY["Filesystem"] for v in values]


def test_no_unusable_parameter_leaves_the_mount_behind(one: Host) -> None:
    for name, value in [*NOT_NEEDED, ("fstype", "absent"), ("force_unmount", "safe"), ("fast_stop", "?")]:
        assert code(one, "start") == 0
        assert code(one, "monitor", **{name: value}) == 0, (name, value)
        assert code(one, "stop", **{name: value}) == 0, (name, value)
        assert mounted(one) == [], (name, value)


@pytest.mark.parametrize(("word", "ended"), [("safe", True), ("true", True), ("ja", True), ("no", False), ("?", False)])
def test_users_are_ended_by_every_word_that_says_so_and_by_no_other(one: Host, word: str, ended: bool) -> None:
    assert code(one, "start") == 0
    user = one.spawn(["sh", "-c", f"cd {DIR}; echo here; exec sleep 1000"], stdout=subprocess.PIPE)
    assert user.stdout is not None
    assert user.stdout.read(5) == b"here\n"
    done = call(one, "stop", force_unmount=word, CRM_meta_timeout="2000")
    assert done.returncode == (0 if ended else 6 if word == "?" else 1)
    if not ended:
        assert user.poll() is None
        user.kill()
        assert word == "?" or f"process {user.pid} (sleep, working directory)" in done.stderr
    user.wait(20)
    user.close()


def test_a_loop_device_that_holds_the_mount_is_named(one: Host) -> None:
    assert code(one, "start") == 0
    shell(one, f"truncate -s 1M {DIR}/inner.img; losetup -f {DIR}/inner.img")
    done = call(one, "stop", CRM_meta_timeout="1000")
    assert done.returncode == 1
    assert f"(loop device on {DIR}/inner.img)" in done.stderr


def test_the_callers_shell_is_named_at_once_by_the_front_end_too(one: Host) -> None:
    assert code(one, "start") == 0
    front = f"'{RA}/heartbeat/Filesystem' {IMAGE} {DIR} stop"
    begun = time.monotonic()
    done = one.run(["sh", "-c", f"cd {DIR}; {front}; echo $$ $?; cd /"])
    assert time.monotonic() - begun < 10  # of the 18 s that it has
    pid, status = done.stdout.split()
    assert status == "1"
    assert f"process {pid} (sh, working directory, which waits for this stop and must leave first)" in done.stderr
    assert code(one, "stop") == 0
