"""What cibd is told: by its driver and the machines of its node, and by the cibds of other nodes."""

from __future__ import annotations

from hacluster.msg.driver import (
    HostSample,
    MachineRestarted,
    Persisted,
    PersistFailed,
    Request,
    RequesterGone,
    Restored,
    StopRequested,
    Tick,
)
from hacluster.msg.replica import (
    Ack,
    ChangeStatus,
    Commit,
    CopyOf,
    EditAsked,
    Fetch,
    Patch,
    StatusAsked,
    StatusCast,
    Sync,
    SyncAck,
    Synced,
    VotersAsked,
    VotersWanted,
    WriteAnswered,
    WriteAsked,
    WriteWanted,
)
from hacluster.msg.stream import Conveyed
from hacluster.msg.views import DownConfirmed, PromiseLost, ViewEntered, ViewLeft

Event = (
    Conveyed
    | ViewEntered
    | ViewLeft
    | DownConfirmed
    | PromiseLost
    | ChangeStatus
    | WriteWanted
    | VotersWanted
    | Tick
    | HostSample
    | Restored
    | Persisted
    | PersistFailed
    | Request
    | RequesterGone
    | StopRequested
    | MachineRestarted
)

ForLeader = CopyOf | SyncAck | Ack | StatusAsked | WriteAsked | EditAsked | VotersAsked
Body = Fetch | Sync | Synced | Patch | Commit | StatusCast | WriteAnswered | ForLeader
