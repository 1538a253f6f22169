"""Finding and reading ldirectord.cf on this host."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hacluster.base.report import Place, Report, Severity
from hacluster.ldirectord.names import HostNames
from hacluster.lvs.ldirectord_cf import DEFAULT_FILE, Host, parse_ldirectord_cf
from hacluster.lvs.settings import DirectorSettings

FOLDERS: Final = ("/etc/ha.d", "/etc/ha.d/conf")
"""Where a configuration is looked for before it is taken as a path."""

MAX_FILE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Configuration:
    """A sound configuration and the file it came from."""

    path: Path
    settings: DirectorSettings


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says; no settings when one of the reports is an error."""

    settings: DirectorSettings | None
    reports: list[Report]


class _Directories:
    def __contains__(self, path: object) -> bool:
        return os.path.isdir(str(path))


class _Executables:
    def __contains__(self, path: object) -> bool:
        program = str(path).split(maxsplit=1)[0] if str(path).strip() else ""
        return os.path.isfile(program) and os.access(program, os.X_OK)


def find(name: str | None) -> Path | None:
    """The file that a command line means: below /etc/ha.d, below /etc/ha.d/conf, or as given."""
    wanted = name or DEFAULT_FILE
    for candidate in (*(Path(folder) / wanted.lstrip("/") for folder in FOLDERS), Path(wanted)):
        if candidate.is_file():
            return candidate
    return None


def read_configuration(path: Path) -> Reading:
    """Read the file and look its names up; blocks as long as the look-ups take."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        return _failed(path, "unreadable", f"cannot read the file: {error.strerror}")
    if len(data) > MAX_FILE:
        return _failed(path, "too-large", f"the file is larger than {MAX_FILE} bytes")
    text = data.decode("utf-8", "surrogateescape")
    host = Host(HostNames(), socket.gethostname(), _Directories(), _Executables())
    settings, reports = parse_ldirectord_cf(text, str(path), host)
    return Reading(settings, reports)


def _failed(path: Path, code: str, text: str) -> Reading:
    return Reading(None, [Report(code, Severity.ERROR, text, Place(str(path)))])
