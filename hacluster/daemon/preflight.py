"""What would make a start do harm, looked at before anything begins.

A node that hears nobody takes everything over when initdead has passed. When that is because its own media cannot be
opened, or because Heartbeat runs on the same host, it had better not start: Heartbeat refuses as well (tried). Later on
a medium that fails is tried again for ever, and that all fail at a restart of the pulse is no reason to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from hacluster.base.errors import HaError
from hacluster.config.media import Medium, NetworkMedium, described
from hacluster.daemon.media.port import describe
from hacluster.daemon.media.udp import Receivers, UdpPort

HEARTBEAT_PID: Final = "/run/heartbeat.pid"


def check(media: Sequence[Medium], heartbeat_pid: str = HEARTBEAT_PID) -> None:
    """:class:`HaError` when this host had better not begin to send heartbeats."""
    other = running_heartbeat(heartbeat_pid)
    if other is not None:
        raise HaError(f"Heartbeat runs on this host [pid {other}]: stop it first")
    faults = asyncio.run(_faults([medium for medium in media if isinstance(medium, NetworkMedium)]))
    if faults:
        raise HaError(f"no medium can be opened: {'; '.join(faults)}")


def running_heartbeat(pid_file: str) -> int | None:
    """The process of a real Heartbeat on this host; what a dead one has left does not count."""
    try:
        with open(pid_file, encoding="ascii") as file:
            pid = int(file.read(32))
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return pid if file.read().strip() == "heartbeat" else None
    except (OSError, ValueError):
        return None


async def _faults(media: Sequence[NetworkMedium]) -> list[str]:
    """What hinders each of the media; nothing as soon as one can be opened."""
    faults = []
    for medium in media:
        port = UdpPort(medium, Receivers(), lambda _data, _source: None)
        try:
            await port.open()
        except OSError as error:
            faults.append(f"{described(medium)}: {describe(error)}")
        else:
            return []
        finally:
            port.close()
    return faults
