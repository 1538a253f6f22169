"""Whom the daemon's processes become, and why not."""

from __future__ import annotations

import os
import pwd

import pytest

from hacluster.daemon import privilege
from hacluster.daemon.privilege import MAKE_USER, find, give
from tests.conftest import skip_or_fail


@pytest.fixture
def root():
    if os.geteuid() != 0:
        skip_or_fail("needs root to become somebody else")


@pytest.fixture
def nobody(root, monkeypatch):
    """A user that every host has."""
    monkeypatch.setattr(privilege, "USER", "nobody")
    return pwd.getpwnam("nobody")


def test_a_user_that_is_not_there_is_said_with_the_command_that_makes_it(root, monkeypatch):
    monkeypatch.setattr(privilege, "USER", "no-such-user")
    account = find()
    assert not account.usable
    assert MAKE_USER in account.why_not


def test_a_directory_that_the_user_cannot_reach_is_named(nobody, tmp_path):
    tmp_path.chmod(0o700)
    assert str(tmp_path) in find(str(tmp_path / "state")).why_not
    assert find("/var/lib/no-such-directory/state").usable


def test_what_is_given_is_what_lies_there_and_nothing_that_it_leads_to(nobody, tmp_path):
    place, elsewhere = tmp_path / "state", tmp_path / "precious"
    place.mkdir()
    for name in ("hb_generation", "twice"):
        (place / name).write_text("x")
    elsewhere.write_text("x")
    os.mkfifo(place / "fifo")
    os.link(place / "twice", tmp_path / "other-name")
    (place / "link").symlink_to(elsewhere)
    (place / "directory").mkdir()
    account = find()
    give(str(place), account)
    owners = {entry.name: os.lstat(entry).st_uid for entry in (place, elsewhere, *place.iterdir())}
    uid = nobody.pw_uid
    assert owners == {
        "state": uid, "precious": 0, "hb_generation": uid, "twice": 0, "fifo": uid, "link": 0, "directory": 0,
    }  # fmt: skip


def test_a_state_directory_that_is_a_link_of_roots_is_given_where_it_leads(nobody, tmp_path):
    place, link = tmp_path / "disk", tmp_path / "state"
    place.mkdir()
    link.symlink_to(place)
    give(str(link), find())
    assert place.stat().st_uid == nobody.pw_uid
    assert link.lstat().st_uid == 0
