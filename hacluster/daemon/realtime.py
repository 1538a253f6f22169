"""Real time for the pulse: SCHED_RR, memory locked, spared by the OOM killer, as far as the system permits.

Every step that is not permitted is said in one line and otherwise ignored: a heartbeat at normal priority is better
than none. Threads and children of the pulse get normal priority (SCHED_RESET_ON_FORK).
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable
from typing import Final

from hacluster.base.effects import Say
from hacluster.base.report import Severity

_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
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


def lock_memory() -> None:
    """Keep every page of this process in memory, now and later. OSError if not permitted."""
    if os.geteuid() == 0:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def spare_from_oom(score: int = OOM_SCORE) -> None:
    """Tell the OOM killer how much to spare this process and what it starts. OSError if not permitted."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(score))


def enter(priority: int | None) -> list[Say]:
    """Do all three; one line of log says what this process now is, one warning each what was not permitted."""
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("SCHED_RR priority", lambda: round_robin(priority)),
        ("locked memory", lock_memory),
        ("exemption from the OOM killer", spare_from_oom),
    )
    says: list[Say] = []
    granted: list[str] = []
    for what, step in steps:
        try:
            step()
            granted.append(what)
        except (OSError, ValueError) as error:
            text = f"the heartbeat runs without {what}"
            says.append(Say(Severity.WARNING, "pulse", "realtime-refused", text, (("error", str(error)),)))
    if granted:
        says.append(Say(Severity.INFO, "pulse", "realtime", f"the heartbeat has {', '.join(granted)}"))
    return says
