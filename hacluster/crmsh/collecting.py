"""What there is to look at after a failure: one node's logs, CIB, kept decisions and status, secrets taken out.

A report is a tar with a directory for each node. A node makes its own part (:func:`collect`); who makes a report asks
the others for theirs by ssh and puts all together.
"""

from __future__ import annotations

import bz2
import io
import os
import platform
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hacluster.client.configdir import DEFAULT_DIR
from hacluster.crmsh.words import HIDDEN, SECRETS, hidden

if TYPE_CHECKING:
    from hacluster.cib.document import XML

CIB_DIR: Final = Path("/var/lib/hacluster")
LOGS: Final = ("/var/log/ha-log", "/var/log/ha-debug", "/var/log/hacluster.log", "/var/log/syslog", "/var/log/messages")
MOST_LOG: Final = 64 * 1024 * 1024
"""Bytes of one log, its end; and of all decisions of a node together."""
_PATIENCE_S: Final = 20
_COMMANDS: Final = (
    ("status.txt", ("crm_mon", "-1", "-A", "-n", "-f", "-r", "-o", "-t")),
    ("fencing.txt", ("stonith_admin", "--history", "*", "--verbose")),
    ("view.txt", ("hacluster", "status")),
    ("links.txt", ("cl_status", "hbstatus", "-v")),
    ("check.txt", ("hacluster", "check")),
    ("verify.txt", ("crm_verify", "-L", "-V")),
    ("addresses.txt", ("ip", "addr")),
    ("routes.txt", ("ip", "route")),
    ("processes.txt", ("ps", "axo", "pid,ppid,user,stat,etime,time,args")),
)
_STAMP: Final = re.compile(r"^(?:\S+\[\d+\]: )?(\d{4})[-/](\d\d)[-/](\d\d)[T_ ](\d\d):(\d\d):(\d\d)")
_SYSLOG: Final = re.compile(r"^([A-Z][a-z]{2}) +(\d+) (\d\d):(\d\d):(\d\d) ")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a report is to have: from and to (seconds since 1970), and names of parameters that are hidden."""

    since: float
    until: float
    secrets: tuple[str, ...] = field(default=tuple(SECRETS))

    def words(self) -> list[str]:
        """The same as options of ``crm report``."""
        return [
            "-f",
            f"@{self.since:.0f}",
            "-t",
            f"@{self.until:.0f}",
            *(word for one in self.secrets for word in ("-p", one)),
        ]


def line_time(line: str, year: int) -> float | None:
    """When a line of a log was written; ``None`` when it does not say."""
    match = _STAMP.match(line)
    try:
        if match is not None:
            numbers = [int(part) for part in match.groups()]
            return time.mktime((*numbers, 0, 0, -1))  # type: ignore[arg-type]
        match = _SYSLOG.match(line)
        if match is None:
            return None
        month = _MONTHS.index(match[1]) + 1
        return time.mktime((year, month, *(int(part) for part in match.groups()[1:]), 0, 0, -1))  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def _pattern(secrets: Sequence[str]) -> re.Pattern[str]:
    names = "|".join(re.escape(name).replace(r"\*", r"\w*").replace(r"\?", r"\w") for name in secrets)
    return re.compile(rf"(?i)\b((?:{names})\w*[\"']?\s*[=:]\s*[\"']?)([^\s\"',;]+)")


def clean_text(text: str, secrets: Sequence[str]) -> str:
    """A text without the values of parameters that are secret by name."""
    return _pattern(secrets).sub(rf"\1{HIDDEN}", text) if secrets else text


def clean_cib(root: XML, secrets: Sequence[str]) -> XML:
    """A CIB without the values of secret parameters."""
    for pair in root.iter("nvpair"):
        if pair.get("value") is not None and hidden(pair.get("name"), (*secrets, "unconfirmed-before")):
            pair.set("value", HIDDEN)
    for element in root.iter("*"):
        for name in element.attrib:
            if hidden(str(name), secrets):
                element.set(name, HIDDEN)
    return root


def log_files(directory: Path = DEFAULT_DIR) -> list[Path]:
    """The logs: those that ha.cf names, and where logs usually are."""
    found = []
    try:
        text = (directory / "ha.cf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] in {"logfile", "debugfile"}:
            found.append(words[1])
    return [Path(name) for name in dict.fromkeys([*found, *LOGS]) if Path(name).is_file()]


def log_part(path: Path, wish: Wish) -> list[str]:
    """The lines of a log in the time that is asked for; lines without a time belong to the one before."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - MOST_LOG))
            text = file.read().decode(errors="replace")
    except OSError as error:
        return [f"({path}: {error.strerror})"]
    found = []
    inside = False
    year = time.localtime(wish.until).tm_year
    for line in text.splitlines():
        when = line_time(line, year)
        if when is not None:
            inside = wish.since <= when <= wish.until
        if inside:
            found.append(clean_text(line, wish.secrets))
    return found


def input_files() -> list[Path]:
    """The decisions' inputs that are kept on this node, by time."""
    from hacluster.crmsh.levels.history import inputs  # noqa: PLC0415

    return inputs()


def _entries(wish: Wish, node: str) -> Iterator[tuple[str, bytes]]:
    from hacluster.base.errors import HaError  # noqa: PLC0415
    from hacluster.cib.markup import read_markup, show_markup  # noqa: PLC0415
    from hacluster.client.cibsource import open_source  # noqa: PLC0415

    facts = [f"node {node}", f"host {platform.platform()}", f"time {time.strftime('%Y-%m-%d %H:%M:%S %z')}"]
    yield "description.txt", "\n".join([*facts, ""]).encode()
    for name in ("ha.cf", "hacluster.cf", "haresources"):
        path = DEFAULT_DIR / name
        if path.is_file():
            yield name, clean_text(path.read_text(errors="replace"), wish.secrets).encode()
    try:
        yield "cib.xml", show_markup(clean_cib(open_source().read(), wish.secrets)).encode()
    except HaError as error:
        yield "cib.txt", f"{error}\n".encode()
    for name, argv in _COMMANDS:
        yield name, clean_text(_output(argv), wish.secrets).encode()
    for path in log_files():
        lines = log_part(path, wish)
        if lines:
            yield f"logs/{path.name}", "\n".join([*lines, ""]).encode()
    journal = ("journalctl", "-q", "-u", "hacluster", "-o", "short-iso", "--since", f"@{wish.since:.0f}")
    told = _output((*journal, "--until", f"@{wish.until:.0f}"))
    if told.strip() and not told.startswith("("):
        yield "logs/journal", clean_text(told, wish.secrets).encode()
    size = 0
    for path in reversed(input_files()):
        if not wish.since <= path.stat().st_mtime <= wish.until or size > MOST_LOG:
            continue
        data = path.read_bytes()
        size += len(data)
        packed = path.suffix == ".bz2"
        root = read_markup(bz2.decompress(data) if packed else data)
        if root is not None:
            text = show_markup(clean_cib(root, wish.secrets)).encode()
            yield f"pengine/{path.name}", bz2.compress(text) if packed else text


def _output(argv: Sequence[str]) -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=_PATIENCE_S, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": path, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return f"({argv[0]}: {error})\n"
    return (done.stdout + done.stderr).decode(errors="replace")


def collect(wish: Wish, node: str) -> bytes:
    """This node's part, as a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as tar:
        for name, data in _entries(wish, node):
            put(tar, f"{node}/{name}", data)
    return out.getvalue()


def put(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """A file into a tar, readable by its owner alone."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
    tar.addfile(entry, io.BytesIO(data))
