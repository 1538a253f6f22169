"""Capacities: what nodes have, what resources take (Pacemaker Explained, "Utilization and Placement Strategy")."""

from __future__ import annotations

from hacluster.base.values import scan_int
from hacluster.pe.model.node import Node


def amount(text: str | None) -> int:
    """An amount; what is no number counts 0."""
    return 0 if text is None else (scan_int(text) or 0)


def compare_capacities(one: Node, other: Node) -> int:
    """Negative if the first node has more of more things left, positive if the second, 0 if that is even."""
    result = 0
    for name in one.utilization.keys() | other.utilization.keys():
        left, right = amount(one.utilization.get(name)), amount(other.utilization.get(name))
        result += (left < right) - (left > right)
    return (result > 0) - (result < 0)


def _bounded(value: int) -> str:
    return str(max(-(2**31), min(value, 2**31 - 1)))


def consume(table: dict[str, str], needs: dict[str, str]) -> None:
    """Take from a table of capacities; what a node does not have it owes."""
    for name, value in needs.items():
        table[name] = _bounded(amount(table.get(name)) - amount(value))


def release(table: dict[str, str], needs: dict[str, str]) -> None:
    """Give back to a table of capacities, or add up needs."""
    for name, value in needs.items():
        table[name] = _bounded(amount(table.get(name)) + amount(value))


def fits(needs: dict[str, str], node: Node) -> bool:
    """Whether a node has enough left of everything."""
    return all(amount(value) <= amount(node.utilization.get(name)) for name, value in needs.items())
