"""hb_standby, hb_takeover and the tools for nodes: what is asked, what is said, how they end."""

from __future__ import annotations

import json

import pytest

from hacluster.msg.driver import Refused
from hacluster.msg.haresources import HandoverAccepted, HandoverFinished, Hold, StandbyRequest, TakeoverRequest
from hacluster.msg.membership import Accepted, ChangeNodes, SetNodeAttribute
from hacluster.tools import handover, nodes

ACCEPTED = HandoverAccepted("beta takes all")
FINISHED = HandoverFinished(True, "beta has taken all", 1_234)


@pytest.mark.parametrize(
    ("name", "words", "request_"),
    [
        ("hb_standby", "", StandbyRequest(Hold.ALL)),
        ("hb_standby", "local", StandbyRequest(Hold.LOCAL)),
        ("hb_standby", "foreign", StandbyRequest(Hold.FOREIGN)),
        ("hb_standby", "failback", StandbyRequest(Hold.FOREIGN)),
        ("hb_takeover", "", TakeoverRequest(Hold.ALL)),
        ("hb_takeover", "foreign", TakeoverRequest(Hold.FOREIGN)),
        ("hb_takeover", "failback", TakeoverRequest(Hold.LOCAL)),
    ],
)
def test_what_is_asked(node, capsys, name, words, request_):
    node.answers[type(request_)] = ACCEPTED
    assert handover.main(name, [*words.split(), "--run-dir", node.run_dir]) == 0
    assert node.asked == [request_]
    assert capsys.readouterr() == (f"{name}: beta takes all\n", "")


def test_wait_says_when_it_is_done(node, capsys):
    node.answers[StandbyRequest] = [ACCEPTED, FINISHED]
    assert handover.main("hb_standby", ["--wait", "--run-dir", node.run_dir]) == 0
    assert node.asked == [StandbyRequest(Hold.ALL, wait=True)]
    assert capsys.readouterr().out == "hb_standby: beta takes all\nhb_standby: beta has taken all (1.2 s)\n"


def test_a_handover_that_fails_is_a_failure(node, capsys):
    node.answers[TakeoverRequest] = [ACCEPTED, HandoverFinished(False, "beta died", 10)]
    assert handover.main("hb_takeover", ["-w", "--run-dir", node.run_dir]) == 1
    assert "beta died" in capsys.readouterr().err


def test_a_refusal_says_why(node, capsys):
    node.answers[StandbyRequest] = Refused("unstable", "beta is not stable", "wait a moment")
    assert handover.main("hb_standby", ["--run-dir", node.run_dir]) == 1
    assert capsys.readouterr() == ("", "hb_standby: refused: beta is not stable (wait a moment)\n")
    assert handover.main("hb_standby", ["--output-as=json", "--run-dir", node.run_dir]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data == {"accepted": False, "code": "unstable", "reason": "beta is not stable", "exit": 1}


WRONG = [["everything"], ["--help"], ["all", "local"], ["--frob"]] + [
    ["--timeout", time] for time in ("soon", "0", "-1", "nan", "inf", "1e300")
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
@pytest.mark.parametrize("name", ["hb_standby", "hb_takeover"])
def test_wrong_arguments_and_help_end_with_1(node, capsys, name, words):
    assert handover.main(name, [*words, "--run-dir", node.run_dir]) == 1
    captured = capsys.readouterr()
    assert captured.out.endswith("usage:\n")
    assert f"{name} [all|foreign|local|failback]" in captured.err
    assert node.asked == []


@pytest.mark.parametrize("name", ["hb_standby", "hb_takeover"])
def test_without_a_daemon(tmp_path, capsys, name):
    assert handover.main(name, ["--run-dir", str(tmp_path)]) == 1
    assert "Heartbeat is stopped on this machine" in capsys.readouterr().err
    assert handover.main(name, ["--output-as=json", "--run-dir", str(tmp_path)]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data.pop("reason").startswith("Heartbeat is stopped on this machine (")
    assert data == {"accepted": False, "running": False, "exit": 1}


@pytest.mark.parametrize(
    ("name", "words", "request_"),
    [
        ("hb_addnode", "Gamma delta", ChangeNodes(("gamma", "delta"), add=True)),
        ("hb_delnode", "gamma", ChangeNodes(("gamma",), add=False)),
        ("hb_setweight", "beta 50", SetNodeAttribute("beta", "weight", "50")),
        ("hb_setsite", "beta Cellar", SetNodeAttribute("beta", "site", "Cellar")),
    ],
)
def test_changes_of_nodes(node, capsys, name, words, request_):
    node.answers[type(request_)] = Accepted("so be it")
    assert nodes.main(name, [*words.split(), "--run-dir", node.run_dir]) == 0
    assert node.asked == [request_]
    assert capsys.readouterr().out == "so be it\n"
    node.answers[type(request_)] = Refused("no", "it lives")
    assert nodes.main(name, [*words.split(), "--run-dir", node.run_dir]) == 1
    assert capsys.readouterr().err == f"{name}: it lives\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hb_addnode", ""),
        ("hb_delnode", ""),
        ("hb_setweight", "beta"),
        ("hb_setweight", "beta -- -1"),
        ("hb_setweight", "beta heavy"),
        ("hb_setsite", "beta a b"),
    ],
)
def test_wrong_arguments_for_nodes(node, capsys, name, words):
    assert nodes.main(name, ["--run-dir", node.run_dir, *words.split()]) == 1
    assert node.asked == []
    captured = capsys.readouterr()
    assert captured.out.startswith(f"usage: {name} <node> ") or captured.err.startswith(f"{name}: '")
