"""authkeys: the shared keys.

::

    auth NUM
    NUM METHOD [KEY]

As Heartbeat 3.0.6 reads it: slots 0..15, the ``auth`` line above the slot that it names, a key is one word, the file
not readable by group or others. No report ever shows any part of a key.
"""

from __future__ import annotations

import re
from typing import Final

from hacluster.base.report import Report, has_errors
from hacluster.config.findings import Findings, in_order, nearest, shown
from hacluster.config.lexical import parse_number, physical_lines
from hacluster.wire.auth import MAX_SLOT, Key, KeyRing, Method

SHORT_KEY: Final = 16
"""Bytes below which a key is called short: a listener can try all keys of that size off line."""

READABLE_BY_OTHERS: Final = 0o044
"""Mode bits that Heartbeat refuses."""

EXAMPLE_KEY: Final = b"REPLACE-THIS-WITH-A-RANDOM-KEY"
"""The key of our sample file: everybody knows it."""

_WRITABLE_BY_OTHERS: Final = 0o022

_WORD = re.compile(r"[^ \t\r\f\v]+")
_KEY_HINT = "make one with: dd if=/dev/urandom bs=32 count=1 status=none | sha1sum"


class _Slots:
    """The slots read so far, and which of them signs."""

    __slots__ = ("auth", "auth_line", "findings", "keys", "lines", "sign_with")

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.auth: int | None = None
        self.auth_line = 0
        self.sign_with: int | None = None
        self.keys: dict[int, Key] = {}
        self.lines: dict[int, int] = {}

    def take_auth(self, number: int, words: list[str]) -> None:
        findings = self.findings
        if words[0] != "auth" or len(words) < 2:
            hint = nearest(words[0], ("auth",)) if len(words) > 1 else ""
            findings.error("bad-auth-line", number, "a line that starts with a must be: auth NUM", hint)
            return
        slot = _slot(findings, number, words[1])
        if slot is None:
            return
        if self.auth is not None:
            text = f"auth was given in line {self.auth_line} already"
            findings.warning("auth-given-twice", number, text, "keep one auth line, above all keys")
        self.auth, self.auth_line = slot, number

    def take_key(self, number: int, words: list[str]) -> None:
        findings = self.findings
        slot = _slot(findings, number, words[0])
        if slot is None:
            return
        key = _key(findings, number, slot, words[1:])
        if slot in self.lines:
            text = f"slot {slot} was given in line {self.lines[slot]} already"
            findings.warning("slot-given-twice", number, text, "the later one counts")
        self.lines[slot] = number
        if slot == self.auth:
            self.sign_with = slot
        if key is not None:
            self.keys[slot] = key

    def finish(self) -> None:
        findings = self.findings
        if self.auth is None:
            findings.error("no-auth-line", None, "there is no auth line", "write: auth NUM, above the keys")
        elif self.sign_with is None and self.auth in self.lines:
            text = f"auth {self.auth} stands below the key of slot {self.auth}"
            findings.error("auth-after-key", self.auth_line, text, "move the auth line above the keys")
        elif self.sign_with is None:
            text = f"auth {self.auth} names a slot that has no key"
            findings.error("auth-without-key", self.auth_line, text, f"add a line: {self.auth} sha1 KEY")
        elif self.sign_with != self.auth:
            text = f"auth {self.auth} has no effect, there is no key of that slot below it: slot {self.sign_with} signs"
            findings.warning("auth-unused", self.auth_line, text, "keep one auth line, above all keys")


def _slot(findings: Findings, number: int, word: str) -> int | None:
    """The slot number; a word that is none is not shown, since it may be a misplaced key."""
    slot = parse_number(word)
    if slot is None:
        hint = "lines are: auth NUM, or NUM METHOD KEY"
        findings.error("bad-slot", number, f"a slot is a number from 0 to {MAX_SLOT}", hint)
        return None
    if slot > MAX_SLOT:
        findings.error("bad-slot", number, f"slot {slot} is not in 0..{MAX_SLOT}")
        return None
    return slot


def _key(findings: Findings, number: int, slot: int, words: list[str]) -> Key | None:
    methods = [method.value for method in Method]
    if not words or words[0] not in methods:
        what = "has no method" if not words else "has an unknown method"
        findings.error("unknown-method", number, f"slot {slot} {what}", f"one of: {', '.join(methods)}")
        return None
    method = Method(words[0])
    if not method.keyed:
        if len(words) > 1:
            findings.error("crc-with-key", number, f"slot {slot}: crc takes no key", "use sha1, or take the key away")
            return None
        text = f"slot {slot}: crc is no authentication, whoever reaches the network can command this cluster"
        findings.warning("no-authentication", number, text, "use sha1 with a random key")
        return Key(slot, method)
    if len(words) < 2:
        findings.error("no-key", number, f"slot {slot}: {method} needs a key", _KEY_HINT)
        return None
    if len(words) > 2:
        text = f"slot {slot}: everything after the first word of the key is ignored"
        findings.warning("key-has-blanks", number, text, "a key is one word without blanks")
    try:
        secret = words[1].encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        findings.error("bad-key", number, f"slot {slot}: the key is not text")
        return None
    if secret == EXAMPLE_KEY:
        findings.error("example-key", number, f"slot {slot}: the key is that of the sample file", _KEY_HINT)
        return None
    if len(secret) < SHORT_KEY:
        text = f"slot {slot}: the key has less than {SHORT_KEY} characters"
        findings.warning("short-key", number, text, _KEY_HINT)
    return Key(slot, method, secret)


def _check_file(findings: Findings, mode: int | None, owner: int | None, own_uid: int) -> None:
    name = shown(findings.file)
    if mode is not None and mode & READABLE_BY_OTHERS:
        text = f"mode {mode & 0o7777:04o} lets others read the keys"
        findings.error("bad-permissions", None, text, f"run: chmod 600 {name}")
    elif mode is not None and mode & _WRITABLE_BY_OTHERS:
        text = f"mode {mode & 0o7777:04o} lets others write the keys"
        findings.warning("writable-by-others", None, text, f"run: chmod 600 {name}")
    if owner is not None and owner not in (0, own_uid):
        findings.warning("foreign-owner", None, f"the file belongs to uid {owner}", f"run: chown root {name}")


def parse_authkeys(
    text: str, file: str, mode: int | None = None, owner: int | None = None, *, own_uid: int = 0
) -> tuple[KeyRing | None, list[Report]]:
    """The keys in ``text`` and every finding; no keys when one of the findings is an error.

    ``mode`` (permission bits) and ``owner`` (uid) are those of the file, ``None`` when not known; ``own_uid`` is a
    second uid, beside root's, that may own it. Bytes that are no UTF-8 must come as surrogate escapes.
    """
    findings = Findings(file)
    _check_file(findings, mode, owner, own_uid)
    slots = _Slots(findings)
    for number, line in physical_lines(text, findings):
        words = _WORD.findall(line)
        if not words or words[0].startswith("#"):
            continue
        if findings.full:
            break
        if words[0].startswith("a"):
            slots.take_auth(number, words)
        else:
            slots.take_key(number, words)
    slots.finish()
    reports = in_order(findings.reports)
    if has_errors(reports):
        return None, reports
    assert slots.sign_with is not None
    return KeyRing(slots.keys, slots.sign_with), reports
