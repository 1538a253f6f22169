"""Access control of pacemaker-1.x in the words of 2.0: targets, roles and permissions.

In 1.x a user either had permissions of its own or referred to roles, and a permission was an element ``read``,
``write`` or ``deny``. Since 2.0 only roles have permissions (Pacemaker Explained, "Access Control Lists").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from hacluster.base.report import Report, Severity
from hacluster.cib.document import XML
from hacluster.cib.places import place_of

_KINDS: Final = ("read", "write", "deny")


def _permission(old: XML, file: str) -> Iterator[Report]:
    """Rewrite one ``read``, ``write`` or ``deny`` in place; say where it now covers more than before."""
    place = place_of(old, file)
    given = {str(name): str(value) for name, value in old.attrib.items()}
    kind, attribute = str(old.tag), given.get("attribute")
    new = {"id": given.get("id", ""), "kind": kind}
    if "ref" in given:
        new["reference"] = given["ref"]
        if attribute is not None:
            text = f"permission applies to the whole element, no longer to its attribute {attribute} alone"
            yield Report("acl-widened", Severity.WARNING, text, place, "use xpath to narrow it")
    elif "tag" in given:
        new["object-type"] = given["tag"]
        if attribute is not None:
            new["attribute"] = attribute
    else:
        new["xpath"] = given.get("xpath", "") + (f"[@{attribute}]" if attribute is not None else "")
    old.tag = "acl_permission"
    old.attrib.clear()
    for name, value in new.items():
        old.set(name, value)


def upgrade_acls(configuration: XML, file: str) -> list[Report]:
    """Rewrite the ``acls`` section in place; answers with one report for each user and role that changed."""
    reports: list[Report] = []
    for section in configuration.findall("acls"):
        for user in section.findall("acl_user"):
            place = place_of(user, file)
            own = [child for child in user if child.tag in _KINDS]
            user.tag = "acl_target"
            for reference in user.findall("role_ref"):
                reference.tag = "role"
            text = "user is now an acl_target"
            if own:
                name = f"auto-{user.get('id')}"
                role = etree.Element("acl_role", id=name)
                role.extend(own)
                etree.SubElement(user, "role", id=name)
                user.addnext(role)
                text += f" with its permissions in the role {name}"
            reports.append(Report("upgraded-acl", Severity.NOTICE, text, place))
        for role in section.findall("acl_role"):
            for permission in [child for child in role if child.tag in _KINDS]:
                reports.extend(_permission(permission, file))
    return reports
