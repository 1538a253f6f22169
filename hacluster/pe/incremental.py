"""Scheduling again and again, as the DC does: what cannot have changed is not worked out again.

Three things are kept. What the configuration alone says of its resources (:mod:`hacluster.pe.model.memory`); which of
them have anything to do with one another (:mod:`hacluster.pe.warm.islands`); and the last transition. When since then
only some histories have changed, the islands that these are about are scheduled as if they were alone, and their part
of the transition replaced. If that shows that others are concerned (a node is fenced, or has another load than it had
when others chose their places), everything is scheduled anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import XML, Document
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.listener import Listener
from hacluster.pe.model.memory import Memory
from hacluster.pe.model.tally import Tally
from hacluster.pe.schedule import Transition, decide, schedule
from hacluster.pe.unpack.status import unpack
from hacluster.pe.warm.defaults import Defaults, are_plain
from hacluster.pe.warm.islands import Islands
from hacluster.pe.warm.kept import Kept
from hacluster.pe.warm.steady import is_steady
from hacluster.pe.warm.watch import Watch

_ATTRIBUTES = ("have-quorum", "dc-uuid", "crm_feature_set", "no-quorum-panic")
"""The attributes of the document that count, beside its configuration."""


@dataclass(slots=True)
class _Configuration:
    """A configuration, known by its digest, and what was learned of it."""

    root: XML
    digest: bytes
    attributes: tuple[str | None, ...]
    memory: Memory | None
    divisible: bool
    watch: Watch = field(default_factory=Watch)
    islands: Islands | None = None
    kept: Kept | None = None


class Engine:
    """Schedules a document that changes between the calls; its answers are those of :func:`schedule`.

    The configuration is known by its digest, so that it and the records may be changed in place or replaced. A
    transition is good until the next call, which may make the next one of its parts.
    """

    def __init__(self) -> None:
        self._known: _Configuration | None = None

    def schedule(
        self,
        document: Document,
        now: Moment,
        listener: Listener | None = None,
        *,
        sanitized: bool = False,
        ledger: bool = False,
        touched: Collection[str] | None = None,
    ) -> Transition:
        """Decide what has to be done. Who wants to listen, or the ledger, gets a schedule of everything.

        ``touched``: the caller knows that since the last call the configuration is the same and that no histories were
        changed but those of these ids (others may have been added). Without it everything is compared.
        """
        known = self._recall(document, touched is not None)
        if listener is not None or ledger:
            cluster = Cluster(document, now, sanitized, ledger, known.memory)
            unpack(cluster)
            return decide(cluster, listener)
        if not known.divisible:
            return schedule(document, now, sanitized=sanitized)
        kept, known.kept = known.kept, None
        changed = known.watch.look(document.status, touched)
        transition: Transition | None = None
        if kept is not None and changed is not None and kept.transition.cluster.sanitized is sanitized:
            transition = kept.renew(document, now, known.memory, changed | known.watch.uneasy, known.watch.pick)
        if transition is None:
            return self._everything(document, now, known, sanitized)
        known.kept = kept
        return transition

    def _everything(self, document: Document, now: Moment, known: _Configuration, sanitized: bool) -> Transition:
        cluster, tally = Cluster(document, now, sanitized, memory=known.memory), Tally()
        cluster.tally = tally
        unpack(cluster)
        tally.capacities(cluster.node_table)
        transition = decide(cluster)
        if is_steady(transition):
            known.islands = known.islands or Islands(document)
            known.kept = Kept(transition, tally, known.islands, Defaults(document, now))
        return transition

    def _recall(self, document: Document, same_configuration: bool) -> _Configuration:
        known, root = self._known, document.root
        attributes = tuple(document.attribute(name) for name in _ATTRIBUTES)
        if known is not None and same_configuration and (known.root, known.attributes) == (root, attributes):
            return known
        configuration = root.find("configuration")
        text = b"" if configuration is None else etree.tostring(configuration)
        digest = hashlib.sha256(text).digest()
        if known is None or (known.root, known.digest, known.attributes) != (root, digest, attributes):
            memory = Memory() if Memory.trusts(text) else None
            divisible = configuration is not None and are_plain(configuration)
            known = self._known = _Configuration(root, digest, attributes, memory, divisible)
        return known
