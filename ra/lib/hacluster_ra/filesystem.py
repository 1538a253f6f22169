"""Filesystem: a file system that is mounted where its resource runs.

Which mount is the resource's: see ``mounted.py``. Who keeps it busy: ``mounts.py``.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Sequence

from hacluster_ra import ocf
from hacluster_ra.mounted import Spot, device_of, is_bind, is_nameless, options_of
from hacluster_ra.mounts import NETWORK_TYPES, Mount, User, kernel_users, mounts, users
from hacluster_ra.ocf import SIGKILL, SIGTERM, Action, Agent, Failure, Parameter, Values
from hacluster_ra.programs import run

POLL_S = 0.1
CHECK_FILE = ".hacluster-check"
SHOWN = 5


def _check_directory(value: str) -> str:
    if not value.startswith("/") or os.path.normpath(value).strip("/") == "":
        return f"directory is {value!r}, an absolute path other than / is needed"
    return ""


def _check_options(value: str) -> str:
    return "options must not have blanks in it" if any(c.isspace() for c in value) else ""


def _check_inside(value: str) -> str:
    inside = not value.startswith("/") and ".." not in value.split("/")
    return "" if inside else f"check_directory is {value!r}, a path below the mount point is needed"


def _check_user(value: str) -> str:
    return "" if _account(value) else f"check_user is {value!r}, which is no user of this host and no number"


def _account(user: str) -> tuple[str, int, int] | None:
    """Name (for the groups), user and group number; a number that nobody has is its own group."""
    number = int(user) if user.isdecimal() and int(user) < 2**32 - 1 else None
    try:
        entry = pwd.getpwnam(user) if number is None else pwd.getpwuid(number)
    except (KeyError, ValueError):
        return None if number is None else ("", number, number)
    return entry.pw_name, entry.pw_uid, entry.pw_gid


def validate(_: Values) -> None:
    """Every parameter is judged by itself."""


def _is_local(values: Values) -> bool:
    """Whether the device is a file of this host: no network file system, no tag, no virtual one."""
    device = device_of(values)
    return device.startswith("/") and not device.startswith("//") and not is_nameless(values.text("fstype"))


def _unclear(spot: Spot) -> Failure:
    there = spot.stack[-1]
    text = (
        f"{there.source} ({there.kind}) is mounted on {spot.directory}, and nothing tells whether it is {spot.device}"
    )
    return Failure(ocf.ERR_GENERIC, text)


def _hidden(spot: Spot, lid: Mount) -> Failure:
    return Failure(ocf.ERR_GENERIC, f"{lid.source} ({lid.kind}) lies on {spot.device} at {lid.directory}")


def start(values: Values) -> int:
    """Mount it. When it is mounted already, and is what one sees at its directory, that is success."""
    device = device_of(values)
    if _is_local(values) and not os.path.exists(device):
        raise Failure(ocf.ERR_INSTALLED, f"there is no {device} on this host")
    spot = Spot(values)
    if spot.is_unclear:
        raise _unclear(spot)
    if spot.top is not None:
        if spot.ours is None:
            raise Failure(ocf.ERR_GENERIC, f"{spot.top.source} is mounted on {spot.directory}, not {device}")
        if spot.lid is not None:
            raise _hidden(spot, spot.lid)
        _set_writable(values, spot)
    else:
        _mount(values, spot)
        spot.refresh()
        if spot.ours is None and spot.stack:
            spot.ours = spot.stack[-1]
    spot.note()
    if values.text("check_user") and "ro" not in options_of(values):
        _try_to_write(values, spot)
    return ocf.OK


def _set_writable(values: Values, spot: Spot) -> None:
    """A mount that is read-only by mistake, or writable by mistake, becomes what its options say."""
    options = options_of(values)
    assert spot.ours is not None
    if spot.ours.is_read_only == ("ro" in options) or spot.ours.kind in ("squashfs", "iso9660", "erofs"):
        return
    wanted = ["remount", *(["bind"] if is_bind(values) else []), *[o for o in options if o not in ("bind", "rbind")]]
    if "ro" not in options:
        wanted.append("rw")
    code, said = run(["mount", "-o", ",".join(wanted), spot.directory])
    if code:
        raise Failure(ocf.ERR_GENERIC, f"{spot.directory} cannot be made {wanted[-1]}: {said}")


def _mount(values: Values, spot: Spot) -> None:
    device, directory = spot.device, spot.directory
    tag, equals, _ = device.partition("=")
    if equals and tag in ("UUID", "LABEL", "PARTUUID", "PARTLABEL") and run(["findfs", device])[0]:
        raise Failure(ocf.ERR_INSTALLED, f"there is no device with {device} on this host")
    os.makedirs(directory, exist_ok=True)
    options = options_of(values)
    if os.path.isfile(device) and not is_bind(values) and not any(o.partition("=")[0] == "loop" for o in options):
        options.append("loop")
    argv = ["mount"]
    if values.text("fstype") not in ("", "none") and not is_bind(values):
        argv += ["-t", values.text("fstype")]
    if options:
        argv += ["-o", ",".join(options)]
    code, said = run([*argv, device, directory])
    if code:
        raise Failure(ocf.ERR_GENERIC, f"mount of {device} on {directory} failed: {said}")


def stop(values: Values) -> int:
    """Unmount our device, and what is mounted upon or inside it, ending who keeps it busy: TERM first, then KILL.

    Gives up a little before the manager's time-out, so that the reason is heard; and at once when what keeps it busy
    waits for us.
    """
    spot = Spot(values)
    if spot.is_unclear:
        raise _unclear(spot)
    if spot.ours is None and spot.stack:
        ocf.say(f"{spot.stack[-1].source} is mounted on {spot.directory}, not {spot.device}: it is left alone")
    begun = time.monotonic()
    end = begun + values.timeout_s * 0.9
    said = ""
    signalled: dict[int, int] = {}
    while upon := spot.upon():
        busy = upon[-1]
        if spot.lid is not None and spot.lid.directory != spot.directory:
            raise _hidden(spot, spot.lid)
        code, said = run(["umount", busy.directory], _patience(busy, end))
        if code == 0 or not any(m.id == busy.id for m in mounts()):
            spot.refresh()
            continue
        found = users(busy.directory)
        if (end_now := _waits_for_us(found)) or time.monotonic() >= end:
            raise Failure(ocf.ERR_GENERIC, _stuck(busy.directory, said, end_now or found))
        if values.flag("force_unmount"):
            kill_from = begun + min(values.number("term_wait"), (end - begun) / 2)
            kills = time.monotonic() >= kill_from
            _send([u.pid for u in found if not u.is_spared], SIGKILL if kills else SIGTERM, signalled)
            if busy.kind in NETWORK_TYPES and kills:
                run(["umount", "-f", busy.directory], _patience(busy, end))
        time.sleep(POLL_S)
        spot.refresh()
    spot.forget()
    return ocf.OK


def _patience(mount: Mount, end: float) -> float | None:
    """How long umount may take: a server that is gone must not hold us until the manager's patience is over."""
    return max(0.5, (end - time.monotonic()) / 3) if mount.kind in NETWORK_TYPES else None


def _waits_for_us(found: Sequence[User]) -> list[User]:
    """Those that will not leave as long as we run, and that are never ended, when nobody else is left."""
    return list(found) if found and all(user.is_spared for user in found) else []


def _stuck(directory: str, said: str, found: Sequence[User]) -> str:
    """Why it cannot be unmounted, and who has to leave it."""
    who = [str(user) for user in found[:SHOWN]] + ([f"{len(found) - SHOWN} more"] if len(found) > SHOWN else [])
    who += kernel_users(directory)
    text = f"{directory} cannot be unmounted: {said}"
    if not who:
        return f"{text}; no process that uses it is found: an NFS export, or another mount namespace, may have it"
    return f"{text}; used by {', '.join(who)}"


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
    spot = Spot(values)
    if spot.is_unclear:
        raise _unclear(spot)
    if spot.ours is None:
        return ocf.NOT_RUNNING
    if spot.lid is not None:
        raise _hidden(spot, spot.lid)
    if values.depth >= 10:
        read_only = "ro" in options_of(values)
        if "ro" in spot.ours.super_options and not read_only:
            raise Failure(ocf.ERR_GENERIC, f"{spot.directory} has become read-only, as after an error of the disk")
        try:
            _read(spot.directory, spot.ours)
            if values.depth >= 20 and not read_only:
                _try_to_write(values, spot)
        except OSError as error:
            raise Failure(ocf.ERR_GENERIC, f"{spot.directory} does not work: {error}") from None
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


def _try_to_write(values: Values, spot: Spot) -> None:
    """As the user who is to: what root may do says nothing of an export that squashes it, or of numbers that differ."""
    user, inside = values.text("check_user"), values.text("check_directory")
    directory = f"{spot.directory}/{inside}" if inside else spot.directory
    account = _account(user) if user else None
    if account is None:
        _write(directory)
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _become(*account)
            _write(directory)
            status = 0
        except OSError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, encoding="utf-8", errors="replace") as said:
        text = said.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise Failure(ocf.ERR_GENERIC, f"user {user} cannot write in {directory}: {text or 'the test died'}")


def _become(name: str, user: int, group: int) -> None:
    if name:
        os.initgroups(name, group)
    else:
        os.setgroups([])
    os.setgid(group)
    os.setuid(user)


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
            "directory",
            "Mount point",
            "Where it is mounted; made when missing.",
            required=True,
            group="directory",
            check=_check_directory,
        ),
        Parameter("fstype", "Type", "Type of the file system, as for mount -t. Default: found out by mount."),
        Parameter(
            "options",
            "Options",
            "Mount options as for mount -o, with commas. A bind mount has bind here.",
            check=_check_options,
        ),
        Parameter(
            "force_unmount",
            "End users of the file system",
            "At stop, end the processes that keep it busy. They are found by /proc alone, which is what the "
            "word safe of other agents asks for: it means yes.",
            kind="boolean",
            default="true",
            words=("safe",),
        ),
        Parameter(
            "term_wait",
            "Seconds between TERM and KILL",
            "How long the users may take to end by themselves; half of the stop's time-out at most.",
            kind="integer",
            default="3",
        ),
        Parameter(
            "check_user",
            "User who must be able to write",
            "Name or number of the user as whom the write test of depth 20 is made, such as that of a database; with "
            "one the start makes it, too. On NFS, root may be somebody else at the server.",
            check=_check_user,
        ),
        Parameter(
            "check_directory",
            "Where the write test is made",
            "A path below the mount point. Default: the mount point.",
            check=_check_inside,
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


def from_haresources(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """``Filesystem::DEVICE::DIR[::FSTYPE[::OPTIONS]]``."""
    names = ("device", "directory", "fstype", "options")
    wrong = "" if 2 <= len(arguments) <= len(names) else "device and directory are needed, type and options may follow"
    return {n: v for n, v in zip(names, arguments, strict=False) if v}, wrong
