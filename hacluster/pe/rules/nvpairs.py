"""Sets of name-value pairs: which apply, in which order, and which value wins.

Sets are taken by falling score, of equal ones the later in the document first; the first value of a name stays, unless
the caller wants the later ones to replace it.
"""

from __future__ import annotations

from typing import NamedTuple

from hacluster.cib.document import XML, expand_within, own_tree
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.rules.evaluate import Subject, test_rules


class _Set(NamedTuple):
    score: int
    element: XML
    has_rules: bool
    pairs: list[tuple[str, str]]


def _pairs(cluster: Cluster, element: XML) -> list[tuple[str, str]]:
    if len(element) and element[0].tag == "attributes":
        element = element[0]
    found = []
    for child in element:
        if child.tag != "nvpair":
            continue
        name, value = child.get("name"), child.get("value")
        if name is None or value is None:
            target = cluster.document.expand(child)
            if target is not None:
                name = target.get("name") if name is None else name
                value = target.get("value") if value is None else value
        if name is not None and value is not None:
            found.append((name, value))
    return found


def _referred(cluster: Cluster, child: XML) -> XML | None:
    """The set that a reference means: as in Pacemaker 3.0, one in a resource finds only what is in the same."""
    if child.get("id-ref") is None:
        return child
    tree = own_tree(child)
    return cluster.document.expand(child) if tree is cluster.document.root else expand_within(tree, child)


def _sets(cluster: Cluster, parent: XML, tag: str, first: str | None) -> list[_Set]:
    key = (parent, tag)
    cached = cluster.set_cache.get(key)
    if cached is not None:
        return cached
    found = []
    for child in reversed(parent):
        if child.tag != tag:
            continue
        element = _referred(cluster, child)
        if element is not None:
            has_rules = any(entry.tag == "rule" for entry in element)
            score = cluster.score_of(element.get("score"))
            found.append(_Set(score, element, has_rules, _pairs(cluster, element)))
    found.sort(key=lambda entry: (entry.element.get("id") != first if first else True, -entry.score))
    cluster.set_cache[key] = found
    return found


def subject_for(cluster: Cluster) -> Subject:
    """A subject that knows only the time."""
    return Subject(cluster.now, cluster.recheck_at)


def gather(
    cluster: Cluster,
    parent: XML | None,
    tag: str,
    subject: Subject,
    into: dict[str, str],
    *,
    overwrite: bool = False,
    first: str | None = None,
) -> None:
    """Put the values of the sets ``tag`` of ``parent`` that apply to ``subject`` into ``into``.

    ``#default`` as a value takes back what a set before has said. ``first`` is the id of a set that goes first.
    """
    if parent is None:
        return
    for entry in _sets(cluster, parent, tag, first):
        if entry.has_rules and not test_rules(entry.element, subject):
            continue
        for name, value in entry.pairs:
            if value.lower() == "#default":
                into.pop(name, None)
            elif overwrite or name not in into:
                into[name] = value
