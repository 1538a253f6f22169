"""What a CIB says to the manager of a node: its times and limits, as the policy engine reads the cluster options."""

from __future__ import annotations

from typing import Final

from hacluster.base.values import interval_ms, scan_int, version_parts
from hacluster.cib.document import XML
from hacluster.cib.grammar import PREFIX
from hacluster.cib.schema import ATTRIBUTE
from hacluster.cib.voters import OPTION
from hacluster.msg.crmd import ManagerOptions
from hacluster.pe.model.options import Options

TOLD: Final = ("cluster-infrastructure", "cluster-name", "dc-version", "have-watchdog")
"""What a DC writes about itself and its cluster."""

_WITH_TIMES: Final = (4,)
"""The first schema whose readers all know a ``node_state`` that says since when."""


def options_of(options: Options, root: XML) -> ManagerOptions:
    """The manager's part of the cluster options of a CIB."""

    def named_ms(name: str) -> int | None:
        return interval_ms(options[name]) if name in options.named else None

    return ManagerOptions(
        dc_deadtime_ms=named_ms("dc-deadtime"),
        integration_ms=named_ms("join-integration-timeout"),
        recheck_ms=interval_ms(options["cluster-recheck-interval"]),
        escalation_ms=interval_ms(options["shutdown-escalation"]),
        transition_delay_ms=interval_ms(options["transition-delay"]),
        load_threshold=float(options["load-threshold"].rstrip("%")) / 100,
        action_limit=scan_int(options["node-action-limit"]) or 0,
        times=version_parts(root.get(ATTRIBUTE, "").removeprefix(PREFIX)) >= _WITH_TIMES,
        nodes=tuple((node.get("id", ""), node.get("uname", "")) for node in root.iterfind("configuration/nodes/node")),
        voters=options.get(OPTION) or "",
        told=tuple((name, options[name]) for name in TOLD if name in options.named),
    )
