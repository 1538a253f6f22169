"""Scheduling again and again, as the DC does: what the configuration alone decides is worked out once."""

from __future__ import annotations

import hashlib

from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import XML, Document
from hacluster.pe.model.listener import Listener
from hacluster.pe.model.memory import Memory
from hacluster.pe.schedule import Transition, decide, status


class Engine:
    """Schedules a document that changes between the calls; its answers are those of :func:`schedule`.

    The configuration is known by its digest, so that it may be changed in place or replaced. All that the status
    section decides is decided anew each time.
    """

    def __init__(self) -> None:
        self._known: tuple[XML, bytes, str | None] | None = None
        self._memory: Memory | None = None

    def schedule(
        self,
        document: Document,
        now: Moment,
        listener: Listener | None = None,
        *,
        sanitized: bool = False,
        ledger: bool = False,
    ) -> Transition:
        """Decide what has to be done."""
        memory = self._recall(document)
        return decide(status(document, now, sanitized=sanitized, ledger=ledger, memory=memory), listener)

    def _recall(self, document: Document) -> Memory | None:
        configuration = document.root.find("configuration")
        text = b"" if configuration is None else etree.tostring(configuration)
        digest = hashlib.sha256(text).digest()
        key = document.root, digest, document.attribute("have-quorum")
        if self._known is None or self._known[0] is not key[0] or self._known[1:] != key[1:]:
            self._known = key
            self._memory = Memory() if Memory.trusts(text) else None
        return self._memory
