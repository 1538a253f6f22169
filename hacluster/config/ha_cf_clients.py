"""The directives of ha.cf about programs: clients, who may be one, and fencing devices."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from hacluster.config.draft import Draft
from hacluster.config.findings import shown
from hacluster.config.lexical import Line
from hacluster.config.settings import BUILTIN_APIAUTH, ApiAuth, Client, StonithDevice, StonithHost


def on_client(draft: Draft, line: Line) -> None:
    """``respawn USER /path args`` and ``failfast USER /path args``."""
    words = line.words
    syntax = f"write: {line.directive} USER /path/of/program [arguments]"
    if len(words) < 2:
        draft.findings.error("missing-words", line.number, f"{line.directive} needs a user and a program", syntax)
        return
    user, path = words[0], words[1]
    host = draft.host
    if host.users is not None and user not in host.users:
        draft.findings.error("no-such-user", line.number, f"there is no user {shown(user)}", field=line.directive)
    if not path.startswith("/"):
        text = f"{shown(path)} is not an absolute path"
        draft.findings.error("relative-path", line.number, text, syntax, line.directive)
    elif host.executables is not None and path not in host.executables and not _is_builtin(path):
        text = f"{shown(path)} is not an executable file"
        draft.findings.error("not-executable", line.number, text, field=line.directive)
    draft.add("clients", Client(user, words[1:], line.directive == "failfast", line.number))


BUILTIN_CLIENTS: Final = ("ipfail",)
"""Clients of Heartbeat whose work hacluster does itself: the program need not be there."""


def _is_builtin(path: str) -> bool:
    return path.rpartition("/")[2] in BUILTIN_CLIENTS


def _names(draft: Draft, line: Line, text: str, known: Container[str] | None, kind: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    for name in names:
        if known is not None and not name.isdecimal() and name not in known:
            draft.findings.error(f"no-such-{kind}", line.number, f"there is no {kind} {shown(name)}", field="apiauth")
    return names


def on_apiauth(draft: Draft, line: Line) -> None:
    """``apiauth CLIENT [uid=a,b] [gid=c,d]``; at least one list, each client once."""
    words = line.words
    findings = draft.findings
    syntax = "write: apiauth CLIENT uid=NAME,... gid=NAME,..."
    if not words or "=" in words[0]:
        findings.error("missing-words", line.number, "apiauth needs the name of a client", syntax)
        return
    client = words[0]
    found: dict[str, tuple[str, ...]] = {"uid": (), "gid": ()}
    for word in words[1:]:
        key, equals, names = word.partition("=")
        if not equals or key not in found:
            findings.error("bad-word", line.number, f"apiauth does not know {shown(word)}", syntax, "apiauth")
            return
        if found[key]:
            findings.error("duplicate-apiauth", line.number, f"apiauth has two {key} lists", "join them with commas")
            return
        known = draft.host.users if key == "uid" else draft.host.groups
        found[key] = _names(draft, line, names, known, "user" if key == "uid" else "group")
    if not found["uid"] and not found["gid"]:
        findings.error("missing-words", line.number, f"apiauth {shown(client)} allows nobody", syntax)
    elif draft.lines.setdefault(f"apiauth {client}", line.number) != line.number:
        findings.error("duplicate-apiauth", line.number, f"apiauth {shown(client)} was given already", "join the lines")
    else:
        draft.add("apiauth", ApiAuth(client, found["uid"], found["gid"]))


def all_apiauth(draft: Draft) -> tuple[ApiAuth, ...]:
    """The built-in entries, replaced and followed by those of the file."""
    entries = {entry.client: entry for entry in BUILTIN_APIAUTH}
    entries |= {entry.client: entry for entry in draft.lists.get("apiauth", [])}
    return tuple(entries.values())


def on_env(draft: Draft, line: Line) -> None:
    """``env NAME=VALUE``: respawned clients see it as ``HA_NAME``."""
    for value in line.values:
        name, equals, text = value.text.partition("=")
        if not name.isidentifier() or not name.isascii():
            hint = "write: env NAME=VALUE"
            draft.findings.error("bad-variable", line.number, f"{shown(name)} cannot name a variable", hint, "env")
            continue
        if not equals:
            draft.findings.warning("empty-variable", line.number, f"{shown(name)} has no value", "write NAME=VALUE")
        draft.add("env", (name, text))


def on_stonith(draft: Draft, line: Line) -> None:
    """``stonith TYPE CONFIGFILE``: the last one counts."""
    words = line.words
    findings = draft.findings
    if len(words) < 2:
        findings.error("missing-words", line.number, "stonith needs a type and a file", "write: stonith TYPE /path")
        return
    files = draft.host.files
    if files is not None and words[1] not in files:
        findings.error("no-such-file", line.number, f"there is no file {shown(words[1])}", field="stonith")
    if "stonith" in draft.settings:
        findings.warning("duplicate-stonith", line.number, "stonith was given before: only the last one counts")
    draft.settings["stonith"] = StonithDevice(words[0], words[1], line.number)


def on_stonith_host(draft: Draft, line: Line) -> None:
    """``stonith_host HOST TYPE PARAMS...``."""
    words = line.words
    if len(words) < 3:
        hint = "write: stonith_host HOST TYPE PARAMETERS..., with * for every host"
        text = "stonith_host needs a host, a type and the device's parameters"
        draft.findings.error("missing-words", line.number, text, hint)
        return
    host = words[0].lower()
    draft.add("stonith_hosts", StonithHost(host, words[1], words[2:], line.number))


def on_watchdog(draft: Draft, line: Line) -> None:
    """``watchdog DEV``, once."""
    for value in line.values:
        if "watchdog" in draft.settings:
            draft.findings.error("given-twice", line.number, "watchdog was given already", field="watchdog")
            continue
        files = draft.host.files
        if files is not None and value.text not in files:
            text = f"there is no device {shown(value.text)}"
            draft.findings.warning("no-such-file", line.number, text, "load a driver, such as softdog", "watchdog")
        draft.settings["watchdog"] = value.text
