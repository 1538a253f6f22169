"""What only the leader of a view does: choose the copy, sync it, number the writes, and say when all have them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from lxml import etree

from hacluster.base.limits import MAX_WRITES
from hacluster.base.members import NO_VIEW, Member
from hacluster.base.report import Severity
from hacluster.base.results import Exit, Fault
from hacluster.base.step import Step
from hacluster.cib.change import Change
from hacluster.cib.document import Document
from hacluster.cib.patch import PatchError
from hacluster.cib.statusxml import document_xml
from hacluster.cib.store import Position, Record, RequestId, Snapshot, Store
from hacluster.cib.voters import Voters, VotersError, overlap, read_voters
from hacluster.cibd.editing import evaluate, fault_of
from hacluster.cibd.replica import EMPTY
from hacluster.cibd.rules import Rules, best_position
from hacluster.cibd.settings import CibdSettings
from hacluster.msg.replica import EditAsked, Patch, Sync, WriteAnswered, WriteAsked, WriteEnd
from hacluster.msg.views import Accept, View

Out = tuple[Member, object]
"""Something to say to one member."""


def together(out: list[Out]) -> list[tuple[tuple[str, ...], object]]:
    """What is said to several, with the names of all to whom it is said; in order for each of them."""
    casts: list[tuple[list[str], object]] = []
    once = len({member for member, _ in out}) == len(out)
    for member, body in out:
        twin = next((names for names, known in casts if once and known == body), None)
        if twin is not None:
            twin.append(member.name)
        else:
            casts.append(([member.name], body))
    return [(tuple(names), body) for names, body in casts]


@dataclass(frozen=True, slots=True)
class Answered:
    """What an edit leads to: an answer at once, or patches to be said, and changes of the status to be cast."""

    answer: WriteAnswered | None = None
    patches: list[Out] = field(default_factory=list)
    status: tuple[Change, ...] = ()


@dataclass(slots=True)
class Lead:
    """The leader's books of one view. ``target``: what is synced; ``None`` until a copy was chosen."""

    view: View
    target: Snapshot | None = None
    fetching: str = ""
    sync_acks: set[Member] = field(default_factory=set)
    witnesses_synced: bool = False
    is_synced: bool = False
    acks: dict[int, set[Member]] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    shown_to_witness: int = 0
    committed: int = 0
    waiters: dict[int, list[tuple[Member, RequestId]]] = field(default_factory=dict)
    status_n: int = 0
    why: str = ""


class Leading:
    """The rules of the leader, over one :class:`Lead` and this node's store."""

    def __init__(self, settings: CibdSettings, rules: Rules, step: Step) -> None:
        self._settings, self._rules = settings, rules
        self._step = step

    # ---- sync

    def choose(self, lead: Lead, own: Member) -> str:
        """Whose copy is to be synced: a name, or empty when the view cannot sync (``lead.why`` says why)."""
        view = lead.view
        able = [accept for accept in view.table if not accept.copy.damaged or not self._rules.damage]
        if view.quorate and not view.sound and self._rules.damage:
            lead.why = view.why or "the undamaged members have no quorum by themselves"
            return ""
        keepers = [accept for accept in able if accept.keeps_content]
        if not keepers:
            lead.why = "every member's copy is damaged"
            return ""
        best = best_position([accept.copy for accept in able], self._rules)
        holders = [accept for accept in keepers if accept.copy.position == best]
        if not holders:
            lead.why = f"a witness knows of a newer copy ({best}) than any member has; a node that has it is missed"
            return ""
        names = sorted(accept.member.name for accept in holders)
        return own.name if own.name in names else names[0]

    def syncs(self, lead: Lead, snapshot: Snapshot, store: Store | None) -> list[Out]:
        """What is said to each member that keeps content. ``store`` is ours, if ``snapshot`` is of it."""
        view = lead.view
        stamped = view.quorate
        position = Position(view.id, NO_VIEW, snapshot.position.seq) if stamped else snapshot.position
        lead.target = replace(snapshot, position=position, damaged=False)
        status = "" if store is None else etree.tostring(_status_of(store), encoding="unicode")
        return [
            (accept.member, self._sync(lead, accept, store, status))
            for accept in view.table
            if accept.keeps_content or not self._rules.witness_last
        ]

    def _sync(self, lead: Lead, accept: Accept, store: Store | None, status: str = "") -> Sync:
        target = lead.target
        assert target is not None, "nothing to sync yet"
        sync = Sync(lead.view.id, target.position, target.digest)
        if not accept.keeps_content:
            return sync
        if store is not None:
            sync = replace(sync, status=status, updates=store.updates)
            records = store.since(accept.copy.digest)
        else:
            records = () if accept.copy.digest == target.digest else None
        if records is None:
            return replace(sync, snapshot=target)
        return replace(sync, base=accept.copy.digest, records=records)

    def on_sync_ack(self, lead: Lead, sender: Member) -> list[Out]:
        """A member has the sync on disk; what is to be said next."""
        lead.sync_acks.add(sender)
        keepers, witnesses = _kinds(lead.view)
        if lead.sync_acks >= keepers and not lead.witnesses_synced and witnesses and self._rules.witness_last:
            lead.witnesses_synced = True
            return [
                (accept.member, self._sync(lead, accept, None))
                for accept in lead.view.table
                if not accept.keeps_content
            ]
        return []

    def all_have_sync(self, lead: Lead) -> bool:
        """Whether the view is synced now."""
        return lead.sync_acks == set(lead.view.members)

    # ---- writes

    def on_write(
        self, lead: Lead, store: Store, asked: WriteAsked, origin: Member
    ) -> tuple[WriteAnswered | None, list[Out]]:
        """A write that a member asks for: an answer at once, or the patches to be said (and an answer when all have
        it).

        The first case that fits, in this order; the caller has seen to it that the view is synced.
        """
        known, answer = self._known(lead, store, asked, origin)
        if known:
            return answer, []
        return self._begin(lead, store, asked.request, asked.patch, origin)

    def on_edit(self, lead: Lead, store: Store, asked: EditAsked, origin: Member, written: str) -> Answered:
        """An edit that a member asks for, made on the newest configuration; as :meth:`on_write`. ``written``: when."""
        known, answer = self._known(lead, store, asked, origin)
        if known:
            return Answered(answer)
        try:
            edited = evaluate(
                store, asked, lambda root: not self._settings.judge(root), origin=origin.name, written=written
            )
        except Fault as fault:
            text, code, report = fault_of(fault)
            return Answered(
                WriteAnswered(lead.view.id, asked.request, WriteEnd.REFUSED, text=text, status=code, report=report)
            )
        status = edited.status
        if not edited.patch:
            seq = store.position.seq
            if seq > lead.committed:
                # It is so already, by a write that is still under way: it is not so for certain before that is.
                lead.waiters.setdefault(seq, []).append((origin, asked.request))
                return Answered(status=status)
            return Answered(self._answer(lead, asked.request, seq), status=status)
        answer, patches = self._begin(lead, store, asked.request, edited.patch, origin, judged=True)
        return Answered(answer, patches, () if answer is not None else status)

    def _known(
        self, lead: Lead, store: Store, asked: WriteAsked | EditAsked, origin: Member
    ) -> tuple[bool, WriteAnswered | None]:
        """Whether there is nothing to do any more for this request, and the answer that there is at once."""
        view, request = lead.view, asked.request
        known = store.remembered(request)
        if known is not None and not view.quorate and not asked.forced:
            # Begun with quorum, and only this copy is sure to have it: it goes when a view with quorum has another.
            text = f"there is no quorum: {view.why}; whether the write stays is known when there is"
            return True, WriteAnswered(view.id, request, WriteEnd.UNKNOWN, text=text)
        if known is not None:
            if known.seq <= lead.committed or not self._rules.answer_when_committed:
                return True, self._answer(lead, request, known.seq)
            lead.waiters.setdefault(known.seq, []).append((origin, request))
            return True, None
        if self._rules.horizon and (request.view > view.id or store.forgotten > (request.view, request.seq)):
            text = "this request is older than what is remembered; read the CIB to see whether it was done"
            return True, WriteAnswered(view.id, request, WriteEnd.TOO_OLD, text=text)
        if not view.quorate and not asked.forced:
            return True, self._refuse(lead, request, f"there is no quorum: {view.why}", Exit.QUORUM)
        if len(lead.acks) >= MAX_WRITES:
            return True, self._refuse(lead, request, f"{MAX_WRITES} writes are under way")
        return False, None

    def _begin(
        self, lead: Lead, store: Store, request: RequestId, patch: str, origin: Member, *, judged: bool = False
    ) -> tuple[WriteAnswered | None, list[Out]]:
        view = lead.view
        seq = store.position.seq + 1
        try:
            prepared = store.prepare(Record(view.id, seq, patch, request, not view.quorate, ""))
        except PatchError as error:
            return self._refuse(lead, request, str(error)), []
        except etree.XMLSyntaxError as error:
            return self._refuse(lead, request, f"the patch is no XML: {error}"), []
        reason = self._voters_fault(lead, store, prepared.root)
        reason = reason or ("" if judged else self._settings.judge(prepared.root))
        if reason:
            return self._refuse(lead, request, reason), []
        store.append(prepared)
        record = prepared.record
        lead.acks[seq], lead.records[seq] = set(), record
        lead.waiters.setdefault(seq, []).append((origin, request))
        keepers, _ = _kinds(view)
        return None, [
            (member, Patch(view.id, record))
            for member in view.members
            if member in keepers or not self._rules.witness_last
        ]

    def _voters_fault(self, lead: Lead, store: Store, root: etree._Element) -> str:
        try:
            new = read_voters(root) or self._settings.voters
        except VotersError as error:
            return str(error)
        old = read_voters(store.head) or self._settings.voters
        if new == old or not self._rules.voters_one_by_one:
            return ""
        return self._change_fault(lead, store, old, new)

    def _change_fault(self, lead: Lead, store: Store, old: Voters, new: Voters) -> str:
        if lead.committed != store.position.seq:
            return "the list of voters changes only when no other write is under way; ask again"
        if not lead.view.quorate:
            return "the list of voters does not change without quorum"
        names = lead.view.names
        if not (old.have_quorum(names) and new.have_quorum(names)):
            return f"the members of this view have no quorum by the new list: {new.show()}"
        if not overlap(old, new):
            return (
                f'from "{old.show()}" to "{new.show()}" is too far for one step: both could have a quorum of their own'
            )
        return ""

    def on_ack(self, lead: Lead, sender: Member, seq: int) -> list[Out]:
        """A member has a record on disk; what is to be said to a witness next."""
        if seq not in lead.acks:
            return []
        lead.acks[seq].add(sender)
        keepers, witnesses = _kinds(lead.view)
        if not witnesses or not self._rules.witness_last:
            return []
        out: list[Out] = []
        while lead.acks.get(lead.shown_to_witness + 1, set()) >= keepers:
            lead.shown_to_witness += 1
            record = replace(lead.records[lead.shown_to_witness], patch="")
            out += [(member, Patch(lead.view.id, record)) for member in witnesses]
        return out

    def committable(self, lead: Lead) -> list[int]:
        """The numbers that all members have on disk now, in order; they are taken off the books."""
        found: list[int] = []
        while lead.acks.get(lead.committed + 1) == set(lead.view.members):
            lead.committed += 1
            del lead.acks[lead.committed], lead.records[lead.committed]
            found.append(lead.committed)
        return found

    def answers(self, lead: Lead, seq: int) -> list[Out]:
        """What those who waited for this record are told."""
        return [(origin, self._answer(lead, request, seq)) for origin, request in lead.waiters.pop(seq, [])]

    def _answer(self, lead: Lead, request: RequestId, seq: int) -> WriteAnswered:
        end = WriteEnd.COMMITTED if lead.view.quorate else WriteEnd.KEPT
        return WriteAnswered(lead.view.id, request, end, seq)

    def _refuse(self, lead: Lead, request: RequestId, text: str, status: Exit = Exit.ERROR) -> WriteAnswered:
        return WriteAnswered(lead.view.id, request, WriteEnd.REFUSED, text=text, status=int(status))

    def missing(self, lead: Lead) -> str:
        """Whose acknowledgement is missing, for people; empty when none is."""
        if lead.target is None:
            return lead.fetching
        if not lead.is_synced:
            gone = [member.name for member in lead.view.members if member not in lead.sync_acks]
            return f"{', '.join(gone)} did not acknowledge the sync" if gone else ""
        first = min(lead.acks, default=None)
        if first is None:
            return ""
        gone = [member.name for member in lead.view.members if member not in lead.acks[first]]
        return f"{', '.join(gone)} did not acknowledge write {first}"

    def say_why(self, lead: Lead) -> None:
        """A line that tells why the view does not sync."""
        text = f"view {lead.view.id} does not work: {lead.why}"
        self._step.say(Severity.WARNING, "view-not-synced", text)


_NOTHING: Final = frozenset[Member]()


def _kinds(view: View) -> tuple[frozenset[Member], frozenset[Member]]:
    witnesses = frozenset(accept.member for accept in view.table if not accept.keeps_content)
    return frozenset(view.members) - witnesses, witnesses or _NOTHING


def _status_of(store: Store) -> etree._Element:
    found = document_xml(Document(etree.fromstring(EMPTY), store.status)).find("status")
    assert found is not None, "a document has a status"
    return found
