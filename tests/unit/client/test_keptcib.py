"""The CIB that the daemon keeps, read as a file: what its journal holds counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hacluster.base.members import ViewId
from hacluster.base.results import Exit, Fault
from hacluster.cib.diff import make_patch
from hacluster.cib.markup import flat_markup, read_markup
from hacluster.cib.storage import Recorded, line_bytes, snapshot_bytes
from hacluster.cib.store import Record, RequestId, Store, blank
from hacluster.client.cibsource import CibFile
from hacluster.client.keptcib import read_cib_file
from hacluster.tools.crm_verify import script
from tests.scripts import play

FIRST = (
    '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config>'
    '<cluster_property_set id="o"><nvpair id="s" name="stonith-enabled" value="{}"/></cluster_property_set>'
    '</crm_config><nodes/><resources><primitive id="a" class="lsb" type="x"/></resources><constraints/>'
    "</configuration><status/></cib>"
)


@pytest.fixture(name="kept")
def _kept(tmp_path: Path) -> Path:
    """A snapshot with fencing on and no device, and a journal that switches it off."""
    old, new = (read_markup(FIRST.format(value).encode()) for value in ("true", "false"))
    assert old is not None
    assert new is not None
    new.set("epoch", "2")
    patch = make_patch(old, new, digest=False)
    assert patch is not None
    store = Store(blank(flat_markup(old)))
    view = ViewId(1, "n1", 1, 1)
    record = store.prepare(Record(view, 1, flat_markup(patch), RequestId(view, 0, "a"), forced=False, digest="")).record
    (tmp_path / "cib.xml").write_bytes(snapshot_bytes(store.snapshot()))
    (tmp_path / "cib.journal").write_bytes(line_bytes(Recorded(record)))
    return tmp_path / "cib.xml"


def test_what_was_written_since_counts(kept: Path) -> None:
    assert b'value="false"' in read_cib_file(kept)
    assert play(script, ["crm_verify", "-x", str(kept)]).status == 0
    found = CibFile(kept).read().find(".//nvpair[@name='stonith-enabled']")
    assert found is not None
    assert found.get("value") == "false"


def test_a_torn_journal_counts_as_far_as_it_is_whole(kept: Path) -> None:
    journal = kept.with_name("cib.journal")
    journal.write_bytes(journal.read_bytes()[:-3])
    assert b'value="true"' in read_cib_file(kept)


def test_without_a_journal_and_under_another_name_a_file_is_what_it_is(kept: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy.xml"
    other.write_bytes(kept.read_bytes())
    assert read_cib_file(other) == kept.read_bytes()
    kept.with_name("cib.journal").unlink()
    assert read_cib_file(kept) == kept.read_bytes()
    assert play(script, ["crm_verify", "-x", str(kept)]).status == 78


def test_a_file_that_cannot_be_read_is_no_fault_of_its_schema(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="Is a directory") as caught:
        CibFile(tmp_path).read()
    assert caught.value.status is Exit.CONFIG, "as with the original"


def test_a_journal_that_cannot_be_read_is_told_and_no_older_cib_shown(kept: Path) -> None:
    journal = kept.with_name("cib.journal")
    journal.unlink()
    assert b'value="true"' in read_cib_file(kept), "without one the snapshot is all there is"
    journal.mkdir()
    with pytest.raises(OSError, match="journal"):
        read_cib_file(kept)
    with pytest.raises(Fault):
        CibFile(kept).read()
