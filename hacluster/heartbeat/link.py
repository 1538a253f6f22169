"""Links: whether packets of a node arrive over an interface (WIRE.md 7.2).

A link is up as soon as any packet that was not refused arrives on it, and dead after the dead time of the node without
one. Several media on one interface are one link.
"""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.machine import Instant, after, earliest
from hacluster.msg.membership import LinkView


@dataclass(slots=True)
class Link:
    """One link; ``heard`` is when the last packet came, ``None`` before the first."""

    name: str
    heard: Instant | None = None
    up: bool = False


class Links:
    """The links to one node, in the order of ha.cf."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._links = {name: Link(name) for name in names}

    def heard(self, name: str, now: Instant) -> bool:
        """A packet came over the link; whether that brought it up."""
        link = self._links.get(name)
        if link is None:
            return False
        link.heard = now
        was_up, link.up = link.up, True
        return not was_up

    def expire(self, now: Instant, dead_ms: int) -> list[str]:
        """The links that have just died."""
        dead = [link for link in self._links.values() if link.up and link.heard is not None]
        dead = [link for link in dead if link.heard is not None and after(link.heard, dead_ms) <= now]
        for link in dead:
            link.up = False
        return [link.name for link in dead]

    def cut(self) -> list[str]:
        """All links are dead; those that were up."""
        cut = [link.name for link in self._links.values() if link.up]
        for link in self._links.values():
            link.up = False
        return cut

    def excuse(self, deaf_ms: int, now: Instant) -> None:
        """We did not listen for ``deaf_ms``: that was no silence of the others."""
        for link in self._links.values():
            if link.heard is not None:
                link.heard = min(now, after(link.heard, deaf_ms))

    def deadline(self, dead_ms: int) -> Instant | None:
        """When the next link dies if nothing comes."""
        return earliest(
            *(after(link.heard, dead_ms) for link in self._links.values() if link.up and link.heard is not None)
        )

    def view(self) -> tuple[LinkView, ...]:
        """What clients see."""
        return tuple(LinkView(link.name, link.up) for link in self._links.values())
