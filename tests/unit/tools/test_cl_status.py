"""cl_status: the words and exit statuses that scripts read."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from hacluster import __version__
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import GroupState, GroupView, Hold, ResourcesQuery, ResourcesView
from hacluster.msg.membership import (
    ClientPresence,
    ClientStatus,
    ClientStatusQuery,
    LinkView,
    MembershipQuery,
    MembershipView,
    NodeState,
    NodeType,
    NodeView,
    ParameterQuery,
    ParameterValue,
    SealState,
)
from hacluster.tools.cl_status import HELP, main

PARAMETERS = {"keepalive": "2", "deadtime": "30000ms"}
VIEW = MembershipView(
    "alpha",
    NodeState.ACTIVE,
    True,
    (
        NodeView("alpha", NodeType.NORMAL, NodeState.ACTIVE, (LinkView("eth0", True),)),
        NodeView(
            "beta",
            NodeType.NORMAL,
            NodeState.DEAD,
            (LinkView("eth0", False), LinkView("eth1", True)),
            weight=200,
            site="cellar",
            seal=SealState.CLASSIC,
        ),
        NodeView("10.0.0.254", NodeType.PING, NodeState.PING, (LinkView("10.0.0.254", True),)),
        NodeView("gamma", NodeType.NORMAL, NodeState.INIT, ()),
    ),
    seal_mode="offer",
    generation=7,
    sign_slot=1,
    sign_method="sha1",
)
RESOURCES = ResourcesView(
    "local",
    "STABLE",
    "NOT",
    Hold.LOCAL,
    Hold.LOCAL,
    True,
    "on",
    (GroupView("10.0.0.1", "alpha", GroupState.RUNNING, ("10.0.0.1", "httpd")),),
)


@pytest.fixture
def cluster(node):
    node.answers = {
        MembershipQuery: VIEW,
        ResourcesQuery: RESOURCES,
        ParameterQuery: lambda query: ParameterValue(query.name, PARAMETERS.get(query.name)),
        ClientStatusQuery: lambda query: ClientStatus(query.node, query.client, ClientPresence(query.client)),
    }
    return node


def ask(node, capsys, line):
    code = main(["--run-dir", node.run_dir, *line.split()])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("line", "code", "out"),
    [
        ("hbstatus", 0, "Heartbeat is running on this machine.\n"),
        ("listnodes", 0, "gamma\n10.0.0.254\nbeta\nalpha\n"),
        ("listnodes -n", 0, "gamma\nbeta\nalpha\n"),
        ("listnodes -p", 0, "10.0.0.254\n"),
        ("listnodes -v", 0, "gamma\n10.0.0.254\nbeta\nalpha\n"),
        ("nodestatus alpha", 0, "active\n"),
        ("nodestatus ALPHA", 0, "active\n"),
        ("nodestatus beta", 1, "dead\n"),
        ("nodestatus gamma", 1, "init\n"),
        ("nodestatus 10.0.0.254", 0, "ping\n"),
        ("nodetype beta", 0, "normal\n"),
        ("nodetype 10.0.0.254", 0, "ping\n"),
        ("nodeweight alpha", 0, "100\n"),
        ("nodeweight beta", 0, "200\n"),
        ("nodesite beta", 0, "cellar\n"),
        ("nodesite alpha", 0, "\n"),
        ("listhblinks beta", 0, "\teth0\n\teth1\n"),
        ("listhblinks beta -v", 0, "\teth0\tdead\n\teth1\tup\n"),
        ("hblinkstatus beta eth0", 1, "dead\n"),
        ("hblinkstatus beta eth1", 0, "up\n"),
        ("clientstatus beta online", 0, "online\n"),
        ("clientstatus beta offline", 1, "offline\n"),
        ("clientstatus beta join 50", 2, "join\n"),
        ("clientstatus beta leave", 3, "leave\n"),
        ("rscstatus", 0, "local\n"),
        ("rscstatus -m", 0, "This node is holding local resources.\n"),
        ("hbparameter -p keepalive", 0, "2\n"),
        ("parameter -p deadtime", 0, "30000ms\n"),
    ],
)
def test_answers(cluster, capsys, line, code, out):
    assert ask(cluster, capsys, line) == (code, out, "")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("nodestatus nobody", 11, "no node 'nobody'"),
        ("nodetype nobody", 11, "no node"),
        ("nodeweight nobody", 11, "no node"),
        ("nodestatus", 11, "needs a node"),
        ("nodestatus a b", 11, "needs a node"),
        ("hbparameter", 11, "needs -p NAME"),
        ("hbparameter -p", 11, "needs a value"),
        ("hbparameter -p nonsense", 1, "is not set"),
        ("listhblinks nobody", 13, "no node"),
        ("hblinkstatus beta eth9", 13, "no link 'eth9'"),
        ("clientstatus beta timeout", 13, "no answer"),
        ("clientstatus beta online soon", 11, "not a time"),
        ("frobnicate", 11, "no sub-command 'frobnicate'"),
        ("listnodes --colour", 11, "unknown option --colour"),
        ("listnodes --output-as=yaml", 11, "--output-as is one of"),
    ],
)
def test_failures(cluster, capsys, line, code, words):
    got, out, err = ask(cluster, capsys, line)
    assert (got, out) == (code, "")
    assert words in err


def test_verbose_hbstatus_says_version_manager_nodes_and_seal(cluster, capsys):
    code, out, _ = ask(cluster, capsys, "hbstatus -v")
    assert code == 0
    assert out.splitlines() == [
        "Heartbeat is running on this machine.",
        f"Version: hacluster {__version__}",
        "Manager: haresources (local)",
        "This node: alpha (active), generation 7",
        "Signature: slot 1, sha1",
        "Seal: offer",
        "Nodes:",
        "\talpha\tactive (normal, this node)",
        "\tbeta\tdead (normal, classic)",
        "\t10.0.0.254\tping (ping)",
        "\tgamma\tinit (normal, unknown)",
    ]


@pytest.mark.parametrize("line", ["", "-h", "--help", "nodestatus -h"])
def test_help_is_no_failure(cluster, capsys, line):
    assert ask(cluster, capsys, line) == (0, HELP + "\n", "")


def test_json_and_xml(cluster, capsys):
    code, out, _ = ask(cluster, capsys, "nodestatus beta --output-as=json")
    assert (code, json.loads(out)) == (1, {"node": "beta", "status": "dead", "exit": 1})
    _, out, _ = ask(cluster, capsys, "listnodes --output-as json")
    assert [found["name"] for found in json.loads(out)["nodes"]] == ["gamma", "10.0.0.254", "beta", "alpha"]
    _, out, _ = ask(cluster, capsys, "hbstatus --output-as xml")
    root = ElementTree.fromstring(out)
    assert (root.tag, root.get("running"), root.get("exit")) == ("hacluster-result", "true", "0")
    assert [element.get("seal") for element in root.iter("nodes")] == ["unknown", "classic", "unknown", "unknown"]


def test_without_a_daemon(tmp_path, capsys):
    run_dir = ["--run-dir", str(tmp_path)]
    assert main(["hbstatus", *run_dir]) == 1
    assert capsys.readouterr() == ("Heartbeat is stopped on this machine.\n", "")
    assert main(["hbstatus", "--output-as=json", *run_dir]) == 1
    assert json.loads(capsys.readouterr().out) == {"running": False, "exit": 1}
    for line in (["listnodes"], ["nodestatus", "alpha"], ["rscstatus"], ["hbparameter", "-p", "keepalive"]):
        assert main([*line, *run_dir]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Cannot signon with heartbeat" in captured.err


def test_a_node_whose_brain_is_down_still_says_that_it_runs(cluster, capsys):
    cluster.answers[ResourcesQuery] = Refused("not-ready", "it begins anew")
    code, out, _ = ask(cluster, capsys, "hbstatus -v")
    assert code == 0
    assert "Manager: haresources (not running)" in out
    code, out, err = ask(cluster, capsys, "rscstatus")
    assert (code, out) == (1, "")
    assert "it begins anew" in err


def test_no_answer_is_a_timeout(cluster, capsys, monkeypatch):
    monkeypatch.setattr("hacluster.tools.cl_status.ALARM_S", 0.05)
    cluster.answers[MembershipQuery] = []
    code, _, err = ask(cluster, capsys, "listnodes")
    assert code == 12
    assert "no answer" in err
