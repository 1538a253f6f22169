"""A directory with the tools that agents call, under the names they know, and nothing else.

It comes first in an agent's PATH, so it must not hold an interpreter: the directory that our tools are installed in
may, and an agent that begins with ``env python3`` would run with ours. Another cluster manager's tools of the same
names may be installed beside us; agents must not reach those.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from typing import Final

NAME: Final = "tools"
TOOLS: Final = (
    *("attrd_updater", "crm_attribute", "crm_master", "crm_failcount", "crm_standby", "crm_node", "crm_resource"),
    *("crm_mon", "crm_ticket", "crm_error", "crm_rule", "crm_simulate", "crm_verify", "crmadmin", "cibadmin"),
    *("crm_diff", "crm_shadow", "stonith_admin", "iso8601", "cibsecret", "ldirectord"),
)


def fill(run_dir: str) -> tuple[str, list[str]]:
    """Make the directory anew; gives its path and the tools that are not installed. OSError."""
    folder = os.path.join(run_dir, NAME)
    os.makedirs(folder, 0o755, exist_ok=True)
    own, beside = os.path.dirname(os.path.abspath(sys.argv[0])), os.path.dirname(sys.executable)
    places = (sysconfig.get_path("scripts"), own, beside)
    missing = []
    for tool in TOOLS:
        found = next((p for p in (os.path.join(place, tool) for place in places) if os.access(p, os.X_OK)), None)
        link = os.path.join(folder, tool)
        if found is None:
            missing.append(tool)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(link)
            continue
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{link}.new")
        os.symlink(found, f"{link}.new")
        os.replace(f"{link}.new", link)
    return folder, missing
