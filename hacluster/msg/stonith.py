"""Fencing: what the CIB says about it, what is asked for, and what the fencers of nodes say to one another.

A *device* is an agent with parameters; a *target* the node that is to be fenced. The words are Pacemaker's
(Pacemaker Explained, "Fencing"; ``stonith_admin``): actions are ``off``, ``on`` and ``reboot``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

Words = tuple[tuple[str, str], ...]


class FencingState(StrEnum):
    """What became of a fencing."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the CIB, or one that was registered by hand. ``agent``: ``fence_NAME``, ``hacluster/NAME``, or a
    type of cluster-glue's ``stonith``. ``banned``: nodes on which it may not be used.
    """

    id: str
    agent: str
    parameters: Words = field(default=(), repr=False)
    banned: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Level:
    """A level of a topology: all its devices together fence a target. Exactly one of ``target`` (a name), ``pattern``
    and ``attribute`` with ``value`` says whose level it is.
    """

    index: int
    devices: tuple[str, ...]
    target: str = ""
    pattern: str = ""
    attribute: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class FencedNode:
    """A node of the configuration, with the attributes that levels may name."""

    name: str
    attributes: Words = field(default=())


@dataclass(frozen=True, slots=True)
class FencingConfigured:
    """The fencer's part of the CIB, whole. Times in ms; ``watchdog_ms`` 0: no self-fencing by watchdog is relied on.

    ``priority_delay_ms``: how long the fencing of a more important side waits (``priority-fencing-delay``).
    """

    enabled: bool = True
    action: str = "reboot"
    timeout_ms: int = 60_000
    max_attempts: int = 10
    reaction: str = "stop"
    watchdog_ms: int = 0
    priority_delay_ms: int = 0
    devices: tuple[Device, ...] = field(default=())
    levels: tuple[Level, ...] = field(default=())
    nodes: tuple[FencedNode, ...] = field(default=())


NO_DEVICE: Final = "no device that can fence it is known"
"""The reason of a fencing that nobody could even try."""


@dataclass(frozen=True, slots=True)
class FencersAre:
    """The nodes whose fencers can be asked, our own among them; who left takes his fencings with him.

    ``quorate``: they have quorum, so that whoever is not among them has none.
    """

    nodes: tuple[str, ...]
    quorate: bool = False


@dataclass(frozen=True, slots=True)
class Fence:
    """Fence a target. ``number`` is the asker's own; answered with ``Fenced``.

    ``action`` empty: the configured one. ``timeout_ms`` 0: the configured one. ``delay_ms`` is added to the devices'
    own delays, below 0: no delay at all. ``tolerance_ms``: a success that is no older will do.
    """

    number: int
    target: str
    action: str = ""
    timeout_ms: int = 0
    delay_ms: int = 0
    tolerance_ms: int = 0
    client: str = ""


@dataclass(frozen=True, slots=True)
class FencingEntry:
    """One fencing in the history. ``id`` is unique in the cluster; times are Unix ms, ``ended_ms`` 0 while pending."""

    id: str
    target: str
    action: str
    state: FencingState
    origin: str
    client: str = ""
    executor: str = ""
    device: str = ""
    reason: str = ""
    began_ms: int = 0
    ended_ms: int = 0


@dataclass(frozen=True, slots=True)
class Fenced:
    """The answer to ``Fence``, when it has ended."""

    number: int
    entry: FencingEntry


@dataclass(frozen=True, slots=True)
class FencingNoticed:
    """STONITH to crmd of its node: a fencing that anybody asked for has begun, or has ended."""

    entry: FencingEntry


# ---- among fencers


@dataclass(frozen=True, slots=True)
class AskDevices:
    """Which of your devices can do this? Answered with ``OfferDevices``."""

    operation: str
    target: str
    action: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A device that can fence the target from the node that offers it. ``verified``: the device itself said so.

    ``delay_ms`` is the longest delay that it may take before it acts. ``automatic``: its ``on`` is part of joining.
    """

    device: str
    priority: int
    timeout_ms: int
    delay_ms: int
    actions: tuple[str, ...]
    verified: bool = False
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class OfferDevices:
    """What the sender can do about the target of an operation."""

    operation: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class RunDevice:
    """Do this with this device of yours. ``step`` tells answers of one operation apart."""

    operation: str
    step: int
    device: str
    target: str
    action: str
    timeout_ms: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class DeviceRan:
    """How that ended."""

    operation: str
    step: int
    good: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FencingTold:
    """A fencing has begun or ended; told to all fencers, the target's among them."""

    entry: FencingEntry


@dataclass(frozen=True, slots=True)
class HistoryTold:
    """The sender's history, for a fencer that was not there."""

    entries: tuple[FencingEntry, ...]


@dataclass(frozen=True, slots=True)
class HistoryWanted:
    """The sender's fencer has begun anew: tell it what you know."""


@dataclass(frozen=True, slots=True)
class HistoryForgotten:
    """The ended fencings of a target (empty: of all) are to be forgotten, as a person wants it."""

    target: str = ""


# ---- what a node's hands want of a device


@dataclass(frozen=True, slots=True)
class DeviceOp:
    """LRM to STONITH: ``start``, ``stop`` or ``monitor`` of a device as a resource; answered with ``DeviceOpEnded``.

    A start registers it here and looks whether it answers, a stop forgets it.
    """

    child_id: int
    device: Device
    action: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class DeviceOpEnded:
    """``code`` is an OCF exit code."""

    child_id: int
    code: int
    reason: str = ""
    timed_out: bool = False
    elapsed_ms: int = 0


# ---- what clients may ask


@dataclass(frozen=True, slots=True)
class FenceAsked:
    """A request: as ``Fence``; answered with ``Fenced`` of number 0 when it has ended."""

    target: str
    action: str
    timeout_ms: int = 0
    delay_ms: int = 0
    tolerance_ms: int = 0
    tag: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmDown:
    """A request: a person says that the target is certainly down; answered with ``Fenced``."""

    target: str


@dataclass(frozen=True, slots=True)
class DevicesQuery:
    """A request: the devices registered here; with a target those that know it. Answered with ``DevicesView``.

    ``action`` empty: whoever would run it; else those with which this node would do that.
    """

    target: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class DevicesView:
    """Devices by id, each with its agent; never their parameters, which may be secret."""

    devices: Words


@dataclass(frozen=True, slots=True)
class TargetsQuery:
    """A request: what a registered device's own list says; answered with ``DeviceSaid``."""

    device: str
    timeout_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class CheckDevice:
    """A request: does a registered device answer (``monitor``)? Answered with ``DeviceSaid``."""

    device: str
    timeout_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class DeviceSaid:
    """What a device said; ``good`` is false when it does not exist or failed."""

    good: bool
    text: str = ""
    known: bool = True


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A request: the history, newest first; of one target, or of all. Answered with ``HistoryView``."""

    target: str = ""


@dataclass(frozen=True, slots=True)
class HistoryView:
    """Part of the history."""

    entries: tuple[FencingEntry, ...]


@dataclass(frozen=True, slots=True)
class ForgetHistory:
    """A request: forget what has ended; on all nodes. Answered with ``DeviceSaid``."""

    target: str = ""


@dataclass(frozen=True, slots=True)
class RegisterDevice:
    """A request: a device on this node alone, until it restarts. Answered with ``DeviceSaid``."""

    device: Device


@dataclass(frozen=True, slots=True)
class RemoveDevice:
    """A request: forget a device that was registered by hand. Answered with ``DeviceSaid``."""

    device: str


@dataclass(frozen=True, slots=True)
class RegisterLevel:
    """A request: a level on this node alone. Answered with ``DeviceSaid``."""

    level: Level


@dataclass(frozen=True, slots=True)
class RemoveLevel:
    """A request: forget a level that was registered by hand (its devices are not looked at)."""

    level: Level
