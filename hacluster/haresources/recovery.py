"""What survives a crash of our process, and how the next life goes on from it.

After each step that changed something the state is persisted, before anything is sent, in a file that does not survive
a reboot. The next life finds one of three:
* The same generation of heartbeats and a heartbeat that is up: only our process crashed. The state is taken over, the
  hands tell what they still do (``OpsView``), nothing is started twice.
* Another generation: the whole node software crashed and its resources may still run, unclaimed (trap 15). They are
  stopped before this node says ``starting``.
* Nothing: a fresh host.

Each group is noted with what it is about, so that a life with other files stops what this one has started.
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
VERSION = 2


@dataclass(slots=True)
class Snapshot:
    """The file. ``groups`` maps keys to progress, those of groups whose line was gone included."""

    version: int
    generation: int
    next_op: int
    state: State
    groups: dict[str, Progress]
    remains: dict[str, Progress]
    works: list[Work]


def save(generation: int, state: State, groups: Groups) -> bytes:
    """The state as JSON; equal states give equal bytes."""
    progress = {key: run.progress for key, run in (*groups.runs.items(), *groups.gone.items())}
    remains = {key: run.progress for key, run in groups.remains.items()}
    return msgspec.json.encode(Snapshot(VERSION, generation, groups.next_op, state, progress, remains, groups.works))


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
    """Go on with the groups where the life before was, whatever the files say now: they count when it is done."""
    _restore(groups, snapshot)
    groups.works = snapshot.works
    for work in groups.works:
        work.waiting = [key for key in work.waiting if groups.knows(key)]
        work.begun = [key for key in work.begun if groups.knows(key)]


def leftovers(groups: Groups, snapshot: Snapshot) -> list[str]:
    """Groups of an earlier generation that may still run here, by what they were then; they are marked so."""
    _restore(groups, snapshot)
    found = []
    for key, run in groups.every():
        if run.progress.state is not GroupState.STOPPED or run.started():
            run.assume_running()
            found.append(key)
    return found


def _restore(groups: Groups, snapshot: Snapshot) -> None:
    for key, progress in snapshot.groups.items():
        groups.restore(key, progress)
    for key, progress in snapshot.remains.items():
        groups.restore(key, progress, remains=True)


def resume(groups: Groups, view: OpsView, now: Instant) -> None:
    """Put what the hands have under way and what they finished meanwhile together with what was asked."""
    alive = {op.op_id for op in view.pending}
    results = {(op.resource, op.action): op for op in view.last if not op.interval_ms}
    for _, run in groups.every():
        run.resume(alive, results, now)
