"""Pulling the plug: what becomes of a node that must stop at once (``SelfFence``)."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Final

from hacluster.config.settings import HaclusterConfig, OnStopFailure, SelfFencePolicy

_RB_AUTOBOOT: Final = 0x01234567

SYSRQ: Final = "/proc/sysrq-trigger"


def policy(own: HaclusterConfig, *, machine: bool) -> SelfFencePolicy:
    """What becomes of the node. ``machine``: a machine asks for it, which it does for ``on_stop_failure reboot`` only.

    Everything else (a failfast client, a process that cannot live) is for ``self_fence`` to say.
    """
    if machine and own.on_stop_failure is OnStopFailure.REBOOT:
        return SelfFencePolicy.REBOOT
    return own.self_fence


def grasp(own: HaclusterConfig, *, panics: bool = False) -> int:
    """What restarts the host, open, for a process that may not open it when it has to; -1 if nothing may want that.

    ``panics``: there is a cluster manager, which may.
    """
    if not panics and SelfFencePolicy.REBOOT not in (policy(own, machine=True), policy(own, machine=False)):
        return -1
    with contextlib.suppress(OSError):
        return os.open(SYSRQ, os.O_WRONLY | os.O_CLOEXEC)
    return -1


def pull(chosen: SelfFencePolicy, sysrq: int = -1) -> None:
    """Do it; returns unless the host is rebooted, and the caller exits. ``sysrq``: see :func:`grasp`."""
    if chosen is SelfFencePolicy.REBOOT:
        reboot_now(sysrq)


def reboot_now(sysrq: int = -1) -> None:
    """Restart the host without syncing or stopping anything: shared disks must not be written any more.

    reboot(2) first; where that is not permitted (a container), sysrq; returns when neither works, and the caller exits.
    """
    ctypes.CDLL(None, use_errno=True).reboot(_RB_AUTOBOOT)
    sysrq_reboot(sysrq)


def sysrq_reboot(sysrq: int = -1) -> None:
    """The kernel's own key for it (sysrq.rst), which takes the right to open it and no other."""
    with contextlib.suppress(OSError):
        os.write(sysrq if sysrq >= 0 else os.open(SYSRQ, os.O_WRONLY | os.O_CLOEXEC), b"b")
