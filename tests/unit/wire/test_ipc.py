"""Frames of local sockets: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_FRAME
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import Hold, StandbyRequest
from hacluster.msg.lrm import AgentClass, OcfCode, OpEnd, OpFinished, ResourceSpec, StartOp
from hacluster.msg.membership import (
    CastMessage,
    LinkView,
    MembershipQuery,
    MembershipView,
    MessageReceived,
    NodeState,
    NodeType,
    NodeView,
)
from hacluster.wire.hamsg import Field, FieldType, HaMessage
from hacluster.wire.ipc import Codec, Frame, Hello, Kind, Splitter, Subscribe, Welcome


@dataclasses.dataclass(frozen=True)
class Cargo:
    number: int


@dataclasses.dataclass(frozen=True)
class Carrier:
    name: str
    body: object


CODEC = Codec(
    [CastMessage, MembershipQuery, MembershipView, MessageReceived, OpFinished, Refused, StandbyRequest, StartOp]
)
MESSAGE = HaMessage(
    (
        Field("t", FieldType.STRING, "resource"),
        Field("odd", FieldType.STRING, "caf\udce9\nline"),
        Field("srcuuid", FieldType.BINARY, bytes(range(16))),
        Field("in", FieldType.STRUCT, HaMessage.of(a="b")),
        Field("l", FieldType.LIST, ("x", "y")),
    )
)
BODIES = [
    Hello("cl_status"),
    Welcome("pulse", "1", ("heartbeat",)),
    Subscribe("membership"),
    MembershipQuery(),
    MembershipView(
        "a",
        NodeState.ACTIVE,
        True,
        (NodeView("a", NodeType.NORMAL, NodeState.ACTIVE, (LinkView("eth0", True),), uuid=b"\xff" * 16),),
    ),
    CastMessage(MESSAGE),
    MessageReceived("b", MESSAGE, own=False),
    Refused("unstable", "the other node is not stable", "wait"),
    StandbyRequest(Hold.FOREIGN, wait=True),
    StartOp(7, ResourceSpec("r", AgentClass.OCF, "p", "t", ("a",), (("k", "v"),)), "start", 5, meta=(("x", "y"),)),
    OpFinished(7, "r", "start", OpEnd.DONE, OcfCode.NOT_RUNNING, "why", "out"),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_round_trip(body):
    frame = Frame(Kind.REPLY, body, 3, "heartbeat", "haresources", last=False)
    (payload,) = Splitter().feed(CODEC.encode(frame))
    assert CODEC.decode(payload) == frame


def test_unregistered_types_are_refused_both_ways():
    with pytest.raises(AssertionError, match="not a registered type"):
        Codec([]).encode(Frame(Kind.REQUEST, MembershipQuery()))
    payload = CODEC.encode(Frame(Kind.REQUEST, MembershipQuery()))[4:]
    with pytest.raises(WireError, match="unknown type 'MembershipQuery'"):
        Codec([]).decode(payload)


@pytest.mark.parametrize(
    "parts",
    [
        ["request", 1, "", "", True, "StandbyRequest", {"which": "everything"}],
        ["request", 1, "", "", True, "StandbyRequest", {}],
        ["request", 1, "", "", True, "StandbyRequest", [1, 2]],
        ["order", 1, "", "", True, "StandbyRequest", {"which": "all"}],
        ["request", "1", "", "", True, "StandbyRequest", {"which": "all"}],
        ["request", 1, "", "", True, "StandbyRequest"],
        ["send", 1, "", "", True, "CastMessage", {"message": "text"}],
        ["send", 1, "", "", True, "CastMessage", {"message": b"not a message"}],
        {"kind": "request"},
    ],
)
def test_what_does_not_fit_is_refused(parts):
    with pytest.raises(WireError):
        CODEC.decode(msgspec.msgpack.encode(parts))


@given(st.binary(max_size=200))
def test_garbage_never_gets_past(data):
    try:
        frame = CODEC.decode(data)
    except WireError:
        return
    assert CODEC.decode(CODEC.encode(frame)[4:]) == frame


@given(st.lists(st.binary(max_size=50), max_size=8), st.data())
def test_a_stream_is_cut_the_same_however_it_arrives(payloads, data):
    stream = b"".join(len(payload).to_bytes(4, "big") + payload for payload in payloads)
    splitter, got = Splitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += splitter.feed(stream[:size])
        stream = stream[size:]
    assert got == payloads
    assert splitter.pending == 0


def test_an_oversized_frame_is_refused_at_its_length():
    with pytest.raises(WireError, match="larger than"):
        Splitter().feed((MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(WireError, match="larger than"):
        CODEC.encode(Frame(Kind.REPLY, Refused("x", "y" * (MAX_FRAME + 1))))


def test_a_body_of_any_registered_type_travels_in_another():
    codec = Codec([Carrier, Cargo])
    frame = Frame(Kind.SEND, Carrier("a", Cargo(7)), 3, to="x", by="y")
    assert codec.decode(codec.encode(frame)[4:]) == frame
    other = Codec([Carrier])
    with pytest.raises(WireError, match="unknown type 'Cargo'"):
        other.decode(codec.encode(frame)[4:])
    with pytest.raises(AssertionError):
        other.encode(frame)
