"""Pulling the plug: what becomes of a node that must stop at once (``SelfFence``)."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

_RB_AUTOBOOT: Final = 0x01234567


def reboot_now() -> None:
    """Restart the host without syncing or stopping anything: shared disks must not be written any more.

    reboot(2) first; where that is not permitted (a container), sysrq; returns when neither works, and the caller exits.
    """
    ctypes.CDLL(None, use_errno=True).reboot(_RB_AUTOBOOT)
    with contextlib.suppress(OSError), open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
        file.write("b")
        file.flush()
