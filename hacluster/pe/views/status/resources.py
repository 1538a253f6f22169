"""The list of resources: primitives, groups, clones, bundles, each as an item or a list of its parts."""

from __future__ import annotations

from functools import cmp_to_key

from hacluster.base.values import name_order
from hacluster.cib.records import OpRecord
from hacluster.pe.model.action import parse_op_key
from hacluster.pe.model.bundle import Replica
from hacluster.pe.model.cluster import Cluster, node_key
from hacluster.pe.model.kinds import Kind, Role, parse_role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.unpack.resources import is_disabled
from hacluster.pe.views.outline import Item, Listing
from hacluster.pe.views.status.brief import brief_items
from hacluster.pe.views.status.show import Show, filtered_by_node, hidden, runs_on_any, wanted
from hacluster.pe.views.words import PENDING, exit_text, unmanaged_word


def is_elsewhere(rsc: Resource) -> bool:
    """Whether an instance is active, but on nodes that do not count (unmanaged, on a node that is down)."""
    return rsc.is_active(False) and not rsc.active_on


def configured_role(rsc: Resource) -> Role:
    """The role that a clone's, or its first instance's, target-role asks for."""
    target = rsc.meta.get("target-role")
    if target is None and rsc.instances:
        target = rsc.instances[0].meta.get("target-role")
    return parse_role(target)


def page_class(rsc: Resource) -> str:
    """What colours a resource on a page."""
    if not rsc.managed:
        return "rsc-managed"
    if rsc.failed:
        return "rsc-failed"
    if rsc.kind is Kind.PRIMITIVE and not rsc.active_on:
        return "rsc-failed"
    if len(rsc.active_on) > 1:
        return "rsc-multiple"
    return "rsc-failure-ignored" if rsc.failure_ignored else "rsc-ok"


class ResourceList:
    """Makes the items of resources."""

    def __init__(self, cluster: Cluster, show: Show) -> None:
        self._cluster = cluster
        self._show = show
        self._pending = show.pending
        self._named_whole = True

    # -- primitives ------------------------------------------------------------------------------------------------

    def failed_probe(self, rsc: Resource, node_name: str | None) -> OpRecord | None:
        """A probe that says that the agent or its software is missing."""
        top = rsc.top
        wanted_id = rsc.id
        if rsc.is_clone:
            wanted_id = rsc.clone_data.child_id
        elif top.is_clone:
            wanted_id = top.clone_data.child_id
        for op, _name in self._cluster.failed_ops:
            if not op.masks_probe_failure or op.on_node is None:
                continue
            if node_name is not None and op.on_node.lower() != node_name.lower():
                continue
            parsed = parse_op_key(op.key)
            if parsed is not None and parsed[0] == wanted_id:
                return op
        return None

    def _state(self, rsc: Resource) -> str:
        role = rsc.role
        if role is Role.STARTED and rsc.top.promotable:
            role = Role.UNPROMOTED
        if rsc.failed:
            return " FAILED" + (f" {role.word}" if role > Role.UNPROMOTED else "")
        pending = PENDING.get(rsc.pending_task or "") if self._pending else None
        return f" {pending or role.word}"

    def _flags(self, rsc: Resource, node: Node | None) -> list[str]:
        flags = []
        if node is not None and not node.online and node.unclean:
            flags.append("UNCLEAN")
        if node is not None and node is rsc.lock_node:
            flags.append("LOCKED")
        if self._pending and rsc.pending_task == "monitor":
            flags.append("Monitoring")
        target = rsc.meta.get("target-role")
        wanted_role = parse_role(target)
        if wanted_role is Role.STOPPED:
            flags.append("disabled")
        elif wanted_role is Role.UNPROMOTED and rsc.top.promotable:
            flags.append(f"target-role:{target}")
        if rsc.blocked:
            flags.append("blocked")
        else:
            flags += unmanaged_word(rsc)
        if rsc.failure_ignored:
            flags.append("failure ignored")
        return flags

    def describe(self, rsc: Resource, name: str, node: Node | None, *, with_nodes: bool = True) -> str:
        """A primitive in one line."""
        with_nodes = with_nodes and self._show.places
        if node is None and with_nodes:
            node = rsc.lock_node
        if len(rsc.active_on) > 1 or not with_nodes:
            node = None
        standard, provider = rsc.xml.get("class", "unknown"), rsc.xml.get("provider")
        agent = f"{standard}:{provider}:" if standard == "ocf" and provider is not None else f"{standard}:"
        text = f"{name}\t({agent}{rsc.xml.get('type', 'unknown')}):\t"
        text += (" ORPHANED" if rsc.orphan else "") + self._state(rsc)
        if node is not None:
            text += f" {node.name}"
        if rsc.role is Role.STOPPED:
            probe = self.failed_probe(rsc, None if node is None else node.name)
            if probe is not None:
                text += f" ({exit_text(probe.rc)}) "
        flags = self._flags(rsc, node)
        if flags:
            text += f" ({', '.join(flags)})"
        if with_nodes and len(rsc.active_on) > 1:
            description = rsc.xml.get("description")
            text += "" if description is None else f" ({description})"
            text += f" [ {' '.join(place.name for place in rsc.active_on)} ]"
        return text

    def _item(self, rsc: Resource, text: str) -> Item:
        return Item(text, [(page_class(rsc), text)])

    def on_its_node(self, rsc: Resource) -> Item:
        """A primitive below its node."""
        return self._item(rsc, self.describe(rsc, rsc.printable_id, None, with_nodes=False))

    def primitive(self, rsc: Resource) -> Item | None:
        """A primitive; ``None`` for what nobody is to see."""
        if hidden(rsc, self._show):
            return None
        return self._item(rsc, self.describe(rsc, rsc.printable_id, rsc.current or rsc.pending_node))

    # -- collections -----------------------------------------------------------------------------------------------

    def group(self, rsc: Resource) -> Listing | None:
        """A group with its members."""
        attrs = (["disabled"] if is_disabled(rsc) else []) + unmanaged_word(rsc)
        listing = Listing(f"Resource Group: {rsc.id}" + (f" ({', '.join(attrs)})" if attrs else ""))
        if self._show.brief:
            listing.items += brief_items(rsc.instances, self._show, inactive=True)
            return listing
        for member in rsc.instances:
            if wanted(member, self._show):
                item = self.primitive(member)
                listing.items += [item] if item is not None else []
        return listing if listing.items else None

    def _in_full(self, rsc: Resource, child: Resource) -> bool:
        """Whether an instance needs a line of its own."""
        if self._show.detail:
            return True
        active = child.is_active(False)
        if rsc.unique:
            return active or not rsc.orphan
        if self._pending and child.pending_task is not None and child.pending_task != "monitor_probe":
            return True
        if not active:
            return False
        if child.any_flag("orphan") or not child.all_flag("managed") or child.any_flag("failed"):
            return True
        if not child.is_active(True):
            return True
        place = child.location(1)
        return place is None or (not place.online and place.unclean)

    def _stopped(self, rsc: Resource, shown: int) -> dict[str, list[str]]:
        """Where there is no instance, by the word that says why."""
        if rsc.unique or rsc.clone_data.max <= shown:
            ids = [
                child.id for child in rsc.instances
                if not rsc.unique and not child.orphan and not child.is_active(False)
                and not (self._pending and child.pending_task is not None)
            ] if self._show.nodes is None and self._show.rscs is None else []  # fmt: skip
            return {"Stopped": ids} if ids else {}
        table = self._cluster.node_table
        nodes = [table[idx] for idx in rsc.allowed] or [node for node in table if rsc.known_on(node)]
        disabled = configured_role(rsc) is Role.STOPPED
        found: dict[str, list[str]] = {}
        for node in sorted(nodes, key=node_key):
            if node in rsc.active_on or not self._show.has_node(node):
                continue
            probe = self.failed_probe(rsc, node.name)
            word = "Stopped (disabled)" if disabled else "Stopped"
            if probe is not None:
                word = f"Stopped ({exit_text(probe.rc)})"
            found.setdefault(word, []).append(node.name)
        return found

    def _places(self, nodes: list[Node]) -> list[str]:
        return [node.name for node in sorted(nodes, key=node_key) if self._show.has_node(node)]

    def clone(self, rsc: Resource) -> Listing | None:
        """A clone: instances that are special one by one, the others by where they are."""
        attrs = ["promotable"] if rsc.promotable else []
        attrs += ["unique"] if rsc.unique else []
        attrs += (["disabled"] if is_disabled(rsc) else []) + unmanaged_word(rsc)
        suffix = f" ({', '.join(attrs)})" if attrs else ""
        listing = Listing(f"Clone Set: {rsc.id} [{rsc.clone_data.child_id}]{suffix}")
        promoted: list[Node] = []
        started: list[Node] = []
        for child in rsc.instances:
            if is_elsewhere(child) and not self._show.detail:
                continue
            if not wanted(child, self._show) or filtered_by_node(child, self._show):
                continue
            if self._show.detail and not self._show.inactive and child.orphan and not child.is_active(False):
                continue
            if self._in_full(rsc, child):
                item = self.resource(child)
                listing.items += [item] if item is not None else []
            elif child.is_active(False):
                place = child.location(1)
                if place is not None:
                    (promoted if child.state(True) > Role.UNPROMOTED else started).append(place)
        if not self._show.detail:
            listing.items += self._where(rsc, promoted, started)
        bare = self._show.inactive and self._show.rscs is None and self._show.nodes is None
        return listing if listing.items or bare else None

    def _where(self, rsc: Resource, promoted: list[Node], started: list[Node]) -> list[Item]:
        word = "Started"
        if rsc.promotable:
            word = "Unpromoted" + (" (target-role)" if configured_role(rsc) is Role.UNPROMOTED else "")
        items, shown = [], 0
        for title, nodes in (("Promoted", promoted), (word, started)):
            names = self._places(nodes)
            shown += len(names)
            items += [Item(f"{title}: [ {' '.join(names)} ]")] if names else []
        stopped = self._stopped(rsc, shown) if self._show.inactive else {}
        for title in sorted(stopped):
            items.append(Item(f"{title}: [ {' '.join(sorted(stopped[title], key=cmp_to_key(name_order)))} ]"))
        return items

    # -- bundles ---------------------------------------------------------------------------------------------------

    def _replica(self, replica: Replica) -> Item:
        rsc = replica.child or replica.box
        name = (replica.remote or replica.box).printable_id
        if replica.ipaddr:
            name += f" ({replica.ipaddr})"
        return self._item(replica.box if self._show.page else rsc, self.describe(rsc, name, replica.box.current))

    def _replica_parts(self, replica: Replica, several: bool) -> list[Item | Listing]:
        named = self._show.rscs is None or self._named_whole
        parts = [self._part(part) for part in replica.parts() if named or wanted(part, self._show, False)]
        listing = Listing("", [part for part in parts if part is not None])
        if not listing.items:
            return []
        title = f"Replica[{replica.offset}]"
        if self._show.page:
            return [Listing(title, listing.items)] if several else list(listing.items)
        return [Item(title), listing] if several else [listing]

    def bundle(self, rsc: Resource) -> Listing | None:
        """A bundle with its replicas."""
        data = rsc.bundle_data
        title = "Container bundle" + (" set" if data.count > 1 else "")
        flags = (" (unique)" if rsc.unique else "") + "".join(f" ({word})" for word in unmanaged_word(rsc))
        listing = Listing(f"{title}: {rsc.id} [{data.image}]{flags}")
        self._named_whole = self._show.names_rsc(rsc.id)
        for replica in data.replicas:
            if is_elsewhere(replica.box) or not runs_on_any(replica.box, self._show):
                continue
            if self._show.detail or not self._named_whole:
                listing.items += self._replica_parts(replica, len(data.replicas) > 1)
            else:
                listing.items.append(self._replica(replica))
        return listing if listing.items else None

    def _part(self, rsc: Resource) -> Item | Listing | None:
        """A part of a bundle, the cluster's own too."""
        if rsc.kind is Kind.PRIMITIVE:
            return self._item(rsc, self.describe(rsc, rsc.printable_id, rsc.current or rsc.pending_node))
        return self.resource(rsc)

    def resource(self, rsc: Resource) -> Item | Listing | None:
        """Any resource."""
        match rsc.kind:
            case Kind.GROUP:
                return self.group(rsc)
            case Kind.CLONE:
                return self.clone(rsc)
            case Kind.BUNDLE:
                return self.bundle(rsc)
        return self.primitive(rsc)


def resource_items(cluster: Cluster, show: Show) -> list[Item | Listing]:
    """The resources that are to be shown."""
    collected = ResourceList(cluster, show)
    items: list[Item | Listing] = []
    if show.brief and not show.by_node:
        items += brief_items([rsc for rsc in cluster.resources if wanted(rsc, show)], show)
    for rsc in cluster.resources:
        active, partly = rsc.is_active(True), rsc.is_active(False)
        if rsc.orphan and not active:
            continue
        if show.by_node:
            if active:
                continue
        elif (
            (show.brief and rsc.kind is Kind.PRIMITIVE)
            or (not partly and not show.inactive)
            or (partly and not runs_on_any(rsc, show))
        ):
            continue
        if is_elsewhere(rsc) or not wanted(rsc, show):
            continue
        item = collected.resource(rsc)
        items += [item] if item is not None else []
    return items


def resource_section(cluster: Cluster, show: Show) -> Listing | None:
    """The section of resources; ``None`` when they have been shown with the nodes."""
    if show.by_node and not show.inactive:
        return None
    title = "Inactive Resources" if show.by_node else "Full List of Resources" if show.inactive else "Active Resources"
    items = resource_items(cluster, show)
    word = "inactive resources" if show.by_node else "resources" if show.inactive else "active resources"
    return Listing(title, items or [Item(f"No {word}")])
