"""The tools in the line of Pacemaker's, called inside this process: what a shell would start, without starting it."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Sequence
from typing import Final

ENTRIES: Final = {
    "attrd_updater": "attrd_updater:script",
    "cibadmin": "cibadmin:script",
    "cibsecret": "cibsecret:script",
    "crm_attribute": "crm_attribute:script",
    "crm_diff": "crm_diff:script",
    "crm_failcount": "crm_attribute:failcount_script",
    "crm_mon": "crm_mon:script",
    "crm_node": "crm_node:script",
    "crm_resource": "crm_resource:script",
    "crm_shadow": "crm_shadow:script",
    "crm_simulate": "simulate:script",
    "crm_ticket": "crm_ticket:script",
    "crm_verify": "crm_verify:script",
    "crmadmin": "crmadmin:script",
    "stonith_admin": "stonith_admin:script",
}
"""Where each tool's console script is, below :mod:`hacluster.tools`."""


def call(argv: Sequence[str]) -> int:
    """Run a tool as its console script does; its exit status."""
    module, _, function = ENTRIES[argv[0]].partition(":")
    entry = getattr(importlib.import_module(f"hacluster.tools.{module}"), function)
    before = sys.argv
    sys.argv = list(argv)
    try:
        entry()
    except SystemExit as ended:
        code = ended.code
        return code if isinstance(code, int) else 0 if code is None else 1
    finally:
        sys.argv = before
    return 0


def quoted(value: str) -> str:
    """A value in the quotes that are always there, so that it can be seen where it ends."""
    return f"'{value}'" if "'" not in value else shlex.quote(value)
