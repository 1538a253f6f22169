"""Resources counted by their agents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.resource import Resource
from hacluster.pe.views.outline import Item
from hacluster.pe.views.status.show import Show


def agent_words(rsc: Resource) -> str:
    """``ocf:heartbeat:IPaddr2``, ``systemd:httpd``."""
    standard, provider, kind = rsc.agent
    parts = [standard or "unknown", *([provider] if provider else []), kind or "unknown"]
    return ":".join(parts)


def brief_items(
    rscs: Iterable[Resource], show: Show, *, by_node: bool = False, inactive: bool | None = None
) -> Iterator[Item]:
    """One line for each agent and node. With ``by_node`` the node is told by what surrounds it."""
    from hacluster.pe.assign.hashing import table_order  # noqa: PLC0415 - few want it

    all_of: Counter[str] = Counter()
    active: dict[str, Counter[str]] = {}
    for rsc in rscs:
        if rsc.kind is not Kind.PRIMITIVE:
            continue
        agent = agent_words(rsc)
        all_of[agent] += 1
        for node in rsc.active_on:
            if node.online or not rsc.managed:
                active.setdefault(node.name, Counter())[agent] += 1
    with_inactive = show.inactive if inactive is None else inactive
    for agent in sorted(all_of):
        total = 0
        for name in table_order(active):
            count = active[name][agent]
            total += count
            if not count:
                continue
            number = f"{count}/{all_of[agent]}" if with_inactive and not by_node else str(count)
            yield Item(f"{number}\t({agent}):\tActive {'' if by_node else name}")
        if with_inactive and total == 0:
            yield Item(f"0/{all_of[agent]}\t({agent}):\tActive")
