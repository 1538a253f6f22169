"""The messages of the resource protocol: one builder for each, and one reader for all.

Between our nodes ``starting``, ``resource`` and ``ask_resources`` carry more (:func:`with_inventory`): ``hxd`` a digest
of the files in use, ``hxl`` and ``hxf`` the names of the resources that are local and foreign to the sender, ``hxr``
of those that run there or may, ``hxq`` that the sender wants to hear the same, ``hxe`` what does not run although it
was taken. A real Heartbeat ignores fields that it does not know. ``hx-runs``, the same alone, is sent to who is known
to be one of ours; with ``auto_failback legacy``, which knows none of those messages, once to whom we meet.

What a peer sends may be anything that carries a valid signature, so the reader returns :class:`Malformed` with a
sentence instead of raising, and ``None`` for types that are not ours. Field names and words: WIRE.md 5.3, 5.4, 5.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hacluster.haresources.hold import word
from hacluster.haresources.identity import DIGEST_DIGITS, IDENT_DIGITS, Inventory
from hacluster.msg.haresources import Hold
from hacluster.wire.hamsg import HaMessage

IPFAIL: Final = "ipfail"
RUNS: Final = "hx-runs"
MAX_TROUBLE: Final = 500

INFO_OURS: Final = "req_our_resources()"
INFO_MACH_DOWN: Final = "mach_down"
INFO_STANDBY: Final = "standby"
INFO_SHUTDOWN: Final = "shutdown"


class Step(StrEnum):
    """The ``info`` of ``ask_resources``: whose turn it is."""

    ME = "me"
    OTHER = "other"
    DONE = "done"


class FenceResult(StrEnum):
    """The ``result`` of ``stonith``."""

    NO_STONITH = "n_stnth"
    OK = "OK"
    BAD = "bad"
    BAD_HOST = "badhost"
    UNNEEDED = "unneeded"


@dataclass(frozen=True, slots=True)
class Starting:
    """The sender came up and wants to know what we hold."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What the sender holds. ``full``: all of it; else in addition to before. ``stable`` ``None``: not said."""

    hold: Hold
    full: bool
    stable: bool | None
    info: str = ""
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A step of the standby handshake; ``hold`` is relative to the giver."""

    hold: Hold
    step: Step
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Beside a message: what its sender says of its files and of what runs there."""

    digest: str
    local: tuple[str, ...]
    foreign: tuple[str, ...]
    runs: tuple[str, ...]
    asks: bool


@dataclass(frozen=True, slots=True)
class Takeover:
    """The sender wants ``hold`` (in its own words)."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class Shutdone:
    """The sender has released everything and leaves."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """The sender tells what became of fencing ``node``."""

    node: str
    result: str


@dataclass(frozen=True, slots=True)
class IpRequest:
    """Legacy: the sender wants the group ``key``."""

    key: str


@dataclass(frozen=True, slots=True)
class IpResponse:
    """Legacy: ``dest`` may take the group ``key`` now; ``owned`` tells whether the sender had it."""

    dest: str
    key: str
    owned: bool


@dataclass(frozen=True, slots=True)
class PingCount:
    """ipfail: how many ping nodes the sender reaches."""

    dest: str
    count: int


@dataclass(frozen=True, slots=True)
class AbortGiveup:
    """ipfail: both reach as many, nothing is to be given up."""

    dest: str


@dataclass(frozen=True, slots=True)
class YouAreDead:
    """ipfail: the sender reaches more ping nodes than ``dest``."""

    dest: str


@dataclass(frozen=True, slots=True)
class ClientJoined:
    """A named client signed on at (``join``) or off from the sender's node."""

    client: str
    join: bool


Heard = (
    Starting
    | Resource
    | Ask
    | Takeover
    | Shutdone
    | Fenced
    | IpRequest
    | IpResponse
    | PingCount
    | AbortGiveup
    | YouAreDead
    | ClientJoined
)


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message of one of our types that does not say what it must; ``text`` tells what is wrong."""

    text: str


def starting() -> HaMessage:
    """I came up; tell me what you hold."""
    return HaMessage.of(t="starting")


def resource(hold: Hold, *, stable: bool, info: str = "") -> HaMessage:
    """What I hold, in full."""
    message = HaMessage.of(t="resource", rsc_hold=hold.value, rtype="full", isstable="1" if stable else "0")
    return message.replace(info=info) if info else message


def mach_down() -> HaMessage:
    """The foreign groups are taken: a partial report, to be added to what is known (trap 11)."""
    return HaMessage.of(t="resource", rsc_hold=Hold.FOREIGN.value, info=INFO_MACH_DOWN)


def with_inventory(message: HaMessage, inventory: Inventory, runs: Collection[str]) -> HaMessage:
    """The message, and beside it what only our nodes read."""
    return message.replace(
        hxd=inventory.digest,
        hxl=" ".join(sorted(inventory.local)),
        hxf=" ".join(sorted(inventory.foreign)),
        hxr=" ".join(sorted(runs)),
    )


def runs(*, asks: bool = False) -> HaMessage:
    """What runs here; to be sent with an inventory. A real Heartbeat does nothing with it."""
    message = HaMessage.of(t=RUNS)
    return message.replace(hxq="1") if asks else message


def ask(hold: Hold, step: Step, *, client: str = "", trouble: str = "") -> HaMessage:
    """A step of the standby handshake, on behalf of ``client`` if one asked. ``trouble``: what was taken in vain."""
    message = HaMessage.of(t="ask_resources", rsc_hold=hold.value, info=step.value)
    if trouble:
        message = message.replace(hxe="".join(c if c.isprintable() else " " for c in trouble)[:MAX_TROUBLE])
    return message.replace(from_id=client, to_id=client, client_gen="0") if client else message


def takeover(hold: Hold) -> HaMessage:
    """Please give me these (my words)."""
    return HaMessage.of(t="hb_takeover", rsc_hold=hold.value)


def shutdone() -> HaMessage:
    """All my resources are released, I am leaving."""
    return HaMessage.of(t="shutdone", st="dead")


def stonith(node: str, result: FenceResult) -> HaMessage:
    """What became of fencing a dead node."""
    return HaMessage.of(t="stonith", node=node, result=result.value)


def ip_request(key: str) -> HaMessage:
    """Legacy: give me the group."""
    return HaMessage.of(t="ip-request", ipaddr=key)


def ip_response(dest: str, key: str, *, owned: bool) -> HaMessage:
    """Legacy: the group is free for ``dest``."""
    return HaMessage.of(t="ip-request-resp", dest=dest, ipaddr=key, weown="yes" if owned else "no", ok="OK")


def _client(kind: str, dest: str, **strings: str) -> HaMessage:
    return HaMessage.of(t=kind, **strings, dest=dest, from_id=IPFAIL, to_id=IPFAIL, client_gen="0")


def ping_count(dest: str, count: int) -> HaMessage:
    """ipfail: so many ping nodes answer me; and you?"""
    return _client("num_ping_nodes", dest, num_ping=str(count))


def abort_giveup(dest: str) -> HaMessage:
    """ipfail: the same here, give nothing up."""
    return _client("abort_giveup", dest)


def you_are_dead(dest: str) -> HaMessage:
    """ipfail: I reach more than you, give up."""
    return _client("you_are_dead", dest)


def _hold(message: HaMessage) -> Hold | Malformed:
    text = message.get("rsc_hold")
    found = word(text)
    return Malformed(f"rsc_hold is {text!r}, not none, local, foreign or all") if found is None else found


def sequence(message: HaMessage) -> int | None:
    """The sequence number that the sender stamped (hex); ``None`` for a message that has none."""
    text = message.get("seq")
    try:
        return None if text is None else int(text, 16)
    except ValueError:
        return None


_STABLE: Final[dict[str | None, bool | None]] = {None: None, "0": False, "1": True}


def _read_resource(message: HaMessage) -> Resource | Malformed:
    hold = _hold(message)
    if isinstance(hold, Malformed):
        return hold
    stable = message.get("isstable")
    if stable not in _STABLE:
        return Malformed(f"isstable is {stable!r}, not 0 or 1")
    full = message.get("rtype") == "full"
    return Resource(hold, full, _STABLE[stable], message.get("info") or "", sequence(message))


def _read_ask(message: HaMessage) -> Ask | Malformed:
    hold, info = _hold(message), message.get("info")
    if isinstance(hold, Malformed):
        return hold
    step = next((step for step in Step if step.value == info), None)
    if hold is Hold.NONE or step is None:
        return Malformed(f"asks for {hold.value} with info {info!r}")
    trouble = message.get("hxe") or ""
    return Ask(hold, step, "".join(c if c.isprintable() else " " for c in trouble)[:MAX_TROUBLE])


def _read_takeover(message: HaMessage) -> Takeover | Malformed:
    if message.get("rsc_hold") == "failback":
        return Takeover(Hold.LOCAL)
    hold = _hold(message)
    if isinstance(hold, Malformed):
        return hold
    return Malformed("wants nothing") if hold is Hold.NONE else Takeover(hold)


def _read_ip_request(message: HaMessage) -> IpRequest | Malformed:
    key = message.get("ipaddr")
    return IpRequest(key) if key else Malformed("has no ipaddr")


def _read_ip_response(message: HaMessage) -> IpResponse | Malformed:
    dest, key, owned, ok = (message.get(name) for name in ("dest", "ipaddr", "weown", "ok"))
    if not dest or not key or owned not in {"yes", "no"} or ok != "OK":
        return Malformed(f"dest {dest!r}, ipaddr {key!r}, weown {owned!r}, ok {ok!r} do not make an answer")
    return IpResponse(dest.lower(), key, owned == "yes")


def _read_ping_count(message: HaMessage) -> PingCount | Malformed:
    text = message.get("num_ping") or ""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return Malformed(f"num_ping is {text!r}, not a number")
    return PingCount((message.get("dest") or "").lower(), int(text))


def _read_client(message: HaMessage) -> ClientJoined | Malformed:
    client, state = message.get("from_id"), message.get("st")
    if not client or state not in {"join", "leave"}:
        return Malformed(f"client {client!r} is said to {state!r}")
    return ClientJoined(client, state == "join")


_READERS: Final[dict[str, Callable[[HaMessage], Heard | Malformed]]] = {
    "starting": lambda _: Starting(),
    "resource": _read_resource,
    "ask_resources": _read_ask,
    "hb_takeover": _read_takeover,
    "shutdone": lambda _: Shutdone(),
    "stonith": lambda m: Fenced(m.get("node") or "", m.get("result") or ""),
    "ip-request": _read_ip_request,
    "ip-request-resp": _read_ip_response,
    "num_ping_nodes": _read_ping_count,
    "abort_giveup": lambda m: AbortGiveup((m.get("dest") or "").lower()),
    "you_are_dead": lambda m: YouAreDead((m.get("dest") or "").lower()),
    "hbapi-clstat": _read_client,
}


_NAME: Final = re.compile(rf"[0-9a-f]{{{IDENT_DIGITS}}}")
_DIGEST: Final = re.compile(rf"[0-9a-f]{{{DIGEST_DIGITS}}}")


def said(message: HaMessage) -> Said | None:
    """What stands beside a message of ours; ``None`` for one of a real Heartbeat, or one that is not in order."""
    digest = message.get("hxd") or ""
    if not _DIGEST.fullmatch(digest):
        return None
    local, foreign, running = (tuple((message.get(name) or "").split()) for name in ("hxl", "hxf", "hxr"))
    if not all(_NAME.fullmatch(name) for name in (*local, *foreign, *running)):
        return None
    return Said(digest, local, foreign, running, message.get("hxq") == "1")


def read(message: HaMessage) -> Heard | Malformed | None:
    """What a message says; ``None`` for a type that is not part of the resource protocol."""
    reader = _READERS.get(message.type)
    return None if reader is None else reader(message)
