"""What the shell knows of a configuration: one row for each kind of object.

Order is how ``configure show`` sorts: by kind, then by id (crmsh 4.4, sort-elements on).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lxml import etree


@dataclass(frozen=True, slots=True)
class Kind:
    """``tag``: of the element; ``word``: the verb; ``section``: where it stands; ``rank``: when it is shown."""

    tag: str
    word: str
    section: str
    rank: int
    default_id: str = ""


KINDS: Final = (
    Kind("node", "node", "nodes", 0),
    Kind("template", "rsc_template", "resources", 1),
    Kind("primitive", "primitive", "resources", 2),
    Kind("bundle", "bundle", "resources", 3),
    Kind("group", "group", "resources", 4),
    Kind("master", "ms", "resources", 5),
    Kind("clone", "clone", "resources", 6),
    Kind("tag", "tag", "tags", 8),
    Kind("rsc_location", "location", "constraints", 9),
    Kind("rsc_colocation", "colocation", "constraints", 9),
    Kind("rsc_order", "order", "constraints", 9),
    Kind("rsc_ticket", "rsc_ticket", "constraints", 10),
    Kind("fencing-topology", "fencing_topology", "configuration", 10),
    Kind("cluster_property_set", "property", "crm_config", 11, "cib-bootstrap-options"),
    Kind("rsc_defaults", "rsc_defaults", "rsc_defaults", 12, "rsc-options"),
    Kind("op_defaults", "op_defaults", "op_defaults", 13, "op-options"),
    Kind("acl_role", "role", "acls", 14),
    Kind("acl_target", "acl_target", "acls", 15),
    Kind("acl_group", "acl_group", "acls", 15),
    Kind("acl_user", "user", "acls", 15),
    Kind("alert", "alert", "alerts", 16),
)
BY_TAG: Final = {kind.tag: kind for kind in KINDS}
BY_WORD: Final = {kind.word: kind for kind in KINDS} | {
    "master": BY_TAG["master"],
    "collocation": BY_TAG["rsc_colocation"],
    "fencing-topology": BY_TAG["fencing-topology"],
    "resource": BY_TAG["primitive"],
}

DEFAULTS: Final = frozenset({"rsc_defaults", "op_defaults"})
"""Kinds whose objects are the meta_attributes inside the element."""

CONTAINERS: Final = frozenset({"group", "clone", "master", "bundle"})
MEMBERS: Final = frozenset({"group", "primitive"})
"""What may be inside a container."""

ATTRIBUTE_DEFAULTS: Final = {
    "node": {"type": "normal"},
    "resource_set": {"sequential": "true", "require-all": "true"},
    "rule": {"boolean-op": "and"},
    "expression": {"type": "string"},
}
"""Attributes that say what is so without them."""

ACL_SHORTCUTS: Final = {
    "meta": ("//primitive[@id='@@']/meta_attributes", "/nvpair[@name='@@']"),
    "params": ("//primitive[@id='@@']/instance_attributes", "/nvpair[@name='@@']"),
    "utilization": ("//primitive[@id='@@']/utilization",),
    "location": ("//rsc_location[@id='cli-prefer-@@' and @rsc='@@']",),
    "property": ("//crm_config/cluster_property_set", "/nvpair[@name='@@']"),
    "nodeattr": ("//nodes/node/instance_attributes", "/nvpair[@name='@@']"),
    "nodeutil": ("//nodes/node/utilization", "[@uname='@@']"),
    "node": ("//nodes/node", "[@uname='@@']"),
    "status": ("/cib/status",),
    "cib": ("/cib",),
}
"""Words for XPath expressions in ACL rules; each ``@@`` takes one name, a later part may be left out."""


def is_comment(node: Any) -> bool:
    """Whether a child of an element is a comment; what lxml says of it in types is not so."""
    return node.tag is etree.Comment


def is_element(node: Any) -> bool:
    """Whether a child of an element is an element, and no comment or processing instruction."""
    return isinstance(node.tag, str)


def schema_number(validate_with: str | None) -> tuple[int, int]:
    """``(3, 9)`` of ``pacemaker-3.9``; (99, 0) for what has no number, such as ``pacemaker-next`` or none."""
    major, _, minor = (validate_with or "").removeprefix("pacemaker-").partition(".")
    if major.isdecimal() and minor.isdecimal():
        return int(major), int(minor)
    return 99, 0
