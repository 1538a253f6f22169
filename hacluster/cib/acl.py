"""Access control: which parts of a CIB a user may read and change.

``acls`` holds roles, each a list of permissions, and targets (users) and groups that have roles (Pacemaker Explained,
"Access Control Lists"). A permission reads, writes or denies what its XPath, its reference or its object type selects,
and everything below. The nearest permission that says enough decides, so that a read inside of what may be written
takes nothing away, and a deny does. Where permissions meet on one element, deny wins over write and write over read.
Without a permission nothing may be read. root and hacluster may do everything.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.cib.document import XML
from hacluster.cib.edit import EditError, select
from hacluster.cib.places import place_of

PRIVILEGED: Final = frozenset({"root", "hacluster"})
"""Users who are not limited."""


class Mode(IntEnum):
    """What a permission allows; where several meet on an element, the highest wins."""

    READ = 1
    WRITE = 2
    DENY = 3


_KINDS: Final = {"read": Mode.READ, "write": Mode.WRITE, "deny": Mode.DENY}


@dataclass(frozen=True, slots=True)
class Permission:
    """One ``acl_permission``: a mode and the XPath of what it is for."""

    mode: Mode
    xpath: str


def _quoted(text: str) -> str:
    """An XPath literal. A text with both kinds of quotes has none in XPath 1.0 and matches nothing."""
    if "'" not in text:
        return f"'{text}'"
    return f'"{text}"' if '"' not in text else "''"


def _xpath(element: XML) -> str | None:
    xpath, reference = element.get("xpath"), element.get("reference")
    kind, attribute = element.get("object-type"), element.get("attribute")
    if xpath is not None:
        return xpath
    if reference is not None:
        return f"//{kind or '*'}[@id={_quoted(reference)}]"
    if kind is None:
        return None
    return f"//{kind}[@{attribute}]" if attribute is not None else f"//{kind}"


def _name(owner: XML) -> str | None:
    """The user or group that an entry is for: its name (since 3.8), or else its id."""
    return owner.get("name") or owner.get("id")


def enabled(root: XML) -> bool:
    """Whether the option ``enable-acl`` is set."""
    pairs = root.iterfind("configuration/crm_config/cluster_property_set/nvpair[@name='enable-acl']")
    return any((pair.get("value") or "").lower() in ("true", "on", "yes", "y", "1") for pair in pairs)


def permissions(root: XML, user: str, groups: Iterable[str] = ()) -> list[Permission]:
    """The permissions of a user: those of the roles of its target and of its groups, in the order of the document."""
    acls = root.find("configuration/acls")
    if acls is None:
        return []
    member_of = set(groups)
    owners = [
        item
        for item in acls.iterchildren("acl_target", "acl_group")
        if _name(item) in ({user} if item.tag == "acl_target" else member_of)
    ]
    roles = {str(role.get("id")): role for role in acls.findall("acl_role")}
    found: list[Permission] = []
    for owner in owners:
        for reference in owner.findall("role"):
            role = roles.get(str(reference.get("id")))
            for element in role.findall("acl_permission") if role is not None else ():
                mode, xpath = _KINDS.get(str(element.get("kind"))), _xpath(element)
                if mode is not None and xpath is not None:
                    found.append(Permission(mode, xpath))
    return found


class Access:
    """What one user may do in one document."""

    def __init__(self, root: XML, user: str, groups: Iterable[str] = ()) -> None:
        self._root = root
        self._free = user in PRIVILEGED or not enabled(root)
        self._modes: dict[XML, Mode] = {}
        if not self._free:
            for permission in permissions(root, user, groups):
                self._grant(permission)

    def _grant(self, permission: Permission) -> None:
        try:
            chosen = select(self._root, permission.xpath)
        except EditError:
            return  # check() reports it; a permission that selects nothing grants nothing
        for element in chosen:
            self._modes[element] = max(permission.mode, self._modes.get(element, permission.mode))

    def _may(self, element: XML, wanted: Mode) -> bool:
        """Walk up to the first element that settles it: a deny, or a mode that covers what is wanted."""
        at: XML | None = None if self._free else element
        while at is not None:
            mode = self._modes.get(at)
            if mode is Mode.DENY:
                return False
            if mode is not None and mode >= wanted:
                return True
            at = at.getparent()
        return self._free

    def may_read(self, element: XML) -> bool:
        """Whether the element and its attributes may be seen."""
        return self._may(element, Mode.READ)

    def may_write(self, element: XML) -> bool:
        """Whether the element may be changed, deleted or given new children."""
        return self._may(element, Mode.WRITE)

    def readable(self) -> XML | None:
        """A copy of the document with what may be read; ``None`` when that is nothing.

        An element that may not be read, but holds one that may, is there with its id alone.
        """
        return copy.deepcopy(self._root) if self._free else self._readable(self._root, None)

    def _readable(self, element: XML, inherited: Mode | None) -> XML | None:
        mode = self._modes.get(element, inherited)
        kept = [twin for child in element if (twin := self._child(child, mode)) is not None]
        may = mode in (Mode.READ, Mode.WRITE)
        if not may and not kept:
            return None
        twin = copy.copy(element)
        twin[:] = kept
        if not may:
            for name in [name for name in twin.attrib if name != "id"]:
                del twin.attrib[name]
        return twin

    def _child(self, child: XML, mode: Mode | None) -> XML | None:
        return self._readable(child, mode) if isinstance(child.tag, str) else None

    def refused(self, changed: Iterable[XML], file: str = "cib.xml") -> list[Report]:
        """One report for each element of the document that may not be changed."""
        return [
            Report("permission-denied", Severity.ERROR, "this may not be changed by this user", place_of(item, file))
            for item in changed
            if not self.may_write(item)
        ]


def check(root: XML, file: str = "cib.xml") -> list[Report]:
    """What is wrong with the access control of a document: XPaths that are none, permissions that select nothing."""
    reports: list[Report] = []
    for element in root.iterfind("configuration/acls/acl_role/acl_permission"):
        xpath = _xpath(element)
        if xpath is None:
            continue
        place = place_of(element, file)
        try:
            chosen = select(root, xpath)
        except EditError as error:
            reports.append(Report("bad-xpath", Severity.ERROR, str(error), place))
            continue
        if not chosen:
            text = f"the permission selects nothing with {xpath}"
            reports.append(Report("idle-permission", Severity.NOTICE, text, place))
    return reports
