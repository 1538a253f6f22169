"""A living copy, and its files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hacluster.base.members import NO_VIEW, ViewId
from hacluster.cib.change import NodeStateSet
from hacluster.cib.patch import PatchError
from hacluster.cib.storage import (
    Recorded,
    Stamped,
    StorageError,
    line_bytes,
    read_journal,
    read_snapshot,
    snapshot_bytes,
)
from hacluster.cib.store import Position, Record, RequestId, Store, StoreError, blank

VIEW = ViewId(3, "a", 1, 1)
CIB = '<cib admin_epoch="0" epoch="4" num_updates="0"><configuration><crm_config/></configuration></cib>'


def record(seq: int, name: str, **words: object) -> Record:
    patch = (
        '<diff format="2"><change operation="create" path="/cib/configuration/crm_config" position="0">'
        f'<cluster_property_set id="{name}"/></change></diff>'
    )
    return replace(Record(VIEW, seq, patch, RequestId(VIEW, seq, name), False, ""), **words)  # type: ignore[arg-type]


def store_with(*names: str, kept: int = 100) -> Store:
    store = Store(blank(CIB), requests_kept=kept)
    for name in names:
        store.append(store.prepare(record(store.position.seq + 1, name)))
    return store


def ids(store: Store) -> list[str]:
    return [str(item.get("id")) for item in store.document().root.iter("cluster_property_set")]


def test_readers_see_what_is_committed() -> None:
    store = store_with("x", "y")
    assert (store.position.seq, store.committed_seq, ids(store)) == (2, 0, [])
    assert [done.seq for done in store.commit(1)] == [1]
    assert ids(store) == ["x"]
    assert str(store.version) == "0.5.0"
    store.change_status(NodeStateSet("n", (("crmd", "online"),)))
    assert str(store.version) == "0.5.1"
    list(store.commit(9))
    assert sorted(ids(store)) == ["x", "y"]
    assert str(store.version) == "0.6.0"
    assert store.xml().get("epoch") == "6"


def test_two_copies_with_the_same_history_have_the_same_digest_and_no_others() -> None:
    one, other = store_with("x", "y"), store_with("x")
    assert one.digest != other.digest
    other.take(one.since(other.digest)[0])  # type: ignore[index]
    assert (one.digest, one.position) == (other.digest, other.position)
    assert one.since(other.digest) == ()
    assert other.since("unknown") is None


def test_a_record_that_leads_elsewhere_is_refused() -> None:
    one, other = store_with("x"), store_with("z")
    one.append(one.prepare(record(2, "y")))
    taken = one._past[-1].record
    with pytest.raises(StoreError, match="digest"):
        other.take(taken)
    with pytest.raises(StoreError, match="does not follow"):
        one.take(replace(taken, digest=one.prepare(taken).record.digest))
    with pytest.raises(PatchError):
        one.prepare(record(3, "q", patch='<diff format="2"><change operation="delete" path="/cib/none"/></diff>'))


def test_forced_records_move_the_branch_and_requests_are_forgotten_in_order() -> None:
    store = store_with("x", "y", "z", kept=2)
    assert store.forgotten == (VIEW, 1)
    assert store.remembered(RequestId(VIEW, 1, "x")) is None
    assert store.remembered(RequestId(VIEW, 3, "z")) is not None
    store.append(store.prepare(record(4, "f", forced=True)))
    assert store.position == Position(NO_VIEW, VIEW, 4)


def test_a_snapshot_comes_back_as_it_was_and_nothing_else_does() -> None:
    store = store_with("x--y", "z")
    data = snapshot_bytes(store.snapshot())
    assert read_snapshot(data) == store.snapshot()
    assert b"--" not in data[4 : data.index(b" -->")]
    for place in range(0, len(data), 7):
        with pytest.raises((StorageError, UnicodeDecodeError)):
            read_snapshot(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(StorageError):
            read_snapshot(data[:place])


def test_a_torn_end_of_the_journal_is_cut_off_and_a_torn_middle_is_damage() -> None:
    store = store_with("x", "y", "z")
    lines = [line_bytes(Recorded(past.record)) for past in store._past]
    start = blank(CIB).digest
    whole = b"".join(lines)
    for end in range(len(whole) + 1):
        read = read_journal(whole[:end], start)
        assert read.damage == ""
        assert whole[: read.whole] == b"".join(lines[: len(read.lines)])
        assert read.whole <= end
    broken = lines[0] + lines[1][:20] + b"?" + lines[1][21:] + lines[2]
    read = read_journal(broken, start)
    assert (len(read.lines), read.damage) == (1, "line 2 is not as it was written")
    read = read_journal(lines[0] + lines[2], start)
    assert (len(read.lines), read.damage) == (1, "line 2 does not follow from the line before it")


def test_lines_of_before_the_snapshot_are_passed_over() -> None:
    store = store_with("x", "y")
    lines = [line_bytes(Recorded(past.record)) for past in store._past]
    newer = store.prepare(record(3, "z")).record
    data = b"".join(lines) + line_bytes(Recorded(newer)) + line_bytes(Stamped(store.position, newer.digest))
    read = read_journal(data, store.digest)
    assert [type(line) for line in read.lines] == [Recorded, Stamped]
    assert read.damage == ""
