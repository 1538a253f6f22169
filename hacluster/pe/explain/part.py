"""A part of a cluster that is decided by itself: what a change to it is tried on, however large the rest is.

Resources that no constraint connects have only the load of nodes to do with one another (:mod:`hacluster.pe.warm`). So
a change is tried on the resources that are connected with the one in question, with the loads that the others left.
Where the answer hangs on loads that the change may have altered, the part says that it does not know.
"""

from __future__ import annotations

import copy
from typing import Final

from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import XML, Document
from hacluster.cib.records import NodeState, Status
from hacluster.pe.explain.edits import Edit, own_histories
from hacluster.pe.model.causes import What, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import Resource
from hacluster.pe.model.tally import Tally
from hacluster.pe.operation.failcount import COUNT, LAST, base_name
from hacluster.pe.schedule import Transition, decide
from hacluster.pe.unpack.status import unpack
from hacluster.pe.warm.islands import Excerpt, Islands
from hacluster.pe.warm.steady import restless
from hacluster.pe.warm.watch import is_uneasy

_OF_NODES: Final = (What.FENCE, What.STANDBY)
_SEEN_AGAIN: Final = frozenset({Why.NODE_STATE, Why.OPTION, Why.ON_FAIL, Why.STOP_FAILED, Why.LOST})
"""Causes of what is decided of nodes that a part sees, too: states of nodes, and failures, which are in every part."""
_REACHING: Final = (b"id-ref", b"<bundle", b"rsc-pattern", b"remote-node", b'"container"', b'"remote"')
"""Words of a configuration whose elements need others that are not connected with them."""


def _attributes(element: XML) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


class Neighbourhood:
    """The resources connected with one, and what is needed to schedule them alone."""

    def __init__(self, document: Document, cluster: Cluster, tally: Tally, places: set[int], islands: Islands) -> None:
        self._cluster = cluster
        self._tally = tally
        excerpt = islands.excerpt(document, places)
        self._states = excerpt.status.nodes
        self._tickets = excerpt.status.tickets
        self._order: dict[tuple[str, str], int] = {}
        self._root = self._reduced(document.root, excerpt)
        self._common = _common(Document(self._root, excerpt.status))
        self._all = _all_of(Document(self._root, excerpt.status))
        self._turns = _turns(Document(self._root, excerpt.status))

    def _reduced(self, root: XML, excerpt: Excerpt) -> XML:
        """The configuration with the resources and constraints of the part alone."""
        small = etree.Element(str(root.tag), _attributes(root))
        for section in root.iterfind("configuration/*"):
            parent = small.find("configuration")
            if parent is None:
                parent = etree.SubElement(small, "configuration")
            kept = excerpt.parts.get(str(section.tag))
            if kept is None:
                parent.append(copy.deepcopy(section))
                continue
            twin = etree.SubElement(parent, str(section.tag), _attributes(section))
            for place, element in kept:
                twin.append(copy.deepcopy(element))
                self._order[str(section.tag), element.get("id", "")] = place
        return small

    @property
    def root(self) -> XML:
        """The reduced configuration."""
        return self._root

    def document(self, edit: Edit) -> Excerpt:
        """The part with a change."""
        states = [
            NodeState(
                state.id,
                state.uname,
                dict(state.attrs),
                copy.deepcopy(state.transient),
                state.has_lrm,
                own_histories(state),
            )
            for state in self._states
        ]
        changed = Excerpt(copy.deepcopy(self._root), Status(states, [dict(ticket) for ticket in self._tickets]))
        edit(changed)
        for name in ("resources", "constraints"):
            section = changed.section(name)
            last = 1 << 20
            entries = []
            for element in section if section is not None else ():
                last += 1
                entries.append((self._order.get((name, element.get("id", "")), last), element))
            changed.parts[name] = entries
        return changed

    def is_about(self, document: Document) -> bool:
        """Whether a changed part is another one: the change is not one of something else."""
        return _all_of(document) != self._all

    def schedule(self, document: Document, now: Moment) -> Transition | None:
        """What is decided for the part; ``None`` if that hangs on what becomes of the others.

        So does everything when nothing of the part was changed: the change is one of something else.
        """
        if not self.is_about(document):
            return None
        part = Cluster(document, now, sanitized=True, ledger=True)
        part.tally = self._tally
        self._tally.replay()
        part.have_fencing = self._cluster.have_fencing
        unpack(part)
        transition = decide(part)
        alike = _common(document) == self._common and _turns(document) == self._turns
        if alike and not self._tally.differs:
            return transition
        return None if any(_hangs_on_loads(part, rsc) for rsc in part.resource_table) else transition


def _all_of(document: Document) -> tuple[object, ...]:
    """All that a change can change."""
    states = [
        (
            state.attrs,
            b"" if state.transient is None else etree.tostring(state.transient),
            [len(history.ops) for history in state.histories],
        )
        for state in document.status.nodes
    ]
    return etree.tostring(document.root), states, document.status.tickets


def _common(document: Document) -> tuple[object, ...]:
    """What concerns all resources: options, nodes and their attributes, defaults, and which resources there are."""
    root, found = document.root, []
    for section in root.iterfind("configuration/*"):
        if section.tag == "resources":
            found.append(b" ".join(str(top.get("id")).encode() for top in section))
        elif section.tag != "constraints":
            found.append(etree.tostring(section))
    states = []
    for state in document.status.nodes:
        pairs = [] if state.transient is None else list(state.transient.iter("nvpair"))
        values = [(pair.get("name", ""), pair.get("value")) for pair in pairs]
        states.append((state.attrs, [entry for entry in values if not entry[0].startswith((COUNT, LAST))]))
    return _attributes(root), found, states, document.status.tickets


def _turns(document: Document) -> tuple[object, ...]:
    """What decides when an island gets its turn, and so which loads it finds: the priorities of its resources."""
    return tuple(pair.get("value") for pair in document.root.iter("nvpair") if pair.get("name") == "priority")


def _hangs_on_loads(cluster: Cluster, rsc: Resource) -> bool:
    """Whether the load of nodes decided between places that were equally good."""
    contest = cluster.contests.get(rsc.idx)
    if contest is None or rsc.assigned is None or contest.preferred == rsc.assigned.name:
        return False
    own = next((score for idx, score, _load in contest.places if idx == rsc.assigned.idx), None)
    rivals = [idx for idx, score, _load in contest.places if score == own and cluster.node_table[idx].available]
    return len(rivals) > 1


def neighbourhood(document: Document, cluster: Cluster, tally: Tally, rsc: Resource) -> Neighbourhood | None:
    """The part of a scheduled cluster that a resource is in; ``None`` if it cannot be told apart, or is most of all."""
    configuration = document.root.find("configuration")
    text = b"" if configuration is None else etree.tostring(configuration)
    if (
        any(word in text for word in _REACHING)
        or cluster.have_remote_nodes
        or cluster.shutdown_lock
        or cluster.unfencing
        or cluster.placement != "default"
        or any(entry.container or entry.fillers for entry in cluster.resource_table)
        or any(one.what in _OF_NODES and one.cause.why not in _SEEN_AGAIN for one in cluster.decisions or ())
    ):
        return None
    islands = Islands(document)
    wanted = {rsc.top.config_id} | restless(cluster)
    for state in document.status.nodes:
        wanted |= {base_name(history.id) for history in state.histories if is_uneasy(history)}
    known = {name for name in wanted if islands.around([name]) is not None}
    if rsc.top.config_id not in known:
        return None
    places = islands.around(known)
    if places is None or 2 * len(places) > len(islands):
        return None
    return Neighbourhood(document, cluster, tally, places, islands)
