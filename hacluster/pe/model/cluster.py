"""The workbench of one schedule: everything the stages know and decide."""

from __future__ import annotations

from bisect import insort
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hacluster.base.report import Report
from hacluster.base.score import parse_score
from hacluster.base.values import name_order
from hacluster.pe.model.births import Birth, Stage
from hacluster.pe.model.causes import Contest, Decision
from hacluster.pe.model.kinds import NodeKind, Quorum
from hacluster.pe.model.node import Node
from hacluster.pe.model.options import Options
from hacluster.pe.model.scores import Scores

if TYPE_CHECKING:
    from hacluster.base.iso8601 import Moment
    from hacluster.cib.document import XML, Document
    from hacluster.cib.records import OpRecord
    from hacluster.pe.model.action import Action
    from hacluster.pe.model.causes import Cause, What
    from hacluster.pe.model.constraints import Colocation, Location, Ordering, Ticket
    from hacluster.pe.model.digests import Digests
    from hacluster.pe.model.kinds import Role
    from hacluster.pe.model.listener import Listener
    from hacluster.pe.model.memory import Memory
    from hacluster.pe.model.resource import Resource
    from hacluster.pe.model.tally import Tally

name_key: Final = cmp_to_key(name_order)


def node_key(node: Node) -> Any:
    """Sort key: node names in the order people expect."""
    return name_key(node.name)


class Plain(NamedTuple):
    """A primitive that is no part of a clone: the highest role it may have, and the key of its stop."""

    rsc: Resource
    highest: Role
    stop_key: str


class Cluster:
    """One schedule's state."""

    def __init__(
        self,
        document: Document,
        now: Moment,
        sanitized: bool = False,
        ledger: bool = False,
        memory: Memory | None = None,
    ) -> None:
        self.document = document
        self.now = now
        self.sanitized = sanitized
        self.memory = memory
        self.listener: Listener | None = None
        self.reports: list[Report] = []
        self.scores = Scores(ledger)
        self.decisions: list[Decision] | None = [] if ledger else None
        self.contests: dict[int, Contest] = {}
        self.options = Options({})
        self.colors: dict[str, int] = {"red": 0, "yellow": 0, "green": 0}
        self._init_options()
        self._init_parts()

    def _init_options(self) -> None:
        self.have_quorum = self.symmetric = self.maintenance_mode = self.fencing = self.have_fencing = False
        self.unfencing = self.concurrent_fencing = self.stop_orphans = self.stop_orphan_actions = False
        self.stop_everything = self.start_failure_fatal = self.startup_fencing = False
        self.startup_probes = self.shutdown_lock = self.have_remote_nodes = False
        self.quorum_policy = Quorum.STOP
        self.fencing_action = "reboot"
        self.placement = "default"
        self.health_strategy = "none"
        self.shutdown_lock_limit = 0
        self.priority_fencing_delay = 0
        self.node_pending_timeout = 0
        self.fence_remote_without_quorum = False
        self.dc_id: str | None = None

    def _init_parts(self) -> None:
        self.nodes: list[Node] = []
        self.node_table: list[Node] = []
        self._node_names: dict[str, Node] = {}
        self._node_ids: dict[str, Node] = {}
        self.dc: Node | None = None
        self.resources: list[Resource] = []
        self.resource_table: list[Resource] = []
        self._rsc_ids: dict[str, Resource] = {}
        self._rsc_names: dict[str, list[Resource]] = {}
        self.templates: dict[str, list[str]] = {}
        self.tags: dict[str, list[str]] = {}
        self.tickets: dict[str, Ticket] = {}
        self.locations: list[Location] = []
        self.colocations: list[Colocation] = []
        self.orderings: list[Ordering] = []
        self.constraint_id: str | None = None
        self._slot: Birth = ()
        self._births = 0
        self.recycled: dict[str, Node] = {}
        self.tally: Tally | None = None
        self.actions: list[Action] = []
        self.singletons: dict[str, Action] = {}
        self.flags_before: dict[Action, int] = {}
        self.pulling: set[Action] = set()
        self.failed_ops: list[tuple[OpRecord, str]] = []
        self.param_checks: list[tuple[OpRecord, Resource, Node, bool, Birth]] = []
        self.stop_needed: list[Resource] = []
        self.plain: dict[str, Plain] | None = None
        self.op_defaults: XML | None = None
        self.rsc_defaults: XML | None = None
        self.recheck_by = 0
        self.ninstances = self.disabled_count = self.blocked_count = 0
        self.digests: dict[tuple[int, str], Digests] = {}
        self.set_cache: dict[tuple[XML, str], list[Any]] = {}

    # When

    def begin(self, stage: Stage, major: int, minor: int = 0) -> None:
        """Say what is being worked on: it is the birth of the actions and orders that are made from now on."""
        self._slot, self._births = (stage, major, minor), 0

    def begin_at(self, slot: Birth) -> None:
        """The same, where what is worked on has a birth itself."""
        self._slot, self._births = slot, 0

    def birth(self) -> Birth:
        """The birth of what is made now."""
        self._births += 1
        return (*self._slot, self._births)

    # Nodes

    def create_node(self, ident: str, name: str, kind_word: str | None, score: str | None) -> Node:
        """Add a node and keep the list in the order of names."""
        word = "member" if kind_word is None else kind_word.lower()
        kind = {"member": NodeKind.MEMBER, "remote": NodeKind.REMOTE}.get(word, NodeKind.PING)
        node = self.recycled.pop(ident, None) or Node()
        node.reset(len(self.node_table), ident, name, kind, self.score_of(score))
        self.have_remote_nodes = self.have_remote_nodes or kind is NodeKind.REMOTE
        self.node_table.append(node)
        insort(self.nodes, node, key=node_key)
        self._node_names.setdefault(name.lower(), node)
        self._node_ids.setdefault(ident.lower(), node)
        return node

    def find_node(self, name: str | None) -> Node | None:
        """The node of that name."""
        return None if name is None else self._node_names.get(name.lower())

    def find_node_any(self, ident: str, name: str | None) -> Node | None:
        """The node of that id, or else of that name."""
        return self._node_ids.get(ident.lower()) or self.find_node(name)

    # Resources

    def register(self, rsc: Resource) -> None:
        """Give a resource its number and make it findable."""
        self.resource_table.append(rsc)

    def name_resource(self, rsc: Resource) -> None:
        """Make a resource findable by its id."""
        self._rsc_ids.setdefault(rsc.id, rsc)

    def set_clone_name(self, rsc: Resource, name: str | None) -> None:
        """The name under which a node's executor knows an instance."""
        rsc.clone_name = name
        if name is not None:
            self._rsc_names.setdefault(name, []).append(rsc)

    def find_resource(self, ident: str | None) -> Resource | None:
        """The resource of that id, or an instance that an executor knows under it; of both, what is not an orphan."""
        if ident is None:
            return None
        found = self._rsc_ids.get(ident)
        if found is not None and (not found.orphan or found.parent is not None):
            return found
        return next((rsc for rsc in self._rsc_names.get(ident, ()) if rsc.clone_name == ident), found)

    def replace_resources(self, old: list[Resource], new: list[Resource]) -> None:
        """Let other objects stand for the same resources, as numbered and named as those before."""
        gone = set(old)
        for one, other in zip(old, new, strict=True):
            other.cluster, other.idx = self, one.idx
            self.resource_table[one.idx] = other
            if self._rsc_ids.get(one.id) is one:
                self._rsc_ids[one.id] = other
            named = self._rsc_names.get(one.clone_name or "")
            if named is not None and one in named:
                named[:] = [rsc for rsc in named if rsc not in gone]
        for rsc in new:
            if rsc.clone_name is not None:
                self._rsc_names.setdefault(rsc.clone_name, []).append(rsc)
        tops = {rsc.place: rsc for rsc in new if rsc.parent is None}
        self.resources = [tops.get(rsc.place, rsc) for rsc in self.resources]

    def constraint_resource(self, ident: str | None) -> Resource | None:
        """The resource that a constraint names; an instance's name stands for its clone."""
        rsc = self.find_resource(ident)
        if rsc is not None and rsc.id != ident:
            return rsc.top
        return rsc

    # Why

    def note(self, what: What, subject: str, cause: Cause, text: str = "") -> None:
        """Write down why something that is no score was decided, if anybody asked."""
        if self.decisions is not None:
            self.decisions.append(Decision(what, subject, cause, text))

    def note_contest(self, rsc: Resource, nodes: list[Node], preferred: Node | None) -> None:
        """Write down how the nodes stood, best first, when a resource got its place."""
        if self.decisions is not None:
            places = [(node.idx, rsc.allowed[node.idx], node.load) for node in nodes]
            self.contests[rsc.idx] = Contest(places, None if preferred is None else preferred.name)

    # Values

    def score_of(self, text: str | None) -> int:
        """A score, in which the health colours have the value that the health strategy gives them."""
        return parse_score(text, self.colors)

    def recheck_at(self, epoch: int) -> None:
        """Ask for another schedule at that time, if it is to come."""
        if epoch > self.now.epoch and (self.recheck_by == 0 or self.recheck_by > epoch):
            self.recheck_by = epoch
