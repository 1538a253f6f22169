"""Resource templates: what a primitive takes from its template."""

from __future__ import annotations

import copy

from hacluster.cib.document import XML
from hacluster.pe.model.cluster import Cluster


def _op_name(op: XML) -> tuple[str | None, str]:
    role = op.get("role")
    if role is None or role.lower() in ("started", "unpromoted", "slave"):
        role = "Unknown"
    return op.get("name"), role


def expand_template(cluster: Cluster, xml: XML) -> XML | None:
    """The element with its template filled in; itself if it names none, ``None`` if the template is not there."""
    name, ident = xml.get("template"), xml.get("id")
    if name is None:
        return xml
    section = cluster.document.section("resources")
    found = [] if section is None else [
        child for child in section if child.tag == "template" and child.get("id") == name
    ]  # fmt: skip
    if not found or name == ident:
        return None
    merged: XML = copy.deepcopy(found[0])
    merged.tag = xml.tag
    merged.set("id", ident or "")
    template_ops = merged.find("operations")
    own_ops: XML | None = None
    for child in xml:
        added: XML = copy.deepcopy(child)
        merged.append(added)
        if added.tag == "operations":
            own_ops = added
    if template_ops is not None and own_ops is not None:
        known = {_op_name(op) for op in own_ops}
        for op in template_ops:
            if _op_name(op) not in known:
                own_ops.append(copy.deepcopy(op))
        merged.remove(template_ops)
    refs = cluster.templates.setdefault(name, [])
    if ident is not None and ident not in refs:
        refs.append(ident)
    return merged
