"""The cluster status: nodes and resources, as crm_simulate and crm_mon print them."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Final

from hacluster.base.values import name_order
from hacluster.cib.records import OpRecord
from hacluster.pe.model.action import parse_op_key
from hacluster.pe.model.bundle import Replica
from hacluster.pe.model.cluster import Cluster, node_key
from hacluster.pe.model.kinds import Kind, Role, parse_role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.unpack.resources import is_disabled

INDENT: Final = "  "
PENDING: Final = {
    "start": "Starting",
    "stop": "Stopping",
    "migrate_to": "Migrating",
    "migrate_from": "Migrating",
    "promote": "Promoting",
    "demote": "Demoting",
}
EXIT_CODES: Final = {
    0: "OK", 1: "Error occurred", 2: "Invalid parameter", 3: "Unimplemented", 4: "Insufficient privileges",
    5: "Not installed", 6: "Not configured", 7: "Not running", 8: "Promoted", 9: "Failed in promoted role",
    64: "Incorrect usage", 65: "Invalid data given", 66: "Input file not available", 67: "User does not exist",
    68: "Host does not exist", 69: "Necessary service unavailable", 70: "Internal software bug",
    71: "Operating system error occurred", 72: "System file not available", 73: "Cannot create output file",
    74: "I/O error occurred", 75: "Temporary failure, try again", 76: "Protocol violated",
    77: "Insufficient privileges", 78: "Invalid configuration", 124: "Timeout occurred",
    190: "Service is active but might fail soon", 191: "Service is promoted but might fail soon",
    193: "No exit status available",
}  # fmt: skip


def exit_text(code: int) -> str:
    """What an agent's exit code says."""
    return EXIT_CODES.get(code, "CRM_EX_UNKNOWN")


def unmanaged_word(rsc: Resource) -> list[str]:
    """How it is said that a resource is left alone."""
    if rsc.maintenance:
        return ["maintenance"]
    return [] if rsc.managed else ["unmanaged"]


def node_health(cluster: Cluster, node: Node) -> int:
    """-1 red, 0 yellow, 1 green."""
    if cluster.health_strategy == "none":
        return 1
    colors, health = cluster.colors, 1
    for name, value in node.attrs.items():
        if not name.startswith("#health"):
            continue
        score = cluster.score_of(value)
        if value.lower() == "red" or (value.lower() != "yellow" and score <= colors["red"]):
            return -1
        if value.lower() == "yellow" or (score <= colors["yellow"] and colors["yellow"] != colors["green"]):
            health = 0
    return health


def node_word(node: Node) -> str:
    """What a node is, in words."""
    if node.unclean:
        return "UNCLEAN (online)" if node.online else f"UNCLEAN ({'pending' if node.pending else 'offline'})"
    if node.pending:
        return "pending"
    if node.standby_onfail and node.online:
        return "standby (on-fail)"
    if node.standby:
        if not node.online:
            return "OFFLINE (standby)"
        return "standby (with active resources)" if node.running else "standby"
    if node.maintenance:
        return "maintenance" if node.online else "OFFLINE (maintenance)"
    return "online" if node.online else "OFFLINE"


def _is_plain(cluster: Cluster, node: Node) -> bool:
    """Whether a node is simply online or offline."""
    return not (
        node.unclean
        or node.pending
        or (node.standby_onfail and node.online)
        or node.standby
        or node.maintenance
        or node_health(cluster, node) <= 0
    )


def node_lines(cluster: Cluster) -> list[str]:
    """The node list: special nodes one by one, the others together."""
    groups: dict[str, list[str]] = {
        name: [] for name in ("Online", "OFFLINE", "RemoteOnline", "RemoteOFFLINE", "GuestOnline")
    }
    lines = []
    for node in cluster.nodes:
        kind = "Guest" if node.is_guest else "Remote" if node.is_remote else ""
        if _is_plain(cluster, node):
            group = kind + ("Online" if node.online else "OFFLINE")
            if group in groups:
                groups[group].append(node.name)
            continue
        health = node_health(cluster, node)
        suffix = " (health is RED)" if health < 0 else " (health is YELLOW)" if health == 0 else ""
        lines.append(f"{kind}Node {node.name}: {node_word(node)}{suffix}")
    lines += [f"{name}: [ {' '.join(names)} ]" for name, names in groups.items() if names]
    return lines


class _Lines:
    """Collects the lines of the resource list with their depth."""

    def __init__(self, cluster: Cluster, show_pending: bool) -> None:
        self._cluster = cluster
        self._pending = show_pending
        self.lines: list[str] = []

    def add(self, depth: int, text: str) -> None:
        self.lines.append(f"{INDENT * depth}* {text}")

    def _failed_probe(self, rsc: Resource, node_name: str | None) -> OpRecord | None:
        top = rsc.top
        wanted = rsc.id
        if rsc.is_clone:
            wanted = rsc.clone_data.child_id
        elif top.is_clone:
            wanted = top.clone_data.child_id
        for op, _name in self._cluster.failed_ops:
            if not op.masks_probe_failure or op.on_node is None:
                continue
            if node_name is not None and op.on_node.lower() != node_name.lower():
                continue
            parsed = parse_op_key(op.key)
            if parsed is not None and parsed[0] == wanted:
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
        wanted = parse_role(target)
        if wanted is Role.STOPPED:
            flags.append("disabled")
        elif wanted is Role.UNPROMOTED and rsc.top.promotable:
            flags.append(f"target-role:{target}")
        if rsc.blocked:
            flags.append("blocked")
        else:
            flags += unmanaged_word(rsc)
        if rsc.failure_ignored:
            flags.append("failure ignored")
        return flags

    def _describe(self, rsc: Resource, name: str, node: Node | None) -> str:
        if node is None:
            node = rsc.lock_node
        if len(rsc.active_on) > 1:
            node = None
        standard, provider = rsc.xml.get("class", "unknown"), rsc.xml.get("provider")
        agent = f"{standard}:{provider}:" if standard == "ocf" and provider is not None else f"{standard}:"
        text = f"{name}\t({agent}{rsc.xml.get('type', 'unknown')}):\t"
        text += (" ORPHANED" if rsc.orphan else "") + self._state(rsc)
        if node is not None:
            text += f" {node.name}"
        if rsc.role is Role.STOPPED:
            probe = self._failed_probe(rsc, None if node is None else node.name)
            if probe is not None:
                text += f" ({exit_text(probe.rc)}) "
        flags = self._flags(rsc, node)
        if flags:
            text += f" ({', '.join(flags)})"
        if len(rsc.active_on) > 1:
            description = rsc.xml.get("description")
            text += "" if description is None else f" ({description})"
            text += f" [ {' '.join(place.name for place in rsc.active_on)} ]"
        return text

    def primitive(self, rsc: Resource, depth: int) -> None:
        if rsc.meta.get("internal-rsc", "").lower() in ("true", "1", "yes", "on"):
            return
        self.add(depth, self._describe(rsc, rsc.printable_id, rsc.current or rsc.pending_node))

    def group(self, rsc: Resource, depth: int) -> None:
        attrs = (["disabled"] if is_disabled(rsc) else []) + unmanaged_word(rsc)
        self.add(depth, f"Resource Group: {rsc.id}" + (f" ({', '.join(attrs)})" if attrs else "") + ":")
        for member in rsc.instances:
            self.primitive(member, depth + 1)

    def _instance_in_full(self, rsc: Resource, child: Resource) -> bool:
        """Whether an instance needs a line of its own."""
        active = child.is_active(False)
        if rsc.unique:
            return active or not rsc.orphan
        if self._pending and child.pending_task is not None:
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
            ]  # fmt: skip
            return {"Stopped": ids} if ids else {}
        table = self._cluster.node_table
        nodes = [table[idx] for idx in rsc.allowed] or [node for node in table if rsc.known_on(node)]
        disabled = _configured_role(rsc) is Role.STOPPED
        found: dict[str, list[str]] = {}
        for node in sorted(nodes, key=node_key):
            if node in rsc.active_on:
                continue
            probe = self._failed_probe(rsc, node.name)
            word = "Stopped (disabled)" if disabled else "Stopped"
            if probe is not None:
                word = f"Stopped ({exit_text(probe.rc)})"
            found.setdefault(word, []).append(node.name)
        return found

    def clone(self, rsc: Resource, depth: int) -> None:
        attrs = ["promotable"] if rsc.promotable else []
        attrs += ["unique"] if rsc.unique else []
        attrs += (["disabled"] if is_disabled(rsc) else []) + unmanaged_word(rsc)
        suffix = f" ({', '.join(attrs)})" if attrs else ""
        self.add(depth, f"Clone Set: {rsc.id} [{rsc.clone_data.child_id}]{suffix}:")
        promoted: list[Node] = []
        started: list[Node] = []
        for child in rsc.instances:
            if _is_elsewhere(child):
                continue
            if self._instance_in_full(rsc, child):
                self.resource(child, depth + 1)
            elif child.is_active(False):
                place = child.location(1)
                if place is not None:
                    (promoted if child.state(True) > Role.UNPROMOTED else started).append(place)
        word = "Started"
        if rsc.promotable:
            word = "Unpromoted" + (" (target-role)" if _configured_role(rsc) is Role.UNPROMOTED else "")
        for title, nodes in (("Promoted", promoted), (word, started)):
            if nodes:
                names = " ".join(node.name for node in sorted(nodes, key=node_key))
                self.add(depth + 1, f"{title}: [ {names} ]")
        stopped = self._stopped(rsc, len(promoted) + len(started))
        for title in sorted(stopped):
            names = " ".join(sorted(stopped[title], key=cmp_to_key(name_order)))
            self.add(depth + 1, f"{title}: [ {names} ]")

    def _replica(self, replica: Replica, depth: int) -> None:
        rsc = replica.child or replica.box
        name = (replica.remote or replica.box).printable_id
        if replica.ipaddr:
            name += f" ({replica.ipaddr})"
        self.add(depth, self._describe(rsc, name, replica.box.current))

    def bundle(self, rsc: Resource, depth: int) -> None:
        data = rsc.bundle_data
        title = "Container bundle" + (" set" if data.count > 1 else "")
        flags = (" (unique)" if rsc.unique else "") + "".join(f" ({word})" for word in unmanaged_word(rsc))
        self.add(depth, f"{title}: {rsc.id} [{data.image}]{flags}:")
        for replica in data.replicas:
            if _is_elsewhere(replica.box):
                continue
            self._replica(replica, depth + 1)

    def resource(self, rsc: Resource, depth: int) -> None:
        show = {Kind.GROUP: self.group, Kind.CLONE: self.clone, Kind.BUNDLE: self.bundle}
        show.get(rsc.kind, self.primitive)(rsc, depth)


def _is_elsewhere(rsc: Resource) -> bool:
    """Whether an instance is active, but on nodes that do not count (unmanaged, on a node that is down)."""
    return rsc.is_active(False) and not rsc.active_on


def _configured_role(rsc: Resource) -> Role:
    target = rsc.meta.get("target-role")
    if target is None and rsc.instances:
        target = rsc.instances[0].meta.get("target-role")
    return parse_role(target)


def status_lines(cluster: Cluster, show_pending: bool = False) -> list[str]:
    """Nodes and resources, indented as below a title."""
    lines = [f"{INDENT}* Node List:"] if cluster.nodes else []
    lines += [f"{INDENT * 2}* {line}" for line in node_lines(cluster)]
    collected = _Lines(cluster, show_pending)
    for rsc in cluster.resources:
        if rsc.orphan and not rsc.is_active(True):
            continue
        if _is_elsewhere(rsc):
            continue
        collected.resource(rsc, 2)
    if lines:
        lines.append("")
    lines.append(f"{INDENT}* Full List of Resources:")
    lines += collected.lines or [f"{INDENT * 2}* No resources"]
    return lines
