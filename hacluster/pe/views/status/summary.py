"""The summary: stack, coordinator, times, counts, options, maintenance."""

from __future__ import annotations

from typing import Final

from hacluster.base.tree import Tree
from hacluster.base.values import interval_ms, truth
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Quorum
from hacluster.pe.views.outline import Item, Listing, Span
from hacluster.pe.views.status.show import SUMMARY, Show

_POLICIES: Final = {
    Quorum.STOP: "Stop ALL resources", Quorum.FREEZE: "Freeze resources", Quorum.IGNORE: "Ignore",
    Quorum.DEMOTE: "Demote promotable resources and stop all other resources",
    Quorum.FENCE: "Fence all nodes in partition",
}  # fmt: skip
_MAINTENANCE: Final = (
    "              *** Resource management is DISABLED ***",
    "  The cluster will not attempt to start, stop or recover services",
)
_STOPPED: Final = (
    "    *** Resource management is DISABLED ***",
    "  The cluster will keep all resources stopped",
)


def option(cluster: Cluster, name: str) -> str | None:
    """A cluster option as it is written."""
    pairs = cluster.document.root.iterfind(f"configuration/crm_config/cluster_property_set/nvpair[@name='{name}']")
    return next((pair.get("value") for pair in pairs), None)


def changed(cluster: Cluster) -> dict[str, str]:
    """Who changed the CIB last, and when."""
    root = cluster.document.root
    names = {"time": "cib-last-written", "user": "update-user", "client": "update-client", "origin": "update-origin"}
    return {key: root.get(name, "") for key, name in names.items()}


def _quorate(cluster: Cluster) -> bool:
    return truth(cluster.document.attribute("have-quorum")) is True


def _mixed(cluster: Cluster) -> bool:
    sets = {node.attrs.get("#feature-set") for node in cluster.nodes if node.online and not node.is_remote_kind}
    return len(sets - {None}) > 1


def _dc_item(cluster: Cluster, show: Show) -> Item:
    dc = cluster.dc
    if dc is None:
        return Item("Current DC: NONE", [("bold", "Current DC"), (None, ": "), ("warning", "NONE")])
    version = option(cluster, "dc-version") or "unknown"
    with_quorum = _quorate(cluster)
    name = f"{show.node_name(dc)} (version {version})"
    mixed = "MIXED-VERSION " if _mixed(cluster) else ""
    text = f"Current DC: {name} - {mixed}partition {'with' if with_quorum else 'WITHOUT'} quorum"
    spans: list[Span] = [("bold", "Current DC: "), (None, f"{name} -")]
    if mixed:
        spans += [(None, " "), ("warning", "MIXED-VERSION")]
    spans += [(None, " partition"), (None, " with") if with_quorum else ("warning", " WITHOUT"), (None, " quorum")]
    return Item(text, spans)


def _change_words(cluster: Cluster) -> str:
    last = changed(cluster)
    words = "".join(f" {word} {last[key]}" for word, key in (("by", "user"), ("via", "client"), ("on", "origin"))
                    if last[key])  # fmt: skip
    return last["time"] + words


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _count_items(cluster: Cluster) -> list[Item]:
    nodes = f"{_plural(len(cluster.nodes), 'node')} configured"
    total = f"{_plural(cluster.ninstances, 'resource instance')} configured"
    spans: list[Span] = [(None, total)]
    disabled, blocked = cluster.disabled_count, cluster.blocked_count
    if disabled and blocked:
        spans = [(None, f"{total} ({disabled} "), ("bold", "DISABLED"), (None, f", {blocked} "), ("bold", "BLOCKED"),
                 ("warning", " further action due to failure)")]  # fmt: skip
        text = f"{total} ({disabled} DISABLED, {blocked} BLOCKED from further action due to failure)"
        spans[-1] = (None, " from further action due to failure)")
    elif disabled:
        spans = [(None, f"{total} ({disabled} "), ("bold", "DISABLED"), (None, ")")]
        text = f"{total} ({disabled} DISABLED)"
    elif blocked:
        spans = [(None, f"{total} ({blocked} "), ("bold", "BLOCKED"), (None, " from further action due to failure)")]
        text = f"{total} ({blocked} BLOCKED from further action due to failure)"
    else:
        text = total
    return [Item(nodes, [(None, nodes)]), Item(text, spans)]


def _option_items(cluster: Cluster, show: Show) -> list[Item]:
    words = ["Fencing of failed nodes " + ("enabled" if cluster.fencing else "disabled")]
    words.append(f"Cluster is {'symmetric' if cluster.symmetric else 'asymmetric'}")
    words.append(f"No quorum policy: {_POLICIES[cluster.quorum_policy]}")
    items = [Item(word) for word in words]
    if not show.page:
        return items
    if cluster.maintenance_mode:
        word = "Resource management: DISABLED (the cluster will not attempt to start, stop, or recover services)"
        rest = " (the cluster will not attempt to start, stop, or recover services)"
        items.append(Item(word, [(None, "Resource management: "), ("bold", "DISABLED"), (None, rest)]))
    elif cluster.stop_everything:
        rest = " (the cluster will keep all resources stopped)"
        items.append(Item("", [(None, "Resource management: "), ("bold", "STOPPED"), (None, rest)]))
    else:
        items.append(Item("Resource management: enabled"))
    return items


def has_headers(show: Show) -> bool:
    """Whether there is anything that a missing coordinator should be said before."""
    return "nodes" in show.sections


def summary_sections(cluster: Cluster, show: Show) -> list[Listing]:
    """The summary, the options of a page, and what is said of maintenance."""
    summary = Listing("Cluster Summary")
    add, has = summary.items.append, show.sections.__contains__
    if has("stack"):
        stack = option(cluster, "cluster-infrastructure") or "unknown"
        add(Item(f"Stack: {stack}", [("bold", "Stack: "), (None, stack)]))
    if has("dc") or (cluster.dc is None and has_headers(show)):
        add(_dc_item(cluster, show))
    if has("times"):
        add(Item(f"Last updated: {show.now}", [("bold", "Last updated: "), (None, show.now)]))
        words = _change_words(cluster)
        add(Item(f"Last change:  {words}", [("bold", "Last change: "), (None, words)]))
    if has("counts"):
        summary.items += _count_items(cluster)
    if has("options") and not show.page:
        summary.items += _option_items(cluster, show)
    found = [summary] if summary.items else []
    if has("options") and show.page:
        found.append(Listing("Config Options", list(_option_items(cluster, show))))
    if has("maint-mode") and not show.page and (cluster.maintenance_mode or cluster.stop_everything):
        found.append(Listing("", raw=_MAINTENANCE if cluster.maintenance_mode else _STOPPED))
    return found


def _dc_tree(cluster: Cluster) -> Tree:
    dc = cluster.dc
    if dc is None:
        return Tree("current_dc", {"present": "false"})
    attrs = {"present": "true", "version": option(cluster, "dc-version") or "", "name": dc.name, "id": dc.id}
    attrs["with_quorum"] = "true" if _quorate(cluster) else "false"
    attrs["mixed_version"] = "true" if _mixed(cluster) else "false"
    return Tree("current_dc", attrs)


def _options_tree(cluster: Cluster) -> Tree:
    words = {True: "true", False: "false"}
    timeout = interval_ms(option(cluster, "stonith-timeout") or option(cluster, "fencing-timeout") or "60s")
    fencing = words[cluster.fencing]
    return Tree("cluster_options", {
        "fencing-enabled": fencing, "fencing-timeout-ms": str(timeout), "symmetric-cluster": words[cluster.symmetric],
        "no-quorum-policy": cluster.quorum_policy.name.lower(), "maintenance-mode": words[cluster.maintenance_mode],
        "stop-all-resources": words[cluster.stop_everything],
        "priority-fencing-delay-ms": str(cluster.priority_fencing_delay * 1000), "stonith-enabled": fencing,
        "stonith-timeout-ms": str(timeout),
    })  # fmt: skip


def summary_tree(cluster: Cluster, show: Show) -> Tree | None:
    """The summary as a tree; ``None`` if nothing of it is wanted."""
    has = show.sections.__contains__
    tree = Tree("summary")
    if has("stack"):
        tree.children.append(Tree("stack", {"type": option(cluster, "cluster-infrastructure") or "unknown"}))
    if has("dc"):
        tree.children.append(_dc_tree(cluster))
    if has("times"):
        tree.children.append(Tree("last_update", {"time": show.now}))
        tree.children.append(Tree("last_change", changed(cluster)))
    if has("counts"):
        tree.children.append(Tree("nodes_configured", {"number": str(len(cluster.nodes))}))
        counts = {"number": cluster.ninstances, "disabled": cluster.disabled_count, "blocked": cluster.blocked_count}
        tree.children.append(Tree("resources_configured", {key: str(value) for key, value in counts.items()}))
    if has("options"):
        tree.children.append(_options_tree(cluster))
    return tree if tree.children else None


__all__ = ["SUMMARY", "option", "summary_sections", "summary_tree"]
