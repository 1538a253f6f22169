"""What may travel on the local sockets, and what a client may ask of whom.

What belongs to a cluster resource manager is named here and imported where it is spoken: a command of v1 pays nothing
for it.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from hacluster.base.effects import MachineName
from hacluster.msg import driver, haresources, lrm, membership
from hacluster.wire.ipc import Codec

SOCKETS: Final[Mapping[MachineName, str]] = MappingProxyType(
    {
        MachineName.HEARTBEAT: "heartbeat.sock",
        MachineName.HARESOURCES: "haresources.sock",
        MachineName.LRM: "lrm.sock",
        MachineName.CCM: "ccm.sock",
        MachineName.CIBD: "cibd.sock",
        MachineName.ATTRD: "attrd.sock",
        MachineName.CRMD: "crmd.sock",
        MachineName.PENGINE: "pengine.sock",
        MachineName.STONITH: "stonith.sock",
    }
)
"""The socket, in the run directory, at which a machine's process listens; with --one-process they lead to one."""


@dataclass(frozen=True, slots=True)
class Right:
    """Which machine answers a request, and whether it changes anything (then only root and the group may ask)."""

    machine: MachineName
    changes: bool


REQUESTS: Final[Mapping[type[Any], Right]] = MappingProxyType(
    {
        membership.MembershipQuery: Right(MachineName.HEARTBEAT, changes=False),
        membership.ParameterQuery: Right(MachineName.HEARTBEAT, changes=False),
        membership.ClientStatusQuery: Right(MachineName.HEARTBEAT, changes=False),
        membership.ChangeNodes: Right(MachineName.HEARTBEAT, changes=True),
        membership.SetNodeAttribute: Right(MachineName.HEARTBEAT, changes=True),
        membership.ForgetFloor: Right(MachineName.HEARTBEAT, changes=True),
        membership.UnpinSeal: Right(MachineName.HEARTBEAT, changes=True),
        haresources.ResourcesQuery: Right(MachineName.HARESOURCES, changes=False),
        haresources.StandbyRequest: Right(MachineName.HARESOURCES, changes=True),
        haresources.TakeoverRequest: Right(MachineName.HARESOURCES, changes=True),
        lrm.OpsQuery: Right(MachineName.LRM, changes=False),
    }
)
"""Every request there is, but those of the cluster resource manager. What is in neither table no client can ask."""

_FENCING_REQUESTS: Final = {
    **dict.fromkeys(("DevicesQuery", "TargetsQuery", "CheckDevice", "HistoryQuery"), False),
    **dict.fromkeys(("FenceAsked", "ConfirmDown", "ForgetHistory", "RegisterDevice", "RemoveDevice"), True),
    **dict.fromkeys(("RegisterLevel", "RemoveLevel"), True),
}
"""What may be asked of a fencer, and whether it changes anything."""

CRM_REQUESTS: Final[Mapping[str, Right]] = MappingProxyType(
    {
        "hacluster.msg.views.ViewQuery": Right(MachineName.CCM, changes=False),
        "hacluster.msg.views.PersonConfirmed": Right(MachineName.CCM, changes=True),
        "hacluster.msg.crmd.ManagerQuery": Right(MachineName.CRMD, changes=False),
        "hacluster.msg.crmd.ForgetResource": Right(MachineName.CRMD, changes=True),
        "hacluster.msg.crmd.FailResource": Right(MachineName.CRMD, changes=True),
        "hacluster.msg.attrd.AttributeQuery": Right(MachineName.ATTRD, changes=False),
        "hacluster.msg.attrd.UpdateAttribute": Right(MachineName.ATTRD, changes=True),
        "hacluster.msg.replica.ReadRequest": Right(MachineName.CIBD, changes=False),
        "hacluster.msg.replica.AwaitChange": Right(MachineName.CIBD, changes=False),
        "hacluster.msg.replica.Upload": Right(MachineName.CIBD, changes=True),
        "hacluster.msg.replica.EditRequest": Right(MachineName.CIBD, changes=True),
        "hacluster.msg.replica.WriteRequest": Right(MachineName.CIBD, changes=True),
        "hacluster.msg.replica.SetVoters": Right(MachineName.CIBD, changes=True),
        **{
            f"hacluster.msg.stonith.{name}": Right(MachineName.STONITH, changes=changes)
            for name, changes in _FENCING_REQUESTS.items()
        },
    }
)
"""The requests of the cluster resource manager, by the full names of their types. Of who may change something access
control asks once more."""

_BETWEEN_PULSE_AND_BRAIN: Final = {
    "stream": ("StreamBroken", "Speak", "Spoken", "Gone", "Taken", "BreakStream"),
    "hearing": ("Carry", "StatusSeen", "Hearing", "PulseStarted"),
}
_BETWEEN_BRAIN_AND_THOUGHT: Final = {
    "replica": ("CopyTaken", "Committed", "StatusChanged"),
    "transition": ("ScheduleAt", "Scheduled", "WeighSides", "SidesWeighed"),
    "crmd": ("ManagerOptions",),
    "views": ("ViewSynced",),
}
_FENCERS: Final = (
    *("AskDevices", "OfferDevices", "RunDevice", "DeviceRan", "FencingTold"),
    *("HistoryTold", "HistoryWanted", "HistoryForgotten"),
)
_BETWEEN_BRAIN_AND_HANDS: Final = {
    "stream": ("Convey", "Conveyed"),
    "stonith": (*_FENCERS, "FencersAre", "Fence", "Fenced", "FencingNoticed"),
}
_BETWEEN_THOUGHT_AND_OTHERS: Final = {"stonith": ("FencingConfigured",), "alerts": ("AlertsConfigured",)}
_FENCER_WITH_CLIENTS: Final = {"stonith": (*_FENCING_REQUESTS, "Fenced", "DevicesView", "DeviceSaid", "HistoryView")}
_WITH_CLIENTS: Final = {
    "replica": (
        *("ReadRequest", "CibText", "AwaitChange", "Changed", "Upload", "Uploaded"),
        *("EditRequest", "WriteRequest", "SetVoters", "Written"),
    ),
    "views": ("ViewQuery", "ViewStatus", "PersonConfirmed"),
    "attrd": ("AttributeQuery", "AttributeValues", "UpdateAttribute"),
    "crmd": ("ManagerQuery", "ManagerStatus", "ForgetResource", "FailResource"),
}


class Circle(Enum):
    """Who speaks about the cluster resource manager to whom: module of ``hacluster.msg`` → names of types."""

    PULSE = (_BETWEEN_PULSE_AND_BRAIN,)
    THOUGHT = (_BETWEEN_BRAIN_AND_THOUGHT, _BETWEEN_THOUGHT_AND_OTHERS)
    HANDS = (_BETWEEN_BRAIN_AND_HANDS, _BETWEEN_THOUGHT_AND_OTHERS, _FENCER_WITH_CLIENTS)
    BRAIN = (
        _BETWEEN_PULSE_AND_BRAIN,
        _BETWEEN_BRAIN_AND_THOUGHT,
        _BETWEEN_BRAIN_AND_HANDS,
        _BETWEEN_THOUGHT_AND_OTHERS,
        _WITH_CLIENTS,
    )
    CLIENT = (_WITH_CLIENTS, _FENCER_WITH_CLIENTS)

    def types(self) -> Iterable[type[Any]]:
        """The types, imported now."""
        for table in self.value:
            for module, names in table.items():
                found = importlib.import_module(f"hacluster.msg.{module}")
                for name in names:
                    yield getattr(found, name)


def right_of(type_: type[Any]) -> Right | None:
    """Whether, and of whom, this can be asked."""
    return REQUESTS.get(type_) or CRM_REQUESTS.get(f"{type_.__module__}.{type_.__qualname__}")


_FOR_MACHINES_ALONE: Final = frozenset({driver.Request})


@functools.cache
def codec(*more: type[Any], circle: Circle | None = None) -> Codec:
    """The codec of the local sockets: v1's messages, ``more``, and those of a circle; always the same one."""
    types: list[type[Any]] = [] if circle is None else list(circle.types())
    for module in (driver, membership, haresources, lrm):
        own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
        types += [type_ for type_ in own if dataclasses.is_dataclass(type_) and type_ not in _FOR_MACHINES_ALONE]
    return Codec([*types, *more])
