"""Messages about API clients: who is signed on where (WIRE.md section 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hacluster.base.effects import Reply
from hacluster.base.limits import MAX_CLIENT_NAME, MAX_NAMED_CLIENTS, MAX_QUERIES
from hacluster.base.machine import Instant, after, earliest
from hacluster.msg.membership import ClientPresence, ClientStatus, ClientStatusQuery
from hacluster.wire.fields import FieldName, MessageType
from hacluster.wire.hamsg import HaMessage

MAX_TIMEOUT_MS: Final = 60_000
PROBE: Final = "hacluster-probe"
"""The ``from_id`` of the question that proves a node alive."""

_PRESENCE: Final = {presence.value: presence for presence in ClientPresence}


@dataclass(frozen=True, slots=True)
class _Pending:
    request_id: int
    query: ClientStatusQuery
    deadline: Instant


class ClientApi:
    """The local clients by name, and the questions that wait for another node's answer."""

    def __init__(self) -> None:
        self._local: dict[str, int] = {}
        self._pending: dict[str, _Pending] = {}
        self._asked = 0

    def signed_on(self, client: str) -> bool:
        """Whether a local client of that name is signed on."""
        return client in self._local

    def change(self, client: str, join: bool, reason: str) -> HaMessage | None:
        """A named local client came or went; what the others are told, ``None`` when it is no news."""
        if join == (client in self._local) or not 0 < len(client) <= MAX_CLIENT_NAME:
            return None
        if join and len(self._local) >= MAX_NAMED_CLIENTS:
            return None
        if join:
            self._local[client] = 0
        else:
            del self._local[client]
        return self._news(client, join, reason)

    def _news(self, client: str, join: bool, reason: str) -> HaMessage:
        return HaMessage.of(
            t=MessageType.CLIENT_STATUS,
            st="join" if join else "leave",
            from_id=client,
            to_id=client,
            info=reason or ("signon" if join else "signoff"),
            client_gen="0",
        )

    def roll_call(self) -> list[HaMessage]:
        """The news of all local clients, for a cluster that has not heard them yet."""
        return [self._news(client, True, "") for client in self._local]

    def ask(self, request_id: int, query: ClientStatusQuery, now: Instant) -> HaMessage | None:
        """The question to another node; ``None`` when too many wait already."""
        if len(self._pending) >= MAX_QUERIES:
            return None
        self._asked += 1
        asker = f"cl_status-{self._asked}"
        deadline = after(now, min(max(query.timeout_ms, 1), MAX_TIMEOUT_MS))
        self._pending[asker] = _Pending(request_id, query, deadline)
        return question(query.node, query.client, asker)

    def answered(self, node: str, message: HaMessage) -> Reply | None:
        """The reply to the client whose question ``message`` answers."""
        asker = message.get(FieldName.TO_ID) or ""
        pending = self._pending.get(asker)
        if pending is None or pending.query.node.lower() != node or message.get(FieldName.CN) != pending.query.client:
            return None
        del self._pending[asker]
        presence = _PRESENCE.get(message.get(FieldName.CS) or "", ClientPresence.OFFLINE)
        return Reply(pending.request_id, ClientStatus(node, pending.query.client, presence))

    def expire(self, now: Instant) -> list[Reply]:
        """The replies to those whose time is over."""
        over = [asker for asker, pending in self._pending.items() if pending.deadline <= now]
        gone = [self._pending.pop(asker) for asker in over]
        return [Reply(p.request_id, ClientStatus(p.query.node, p.query.client, ClientPresence.TIMEOUT)) for p in gone]

    def drop(self, request_id: int) -> None:
        """The client has hung up."""
        self._pending = {asker: p for asker, p in self._pending.items() if p.request_id != request_id}

    def answer(self, node: str, message: HaMessage) -> HaMessage | None:
        """Our answer to another node's question; ``None`` when the question is incomplete."""
        client, asker = message.get(FieldName.CN), message.get(FieldName.FROM_ID)
        if not client or not asker:
            return None
        return HaMessage.of(
            t=MessageType.RESPOND_CSTATUS,
            dest=node,
            result="OK",
            cn=client,
            to_id=asker,
            cs=ClientPresence.ONLINE if self.signed_on(client) else ClientPresence.OFFLINE,
        )

    def deadline(self) -> Instant | None:
        """When the next question times out."""
        return earliest(*(pending.deadline for pending in self._pending.values()))

    def check(self) -> None:
        """Assert the bounds."""
        assert len(self._pending) <= MAX_QUERIES
        assert len(self._local) <= MAX_NAMED_CLIENTS


def question(node: str, client: str, asker: str) -> HaMessage:
    """``query-cstatus``: is ``client`` signed on at ``node``?"""
    return HaMessage.of(t=MessageType.QUERY_CSTATUS, dest=node, cn=client, from_id=asker)
