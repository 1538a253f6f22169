"""Defaults of resources and operations whose rules ask for the time: they are about everything at once."""

from __future__ import annotations

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import XML, Document
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.rules.dates import test_date
from hacluster.pe.rules.evaluate import test_rules
from hacluster.pe.rules.nvpairs import subject_for


class Defaults:
    """What the dates in the defaults say: good until one of them says something else."""

    def __init__(self, document: Document, now: Moment) -> None:
        sections = [document.section(name) for name in ("rsc_defaults", "op_defaults")]
        self._sections = [section for section in sections if section is not None]
        self._dates = [date for section in self._sections for date in section.iter("date_expression")]
        self._said = self._say(now)

    def _say(self, now: Moment) -> list[bool]:
        return [test_date(now, date)[0] for date in self._dates]

    def hold(self, now: Moment) -> bool:
        """Whether they say what they said."""
        return self._say(now) == self._said

    def recheck(self, part: Cluster) -> int:
        """When to schedule again: what a part has found, or when a default changes."""
        if self._dates:
            for section in self._sections:
                for block in section:
                    test_rules(block, subject_for(part))
        return part.recheck_by


def are_plain(root: XML) -> bool:
    """Whether what the defaults say at a time is the same for all resources and operations."""
    for name in ("rsc_defaults", "op_defaults"):
        section = root.find(name)
        if section is None:
            continue
        if any("interval-origin" in (entry.get("name"), *entry.keys()) for entry in section.iter("nvpair")):
            return False
        dated = next(section.iter("date_expression"), None) is not None
        if dated and next(section.iter("rsc_expression", "op_expression", "expression"), None) is not None:
            return False
        if dated and any(entry.get("id-ref") is not None for entry in section.iter() if isinstance(entry.tag, str)):
            return False
    return True
