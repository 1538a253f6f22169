"""The whole text of crm_simulate: status, scores, summary, run, revised status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.iso8601 import Moment
from hacluster.base.tree import Tree
from hacluster.cib.document import Document
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.schedule import Transition, decide, status
from hacluster.pe.simulation.requests import Complaint, Requests, apply_requests
from hacluster.pe.simulation.transition import Run, run_transition
from hacluster.pe.views.details import Clock, attribute_lines, failcount_lines, failed_lines
from hacluster.pe.views.scorelines import Remark, ScoreLines
from hacluster.pe.views.statuslines import status_lines
from hacluster.pe.views.summary import summary_lines

_MAINTENANCE: Final = (
    "",
    "              *** Resource management is DISABLED ***",
    "  The cluster will not attempt to start, stop or recover services",
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be shown and done.

    ``date``: the line that says which time is taken for the present, if any. ``clock`` tells times in local words.
    """

    process: bool = True
    simulate: bool = True
    scores: bool = False
    utilization: bool = False
    date: str = ""
    attributes: bool = False
    failcounts: bool = False
    clock: Clock = str
    trees: bool = False
    failures: Mapping[str, int] = field(default_factory=dict)
    requests: Requests = field(default_factory=Requests)


@dataclass(slots=True)
class Outcome:
    """The text, the lines of scores and utilization alone, the same as elements, and what it is about."""

    lines: list[str] = field(default_factory=list)
    table: list[str] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    transition: Transition | None = None
    run: Run | None = None


def _section(outcome: Outcome, title: str, lines: list[str]) -> None:
    if outcome.lines:
        outcome.lines.append("")
    outcome.lines.append(f"{title}:")
    outcome.lines += lines


def _status(cluster: Cluster, wishes: Wishes, pending: bool = False) -> list[str]:
    """The status with the details that were asked for."""
    parts = [status_lines(cluster, show_pending=pending)]
    if wishes.attributes:
        parts.append(attribute_lines(cluster))
    if wishes.failcounts:
        parts += [failcount_lines(cluster, wishes.clock), failed_lines(cluster, wishes.clock)]
    lines: list[str] = []
    for part in parts:
        lines += ["", *part] if lines and part else part
    return lines


def _items(lines: list[str]) -> list[str]:
    return [line if isinstance(line, Remark) else f"  * {line}" for line in lines]


def _score_title(wishes: Wishes) -> str:
    if wishes.scores and wishes.utilization:
        return "Assignment Scores and Utilization Information"
    return "Assignment Scores" if wishes.scores else "Utilization Information"


def _table_name(wishes: Wishes) -> str:
    if wishes.scores and wishes.utilization:
        return "allocations_utilizations"
    return "allocations" if wishes.scores else "utilizations"


def simulate(
    document: Document, now: Moment, when: int, wishes: Wishes, on_input: Callable[[Document], None] | None = None
) -> Outcome:
    """Show a CIB, schedule it at ``now``, and pretend to run the transition at ``when`` (seconds since 1970).

    The status of ``document`` is changed by the requests and the run; ``on_input`` gets it in between.
    """
    outcome = Outcome()
    if wishes.trees:
        from hacluster.pe.views.tree import (  # noqa: PLC0415 - text needs none of it
            modifications_tree,
            section_tree,
            status_tree,
        )
    outcome.lines += [wishes.date] if wishes.date else []
    cluster = status(document, now, sanitized=True)
    spaced = False
    if cluster.maintenance_mode:
        outcome.lines += _MAINTENANCE
        spaced = True
    if cluster.disabled_count or cluster.blocked_count:
        outcome.lines += [""] if spaced else []
        spaced = True
        outcome.lines.append(
            f"{cluster.disabled_count} of {cluster.ninstances} resource instances DISABLED and "
            f"{cluster.blocked_count} BLOCKED from further action due to failure"
        )
    outcome.lines += [""] if spaced else []
    outcome.lines += ["Current cluster status:", *_status(cluster, wishes, pending=True)]
    if wishes.trees:
        outcome.trees.append(status_tree(cluster, "cluster_status", pending=True))
    if wishes.requests:
        said = apply_requests(document, cluster, wishes.requests, when)
        outcome.complaints += [line for line in said if isinstance(line, Complaint)]
        done = [line for line in said if not isinstance(line, Complaint)]
        _section(outcome, "Performing Requested Modifications", _items(done))
        outcome.trees += [modifications_tree(done)] if wishes.trees else []
        outcome.lines += [wishes.date] if wishes.date else []
        cluster = status(document, now, sanitized=True)
    if on_input is not None:
        on_input(document)
    if not (wishes.process or wishes.simulate):
        return outcome
    scores = ScoreLines(wishes.scores, wishes.utilization)
    transition = outcome.transition = decide(cluster, scores)
    outcome.table = [line for line in scores.lines if not isinstance(line, Remark)]
    if wishes.scores or wishes.utilization:
        _section(outcome, _score_title(wishes), _items(scores.lines))
    summary = summary_lines(cluster)
    _section(outcome, "Transition Summary", _items(summary))
    if wishes.trees:
        outcome.trees += [section_tree(_table_name(wishes), scores.lines)] if scores.lines else []
        outcome.trees.append(section_tree("actions", summary))
    if wishes.simulate:
        configures = bool(wishes.requests.nodes_up)
        run = outcome.run = run_transition(
            document, cluster, transition.graph, when, wishes.failures, configures=configures
        )
        _section(outcome, "Executing Cluster Transition", _items(run.lines))
        outcome.lines += [wishes.date] if wishes.date else []
        revised = status(document, now, sanitized=True)
        _section(outcome, "Revised Cluster Status", _status(revised, wishes))
        if wishes.trees:
            outcome.trees.append(section_tree("transition", run.lines))
            outcome.trees.append(status_tree(revised, "revised_cluster_status"))
    return outcome
