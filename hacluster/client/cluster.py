"""Typed questions to a running node, for tools and scripts.

Every call raises :class:`NotRunningError`, :class:`NotPermittedError`, :class:`TimedOutError` or
:class:`ConnectionLostError` when there is no answer to be had, and :class:`RefusedError` when the answer is no.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypeVar

from hacluster.base.effects import MachineName
from hacluster.client.connection import Connection
from hacluster.client.errors import ConnectionLostError, RefusedError
from hacluster.client.greeting import DEFAULT_RUN_DIR
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import (
    HandoverAccepted,
    HandoverFinished,
    Hold,
    ResourcesQuery,
    ResourcesView,
    StandbyRequest,
    TakeoverRequest,
)
from hacluster.msg.membership import (
    Accepted,
    ChangeNodes,
    ClientPresence,
    ClientStatus,
    ClientStatusQuery,
    ForgetFloor,
    MembershipQuery,
    MembershipView,
    ParameterQuery,
    ParameterValue,
    SetNodeAttribute,
    UnpinSeal,
)

HANDOVER_TIMEOUT_S = 3_600.0
"""How long a handover may take: a standby handshake of Heartbeat has an hour for it."""

AnswerT = TypeVar("AnswerT")


class Cluster:
    """A node and what it knows of its cluster."""

    def __init__(self, run_dir: str = DEFAULT_RUN_DIR, *, name: str = "hacluster", timeout_s: float = 5.0) -> None:
        self._connection = Connection(run_dir, name=name, timeout_s=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _ask(self, body: object, wanted: type[AnswerT], *, timeout_s: float | None = None) -> AnswerT:
        return _expect(self._connection.ask(body, timeout_s=timeout_s), wanted)

    def version(self) -> str:
        """The version of the running software."""
        return self._connection.version(MachineName.HEARTBEAT)

    def membership(self) -> MembershipView:
        """Nodes, links, states."""
        return self._ask(MembershipQuery(), MembershipView)

    def resources(self) -> ResourcesView:
        """Who holds what, and what the groups do here."""
        return self._ask(ResourcesQuery(), ResourcesView)

    def parameter(self, name: str) -> str | None:
        """A value of ha.cf as written, or its default; ``None`` when it has neither."""
        return self._ask(ParameterQuery(name), ParameterValue).value

    def client_status(self, node: str, client: str, timeout_ms: int) -> ClientPresence:
        """Whether ``client`` is signed on at ``node``."""
        query = ClientStatusQuery(node, client, timeout_ms)
        return self._ask(query, ClientStatus, timeout_s=timeout_ms / 1000 + 1).presence

    def change_nodes(self, names: tuple[str, ...], *, add: bool) -> str:
        """Add nodes to the running cluster, or remove them; the node's words about it."""
        return self._ask(ChangeNodes(names, add), Accepted).text

    def set_attribute(self, node: str, name: str, value: str) -> str:
        """Set ``weight`` or ``site`` of a node; the node's words about it."""
        return self._ask(SetNodeAttribute(node, name, value), Accepted).text

    def forget_floor(self, node: str) -> str:
        """Believe a node again whose generation went back; the node's words about it."""
        return self._ask(ForgetFloor(node), Accepted).text

    def unpin_seal(self, node: str) -> str:
        """Take a node's unsealed datagrams again; the node's words about it."""
        return self._ask(UnpinSeal(node), Accepted).text

    def standby(
        self, which: Hold, *, wait: bool, accepted: Callable[[str], None], timeout_s: float = HANDOVER_TIMEOUT_S
    ) -> HandoverFinished | None:
        """Give up ``which``. ``accepted`` is told when the handshake has begun; the end is returned if waited for."""
        return self._handover(StandbyRequest(which, wait), accepted, timeout_s)

    def takeover(
        self, which: Hold, *, wait: bool, accepted: Callable[[str], None], timeout_s: float = HANDOVER_TIMEOUT_S
    ) -> HandoverFinished | None:
        """Take ``which`` from the other node; as :meth:`standby`."""
        return self._handover(TakeoverRequest(which, wait), accepted, timeout_s)

    def _handover(
        self, body: StandbyRequest | TakeoverRequest, accepted: Callable[[str], None], timeout_s: float
    ) -> HandoverFinished | None:
        for answer in self._connection.follow(body, timeout_s=timeout_s if body.wait else None):
            match answer:
                case HandoverFinished():
                    return answer
                case _:
                    accepted(_expect(answer, HandoverAccepted).text)
        return None


def _expect(answer: object, wanted: type[AnswerT]) -> AnswerT:
    if isinstance(answer, wanted):
        return answer
    if isinstance(answer, Refused):
        raise RefusedError(answer)
    raise ConnectionLostError(f"the cluster software answered with {type(answer).__name__}")
