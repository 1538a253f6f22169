"""What would make a start do harm, looked at before anything begins.

A node that hears nobody takes everything over when initdead has passed. When that is because its own media cannot be
opened, or because Heartbeat runs on the same host, it had better not start: Heartbeat refuses as well (tried). Later on
a medium that fails is tried again for ever, and that all fail at a restart of the pulse is no reason to end.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from typing import Final

from hacluster.base.errors import HaError
from hacluster.config.media import Mcast6, Medium, NetworkMedium, Ucast6, described
from hacluster.daemon.media.port import describe
from hacluster.daemon.media.sockets import Direct
from hacluster.daemon.media.udp import Receivers, UdpPort

HEARTBEAT_PID: Final = "/run/heartbeat.pid"


def check(media: Sequence[Medium], heartbeat_pid: str = HEARTBEAT_PID, *, alone: bool = True) -> None:
    """:class:`HaError` when this host had better not begin to send heartbeats.

    ``alone`` false: a process of an earlier daemon that cannot end still has the ports. No ``heartbeat_pid``: a real
    Heartbeat may run here, with other ports.
    """
    other = running_heartbeat(heartbeat_pid) if heartbeat_pid else None
    if other is not None:
        raise HaError(f"Heartbeat runs on this host [pid {other}]: stop it first")
    taken = taken_ports(media) if alone else []
    if taken:
        ports = ", ".join(map(str, taken))
        raise HaError(f"UDP port {ports} is in use: does another hacluster or Heartbeat run on this host (ss -lunp)?")
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


def taken_ports(media: Sequence[Medium]) -> list[int]:
    """The ports of media that somebody on this host has bound already.

    Our own sockets may share a port (two media, the next life of a pulse), and so could those of two daemons, which
    would take each other's datagrams. So it is tried here in the way that nobody else may.
    """
    taken = []
    wanted = {
        (socket.AF_INET6 if isinstance(medium, Ucast6 | Mcast6) else socket.AF_INET, medium.port)
        for medium in media
        if isinstance(medium, NetworkMedium)
    }
    for family, port in sorted(wanted):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                if family is socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(("", port))
        except OSError as error:
            # Anything else is found when the medium is opened, which has the words for it.
            if error.errno == errno.EADDRINUSE:
                taken.append(port)
    return taken


async def _faults(media: Sequence[NetworkMedium]) -> list[str]:
    """What hinders each of the media; nothing as soon as one can be opened."""
    faults = []
    for number, medium in enumerate(media):
        port = UdpPort(number, medium, Receivers(Direct(media)), lambda _data, _source: None)
        try:
            await port.open()
        except OSError as error:
            faults.append(f"{described(medium)}: {describe(error)}")
        else:
            return []
        finally:
            port.close()
    return faults
