"""A tree of directories watched by inotify(7). Imported only by the process that watches."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from struct import Struct

IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO = 0x2, 0x4, 0x8, 0x40, 0x80
IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_Q_OVERFLOW, IN_IGNORED = 0x100, 0x200, 0x400, 0x4000, 0x8000
IN_ONLYDIR, IN_DONT_FOLLOW, IN_ISDIR = 0x01000000, 0x02000000, 0x40000000
CHANGES = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF
_HEADER = Struct("iIII")


class Tree:
    """``events()`` gives the relative directories in which something has changed.

    ``is_whole``: whether everything is watched; when the kernel allows no more watches it is not.
    """

    def __init__(self, root: str) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.file = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.file < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._root = root
        self._paths: dict[int, str] = {}
        self.is_whole = True
        self.fault = ""
        list(self._watch("."))

    def _watch(self, relative: str) -> Iterator[str]:
        """Watch a directory and all below it; gives each that is there."""
        waiting = [relative]
        while waiting:
            here = waiting.pop()
            path = os.path.join(self._root, here)
            number = self._libc.inotify_add_watch(
                self.file, os.fsencode(path), ctypes.c_uint32(CHANGES | IN_ONLYDIR | IN_DONT_FOLLOW)
            )
            if number < 0:
                code = ctypes.get_errno()
                if code == 28:  # ENOSPC: the user's limit of watches
                    self.is_whole, self.fault = False, "fs.inotify.max_user_watches is too small for all directories"
                continue
            self._paths[number] = here
            yield here
            try:
                with os.scandir(path) as entries:
                    waiting += [os.path.normpath(os.path.join(here, e.name)) for e in entries if _is_directory(e)]
            except OSError:
                continue  # it went away meanwhile

    def events(self) -> tuple[set[str], bool]:
        """The directories that have changed since the last call, and whether some changes were lost."""
        changed: set[str] = set()
        lost = False
        while True:
            try:
                data = os.read(self.file, 65536)
            except BlockingIOError:
                return changed, lost
            position = 0
            while position < len(data):
                number, mask, _, length = _HEADER.unpack_from(data, position)
                name = os.fsdecode(data[position + _HEADER.size : position + _HEADER.size + length].rstrip(b"\0"))
                position += _HEADER.size + length
                lost = lost or bool(mask & IN_Q_OVERFLOW)
                here = self._paths.get(number)
                if mask & IN_IGNORED:
                    self._paths.pop(number, None)
                elif here is not None:
                    changed.add(here)
                    if mask & IN_ISDIR and mask & (IN_CREATE | IN_MOVED_TO):
                        changed.update(self._watch(os.path.normpath(os.path.join(here, name))))

    def close(self) -> None:
        """Watch no more."""
        os.close(self.file)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
