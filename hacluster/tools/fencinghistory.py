"""Fencings as tools tell them: a line of text, or a ``fence_event``. The words are those of Pacemaker 2.1.5 and 3.0."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from hacluster.base.iso8601 import Moment
from hacluster.base.tree import Tree
from hacluster.msg.stonith import FencingEntry, FencingState

_ACTIONS: Final = {"on": "unfencing", "off": "turning off"}
_WORDS: Final = {FencingState.FAILED: "failed", FencingState.SUCCESS: "successful", FencingState.PENDING: "pending"}


def stamp(unix_ms: int) -> str:
    """A time as ``2026-11-28 19:51:59Z``."""
    epoch = unix_ms // 1000
    return Moment.from_epoch(epoch, time.localtime(epoch).tm_gmtoff).show()


def _later(entry: FencingEntry, all_: Sequence[FencingEntry]) -> str:
    """Who succeeded, after a failure, in the same action of the same target."""
    if entry.state is not FencingState.FAILED:
        return ""
    done = (
        one
        for one in all_
        if one.state is FencingState.SUCCESS
        and (one.target, one.action) == (entry.target, entry.action)
        and one.ended_ms > entry.ended_ms
    )
    found = next(done, None)
    return f" (a later attempt from {found.executor or found.origin} succeeded)" if found is not None else ""


def _what(entry: FencingEntry) -> str:
    return f"{_ACTIONS.get(entry.action, entry.action)} of {entry.target}"


def _how(entry: FencingEntry) -> str:
    word = _WORDS[entry.state]
    failed = entry.state is FencingState.FAILED and entry.reason
    return f"{word} ({entry.reason})" if failed else word


def technical(entry: FencingEntry, all_: Sequence[FencingEntry], *, full: bool) -> str:
    """A line for ``stonith_admin``; ``full``: it is one of many, else the last one."""
    text = f"{_what(entry)} {_how(entry)}: "
    if entry.ended_ms and entry.executor:
        text += f"delegate={entry.executor}, "
    text += f"client={entry.client}, origin={entry.origin}"
    if entry.ended_ms:
        last = "last-failed" if entry.state is FencingState.FAILED else "last-successful"
        text += f", {'completed' if full else last}='{stamp(entry.ended_ms)}'"
    return text + _later(entry, all_)


def friendly(entry: FencingEntry, all_: Sequence[FencingEntry], *, full: bool) -> str:
    """A line for ``crm_mon``."""
    by = f" by {entry.executor}" if entry.ended_ms and entry.executor else ""
    last = "" if full or not entry.ended_ms else " last"
    text = f"{_what(entry)}{by} for {entry.client}@{entry.origin}{last} {_how(entry)}"
    return text + (f" at {stamp(entry.ended_ms)}" if entry.ended_ms else "") + _later(entry, all_)


def tree_of(entry: FencingEntry) -> Tree:
    """The element of one."""
    attrs = {"action": entry.action, "target": entry.target, "client": entry.client, "origin": entry.origin}
    attrs["status"] = entry.state.value
    if entry.state is FencingState.FAILED and entry.reason:
        attrs["exit-reason"] = entry.reason
    if entry.ended_ms and entry.executor:
        attrs["delegate"] = entry.executor
    if entry.ended_ms:
        attrs["completed"] = stamp(entry.ended_ms)
    return Tree("fence_event", attrs)


def reduced(entries: Sequence[FencingEntry]) -> list[FencingEntry]:
    """Of those that are alike (action, target, end, and who did it) the newest alone; all that are under way."""
    seen: set[tuple[str, ...]] = set()
    found = []
    for entry in entries:
        alike = (entry.state.value, entry.target, entry.action, entry.client.partition(".")[0], entry.executor)
        if entry.state is FencingState.PENDING or alike not in seen:
            seen.add(alike)
            found.append(entry)
    return found
