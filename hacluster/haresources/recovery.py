"""What survives a crash of our process, and how the next life goes on from it.

After each step that changed something the state is persisted, before anything is sent, in a file that does not survive
a reboot. The next life finds one of three:
* The same generation of heartbeats and a heartbeat that is up: only our process crashed. The state is taken over, the
  hands tell what they still do (``OpsView``), nothing is started twice.
* Another generation: the whole node software crashed and its resources may still run, unclaimed (trap 15). They are
  stopped before this node says ``starting``.
* Nothing: a fresh host.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from hacluster.base.machine import Instant
from hacluster.haresources.grouprun import Progress
from hacluster.haresources.groups import OP_ID_SPAN, Groups, Work
from hacluster.haresources.states import State
from hacluster.msg.haresources import GroupState
from hacluster.msg.lrm import OpsView

KEY = "haresources"
VERSION = 1


@dataclass(slots=True)
class Snapshot:
    """The file. ``groups`` maps keys to progress."""

    version: int
    generation: int
    next_op: int
    state: State
    groups: dict[str, Progress]
    works: list[Work]


def save(generation: int, state: State, groups: Groups) -> bytes:
    """The state as JSON; equal states give equal bytes."""
    progress = {key: run.progress for key, run in groups.runs.items()}
    return msgspec.json.encode(Snapshot(VERSION, generation, groups.next_op, state, progress, groups.works))


def load(data: bytes) -> Snapshot | str:
    """The state of the life before, or why it cannot be used."""
    try:
        snapshot = msgspec.json.decode(data, type=Snapshot)
    except msgspec.MsgspecError as error:
        return str(error)
    return snapshot if snapshot.version == VERSION else f"it has version {snapshot.version}, not {VERSION}"


def next_op(before: int) -> int:
    """Operation ids of a new life, above every id of the life before."""
    return (before // OP_ID_SPAN + 1) * OP_ID_SPAN + 1


def adopt(groups: Groups, snapshot: Snapshot) -> None:
    """Go on with the groups where the life before was."""
    for key, progress in snapshot.groups.items():
        if key in groups.runs and progress.index <= len(groups.runs[key].group.resources):
            groups.runs[key].progress = progress
    known = set(groups.runs)
    groups.works = [work for work in snapshot.works if set(work.waiting) | set(work.begun) <= known]


def leftovers(groups: Groups, snapshot: Snapshot) -> list[str]:
    """Groups of an earlier generation that may still run here; they are marked so. In file order."""
    found = []
    for key, run in groups.runs.items():
        progress = snapshot.groups.get(key)
        if progress is not None and (progress.state is not GroupState.STOPPED or progress.started):
            run.assume_running()
            found.append(key)
    return found


def resume(groups: Groups, view: OpsView, now: Instant) -> None:
    """Put what the hands have under way and what they finished meanwhile together with what was asked."""
    alive = {op.op_id for op in view.pending}
    results = {(op.resource, op.action): op for op in view.last if not op.interval_ms}
    for run in groups.runs.values():
        run.resume(alive, results, now)
