"""A node that was set back: restored from a snapshot, or with a state directory of last week.

It comes with a generation, or a number within it, that the others have believed already. They cannot tell that from a
recording, so they refuse it; it, however, hears them. So who refuses a node says so in its own status (``hr``), with
the newest that it knows of that node. Who reads there of itself that the others know more of it than it ever said, or
that its very session is refused as an old one, has been set back, and begins anew with the generation after the known
one. No more proof is asked for than for any status: it is believed when it is authentic and said now.

While the one that is known goes on speaking, there are two hosts with one name and one UUID: a copied machine. Then the
one that is refused leaves before it takes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.machine import Instant
from hacluster.heartbeat.peer import Peer, PeerTable
from hacluster.wire.hamsg import Field, HaMessage, string

REFUSED: Final = "hr"
"""Field of a status; real nodes ignore it. ``NODE:GENERATION:SEQ:BOOT:LIVES`` each, separated by spaces.

Generation and number (hexadecimal) are the newest that is known, ``BOOT`` the first 8 bytes of the boot nonce that is
refused or ``-``, ``LIVES`` 1 when the known one has spoken since.
"""

MAX_TOLD: Final = 8
MAX_REFUSALS: Final = 4
BOOT_DIGITS: Final = 16
NO_SESSION: Final = "-"


@dataclass(frozen=True, slots=True)
class Known:
    """What a node that refuses us knows of us. ``lives``: another that has our name and UUID speaks now."""

    generation: int
    seq: int
    boot: str
    lives: bool


def refuse(peer: Peer, boot: bytes, now: Instant) -> bool:
    """A message of this node was refused as an old one; whether it is the first of its session."""
    which = boot.hex()[:BOOT_DIGITS] or NO_SESSION
    first, _ = peer.refusals.pop(which, (now, now))
    new = first == now
    peer.refusals[which] = (first, now)
    while len(peer.refusals) > MAX_REFUSALS:
        del peer.refusals[next(iter(peer.refusals))]
    return new


def fields(peers: PeerTable, deadtime_ms: int, now: Instant) -> tuple[Field, ...]:
    """What our status says of the nodes that we have refused within a deadtime."""
    told = []
    for peer in peers.normal():
        for which, (first, last) in peer.refusals.items():
            lives = peer.current and peer.silence.heard and peer.silence.since > first
            if now - last < deadtime_ms and (lives or not peer.current):
                told.append(f"{peer.name}:{peer.generation:x}:{peer.top_seq:x}:{which}:{lives:d}")
    return (string(REFUSED, " ".join(told[:MAX_TOLD])),) if told else ()


def told_of(message: HaMessage, own: str, generation: int, seq: int, boot: bytes) -> Known | None:
    """What the sender of a status knows of us, if that says that we were set back. :class:`WireError`."""
    for word in (message.get(REFUSED) or "").split(" ", MAX_TOLD)[:MAX_TOLD]:
        if word.count(":") != 4 or not word.startswith(f"{own}:"):
            continue
        _, text, number, which, lives = word.split(":")
        try:
            known = Known(int(text, 16), int(number, 16), which, lives == "1")
        except ValueError as error:
            raise WireError("no generation", field=REFUSED) from error
        ours = which == boot.hex()[:BOOT_DIGITS] and known.generation >= generation
        if ours or (known.generation, known.seq) > (generation, seq):
            return known
    return None
