"""Why a datagram was not taken: data, not an exception, so that a receiver counts it and goes on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RejectReason(StrEnum):
    """The countable reasons. The first seven belong to signed frames, the rest to sealed ones."""

    NOT_OURS = "not-ours"
    OVERSIZED = "oversized"
    NO_TOKEN = "no-token"  # noqa: S105 - the wire's word for the signature
    BAD_TOKEN = "bad-token"  # noqa: S105
    UNKNOWN_SLOT = "unknown-slot"
    BAD_DIGEST = "bad-digest"
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown-key"
    FORGED = "forged"
    REPLAY = "replay"
    OLD_SESSION = "old-session"
    OWN = "own"
    TOO_MANY = "too-many"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A datagram that was not taken. ``detail`` is a short sentence for the log; it never quotes the datagram.

    ``sender`` and ``boot``: UUID and boot nonce of the session that made it, where that is certain.
    """

    reason: RejectReason
    detail: str = ""
    sender: bytes = b""
    boot: bytes = b""
