"""``crm_resource --plan`` and ``--wait``: what would be done, and waiting for what was asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hacluster.tools.crm_resource import script
from tests.scripts import Done, play

OP = (
    'transition-key="1:1:0:x" transition-magic="0:{rc};1:1:0:x" call-id="{call}" rc-code="{rc}" op-status="0"'
    ' last-rc-change="1700000000" exec-time="0" queue-time="0" crm_feature_set="3.16.1" operation_key="{key}"'
    ' op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"'
)
MONITORED = "4811cef7f7f94e3a35a70be7916cb2fd"
"""The digest of a monitor with a timeout of 20 seconds and no parameters."""

START = (
    '<lrm_rsc_op id="{0}_last_0" operation="start" interval="0" ' + OP.format(rc=0, call=1, key="{0}_start_0") + "/>"
)
FAILED = (
    '<lrm_rsc_op id="{0}_last_failure_0" operation="monitor" interval="10000" '
    + OP.format(rc=7, call=2, key="{0}_monitor_10000").replace("f2317cad3d54cec5d7d7aa7d0bf35cf8", MONITORED)
    + "/>"
)
MONITOR = (
    '<lrm_rsc_op id="{0}_monitor_10000" operation="monitor" interval="10000" '
    + OP.format(rc=0, call=4, key="{0}_monitor_10000").replace("f2317cad3d54cec5d7d7aa7d0bf35cf8", MONITORED)
    + "/>"
)
STOPPED = (
    '<lrm_rsc_op id="{0}_last_0" operation="stop" interval="0" ' + OP.format(rc=0, call=3, key="{0}_stop_0") + "/>"
)
COUNT = '<nvpair id="f" name="fail-count-A#monitor_10000" value="1"/>'
PROBE = (
    '<lrm_rsc_op id="{0}_last_0" operation="monitor" interval="0" '
    + OP.format(rc=7, call=1, key="{0}_monitor_0")
    + "/>"
)


def _history(name: str, ops: str) -> str:
    return f'<lrm_resource id="{name}" class="ocf" provider="pacemaker" type="Dummy">{ops.format(name)}</lrm_resource>'


def _state(ident: str, histories: str, attributes: str = "") -> str:
    return (
        f'<node_state id="{ident}" uname="n{ident}" in_ccm="true" crmd="online" join="member" expected="member">'
        f'<transient_attributes id="{ident}"><instance_attributes id="status-{ident}">{attributes}'
        f'</instance_attributes></transient_attributes><lrm id="{ident}"><lrm_resources>{histories}</lrm_resources>'
        "</lrm></node_state>"
    )


CIB = (
    '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1" dc-uuid="1"'
    ' execution-date="1700000100"><configuration><crm_config><cluster_property_set id="o">'
    '<nvpair id="s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>'
    '<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources>'
    '<primitive id="A" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="A-t">'
    '<nvpair id="A-th" name="migration-threshold" value="1"/></meta_attributes><operations>'
    '<op id="A-m" name="monitor" interval="10s"/></operations></primitive>'
    '<primitive id="B" class="ocf" provider="pacemaker" type="Dummy"/></resources><constraints>'
    '<rsc_location id="l" rsc="A" node="n1" score="100"/>'
    '<rsc_location id="k" rsc="B" node="n2" score="100"/></constraints></configuration><status>'
    + _state("1", _history("A", STOPPED + FAILED) + _history("B", PROBE), COUNT)
    + _state("2", _history("A", START + MONITOR) + _history("B", START))
    + "</status></cib>"
)  # fmt: skip


@pytest.fixture(name="ask")
def _ask(tmp_path: Path):
    file = tmp_path / "cib.xml"
    file.write_text(CIB)

    def ask(*words: str) -> Done:
        before = file.read_bytes()
        done = play(script, ["crm_resource", *words], {"CIB_file": str(file)})
        assert file.read_bytes() == before, "nothing is changed"
        return done

    return ask


def test_a_cleanup_says_what_would_be_checked_and_what_would_move(ask) -> None:
    done = ask("-C", "-r", "A", "--plan")
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        "Would be checked anew:\n  * A on n1\n"
        "Would follow, if the checks find what is known now:\n  * Move A ( n2 -> n1 )\n"
    )


def test_a_refresh_checks_all_and_a_node_alone(ask) -> None:
    found = ask("-R", "--plan").out
    assert "Would be checked anew:\n  * A on n1\n  * A on n2\n  * B on n1\n  * B on n2\n" in found
    assert ask("-R", "-r", "B", "-N", "n2", "--plan").out == (
        "Would be checked anew:\n  * B on n2\nNothing would be started or stopped for it\n"
    )


def test_without_failures_there_is_nothing_to_clean_up(ask) -> None:
    assert (
        ask("-C", "-r", "B", "--plan").out
        == "Nothing would be checked anew\nNothing would be started or stopped for it\n"
    )


def test_a_plan_as_data(ask) -> None:
    shown = json.loads(ask("-C", "--plan", "--output-as=json").out)
    plan = shown["children"][0]
    assert plan["element"] == "plan"
    assert plan["children"][0]["attributes"] == {"resource": "A", "node": "n1"}
    assert plan["children"][1]["text"] == "Move A ( n2 -> n1 )"


def test_plan_goes_with_two_commands_only(ask) -> None:
    assert ask("-W", "-r", "A", "--plan").status == 64


def test_a_wait_is_for_what_was_asked(tmp_path: Path) -> None:
    file = tmp_path / "cib.xml"
    file.write_text(CIB.replace(PROBE.format("B"), ""))  # B has to be looked for on n1
    environment = {"CIB_file": str(file)}
    assert play(script, ["crm_resource", "--wait", "-r", "A", "-T", "1s"], environment).status == 0
    assert play(script, ["crm_resource", "--wait", "-N", "n2", "-T", "1s"], environment).status == 0
    done = play(script, ["crm_resource", "--wait", "-V", "-T", "1s"], environment)
    assert done.status == 124
    assert "B_monitor_0\ton n1" in done.out
    assert "Waiting for:\n\tAction" in done.err
    assert play(script, ["crm_resource", "--wait", "-r", "nosuch"], environment).status == 105
