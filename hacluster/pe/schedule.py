"""The policy engine's table of contents: ``schedule(document, now) -> Transition``.

Stages: unpack → scores → assign → actions → ordering → graph. Each reads what the stages before it have settled.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document
from hacluster.pe.actions.changes import check_late_parameters, handle_changes
from hacluster.pe.actions.collections import clear_orphans_failures, create_actions
from hacluster.pe.actions.fencing import schedule_fencing_and_shutdowns
from hacluster.pe.actions.probes import schedule_probes
from hacluster.pe.assign.prepare import apply_health, apply_node_criteria, assign_everything
from hacluster.pe.graph.build import Graph, build_graph
from hacluster.pe.implied.collections import imply_everything
from hacluster.pe.model.births import Stage
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.listener import Listener
from hacluster.pe.model.memory import Memory
from hacluster.pe.ordering.apply import apply_orderings
from hacluster.pe.ordering.remote import order_remote_actions
from hacluster.pe.unpack.constraints import unpack_constraints
from hacluster.pe.unpack.status import unpack

_DEPTH: Final = 1_000_000
"""Chains of orderings and colocations are followed depth first; they may be as long as the configuration."""


@dataclass(slots=True)
class Transition:
    """What a schedule decides, and the workbench that tells why."""

    cluster: Cluster
    graph: Graph


def status(
    document: Document, now: Moment, *, sanitized: bool = False, ledger: bool = False, memory: Memory | None = None
) -> Cluster:
    """Stage 1 alone: what a CIB says about a cluster.

    ``sanitized``: passwords may have been taken out of it. ``ledger``: write down why every score and decision is so.
    ``memory``: what is known of this configuration already.
    """
    cluster = Cluster(document, now, sanitized, ledger, memory)
    unpack(cluster)
    return cluster


def decide(cluster: Cluster, listener: Listener | None = None) -> Transition:
    """Stages 2 to 6 on a cluster that stage 1 has just read."""
    cluster.listener = listener
    depth = sys.getrecursionlimit()
    sys.setrecursionlimit(max(depth, _DEPTH))
    try:
        apply_health(cluster)
        unpack_constraints(cluster)
        apply_node_criteria(cluster)
        imply_everything(cluster)
        handle_changes(cluster)
        assign_everything(cluster)
        _create_actions(cluster)
        order_remote_actions(cluster)
        schedule_fencing_and_shutdowns(cluster)
        apply_orderings(cluster)
        return Transition(cluster, build_graph(cluster))
    finally:
        sys.setrecursionlimit(depth)


def schedule(
    document: Document, now: Moment, listener: Listener | None = None, *, sanitized: bool = False, ledger: bool = False
) -> Transition:
    """Decide what has to be done. Pure: the same document and time give the same transition.

    The operation records of the document may be marked (failures that have expired); schedule a copy to keep them.
    """
    return decide(status(document, now, sanitized=sanitized, ledger=ledger), listener)


def _create_actions(cluster: Cluster) -> None:
    check_late_parameters(cluster)
    if cluster.startup_probes:
        schedule_probes(cluster)
    if cluster.stop_orphans:
        clear_orphans_failures(cluster)
    for rsc in cluster.resources:
        cluster.begin(Stage.ACTIONS, rsc.rank)
        create_actions(rsc)
