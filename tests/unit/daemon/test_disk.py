"""Durable files: the old or the new, never a part, and readable by nobody else."""

from __future__ import annotations

import os
import stat

import pytest

from hacluster.base.errors import HaError
from hacluster.daemon.disk import MAX_FILE, Disk


@pytest.fixture
def disk(tmp_path):
    found = Disk(str(tmp_path / "state"), str(tmp_path / "run"))
    found.prepare()
    return found


def test_what_is_written_is_read_back(disk):
    assert disk.read("hb_generation") is None
    disk.write("hb_generation", b"      123\n")
    disk.write("hb_generation", b"      124\n")
    assert disk.read("hb_generation") == b"      124\n"


def test_what_is_appended_comes_after_what_was_there(disk):
    disk.append("journal", b"one\n")
    disk.append("journal", b"two\n")
    assert disk.read("journal") == b"one\ntwo\n"
    disk.write("journal", b"")
    disk.append("journal", b"three\n")
    assert disk.read("journal") == b"three\n"


def test_durable_and_volatile_keys_lie_apart(disk, tmp_path):
    disk.write("k", b"kept")
    disk.write("k", b"until reboot", volatile=True)
    assert (tmp_path / "state/k").read_bytes() == b"kept"
    assert (tmp_path / "run/volatile/k").read_bytes() == b"until reboot"
    assert (disk.read("k"), disk.read("k", volatile=True)) == (b"kept", b"until reboot")


def test_files_are_private_whatever_umask_and_old_mode(disk, tmp_path):
    path = tmp_path / "state/hb_uuid"
    path.write_bytes(b"x")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        disk.write("hb_uuid", bytes(16))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_that_was_torn_is_not_seen(disk, tmp_path):
    disk.write("k", b"whole")
    # What a crash between write and rename leaves behind.
    (tmp_path / "state/.k.new").write_bytes(b"ha")
    assert disk.read("k") == b"whole"
    disk.write("k", b"next")
    assert disk.read("k") == b"next"
    assert sorted(os.listdir(tmp_path / "state")) == ["k"]


def test_the_file_is_replaced_not_overwritten(disk, tmp_path):
    disk.write("k", b"old")
    with open(tmp_path / "state/k", "rb") as reader:
        disk.write("k", b"new")
        assert reader.read() == b"old"


def test_a_link_in_the_way_is_neither_followed_nor_read(disk, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "state/.k.new").symlink_to(victim)
    disk.write("k", b"data")
    assert victim.read_bytes() == b"precious"
    (tmp_path / "state/other").symlink_to(victim)
    with pytest.raises(HaError, match="other"):
        disk.read("other")


def test_what_is_no_small_regular_file_is_refused(disk, tmp_path):
    os.mkfifo(tmp_path / "state/fifo")
    with pytest.raises(HaError, match="not a regular file"):
        disk.read("fifo")
    with open(tmp_path / "state/huge", "wb") as file:
        file.truncate(MAX_FILE + 1)
    with pytest.raises(HaError, match="more than"):
        disk.read("huge")


def test_a_directory_that_is_gone_is_an_error_to_tell(disk, tmp_path):
    (tmp_path / "state").rmdir()
    with pytest.raises(OSError, match="No such file"):
        disk.write("k", b"")


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".hidden", "x" * 101])
def test_a_key_cannot_leave_its_directory(disk, key):
    with pytest.raises(AssertionError):
        disk.path(key)


def test_directories_that_cannot_be_made_are_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HaError, match="cannot use directory"):
        Disk(str(tmp_path / "file/state"), str(tmp_path / "run")).prepare()


def test_a_volatile_journal_grows_and_is_forgotten(disk, tmp_path):
    disk.append("lrm", b"one\n", volatile=True)
    disk.append("lrm", b"two\n", volatile=True)
    assert disk.read("lrm", volatile=True) == b"one\ntwo\n"
    assert stat.S_IMODE(os.stat(disk.path("lrm", volatile=True)).st_mode) == 0o600
    assert disk.read("lrm") is None
    for _ in range(2):
        disk.forget("lrm", volatile=True)
        assert disk.read("lrm", volatile=True) is None
