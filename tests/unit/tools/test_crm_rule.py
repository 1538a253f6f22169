"""crm_rule: what it says and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from hacluster.tools.crm_rule import script
from tests.scripts import play

CIB = """<cib><configuration><constraints><rsc_location id="l" rsc="a"><rule id="r" score="1">
<date_expression id="d" operation="gt" start="2020-01-01"/></rule></rsc_location></constraints></configuration></cib>"""


def run(*arguments: str, stdin: str = "") -> tuple[int, str]:
    done = play(script, ["crm_rule", *arguments], stdin=stdin)
    return done.status, done.out + done.err


@pytest.mark.parametrize(
    ("rule", "date", "code", "said"),
    [
        ("r", "2021-01-01", 0, "Rule r is still in effect\n"),
        ("r", "2019-01-01", 111, "Rule r has not yet taken effect\n"),
        ("x", "2021-01-01", 105, "Could not determine whether rule x is in effect: Rule not found\n"),
    ],
)
def test_answers(rule: str, date: str, code: int, said: str) -> None:
    assert run("-c", "-r", rule, "-X", CIB, "-d", date) == (code, said)


def test_the_cib_may_come_from_standard_input() -> None:
    assert run("-c", "-r", "r", "-X", "-", "-d", "2021-01-01", stdin=CIB)[0] == 0


def test_forms(tmp_path: Path) -> None:
    whole = ("-c", "-r", "r", "-X", CIB, "-d", "2021-01-01")
    root = etree.fromstring(run(*whole, "--output-as", "xml")[1])
    assert dict(root.find("rule-check").attrib) == {"rule-id": "r", "rc": "0"}
    assert json.loads(run(*whole, "--output-as", "json")[1])["children"][0]["attributes"] == {"rule-id": "r", "rc": "0"}
    target = tmp_path / "answer"
    assert run(*whole, "--output-to", str(target)) == (0, "")
    assert target.read_text() == "Rule r is still in effect\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["-r", "r"], 64), (["-c"], 64), (["-c", "-r", "r"], 102), (["-c", "-r", "r", "-X", "<cib"], 65),
     (["-c", "-r", "r", "-X", CIB, "-d", "never"], 65), (["-c", "-r", "r", "-X", CIB, "--output-to", "/no/where"], 1)],
)  # fmt: skip
def test_faults(arguments: list[str], code: int) -> None:
    found = run(*arguments)
    assert found[0] == code
    assert "Traceback" not in found[1]
    assert found[1]
