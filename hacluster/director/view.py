"""The director's state as people see it: states, weights, and why a server is out."""

from __future__ import annotations

from collections.abc import Iterable

from hacluster.director.group import Group
from hacluster.director.servers import Server, State
from hacluster.director.words import DirectorView, ServerView, VirtualView
from hacluster.lvs.settings import DaemonStatus
from hacluster.lvs.table import Table


def view_of(status: DaemonStatus, groups: Iterable[Group], table: Table, fault: str) -> DirectorView:
    """A snapshot of everything."""
    return DirectorView(status, tuple(_virtual(group, table) for group in groups), fault)


def _virtual(group: Group, table: Table) -> VirtualView:
    virtual = group.virtual
    state = ""
    if virtual.fallback is not None:
        state = "serves" if group.fallback_on else "waits" if group.fallback_up else f"dead: {group.fallback_text}"
    return VirtualView(
        id=group.id,
        name=virtual.name,
        scheduler=virtual.service.scheduler,
        persistent=virtual.service.persistent,
        servers=tuple(_server(group, server, table) for server in group.servers.values()),
        fallback=str(virtual.fallback or ""),
        fallback_state=state,
    )


def _server(group: Group, server: Server, table: Table) -> ServerView:
    shape = Server(server.real, State.UP).wanted(group.virtual, present=True)
    entry = None if shape is None else table.find(group.id, shape.address, shape.port)
    return ServerView(
        name=str(server.real),
        state=server.state.value,
        weight=None if entry is None else entry.weight,
        configured_weight=server.real.weight,
        forward=server.real.forward.value,
        failures=server.failures,
        failure_count=group.virtual.failure_count,
        since_ms=server.since,
        checked_ms=server.checked,
        took_ms=server.took_ms,
        text=server.text,
        why=_why(server),
        check=str(server.real.check),
    )


def _why(server: Server) -> str:
    """Why the server gets no traffic, or gets it unlike what is configured; empty when there is nothing to say."""
    match server.state:
        case State.UNKNOWN if server.adopted:
            return "had traffic when the director began; not checked yet"
        case State.UNKNOWN:
            return "not checked yet"
        case State.DOWN | State.MAINTENANCE:
            return server.text or "down"
        case State.OFF:
            return "checktype = off"
        case State.UP if server.by_hand is not None:
            return f"weight {server.by_hand} was set by hand"
        case State.UP:
            return ""
