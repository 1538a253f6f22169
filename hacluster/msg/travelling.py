"""What may travel between nodes: for each machine, what machines of other nodes may say to it.

Nothing else is sent, and nothing else is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hacluster.base.effects import MachineName
from hacluster.msg import attrd, crmd, replica, stonith, transition, views

TRAVELS: Final[Mapping[MachineName, tuple[type[Any], ...]]] = MappingProxyType(
    {
        MachineName.CCM: (views.Propose, views.Accept, views.Refuse, views.Install, views.Goodbye),
        MachineName.CIBD: (
            replica.Fetch,
            replica.CopyOf,
            replica.Sync,
            replica.SyncAck,
            replica.Synced,
            replica.Patch,
            replica.Ack,
            replica.Commit,
            replica.StatusAsked,
            replica.StatusCast,
            replica.WriteAsked,
            replica.EditAsked,
            replica.VotersAsked,
            replica.WriteAnswered,
        ),
        MachineName.CRMD: (transition.DoTask, transition.TaskDone, crmd.Errand, crmd.ErrandDone, crmd.NodeLoad),
        MachineName.ATTRD: (attrd.AttributesTold, attrd.AttributeAsked),
        MachineName.STONITH: (
            stonith.AskDevices,
            stonith.OfferDevices,
            stonith.RunDevice,
            stonith.DeviceRan,
            stonith.FencingTold,
            stonith.HistoryTold,
            stonith.HistoryWanted,
            stonith.HistoryForgotten,
        ),
    }
)
