"""cl_status: the words and exit statuses that scripts read."""

from __future__ import annotations

import dataclasses
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
    seal_key="0a1b2c3d",
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
        ("listnodes n", 0, "gamma\n10.0.0.254\nbeta\nalpha\n"),
        ("listnodes -mp", 0, "The nodes are as follow:\n10.0.0.254\n"),
        ("listnodes -v -p", 0, "\n10.0.0.254\tping\t(nodetype: ping)\n\t10.0.0.254\tup\n"),
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
        ("hbparameter -pdeadtime -m", 0, "Heartbeat parameter deadtime's value: 30000ms\n"),
        ("hbparameter -p hbversion", 0, f"hacluster {__version__}\n"),
        ("nodestatus -m beta", 1, "The cluster node beta is dead\n"),
        ("nodestatus beta too many words", 1, "dead\n"),
        ("nodestatus -- beta", 1, "dead\n"),
        ("nodetype -m beta", 0, "The node beta's type: normal\n"),
        ("nodeweight -m beta", 0, "The weight of the cluster node beta is 200\n"),
        ("nodesite -m beta", 0, "The site of the cluster node beta is cellar\n"),
        ("hblinkstatus -m beta eth1", 0, "The node beta's heartbeat link eth1 is up\n"),
        ("clientstatus -m beta online", 0, "online\n"),
        ("listhblinks -m beta", 0, "\tthis node has the following heartbeat links:\n\teth0\n\teth1\n"),
    ],
)
def test_answers(cluster, capsys, line, code, out):
    assert ask(cluster, capsys, line) == (code, out, "")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("nodestatus nobody", 11, "Error. May be due to incorrect node name\n"),
        ("nodetype nobody", 11, "Error. May be due to incorrect node name\n"),
        ("nodesite nobody", 11, "Error. May be due to incorrect node name\n"),
        ("nodeweight nobody", 11, "Error. Maybe due to incorrect node name.\n"),
        ("nodestatus", 11, "Not enough parameters.\n"),
        ("nodetype", 11, "No enough parameter.\n"),
        ("hblinkstatus beta", 11, "No enough parameter.\n"),
        ("clientstatus beta", 11, "No enough parameter.\n"),
        ("hbparameter", 11, "cl_status: ERROR: parameter name required\n"),
        ("hbparameter deadtime", 11, "cl_status: ERROR: parameter name required\n"),
        ("hbparameter -p", 11, "hbparameter: option requires an argument -- 'p'\n"),
        ("hbparameter -p nonsense", 1, "cl_status: ERROR: Cannot get parameter nonsense's value\n"),
        ("listhblinks nobody", 13, "cl_status: ERROR: Cannot start heartbeat link interface walk.\n"),
        ("hblinkstatus beta eth9", 13, "cl_status: ERROR: Cannot get heartbeat link status\n"),
        ("hblinkstatus beta eth9", 13, "there is no link 'eth9' to beta\n"),
        ("hblinkstatus nobody eth0", 13, "there is no node 'nobody'\n"),
        ("clientstatus beta timeout", 13, "cl_status: ERROR: Cannot get heartbeat client timeout's status\n"),
        ("clientstatus nobody online", 13, "cl_status: ERROR: REASON: No timely response.\n"),
        ("clientstatus beta online soon", 11, "'soon' is not a time in ms\n"),
        ("clientstatus beta online -5", 11, "clientstatus: invalid option -- '5'\n"),
        ("frobnicate", 11, "cl_status: ERROR: frobnicate: invalid sub-command.\n"),
        ("-m", 11, "cl_status: ERROR: -m: invalid sub-command.\n"),
        ("nodestatus -p beta", 11, "nodestatus: invalid option -- 'p'\n"),
        ("nodestatus -mx beta", 11, "nodestatus: invalid option -- 'x'\n"),
        ("listnodes --colour", 11, "listnodes: invalid option -- 'colour'\n"),
        ("listnodes --output-as=yaml", 11, "--output-as is one of text, json, xml\n"),
    ],
)
def test_failures(cluster, capsys, line, code, words):
    got, out, err = ask(cluster, capsys, line)
    assert (got, out) == (code, "")
    assert words in err


def test_hbstatus_minds_no_option(cluster, capsys):
    assert ask(cluster, capsys, "hbstatus -x word") == (
        0,
        "Heartbeat is running on this machine.\n",
        "hbstatus: invalid option -- 'x'\n",
    )


NODE_LINES = [
    "",
    "gamma\tinit\t(nodetype: normal)",
    "",
    "10.0.0.254\tping\t(nodetype: ping)",
    "\t10.0.0.254\tup",
    "",
    "beta\tdead\t(nodetype: normal, not sealed)",
    "\teth0\tdead",
    "\teth1\tup",
    "",
    "alpha\tactive\t(nodetype: normal)",
    "\teth0\tup",
]
OUR_LINES = [
    "this node:\talpha (active), generation 7, resources: local",
    "signature:\tslot 1, sha1",
    "seal:\toffer (key 0a1b2c3d)",
]


def test_verbose_hbstatus_says_version_manager_seal_and_nodes(cluster, capsys):
    code, out, _ = ask(cluster, capsys, "hbstatus -v")
    assert code == 0
    assert out.splitlines() == [
        f"version:\thacluster {__version__}",
        'managed by:\t"haresources"',
        *OUR_LINES,
        *NODE_LINES,
    ]


def test_verbose_hbstatus_for_people(cluster, capsys):
    code, out, _ = ask(cluster, capsys, "hbstatus -v -m")
    links = "\tthis node has the following heartbeat links:"
    lines = [part for line in NODE_LINES for part in ((line, links) if "nodetype" in line else (line,))]
    assert (code, out.splitlines()) == (
        0,
        [
            f"Heartbeat version hacluster {__version__}",
            'Resources controlled by "haresources"',
            *OUR_LINES,
            "The nodes are as follow:",
            *lines,
        ],
    )


def test_the_key_of_a_sealed_node_is_shown(cluster, capsys):
    beta = dataclasses.replace(VIEW.nodes[1], seal=SealState.SEALED, seal_key="0a1b2c3d")
    cluster.answers[MembershipQuery] = dataclasses.replace(VIEW, nodes=(VIEW.nodes[0], beta))
    _, out, _ = ask(cluster, capsys, "listnodes -v")
    assert "beta\tdead\t(nodetype: normal, sealed with key 0a1b2c3d)" in out.splitlines()


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
    assert main(["hbstatus", "-v", "-x", *run_dir]) == 1
    assert capsys.readouterr() == (
        "Heartbeat is stopped on this machine.\n(hb_api_signon: Can't initiate connection to heartbeat)\n",
        "hbstatus: invalid option -- 'x'\n",
    )
    assert main(["hbstatus", "--output-as=json", *run_dir]) == 1
    assert json.loads(capsys.readouterr().out) == {"running": False, "exit": 1}
    for line in (["listnodes"], ["nodestatus"], ["rscstatus", "-x"], ["hbparameter", "-p", "keepalive"]):
        assert main([*line, *run_dir]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err == (
            "cl_status: ERROR: Cannot signon with heartbeat\n"
            "cl_status: ERROR: REASON: hb_api_signon: Can't initiate connection to heartbeat\n"
        )
        assert main([*line, "--output-as=json", *run_dir]) == 1
        captured = capsys.readouterr()
        assert json.loads(captured.out) == {"reason": f"nobody listens at {tmp_path}/heartbeat.sock", "exit": 1}
        assert captured.err == ""


def test_what_goes_wrong_in_json(cluster, capsys):
    code, out, err = ask(cluster, capsys, "nodestatus delta --output-as=json")
    assert (code, json.loads(out), err) == (11, {"reason": "Error. May be due to incorrect node name", "exit": 11}, "")


def test_a_node_whose_brain_is_down_still_says_that_it_runs(cluster, capsys):
    cluster.answers[ResourcesQuery] = Refused("not-ready", "it begins anew")
    code, out, _ = ask(cluster, capsys, "hbstatus -v")
    assert code == 0
    assert "resources: not running" in out
    code, out, err = ask(cluster, capsys, "rscstatus")
    assert (code, out) == (1, "")
    assert "it begins anew" in err


def test_no_answer_is_a_timeout(cluster, capsys, monkeypatch):
    monkeypatch.setattr("hacluster.tools.cl_status.ALARM_S", 0.05)
    cluster.answers[MembershipQuery] = []
    code, _, err = ask(cluster, capsys, "listnodes")
    assert code == 12
    assert "no answer" in err
