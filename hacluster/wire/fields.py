"""The words of the Heartbeat wire, and typed access to them.

Numbers are hexadecimal (lower case, no prefix, no padding) except ``ttl``, ``protocol``, ``client_gen``, ``num_ping``
and the range of ``NS_rexmit``, which are decimal; ``firstseq`` of ``NS_nak_rexmit`` is hexadecimal again. The readers
take what real nodes write and nothing else: a sign, a blank, a capital or a leading zero is a :class:`WireError`.

Source: Linux-HA Heartbeat 3.0.6, as captured in ``tests/conformance/wire``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hacluster.base.errors import WireError
from hacluster.wire.hamsg import Field, HaMessage, binary, string


class FieldName(StrEnum):
    """Every field name that a v1 cluster uses."""

    T = "t"
    SRC = "src"
    SRCUUID = "srcuuid"
    DEST = "dest"
    DESTUUID = "destuuid"
    SEQ = "seq"
    HG = "hg"
    TS = "ts"
    LD = "ld"
    TTL = "ttl"
    AUTH = "auth"
    ST = "st"
    DT = "dt"
    PROTOCOL = "protocol"
    INFO = "info"
    ACKSEQ = "ackseq"
    FIRSTSEQ = "firstseq"
    LASTSEQ = "lastseq"
    RSC_HOLD = "rsc_hold"
    RTYPE = "rtype"
    ISSTABLE = "isstable"
    NODELIST = "nodelist"
    DELNODELIST = "delnodelist"
    NODE = "node"
    RESULT = "result"
    IPADDR = "ipaddr"
    WEOWN = "weown"
    OK = "ok"
    FROM_ID = "from_id"
    TO_ID = "to_id"
    CLIENT_GEN = "client_gen"
    CN = "cn"
    CS = "cs"
    NUM_PING = "num_ping"
    WEIGHT = "weight"
    SITE = "site"
    HX = "hx"


class MessageType(StrEnum):
    """Every message type (field ``t``) that a v1 cluster uses."""

    STATUS = "status"
    REQNODES = "reqnodes"
    REPNODES = "repnodes"
    ADDNODE = "addnode"
    DELNODE = "delnode"
    SETWEIGHT = "setweight"
    SETSITE = "setsite"
    ACKMSG = "NS_ackmsg"
    REXMIT = "NS_rexmit"
    NAK_REXMIT = "NS_nak_rexmit"
    PING_STATUS = "NS_st"
    STARTING = "starting"
    RESOURCE = "resource"
    ASK_RESOURCES = "ask_resources"
    HB_TAKEOVER = "hb_takeover"
    SHUTDONE = "shutdone"
    STONITH = "stonith"
    IP_REQUEST = "ip-request"
    IP_REQUEST_RESP = "ip-request-resp"
    NUM_PING_NODES = "num_ping_nodes"
    ABORT_GIVEUP = "abort_giveup"
    YOU_ARE_DEAD = "you_are_dead"
    CLIENT_STATUS = "hbapi-clstat"
    QUERY_CSTATUS = "query-cstatus"
    RESPOND_CSTATUS = "respond-cstatus"


class NodeStatus(StrEnum):
    """What ``st`` of a node may say. ``ping`` is a ping node that answers."""

    INIT = "init"
    UP = "up"
    ACTIVE = "active"
    DEAD = "dead"
    PING = "ping"


def is_sequenced(kind: str) -> bool:
    """Whether messages of this type carry a sequence number and are delivered reliably."""
    return not kind.startswith("NS_")


UUID_BYTES: Final = 16
_HEX: Final = re.compile(r"0|[1-9a-f][0-9a-f]*", re.ASCII)
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_NODE_NAME: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
_LONGEST_NUMBER: Final = 20


def is_node_name(text: str) -> bool:
    """Whether messages can carry ``text`` as a node: printable ASCII without blanks, since node lists are of words."""
    return _NODE_NAME.fullmatch(text) is not None


def _number(msg: HaMessage, name: str, base: int, low: int, high: int) -> int:
    text = require(msg, name)
    pattern = _DECIMAL if base == 10 else _HEX
    if len(text) > _LONGEST_NUMBER or pattern.fullmatch(text) is None:
        raise WireError(f"not a {'decimal' if base == 10 else 'hexadecimal'} number", field=name)
    value = int(text, base)
    if not low <= value <= high:
        raise WireError(f"{value} is not in {low}..{high}", field=name)
    return value


def require(msg: HaMessage, name: str) -> str:
    """The string field ``name``, which must be there."""
    text = msg.get(name)
    if text is None:
        raise WireError("missing", field=name)
    return text


def read_hex(msg: HaMessage, name: str, *, bits: int = 64, low: int = 0) -> int:
    """A hexadecimal field: ``low <= n < 2**bits``."""
    return _number(msg, name, 16, low, (1 << bits) - 1)


def read_decimal(msg: HaMessage, name: str, *, low: int = 0, high: int = (1 << 31) - 1) -> int:
    """A decimal field: ``low <= n <= high``."""
    return _number(msg, name, 10, low, high)


def read_uuid(msg: HaMessage, name: str) -> bytes:
    """A binary field of 16 bytes."""
    uuid = msg.get_binary(name)
    if uuid is None:
        raise WireError("missing", field=name)
    if len(uuid) != UUID_BYTES:
        raise WireError(f"{len(uuid)} bytes instead of {UUID_BYTES}", field=name)
    return uuid


def read_names(msg: HaMessage, name: str) -> tuple[str, ...]:
    """A node list: names that are each followed by one blank; a lone blank is the empty list."""
    names = tuple(require(msg, name).split())
    for node in names:
        if not is_node_name(node):
            raise WireError("not a node name", field=name)
    return names


def write_names(names: tuple[str, ...]) -> str:
    """The value of a node list field. Never empty, since the classic form has no empty value."""
    return "".join(f"{name} " for name in names) or " "


def read_resend_range(msg: HaMessage) -> tuple[int, int]:
    """``firstseq`` and ``lastseq`` of an ``NS_rexmit``: decimal, first not above last."""
    high = (1 << 64) - 1
    first = read_decimal(msg, FieldName.FIRSTSEQ, low=1, high=high)
    last = read_decimal(msg, FieldName.LASTSEQ, low=1, high=high)
    if first > last:
        raise WireError(f"{first} is above lastseq {last}", field=FieldName.FIRSTSEQ)
    return first, last


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who sent a message, to whom, and when: the fields that the daemon adds to each one.

    ``seq`` and ``ld`` are ``None`` in ``NS_`` messages, ``hg``, ``srcuuid`` and ``ttl`` in those a ping node echoes.
    ``ts`` is Unix time in seconds, never 0. ``dest`` is ``None`` for everybody.
    """

    src: str
    ts: int
    srcuuid: bytes | None = None
    dest: str | None = None
    destuuid: bytes | None = None
    seq: int | None = None
    hg: int | None = None
    ld: str | None = None
    ttl: int | None = None


TAIL: Final = (
    FieldName.DESTUUID,
    FieldName.SRC,
    FieldName.SRCUUID,
    FieldName.SEQ,
    FieldName.HG,
    FieldName.TS,
    FieldName.LD,
    FieldName.TTL,
    FieldName.AUTH,
)
"""What the sending daemon appends, in this order."""

_TAIL_NAMES: Final = frozenset(TAIL)


def read_stamp(msg: HaMessage) -> Stamp:
    """The stamp of a received message. A sequenced message without ``seq`` or ``hg`` is an error, as in a real node."""
    present = set(msg.names())
    sequenced = is_sequenced(require(msg, FieldName.T))
    src = require(msg, FieldName.SRC)
    if not is_node_name(src):
        raise WireError("not a node name", field=FieldName.SRC)
    return Stamp(
        src=src,
        ts=read_hex(msg, FieldName.TS, low=1),
        srcuuid=read_uuid(msg, FieldName.SRCUUID) if FieldName.SRCUUID in present else None,
        dest=msg.get(FieldName.DEST),
        destuuid=read_uuid(msg, FieldName.DESTUUID) if FieldName.DESTUUID in present else None,
        seq=read_hex(msg, FieldName.SEQ, low=1) if sequenced else None,
        hg=read_hex(msg, FieldName.HG) if sequenced or FieldName.HG in present else None,
        ld=msg.get(FieldName.LD),
        ttl=read_decimal(msg, FieldName.TTL, high=65_535) if FieldName.TTL in present else None,
    )


def stamped(msg: HaMessage, stamp: Stamp) -> HaMessage:
    """``msg`` with the sender's tail. What it already has of it is overwritten in its place, as a real node does.

    So text from the FIFO or from a client cannot forge a sender. ``dest`` belongs to the message itself: it is set
    where it stands, or put before the tail. An ``auth`` field is dropped.
    """
    if stamp.dest is not None:
        msg = msg.replace(dest=stamp.dest)
    tail = {field.name: field for field in _tail(stamp)}
    fields: list[Field] = []
    for field in msg.fields:
        if field.name not in _TAIL_NAMES:
            fields.append(field)
        elif field.name in tail:
            fields.append(tail.pop(field.name))
    fields.extend(tail.values())
    return HaMessage(tuple(fields))


def _tail(stamp: Stamp) -> Iterator[Field]:
    if stamp.destuuid is not None:
        yield binary("destuuid", stamp.destuuid)
    yield string("src", stamp.src)
    if stamp.srcuuid is not None:
        yield binary("srcuuid", stamp.srcuuid)
    if stamp.seq is not None:
        yield string("seq", f"{stamp.seq:x}")
    if stamp.hg is not None:
        yield string("hg", f"{stamp.hg:x}")
    yield string("ts", f"{stamp.ts:x}")
    if stamp.ld is not None:
        yield string("ld", stamp.ld)
    if stamp.ttl is not None:
        yield string("ttl", str(stamp.ttl))
