"""Filesystem: a file system that is mounted where its resource runs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from hacluster_ra import ocf
from hacluster_ra.mounts import NETWORK_TYPES, Mount, below, mounts, users
from hacluster_ra.ocf import SIGKILL, SIGTERM, Action, Agent, Failure, Parameter, Values

TAG_DIRECTORIES = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel"}
POLL_S = 0.1
CHECK_FILE = ".hacluster-check"


def device_of(values: Values) -> str:
    """The device as mount(8) wants it; ``-Lname`` and ``-Uuuid`` are the words of Heartbeat's time."""
    device = values.text("device").strip()
    for old, new in (("-L", "LABEL="), ("-U", "UUID=")):
        if device.startswith(old):
            return new + device[2:].strip()
    return device


def _options(values: Values) -> list[str]:
    return [option for option in values.text("options").split(",") if option]


def _is_bind(values: Values) -> bool:
    return bool({"bind", "rbind"} & set(_options(values)))


def _is_local(values: Values) -> bool:
    """Whether the device is a file of this host: no network file system, no tag, no virtual one."""
    return device_of(values).startswith("/") and values.text("fstype") not in NETWORK_TYPES


def validate(values: Values) -> None:
    """Only what is wrong on every node."""
    directory = values.text("directory")
    if not directory.startswith("/") or os.path.normpath(directory) == "/":
        raise Failure(ocf.ERR_CONFIGURED, f"directory is {directory!r}, an absolute path other than / is needed")
    if any(c.isspace() for c in values.text("options")):
        raise Failure(ocf.ERR_CONFIGURED, "options must not have blanks in it")


def _directory(values: Values) -> str:
    return os.path.realpath(values.text("directory"))


def _mounted(directory: str) -> Mount | None:
    """What is mounted on top at the directory."""
    found = [m for m in mounts() if m.directory == directory]
    return found[-1] if found else None


def _is_other(values: Values, mount: Mount) -> bool:
    """Whether what is mounted is certainly not our device. In doubt it is ours: that is the safe side."""
    device = device_of(values)
    tag, equals, name = device.partition("=")
    if equals and tag in TAG_DIRECTORIES:
        device = f"/dev/disk/{TAG_DIRECTORIES[tag]}/{name}"
    if not device.startswith("/") or not os.path.exists(device) or not mount.source.startswith("/"):
        return False
    real = os.path.realpath(device)
    if _is_bind(values):
        return not os.path.samefile(real, mount.directory)
    if mount.source.startswith("/dev/loop"):
        number = mount.source.removeprefix("/dev/")
        backing = ocf.read_file(f"/sys/block/{number}/loop/backing_file")
        return backing is not None and os.path.realpath(backing.strip()) != real and mount.source != real
    return os.path.realpath(mount.source) != real


def start(values: Values) -> int:
    """Mount it; when it is mounted already that is success, unless it is something else."""
    directory = _directory(values)
    device = device_of(values)
    mounted = _mounted(directory)
    if mounted is not None:
        if _is_other(values, mounted):
            raise Failure(ocf.ERR_GENERIC, f"{mounted.source} is mounted on {directory}, not {device}")
        return ocf.OK
    if _is_local(values) and not os.path.exists(device):
        raise Failure(ocf.ERR_INSTALLED, f"there is no {device} on this host")
    os.makedirs(directory, exist_ok=True)
    options = _options(values)
    if os.path.isfile(device) and "loop" not in options and not _is_bind(values):
        options.append("loop")
    argv = ["mount"]
    if values.text("fstype") and not _is_bind(values):
        argv += ["-t", values.text("fstype")]
    if options:
        argv += ["-o", ",".join(options)]
    code, said = _run([*argv, device, directory])
    if code:
        raise Failure(ocf.ERR_GENERIC, f"mount of {device} on {directory} failed: {said}")
    return ocf.OK


def _run(argv: Sequence[str]) -> tuple[int, str]:
    """Run a program of util-linux: exit code and what it said."""
    import subprocess

    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except FileNotFoundError:
        raise Failure(ocf.ERR_INSTALLED, f"the program {argv[0]} is missing (Debian: apt install mount)") from None
    return done.returncode, done.stdout.decode(errors="replace").strip()


def stop(values: Values) -> int:
    """Unmount it and all that is mounted inside it, ending who keeps it busy: TERM first, then KILL.

    Gives up a little before the manager's time-out, so that the reason is heard.
    """
    directory = _directory(values)
    begun = time.monotonic()
    end = begun + values.timeout_s * 0.9
    kill_from = begun + min(values.number("term_wait"), (end - begun) / 2)
    said = ""
    signalled: dict[int, int] = {}
    while True:
        inside = [m for m in mounts() if below(m.directory, directory)]
        if not inside:
            return ocf.OK
        busy = inside[-1]
        code, said = _run(["umount", busy.directory])
        if code == 0 or not any(m.directory == busy.directory for m in mounts()):
            continue
        now = time.monotonic()
        if now >= end:
            break
        if values.flag("force_unmount"):
            _send(users(busy.directory), SIGKILL if now >= kill_from else SIGTERM, signalled)
            if busy.kind in NETWORK_TYPES and now >= kill_from:
                _run(["umount", "-f", busy.directory])
        time.sleep(POLL_S)
    left = ", ".join(str(pid) for pid in users(directory)[:10])
    raise Failure(ocf.ERR_GENERIC, f"{directory} cannot be unmounted: {said}" + (f"; used by {left}" if left else ""))


def _send(pids: Sequence[int], number: int, signalled: dict[int, int]) -> None:
    """Each process gets each signal once."""
    for pid in pids:
        if signalled.get(pid) != number:
            ocf.say(f"sending {'KILL' if number == SIGKILL else 'TERM'} to process {pid}")
            signalled[pid] = number
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


def monitor(values: Values) -> int:
    """Depth 0: mounted. Depth 10: readable, and not turned read-only by an error. Depth 20: a file can be written."""
    directory = _directory(values)
    mounted = _mounted(directory)
    if mounted is None:
        return ocf.NOT_RUNNING
    if values.depth >= 10:
        read_only = "ro" in _options(values)
        if "ro" in mounted.super_options and not read_only:
            raise Failure(ocf.ERR_GENERIC, f"{directory} has become read-only, as after an error of the disk")
        try:
            _read(directory, mounted)
            if values.depth >= 20 and not read_only:
                _write(directory)
        except OSError as error:
            raise Failure(ocf.ERR_GENERIC, f"{directory} does not work: {error}") from None
    return ocf.OK


def _read(directory: str, mounted: Mount) -> None:
    os.statvfs(directory)
    with os.scandir(directory) as entries:
        next(entries, None)
    if mounted.source.startswith("/dev/"):
        device = os.open(mounted.source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(device, 0, 4096, os.POSIX_FADV_DONTNEED)
            os.read(device, 4096)
        finally:
            os.close(device)


def _write(directory: str) -> None:
    path = f"{directory}/{CHECK_FILE}-{ocf.file_name(os.uname().nodename)}"
    text = str(time.time()).encode()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, text)
        os.fsync(file)
        if os.pread(file, 100, 0) != text:
            raise OSError("what was written is not what is read")
    finally:
        os.close(file)
        os.unlink(path)


AGENT = Agent(
    "Filesystem",
    "A mounted file system",
    "Mounts a file system from a block device, an image file, a directory (bind) or the network, and unmounts it "
    "again, ending the processes that use it. A file system on shared storage must not be in /etc/fstab. It is not "
    "checked (fsck) before it is mounted.",
    (
        Parameter(
            "device",
            "Device",
            "Block device, UUID=… or LABEL=…, image file, directory for a bind mount, or the network file system's "
            "server:/path or //server/share.",
            required=True,
        ),
        Parameter(
            "directory", "Mount point", "Where it is mounted; made when missing.", required=True, group="directory"
        ),
        Parameter("fstype", "Type", "Type of the file system, as for mount -t. Default: found out by mount."),
        Parameter("options", "Options", "Mount options as for mount -o, with commas. A bind mount has bind here."),
        Parameter(
            "force_unmount",
            "End users of the file system",
            "At stop, end the processes that keep it busy.",
            kind="boolean",
            default="true",
        ),
        Parameter(
            "term_wait",
            "Seconds between TERM and KILL",
            "How long the users may take to end by themselves; half of the stop's time-out at most.",
            kind="integer",
            default="3",
        ),
    ),
    (
        Action("start", start, 60),
        Action("stop", stop, 60),
        Action("monitor", monitor, 40, depth=0, interval="20s"),
        Action("monitor", monitor, 40, depth=10, interval="60s"),
        Action("monitor", monitor, 40, depth=20, interval="120s"),
    ),
    validate=validate,
)

USAGE = "DEVICE DIRECTORY [FSTYPE [OPTIONS]]"


def from_haresources(arguments: Sequence[str]) -> dict[str, str]:
    """``Filesystem::DEVICE::DIR[::FSTYPE[::OPTIONS]]``."""
    if not 2 <= len(arguments) <= 4:
        raise ValueError("device and directory are needed, type and options may follow")
    return {n: v for n, v in zip(("device", "directory", "fstype", "options"), arguments, strict=False) if v}
