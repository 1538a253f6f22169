"""authkeys: slots, order, permissions; and never a word of a key in a report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.report import Severity
from hacluster.config.authkeys import parse_authkeys
from hacluster.config.findings import MAX_REPORTS
from hacluster.wire.auth import Key, KeyRing, Method

K = "0123456789abcdef0123"
SHA1 = Key(1, Method.SHA1, K.encode())


def parse(text, mode=0o600, owner=0):
    return parse_authkeys(text, "authkeys", mode, owner)


def findings(*arguments):
    return [(report.place.line, report.severity.word, report.code) for report in parse(*arguments)[1]]


FINE = [
    (f"auth 1\n1 sha1 {K}\n", KeyRing({1: SHA1}, 1)),
    (f"# c\n\n  # c\r\nauth 1 trailing\r\n  1  sha1\t{K}\r\n", KeyRing({1: SHA1}, 1)),
    (f"auth 0\n0 md5 {K}", KeyRing({0: Key(0, Method.MD5, K.encode())}, 0)),
    (f"auth 15\n15 md5 {K}", KeyRing({15: Key(15, Method.MD5, K.encode())}, 15)),
    (f"2 md5 {K}\nauth 1\n1 sha1 {K}", KeyRing({1: SHA1, 2: Key(2, Method.MD5, K.encode())}, 1)),
    (f"auth 1\n1 sha1 {K}#tail", KeyRing({1: Key(1, Method.SHA1, f"{K}#tail".encode())}, 1)),
    (f"auth 1\n1 sha1 {K}\udcff", KeyRing({1: Key(1, Method.SHA1, K.encode() + b"\xff")}, 1)),
]


@pytest.mark.parametrize(("text", "ring"), FINE)
def test_a_good_file(text, ring):
    assert parse(text) == (ring, [])


REMARKS = [
    ("auth 1\n1 crc\n", (2, "warning", "no-authentication")),
    (f"auth 1\n1 sha1 {K}\n2 crc\n", (3, "warning", "no-authentication")),
    (f"auth 1\n1 sha1 {K} more words", (2, "warning", "key-has-blanks")),
    (f"auth 1\n1 sha1 {K} # comment", (2, "warning", "key-has-blanks")),
    ("auth 1\n1 sha1 Hello!", (2, "warning", "short-key")),
    (f"auth 1\n1 md5 {K}\n1 sha1 {K}", (3, "warning", "slot-given-twice")),
    (f"auth 2\nauth 1\n1 sha1 {K}", (2, "warning", "auth-given-twice")),
]


@pytest.mark.parametrize(("text", "finding"), REMARKS)
def test_what_heartbeat_accepts_is_accepted(text, finding):
    assert parse(text)[0] is not None
    assert findings(text) == [finding]


def test_an_auth_line_counts_only_for_the_slots_below_it():
    text = f"auth 1\n1 sha1 {K}\n2 md5 {K}\nauth 2\n"
    assert parse(text)[0].sign_with == 1
    assert findings(text) == [(4, "warning", "auth-given-twice"), (4, "warning", "auth-unused")]


def test_of_a_slot_given_twice_the_later_counts():
    assert parse(f"auth 1\n1 md5 first-first-first-first\n1 sha1 {K}")[0] == KeyRing({1: SHA1}, 1)


FAULTS = [
    ("", [(None, "error", "no-auth-line")]),
    (f"1 sha1 {K}", [(None, "error", "no-auth-line")]),
    ("auth 1", [(1, "error", "auth-without-key")]),
    (f"auth 2\n1 sha1 {K}", [(1, "error", "auth-without-key")]),
    (f"1 sha1 {K}\nauth 1", [(2, "error", "auth-after-key")]),
    (f"auth\n1 sha1 {K}", [(1, "error", "bad-auth-line"), (None, "error", "no-auth-line")]),
    (f"auht 1\n1 sha1 {K}", [(1, "error", "bad-auth-line"), (None, "error", "no-auth-line")]),
    (f"auth one\n1 sha1 {K}", [(1, "error", "bad-slot"), (None, "error", "no-auth-line")]),
    (f"auth 1\n16 sha1 {K}\n1 sha1 {K}", [(2, "error", "bad-slot")]),
    (f"auth 1\n1 sha1 {K}\nsha1 {K}", [(3, "error", "bad-slot")]),
    (f"auth 1\n1 sha1 {K}\n2", [(3, "error", "unknown-method")]),
    (f"auth 1\n1 sha1 {K}\n2 sha256 {K}", [(3, "error", "unknown-method")]),
    (f"auth 1\n1 SHA1 {K}", [(2, "error", "unknown-method")]),
    ("auth 1\n1 sha1", [(2, "error", "no-key")]),
    ("auth 1\n1 md5 ", [(2, "error", "no-key")]),
    (f"auth 1\n1 crc {K}", [(2, "error", "crc-with-key")]),
    (f"auth 1\n1 sha1 {K}\0", [(1, "error", "auth-without-key"), (2, "error", "nul-character")]),
    ("auth 1\n1 sha1 REPLACE-THIS-WITH-A-RANDOM-KEY", [(2, "error", "example-key")]),
    (f"auth 1\n1 sha1 {K}\ud800", [(2, "error", "bad-key")]),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_a_fault(text, expected):
    assert parse(text)[0] is None
    assert findings(text) == expected


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o444])
def test_keys_that_others_can_read_are_refused(mode):
    text = f"auth 1\n1 sha1 {K}"
    assert parse(text, mode)[0] is None
    assert findings(text, mode) == [(None, "error", "bad-permissions")]


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700, 0o611, None])
def test_modes_that_are_fine(mode):
    assert findings(f"auth 1\n1 sha1 {K}", mode) == []


def test_write_bits_and_owner_are_remarks():
    text = f"auth 1\n1 sha1 {K}"
    assert findings(text, 0o620) == [(None, "warning", "writable-by-others")]
    assert findings(text, 0o600, 1000) == [(None, "warning", "foreign-owner")]
    assert parse_authkeys(text, "authkeys", 0o600, 1000, own_uid=1000)[1] == []


_WORDS = st.sampled_from(["auth", "1", "0", "15", "16", "sha1", "md5", "crc", "#", "\n", "\n", "\\", "\0"])
SECRET = "Xq7SecretSecretSecret"


@given(st.lists(st.one_of(_WORDS, st.just(SECRET), st.text(max_size=5)), max_size=30).map(" ".join))
def test_no_text_makes_it_raise_or_tell_a_key(text):
    ring, reports = parse(text)
    assert (ring is None) == any(report.severity <= Severity.ERROR for report in reports)
    for report in reports:
        assert "Secret" not in str(report)
        assert "Secret" not in repr(report)


def test_a_file_of_faults_is_given_up():
    reports = parse("auth 1\n" + "99 sha1 x\n" * 10_000)[1]
    assert "too-many-reports" in {report.code for report in reports}
    assert len(reports) <= MAX_REPORTS + 1
