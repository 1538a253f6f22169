"""A node: cluster member, remote node or guest node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hacluster.pe.model.kinds import Discovery, NodeKind

if TYPE_CHECKING:
    from hacluster.pe.model.resource import Resource


class Node:
    """One node. ``idx`` is its dense number, its bit in every node mask and its key in every score row."""

    __slots__ = (
        "attrs",
        "discover",
        "discovery",
        "expected_up",
        "fail_any",
        "fail_known",
        "id",
        "idx",
        "is_dc",
        "kind",
        "load",
        "maintenance",
        "name",
        "online",
        "pending",
        "priority",
        "remote_maintenance",
        "remote_requires_reset",
        "remote_rsc",
        "remote_was_fenced",
        "running",
        "score",
        "shutdown",
        "standby",
        "standby_onfail",
        "unclean",
        "unpacked",
        "unseen",
        "utilization",
    )

    def reset(self, idx: int, ident: str, name: str, kind: NodeKind, score: int) -> None:
        """Make it a node of which nothing else is known."""
        self.idx = idx
        self.id = ident
        self.name = name
        self.kind = kind
        self.score = score
        self.attrs: dict[str, str] = {"#kind": "remote" if kind is NodeKind.REMOTE else "cluster"}
        self.utilization: dict[str, str] = {}
        self.running: list[Resource] = []
        self.remote_rsc: Resource | None = None
        self.load = 0
        self.priority = 0
        self.fail_known = -1
        self.fail_any = False
        self.discover = Discovery.ALWAYS
        self.discovery = True
        self.online = self.standby = self.standby_onfail = self.pending = self.unclean = self.unseen = False
        self.shutdown = self.expected_up = self.is_dc = self.maintenance = self.unpacked = False
        self.remote_requires_reset = False
        self.remote_was_fenced = 0
        self.remote_maintenance = 0

    def __repr__(self) -> str:
        return f"<node {self.name}>"

    @property
    def is_remote_kind(self) -> bool:
        """A remote node or a guest node."""
        return self.kind is NodeKind.REMOTE

    @property
    def is_remote(self) -> bool:
        """A remote node: Pacemaker Remote on a machine that is no resource of the cluster."""
        return self.kind is NodeKind.REMOTE and (self.remote_rsc is None or self.remote_rsc.container is None)

    @property
    def guest_container(self) -> Resource | None:
        """The resource that a guest node lives in; ``None`` for every other node."""
        if self.kind is not NodeKind.REMOTE or self.remote_rsc is None:
            return None
        return self.remote_rsc.container

    @property
    def is_guest(self) -> bool:
        """A guest node: a virtual machine or container that the cluster itself runs."""
        return self.guest_container is not None

    @property
    def available(self) -> bool:
        """Whether resources may run here as far as the node itself is concerned."""
        return self.online and not (self.shutdown or self.unclean or self.standby or self.maintenance)

    @property
    def shutdown_requested(self) -> bool:
        """Whether the ``shutdown`` attribute asks the node to leave."""
        value = self.attrs.get("shutdown")
        return value is not None and value != "0"

    @property
    def has_failures(self) -> bool:
        """Whether the node has any fail count."""
        if self.fail_known != len(self.attrs):
            self.fail_known = len(self.attrs)
            self.fail_any = any(name.startswith("fail-count-") for name in self.attrs)
        return self.fail_any

    @property
    def unfenced(self) -> bool:
        """Whether the node has been unfenced since it was last fenced."""
        value = self.attrs.get("#node-unfenced")
        return value is not None and value != "0"
