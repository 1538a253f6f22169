"""Ping nodes: hosts outside the cluster whose answer to an ICMP echo tells that our network works (WIRE.md 5.6).

With each status goes one echo request per ping medium whose data is a signed message that names the ping node; the
host sends the data back, and the driver hands it to us as a datagram of that medium. Only we read our echoes, so they
carry a nonce of this start: a recorded answer is worthless.
"""

from __future__ import annotations

import hashlib
from typing import Final

from hacluster.heartbeat.config import HeartbeatConfig, Identity, MediumSpec
from hacluster.wire.fields import FieldName, MessageType, NodeStatus
from hacluster.wire.hamsg import HaMessage

_NONCE_DIGITS: Final = 16


class Pings:
    """Writes echoes and knows its own again."""

    def __init__(self, config: HeartbeatConfig, identity: Identity) -> None:
        media = enumerate(config.media)
        self.media: tuple[tuple[int, MediumSpec], ...] = tuple((i, m) for i, m in media if m.ping is not None)
        self._nonce = hashlib.sha256(b"ping" + identity.uuid + identity.boot_nonce).hexdigest()[:_NONCE_DIGITS]
        self._max_age = max(1, config.deadping_ms // 1000) + 1

    def echo(self, medium: MediumSpec, ts: int) -> HaMessage:
        """The message for one ping medium."""
        assert medium.ping is not None
        return HaMessage.of(
            t=MessageType.PING_STATUS,
            st=NodeStatus.PING,
            info=medium.info,
            src=medium.ping,
            ts=f"{ts:x}",
            hx=self._nonce,
        )

    def answers(self, medium: MediumSpec, message: HaMessage, src: str, sent: int, wall: int) -> bool:
        """Whether ``message`` is a fresh echo of ours from that medium's ping node."""
        return (
            message.type == MessageType.PING_STATUS
            and message.get(FieldName.ST) == NodeStatus.PING
            and src == medium.ping
            and message.get(FieldName.HX) == self._nonce
            and sent >= wall - self._max_age
        )
