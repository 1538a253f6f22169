"""What is wrong with the laboratory's network, and how the kernel is told.

A port is the bridge's end of a host's cable. A cable that is pulled is a port that is down: the host sees no carrier.
What a cable cannot do (one direction, one peer, loss) is a rule of nftables on the bridge; loss alone is also done with
tc's netem where nftables is not installed. All rules are written anew from the whole state, in one transaction, so that
no fault can be left behind by another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["both", "in", "out"]
"""As the host sees it: ``out`` is what it sends."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Frames between ``port`` and ``peer`` (``None``: anybody) that are dropped; ``per_myriad`` of 10,000."""

    port: str
    direction: Direction
    peer: str | None = None
    per_myriad: int = 10_000


def ruleset(faults: list[Fault]) -> str:
    """Input for ``nft -f -`` that replaces the whole table (nft(8), family bridge, hook forward)."""
    rules = [rule for fault in faults for rule in _rules(fault)]
    body = "\n".join(f"    {rule}" for rule in rules)
    return (
        "table bridge lab { }\ndelete table bridge lab\n"
        "table bridge lab {\n  chain forwarded {\n    type filter hook forward priority 0;\n" + body + "\n  }\n}\n"
    )


def _rules(fault: Fault) -> list[str]:
    ways = []
    if fault.direction in ("both", "out"):
        ways.append(("iifname", "oifname"))
    if fault.direction in ("both", "in"):
        ways.append(("oifname", "iifname"))
    verdict = "drop" if fault.per_myriad >= 10_000 else f"numgen random mod 10000 < {fault.per_myriad} drop"
    rules = []
    for near, far in ways:
        peer = "" if fault.peer is None else f'{far} "{fault.peer}" '
        rules.append(f'{near} "{fault.port}" {peer}{verdict}')
    return rules


def netem(interface: str, per_myriad: int) -> list[str]:
    """The command that makes ``interface`` lose what it sends (tc-netem(8)); 0 ends that."""
    if per_myriad == 0:
        return ["tc", "qdisc", "del", "dev", interface, "root"]
    return ["tc", "qdisc", "replace", "dev", interface, "root", "netem", "loss", f"{per_myriad / 100:g}%"]
