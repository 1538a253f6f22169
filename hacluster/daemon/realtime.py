"""Real time for the pulse: SCHED_RR, memory locked, spared by the OOM killer, as far as the system permits.

Every step that is not permitted is said in one line and otherwise ignored: a heartbeat at normal priority is better
than none. Threads and children of the pulse get normal priority (SCHED_RESET_ON_FORK).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
from collections.abc import Callable
from typing import Final

from hacluster.base.effects import Say
from hacluster.base.report import Severity

_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4
_CAP_IPC_LOCK: Final = 14
OOM_SCORE: Final = -1000


def default_priority() -> int:
    """The middle of the range of SCHED_RR, as Heartbeat chooses it."""
    low, high = os.sched_get_priority_min(os.SCHED_RR), os.sched_get_priority_max(os.SCHED_RR)
    return (low + high) // 2


def round_robin(priority: int | None) -> None:
    """Run this thread under SCHED_RR at ``priority`` (``None``: the middle). OSError if not permitted."""
    low, high = os.sched_get_priority_min(os.SCHED_RR), os.sched_get_priority_max(os.SCHED_RR)
    wanted = default_priority() if priority is None else min(max(priority, low), high)
    os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(wanted))


def lock_memory(*, capable: bool = True) -> None:
    """Keep in memory every page that this process has touched or will touch. OSError if not permitted.

    Pages are locked when they are first used (MCL_ONFAULT, Linux 4.4): locking all at once would copy what is shared
    with the supervisor. Under a limit the lock would make allocations fail later: then there is none. ``capable``: the
    process keeps its capabilities, of which one lifts the limit.
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY and not (capable and _may_lock()):
        raise PermissionError(errno.EPERM, "the limit of locked memory (RLIMIT_MEMLOCK) is too small")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _may_lock() -> bool:
    """Whether no limit counts: CAP_IPC_LOCK, capabilities(7)."""
    with open("/proc/self/status", encoding="ascii") as file:
        effective = next((line.split()[1] for line in file if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _CAP_IPC_LOCK & 1)


def spare_from_oom(score: int = OOM_SCORE) -> None:
    """Tell the OOM killer how much to spare this process and what it starts. OSError if not permitted."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(score))


def enter(priority: int | None, *, capable: bool = True) -> list[Say]:
    """Do all three; one line of log says what this process now is, one warning each what was not permitted.

    ``capable``: see :func:`lock_memory`.
    """
    steps: tuple[tuple[str, Callable[[], None], str], ...] = (
        ("SCHED_RR priority", lambda: round_robin(priority), "CAP_SYS_NICE, or LimitRTPRIO=infinity in its unit"),
        ("locked memory", lambda: lock_memory(capable=capable), "CAP_IPC_LOCK, or LimitMEMLOCK=infinity in its unit"),
        ("exemption from the OOM killer", spare_from_oom, "CAP_SYS_RESOURCE, or OOMScoreAdjust=-1000 in its unit"),
    )
    says: list[Say] = []
    granted: list[str] = []
    for what, step, remedy in steps:
        try:
            step()
            granted.append(what)
        except (OSError, ValueError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            text = f"the heartbeat runs without {what}: {reason} (give the daemon {remedy}, or set real_time off)"
            says.append(Say(Severity.WARNING, "pulse", "realtime-refused", text))
    if granted:
        says.append(Say(Severity.INFO, "pulse", "realtime", f"the heartbeat has {', '.join(granted)}"))
    return says
