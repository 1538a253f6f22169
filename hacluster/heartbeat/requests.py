"""Requests of local clients, and orders that come as requests."""

from __future__ import annotations

from hacluster.base.effects import Reply
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.heartbeat.delivery import Delivery
from hacluster.heartbeat.peer import Peer
from hacluster.heartbeat.reception import Reception
from hacluster.heartbeat.startup import Phase
from hacluster.heartbeat.station import Station
from hacluster.msg.driver import Refused, Request
from hacluster.msg.membership import (
    Accepted,
    ChangeNodes,
    ClientPresence,
    ClientSignedOn,
    ClientStatus,
    ClientStatusQuery,
    ForgetFloor,
    MembershipQuery,
    NodeState,
    NodeType,
    ParameterQuery,
    ParameterValue,
    ReloadKeys,
    SetNodeAttribute,
    UnpinSeal,
)
from hacluster.wire.auth import Key, KeyRing, Method
from hacluster.wire.fields import FieldName, MessageType, is_node_name
from hacluster.wire.hamsg import HaMessage

Answer = object
"""What a request is answered with; ``None``: later."""

_NOT_YET = Refused("not-member", "this node has not joined the cluster yet", "try again when it is active")


class Requests:
    """Answers local clients."""

    def __init__(self, core: Station, delivery: Delivery, reception: Reception) -> None:
        self._core = core
        self._delivery = delivery
        self._reception = reception

    def on_request(self, event: Request, now: Instant) -> None:
        """Answer, or refuse, or note that the answer will come."""
        answer = self._answer(event, now)
        if answer is not None:
            self._core.out.append(Reply(event.request_id, answer))

    def _answer(self, event: Request, now: Instant) -> Answer | None:
        core = self._core
        match event.body:
            case MembershipQuery():
                return core.view()
            case ParameterQuery(name=name):
                return ParameterValue(name, dict(core.config.parameters).get(name))
            case ClientStatusQuery() as query:
                return self._client_status(event.request_id, query, now)
            case ChangeNodes() as change:
                return self._change_nodes(change, now)
            case SetNodeAttribute() as change:
                return self._set_attribute(change, now)
            case UnpinSeal(node=node):
                return self._unpin(node.lower(), now)
            case ForgetFloor(node=node):
                return self._forget_floor(node.lower(), now)
            case ReloadKeys() as keys:
                self.reload_keys(keys, now)
                return Accepted("the new keys are in force; what the old ones signed counts for one more deadtime")
            case ClientSignedOn() as news:
                message = core.api.change(news.client, news.join, news.reason)
                if message is not None and core.phase is Phase.ACTIVE:
                    core.cast(message, now, loop=True)
                return Accepted()
            case _:
                return Refused("unknown-request", f"the heartbeat machine does not know {type(event.body).__name__}")

    def _member(self, name: str) -> Peer | Refused:
        peer = self._core.peers.get(name)
        if peer is None or peer.type is NodeType.PING:
            known = " ".join(self._core.peers.names())
            return Refused("unknown-node", f"{name} is no other node of this cluster", f"nodes: {known}")
        return peer

    def _client_status(self, request_id: int, query: ClientStatusQuery, now: Instant) -> Answer | None:
        core = self._core
        node = query.node.lower()
        if node == core.identity.node:
            online = core.api.signed_on(query.client)
            return ClientStatus(node, query.client, ClientPresence.ONLINE if online else ClientPresence.OFFLINE)
        peer = self._member(node)
        if isinstance(peer, Refused):
            return peer
        if not core.phase.talking:
            return _NOT_YET
        if peer.state is NodeState.DEAD:
            return ClientStatus(node, query.client, ClientPresence.OFFLINE)
        if not query.client.isprintable() or not query.client.strip():
            return Refused("bad-client", f"{query.client!r} is no client name")
        message = core.api.ask(request_id, query, now)
        if message is None:
            return Refused("busy", "too many questions wait for an answer already", "try again later")
        core.cast(message, now)
        return None

    def _change_nodes(self, change: ChangeNodes, now: Instant) -> Answer:
        core = self._core
        if core.phase is not Phase.ACTIVE:
            return _NOT_YET
        names = tuple(dict.fromkeys(name.lower() for name in change.names))
        for name in names:
            refused = self._why_not_add(name) if change.add else self._why_not_delete(name)
            if refused is not None:
                return refused
        kind = MessageType.ADDNODE if change.add else MessageType.DELNODE
        if not names or not core.cast(HaMessage.of(t=kind, nodelist=" ".join(names)), now):
            return Refused("bad-name", "no node was named" if not names else "these names cannot be sent")
        self._delivery.change_nodes(names, "this node", now, add=change.add)
        done = "added to" if change.add else "removed from"
        return Accepted(f"{' '.join(names)} {done} the running cluster; change ha.cf on all nodes as well")

    def _why_not_add(self, name: str) -> Refused | None:
        if not is_node_name(name):
            return Refused("bad-name", f"{name!r} is no node name")
        if name == self._core.identity.node or self._core.peers.get(name) is not None:
            return Refused("known-node", f"{name} is in the cluster already")
        return None

    def _why_not_delete(self, name: str) -> Refused | None:
        if name == self._core.identity.node:
            return Refused("own-node", "a node cannot remove itself", "stop the cluster here and run this elsewhere")
        peer = self._member(name)
        if isinstance(peer, Refused):
            return peer
        if peer.current:
            return Refused("live-node", f"{name} is {peer.state}", "stop the cluster there first")
        return None

    def _set_attribute(self, change: SetNodeAttribute, now: Instant) -> Answer:
        core = self._core
        kinds = {FieldName.WEIGHT.value: MessageType.SETWEIGHT, FieldName.SITE.value: MessageType.SETSITE}
        kind = kinds.get(change.name)
        if kind is None:
            return Refused("unknown-attribute", f"{change.name} is not known", "use weight or site")
        if core.phase is not Phase.ACTIVE:
            return _NOT_YET
        node = change.node.lower()
        member = self._member(node)
        if node != core.identity.node and isinstance(member, Refused):
            return member
        if not self._delivery.set_attribute(node, change.name, change.value) or not change.value:
            return Refused("bad-value", f"{change.value!r} is no {change.name} of {node}")
        fields = {"t": kind.value, "node": node, change.name: change.value}
        core.cast(HaMessage.of(**fields), now)
        return Accepted()

    def _unpin(self, node: str, now: Instant) -> Answer:
        core = self._core
        peer = self._member(node)
        if isinstance(peer, Refused):
            return peer
        if not peer.sealed:
            return Refused("not-pinned", f"{node} is not pinned to sealed datagrams")
        peer.sealed = peer.offered = False
        core.sealing.forget(peer.uuid)
        core.save_floors(now)
        text = f"classic datagrams of {node} count again, until it proves that it can seal"
        core.say(Severity.WARNING, "unpinned", text)
        return Accepted(text)

    def _forget_floor(self, node: str, now: Instant) -> Answer:
        peer = self._member(node)
        if isinstance(peer, Refused):
            return peer
        if peer.current:
            return Refused("live-node", f"{node} is heard and believed", "there is nothing to forget")
        peer.generation = peer.top_seq = peer.top_ts = 0
        peer.restored = None
        self._core.sealing.forget(peer.uuid)
        self._core.save_floors(now)
        text = f"the next status of {node} is believed, whatever its generation"
        self._core.say(Severity.WARNING, "floor-forgotten", text)
        return Accepted(text)

    def reload_keys(self, event: ReloadKeys, now: Instant) -> None:
        """Sign with the new keys from now on."""
        keys = {slot: Key(slot, Method(method), secret) for slot, method, secret in event.slots}
        self._reception.change_keys(KeyRing(keys, event.sign_with), now)
        switched = self._core.sealing.rotate(event.seal_keys, now)
        signer = keys[event.sign_with]
        text = f"authkeys read again: signing with slot {signer.slot} ({signer.method})"
        self._core.say(Severity.INFO, "keys-reloaded", text)
        self._core.told_of_keys(switched)
