"""Least privilege: pulse and brain run as a user of their own, without a capability and without a way to gain one.

Who listens to the network (the pulse) and who decides (the brain) need nothing that root alone may do once their
sockets, their priority and their locked memory are arranged. That is done before :func:`drop`; sockets that are needed
later come from the supervisor (:mod:`hacluster.daemon.media.broker`). Supervisor and hands stay root: agents are.

Where the user does not exist, or is not known inside a user namespace, or cannot get at the state directory, everything
runs as before and the log says why. Sources: capabilities(7), prctl(2), credentials(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import stat
from dataclasses import dataclass
from typing import Final

from hacluster.base.effects import Say
from hacluster.base.report import Severity

USER: Final = "hacluster"
MAKE_USER: Final = f"useradd --system --user-group --no-create-home --shell /usr/sbin/nologin {USER}"

_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4


@dataclass(frozen=True, slots=True)
class Account:
    """Whom to become. ``why_not``: why nobody, as a sentence; then ``uid`` is meaningless."""

    uid: int = -1
    gid: int = -1
    why_not: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is somebody to become."""
        return not self.why_not


NOBODY: Final = Account(why_not="nobody was looked for")


def say_who(account: Account) -> Say:
    """What becomes of pulse and brain, for the log."""
    if account.usable:
        text = f"pulse and brain run as user {USER}, without privileges"
        return Say(Severity.INFO, "supervisor", "confined", text)
    severity = Severity.WARNING if os.geteuid() == 0 else Severity.DEBUG
    text = f"pulse and brain run as user {os.geteuid()}, like everything: {account.why_not}"
    return Say(severity, "supervisor", "not-confined", text)


def find(*directories: str) -> Account:
    """The account that pulse and brain run as; it must be able to reach the directories."""
    if os.geteuid() != 0:
        return Account(why_not="the daemon does not run as root")
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        return Account(why_not=f"there is no user {USER}; to make it: {MAKE_USER}")
    account = Account(entry.pw_uid, entry.pw_gid)
    if not (_mapped("uid_map", account.uid) and _mapped("gid_map", account.gid)):
        return Account(why_not=f"this user namespace does not know the user {USER}")
    for directory in directories:
        closed = _closed(directory, account)
        if closed is not None:
            return Account(why_not=f"the user {USER} may not enter {closed}, which leads to {directory}")
    return account


def _mapped(name: str, number: int) -> bool:
    try:
        with open(f"/proc/self/{name}", encoding="ascii") as file:
            ranges = [[int(word) for word in line.split()] for line in file]
    except (OSError, ValueError):
        return True
    return any(first <= number < first + count for first, _, count in ranges)


def _closed(directory: str, account: Account) -> str | None:
    """The first directory above this one that the account may not pass."""
    path = ""
    for part in os.path.abspath(directory).split("/")[:-1]:
        path = f"{path}{part}/"
        try:
            info = os.stat(path)
        except FileNotFoundError:
            return None  # it will be made, open to all
        except OSError:
            return path
        bit = stat.S_IXGRP if info.st_gid == account.gid else stat.S_IXOTH
        if not info.st_mode & (stat.S_IXUSR if info.st_uid == account.uid else bit):
            return path
    return None


def give(directory: str, account: Account) -> None:
    """Make a directory, and the plain files and FIFOs of root in it, the account's. OSError.

    Nothing is followed but a link of root's to the directory itself, and what has a second name is left alone: the
    directory's owner may have put it there.
    """
    if os.path.islink(directory) and os.lstat(directory).st_uid == 0:
        directory = os.path.realpath(directory)
    os.chown(directory, account.uid, -1, follow_symlinks=False)
    for entry in os.scandir(directory):
        with contextlib.suppress(OSError):
            fd = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                info = os.fstat(fd)
                plain = stat.S_ISREG(info.st_mode) or stat.S_ISFIFO(info.st_mode)
                if plain and info.st_nlink == 1 and info.st_uid == 0:
                    os.fchown(fd, account.uid, -1)
            finally:
                os.close(fd)


def drop(account: Account) -> None:
    """Become the account for good; to be called while there is one thread. OSError when any step fails."""
    libc = ctypes.CDLL(None, use_errno=True)

    def prctl(option: int, *arguments: int) -> None:
        padded = [ctypes.c_ulong(number) for number in (*arguments, 0, 0, 0, 0)[:4]]
        if libc.prctl(option, *padded) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"prctl {option}: {os.strerror(number)}")

    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for capability in range(last + 1):
        prctl(_PR_CAPBSET_DROP, capability)
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
