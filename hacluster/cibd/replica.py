"""This node's copy, in memory and on disk: what was loaded, what was taken, what is written where.

Files: ``cib.xml`` (snapshot), ``cib.journal`` (what came after it), ``cib-previous.xml`` (the snapshot before it, to
fall back on) and ``cib-N.xml`` (numbered history). A copy that was replaced although it had writes of its own is kept
as ``cib-lost.xml``, one that could not be read as ``cib-damaged.xml``.

A witness keeps position and digest only; its content is an empty element.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from hacluster.base.effects import Append, Persist
from hacluster.base.limits import MAX_CIB_HISTORY
from hacluster.base.members import NO_VIEW, ViewId
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.writes import Writes
from hacluster.cib.document import XML
from hacluster.cib.storage import (
    Journal,
    Line,
    Recorded,
    Stamped,
    StorageError,
    history_name,
    line_bytes,
    read_journal,
    read_snapshot,
    snapshot_bytes,
)
from hacluster.cib.store import Position, Record, Snapshot, Store, StoreError, blank
from hacluster.cib.voters import Voters, VotersError, read_voters
from hacluster.cibd.rules import Rules
from hacluster.cibd.settings import CibdSettings
from hacluster.msg.replica import Sync
from hacluster.msg.views import CopyState, View

SNAPSHOT_KEY: Final = "cib.xml"
JOURNAL_KEY: Final = "cib.journal"
PREVIOUS_KEY: Final = "cib-previous.xml"
DAMAGED_KEY: Final = "cib-damaged.xml"
LOST_KEY: Final = "cib-lost.xml"
LAST_KEY: Final = "cib.last"
"""The number of the newest file of the history."""

KEYS: Final = (SNAPSHOT_KEY, JOURNAL_KEY, PREVIOUS_KEY, LAST_KEY)
"""What must be told at the start, in any order."""

EMPTY: Final = "<cib/>"


@dataclass(frozen=True, slots=True)
class SyncOnDisk:
    """Note of a write: the copy of this view's sync is on disk."""

    view: ViewId


@dataclass(frozen=True, slots=True)
class RecordOnDisk:
    """Note of a write: the record is on disk."""

    view: ViewId
    seq: int


Note = SyncOnDisk | RecordOnDisk


class Replica:
    """The copy. ``out`` is where the machine collects its effects."""

    def __init__(self, settings: CibdSettings, rules: Rules, disk: Writes[Note], step: Step) -> None:
        self._settings, self._rules, self._disk = settings, rules, disk
        self._step = step
        self._files: dict[str, bytes | None] = {}
        self._store: Store | None = None
        self._written = b""
        self._number = 0
        self._journal_size = 0
        self._promise_lost = False
        self.met_all = False
        self._voters: tuple[XML, Voters] | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the disk was read."""
        return self._store is not None

    @property
    def store(self) -> Store:
        """The copy, once it is loaded."""
        assert self._store is not None, "the disk was not read yet"
        return self._store

    # ---- the disk at the start

    def on_restored(self, key: str, data: bytes | None) -> bool:
        """A file as it was found; true when that was the last one, and the copy is there."""
        if key in KEYS and not self.is_loaded:
            self._files[key] = data
            if len(self._files) == len(KEYS):
                self._load()
                return True
        return False

    def on_promise_lost(self) -> None:
        """What this node promised is gone. A copy that is not new counts for nothing until it is healed."""
        self._promise_lost = True
        if self.is_loaded and self.store.position != Position():
            self._set_damaged("what this node had promised is lost")

    def _load(self) -> None:
        last = (self._files[LAST_KEY] or b"").strip()
        self._number = int(last) if last.isdigit() and len(last) < 10 else 0
        snapshot, why = self._read()
        self._store = self._open(snapshot)
        journal = self._files[JOURNAL_KEY] or b""
        read = read_journal(journal, snapshot.digest)
        fault = self._replay(read)
        why = why or fault or (f"{JOURNAL_KEY}: {read.damage}" if read.damage else "")
        if not why and self._promise_lost and self.store.position != Position():
            why = "what this node had promised is lost"
        if why:
            self._set_damaged(why)
        elif read.whole < len(journal):
            self._say(Severity.WARNING, "torn-journal", f"the end of {JOURNAL_KEY} is not whole and was cut off")
            self._step.out.append(self._disk.after(Persist(JOURNAL_KEY, journal[: read.whole], 0)))
        elif self._files[SNAPSHOT_KEY] is None:
            self.write_snapshot()
        self._journal_size = read.whole
        self._files.clear()

    def _open(self, snapshot: Snapshot) -> Store:
        return Store(snapshot, requests_kept=self._settings.requests_kept)

    def _blank(self) -> Snapshot:
        content = EMPTY if self._settings.witness else self._settings.first_content
        return blank(content)

    def _read(self) -> tuple[Snapshot, str]:
        data, previous = self._files[SNAPSHOT_KEY], self._files[PREVIOUS_KEY]
        if data is None and previous is None and not self._files[JOURNAL_KEY]:
            return (
                self._blank(),
                "" if self._settings.init else "the disk has no CIB, and the cluster is not new (init)",
            )
        snapshot, why = _readable(SNAPSHOT_KEY, data)
        if snapshot is not None:
            self._written = data or b""
            return snapshot, ""
        if data is not None:
            self._step.out.append(self._disk.after(Persist(DAMAGED_KEY, data, 0)))
            why += f" (kept as {DAMAGED_KEY})"
        older, _ = _readable(PREVIOUS_KEY, previous)
        if older is not None:
            return older, f"{why}; {PREVIOUS_KEY} took its place"
        return self._blank(), f"{why}; nothing older can be read"

    def _replay(self, journal: Journal) -> str:
        store = self.store
        for line in journal.lines:
            if isinstance(line, Recorded):
                try:
                    store.take(line.record)
                except StoreError as error:
                    return f"{JOURNAL_KEY}: {error}"
                list(store.commit(line.record.seq))
            elif line.position >= store.position or self._settings.witness:
                store.position, store.digest, store.damaged = line.position, line.digest, line.damaged
        return ""

    def _set_damaged(self, why: str) -> None:
        if not self._rules.damage:
            return
        text = f"this node's copy of the CIB counts for nothing until it is synced with a quorum: {why}"
        self._say(Severity.ERROR, "copy-damaged", text)
        self.store.damaged = True
        self.write_snapshot()

    # ---- what others are told of it

    def voters(self) -> Voters:
        """The list of voters in this copy; trees are values, so it is read once from each."""
        head = self.store.head
        if self._voters is None or self._voters[0] is not head:
            try:
                self._voters = (head, read_voters(head) or self._settings.voters)
            except VotersError:
                self._voters = (head, self._settings.voters)
        return self._voters[1]

    def state(self) -> CopyState:
        """What the others must know."""
        store = self.store
        newest = store.requests[-1].view if store.requests else NO_VIEW
        version = store.head_version
        return CopyState(
            store.position, store.digest, version, newest, self.voters(), damaged=store.damaged, met_all=self.met_all
        )

    # ---- writing

    def write_snapshot(self, *then: Note) -> None:
        """The whole copy goes to disk, and the journal begins anew."""
        data = snapshot_bytes(self.store.snapshot())
        before, self._written = self._written, data
        if before and _content(before) != _content(data):
            self._number += 1
            name = history_name(self._number, MAX_CIB_HISTORY)
            self._step.out.append(self._disk.after(Persist(name, before, 0)))
            self._step.out.append(self._disk.after(Persist(LAST_KEY, b"%d\n" % self._number, 0)))
            self._step.out.append(self._disk.after(Persist(PREVIOUS_KEY, before, 0)))
        self._step.out.append(self._disk.after(Persist(SNAPSHOT_KEY, data, 0)))
        self._step.out.append(self._disk.after(Persist(JOURNAL_KEY, b"", 0), *then))
        self._journal_size = 0

    def write_lines(self, lines: tuple[Line, ...], *then: Note) -> None:
        """Lines go to the journal in one write."""
        data = b"".join(line_bytes(line) for line in lines)
        self._journal_size += len(data)
        self._step.out.append(self._disk.after(Append(JOURNAL_KEY, data, 0), *then))
        if self._journal_size > self._settings.journal_bytes:
            self.write_snapshot()

    def _stamped(self) -> Stamped:
        store = self.store
        return Stamped(store.position, store.digest, damaged=store.damaged)

    # ---- taking

    def take_sync(self, sync: Sync) -> bool:
        """Become the copy of this view, in memory at once and in one record on disk; false when it does not fit."""
        store, note = self.store, SyncOnDisk(sync.view)
        heals_now = not self._rules.heal_at_synced and sync.position.stamp == sync.view
        damaged = store.damaged and not heals_now
        if sync.snapshot is None and not sync.base:
            store.position, store.digest = sync.position, sync.digest
            self.write_lines((self._stamped(),), note)
            return True
        if sync.snapshot is not None:
            self._report_loss(sync.snapshot)
            if not self._rules.content_with_stamp:
                store.position = sync.position
                self.write_snapshot()
            store.adopt(replace(sync.snapshot, position=sync.position, damaged=damaged))
            list(store.commit(store.position.seq))
            self.write_snapshot(note)
            return True
        if sync.base != store.digest:
            self._say(Severity.ERROR, "sync-unfit", f"the sync of view {sync.view} is for another copy than ours")
            return False
        if not self._rules.content_with_stamp:
            self.write_lines((Stamped(sync.position, store.digest),))
        for record in sync.records:
            store.take(record)
        store.stamp(sync.position)
        store.damaged = damaged
        list(store.commit(store.position.seq))
        self.write_lines((*(Recorded(record) for record in sync.records), self._stamped()), note)
        return True

    def _report_loss(self, new: Snapshot) -> None:
        kept = {entry.request for entry in new.requests}
        lost = [e for e in self.store.requests if e.request not in kept and (e.view, e.seq) > new.forgotten]
        if not lost:
            return
        names = ", ".join(f"{entry.request.nonce} (#{entry.seq} of view {entry.view})" for entry in lost)
        data = snapshot_bytes(self.store.snapshot())
        self._step.out.append(self._disk.after(Persist(LOST_KEY, data, 0)))
        text = f"this node's copy had writes that the others do not have; it is kept as {LOST_KEY}: {names}"
        self._say(Severity.WARNING, "copy-replaced", text)

    def heal(self) -> None:
        """All members of a quorate view have the copy on disk: it counts again."""
        if self.store.damaged:
            self.store.damaged = False
            self.write_lines((self._stamped(),))
            self._say(Severity.NOTICE, "copy-healed", "this node's copy of the CIB counts again")

    def take_record(self, record: Record) -> bool:
        """Journal the next record; false when it does not follow, or leads to something else here than elsewhere."""
        store, note = self.store, RecordOnDisk(record.view, record.seq)
        if record.seq != store.position.seq + 1:
            return False
        if self._settings.witness:
            store.position, store.digest = store.position._replace(seq=record.seq), record.digest
            self.write_lines((self._stamped(),), note)
            return True
        try:
            store.take(record)
        except StoreError as error:
            self._say(Severity.CRIT, "copy-differs", f"a change leads to another CIB here than on the leader: {error}")
            return False
        self.write_lines((Recorded(record),), note)
        return True

    def journal(self, record: Record) -> None:
        """A record that this node, the leader, has appended itself goes to disk."""
        self.write_lines((Recorded(record),), RecordOnDisk(record.view, record.seq))

    def commit(self, seq: int) -> Iterator[Record]:
        """Let readers see up to ``seq``."""
        if self._settings.witness:
            return iter(())
        return self.store.commit(seq)

    def on_synced_disk(self, view: View) -> None:
        """This view's sync is on disk here; a view with all voters in it meets wait-for-all."""
        if self.voters().names <= view.names:
            self.met_all = True

    def _say(self, severity: Severity, code: str, text: str) -> None:
        self._step.say(severity, code, text)


def _readable(key: str, data: bytes | None) -> tuple[Snapshot | None, str]:
    if data is None:
        return None, f"{key} is missing"
    try:
        snapshot = read_snapshot(data)
        Store(snapshot)
    except (StorageError, StoreError) as error:
        return None, f"{key}: {error}"
    return snapshot, ""


def _content(data: bytes) -> bytes:
    return data[data.find(b"\n") :]
