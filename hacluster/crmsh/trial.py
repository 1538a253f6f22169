"""A change that a tool would make, tried on a copy of the CIB: what it would lead to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hacluster.cib.markup import read_markup, show_markup
from hacluster.crmsh.plan import Plan, plan

if TYPE_CHECKING:
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
