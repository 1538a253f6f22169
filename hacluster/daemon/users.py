"""What this host calls a user and his groups: rights in the CIB go by names.

A name service may take its time, or hang; so it is asked in a thread, for a bounded time, and never in a process that
must not wait. Who has no name in time is known by his number, to which no right is ever given.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import grp
import pwd
from typing import Final

from hacluster.msg.driver import Peer

WAIT_S: Final = 2.0
"""How long the name service may take."""


def named(peer: Peer) -> Peer:
    """The peer with the names of his user and groups, as far as this host knows them; waits for the name service."""
    try:
        user = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        return peer
    names = []
    for gid in dict.fromkeys((peer.gid, *peer.groups)):
        try:
            names.append(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    return dataclasses.replace(peer, user=user, group_names=tuple(names))


async def find_names(peer: Peer) -> Peer:
    """As :func:`named`, elsewhere and in time; never without something that stands for the user."""
    if peer.uid == 0:
        return dataclasses.replace(peer, user="root")
    with contextlib.suppress(TimeoutError):
        peer = await asyncio.wait_for(asyncio.to_thread(named, peer), WAIT_S)
    return peer if peer.user else dataclasses.replace(peer, user=str(peer.uid))
