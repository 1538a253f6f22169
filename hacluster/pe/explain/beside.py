"""What has to do with a resource and did not decide: settings that mean nothing, constraints that are outweighed,
failures that have expired, moves that were left over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from hacluster.base.report import Report, Severity
from hacluster.base.score import INFINITY, parse_score, show_score
from hacluster.cib.checks import check_configuration
from hacluster.cib.document import XML
from hacluster.pe.explain.answer import Because
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import Resource
from hacluster.pe.rules.evaluate import Subject, test_rules

_SIDES: Final = ("rsc", "with-rsc", "first", "then")
_TOLD_BY_SCORES: Final = frozenset({"left-over", "inner-member", "no-fencing-device"})
LEFT_OVER: Final = ("cli-prefer-", "cli-ban-", "cli-standby-")
"""How the ids of constraints begin that crm_resource makes for a move or a ban."""


def _family(rsc: Resource) -> set[str]:
    """The ids under which constraints may mean a resource: its own and those of what stands around it."""
    found: set[str] = set()
    at: Resource | None = rsc
    while at is not None:
        found.add(at.config_id)
        at = at.parent
    return found


def _names(constraint: XML) -> set[str]:
    named = {constraint.get(side, "") for side in _SIDES}
    return named | {str(ref.get("id")) for ref in constraint.iterfind("resource_set/resource_ref")}


def clear_command(rsc_id: str) -> str:
    """The command that takes away what a move or ban left."""
    return f"crm_resource --clear --resource {rsc_id}"


def left_over(constraint: XML | None) -> str:
    """What is to be said of a constraint that a move or ban by hand left; empty for all others."""
    ident = "" if constraint is None else constraint.get("id", "")
    if constraint is None or not ident.startswith(LEFT_OVER):
        return ""
    what = "a ban" if ident.startswith("cli-ban-") else "a move"
    return f", left over from {what} by hand: {clear_command(constraint.get('rsc', ''))} removes it"


def _location(cluster: Cluster, constraint: XML) -> Because:
    ident, node = constraint.get("id", ""), constraint.get("node")
    over = left_over(constraint)
    if node is not None:
        score = show_score(parse_score(constraint.get("score")))
        known = "" if cluster.find_node(node) is not None else ", a node that is not there"
        return Because(f"location constraint {ident} gives {score} to {node}{known}{over}", ident)
    passing = []
    for place in cluster.nodes:
        subject = Subject(cluster.now, lambda _when: None, place.attrs)
        if test_rules(constraint, subject):
            passing.append(place.name)
    held = f"holds for {' and '.join(passing)}" if passing else "holds for no node now"
    return Because(f"the rule of location constraint {ident} {held}{over}", ident)


def _colocation(constraint: XML) -> Because:
    ident, score = constraint.get("id", ""), parse_score(constraint.get("score"))
    one, other = constraint.get("rsc", "what it names"), constraint.get("with-rsc", "one another")
    verb = "apart from" if score < 0 else "with"
    must = "must" if abs(score) >= INFINITY else "should"
    text = f"colocation constraint {ident} (score {show_score(score)}): {one} {must} be {verb} {other}"
    return Because(text, ident)


def constraints_beside(rsc: Resource, named: set[str]) -> Iterator[Because]:
    """Constraints on a resource that no reason has named, because something else counts for more."""
    cluster, family = rsc.cluster, _family(rsc)
    for constraint in cluster.document.root.iterfind("configuration/constraints/*"):
        ident = constraint.get("id", "")
        inner = {str(part.get("id")) for part in constraint.iter(etree.Element)}
        if not family & _names(constraint) or inner & named:
            continue
        if constraint.tag == "rsc_location":
            yield _location(cluster, constraint)
        elif constraint.tag == "rsc_colocation":
            yield _colocation(constraint)
        elif constraint.tag == "rsc_order":
            first, then = constraint.get("first"), constraint.get("then")
            what = f"{then} after {first}" if first is not None and then is not None else "what it names"
            yield Because(f"order constraint {ident}: {what}", ident)


def _about(report: Report, elements: dict[str, XML], wanted: set[XML]) -> bool:
    """Whether a finding is about one of the wanted elements, or what is in it."""
    field = report.place.field if report.place is not None else None
    parts = (field or "").split('"')
    at: XML | None = elements.get(parts[1]) if len(parts) > 1 else None
    while at is not None:
        if at in wanted:
            return True
        at = at.getparent()
    return False


def mistakes(rsc: Resource, root: XML) -> Iterator[Because]:
    """What the configuration (or a part of it) says of a resource that is ignored or means something else."""
    family = _family(rsc)
    elements = {str(entry.get("id")): entry for entry in root.iter(etree.Element) if entry.get("id") is not None}
    wanted = {elements[ident] for ident in family if ident in elements}
    wanted |= {one for one in root.iterfind("configuration/constraints/*") if family & _names(one)}
    wanted |= set(root.iterfind("configuration/crm_config"))
    for report in check_configuration(root):
        if (
            report.severity <= Severity.WARNING
            and report.code not in _TOLD_BY_SCORES
            and _about(report, elements, wanted)
        ):
            field = report.place.field if report.place is not None and report.place.field is not None else ""
            ident = field.split('"')[1] if '"' in field else None
            hint = f" ({report.hint})" if report.hint else ""
            yield Because(f"{report.text}{hint}", ident)


def expired_failures(rsc: Resource) -> Iterator[Because]:
    """Failures that are on record and count no more."""
    cluster, timeout = rsc.cluster, rsc.failure_timeout
    if not timeout:
        return
    for state in cluster.document.status.nodes:
        for name in dict.fromkeys((rsc.clone_name or rsc.xml_id, rsc.xml_id)):
            for history in state.histories_of(name):
                for op in history.ops:
                    failed = (op.rc != op.target_rc and op.status not in (-1, 0)) or op.id.endswith("_last_failure_0")
                    if not failed or op.last_change is None:
                        continue
                    ago = cluster.now.epoch - op.last_change
                    if ago > timeout:
                        what = f"{op.task} of it failed on {state.uname} {ago}s ago with exit code {op.rc}"
                        yield Because(f"{what}; the failure has expired (failure-timeout is {timeout}s)", op.id)
                    else:
                        text = f"{op.task} of it failed on {state.uname}; the failure expires in {timeout - ago}s"
                        yield Because(text, op.id)
