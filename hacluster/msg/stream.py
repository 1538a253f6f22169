"""How machines of different nodes speak: ordered streams, one from each life of a sender to each receiver.

Per sender first in, first out; reliable among nodes that hear each other; a sender may die in the middle of a cast.
When an edge is lost, what was in flight arrives as some prefix or not at all, and both ends are told
(``StreamBroken``). Messages of an older life of a node may come after newer ones, and messages that were meant for an
older life of this node may come to this one: whoever receives checks the sender and what the message names.
"""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.effects import MachineName
from hacluster.base.members import Member


@dataclass(frozen=True, slots=True)
class Convey:
    """Hand ``body`` to the machine ``machine`` of each node in ``to``; our own name comes back at once."""

    to: tuple[str, ...]
    machine: MachineName
    body: object


@dataclass(frozen=True, slots=True)
class Conveyed:
    """What a machine of ``sender`` has to say to us."""

    sender: Member
    body: object


@dataclass(frozen=True, slots=True)
class StreamBroken:
    """Something that was sent between us and this life of a node did not arrive, and never will.

    The heartbeat says it to speech, which forgets what it has of it, and says it to ccm.
    """

    node: str
    generation: int
    life: int


@dataclass(frozen=True, slots=True)
class Speak:
    """speech to the heartbeat: put these bytes into the streams to these nodes. Our own name comes back at once."""

    to: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Spoken:
    """The heartbeat to speech: what a ``Speak`` of this life of a node held, in its turn."""

    sender: Member
    data: bytes


@dataclass(frozen=True, slots=True)
class Gone:
    """The heartbeat to speech: of what it was given for this node, so many bytes less wait or are under way."""

    node: str
    size: int


@dataclass(frozen=True, slots=True)
class Taken:
    """speech to the heartbeat: it has dealt with so many more bytes of what it was handed."""

    size: int


@dataclass(frozen=True, slots=True)
class BreakStream:
    """speech to the heartbeat: it had to drop something that was for this node, so the stream is to be broken."""

    node: str
