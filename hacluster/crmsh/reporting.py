"""``crm report``: what all nodes have to show of a failure, in a tar without secrets; and reading such a tar."""

from __future__ import annotations

import bz2
import io
import os
import re
import shlex
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hacluster.base.iso8601 import parse_moment
from hacluster.base.values import interval_ms
from hacluster.crmsh import remote
from hacluster.crmsh.collecting import Wish, collect, line_time, put
from hacluster.crmsh.level import Refused
from hacluster.crmsh.words import SECRETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hacluster.crmsh.session import Session

DEFAULT_S: Final = 12 * 3600
_COLLECT_S: Final = 300.0
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")


def instant(word: str, now: float) -> float:
    """A time as people write it: ``10:31``, ``2026-11-28 10:31:00``, ``-2h``, ``@1764325000``; seconds since 1970."""
    if word.startswith("@") and word[1:].isdecimal():
        return float(word[1:])
    if word.startswith("-") and interval_ms(word[1:]):
        return now - interval_ms(word[1:]) / 1000
    match = _CLOCK.fullmatch(word)
    if match is not None and int(match[1]) < 24 and int(match[2]) < 60 and int(match[3] or 0) < 60:
        day = time.localtime(now)
        parts = (int(match[1]), int(match[2]), int(match[3] or 0))
        found = time.mktime((day.tm_year, day.tm_mon, day.tm_mday, *parts, 0, 0, -1))
        return found if found <= now else found - 24 * 3600
    moment = parse_moment(word.replace("/", "-"), time.localtime(now).tm_gmtoff)
    if moment is None:
        raise Refused(f'{word!r} is no time; write 10:31, "2026-11-28 10:31", -2h or @SECONDS')
    return float(moment.epoch)


def _wish(words: Sequence[str]) -> tuple[Wish, list[str], bool, str]:
    """What is asked for, of which nodes, whether this node's part alone goes to standard output, and where to."""
    now = time.time()
    since, until = now - DEFAULT_S, now
    names: list[str] = []
    secrets: list[str] = list(SECRETS)
    alone, rest = False, []
    left = list(words)
    while left:
        word = left.pop(0)
        if word in {"-f", "-t", "-n", "-p"}:
            if not left:
                raise Refused(f"{word} needs a value")
            value = left.pop(0)
            if word == "-f":
                since = instant(value, now)
            elif word == "-t":
                until = instant(value, now)
            elif word == "-n":
                names += value.replace(",", " ").split()
            elif value not in secrets:
                secrets.append(value)
        elif word in {"-S", "--single-node"}:
            alone = True
        elif word.startswith("-") and word != "-":
            raise Refused(f"{word} is not known here; report -h says what is")
        else:
            rest.append(word)
    if len(rest) > 1:
        raise Refused("write: report [-f TIME] [-t TIME] [-n NODES] [-p PATTERN] [-S] [DEST]")
    if since >= until:
        raise Refused("the beginning is not before the end")
    return Wish(since, until, tuple(secrets)), names, alone, rest[0] if rest else ""


def report(session: Session, words: list[str]) -> bool:
    """Collect what is needed to look into a failure."""
    wish, names, alone, dest = _wish(words)
    own = remote.own_name()
    if alone and dest == "-":
        session.voice.flush()
        sys.stdout.buffer.write(collect(wish, own))
        sys.stdout.buffer.flush()
        return True
    nodes = [own] if alone else names or remote.configured_nodes()
    stem = Path(dest or f"crm-report-{time.strftime('%Y%m%d-%H%M%S')}")
    stem = stem.with_name(re.sub(r"\.tar(\.\w+)?$", "", stem.name))
    path = stem.with_name(f"{stem.name}.tar.bz2")
    parts, good = gather(session, nodes, wish)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:bz2") as tar:
        put(tar, f"{stem.name}/report.txt", _head(wish, nodes, parts).encode())
        for node in nodes:
            for name, data in parts.get(node, {}).items():
                put(tar, f"{stem.name}/{name}", data)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL if not session.force else os.O_WRONLY | os.O_CREAT
                         | os.O_TRUNC, 0o600)  # fmt: skip
    with os.fdopen(descriptor, "wb") as file:
        file.write(out.getvalue())
    session.voice.info(f"{path}: {', '.join(node for node in nodes if node in parts)}")
    return good


def gather(session: Session, nodes: Sequence[str], wish: Wish) -> tuple[dict[str, dict[str, bytes]], bool]:
    """Each node's part, as files by name; whether all could be had. Who could not be asked is told."""
    own = remote.own_name()
    command = f"{remote.path_of_ours()}; {shlex.join(['crm', 'report', '-S', *wish.words(), '-'])}"
    others = [node for node in nodes if node != own]
    answers = remote.on_all(others, lambda node: remote.shell_on(node, command, timeout_s=_COLLECT_S)) if others else []
    parts: dict[str, dict[str, bytes]] = {}
    if own in nodes:
        parts[own] = files_in(collect(wish, own), own)
    for said in answers:
        if said.good and said.out:
            parts[said.node] = files_in(said.out, said.node)
        else:
            session.voice.warning(f"{said.node}: not collected: {said.fault or said.err or said.status}")
    return parts, len(parts) == len(nodes)


def files_in(data: bytes, node: str) -> dict[str, bytes]:
    """The files of a node's part; what does not lie in its directory is left out."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.isfile() else None
                plain = os.path.normpath(entry.name)
                if file is not None and plain == entry.name and plain.startswith(f"{node}/"):
                    found[entry.name] = file.read()
    except tarfile.TarError:
        return found
    return found


def _head(wish: Wish, nodes: Sequence[str], parts: dict[str, dict[str, bytes]]) -> str:
    from hacluster import __version__  # noqa: PLC0415

    since, until = (time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(one)) for one in (wish.since, wish.until))
    lines = [f"hacluster {__version__}", f"from {since}", f"to {until}"]
    lines += [f"node {node}{'' if node in parts else ' (not collected)'}" for node in nodes]
    return "\n".join([*lines, ""])


# reading ------------------------------------------------------------------------------------------------------------


class Collected:
    """Parts of nodes, collected just now, or out of a tar or a directory. Names begin with the node's."""

    def __init__(self, files: dict[str, bytes], source: str) -> None:
        self.files, self.source = files, source

    @classmethod
    def of(cls, place: str) -> Collected:
        """What lies at a place; raises :class:`Refused` when that is no report."""
        path = Path(place)
        found: dict[str, bytes] = {}
        if path.is_dir():
            found = {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
        else:
            try:
                with tarfile.open(path) as tar:
                    for entry in tar:
                        file = tar.extractfile(entry) if entry.isfile() else None
                        if file is not None:
                            found[entry.name.partition("/")[2]] = file.read()
            except (OSError, tarfile.TarError) as error:
                raise Refused(f"{place}: {error}") from None
        if not any(name.endswith("description.txt") for name in found):
            raise Refused(f"{place} is no report of crm report")
        return cls(found, place)

    def nodes(self) -> list[str]:
        """Whose parts there are."""
        return sorted({name.partition("/")[0] for name in self.files if name.endswith("/description.txt")})

    def log_lines(self, nodes: Sequence[str] = ()) -> list[tuple[float, str, str]]:
        """Lines of the cluster's logs: when, node, line; by time. A line without a time has that of the one before."""
        found: list[tuple[float, str, str]] = []
        year = time.localtime().tm_year
        for name, data in self.files.items():
            node, _, rest = name.partition("/")
            if not rest.startswith("logs/") or (nodes and node not in nodes):
                continue
            when = 0.0
            for line in data.decode(errors="replace").splitlines():
                when = line_time(line, year) or when
                found.append((when, node, line))
        return sorted(found, key=lambda one: one[0])

    def inputs(self) -> dict[str, bytes]:
        """Kept inputs of the scheduler, unpacked, by ``node/name``."""
        found = {}
        for name, data in self.files.items():
            node, _, rest = name.partition("/")
            if rest.startswith("pengine/pe-"):
                found[f"{node}/{rest.removeprefix('pengine/')}"] = (
                    bz2.decompress(data) if name.endswith(".bz2") else data
                )
        return found
