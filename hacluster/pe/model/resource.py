"""A resource: primitive, group, clone, bundle, and every instance of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from hacluster.base.score import INFINITY
from hacluster.pe.model.kinds import Discovery, Kind, Multiple, Role
from hacluster.pe.model.memory import Memory

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.pe.model.action import Action
    from hacluster.pe.model.bundle import BundleData, Replica
    from hacluster.pe.model.cluster import Cluster
    from hacluster.pe.model.constraints import Colocation, Location, TicketConstraint
    from hacluster.pe.model.memory import Recalled
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.notify import NotifyData
    from hacluster.pe.model.opconfig import OpConfig, OpEntry
    from hacluster.pe.model.pulls import Pulls


class CloneData:
    """What only a clone has."""

    __slots__ = (
        "child_xml", "demote_notify", "made_anonymous", "max", "node_max", "ordered", "promote_notify", "promoted_max",
        "promoted_node_max", "promotion_added", "promotion_sorted", "shared", "start_notify", "stop_notify", "total",
    )  # fmt: skip

    def __init__(self, child_xml: XML) -> None:
        self.child_xml = child_xml
        self.shared = Memory()
        self.max = self.node_max = 1
        self.promoted_max = self.promoted_node_max = 0
        self.total = 0
        self.ordered = self.promotion_added = self.promotion_sorted = self.made_anonymous = False
        self.start_notify: NotifyData | None = None
        self.stop_notify: NotifyData | None = None
        self.promote_notify: NotifyData | None = None
        self.demote_notify: NotifyData | None = None

    @property
    def child_id(self) -> str:
        """The configured id of what is cloned."""
        return self.child_xml.get("id", "")


PLACE_BITS: Final = 24


class Resource:
    """One resource or instance.

    ``rank`` orders resources of the configuration: those of higher priority first, then as they are written. Its lowest
    ``PLACE_BITS`` are the place in the configuration.

    ``allowed`` is the score row: node number to score, and a node that is not in it has never been spoken of. Only
    :class:`~hacluster.pe.model.scores.Scores` writes it. ``counts`` is how many instances a clone has on a node,
    ``discover`` what differs from ``resource-discovery=always``. ``replica`` is set on the containers of bundles.
    """

    __slots__ = (
        "actions", "active_on", "agent", "allocating", "allow_migrate", "allow_remote_remotes", "allowed",
        "assigned", "assigned_score", "blocked", "bundle", "by_key", "clone", "clone_name", "cluster",
        "colocated", "container", "counts", "critical", "dangling", "discover", "exclusive_discover", "failed",
        "failure_ignored", "failure_timeout", "fence_device", "fillers", "id", "idx", "instance", "instances",
        "is_container", "is_remote", "kind", "known", "locations", "lock_node", "lock_time", "maintenance",
        "managed", "merging", "meta", "migration_threshold", "multiple", "needs_fencing", "needs_quorum",
        "needs_unfencing", "next_role", "notify", "op_cache", "op_table", "ops", "ordered", "orphan",
        "orphan_filler", "params", "parent", "partial_source", "partial_target", "pending_node", "pending_task",
        "priority", "promotable", "provisional", "pulls", "rank", "recalled", "reload", "remote_reconnect_ms",
        "replica", "restarting", "role", "runnable", "seen_flags", "sort_index", "stamp",
        "start_pending", "starting", "stickiness", "stop_flag", "stop_unexpected", "stopping", "tasks", "tasks_below",
        "this_with", "tickets", "unique", "utilization", "with_this", "xml", "xml_id",
    )  # fmt: skip

    def __init__(self, cluster: Cluster, idx: int, xml: XML, kind: Kind, parent: Resource | None) -> None:
        self.cluster = cluster
        self.idx = idx
        self.rank = 0
        self.xml = xml
        self.xml_id: str = xml.get("id", "")
        self.id = self.xml_id
        self.agent = xml.get("class"), xml.get("provider"), xml.get("type")
        self.kind = kind
        self.parent = parent
        self.instance: str | None = None
        self.clone_name: str | None = None
        self.instances: list[Resource] = []
        self.ops: list[XML] = []
        self.meta: dict[str, str] = {}
        self.params: dict[str, dict[str, str]] = {}
        self.op_table: list[OpEntry] | None = None
        self.op_cache: dict[tuple[str, str, bool, bool], OpConfig] = {}
        self.utilization: dict[str, str] = {}
        self.recalled: Recalled | None = None
        self._init_state()
        self._init_relations()

    def _init_state(self) -> None:
        self.role = Role.STOPPED
        self.next_role = Role.UNKNOWN
        self.priority = self.stickiness = self.sort_index = 0
        self.migration_threshold = INFINITY
        self.failure_timeout = 0
        self.remote_reconnect_ms = 0
        self.multiple = Multiple.STOP_START
        self.is_remote = self.exclusive_discover = False
        self.runnable = self.provisional = True
        self.managed = self.critical = self.notify = self.unique = self.promotable = self.fence_device = False
        self.orphan = self.orphan_filler = self.blocked = self.failed = self.stop_flag = self.failure_ignored = False
        self.start_pending = self.starting = self.stopping = self.restarting = self.stop_unexpected = False
        self.allocating = self.merging = self.reload = self.allow_migrate = self.maintenance = False
        self.allow_remote_remotes = self.is_container = False
        self.needs_quorum = self.needs_fencing = self.needs_unfencing = False
        self.ordered = self.colocated = True
        self.pending_task: str | None = None
        self.pending_node: Node | None = None
        self.lock_node: Node | None = None
        self.lock_time = 0

    def _init_relations(self) -> None:
        self.allowed: dict[int, int] = {}
        self.counts: dict[int, int] = {}
        self.discover: dict[int, Discovery] = {}
        self.known = 0
        self.active_on: list[Node] = []
        self.assigned: Node | None = None
        self.assigned_score = 0
        self.partial_source: Node | None = None
        self.partial_target: Node | None = None
        self.dangling: list[Node] = []
        self.container: Resource | None = None
        self.fillers: list[Resource] = []
        self.this_with: list[Colocation] = []
        self.with_this: list[Colocation] = []
        self.locations: list[Location] = []
        self.tickets: list[TicketConstraint] = []
        self.actions: list[Action] = []
        self.by_key: dict[str, list[Action]] = {}
        self.tasks: set[str] = set()
        self.stamp = 0
        self.tasks_below: dict[str, dict[int, list[Action]]] = {}
        self.pulls: Pulls | None = None
        self.seen_flags: dict[tuple[Action, Node | None], tuple[int, int, int]] = {}
        self.clone: CloneData | None = None
        self.bundle: BundleData | None = None
        self.replica: Replica | None = None

    def __repr__(self) -> str:
        return f"<{self.kind.name.lower()} {self.id}>"

    def forget_pulls(self) -> None:
        """Its row, or who is to be with it, is another: what it adds to others' rows has to be worked out again."""
        pulls, self.pulls = self.pulls, None
        for user in () if pulls is None else pulls.users:
            user.forget_pulls()

    # Who it belongs to

    @property
    def place(self) -> int:
        """Which element of the section of resources it is, or is part of."""
        rsc = self
        while rsc.parent is not None:
            rsc = rsc.parent
        return rsc.rank & ((1 << PLACE_BITS) - 1)

    @property
    def top(self) -> Resource:
        """The outermost resource it is part of; what is inside a bundle stops below the bundle."""
        rsc = self
        while rsc.parent is not None and rsc.parent.kind is not Kind.BUNDLE:
            rsc = rsc.parent
        return rsc

    @property
    def bundled(self) -> bool:
        """Whether it is inside a bundle."""
        return self.top.parent is not None

    @property
    def is_clone(self) -> bool:
        """Whether it is a clone itself."""
        return self.kind is Kind.CLONE

    @property
    def is_anonymous_clone(self) -> bool:
        """A clone whose instances have no identity."""
        return self.kind is Kind.CLONE and not self.unique

    @property
    def printable_id(self) -> str:
        """The id that people see: an anonymous instance has none of its own."""
        return self.id if self.unique else self.xml_id

    @property
    def clone_data(self) -> CloneData:
        """The clone's own data; only for clones."""
        assert self.clone is not None, self.id
        return self.clone

    @property
    def bundle_data(self) -> BundleData:
        """The bundle's own data; only for bundles."""
        assert self.bundle is not None, self.id
        return self.bundle

    @property
    def config_id(self) -> str:
        """The configured id that stands for it: the cloned one of an instance, the bundle's of what a bundle makes."""
        parent = self.parent
        return parent.id if parent is not None and parent.kind is Kind.BUNDLE else self.xml_id

    def is_inside(self, other: Resource) -> bool:
        """Whether ``other`` is one of its parents."""
        rsc = self.parent
        while rsc is not None:
            if rsc is other:
                return True
            rsc = rsc.parent
        return False

    def walk(self) -> Iterator[Resource]:
        """It and everything below it, parents first."""
        yield self
        for child in self.instances:
            yield from child.walk()

    # What it is doing

    def any_flag(self, name: str) -> bool:
        """Whether the named flag is set on it or anything below it."""
        return any(getattr(rsc, name) for rsc in self.walk())

    def all_flag(self, name: str) -> bool:
        """Whether the named flag is set on it and everything below it."""
        return all(getattr(rsc, name) for rsc in self.walk())

    def known_on(self, node: Node) -> bool:
        """Whether its state on ``node`` is known."""
        return bool(self.known >> node.idx & 1)

    def set_next_role(self, role: Role) -> None:
        """Decide its next role."""
        self.next_role = role

    def state(self, current: bool) -> Role:
        """Its current or next role: for groups and clones the highest of what they hold, for bundles unknown."""
        if self.kind is Kind.PRIMITIVE:
            return self.role if current else self.next_role
        if self.kind is Kind.BUNDLE:
            return Role.UNKNOWN
        return max((child.state(current) for child in self.instances), default=Role.UNKNOWN)

    def places(self, current: int) -> list[Node]:
        """Where it is (``current`` 1), where it is or will be when what is pending is done (2), where it goes (0)."""
        found: list[Node] = []
        if self.instances:
            for child in self.instances:
                found.extend(node for node in child.places(current) if node not in found)
        elif current:
            found = list(self.active_on)
            if current == 2 and self.pending_node is not None and self.pending_node not in found:
                found.append(self.pending_node)
        elif self.assigned is not None:
            found.append(self.assigned)
        return found

    def location(self, current: int) -> Node | None:
        """Its only place, ``None`` if it has none or several."""
        found = self.places(current)
        return found[0] if len(found) == 1 else None

    def is_active(self, all_of_it: bool) -> bool:
        """Whether it, all of it or at least a part, is active on a node that counts."""
        if self.kind is Kind.PRIMITIVE:
            return any(node.unclean or node.online or not self.managed for node in self.active_on)
        if self.kind is Kind.BUNDLE:
            return self.bundle_data.is_active(all_of_it)
        states = [child.is_active(all_of_it) for child in self.instances]
        if self.kind is Kind.GROUP:
            return any(states) and (not all_of_it or all(states))
        return all(states) if all_of_it else any(states)

    def find_active(self) -> tuple[Node | None, int, int]:
        """The node to take as its current one, how many it is active on, and how many of these are clean."""
        active: Node | None = None
        clean = 0
        for node in self.active_on:
            happy = node.online and not node.unclean
            clean += happy
            if self.partial_source is not None:
                if node is self.partial_source:
                    active = node
            elif not self.needs_fencing and happy and (active is None or not active.online or active.unclean):
                active = node
            if active is None:
                active = node
        return active, len(self.active_on), clean

    @property
    def current(self) -> Node | None:
        """The node to take as its current one."""
        return self.find_active()[0]
