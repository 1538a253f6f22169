"""Words that every view of a status uses: exit codes, pending tasks, what a node is."""

from __future__ import annotations

from typing import Final

from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

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


def is_plain(cluster: Cluster, node: Node) -> bool:
    """Whether a node is simply online or offline."""
    return not (
        node.unclean
        or node.pending
        or (node.standby_onfail and node.online)
        or node.standby
        or node.maintenance
        or node_health(cluster, node) <= 0
    )
