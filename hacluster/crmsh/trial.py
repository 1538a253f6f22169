"""A change that a tool would make, tried on a copy of the CIB: what it would lead to."""

from __future__ import annotations

import copy
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hacluster.cib.markup import read_markup, show_markup
from hacluster.crmsh.level import Refused
from hacluster.crmsh.plan import Plan, plan

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session


def on_copy(session: Session, line: str) -> Plan | None:
    """Run a tool's line on a copy; ``None`` when the tool fails, which it has told."""
    before = session.read()
    with tempfile.TemporaryDirectory(prefix="crm-plan-") as folder:
        file = Path(folder) / "cib.xml"
        file.write_text(show_markup(before), encoding="utf-8")
        kept = {name: os.environ.get(name) for name in ("CIB_file", "CIB_shadow")}
        os.environ["CIB_file"] = str(file)
        os.environ.pop("CIB_shadow", None)
        try:
            status = session.tool_unsaid(line)
        finally:
            for name, value in kept.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
        after = read_markup(file.read_bytes())
    if status != 0 or after is None:
        return None
    return plan(before, after, after.find("status"))


def forgotten(session: Session, resource: str, node: str, *, failed_only: bool) -> Plan:
    """What forgetting the history of a resource (all without one) would lead to: crm_resource does that live alone."""
    before = session.read()
    after = copy.deepcopy(before)
    names = _members(before, resource)
    for state in after.iterfind("status/node_state"):
        if node and node not in {state.get("uname"), state.get("id")}:
            continue
        for history in list(state.iterfind("lrm/lrm_resources/lrm_resource")):
            name = (history.get("id") or "").partition(":")[0]
            counts = [
                pair
                for pair in state.iterfind("transient_attributes/instance_attributes/nvpair")
                if re.fullmatch(rf"(fail-count|last-failure)-{re.escape(name)}(#.*)?", pair.get("name") or "")
            ]
            if (names and name not in names) or (failed_only and not counts):
                continue
            for gone in (history, *counts):
                parent = gone.getparent()
                assert parent is not None, "it was found in one"
                parent.remove(gone)
    return plan(before, after, after.find("status"))


def _members(root: XML, resource: str) -> set[str]:
    if not resource:
        return set()
    found = root.find(f"configuration/resources//*[@id='{resource}']")
    if found is None:
        raise Refused(f"there is no resource {resource}")
    return {resource, *(str(one.get("id")) for one in found.iter("primitive"))}
