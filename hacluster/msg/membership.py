"""What the heartbeat machine tells the other machines of its node, and what they may ask of it.

Source of the words: WIRE.md of the Heartbeat 3.0.6 protocol, sections 5 to 9 and 11.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hacluster.wire.hamsg import HaMessage


class NodeState(StrEnum):
    """State of a node: that of its last status, or dead. ``PING`` is a ping node that answers."""

    INIT = "init"
    UP = "up"
    ACTIVE = "active"
    DEAD = "dead"
    PING = "ping"


class NodeType(StrEnum):
    """``ping`` nodes answer ICMP and hold nothing."""

    NORMAL = "normal"
    PING = "ping"


class SealState(StrEnum):
    """How datagrams travel between us and a node."""

    SEALED = "sealed"
    OFFERED = "offered"
    CLASSIC = "classic"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link to a node: named after the interface of its medium."""

    name: str
    up: bool


@dataclass(frozen=True, slots=True)
class NodeView:
    """All that is known of one node."""

    name: str
    type: NodeType
    state: NodeState
    links: tuple[LinkView, ...]
    generation: int = 0
    uuid: bytes = b""
    weight: int = 100
    site: str = ""
    seal: SealState = SealState.UNKNOWN
    seal_key: str = ""
    """Id (hexadecimal) of the key that made its newest sealed datagram."""

    clock_ms: int | None = None
    """Its clock minus ours, in milliseconds, as its heartbeats tell; ``None`` when not known, and for our own."""

    clock_apart: bool = False
    """Whether that is more than a second, and more than it may be for want of exactness."""


@dataclass(frozen=True, slots=True)
class MembershipView:
    """The whole picture: sent to each subscriber when it starts, and the answer to ``MembershipQuery``."""

    own_node: str
    own_state: NodeState
    comm_up: bool
    nodes: tuple[NodeView, ...]
    seal_mode: str = "on"
    generation: int = 0
    sign_slot: int = 0
    sign_method: str = ""
    seal_key: str = ""
    """Id of the key that we seal with; ids are public, and the same on every node that has the key."""

    def node(self, name: str) -> NodeView | None:
        """The node of that (lower-case) name."""
        return next((node for node in self.nodes if node.name == name), None)


@dataclass(frozen=True, slots=True)
class NodeStateChanged:
    """A node's state changed. ``ever_heard`` is false for a node declared dead without a word from it."""

    node: str
    old: NodeState
    new: NodeState
    type: NodeType = NodeType.NORMAL
    ever_heard: bool = True


@dataclass(frozen=True, slots=True)
class NodeRestarted:
    """A node's status carries a newer generation: it has lost all that it knew and held."""

    node: str
    generation: int


@dataclass(frozen=True, slots=True)
class PeerReturned:
    """A node that was held dead speaks again with the same generation: the cluster was partitioned (WIRE.md 9.8)."""

    node: str


@dataclass(frozen=True, slots=True)
class LinkStateChanged:
    """A link to a node went up or down."""

    node: str
    link: str
    up: bool


@dataclass(frozen=True, slots=True)
class CommUp:
    """Every configured node was heard or declared dead and the start-up handshake is over: this node is active."""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A sequenced message of another node, or our own looped back (``own``), delivered once, in no certain order.

    Message types that the heartbeat machine handles alone (status, reqnodes, NS_*, …) are not passed on.
    """

    node: str
    message: HaMessage
    own: bool


@dataclass(frozen=True, slots=True)
class Slept:
    """This node itself did not run for ``duration_ms``; what the others did meanwhile is unknown.

    ``presumed_dead`` is true when that was long enough for a peer to have declared us dead.
    """

    duration_ms: int
    presumed_dead: bool


@dataclass(frozen=True, slots=True)
class CastMessage:
    """Send ``message`` to all nodes, ourselves included (looped back first). The sender's stamp is added."""

    message: HaMessage


@dataclass(frozen=True, slots=True)
class AnnounceRestart:
    """We are about to restart: ask the peers for 30 s of patience (dt + 30000)."""


@dataclass(frozen=True, slots=True)
class LeaveNow:
    """Resources are released and ``shutdone`` is sent: stop speaking and emit ``Stop`` (``restart``: begin anew).

    ``kept``: what could not be stopped and may still run.
    """

    restart: bool = False
    reason: str = ""
    kept: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Mute:
    """The driver's word: no heartbeat of this node has left for ``silent_ms``, so that others may soon hold it dead."""

    silent_ms: int


@dataclass(frozen=True, slots=True)
class BeginAnew:
    """Go on as the next generation: the others may have held this node dead, and what it held is given up."""


@dataclass(frozen=True, slots=True)
class MembershipQuery:
    """A request: answered with ``MembershipView``."""


@dataclass(frozen=True, slots=True)
class ParameterQuery:
    """A request (cl_status hbparameter): answered with ``ParameterValue``."""

    name: str


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """``value`` is ``None`` when nothing of that name is set."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class ClientStatusQuery:
    """A request (cl_status clientstatus): is ``client`` signed on at ``node``? Waits up to ``timeout_ms`` for it."""

    node: str
    client: str
    timeout_ms: int = 500


class ClientPresence(StrEnum):
    """The answers of cl_status clientstatus."""

    ONLINE = "online"
    OFFLINE = "offline"
    JOIN = "join"
    LEAVE = "leave"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """The answer to ``ClientStatusQuery``."""

    node: str
    client: str
    presence: ClientPresence


@dataclass(frozen=True, slots=True)
class ClientSignedOn:
    """A named local client (``ipfail`` for one) came or went: the other nodes are told (hbapi-clstat)."""

    client: str
    join: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangeNodes:
    """A request (hb_addnode, hb_delnode): answered with ``Accepted`` or ``Refused``."""

    names: tuple[str, ...]
    add: bool


@dataclass(frozen=True, slots=True)
class NodesChanged:
    """A person had nodes added to the running cluster, or taken out, here or elsewhere."""

    names: tuple[str, ...]
    add: bool


@dataclass(frozen=True, slots=True)
class SetNodeAttribute:
    """A request (hb_setweight, hb_setsite): ``name`` is ``weight`` or ``site``."""

    node: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ReloadKeys:
    """authkeys was read again (SIGHUP) and is in order; the texts are those of ``hacluster.config``'s reader.

    ``secrets`` maps slot to (method, key bytes).
    """

    slots: tuple[tuple[int, str, bytes], ...]
    sign_with: int
    seal_keys: tuple[bytes, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class UnpinSeal:
    """A request (hacluster unpin NODE): forget that NODE can seal, so that classic datagrams count again."""

    node: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The common positive answer; ``text`` may say what will happen."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class ForgetFloor:
    """A request (hacluster forget NODE): believe NODE again though its generation is below what was known of it.

    For a node that has lost its generation file. Answered with ``Accepted`` or ``Refused``.
    """

    node: str
