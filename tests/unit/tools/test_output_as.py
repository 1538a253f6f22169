"""``--output-as`` of every sub-command of cl_status on a running node, held against a transcript."""

from __future__ import annotations

from pathlib import Path

from hacluster import __version__
from hacluster.msg.haresources import ResourcesQuery
from hacluster.msg.membership import (
    ClientPresence,
    ClientStatus,
    ClientStatusQuery,
    MembershipQuery,
    ParameterQuery,
    ParameterValue,
)
from hacluster.tools.cl_status import main
from tests.unit.tools.test_cl_status import RESOURCES, VIEW

TRANSCRIPT = Path(__file__).with_name("output_as.txt")
LINES = (
    *("hbstatus", "listnodes -p", "nodestatus beta", "nodetype 10.0.0.254", "nodeweight beta", "nodesite beta"),
    *(
        "listhblinks beta",
        "hblinkstatus beta eth0",
        "clientstatus beta monitor",
        "rscstatus",
        "hbparameter -p deadtime",
    ),
)


def test_the_transcript(node, capsys):
    node.answers = {
        MembershipQuery: VIEW,
        ResourcesQuery: RESOURCES,
        ParameterQuery: lambda query: ParameterValue(query.name, "30"),
        ClientStatusQuery: lambda query: ClientStatus(query.node, query.client, ClientPresence.ONLINE),
    }
    said = []
    for line in LINES:
        for form in ("text", "json", "xml"):
            code = main([*line.split(), "--output-as", form, "--run-dir", node.run_dir])
            said.append(f"$ cl_status {line} --output-as {form}\n----\n{capsys.readouterr().out}[exit {code}]\n")
    assert "\n".join(said) == TRANSCRIPT.read_text().replace("VERSION", __version__)
