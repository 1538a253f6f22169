"""The offer to seal, inside a classic ``status``: string field ``hx``, which a real Heartbeat node carries and ignores.

    hx = "1:" BOOT ":" MAC        BOOT 32, MAC 32 lower-case hex digits

MAC is HMAC-SHA256, cut to 16 bytes, over (src, srcuuid, boot nonce, hg) under a key that HKDF derives from the secret
for this purpose alone. It proves that the node which speaks the classic wire under this name holds the secret of the
seal and is of this version. An offer can be recorded like any classic message, so it is a reason to send sealed
datagrams to a peer, never a proof that it is alive: that is a fresh sealed datagram (:mod:`hacluster.wire.freshness`),
and only then is the peer pinned.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Final

from hacluster.base.errors import WireError
from hacluster.wire.hamsg import Field, string
from hacluster.wire.hkdf import binding, hkdf
from hacluster.wire.seal import SealKey, SealKeys, Session

OFFER: Final = "hx"
"""Name of the field."""

VERSION: Final = "1"
MAC_BYTES: Final = 16
_FORM: Final = re.compile(r"1:([0-9a-f]{32}):([0-9a-f]{32})", re.ASCII)
_MAX_TEXT: Final = 255


@dataclass(frozen=True, slots=True)
class Offer:
    """A parsed, not yet verified offer: boot nonce (16 bytes) and MAC (16 bytes)."""

    boot: bytes
    mac: bytes


def build(keys: SealKeys, src: str, session: Session) -> Field:
    """The field for this node's ``status``; ``src`` is its name on the wire."""
    return string(OFFER, f"{VERSION}:{session.boot.hex()}:{_mac(keys.sealing, src, session).hex()}")


def parse(text: str) -> Offer:
    """The offer in the text of the field; :class:`WireError` when it is none of this version."""
    found = _FORM.fullmatch(text)
    if found is not None:
        return Offer(bytes.fromhex(found[1]), bytes.fromhex(found[2]))
    version = text.partition(":")[0]
    if version != VERSION and len(text) <= _MAX_TEXT and version.isascii() and version.isdigit():
        raise WireError(f"offer of version {version}, not {VERSION}", field=OFFER)
    raise WireError("not an offer", field=OFFER)


def verify(offer: Offer, keys: SealKeys, src: str, node: bytes, hg: int) -> Session | None:
    """The session that was offered, if any accepted secret made it for this name, UUID and generation."""
    session = Session(node, hg, offer.boot)
    matches = [hmac.compare_digest(_mac(key, src, session), offer.mac) for key in keys.accepted]
    return session if any(matches) else None


def _mac(key: SealKey, src: str, session: Session) -> bytes:
    derived = hkdf(key.secret, b"hacluster seal 1 offer")
    content = binding(src.encode("utf-8", "surrogateescape"), session.node, session.boot, b"%x" % session.generation)
    return hmac.digest(derived, content, "sha256")[:MAC_BYTES]
