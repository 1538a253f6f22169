"""Which of this host's mounts is the resource's: its device *at* its directory, one answer for start, stop and monitor.

The answer has three values. ``OURS``: it is our device, or the very mount that a start made and noted. ``OTHER``:
certainly something else, which is left alone. ``UNKNOWN``: cannot be told; that is never ours, and no success either.
Nothing here touches what is mounted: a dead NFS server would hold us for ever.
"""

from __future__ import annotations

import os
import stat

from hacluster_ra import ocf
from hacluster_ra.mounts import NETWORK_TYPES, Mount, below, mounts
from hacluster_ra.ocf import Values

OURS, OTHER, UNKNOWN = "ours", "other", "unknown"
TAG_DIRECTORIES = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel"}
SAME_KINDS = (("nfs", "nfs4"), ("cifs", "smb3", "smbfs"), ("overlay", "overlayfs"))
VIRTUAL_TYPES = ("tmpfs", "ramfs", "overlay", "proc", "sysfs", "9p", "virtiofs", "zfs", "lustre", "debugfs", "cgroup2")
RENAMED_KINDS = ("ceph", "lustre")
"""Kinds whose source in the mount table may have another form than what mount was given; fuse's have too."""

LOOP_MAJOR = 7


def device_of(values: Values) -> str:
    """The device as mount(8) wants it; ``-Lname`` and ``-Uuuid`` are the words of Heartbeat's time."""
    device = values.text("device").strip()
    for new, words in (("LABEL=", ("--label", "-L")), ("UUID=", ("--uuid", "-U"))):
        for word in words:
            if device.startswith(word):
                return new + device[len(word) :].lstrip("= \t")
    return device


def options_of(values: Values) -> list[str]:
    """The mount options, one by one."""
    return [option for option in values.text("options").split(",") if option]


def is_bind(values: Values) -> bool:
    """Whether a directory is to be seen at another place."""
    raw = values.environment.get("OCF_RESKEY_options", "").replace(" ", ",").split(",")
    return bool({"bind", "rbind"} & set(raw))


def directory_of(values: Values) -> str:
    """The mount point without symbolic links, as the kernel names it. A mount point itself is not looked at."""
    path = os.path.normpath(values.text("directory"))
    known = {mount.directory for mount in mounts()}
    if path in known:
        return path
    path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return path if path in known else os.path.realpath(path)


def is_nameless(kind: str) -> bool:
    """Whether the device of a type is a name and no file: the network's types, the kernel's own, memory."""
    return kind in NETWORK_TYPES or kind in VIRTUAL_TYPES or kind.startswith("fuse.")


class Spot:
    """What is mounted at the resource's directory, and which of it is the resource's."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.device = device_of(values)
        self.directory = directory_of(values)
        self.refresh()

    def refresh(self) -> None:
        """Look again."""
        self.table = mounts()
        self.stack = [m for m in self.table if m.directory == self.directory]
        self.ours = next((m for m in reversed(self.stack) if self.verdict(m) == OURS), None)

    @property
    def top(self) -> Mount | None:
        """What one sees at the directory."""
        return self.stack[-1] if self.stack else None

    @property
    def is_unclear(self) -> bool:
        """Whether something is there of which nothing tells whose it is."""
        return self.ours is None and any(self.verdict(m) == UNKNOWN for m in self.stack)

    @property
    def lid(self) -> Mount | None:
        """What hides our mount: it lies on the same directory, or on one above."""
        if self.ours is None or self.top is not self.ours:
            return self.top
        by_id = {m.id: m for m in self.table}
        above, mount = set(), self.ours
        while mount.id not in above:
            above.add(mount.id)
            mount = by_id.get(mount.parent, mount)
        later = self.table[self.table.index(self.ours) + 1 :]
        return next((m for m in later if m.id not in above and below(self.directory, m.directory)), None)

    def upon(self) -> list[Mount]:
        """Our mount and all that is mounted upon or inside it, which cannot stay without it; the oldest first."""
        if self.ours is None:
            return []
        found = {self.ours.id}
        for mount in self.table:
            if mount.parent in found:
                found.add(mount.id)
        return [m for m in self.table if m.id in found]

    def verdict(self, mount: Mount) -> str:
        """OURS, OTHER or UNKNOWN."""
        if self._noted() == mount.mark:
            return OURS
        device = self.device
        tag, equals, name = device.partition("=")
        if equals and tag in TAG_DIRECTORIES:
            return _compare_tag(tag, name, mount)
        if is_bind(self.values):
            return self._compare_bind(mount)
        kind = self.values.text("fstype")
        if not device.startswith("/") or device.startswith("//") or is_nameless(kind):
            return self._compare_name(mount)
        try:
            status = os.stat(device)
        except OSError:
            return OURS if mount.source == device else OTHER if mount.is_virtual else UNKNOWN
        if stat.S_ISDIR(status.st_mode):
            return self._compare_bind(mount)
        if stat.S_ISREG(status.st_mode):
            return _compare_image(device, status, mount)
        number = _block_number(mount)
        if number is None:
            return OTHER if mount.is_virtual else UNKNOWN
        return OURS if number == status.st_rdev else OTHER

    def _compare_name(self, mount: Mount) -> str:
        """A network or virtual file system: its kind and the name of its source."""
        kind = self.values.text("fstype")
        if kind and kind != "auto" and not _same_kind(kind, mount.kind):
            return OTHER
        if mount.source.rstrip("/") == self.device.rstrip("/"):
            return OURS
        return UNKNOWN if mount.kind in RENAMED_KINDS or mount.kind.startswith("fuse") else OTHER

    def _compare_bind(self, mount: Mount) -> str:
        """The part of a file system that the device, a directory, shows: by the mount table alone."""
        device = os.path.realpath(self.device)
        upon = {m.id for m in self.stack}
        covering = [m for m in self.table if below(device, m.directory) and m.id not in upon]
        if not covering:
            return UNKNOWN
        longest = max(len(m.directory) for m in covering)
        cover = [m for m in covering if len(m.directory) == longest][-1]
        part = os.path.relpath(device, cover.directory)
        root = cover.root if part == "." else os.path.join(cover.root, part)
        return OURS if (mount.what[0], mount.root.removesuffix("//deleted")) == (cover.what[0], root) else OTHER

    # -- the note ------------------------------------------------------------------------------------------------

    def note(self) -> None:
        """Note the mount that is ours."""
        if self.ours is not None:
            ocf.write_record(self._record(), f"{self.ours.mark} {self.values.text('device')}\n")

    def forget(self) -> None:
        """It is gone."""
        ocf.remove_record(self._record())

    def _noted(self) -> str:
        mark, _, device = ocf.read_record(self._record()).partition(" ")
        return mark if device == self.values.text("device") else ""

    def _record(self) -> str:
        return ocf.record_path("Filesystem", self.directory)


def _same_kind(one: str, other: str) -> bool:
    pairs = (one, other.removeprefix("fuse.")), (one.removeprefix("fuse."), other)
    return one == other or any(a == b for a, b in pairs) or any({one, other} <= set(group) for group in SAME_KINDS)


def _block_number(mount: Mount) -> int | None:
    """The number of the block device behind a mount; ``None`` when there is none, or it cannot be told.

    The table has it for most; btrfs and others have a made-up number there and name the device by its path.
    """
    major, _, minor = mount.what[0].partition(":")
    if int(major):
        return os.makedev(int(major), int(minor))
    if not mount.source.startswith("/"):
        return None
    try:
        status = os.stat(mount.source)
    except OSError:
        return None
    return status.st_rdev if stat.S_ISBLK(status.st_mode) else None


def _compare_image(path: str, image: os.stat_result, mount: Mount) -> str:
    """An image file is behind a loop device, which knows it by device and inode (loop(4))."""
    number = _block_number(mount)
    if number is None:
        return OTHER
    if os.major(number) != LOOP_MAJOR:
        return OTHER
    found = backing_file(f"/dev/loop{os.minor(number)}")
    if found is None:
        named = (ocf.read_file(f"/sys/block/loop{os.minor(number)}/loop/backing_file") or "").rstrip("\n")
        return OURS if named == os.path.realpath(path) else UNKNOWN
    return OURS if found == (image.st_dev, image.st_ino) else OTHER


def backing_file(loop: str) -> tuple[int, int] | None:
    """Device and inode of the file behind a loop device; ``None`` when it cannot be asked."""
    import fcntl

    status = bytearray(232)
    try:
        device = os.open(loop, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.ioctl(device, 0x4C05, status)  # LOOP_GET_STATUS64: the numbers come first
    except OSError:
        return None
    finally:
        os.close(device)
    old, inode = (int.from_bytes(status[at : at + 8], "little" if LITTLE else "big") for at in (0, 8))
    return old, inode


LITTLE = memoryview(b"\1\0").cast("H")[0] == 1


def _compare_tag(tag: str, name: str, mount: Mount) -> str:
    """A UUID or label: the link that udev made, or else what is on the device that is mounted."""
    number = _block_number(mount)
    if number is None:
        return OTHER if mount.is_virtual else UNKNOWN
    try:
        if os.stat(f"/dev/disk/{TAG_DIRECTORIES[tag]}/{name}").st_rdev == number:
            return OURS
    except OSError:
        pass
    found = tag_on(mount.source, tag)
    if not found:
        return UNKNOWN
    same = found.lower() == name.lower() if tag.endswith("UUID") else found == name
    return OURS if same else OTHER


def tag_on(source: str, tag: str) -> str:
    """The UUID or label that is on a device; empty when that cannot be told."""
    from hacluster_ra.programs import run

    word = {"PARTUUID": "PART_ENTRY_UUID", "PARTLABEL": "PART_ENTRY_NAME"}.get(tag, tag)
    code, said = run(["blkid", "-p", "-o", "value", "-s", word, source])
    return said if code == 0 else ""
