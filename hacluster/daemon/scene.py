"""What the processes of an agent are doing, for people: who waits in which place of the kernel, with which words.

Looked at in a thread, since reading of a process that waits for a dead disk may wait with it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_PROCESSES: Final = 32
MAX_LOOKED_AT: Final = 20_000
MAX_WORDS: Final = 160
_SECRET: Final = ("passw", "secret", "token", "credential", "private", "apikey", "api_key")


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    session: int
    name: str
    state: str


def look(session: int, env: tuple[tuple[str, str], ...]) -> str:
    """The processes of a session and their descendants, a line each, parents first; what is secret is masked."""
    hidden = sorted((value for name, value in env if _is_secret(name) and len(value) > 2), key=len, reverse=True)
    found = _members(session)
    lines = [f"{process.pid} {_words(process, hidden)}: {process.state}{_waits_in(process.pid)}" for process in found]
    return "\n".join(lines)


def look_beside(session: int, env: tuple[tuple[str, str], ...], done: Callable[[str], None]) -> None:
    """The same, in a thread; ``done`` is called there."""

    def work() -> None:
        done(look(session, env))

    threading.Thread(target=work, name="scene", daemon=True).start()


def _is_secret(name: str) -> bool:
    lower = name.lower()
    return any(word in lower for word in _SECRET)


def _members(session: int) -> list[_Process]:
    found: dict[int, _Process] = {}
    with contextlib.suppress(OSError), os.scandir("/proc") as entries:
        for number, entry in enumerate(entries):
            process = _read(int(entry.name)) if entry.name.isdecimal() else None
            if process is not None:
                found[process.pid] = process
            if number > MAX_LOOKED_AT:
                break
    members: dict[int, _Process] = {}
    grew = True
    while grew:
        fresh = [p for p in found.values() if p.pid not in members and (p.session == session or p.parent in members)]
        members |= {process.pid: process for process in fresh}
        grew = bool(fresh)
    return sorted(members.values(), key=lambda process: process.pid)[:MAX_PROCESSES]


def _read(pid: int) -> _Process | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read(1_024)
    except OSError:
        return None
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    if len(fields) < 4 or fields[0] in "ZX":
        return None
    return _Process(pid, int(fields[1]), int(fields[3]), head.partition("(")[2], fields[0])


def _words(process: _Process, hidden: list[str]) -> str:
    words = ""
    with contextlib.suppress(OSError), open(f"/proc/{process.pid}/cmdline", "rb") as file:
        words = file.read(4_096).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    for value in hidden:
        words = words.replace(value, "***")
    text = "".join(char if char.isprintable() else " " for char in words or f"[{process.name}]")
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"


def _waits_in(pid: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/wchan", encoding="ascii", errors="replace") as file:
        place = file.read(128).strip()
        return f" in {place}" if place not in ("", "0") else ""
    return ""
