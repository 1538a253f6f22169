"""What streams promise, looked at from outside (S1).

What one life of a sender says to a node comes in order, each once, and where something is missing the receiver has been
told so, or has begun anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hacluster.base.effects import MachineName
from hacluster.base.members import Member
from hacluster.msg.stream import StreamBroken
from hacluster.sim.crm.checkers import Breach


@dataclass(slots=True)
class _Stream:
    """``said``: everything in its order. ``next``: where the receiver may be; equal messages leave several places."""

    said: list[tuple[MachineName, object]] = field(default_factory=list)
    next: set[int] = field(default_factory=lambda: {0})
    may_miss: bool = False


class Order:
    """A bystander of all streams."""

    def __init__(self) -> None:
        self._streams: dict[tuple[Member, str], _Stream] = {}
        self.heard = 0

    def _stream(self, sender: Member, node: str) -> _Stream:
        return self._streams.setdefault((sender, node), _Stream())

    def on_begun(self, node: str) -> None:
        """A life of a node has begun: it may miss what was meant for the one before."""
        for (_, to), stream in self._streams.items():
            stream.may_miss |= to == node

    def on_said(self, sender: Member, to: tuple[str, ...], machine: MachineName, body: object) -> None:
        """A machine says something to nodes."""
        for node in to:
            self._stream(sender, node).said.append((machine, body))

    def on_broken(self, node: str, broken: StreamBroken) -> None:
        """Ccm of a node is told that something is missing."""
        self._stream(Member(broken.node, broken.generation, broken.life), node).may_miss = True

    def on_over(self, sender: Member, node: str) -> None:
        """A sender is told that what it said to a life of a node that is over is lost: the next life is not owed it."""
        self._stream(sender, node).may_miss = True

    def on_heard(self, sender: Member, node: str, machine: MachineName, body: object) -> None:
        """A machine of a node hears it."""
        self.heard += 1
        stream = self._stream(sender, node)
        first = min(stream.next)
        places = range(first, len(stream.said)) if stream.may_miss else sorted(stream.next)
        found = {place + 1 for place in places if stream.said[place : place + 1] == [(machine, body)]}
        if not found:
            later = (machine, body) in stream.said[first:]
            what = "missing something before it, unsaid" if later else "out of its turn or twice"
            raise Breach(f"S1 {node} hears {type(body).__name__} of {sender}, {what}")
        stream.next, stream.may_miss = found, False
