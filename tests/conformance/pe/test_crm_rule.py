"""crm_rule answers as that of Pacemaker 3.0.3: text, XML and exit status.

Its answers are kept in ``data/crm_rule.json``; ``HACLUSTER_NEWEST=DIR python -m tests.conformance.pe.test_crm_rule``
asks the one in that folder again (``.ci/newest`` installs it).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from hacluster.tools.crm_rule import script
from tests.scripts import play

SPECS = (
    'years="2020"',
    'years="2020" months="3"',
    'years="-2020"',
    'years="20x"',
    'years="2021-" moon="1"',
    'years="2019-2020" months="x"',
    'years=" 2020"',
    'years="+2020"',
    'years="2020 "',
    'years="2021-2019"',
    'years="2019--1"',
    'years="-"',
    'years=""',
    'years="2020-99999999999999999999"',
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
BAD_LENGTHS = tuple(
    f'<date_expression id="d" operation="in_range" {start}><duration id="u" {length}/></date_expression>'
    for start, length in (
        ('start="2020-01-01"', 'months="x"'),
        ('start="2020-01-01"', 'months="5x"'),
        ('start="2020-01-01"', 'days=""'),
        ('start="2020-01-01" end="2020-02-01"', 'years="x"'),
        ('end="2021-01-01"', 'years="x"'),
        ("", 'years="1"'),
    )
)
ATTRIBUTE = '<expression id="e" attribute="a" operation="defined"/>'
EXPRESSIONS = (
    *(f'<date_expression id="d" operation="date_spec"><date_spec id="s" {spec}/></date_expression>' for spec in SPECS),
    *(f'<date_expression id="d" {limits}/>' for limits in RANGES),
    FIFTH_MONTH,
    *BAD_LENGTHS,
    ATTRIBUTE,
    f'<rule id="inner">{ATTRIBUTE}<date_expression id="d" operation="gt" start="2020-06-01"/></rule>',
    '<date_expression id="d" operation="gt" start="2020"/><date_expression id="d2" operation="lt" end="2021"/>',
)
WRONG: tuple[list[str], ...] = (["-c"], ["-r", "r0"], [], ["-c", "-r", "r0", "-d", "bogus"], ["--list"])
DATES = ("2019-06-01", "2020-06-01", "2020-06-01 00:00:01Z", "2021-06-01")
RULES = [*(f"r{number}" for number in range(len(EXPRESSIONS))), "inner", "nowhere"]
CONSTRAINTS = "".join(
    f'<rsc_location id="l{number}" rsc="x"><rule id="r{number}" score="1">{text}</rule></rsc_location>'
    for number, text in enumerate(EXPRESSIONS)
)
CIB = (
    '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config/><nodes/>'
    f"<resources/><constraints>{CONSTRAINTS}</constraints></configuration><status/></cib>"
)


_CHECK = ["-c", "-X", "-"]
QUESTIONS: list[list[str]] = [
    *([*_CHECK, "-r", rule, "-d", date] for date in DATES for rule in RULES),
    *(
        [*_CHECK, "-d", "2021-01-01", *rules]
        for rules in (["-r", "r6", "-r", "r7"], ["-r", "r7", "-r", "r6"], ["-r", "nowhere", "-r", "r6"])
    ),
    *([*_CHECK, "-r", rule, "-d", "2020-01-01", "--output-as", "xml"] for rule in ("r0", "r3", "r16", "nowhere")),
    *([*args, "-X", CIB] for args in WRONG),
]
KEPT = Path(__file__).parent / "data" / "crm_rule.json"
Said = tuple[str, str, int]


def _kept() -> list[Said]:
    return [tuple(answer) for answer in json.loads(KEPT.read_text())]


def _ours(args: list[str]) -> Said:
    ours = play(script, ["crm_rule", *args], stdin=CIB)
    return ours.out, ours.err, ours.status


def _plain(text: str) -> bytes:
    """XML without what it says of the request and of the version."""
    tree = etree.fromstring(text)
    del tree.attrib["request"], tree.attrib["api-version"]
    return etree.tostring(tree, method="c14n")


def test_all_questions_have_an_answer() -> None:
    assert len(_kept()) == len(QUESTIONS)
    assert {code for _out, _err, code in _kept()} == {0, 3, 64, 65, 78, 105, 110, 111}


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_same_answer(number: int) -> None:
    args, (said, complaint, code) = QUESTIONS[number], _kept()[number]
    out, err, status = _ours(args)
    assert status == code, args
    if "xml" in args:
        assert _plain(out) == _plain(said)
    elif code in (64, 65):
        assert err.splitlines()[0] == complaint.splitlines()[0]
    else:
        assert (out, err) == (said, complaint), args


def main() -> None:
    """Ask Pacemaker's."""
    peer = shutil.which("crm_rule", path=os.environ["HACLUSTER_NEWEST"])
    assert peer is not None
    answers: list[Said] = []
    for args in QUESTIONS:
        ran = subprocess.run([peer, *args], input=CIB, capture_output=True, text=True, check=False)
        answers.append((ran.stdout, ran.stderr, ran.returncode))
    KEPT.write_text("[\n" + ",\n".join(json.dumps(answer) for answer in answers) + "\n]\n")


if __name__ == "__main__":
    main()
