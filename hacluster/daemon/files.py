"""Small files of the daemon, read and written without trusting what lies in their place.

A file may have been cut, filled with noise, replaced by a directory, a FIFO or a link, or belong to somebody else. None
of that may be followed, waited for, or believed; and none of it may hinder that a good file takes its place.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Final

from hacluster.base.errors import HaError

MAX_ASIDE: Final = 9
"""Damaged files of one name that are kept; one more takes the place of the last."""

IN_PLACE: Final = 512
"""A file this small lies in one sector: it may be overwritten in place where there is no room for another."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class DamagedFileError(HaError):
    """What lies there is not a file of ours."""


def read(path: str, limit: int) -> bytes | None:
    """What is in the file; ``None`` when there is none. :class:`DamagedFileError` for anything but a file of ours."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        text = "it is a symbolic link" if error.errno == errno.ELOOP else str(error.strerror)
        raise DamagedFileError(f"cannot read {path}: {text}") from error
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise DamagedFileError(f"{path} is not a regular file")
        owners = {0, os.geteuid(), os.stat(os.path.dirname(path) or ".").st_uid}
        if info.st_uid not in owners:
            raise DamagedFileError(f"{path} belongs to user {info.st_uid}")
        if info.st_size > limit:
            raise DamagedFileError(f"{path} has {info.st_size} bytes, more than {limit}")
        data = bytearray()
        while len(data) < limit and (chunk := os.read(fd, limit - len(data))):
            data += chunk
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(fd)
    return bytes(data)


def replace(path: str, data: bytes, *, sync: bool, mode: int = 0o600) -> None:
    """Put ``data`` there: after a crash there is the old or the new, never a part. OSError.

    On a full disk a small file of the same size is overwritten in place: better than not to be able to go on.
    """
    try:
        _replace(path, data, sync=sync, mode=mode)
    except OSError as error:
        if error.errno not in _FULL or not _overwrite(path, data, sync=sync):
            raise


def _replace(path: str, data: bytes, *, sync: bool, mode: int) -> None:
    directory, name = os.path.split(path)
    draft = os.path.join(directory, f".{name}.new")
    _clear(draft)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(draft, flags, mode)
    try:
        try:
            os.fchmod(fd, mode)
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)
        _move(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
    if sync:
        sync_directory(directory)


def _clear(draft: str) -> None:
    try:
        os.unlink(draft)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        set_aside(draft)


def _move(draft: str, path: str) -> None:
    try:
        os.rename(draft, path)
    except OSError:
        if not os.path.isdir(path) or os.path.islink(path):
            raise
        set_aside(path)
        os.rename(draft, path)


def _overwrite(path: str, data: bytes, *, sync: bool) -> bool:
    if len(data) > IN_PLACE:
        return False
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_size != len(data) or os.pwrite(fd, data, 0) != len(data):
            return False
        if sync:
            os.fsync(fd)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def set_aside(path: str) -> str:
    """Give what lies there another name, whatever it is, and say which. OSError."""
    for number in range(1, MAX_ASIDE + 1):
        aside = f"{path}.damaged-{number}"
        if not os.path.lexists(aside) or number == MAX_ASIDE:
            break
    os.rename(path, aside)
    return aside


def sync_directory(path: str) -> None:
    """Names in it are on disk, too. OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
