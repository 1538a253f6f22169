"""Changes of a status as they happen between two schedules, and all that a transition says."""

from __future__ import annotations

import copy
import random

from lxml import etree

from hacluster.cib.document import Document
from hacluster.cib.records import NodeState
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.schedule import Transition
from hacluster.pe.views.statuslines import status_lines
from hacluster.pe.views.summary import summary_lines


def whole(transition: Transition) -> tuple[object, ...]:
    """All that a transition says to those who do not listen while it is made."""
    cluster = transition.cluster
    return (
        summary_lines(cluster),
        status_lines(cluster, show_pending=True),
        etree.tostring(graph_xml(transition.graph)),
        [(action.id, action.key, action.node and action.node.name, action.flags) for action in cluster.actions],
        [(op.id, name) for op, name in cluster.failed_ops],
        (cluster.ninstances, cluster.disabled_count, cluster.blocked_count, cluster.recheck_by),
        [(report.code, report.text) for report in cluster.reports],
        [(rsc.id, rsc.idx, rsc.role, rsc.next_role, rsc.allowed) for rsc in cluster.resource_table],
        [(node.name, sorted(rsc.id for rsc in node.running), node.attrs) for node in cluster.nodes],
    )


def disturb_histories(document: Document, dice: random.Random, gently: bool = False) -> None:
    """Another result, a fail count, a promotion score; if not ``gently``, new or lost histories and nodes, too."""
    states = [state for state in document.status.nodes if state.histories]
    if not states:
        return
    state = dice.choice(states)
    history = dice.choice(state.histories)
    what = dice.randrange(2 if gently else 0, 12)
    if what == 0:
        state.histories.remove(history)
    elif what == 1 and dice.randrange(2):
        words = dice.choice([{"crmd": "offline", "join": "down", "in_ccm": "false"}, {"expected": "down"}])
        state.attrs |= words
    elif what == 1:
        twin = copy.deepcopy(history)
        twin.id = dice.choice([dice.choice(dice.choice(states).histories).id, f"{history.id}:1", "unheard-of"])
        state.histories.append(twin)
    elif what == 2 and history.ops:
        failed = copy.deepcopy(history.ops[-1])
        failed.id, failed.rc, failed.call_id = (
            f"{history.id}_last_failure_0",
            dice.choice([1, 5, 7]),
            failed.call_id + 1,
        )
        history.ops.append(failed)
    elif what in (3, 4):
        names = [f"fail-count-{history.id}#monitor_10000", f"last-failure-{history.id}#monitor_10000", "weather"]
        names += [f"master-{history.id}"] if gently else ["shutdown"]
        _set_attribute(state, dice.choice(names), dice.choice(["1", "0", "INFINITY", "1699999000"]))
    elif history.ops:
        op = dice.choice(history.ops)
        op.rc = dice.choice([0, 1, 5, 7, 7, 8, op.target_rc])
        op.status = dice.choice([0, 0, 0, 0, -1, 4])


def _set_attribute(state: NodeState, name: str, value: str) -> None:
    if state.transient is None:
        state.transient = etree.Element("transient_attributes", id="1")
        etree.SubElement(state.transient, "instance_attributes", id="s")
    for pair in state.transient.iter("nvpair"):
        if pair.get("name") == name:
            pair.set("value", value)
            return
    block = state.transient.find("instance_attributes")
    if block is not None:
        etree.SubElement(block, "nvpair", id=f"s-{name}", name=name, value=value)
