"""Trying changes: each is made on a copy and scheduled before a word is said of it.

A change is tried on the part of the cluster that the resource is in, where that is enough to know, else on all of it,
as often as the size of the cluster allows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

from hacluster.base.iso8601 import Moment
from hacluster.base.report import Severity
from hacluster.cib.checks import check_configuration
from hacluster.cib.document import XML, Document
from hacluster.pe.explain.answer import Effect
from hacluster.pe.explain.edits import Candidate, copied
from hacluster.pe.explain.outcome import outcome, places_of, restarted, untouched
from hacluster.pe.explain.part import Neighbourhood
from hacluster.pe.explain.stuck import stuck_actions
from hacluster.pe.explain.words import Teller
from hacluster.pe.model.resource import Resource
from hacluster.pe.schedule import Transition, decide, status

_RUNS: Final = 60
"""Most changes that are tried on the whole cluster."""
_WORK: Final = 200_000
"""Most resource-node pairs that are scheduled altogether to try changes."""
_FEWEST: Final = 4
_PART_RUNS: Final = 400
"""Most changes that are tried on a part."""

Accepts = Callable[[XML, XML], bool]
"""Whether a change, given as the configuration before and after, is one that can be made."""


@functools.lru_cache(maxsize=2)
def _known(before: XML) -> frozenset[tuple[str, str]]:
    """What is wrong with a configuration, which is that of many trials."""
    return frozenset((report.code, report.text) for report in check_configuration(before))


def sound(before: XML, after: XML) -> bool:
    """Whether a changed configuration has no error that it had not before."""
    known = _known(before)
    return not any(
        report.severity <= Severity.ERROR and (report.code, report.text) not in known
        for report in check_configuration(after)
    )


class Trials:
    """Tries changes on copies, within bounds. ``part`` is what the resource is in, if that can be told apart."""

    def __init__(
        self,
        document: Document,
        now: Moment,
        teller: Teller,
        rsc: Resource,
        *,
        accepts: Accepts,
        part: Neighbourhood | None,
    ) -> None:
        cluster = teller.cluster
        self._document = document
        self._cluster = cluster
        self._now = now
        self._accepts = accepts
        self._part = part
        self._id = rsc.id
        self.present = places_of(rsc, teller.stuck)
        self._restarted = restarted(rsc)
        self._untouched = untouched(rsc)
        size = max(1, len(cluster.resource_table) * len(cluster.nodes))
        most = min(_RUNS, _WORK // size)
        self._left = most // _FEWEST if part is not None else max(_FEWEST, most)
        self._parts_left = _PART_RUNS

    def _tried(self, candidate: Candidate, only_cheap: bool) -> tuple[Transition, XML, XML] | None:
        """What is decided after a change, and the configuration before and after."""
        before, after = self._document.root, None
        if self._part is not None and self._parts_left > 0:
            self._parts_left -= 1
            small = self._part.document(candidate.edit)
            found = self._part.schedule(small, self._now)
            if found is not None:
                return found, self._part.root, small.root
            if self._part.is_about(small):
                before, after = self._part.root, small.root
        if self._left <= 0 or (only_cheap and self._part is not None):
            return None
        self._left -= 1
        document = copied(self._document)
        candidate.edit(document)
        return self._everything(document), before, document.root if after is None else after

    def _everything(self, document: Document) -> Transition:
        """Schedule all of a changed document, with what is known of its resources if these are the same."""
        memory, known = self._cluster.memory, self._cluster.document.root.find("configuration")
        configuration = document.root.find("configuration")
        if memory is not None and known is not None and configuration is not None:
            memory = memory.moved(known, configuration)
        return decide(status(document, self._now, sanitized=True, memory=memory))

    def effect(self, candidate: Candidate, *, only_cheap: bool = False) -> Effect | None:
        """What a change would do; ``None`` if nothing, or if it is a change that nobody can make.

        ``only_cheap``: it is not worth a schedule of everything where there is a part.
        """
        tried = self._tried(candidate, only_cheap)
        if tried is None:
            return None
        transition, before, after = tried
        rsc = transition.cluster.find_resource(self._id)
        if rsc is None:
            return None
        places = places_of(rsc, stuck_actions(transition.graph))
        freed = self._untouched and not untouched(rsc)
        spared = self._restarted and not restarted(rsc)
        if (places == self.present and not freed and not spared) or not self._accepts(before, after):
            return None
        nodes = tuple(sorted({node for _ident, node, _role in places}))
        more = ", and the cluster takes care of it again" if freed else ""
        more += ", and is not restarted" if spared else ""
        return Effect(candidate.text, candidate.id, outcome(self._id, places) + more, nodes)
