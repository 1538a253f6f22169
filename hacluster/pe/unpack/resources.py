"""Resources: settings, flags and structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.score import INFINITY
from hacluster.base.values import interval_ms, is_true, min_int, timeout_seconds, truth
from hacluster.cib.document import XML
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind, Multiple, Quorum, Role, parse_role
from hacluster.pe.model.memory import Recalled
from hacluster.pe.model.resource import CloneData, Resource
from hacluster.pe.operation.configured import op_entries
from hacluster.pe.operation.params import read_meta, rsc_params
from hacluster.pe.rules.nvpairs import gather, subject_for
from hacluster.pe.unpack.bounds import check_instances
from hacluster.pe.unpack.templates import expand_template

_KINDS: Final = {
    "primitive": Kind.PRIMITIVE,
    "group": Kind.GROUP,
    "clone": Kind.CLONE,
    "master": Kind.CLONE,
    "bundle": Kind.BUNDLE,
}
_MULTIPLE: Final = {
    "stop_only": Multiple.STOP_ONLY,
    "block": Multiple.BLOCK,
    "stop_unexpected": Multiple.STOP_UNEXPECTED,
}
_UNIQUE_AGENTS: Final = frozenset({"ocf", "stonith"})

UnpackBundle = Callable[[Resource], bool]
_bundle_hook: list[UnpackBundle] = []


def use_for_bundles(function: UnpackBundle) -> UnpackBundle:
    """Name the function that unpacks bundles; they unpack resources in turn."""
    _bundle_hook.append(function)
    return function


def is_remote_agent(xml: XML) -> bool:
    """Whether the agent is ocf:pacemaker:remote, the connection to a Pacemaker Remote node."""
    return (
        (xml.get("type") or "").lower() == "remote"
        and (xml.get("class") or "").lower() == "ocf"
        and (xml.get("provider") or "").lower() == "pacemaker"
    )


def target_role(rsc: Resource) -> Role:
    """The role that ``target-role`` limits a resource to; ``UNKNOWN`` if it does not."""
    value = rsc.meta.get("target-role")
    if value is None or value.lower() in ("started", "default"):
        return Role.UNKNOWN
    role = parse_role(value)
    if role > Role.STARTED and (not rsc.top.promotable or role > Role.UNPROMOTED):
        return Role.UNKNOWN
    return role


def is_disabled(rsc: Resource) -> bool:
    """Whether ``target-role`` keeps a resource from what it could be."""
    role = parse_role(rsc.meta.get("target-role"))
    return role is Role.STOPPED or (role is Role.UNPROMOTED and rsc.top.promotable)


def _set_requires(rsc: Resource) -> None:
    cluster = rsc.cluster
    value = rsc.meta.get("requires", "").lower()
    if value == "nothing":
        return
    if value not in ("quorum", "fencing", "unfencing"):
        if rsc.fence_device or (rsc.kind is Kind.PRIMITIVE and is_remote_agent(rsc.xml)):
            value = "quorum"
        elif cluster.unfencing:
            value = "unfencing"
        elif cluster.fencing:
            value = "fencing"
        else:
            value = "nothing" if cluster.quorum_policy is Quorum.IGNORE else "quorum"
    if value == "unfencing" and (rsc.fence_device or not cluster.fencing):
        value = "quorum"
    rsc.needs_quorum = value == "quorum"
    rsc.needs_fencing = value in ("fencing", "unfencing")
    rsc.needs_unfencing = value == "unfencing"


def _set_managed(rsc: Resource) -> None:
    cluster, meta = rsc.cluster, rsc.meta
    rsc.managed = not cluster.maintenance_mode
    value = meta.get("is-managed")
    if value is not None and value.lower() != "default":
        rsc.managed = is_true(value)
    if is_true(meta.get("maintenance")) or cluster.maintenance_mode:
        rsc.managed = False
        rsc.maintenance = True


def _set_clone_flags(rsc: Resource) -> None:
    if not rsc.top.is_clone:
        rsc.unique = True
        return
    unique = rsc.meta.get("globally-unique")
    # Several instances on one node only make sense when they can be told apart.
    rsc.unique = min_int(rsc.meta.get("clone-node-max"), 0) > 1 if unique is None else is_true(unique)
    rsc.promotable = is_true(rsc.meta.get("promotable"))
    if not rsc.promotable and rsc.xml.tag == "master":
        rsc.meta["promotable"] = "true"
        rsc.promotable = True


def _set_scores(rsc: Resource) -> None:
    cluster, meta = rsc.cluster, rsc.meta
    rsc.priority = cluster.score_of(meta.get("priority"))
    value = meta.get("resource-stickiness")
    if value is not None and value.lower() != "default":
        rsc.stickiness = cluster.score_of(value)
    value = meta.get("migration-threshold")
    if value is not None and value.lower() != "default":
        threshold = cluster.score_of(value)
        rsc.migration_threshold = INFINITY if threshold < 0 else threshold
    value = meta.get("failure-timeout")
    if value is not None:
        rsc.failure_timeout = timeout_seconds(value)


def _settle(rsc: Resource) -> bool:
    """Everything that follows from the meta-attributes; answers whether this is the connection to a guest."""
    meta = rsc.meta
    rsc.critical = meta.get("critical") is None or is_true(meta.get("critical"))
    rsc.notify = is_true(meta.get("notify"))
    rsc.is_remote = is_remote_agent(rsc.xml)
    guest = rsc.is_remote and "container" in meta
    remote = rsc.is_remote and not guest
    migrate = meta.get("allow-migrate")
    rsc.allow_migrate = is_true(migrate) or (migrate is None and remote)
    _set_managed(rsc)
    _set_clone_flags(rsc)
    rsc.multiple = _MULTIPLE.get(meta.get("multiple-active", "").lower(), Multiple.STOP_START)
    _set_scores(rsc)
    if (rsc.xml.get("class") or "").lower() == "stonith":
        rsc.cluster.have_fencing = True
        rsc.fence_device = True
    _set_requires(rsc)
    if remote:
        reconnect = rsc_params(rsc, None).get("reconnect_interval")
        if reconnect is not None:
            rsc.remote_reconnect_ms = interval_ms(reconnect)
            rsc.failure_timeout = timeout_seconds(reconnect)
    role = target_role(rsc)
    if role is not Role.UNKNOWN:
        rsc.next_role = role
    return guest


def _clear_unique(rsc: Resource) -> None:
    for entry in rsc.walk():
        entry.unique = False
        entry.meta["globally-unique"] = "false"


def _unpack_primitive(rsc: Resource) -> bool:
    top, standard = rsc.top, (rsc.xml.get("class") or "").lower()
    if standard not in _UNIQUE_AGENTS and rsc.unique and top.is_clone:
        data = top.clone_data
        data.made_anonymous = True
        data.node_max = 1
        data.max = min(data.max, len(rsc.cluster.nodes))
        _clear_unique(top)
        _clear_unique(rsc)
    return standard == "ocf" or not top.promotable


def _unpack_group(rsc: Resource) -> bool:
    rsc.ordered = truth(rsc.meta.get("ordered")) is not False
    rsc.colocated = truth(rsc.meta.get("collocated")) is not False
    for child in rsc.xml:
        if child.tag == "primitive":
            member = unpack_resource(rsc.cluster, child, rsc, rsc.instance)
            if member is not None:
                rsc.instances.append(member)
    return bool(rsc.instances)


def add_instance(clone: Resource) -> Resource | None:
    """Make one more instance of a clone; one too many is an orphan."""
    data = clone.clone_data
    surplus = data.total >= data.max
    child = unpack_resource(clone.cluster, data.child_xml, clone, str(data.total))
    if child is None:
        return None
    data.total += 1
    clone.instances.append(child)
    if surplus:
        for entry in child.walk():
            entry.orphan = True
    child.meta["clone-max"] = str(data.max)
    return child


def _unpack_clone(rsc: Resource) -> bool:
    meta = rsc.meta
    child_xml = next((child for child in rsc.xml if child.tag in ("primitive", "group")), None)
    if child_xml is None:
        return False
    data = rsc.clone = CloneData(child_xml)
    if rsc.promotable:
        highest = meta.get("promoted-max", meta.get("master-max"))
        per_node = meta.get("promoted-node-max", meta.get("master-node-max"))
        data.promoted_max = 1 if highest is None else min_int(highest, 0)
        data.promoted_node_max = 1 if per_node is None else min_int(per_node, 0)
    node_max, highest = meta.get("clone-node-max"), meta.get("clone-max")
    data.node_max = 1 if node_max is None else min_int(node_max, 0)
    data.max = max(1, len(rsc.cluster.nodes)) if highest is None else min_int(highest, 0)
    check_instances(rsc.xml, "clone-max", data.max)
    data.ordered = is_true(meta.get("ordered"))
    if not rsc.unique and data.node_max > 1:
        data.node_max = 1
    meta.setdefault("resource-stickiness", "1")
    meta["globally-unique"] = "true" if rsc.unique else "false"
    number = 0
    while number == 0 or number < data.max:
        if add_instance(rsc) is None:
            return False
        number += 1
    return True


def _unpack_bundle(rsc: Resource) -> bool:
    return _bundle_hook[0](rsc)


_UNPACK: Final[dict[Kind, Callable[[Resource], bool]]] = {
    Kind.PRIMITIVE: _unpack_primitive,
    Kind.GROUP: _unpack_group,
    Kind.CLONE: _unpack_clone,
    Kind.BUNDLE: _unpack_bundle,
}


def _known_of(rsc: Resource, xml: XML) -> Recalled | None:
    """What is known of an element from the last schedule, or from another instance of the clone."""
    top, memory = rsc.top, rsc.cluster.memory
    if memory is not None:
        return memory.of(xml)
    return top.clone_data.shared.of(xml) if top.is_clone and top is not rsc else None


def _recall(rsc: Resource, xml: XML) -> None:
    """Read the meta-attributes, or take them and everything that follows from them as they were the last time."""
    known = rsc.recalled = _known_of(rsc, xml)
    member = rsc.top.is_clone and rsc.top is not rsc
    if known is None or (member and rsc.top.clone_data.made_anonymous):
        # What is unpacked after a member that cannot be unique sees what that has changed.
        read_meta(rsc.cluster, rsc)
        return
    rsc.params, rsc.op_cache, rsc.op_table = known.params, known.op_cache, known.op_table
    if known.meta is None:
        read_meta(rsc.cluster, rsc)
        known.meta, known.op_table = dict(rsc.meta), op_entries(rsc)
    else:
        rsc.meta = dict(known.meta)
        if rsc.instance is not None:
            rsc.meta["clone"] = rsc.instance


def unpack_resource(
    cluster: Cluster, xml: XML, parent: Resource | None, instance: str | None = None
) -> Resource | None:
    """The resource that an element describes, with everything in it; ``None`` if it cannot be used."""
    kind = _KINDS.get(str(xml.tag))
    expanded = expand_template(cluster, xml) if xml.get("id") is not None else None
    if kind is None or expanded is None:
        return None
    rsc = Resource(cluster, len(cluster.resource_table), expanded, kind, parent)
    cluster.resource_table.append(rsc)
    operations = expanded.find("operations")
    if operations is not None:
        operations = cluster.document.expand(operations)
        rsc.ops = [] if operations is None else list(operations)
    if instance is not None:
        rsc.instance = instance
        rsc.id = f"{rsc.xml_id}:{instance}"
        rsc.meta["clone"] = instance
    _recall(rsc, xml)
    rsc.migration_threshold = INFINITY
    guest = _settle(rsc)
    if not _UNPACK[kind](rsc):
        return None
    cluster.name_resource(rsc)
    if cluster.symmetric:
        cluster.scores.start(rsc, cluster.nodes, Cause(Why.BASE, "symmetric-cluster"))
    elif guest:
        cluster.scores.everywhere(rsc, cluster.nodes, 0, Cause(Why.BASE, "symmetric-cluster"))
    gather(cluster, expanded, "utilization", subject_for(cluster), rsc.utilization)
    return rsc
