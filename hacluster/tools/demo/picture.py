"""What the demo knows at a moment: who is up, who holds what, how the client fares.

Threads fill it, the screen reads it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hacluster.base.errors import HaError
from hacluster.client.cluster import Cluster
from hacluster.lab.hosts import Host
from hacluster.lab.probe import Sample, Stall

POLL_S = 0.25
TRAIL = 60


@dataclass(frozen=True, slots=True)
class NodePicture:
    """One node as its own daemon describes it; ``state`` is ``off`` without power, ``stopped`` without a daemon."""

    name: str
    state: str = "stopped"
    holds: str = ""
    peers: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    seal: str = ""


@dataclass
class Picture:
    """Everything that is shown. ``trail`` is the client's last requests: who answered, or an empty text."""

    nodes: dict[str, NodePicture] = field(default_factory=dict)
    trail: deque[str] = field(default_factory=lambda: deque(maxlen=TRAIL))
    answered: int = 0
    failed: int = 0
    turn: str = ""
    story: list[str] = field(default_factory=list)

    def on_item(self, item: Sample | Stall) -> None:
        """Take the client's next request in (called in the probe reader's thread)."""
        if isinstance(item, Stall):
            return
        self.trail.append(item.who if item.ok else "")
        if item.ok:
            self.answered += 1
        else:
            self.failed += 1


class Poller:
    """Asks the nodes' daemons how things are, over their own sockets, as ``cl_status`` does."""

    def __init__(
        self, picture: Picture, hosts: tuple[Host, ...], look_at: Callable[[Host], NodePicture] | None = None
    ) -> None:
        self._picture = picture
        self._hosts = hosts
        self._look = look_at or look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def __enter__(self) -> Poller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_S):
            for host in self._hosts:
                self._picture.nodes[host.name] = self._look(host)


def look(host: Host) -> NodePicture:
    """One node's picture now."""
    nothing = NodePicture(host.name, "off" if not host.is_on else "stopped")
    # A host may lose its power, and its daemon may end, between any two of these calls.
    with contextlib.suppress(HaError, OSError):
        with Cluster(str(host.path("/run/hacluster")), timeout_s=2) as cluster:
            members = cluster.membership()
            resources = cluster.resources()
        peers = tuple((n.name, n.state.value) for n in members.nodes if n.name != members.own_node)
        seals = {n.seal.value for n in members.nodes if n.name != members.own_node}
        return replace(
            nothing,
            state=members.own_state.value,
            holds=resources.status,
            peers=peers,
            groups=tuple((group.key, group.state.value) for group in resources.groups),
            seal=", ".join(sorted(seals)),
        )
    return nothing


def wait_for(what: str, condition: Callable[[], bool], within: float) -> None:
    """Wait until ``condition()`` holds; HaError naming ``what`` after ``within`` seconds."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            raise HaError(f"the demo waited {within:.0f} s in vain: {what}")
        time.sleep(POLL_S / 2)
