"""Since when a node is there: booleans and words until 2.1.6, times since 2.1.7, and what is neither."""

from __future__ import annotations

import pytest

from hacluster.cib.presence import member_since, online_since, state_reports
from hacluster.cib.records import NodeState

NOW = 1_700_000_000


def state(**attrs: str) -> NodeState:
    return NodeState("1", "n1", attrs)


@pytest.mark.parametrize(
    ("value", "since"),
    [
        ("true", NOW), ("1", NOW), ("yes", NOW), ("false", 0), ("0", 0),
        ("1699990000", 1699990000), ("-5", None), ("soon", None), ("", None),
    ],
)  # fmt: skip
def test_membership(value: str, since: int | None) -> None:
    assert member_since(state(in_ccm=value), NOW) == since


def test_without_a_word_nothing_is_known_of_membership() -> None:
    assert member_since(state(), NOW) is None


@pytest.mark.parametrize(
    ("value", "since"),
    [("online", 1), ("Online", 1), ("offline", 0), ("0", 0), ("1699990001", 1699990001), ("true", 0), ("-1", 0)],
)
def test_controller(value: str, since: int) -> None:
    assert online_since(state(crmd=value)) == since


def test_without_a_word_the_controller_is_not_there() -> None:
    assert online_since(state()) == 0


def test_what_every_version_writes_is_known() -> None:
    words = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member", "crm-debug-origin": "x"}
    assert not list(state_reports(state(**words)))
    assert not list(state_reports(state(**words | {"in_ccm": "1699990000", "crmd": "1699990001"})))
    assert not list(state_reports(state(remote_node="true", node_fenced="0", node_in_maintenance="1")))


@pytest.mark.parametrize(
    ("attrs", "said"),
    [
        ({"in_ccm": "soon"}, 'in_ccm="soon" is neither'),
        ({"crmd": "true"}, 'crmd="true" is neither'),
        ({"crmd": "12s"}, 'crmd="12s" is neither'),
        ({"join": "guest"}, 'join="guest" is not known'),
        ({"expected": "up"}, 'expected="up" is not known'),
        ({"quorate-since": "5"}, "the attribute quorate-since is not known"),
    ],
)
def test_what_cannot_be_understood_is_told(attrs: dict[str, str], said: str) -> None:
    (report,) = state_reports(state(**attrs))
    assert said in report.text
    assert "node state of n1" in report.text
