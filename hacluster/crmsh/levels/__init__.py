"""The levels of the shell: one module each, imported when it is entered."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hacluster.crmsh.level import Level

SUMMARIES: Final = {
    "cib": "shadow CIBs: make, use, compare, commit them",
    "cibstatus": "a pretended status, and what the cluster would do with it",
    "cluster": "the cluster as a whole: its nodes and their daemons",
    "configure": "the configuration: nodes, resources, constraints, options",
    "history": "what happened: commits, failures, what was decided",
    "lvs": "the load balancer of this host",
    "maintenance": "maintenance mode, and actions of agents past the cluster",
    "node": "nodes: standby, maintenance, attributes",
    "options": "what this user prefers",
    "ra": "resource agents that are installed here",
    "resource": "resources: start, stop, move, parameters, failures",
    "script": "whole services out of a few parameters",
    "site": "tickets of clusters in several places",
    "template": "configurations made of templates",
}
"""Every level that has a module of its own, with one line of what it is for."""


def find_level(name: str) -> Level:
    """The level of that name."""
    level: Level = importlib.import_module(f"hacluster.crmsh.levels.{name}").LEVEL
    return level
