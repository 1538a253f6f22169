"""What may travel on the local sockets, and what a client may ask of whom."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
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
"""Every request there is. What is not in this table no client can ask."""

_FOR_MACHINES_ALONE: Final = frozenset({driver.Request})


@functools.cache
def codec(*more: type[Any]) -> Codec:
    """The codec of the local sockets: every message of ``hacluster.msg``, and ``more``; always the same one."""
    types: list[type[Any]] = []
    for module in (driver, membership, haresources, lrm):
        own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
        types += [type_ for type_ in own if dataclasses.is_dataclass(type_) and type_ not in _FOR_MACHINES_ALONE]
    return Codec([*types, *more])
