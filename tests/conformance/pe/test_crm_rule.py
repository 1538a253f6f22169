"""crm_rule answers as the installed one: text, XML and exit status."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from lxml import etree

from hacluster.tools.crm_rule import script
from tests.conftest import skip_or_fail
from tests.scripts import play

SPECS = (
    'years="2020"',
    'years="2020" months="3"',
    'years="-2020"',
    'years="20x"',
    'years="2021-" moon="1"',
    'hours="1"',
)
RANGES = (
    'operation="gt" start="2020-06-01"',
    'operation="lt" end="2020-06-01"',
    'operation="gt" end="2020-06-01"',
    'operation="eq" start="2020-06-01"',
    'operation="in_range" start="2020-06-01"',
    'operation="in_range" start="2020-01-01" end="2020-12-31"',
    'operation="in_range" start="bogus" end="2020-12-31"',
    'operation="in_range"',
    'end="2020-12-31"',
)
FIFTH_MONTH = (
    '<date_expression id="d" operation="in_range" start="2020-01-01"><duration id="u" months="5"/></date_expression>'
)
ATTRIBUTE = '<expression id="e" attribute="a" operation="defined"/>'
EXPRESSIONS = (
    *(f'<date_expression id="d" operation="date_spec"><date_spec id="s" {spec}/></date_expression>' for spec in SPECS),
    *(f'<date_expression id="d" {limits}/>' for limits in RANGES),
    FIFTH_MONTH,
    ATTRIBUTE,
    f'<rule id="inner">{ATTRIBUTE}<date_expression id="d" operation="gt" start="2020-06-01"/></rule>',
    '<date_expression id="d" operation="gt" start="2020"/><date_expression id="d2" operation="lt" end="2021"/>',
)
WRONG: tuple[list[str], ...] = (["-c"], ["-r", "r0"], [], ["-c", "-r", "r0", "-d", "bogus"], ["--list"])
DATES = ("2019-06-01", "2020-06-01", "2020-06-01 00:00:01Z", "2021-06-01")
CONSTRAINTS = "".join(
    f'<rsc_location id="l{number}" rsc="x"><rule id="r{number}" score="1">{text}</rule></rsc_location>'
    for number, text in enumerate(EXPRESSIONS)
)
CIB = (
    '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config/><nodes/>'
    f"<resources/><constraints>{CONSTRAINTS}</constraints></configuration><status/></cib>"
)


@pytest.fixture(autouse=True)
def _peer() -> None:
    if shutil.which("crm_rule") is None:
        skip_or_fail("crm_rule is not installed")


def _ask(args: list[str]) -> tuple[tuple[str, str, int], tuple[str, str, int]]:
    peer = subprocess.run(["crm_rule", *args], input=CIB, capture_output=True, text=True, check=False)
    ours = play(script, ["crm_rule", *args], stdin=CIB)
    return (ours.out, ours.err, ours.status), (peer.stdout, peer.stderr, peer.returncode)


@pytest.mark.parametrize("date", DATES)
def test_same_answers(date: str) -> None:
    for rule in [f"r{number}" for number in range(len(EXPRESSIONS))] + ["inner", "nowhere"]:
        ours, theirs = _ask(["-c", "-r", rule, "-X", "-", "-d", date])
        assert ours == theirs, rule


def test_the_last_rule_gives_the_status() -> None:
    for rules in (["-r", "r6", "-r", "r7"], ["-r", "r7", "-r", "r6"], ["-r", "nowhere", "-r", "r6"]):
        ours, theirs = _ask(["-c", *rules, "-X", "-", "-d", "2021-01-01"])
        assert ours == theirs


@pytest.mark.parametrize("rule", ["r0", "r6", "r7", "r9", "nowhere"])
def test_same_xml(rule: str) -> None:
    ours, theirs = _ask(["-c", "-r", rule, "-X", "-", "-d", "2020-01-01", "--output-as", "xml"])
    shown, wanted = (etree.fromstring(answer[0]) for answer in (ours, theirs))
    for tree in (shown, wanted):
        del tree.attrib["request"], tree.attrib["api-version"]
    assert etree.tostring(shown, method="c14n") == etree.tostring(wanted, method="c14n")
    assert ours[2] == theirs[2]


@pytest.mark.parametrize("args", WRONG)
def test_wrong_usage(args: list[str]) -> None:
    peer = subprocess.run(["crm_rule", *args, "-X", CIB], capture_output=True, text=True, check=False)
    code = "from hacluster.tools.crm_rule import script; script()"
    ours = subprocess.run([sys.executable, "-c", code, *args, "-X", CIB], capture_output=True, text=True, check=False)
    assert ours.returncode == peer.returncode
    assert ours.stderr.startswith("crm_rule: ")
