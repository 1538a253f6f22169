"""A copy of the CIB that lives: document, position, chained digest, and the two ways in which it changes.

*Configuration* changes by records, in order: each has the next number (``seq``), carries a patchset of format 2, and is
journaled before it is acknowledged. What is journaled and not yet committed stands in the *tail*; readers see a record
when it is committed. *Status* changes by typed changes (:mod:`hacluster.cib.change`), at once and in memory only.

*Position* ``(stamp, branch, seq)`` says which copy is the best, and two copies of one position have one configuration:
``stamp`` is the newest quorate view in which this content was synced, ``branch`` the non-quorate view of its newest
forced write. The version that people see (admin_epoch.epoch.num_updates) decides nothing.

The digest is *chained*: that of a record is made of the one before and of what the record says, so it costs nothing
that grows with the document; equal digests mean equal histories. Trees are values here: a patch makes a new one, so
every record of the tail keeps the tree that it leads to.
"""

from __future__ import annotations

import copy
import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from lxml import etree

from hacluster.base.errors import ConfigError, HaError
from hacluster.base.limits import MAX_RECORDS_KEPT, MAX_REQUESTS_KEPT
from hacluster.base.members import NO_VIEW, ViewId
from hacluster.cib.change import Change, Ids, apply_change, node_ids
from hacluster.cib.document import XML, Document, parse_document
from hacluster.cib.patch import apply_patch
from hacluster.cib.records import Status
from hacluster.cib.statusxml import document_xml
from hacluster.cib.version import Version, read_version, write_version


class Position(NamedTuple):
    """Which content this is; compared as a tuple, the best copy is the highest."""

    stamp: ViewId = NO_VIEW
    branch: ViewId = NO_VIEW
    seq: int = 0

    def __str__(self) -> str:
        branch = f"/{self.branch}" if self.branch != NO_VIEW else ""
        return f"{self.stamp}{branch}#{self.seq}"


class RequestId(NamedTuple):
    """Names one write for ever: where its asker stood when it was handed out, and what makes it unique there."""

    view: ViewId
    seq: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Record:
    """One change of the configuration. ``digest`` is the chained one after it; ``forced``: without quorum."""

    view: ViewId
    seq: int
    patch: str
    request: RequestId
    forced: bool
    digest: str


class Remembered(NamedTuple):
    """A request that has a record."""

    request: RequestId
    view: ViewId
    seq: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole copy: what is on disk, and what is handed to a node that lacks it.

    ``forgotten``: view and seq of the newest record whose request is no longer in ``requests``.
    """

    position: Position
    digest: str
    content: str
    requests: tuple[Remembered, ...] = ()
    forgotten: tuple[ViewId, int] = (NO_VIEW, 0)
    damaged: bool = False


def blank(content: str, *, damaged: bool = False) -> Snapshot:
    """The copy of a node that never had one.

    Nodes with different files begin with different contents, and so with different digests: the first sync makes one of
    them everybody's.
    """
    digest = hashlib.sha256(b"hacluster cib\n" + content.encode()).hexdigest()
    return Snapshot(Position(), digest, content, damaged=damaged)


def chained(before: str, record: Record) -> str:
    """The digest after a record."""
    said = f"{before}\n{record.view!r}\n{record.seq}\n{record.forced}\n{record.request!r}\n{record.patch}"
    return hashlib.sha256(said.encode()).hexdigest()


class StoreError(HaError):
    """A record that does not follow, or a content that is no CIB."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record that fits, and the tree that it leads to."""

    record: Record
    root: XML


@dataclass(slots=True)
class _Past:
    before: str
    record: Record


class Store:
    """One copy. ``position``, ``digest`` and ``requests`` are those of the newest record, committed or not.

    ``changes`` counts what readers see change, here and in this life.
    """

    def __init__(self, snapshot: Snapshot, *, requests_kept: int = MAX_REQUESTS_KEPT) -> None:
        self._requests_kept = requests_kept
        self.status = Status()
        self.updates = 0
        self.changes = 0
        self._ids_of: XML | None = None
        self._ids: Ids = {}
        self._past: deque[_Past] = deque(maxlen=MAX_RECORDS_KEPT)
        self._load(snapshot)

    def _load(self, snapshot: Snapshot) -> None:
        try:
            document = parse_document(snapshot.content.encode(), "cib.xml")
        except ConfigError as error:
            raise StoreError(f"the content is no CIB: {error}") from None
        self.position = snapshot.position
        self.digest = snapshot.digest
        self.damaged = snapshot.damaged
        self.requests: deque[Remembered] = deque(snapshot.requests)
        self.forgotten = snapshot.forgotten
        self._root = document.root
        self._tail: deque[Prepared] = deque()

    @property
    def head(self) -> XML:
        """The configuration with all that is journaled; not to be changed."""
        return self._tail[-1].root if self._tail else self._root

    @property
    def committed_seq(self) -> int:
        """Up to where readers see it."""
        return self.position.seq - len(self._tail)

    @property
    def version(self) -> Version:
        """The version that readers see."""
        version = read_version(self._root)
        return Version(version.admin_epoch, version.epoch, version.num_updates + self.updates)

    @property
    def head_version(self) -> Version:
        """The version of the newest configuration, committed or not."""
        return read_version(self.head)

    def document(self) -> Document:
        """What readers see: committed configuration and present status; not to be changed."""
        return Document(self._root, self.status)

    def xml(self, *, bare: bool = False) -> XML:
        """What readers see, as a new tree with its version in it; ``bare``: without the status."""
        root = copy.deepcopy(self._root) if bare else document_xml(self.document())
        write_version(root, self.version)
        return root

    def prepare(self, record: Record) -> Prepared:
        """The record with its digest, ready to be appended.

        Raises :class:`~hacluster.cib.patch.PatchError` when its patch does not fit the newest configuration.
        """
        old = self.head
        root = apply_patch(old, etree.fromstring(record.patch), check_version=False)
        was, now = read_version(old), read_version(root)
        if (now.admin_epoch, now.epoch) <= (was.admin_epoch, was.epoch):
            now = Version(max(now.admin_epoch, was.admin_epoch), was.epoch + 1)
        write_version(root, Version(now.admin_epoch, now.epoch))
        return Prepared(replace(record, digest=chained(self.digest, record)), root)

    def append(self, prepared: Prepared) -> None:
        """Take a prepared record into the tail."""
        record = prepared.record
        if record.seq != self.position.seq + 1:
            raise StoreError(f"record {record.seq} does not follow {self.position.seq}")
        self._past.append(_Past(self.digest, record))
        self._tail.append(prepared)
        self.digest = record.digest
        branch = record.view if record.forced else self.position.branch
        self.position = self.position._replace(branch=branch, seq=record.seq)
        self.requests.append(Remembered(record.request, record.view, record.seq))
        while len(self.requests) > self._requests_kept:
            gone = self.requests.popleft()
            self.forgotten = (gone.view, gone.seq)

    def take(self, record: Record) -> None:
        """Append a record that somebody else prepared; :class:`StoreError` when it leads to another digest here."""
        prepared = self.prepare(record)
        if prepared.record.digest != record.digest:
            raise StoreError(f"record {record.seq} has digest {record.digest[:12]}, here {prepared.record.digest[:12]}")
        self.append(prepared)

    def commit(self, seq: int) -> Iterator[Record]:
        """Let readers see everything up to ``seq``; yields the records that they have not seen before."""
        while self._tail and self._tail[0].record.seq <= seq:
            prepared = self._tail.popleft()
            self._root, self.updates = prepared.root, 0
            self.changes += 1
            yield prepared.record

    def change_status(self, change: Change) -> None:
        """Make one change of the status."""
        if self._ids_of is not self._root:
            self._ids_of, self._ids = self._root, node_ids(self._root)
        apply_change(self.status, change, self._ids)
        self.updates += 1
        self.changes += 1

    def remembered(self, request: RequestId) -> Remembered | None:
        """The record of a request, as far as it is remembered."""
        return next((entry for entry in self.requests if entry.request == request), None)

    def snapshot(self) -> Snapshot:
        """The whole copy, with all that is journaled."""
        content = etree.tostring(self.head, encoding="unicode")
        return Snapshot(self.position, self.digest, content, tuple(self.requests), self.forgotten, damaged=self.damaged)

    def since(self, digest: str) -> tuple[Record, ...] | None:
        """The records that lead from the copy with this digest to ours; ``None`` when they are not known (any more)."""
        if digest == self.digest:
            return ()
        for place in range(len(self._past) - 1, -1, -1):
            if self._past[place].before == digest:
                return tuple(past.record for past in list(self._past)[place:])
        return None

    def stamp(self, position: Position) -> None:
        """A sync gives this content a new position; its number stays."""
        assert position.seq == self.position.seq, (position, self.position)
        self.position = position

    def adopt(self, snapshot: Snapshot) -> None:
        """Become another copy. The status stays; the sync brings the leader's."""
        self._past.clear()
        self._load(snapshot)
        self.changes += 1

    def adopt_status(self, status: Status, updates: int) -> None:
        """Take the leader's status."""
        self.status, self.updates = copy.deepcopy(status), updates
        self.changes += 1
