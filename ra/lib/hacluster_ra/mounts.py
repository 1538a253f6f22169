"""What is mounted here and who uses it, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator

NETWORK_TYPES = ("nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs")


class Mount:
    """One line of mountinfo (proc(5)): where, what kind, from what, and both sets of options.

    ``what`` is the same for every copy of a mount in other namespaces: the device's number, and the part that is seen.
    ``id`` and ``parent`` tell what is mounted upon what.
    """

    __slots__ = ("directory", "id", "kind", "options", "parent", "root", "source", "super_options", "what")

    def __init__(self, line: str) -> None:
        left, _, right = line.partition(" - ")
        words, tail = left.split(" "), right.split(" ")
        self.id, self.parent = words[0], words[1]
        self.root, self.directory = unescape(words[3]), unescape(words[4])
        self.what = words[2], self.root
        self.options = words[5].split(",")
        self.kind, self.source = tail[0], unescape(tail[1])
        self.super_options = tail[2].split(",") if len(tail) > 2 else []

    @property
    def mark(self) -> str:
        """What tells this mount from all others of this boot, one word."""
        return f"{self.id}/{self.what[0]}"

    @property
    def is_virtual(self) -> bool:
        """Whether no device is behind it: the kernel's own, memory, or the network."""
        return self.what[0].startswith("0:") and not self.source.startswith("/dev/")

    @property
    def is_read_only(self) -> bool:
        """Whether one cannot write through it."""
        return "ro" in self.options or "ro" in self.super_options


def unescape(text: str) -> str:
    """Undo the kernel's octal escapes of blank, tab, newline and backslash."""
    if "\\" not in text:
        return text
    parts = text.split("\\")
    return parts[0] + "".join(chr(int(p[:3], 8)) + p[3:] if p[:3].isdecimal() else "\\" + p for p in parts[1:])


def mounts(path: str = "/proc/self/mountinfo") -> list[Mount]:
    """Every mount of this namespace in the order of mounting."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return [Mount(line.rstrip("\n")) for line in file]


def below(path: str, directory: str) -> bool:
    """Whether ``path`` is ``directory`` or inside it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def protected() -> set[int]:
    """Processes that are never killed: PID 1, we, and those that started us (the manager)."""
    found = {1}
    pid = os.getpid()
    while pid > 1 and pid not in found:
        found.add(pid)
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                pid = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            break
    return found


class User:
    """A process that uses a mount. ``is_spared``: never ended, for it is this agent or waits for it."""

    __slots__ = ("how", "is_spared", "name", "pid")

    def __init__(self, pid: int, how: str, is_spared: bool) -> None:
        self.pid, self.how, self.is_spared = pid, how, is_spared
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                self.name = file.read().strip()
        except OSError:
            self.name = "?"

    def __str__(self) -> str:
        waits = ", which waits for this stop and must leave first" if self.is_spared else ""
        return f"process {self.pid} ({self.name}, {self.how}{waits})"


def users(directory: str) -> list[User]:
    """Processes with a file, a mapping, their root or their working directory inside ``directory``.

    By the names that /proc shows: asking the files themselves would hang on a dead NFS server, and by the device's
    number a bind mount would have every user of the file system behind it. The names of a process in another mount
    namespace (a container, a service with PrivateTmp) are its own: it counts if it has the same mount there, which
    also keeps ours busy.
    """
    spared = protected()
    ours = {m.what for m in mounts() if below(m.directory, directory)}
    here = os.readlink("/proc/self/ns/mnt")
    return [
        User(int(entry), how, int(entry) in spared)
        for entry in os.listdir("/proc")
        if entry.isdecimal() and (how := _uses(int(entry), directory, ours, here))
    ]


def kernel_users(directory: str) -> list[str]:
    """What of the kernel itself holds a file inside ``directory``: loop devices and swap files."""
    found = []
    for name in sorted(os.listdir("/sys/block")) if os.path.isdir("/sys/block") else ():
        if name.startswith("loop"):
            backing = _text(f"/sys/block/{name}/loop/backing_file").strip().removesuffix(" (deleted)")
            if backing and below(backing, directory):
                found.append(f"/dev/{name} (loop device on {backing})")
    for line in _text("/proc/swaps").splitlines()[1:]:
        path = unescape(line.split()[0])
        if below(path, directory):
            found.append(f"swap file {path}")
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _uses(pid: int, directory: str, ours: set[tuple[str, str]], here: str) -> str:
    """How a process uses what is inside ``directory``; empty when it does not."""
    try:
        found = [(path, how) for path, how in _paths(pid) if below(path, directory)]
        if not found or os.readlink(f"/proc/{pid}/ns/mnt") == here:
            return found[0][1] if found else ""
        root, table = os.readlink(f"/proc/{pid}/root"), mounts(f"/proc/{pid}/mountinfo")
        return next((how for path, how in found if mounted_at(path, root, table) in ours), "")
    except OSError:
        return ""  # it ended while we looked


def mounted_at(path: str, root: str, table: list[Mount]) -> tuple[str, str] | None:
    """What covers ``path`` by the mount table of a process whose root is ``root``; ``path`` is a name outside of it."""
    at = {root.rstrip("/") + mount.directory.rstrip("/"): mount.what for mount in table}
    while path not in at and path:
        path = path.rpartition("/")[0]
    return at.get(path)


def _paths(pid: int) -> Iterator[tuple[str, str]]:
    """Every path that a process holds, and as what."""
    for name, how in (("cwd", "working directory"), ("root", "root directory"), ("exe", "program")):
        try:
            yield os.readlink(f"/proc/{pid}/{name}"), how
        except OSError:
            continue
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            path = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        yield path, f"open file {path}"
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            words = line.rstrip("\n").split(None, 5)
            if len(words) > 5 and words[5].startswith("/"):
                yield words[5].removesuffix(" (deleted)"), "mapped file"
