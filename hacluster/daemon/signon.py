"""Who may sign on at the local sockets: ``apiauth`` of ha.cf(5), on top of what the sockets' mode and group allow.

Connecting is what mode and group of the socket let through (``socket_mode``, ``socket_group`` of hacluster.cf). Who is
connected is then held against the entry of the name it signs on with: its own entry if there is one; else ``anon`` for
the commands that come with hacluster, which are casual clients as cl_status is to Heartbeat; else ``default``, and
``anon`` where that is not set. Root and the daemon's own user always may. To ask is all that an entry gives: requests
that change something are for root and the group alone (:mod:`hacluster.daemon.ipc`).

A name is only what a client says of itself, so an entry does not tell programs apart; it reserves a name for users.
The built-in entries of Heartbeat mean its group haclient, which is here whatever ``socket_group`` names.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hacluster.config.settings import BUILTIN_APIAUTH, ApiAuth
from hacluster.msg.driver import Peer

CASUAL: Final = "anon"
FALLBACK: Final = "default"
BUILTIN_GROUP: Final = "haclient"
OUR_COMMANDS: Final = frozenset(
    {"cl_status", "forget", "unpin", "hb_addnode", "hb_delnode", "hb_setsite", "hb_setweight", "hb_standby"}
    | {"hb_takeover", "hacluster"}
)


@dataclass(frozen=True, slots=True)
class _Entry:
    uids: frozenset[int]
    gids: frozenset[int]


def _uid(name: str) -> int | None:
    try:
        return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _gid(name: str) -> int | None:
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _known(numbers: Iterable[int | None]) -> frozenset[int]:
    return frozenset(number for number in numbers if number is not None)


class SignOn:
    """The entries of ha.cf as numbers; a user or group that this host does not know is nobody."""

    def __init__(self, entries: Sequence[ApiAuth], socket_group: str) -> None:
        self._entries: dict[str, _Entry] = {}
        for entry in entries:
            gids = entry.gids
            if entry in BUILTIN_APIAUTH:
                gids = tuple(socket_group if name == BUILTIN_GROUP else name for name in gids)
            self._entries[entry.client] = _Entry(_known(map(_uid, entry.uids)), _known(map(_gid, gids)))

    def entry_for(self, client: str) -> str:
        """The name of the entry that counts for a client of this name."""
        if client in self._entries and client != CASUAL:
            return client
        if client in OUR_COMMANDS or FALLBACK not in self._entries:
            return CASUAL
        return FALLBACK

    def permits(self, peer: Peer) -> bool:
        """Whether this peer may be the client that it says it is."""
        if peer.uid in (0, os.geteuid()):
            return True
        entry = self._entries.get(self.entry_for(peer.name))
        if entry is None:
            return False
        return peer.uid in entry.uids or not entry.gids.isdisjoint((peer.gid, *peer.groups))
