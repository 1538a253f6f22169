"""Pulling the plug: what becomes of a node that must stop at once (``SelfFence``)."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

from hacluster.config.settings import HaclusterConfig, OnStopFailure, SelfFencePolicy

_RB_AUTOBOOT: Final = 0x01234567


def policy(own: HaclusterConfig, *, machine: bool) -> SelfFencePolicy:
    """What becomes of the node. ``machine``: a machine asks for it, which it does for ``on_stop_failure reboot`` only.

    Everything else (a failfast client, a process that cannot live) is for ``self_fence`` to say.
    """
    if machine and own.on_stop_failure is OnStopFailure.REBOOT:
        return SelfFencePolicy.REBOOT
    return own.self_fence


def pull(chosen: SelfFencePolicy) -> None:
    """Do it; returns unless the host is rebooted, and the caller exits."""
    if chosen is SelfFencePolicy.REBOOT:
        reboot_now()


def reboot_now() -> None:
    """Restart the host without syncing or stopping anything: shared disks must not be written any more.

    reboot(2) first; where that is not permitted (a container), sysrq; returns when neither works, and the caller exits.
    """
    ctypes.CDLL(None, use_errno=True).reboot(_RB_AUTOBOOT)
    with contextlib.suppress(OSError), open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
        file.write("b")
        file.flush()
