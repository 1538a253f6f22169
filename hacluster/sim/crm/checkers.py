"""What must never be seen in a ring: V1 to V4 of views, C1 to C6 of the CIB. A breach is an exception with its letter.

* V1 the same id means the same members and leader; V2 ids that a node enters grow, also across restarts; V3 two quorate
  views share a voter (where the list does not change); V4 a node speaks for a view only while it is in it.
* C1 the same (view, seq) means the same digest; C2 a write that was answered with quorum is in the CIB of every quorate
  view with a higher id that syncs; C3 a copy never goes back after its SyncAck; C4 no answer before all members' disks
  have it; C5 a request takes effect at most once; C6 a stamp is never on disk without its content.

C2 compares ids, not times: an old leader may hear the last acknowledgement of its sync late, and it can commit nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from hacluster.base.members import NO_VIEW, Member, ViewId
from hacluster.cib.storage import Recorded, Stamped, StorageError, read_journal, read_snapshot
from hacluster.cib.store import Position
from hacluster.cibd.replica import JOURNAL_KEY, SNAPSHOT_KEY
from hacluster.msg.replica import Ack, Commit, Patch, Sync, SyncAck, Synced, WriteAnswered, WriteEnd, Written
from hacluster.msg.views import View

if TYPE_CHECKING:
    from hacluster.sim.crm.ring import Ring, RingNode

_TRACE: Final = re.compile(r'nvpair id="w-([^"]+)"')
_OF_VIEWS: Final = (Sync, SyncAck, Synced, Patch, Ack, Commit, WriteAnswered)


class Breach(Exception):  # noqa: N818 - a verdict, not a fault of the program
    """An invariant does not hold; the text begins with its letter and number."""


def traces(text: str) -> Counter[str]:
    """The writes that a configuration has, and how often."""
    return Counter(_TRACE.findall(text))


def on_disk(files: dict[str, bytes]) -> tuple[Position, Counter[str]]:
    """Position and writes that would be found after a restart; nothing where the snapshot is none."""
    data = files.get(SNAPSHOT_KEY)
    if data is None:
        return Position(), Counter()
    try:
        snapshot = read_snapshot(data)
    except StorageError:
        return Position(), Counter()
    position, found = snapshot.position, traces(snapshot.content)
    for line in read_journal(files.get(JOURNAL_KEY, b""), snapshot.digest).lines:
        if isinstance(line, Recorded):
            found += traces(line.record.patch)
            position = position._replace(seq=line.record.seq)
        elif isinstance(line, Stamped) and line.position >= position:
            position = line.position
    return position, found


class Checkers:
    """Bystanders of one ring."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.views: dict[ViewId, View] = {}
        self.entered: dict[str, ViewId] = {}
        self.quorate: set[frozenset[str]] = set()
        self.digests: dict[tuple[ViewId, int], str] = {}
        self.committed: dict[str, ViewId] = {}
        self.acked: dict[tuple[Member, ViewId], int] = {}
        self.targets: dict[ViewId, Counter[str]] = {}
        self.disk_lost: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._last: dict[str, ViewId] = {}
        self._committed_seq: dict[ViewId, int] = {}

    # ---- what happens

    def on_disk_lost(self, name: str) -> None:
        """A node's promise and copy are gone: what it entered before may come again."""
        self.disk_lost.add(name)
        self.entered.pop(name, None)

    def on_step(self, node: RingNode) -> None:
        """A machine has taken a step."""
        view = node.ccm.view
        if view is None:
            return
        if self._last.get(node.name) != view.id:
            self._on_entered(node, view)
        store = node.cibd.store
        if node.cibd.has_acked and not self._is_witness(node.name):
            seq = store.position.seq
            known = self.digests.setdefault((view.id, seq), store.digest)
            if known != store.digest:
                raise Breach(f"C1 {node.name} has another content as {view.id}#{seq}")
            key = (view.accept_of(node.name).member, view.id)
            if seq < self.acked.get(key, 0):
                raise Breach(f"C3 {node.name} goes back to {seq} in {view.id}")
            self.acked[key] = seq
        if view.leader == node.name and node.cibd.is_synced:
            self._on_leader(node, view)

    def _on_leader(self, node: RingNode, view: View) -> None:
        """A leader's view works: looked at when that is new, and when more is committed than before."""
        committed, before = node.cibd.committed, self._committed_seq.get(view.id)
        if before is None:
            self.on_synced(node, view)
        elif committed > before:
            self.on_commit(node, view, committed)
        self._committed_seq[view.id] = committed

    def _is_witness(self, name: str) -> bool:
        return name == self._ring.setup.voters.witness

    def _on_entered(self, node: RingNode, view: View) -> None:
        self._last[node.name] = view.id
        self.counts["entered"] += 1
        known = self.views.setdefault(view.id, view)
        if (known.members, known.leader) != (view.members, view.leader):
            raise Breach(f"V1 {view.id} is {known.members} and {view.members}")
        if view.id <= self.entered.get(node.name, NO_VIEW):
            raise Breach(f"V2 {node.name} enters {view.id} after {self.entered[node.name]}")
        self.entered[node.name] = view.id
        voters = self._ring.setup.voters
        if view.quorate and not voters.two_node and self.fixed_voters:
            names = view.names & voters.names
            if not voters.have_quorum(names):
                raise Breach(f"V3 {view.id} is quorate with {sorted(names)}")
            if any(not names & other for other in self.quorate):
                raise Breach(f"V3 {sorted(names)} shares no voter with another quorate view")
            self.quorate.add(names)

    fixed_voters = True

    def on_said(self, node: RingNode, body: object) -> None:
        """A node says something to another."""
        if not isinstance(body, _OF_VIEWS):
            return
        view = node.ccm.view
        if view is None or view.id != body.view or node.ccm.promised != body.view:
            where = view.id if view else "no view"
            raise Breach(f"V4 {node.name} says {type(body).__name__} of {body.view}, and is in {where}")
        self._on_own(node, view, body)

    def _on_own(self, node: RingNode, view: View, body: object) -> None:
        match body:
            case WriteAnswered():
                self.on_answered(view, body)
            case Sync(snapshot=snapshot) if snapshot is not None:
                self.targets[view.id] = traces(snapshot.content)
            case Sync() if body.digest == node.cibd.store.digest:
                self.targets.setdefault(view.id, self.content(node))
            case _:
                pass

    def on_reply(self, node: RingNode, body: object) -> None:
        """A client hears something."""
        view = node.ccm.view
        if isinstance(body, Written) and body.end is WriteEnd.COMMITTED and body.request is not None:
            self.counts["answered"] += 1
            if view is not None:
                self._promised_to(body.request.nonce, view)

    def _promised_to(self, name: str, view: View) -> None:
        if name not in self._ring.requests:
            return  # the leader's own, which leave no trace with their name
        known = self.committed.get(name)
        if known is None or view.id < known:
            self.committed[name] = view.id

    def on_answered(self, view: View, answer: WriteAnswered) -> None:
        """The leader tells somebody that his write is done."""
        if answer.end is WriteEnd.COMMITTED:
            self._promised_to(answer.request.nonce, view)

    def on_synced(self, node: RingNode, view: View) -> None:
        """A leader says that its view works."""
        self.counts["synced"] += 1
        have = self.content(node)
        twice = [name for name, count in have.items() if count > 1]
        if twice:
            raise Breach(f"C5 {twice[0]} took effect twice")
        if not view.quorate:
            return
        self.counts["synced with quorum"] += 1
        for name, where in self.committed.items():
            if name not in have and where < view.id:
                raise Breach(f"C2 {name} was answered in {where} and is missing in {view.id}")

    def on_commit(self, node: RingNode, view: View, seq: int) -> None:
        """A leader says that all have a record on disk."""
        self.counts["committed"] += 1
        have = self.content(node)
        if any(count > 1 for count in have.values()):
            raise Breach("C5 a request took effect twice")
        if view.quorate:
            for entry in node.cibd.store.requests:
                if entry.seq <= seq and entry.view == view.id:
                    self._promised_to(entry.request.nonce, view)
        for accept in view.table:
            name = accept.member.name
            if name in self.disk_lost or not accept.keeps_content:
                continue
            position, _ = on_disk(self._ring.disks[name].files)
            if name in self._ring.nodes and position.stamp == node.cibd.store.position.stamp and position.seq < seq:
                raise Breach(f"C4 {name} has {position} on disk, and {seq} is committed")

    def content(self, node: RingNode) -> Counter[str]:
        """The writes in a node's copy, journaled ones too."""
        return Counter(
            pair.get("id", "")[2:] for pair in node.cibd.store.head.iter("nvpair") if pair.get("id", "")[:2] == "w-"
        )

    def on_disk(self, name: str) -> None:
        """Something is on a disk that was not there before."""
        if self._is_witness(name):
            return
        position, found = on_disk(self._ring.disks[name].files)
        target = self.targets.get(position.stamp)
        if target is not None and target - found:
            raise Breach(f"C6 {name} has stamp {position.stamp} on disk without {sorted(target - found)}")
