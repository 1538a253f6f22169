"""Pacemaker's tools and ours, live: a session of some two hundred calls on three nodes of each, compared call by call.

Texts that differ in every cluster (times, who coordinates) are put alike by :mod:`tests.interop.pacemaker`. What is
left of differences is in ``calls/differences.txt``: the call, and why.
"""

from __future__ import annotations

import difflib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import require_lab, skip_or_fail
from tests.interop import pacemaker as session

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

KNOWN = Path(__file__).with_name("calls") / "differences.txt"

Answers = list[tuple[session.Call, session.Said]]


def known() -> dict[str, str]:
    """The calls whose answers differ, each with the reason."""
    found, reason = {}, ""
    for line in KNOWN.read_text().splitlines():
        if line.startswith("# "):
            reason = line[2:]
        elif line:
            found[line] = reason
    return found


def _answers(kind: str) -> Answers:
    with getattr(session, kind)() as (it, environment):
        return list(session.play(it, session.session(), environment))


def _differs(theirs: session.Said, ours: session.Said) -> str:
    lines = []
    if theirs.status != ours.status:
        lines.append(f"status {theirs.status} is {ours.status}")
    if theirs.complains != ours.complains:
        lines.append("standard error " + ("is silent" if theirs.complains else "says something"))
    if sorted(theirs.out.splitlines()) == sorted(ours.out.splitlines()):
        return "\n    ".join(lines)  # nodes stand in the status in the order in which they came
    lines += list(difflib.unified_diff(theirs.out.splitlines(), ours.out.splitlines(), lineterm="", n=1))[2:]
    return "\n    ".join(lines)


def test_a_session_is_answered_as_by_pacemaker() -> None:
    require_lab()
    programs = (session.PACEMAKER, session.COROSYNC, "/usr/sbin/crm_resource")
    skip_or_fail([f"{path} is not installed" for path in programs if not Path(path).exists()])
    with ThreadPoolExecutor(2) as both:
        theirs, ours = both.map(_answers, ("theirs", "ours"))
    excused = known()
    surprises, alike = [], 0
    for (call, one), (_, other) in zip(theirs, ours, strict=True):
        what = _differs(one, other)
        name = f"{call.node} {call.command}"
        if what and name not in excused:
            surprises.append(f"{name}\n    {what}")
        alike += not what
    assert not surprises, "\n" + "\n".join(surprises)
    assert alike >= 150
    gone = set(excused) - {f"{call.node} {call.command}" for call, _ in theirs}
    assert not gone, f"no call of the session: {sorted(gone)}"
