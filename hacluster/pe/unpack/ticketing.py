"""Ticket constraints: what may run only while a site holds a ticket."""

from __future__ import annotations

from typing import Final

from hacluster.base.score import INFINITY
from hacluster.cib.document import XML
from hacluster.pe.model.causes import Cause, What, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import LossPolicy, Ticket, TicketConstraint
from hacluster.pe.model.kinds import Role, parse_role
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.fence import fence_node
from hacluster.pe.unpack.colocations import instance_of
from hacluster.pe.unpack.sets import as_set, read_sets

_LOSS: Final = {
    "fence": LossPolicy.FENCE,
    "freeze": LossPolicy.FREEZE,
    "demote": LossPolicy.DEMOTE,
    "stop": LossPolicy.STOP,
}


def _ban(rsc: Resource, cause: Cause) -> None:
    rsc.cluster.scores.everywhere(rsc, rsc.cluster.nodes, -INFINITY, cause)


def _ticket_lost(rsc: Resource, entry: TicketConstraint) -> None:
    """It is active, and the ticket is gone."""
    if entry.loss is LossPolicy.STOP or (entry.loss is LossPolicy.DEMOTE and entry.role is not Role.PROMOTED):
        _ban(rsc, Cause(Why.TICKET, entry.id))
    elif entry.loss is LossPolicy.DEMOTE or (entry.role is not Role.UNKNOWN and entry.role is not rsc.role):
        return
    elif entry.loss is LossPolicy.FENCE:
        _ban(rsc, Cause(Why.TICKET, entry.id))
        for node in rsc.active_on:
            fence_node(rsc.cluster, node, "deadman ticket was lost", cause=Cause(Why.TICKET, entry.id))
    else:
        rsc.cluster.note(What.BLOCK, rsc.id, Cause(Why.TICKET, entry.id))
        rsc.managed = False
        rsc.blocked = True


def _apply(rsc: Resource, entry: TicketConstraint) -> None:
    ticket = entry.ticket
    if ticket.granted and not ticket.standby:
        return
    if rsc.instances:
        for child in rsc.instances:
            _apply(child, entry)
    elif not ticket.granted and rsc.active_on:
        _ticket_lost(rsc, entry)
    elif entry.role is not Role.PROMOTED or entry.loss is LossPolicy.STOP:
        _ban(rsc, Cause(Why.TICKET, entry.id))


def _add(rsc: Resource, ident: str, ticket: Ticket, role_word: str | None, loss_word: str | None) -> None:
    role = Role.UNKNOWN if role_word is None or role_word.lower() == "started" else parse_role(role_word)
    word = (loss_word or "").lower()
    if word == "fence" and not rsc.cluster.fencing:
        word = "stop"
    default = LossPolicy.DEMOTE if role is Role.PROMOTED else LossPolicy.STOP
    entry = TicketConstraint(ident, rsc, ticket, _LOSS.get(word, default), role)
    rsc.tickets.append(entry)
    _apply(rsc, entry)


def unpack_ticket_constraint(cluster: Cluster, xml: XML) -> None:
    """Read an ``rsc_ticket``."""
    name, loss = xml.get("ticket"), xml.get("loss-policy")
    if name is None:
        return
    ticket = cluster.tickets.setdefault(name, Ticket(name))
    sets = read_sets(cluster, xml)
    rsc_id, role = xml.get("rsc"), xml.get("rsc-role")
    if sets is None:
        return
    if not sets and rsc_id is not None and cluster.constraint_resource(rsc_id) is None:
        entry = as_set(cluster, rsc_id, "role", role)
        sets = [] if entry is None else [entry]
    for entry in sets:
        for ref in entry.refs:
            rsc = cluster.constraint_resource(ref)
            if rsc is None:
                return
            _add(rsc, entry.id, ticket, entry.attrs.get("role"), loss)
    if not sets:
        rsc = cluster.constraint_resource(rsc_id)
        target = None if rsc is None else instance_of(rsc, xml.get("rsc-instance"))
        if target is not None:
            _add(target, xml.get("id", ""), ticket, role, loss)
