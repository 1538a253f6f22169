"""Start-up: from the files on disk to an active member (WIRE.md section 8).

LOADING: the driver has not yet told the time and what is on disk. SAVING: the new generation is on its way to the disk;
nothing is said before it is there. JOINING: ``up``; every configured node must be heard or declared dead. ASKING: one
live node is asked for its node list, each second, until it answers. ACTIVE. LEAVING: silent, the last files are on
their way to the disk. GONE.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from hacluster.base.machine import Instant, after
from hacluster.heartbeat.peer import Peer, PeerTable

REQNODES_MS: Final = 1_000


class Phase(Enum):
    """Where in its life the machine is."""

    LOADING = auto()
    SAVING = auto()
    JOINING = auto()
    ASKING = auto()
    ACTIVE = auto()
    LEAVING = auto()
    GONE = auto()

    @property
    def talking(self) -> bool:
        """Whether the node sends and listens."""
        return self is Phase.JOINING or self is Phase.ASKING or self is Phase.ACTIVE


@dataclass(slots=True)
class Handshake:
    """Whom we ask for the node list, and when to ask again."""

    target: str = ""
    due: Instant | None = None

    def choose(self, peers: PeerTable) -> Peer | None:
        """The first live node of the list; ``None`` when we are alone."""
        return next((peer for peer in peers.normal() if peer.current), None)

    def ask(self, peer: Peer, now: Instant) -> bool:
        """Whether the question is to be put (again) now."""
        if self.target == peer.name and self.due is not None and now < self.due:
            return False
        self.target = peer.name
        self.due = after(now, REQNODES_MS)
        return True
