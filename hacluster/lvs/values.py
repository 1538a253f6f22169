"""How single values of ldirectord.cf are read: each reader gives the value, or reports and gives ``None``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from hacluster.config.findings import Findings, nearest, shown
from hacluster.lvs.lines import Entry
from hacluster.lvs.settings import Application, CheckType, DaemonStatus

SCHEDULERS: Final = (
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos",
)  # fmt: skip
"""Schedulers of Linux up to 6.x; another word is passed on to the kernel with a warning."""

_QUOTED: Final = re.compile(r'"(.*)".*')
_DIGITS: Final = re.compile(r"\d+")
_SMTP: Final = re.compile(r"[0-9A-Za-z._+-]+")
MAX_SECONDS: Final = 2_147_483

Reader = Callable[[Findings, Entry, str], object | None]


def unquoted(text: str) -> str:
    """What stands between double quotes, or ``text`` itself when there are none."""
    match = _QUOTED.fullmatch(text)
    return match[1] if match else text


def quoted(findings: Findings, entry: Entry, text: str) -> str | None:
    """A text that must stand in double quotes."""
    match = _QUOTED.fullmatch(text)
    if match is None:
        hint = "a # ends the line in a section, also in quotes" if entry.cut else f'write: {entry.name} = "…"'
        findings.error("not-quoted", entry.line, f"{entry.name} must be in double quotes", hint, entry.name)
        return None
    if not match[1]:
        findings.error("no-value", entry.line, f"{entry.name} is empty", field=entry.name)
        return None
    return match[1]


def plain(_findings: Findings, _entry: Entry, text: str) -> str:
    """Any text, as it stands."""
    return text


def maybe_quoted(findings: Findings, entry: Entry, text: str) -> str | None:
    """Any text, its double quotes taken off."""
    value = unquoted(text)
    if not value:
        findings.error("no-value", entry.line, f"{entry.name} is empty", field=entry.name)
        return None
    return value


def yes_no(findings: Findings, entry: Entry, text: str) -> bool | None:
    """``yes`` or ``no``, nothing else."""
    if text in {"yes", "no"}:
        return text == "yes"
    findings.error("bad-boolean", entry.line, f"{entry.name} is {shown(text)}", "write yes or no", entry.name)
    return None


def bare_yes_no(findings: Findings, entry: Entry, text: str) -> bool | None:
    """``yes`` or ``no``; the bare word is an old way to say yes."""
    if entry.value is None:
        findings.warning("bare-word", entry.line, f"a bare {entry.name} means yes", f"write: {entry.name} = yes")
        return True
    return yes_no(findings, entry, text)


def number(low: int, high: int) -> Reader:
    """A number in ``low..high``. As in the original the first digits count: ``5s`` is 5, with a warning."""

    def read(findings: Findings, entry: Entry, text: str) -> int | None:
        match = _DIGITS.search(text)
        value = int(match[0][:12]) if match else None
        if value is None or not low <= value <= high:
            what = f"{entry.name} must be a number from {low} to {high}, not {shown(text)}"
            findings.error("bad-number", entry.line, what, field=entry.name)
            return None
        if match and match[0] != text:
            findings.warning("odd-number", entry.line, f"{shown(text)} is read as {value}", field=entry.name)
        return value

    return read


def milliseconds(low: int) -> Reader:
    """Whole seconds, at least ``low``, as milliseconds."""
    inner = number(low, MAX_SECONDS)

    def read(findings: Findings, entry: Entry, text: str) -> int | None:
        value = inner(findings, entry, text)
        return None if value is None else int(str(value)) * 1_000

    return read


def scheduler(findings: Findings, entry: Entry, text: str) -> str | None:
    """A word of lower-case letters; whether the kernel has such a scheduler shows only there."""
    if not re.fullmatch(r"[a-z]+", text):
        findings.error("bad-word", entry.line, f"{shown(text)} is no scheduler", "lower-case letters only", entry.name)
        return None
    if text not in SCHEDULERS:
        hint = nearest(text, SCHEDULERS) or f"known: {' '.join(SCHEDULERS)}"
        findings.warning("unknown-scheduler", entry.line, f"no scheduler {shown(text)} is known", hint, entry.name)
    return text


def word(findings: Findings, entry: Entry, text: str) -> str | None:
    """One word without blanks."""
    if text and not re.search(r"\s", text):
        return text
    findings.error("bad-word", entry.line, f"{entry.name} must be one word, not {shown(text)}", field=entry.name)
    return None


def check_type(findings: Findings, entry: Entry, text: str) -> tuple[CheckType, int] | None:
    """The kind of check and, for a number, after how many connects comes a negotiate."""
    if re.fullmatch(r"\d{1,6}", text):
        return CheckType.COMBINED, int(text)
    known = [kind.value for kind in CheckType if kind is not CheckType.COMBINED]
    if text in known:
        return CheckType(text), 0
    hint = nearest(text, known) or f"one of: {', '.join(known)}, or a number"
    findings.error("bad-word", entry.line, f"{shown(text)} is no check type", hint, entry.name)
    return None


def application(findings: Findings, entry: Entry, text: str) -> Application | None:
    """What a negotiate check speaks."""
    known = [kind.value for kind in Application]
    if text in known:
        return Application(text)
    hint = nearest(text, known) or f"one of: {', '.join(known)}"
    findings.error("bad-word", entry.line, f"{shown(text)} is no service", hint, entry.name)
    return None


def http_method(findings: Findings, entry: Entry, text: str) -> str | None:
    """GET or HEAD, in any case."""
    if text.upper() in {"GET", "HEAD"}:
        return text.upper()
    findings.error("bad-word", entry.line, f"httpmethod is {shown(text)}", "GET or HEAD", entry.name)
    return None


def pattern(findings: Findings, entry: Entry, text: str) -> str | None:
    """A quoted Perl regular expression that Python reads, too."""
    value = quoted(findings, entry, text)
    return None if value is None or not checked_pattern(findings, entry, value) else value


def checked_pattern(findings: Findings, entry: Entry, value: str) -> bool:
    """Whether ``value`` is a regular expression; reports when it is none."""
    try:
        re.compile(perl_pattern(value))
    except re.error as fault:
        text = f"{shown(value)} is no regular expression: {fault}"
        findings.error("bad-pattern", entry.line, text, field=entry.name)
        return False
    return True


_INNER_FLAG: Final = re.compile(r"(?<!\\)\(\?([imsx]+)\)")


def perl_pattern(text: str) -> str:
    """A Perl regular expression as Python's ``re`` takes it.

    Perl's ``\\z`` is Python's ``\\Z``; Perl's ``\\Z`` (before a last newline) is ``(?=\\n?\\Z)``; flags in the middle,
    such as ``(?i)``, move to the front (perlre(1); in Perl they count from there on, which differs only where what
    stands before them has letters).
    """
    flags = "".join(sorted({flag for match in _INNER_FLAG.finditer(text) for flag in match[1]}))
    bare = _INNER_FLAG.sub("", text)
    bare = re.sub(r"(?<!\\)((?:\\\\)*)\\Z", r"\1(?=\\n?\\z)", bare)
    bare = re.sub(r"(?<!\\)((?:\\\\)*)\\z", r"\1\\Z", bare)
    return f"(?{flags}){bare}" if flags else bare


def addresses(findings: Findings, entry: Entry, text: str) -> tuple[str, ...] | None:
    """Mail addresses, separated by commas."""
    found = tuple(part.strip() for part in unquoted(text).split(",") if part.strip())
    bad = [address for address in found if re.search(r"[\s\x00-\x1f]", address)]
    if not found or bad:
        what = f"{shown(bad[0])} is no mail address" if bad else "no mail address is given"
        findings.error("bad-address", entry.line, what, "write: name@host, name@host", entry.name)
        return None
    return found


def statuses(findings: Findings, entry: Entry, text: str) -> frozenset[DaemonStatus] | None:
    """``all``, ``none``, or some states of the daemon."""
    words = [part.strip() for part in unquoted(text).split(",") if part.strip()]
    known = [status.value for status in DaemonStatus]
    if "none" in words:
        if len(words) > 1:
            findings.error("bad-word", entry.line, f"{shown(text)}: none stands alone", field=entry.name)
            return None
        return frozenset()
    bad = [one for one in words if one not in (*known, "all")]
    if "all" in words and not bad:
        if len(words) > 1:
            findings.warning("no-effect", entry.line, f"{shown(text)}: all has the others in it", field=entry.name)
        return frozenset(DaemonStatus)
    if bad or not words:
        what = f"{shown(bad[0] if bad else text)} is no state of the daemon"
        findings.error("bad-word", entry.line, what, f"all, none, or some of: {', '.join(known)}", entry.name)
        return None
    return frozenset(DaemonStatus(one) for one in words)


def smtp_host(findings: Findings, entry: Entry, text: str) -> str | None:
    """Name or address of a mail server."""
    match = _SMTP.match(text)
    if match is None:
        findings.error("bad-address", entry.line, f"{shown(text)} is no mail server", field=entry.name)
        return None
    return match[0]


def netmask(findings: Findings, entry: Entry, text: str, *, ipv6: bool) -> str | None:
    """Of persistence: a dotted quad for IPv4, a prefix length for IPv6."""
    if ipv6:
        if text.isdecimal() and 1 <= int(text) <= 128:
            return text
        findings.error(
            "bad-netmask", entry.line, f"netmask is {shown(text)}", "a prefix length from 1 to 128", "netmask"
        )
        return None
    try:
        if not re.fullmatch(r"\d+(\.\d+){3}", text):
            raise ValueError(text)
        ipaddress.IPv4Network(f"0.0.0.0/{text}")
    except ValueError:
        findings.error("bad-netmask", entry.line, f"netmask is {shown(text)}", "such as 255.255.255.0", "netmask")
        return None
    return text
