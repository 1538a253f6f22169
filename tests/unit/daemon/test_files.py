"""Small files: whatever lies in their place is neither followed, waited for nor believed, and hinders nobody."""

from __future__ import annotations

import errno
import os

import pytest

from hacluster.daemon import files
from tests.conftest import require_root

LIMIT = 1_000


def put(path, thing):
    victim = path.parent / "victim"
    victim.write_bytes(b"precious")
    match thing:
        case "directory":
            (path / "in it").mkdir(parents=True)
        case "fifo":
            os.mkfifo(path)
        case "link":
            path.symlink_to(victim)
        case "dangling":
            path.symlink_to(path.parent / "nowhere")
        case "huge":
            path.write_bytes(bytes(LIMIT + 1))
        case "device":
            path.symlink_to("/dev/zero")


THINGS = ("directory", "fifo", "link", "dangling", "huge", "device")


@pytest.mark.parametrize("thing", THINGS)
def test_what_is_no_file_of_ours_is_told(tmp_path, thing):
    put(tmp_path / "k", thing)
    with pytest.raises(files.DamagedFileError):
        files.read(str(tmp_path / "k"), LIMIT)
    aside = files.set_aside(str(tmp_path / "k"))
    assert aside.endswith("k.damaged-1")
    assert files.read(str(tmp_path / "k"), LIMIT) is None


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("where", ["k", ".k.new"])
def test_and_hinders_no_write(tmp_path, thing, where):
    put(tmp_path / where, thing)
    files.replace(str(tmp_path / "k"), b"data", sync=True)
    assert files.read(str(tmp_path / "k"), LIMIT) == b"data"
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()


def test_what_belongs_to_somebody_else_is_not_believed(tmp_path):
    require_root()
    (tmp_path / "k").write_bytes(b"data")
    os.chown(tmp_path / "k", 4711, -1)
    with pytest.raises(files.DamagedFileError, match="belongs to user 4711"):
        files.read(str(tmp_path / "k"), LIMIT)
    os.chown(tmp_path, 4711, -1)
    assert files.read(str(tmp_path / "k"), LIMIT) == b"data", "whose the directory is, his are the files"


def test_only_so_many_damaged_files_are_kept(tmp_path):
    for number in range(files.MAX_ASIDE + 3):
        (tmp_path / "k").write_text(str(number))
        files.set_aside(str(tmp_path / "k"))
    assert len(list(tmp_path.iterdir())) == files.MAX_ASIDE
    assert (tmp_path / f"k.damaged-{files.MAX_ASIDE}").read_text() == str(files.MAX_ASIDE + 2)


@pytest.fixture
def full(monkeypatch):
    """A disk without room for another file."""
    real = os.open

    def without_room(path, flags, *more, **options):
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, flags, *more, **options)

    return lambda: monkeypatch.setattr(os, "open", without_room)


def test_on_a_full_disk_a_small_file_is_overwritten_in_place(tmp_path, full):
    path = tmp_path / "k"
    path.write_bytes(b"             41\n")
    full()
    files.replace(str(path), b"             42\n", sync=True)
    assert path.read_bytes() == b"             42\n"
    with pytest.raises(OSError, match="No space"):
        files.replace(str(path), b"another size", sync=True)
    assert path.read_bytes() == b"             42\n"
