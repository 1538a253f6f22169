"""OCF agents that are there for a test alone: they say what they are, and do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

AGENT = """#!/bin/sh
[ "$1" = validate-all ] && exit $([ "$OCF_RESKEY_state" = bad ] && echo 2 || echo 0)
[ "$1" = meta-data ] && cat <<END
<?xml version="1.0"?>
<resource-agent name="NAME"><version>1.0</version><longdesc lang="en">Does nothing.</longdesc>
<shortdesc lang="en">An example</shortdesc><parameters>
<parameter name="state" unique="1"><longdesc lang="en">Where its state is.</longdesc><shortdesc lang="en">State
</shortdesc><content type="string" default="/run/state"/></parameter>
<parameter name="fake"><shortdesc lang="en">Any word</shortdesc><content type="string" default="x"/></parameter>
MORE</parameters><actions><action name="start" timeout="20s"/><action name="stop" timeout="20s"/>
<action name="monitor" timeout="20s" interval="10s" depth="0"/><action name="meta-data" timeout="5s"/></actions>
</resource-agent>
END
exit 0
"""


def make_agents(root: Path, agents: Mapping[str, str]) -> None:
    """Agents ``PROVIDER/NAME`` below an OCF root, each with more parameters of its own as XML."""
    for path, more in agents.items():
        file = root / "resource.d" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(AGENT.replace("NAME", file.name).replace("MORE", more))
        file.chmod(0o755)
