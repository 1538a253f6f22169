from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.haresources import protocol
from hacluster.haresources.protocol import (
    AbortGiveup,
    Ask,
    ClientJoined,
    Fenced,
    FenceResult,
    IpRequest,
    IpResponse,
    Malformed,
    PingCount,
    Resource,
    Shutdone,
    Starting,
    Step,
    Takeover,
    YouAreDead,
    read,
)
from hacluster.msg.haresources import Hold
from hacluster.wire.hamsg import HaMessage


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        (protocol.starting(), Starting()),
        (protocol.resource(Hold.ALL, stable=True), Resource(Hold.ALL, True, True)),
        (protocol.resource(Hold.NONE, stable=False, info="standby"), Resource(Hold.NONE, True, False, "standby")),
        (protocol.mach_down(), Resource(Hold.FOREIGN, False, None, "mach_down")),
        (protocol.ask(Hold.LOCAL, Step.ME), Ask(Hold.LOCAL, Step.ME)),
        (protocol.ask(Hold.ALL, Step.DONE, client="ipfail"), Ask(Hold.ALL, Step.DONE)),
        (protocol.takeover(Hold.FOREIGN), Takeover(Hold.FOREIGN)),
        (protocol.shutdone(), Shutdone()),
        (protocol.stonith("a", FenceResult.NO_STONITH), Fenced("a", "n_stnth")),
        (protocol.ip_request("IPaddr::1.2.3.4"), IpRequest("IPaddr::1.2.3.4")),
        (protocol.ip_response("a", "k", owned=False), IpResponse("a", "k", False)),
        (protocol.ping_count("a", 3), PingCount("a", 3)),
        (protocol.abort_giveup("a"), AbortGiveup("a")),
        (protocol.you_are_dead("a"), YouAreDead("a")),
        (HaMessage.of(t="hbapi-clstat", st="join", from_id="ipfail"), ClientJoined("ipfail", True)),
        (HaMessage.of(t="status", st="active"), None),
    ],
)
def test_what_is_built_is_read_back(message, heard):
    assert read(message) == heard


def test_failback_on_the_takeover_path_means_local():
    """The shipped script of a real node reads the word wrongly and gives everything up (trap 12)."""
    assert read(HaMessage.of(t="hb_takeover", rsc_hold="failback")) == Takeover(Hold.LOCAL)


@pytest.mark.parametrize(
    "message",
    [
        HaMessage.of(t="resource"),
        HaMessage.of(t="resource", rsc_hold="some"),
        HaMessage.of(t="resource", rsc_hold="all", isstable="2"),
        HaMessage.of(t="ask_resources", rsc_hold="all", info="you"),
        HaMessage.of(t="ask_resources", rsc_hold="none", info="me"),
        HaMessage.of(t="hb_takeover", rsc_hold="none"),
        HaMessage.of(t="hb_takeover"),
        HaMessage.of(t="ip-request"),
        HaMessage.of(t="ip-request-resp", dest="a", ipaddr="k", weown="maybe", ok="OK"),
        HaMessage.of(t="ip-request-resp", dest="a", ipaddr="k", weown="yes"),
        HaMessage.of(t="num_ping_nodes", num_ping="-1"),
        HaMessage.of(t="num_ping_nodes", num_ping="٣"),
        HaMessage.of(t="num_ping_nodes", num_ping="9" * 5_000),
        HaMessage.of(t="hbapi-clstat", st="sleep", from_id="x"),
    ],
)
def test_bad_fields_are_a_sentence_and_no_exception(message):
    assert isinstance(read(message), Malformed)


TYPES = st.sampled_from(["resource", "ask_resources", "hb_takeover", "ip-request", "ip-request-resp", "num_ping_nodes"])
NAMES = st.sampled_from(["rsc_hold", "info", "isstable", "rtype", "ipaddr", "dest", "weown", "ok", "num_ping", "seq"])


@given(TYPES, st.dictionaries(NAMES, st.text(max_size=12)))
def test_nothing_that_is_signed_can_raise(kind, fields):
    read(HaMessage.of(t=kind, **fields))


def test_the_sequence_number_is_hex():
    assert protocol.sequence(HaMessage.of(t="x", seq="2a")) == 42
    assert protocol.sequence(HaMessage.of(t="x", seq="zz")) is None
    assert protocol.sequence(HaMessage.of(t="x")) is None
