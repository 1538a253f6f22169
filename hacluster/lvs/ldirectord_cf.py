"""ldirectord.cf: the director's configuration, read as ldirectord(8) of resource-agents 4.12 reads it.

``parse_ldirectord_cf`` reads the whole file and says everything that is wrong with it. Global directives count wherever
they stand, also behind a section. Where the man page and the program disagree the program counts; that is so with the
default of ``quiescent`` (no).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from hacluster.base.report import Report, has_errors
from hacluster.config.findings import Findings, in_order, nearest, shown
from hacluster.lvs import values
from hacluster.lvs.lines import Entry, Section, split_lines
from hacluster.lvs.sections import SectionDraft, build_virtual
from hacluster.lvs.settings import DirectorSettings, Virtual
from hacluster.lvs.table import ServiceId
from hacluster.lvs.targets import Names, read_fallback, read_head
from hacluster.lvs.values import Reader

DEFAULT_FILE: Final = "ldirectord.cf"

SHARED: Final[Mapping[str, Reader]] = {
    "checktimeout": values.milliseconds(1),
    "negotiatetimeout": values.milliseconds(1),
    "checkinterval": values.milliseconds(1),
    "checkcount": values.number(1, 1_000),
    "failurecount": values.number(1, 1_000_000),
    "fallbackcommand": values.maybe_quoted,
    "emailalert": values.addresses,
    "emailalertfreq": values.milliseconds(0),
    "emailalertstatus": values.statuses,
    "smtp": values.smtp_host,
    "quiescent": values.yes_no,
    "cleanstop": values.yes_no,
}
"""Directives that a section may have for itself."""

GLOBAL: Final[Mapping[str, Reader]] = {
    **SHARED,
    "autoreload": values.yes_no,
    "callback": values.quoted,
    "logfile": values.quoted,
    "emailalertfrom": values.maybe_quoted,
    "execute": values.maybe_quoted,
    "supervised": values.bare_yes_no,
    "fork": values.yes_no,
    "readdquiescent": values.yes_no,
    "maintenancedir": values.maybe_quoted,
}
"""Directives of the first column, without ``fallback``, which needs names."""

SECTION: Final[Mapping[str, Reader]] = {
    **SHARED,
    "scheduler": values.scheduler,
    "persistent": values.number(1, 2_147_483),
    "schedflags": values.word,
    "ops": values.yes_no,
    "checktype": values.check_type,
    "service": values.application,
    "checkcommand": values.maybe_quoted,
    "checkport": values.number(1, 65_535),
    "request": values.quoted,
    "receive": values.pattern,
    "httpmethod": values.http_method,
    "virtualhost": values.maybe_quoted,
    "login": values.quoted,
    "passwd": values.quoted,
    "database": values.quoted,
    "secret": values.quoted,
    "load": values.quoted,
    "monitorfile": values.maybe_quoted,
    "servicename": values.plain,
    "comment": values.plain,
}
"""Directives of a section, without those that need names or the family of its addresses."""

_STRUCTURE: Final = ("real", "real6", "fallback", "fallback6", "protocol", "netmask")
_DEPRECATED: Final = {
    "timeout": "write checktimeout and negotiatetimeout instead",
    "connecttimeout": "write negotiatetimeout instead",
}
_MAY_BE_EMPTY: Final = frozenset({"virtualhost", "servicename", "comment"})
"""Without a value they say nothing, as in the original."""

_REPEATABLE: Final = frozenset({"execute", "real", "real6"})


@dataclass(frozen=True, slots=True)
class Host:
    """What reading needs of the host: its look-ups, its own name (for logins), and which paths it has."""

    names: Names
    name: str = "localhost"
    directories: Container[str] | None = None
    executables: Container[str] | None = None


def parse_ldirectord_cf(text: str, file: str, host: Host) -> tuple[DirectorSettings | None, list[Report]]:
    """The settings in ``text`` and every finding; no settings when one of the findings is an error."""
    findings = Findings(file)
    lines = split_lines(text, findings)
    found = _read_globals(findings, lines.entries, host)
    virtuals: list[Virtual] = []
    seen: dict[ServiceId, int] = {}
    for section in lines.sections:
        if findings.full:
            break
        virtual = _read_section(findings, section, found, host)
        if virtual is None:
            continue
        before = seen.setdefault(virtual.service.id, section.line)
        if before != section.line:
            what = f"the virtual service {virtual.service.id.label} was given in line {before} already"
            findings.error("given-twice", section.line, what, "put everything into one section")
        virtuals.append(virtual)
    if not lines.sections:
        findings.warning("no-virtual", None, "the file has no virtual service", "write: virtual = address:port")
    reports = in_order(findings.reports)
    if has_errors(reports):
        return None, reports
    return _settings(found, tuple(virtuals)), reports


def _settings(found: dict[str, Any], virtuals: tuple[Virtual, ...]) -> DirectorSettings:
    default = DirectorSettings()
    return replace(
        default,
        virtuals=virtuals,
        check_interval_ms=found.get("checkinterval", default.check_interval_ms),
        auto_reload=found.get("autoreload", default.auto_reload),
        callback=found.get("callback", ""),
        log=found.get("logfile", default.log),
        execute=tuple(dict.fromkeys(found.get("execute", ()))),
        supervised=found.get("supervised", False),
        fork=found.get("fork", False),
        maintenance_dir=found.get("maintenancedir", ""),
    )


def _read_globals(findings: Findings, entries: list[Entry], host: Host) -> dict[str, Any]:
    found: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for entry in entries:
        ipv6 = entry.name == "fallback6"
        reader = GLOBAL.get(entry.name)
        if entry.name in {"fallback", "fallback6"}:
            _note(findings, entry, lines)
            found[entry.name] = read_fallback(findings, entry, "tcp", host.names, ipv6=ipv6)
        elif reader is None:
            _unknown(findings, entry, (*GLOBAL, "fallback", "fallback6", "virtual", "virtual6"), SECTION)
        elif _has_value(findings, entry):
            _note(findings, entry, lines)
            value = reader(findings, entry, entry.value or "")
            if value is not None and entry.name == "execute":
                found.setdefault("execute", []).append(value)
            elif value is not None:
                found[entry.name] = value
    _look_at_paths(findings, lines, found, host)
    if "checkcount" in found:
        _check_count(findings, lines["checkcount"])
    return found


def _look_at_paths(findings: Findings, lines: dict[str, int], found: dict[str, Any], host: Host) -> None:
    directory = found.get("maintenancedir")
    if directory and host.directories is not None and directory not in host.directories:
        findings.warning("no-such-directory", lines["maintenancedir"], f"there is no directory {shown(directory)}")
    callback = found.get("callback")
    if callback and host.executables is not None and callback not in host.executables:
        text = f"{shown(callback)} is not an executable file: nobody will be told of a changed file"
        findings.warning("not-executable", lines["callback"], text)


def _look_at_monitor_file(findings: Findings, line: int, path: str, host: Host) -> None:
    """The original opens it at once, and begins only when it can."""
    folder = path.rpartition("/")[0] or "/"
    if host.directories is not None and (path in host.directories or folder not in host.directories):
        text = f"there can be no file {shown(path)}"
        findings.error("no-such-directory", line, text, f"{shown(folder)} must be a directory", "monitorfile")


def _check_count(findings: Findings, line: int) -> None:
    hint = "it counts for ping checks only: failurecount is for all"
    findings.warning("deprecated", line, "checkcount is deprecated", hint, "checkcount")


def _has_value(findings: Findings, entry: Entry) -> bool:
    if entry.value or (entry.name == "supervised" and entry.value is None):
        return True
    if entry.name in _MAY_BE_EMPTY and entry.value is not None:
        findings.warning("no-value", entry.line, f"{entry.name} has no value: it says nothing", field=entry.name)
        return False
    findings.error("no-value", entry.line, f"{entry.name} has no value", f"write: {entry.name} = …", entry.name)
    return False


def _note(findings: Findings, entry: Entry, lines: dict[str, int]) -> None:
    before = lines.get(entry.name)
    lines[entry.name] = entry.line
    if before is not None and entry.name not in _REPEATABLE:
        text = f"{entry.name} was given in line {before} already: the last value counts"
        findings.warning("given-again", entry.line, text, "keep one of the lines", entry.name)


def _unknown(findings: Findings, entry: Entry, known: tuple[str, ...], elsewhere: Mapping[str, Reader]) -> None:
    if entry.name in _DEPRECATED:
        findings.error("deprecated", entry.line, f"{entry.name} is gone", _DEPRECATED[entry.name], entry.name)
        return
    hint = nearest(entry.name, known)
    if entry.name in elsewhere or entry.name in _STRUCTURE:
        hint = "it belongs into the other part of the file: global directives first column, a section's are indented"
    findings.error("unknown-directive", entry.line, f"unknown directive {shown(entry.name)}", hint)


def _read_section(findings: Findings, section: Section, inherited: dict[str, Any], host: Host) -> Virtual | None:
    target = read_head(findings, section.line, section.head, ipv6=section.ipv6)
    draft = SectionDraft(section, target, inherited, host.name)
    readers: dict[str, Reader] = {
        **SECTION,
        "protocol": _protocol(draft),
        "netmask": partial(values.netmask, ipv6=section.ipv6),
    }
    lines: dict[str, int] = {}
    wrong = "real" if section.ipv6 else "real6", "fallback" if section.ipv6 else "fallback6"
    known = (*SECTION, *_STRUCTURE)
    for entry in section.entries:
        if findings.full:
            break
        if entry.name in wrong:
            right = f"{entry.name}6" if section.ipv6 else entry.name[:-1]
            findings.error("wrong-family", entry.line, f"{entry.name} cannot stand here", f"write {right}", entry.name)
        elif entry.name in {"real", "real6"}:
            draft.reals.append(entry)
        elif entry.name in {"fallback", "fallback6"}:
            _note(findings, entry, lines)
            draft.fallback = entry
        elif entry.name not in known:
            _unknown(findings, entry, known, GLOBAL)
        elif _has_value(findings, entry):
            _note(findings, entry, lines)
            value = readers[entry.name](findings, entry, entry.value or "")
            if value is not None:
                draft.own[entry.name] = value
                draft.lines[entry.name] = entry.line
    if "checkcount" in lines:
        _check_count(findings, lines["checkcount"])
    if "monitorfile" in draft.own:
        _look_at_monitor_file(findings, lines["monitorfile"], draft.own["monitorfile"], host)
    return build_virtual(findings, draft, host.names)


def _protocol(draft: SectionDraft) -> Reader:
    def read(findings: Findings, entry: Entry, text: str) -> str | None:
        known = ("fwm",) if draft.target is not None and draft.target.mark is not None else ("tcp", "udp")
        if text in known or draft.target is None:
            return text
        what = "a firewall mark" if known == ("fwm",) else "an address and port"
        hint = f"write {' or '.join(known)}, or leave it out"
        findings.error("bad-word", entry.line, f"the protocol of {what} cannot be {shown(text)}", hint, "protocol")
        return None

    return read
