"""``hacluster status`` where a resource manager runs: votes and quorum first, then what crm_mon shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from hacluster.base.effects import MachineName
from hacluster.base.results import Fault
from hacluster.client.connection import socket_path

if TYPE_CHECKING:
    from hacluster.msg.views import ViewStatus

SECTIONS: Final = ("stack", "dc", "counts", "nodes", "resources", "failures", "maint-mode")


def is_managed(run_dir: str) -> bool:
    """Whether the daemon of this host has a resource manager."""
    return os.path.exists(socket_path(run_dir, MachineName.CCM))


def status_lines(run_dir: str) -> Iterator[str]:
    """What a person wants to know of the cluster."""
    from hacluster.client.live import Daemon, LiveCluster  # noqa: PLC0415 - v1 pays nothing for it
    from hacluster.msg.views import ViewQuery, ViewStatus  # noqa: PLC0415

    daemon = Daemon("status", directory=run_dir)
    try:
        status = daemon.ask(ViewQuery(), ViewStatus)
        root = None if status.own.name == status.voters.witness else LiveCluster(daemon=daemon).read()
    except Fault as fault:
        yield f"The cluster manager does not answer: {fault.text}"
        return
    finally:
        daemon.close()
    yield from _quorum(status)
    if root is None:
        yield "This node is the witness: it votes, and runs nothing"
        return
    yield ""
    yield _sections(root)


def quorum(run_dir: str) -> dict[str, Any] | None:
    """Who votes, and whether that is enough, for programs; ``None`` when nobody answers."""
    from hacluster.client.live import Daemon  # noqa: PLC0415
    from hacluster.msg.views import ViewQuery, ViewStatus  # noqa: PLC0415

    daemon = Daemon("status", directory=run_dir)
    try:
        status = daemon.ask(ViewQuery(), ViewStatus)
    except Fault:
        return None
    finally:
        daemon.close()
    view, voters = status.view, status.voters
    names = sorted(view.names) if view is not None else []
    return {
        "members": names,
        "dc": view.leader if view is not None else None,
        "quorate": view is not None and view.quorate,
        "working": status.synced,
        "votes": voters.count(names),
        "expected_votes": voters.total,
        "needed_votes": voters.needed,
        "voters": dict(voters.votes),
        "witness": voters.witness or None,
        "why": status.why,
    }


def _quorum(status: ViewStatus) -> Iterator[str]:
    view, voters = status.view, status.voters
    if view is None:
        yield f"Quorum: NO, this node is in no view{f': {status.why}' if status.why else ''}"
        return
    present = [f"{name} as witness" if name == voters.witness else name for name in sorted(view.names)]
    word = "yes" if view.quorate else "NO"
    yield (
        f"Quorum: {word}, {voters.count(view.names)} of {voters.total} votes ({', '.join(present)}), "
        f"{voters.needed} needed"
    )
    missing = [f"{name} ({votes})" for name, votes in voters.votes if votes and name not in view.names]
    if missing:
        yield f"Missing votes: {', '.join(missing)}"
    if view.why:
        yield f"Why: {view.why}"
    if not status.synced:
        yield "The view does not work yet: not every member has the CIB on disk"


def _sections(root: Any) -> str:
    from hacluster.pe.views.outline import outline_text  # noqa: PLC0415
    from hacluster.pe.views.status.show import Show  # noqa: PLC0415
    from hacluster.tools.crm_mon import sections_of  # noqa: PLC0415
    from hacluster.tools.livestatus import cluster_of  # noqa: PLC0415

    show = Show(frozenset(SECTIONS), inactive=True)
    return outline_text(sections_of(cluster_of(root), show)).rstrip("\n")
