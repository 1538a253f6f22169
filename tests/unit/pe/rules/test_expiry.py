"""How a rule stands at a time."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.pe.rules.expiry import Standing, standing

DATE = '<date_expression id="d" operation="{}" {}/>'
SPEC = '<date_expression id="d" operation="date_spec"><date_spec id="s" {}/></date_expression>'


def _standing(inside: str, when: str = "2021-06-15") -> Standing:
    rules = f'<rsc_location id="l"><rule id="r" score="1">{inside}</rule></rsc_location>'
    root = etree.fromstring(f"<cib><configuration><constraints>{rules}</constraints></configuration></cib>")
    now = parse_moment(when, 0)
    assert isinstance(now, Moment)
    return standing(root, "r", now)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (DATE.format("gt", 'start="2020-01-01"'), Standing.IN_EFFECT),
        (DATE.format("gt", 'start="2022-01-01"'), Standing.NOT_YET),
        (DATE.format("lt", 'end="2020-01-01"'), Standing.EXPIRED),
        (DATE.format("lt", 'end="2022-01-01"'), Standing.IN_EFFECT),
        (DATE.format("in_range", 'start="2020-01-01" end="2021-01-01"'), Standing.EXPIRED),
        (DATE.format("in_range", 'start="2021-01-01" end="2022-01-01"'), Standing.IN_EFFECT),
        (DATE.format("in_range", 'start="2022-01-01" end="2023-01-01"'), Standing.NOT_YET),
        (DATE.format("odd", 'start="2022-01-01"'), Standing.UNREADABLE),
        (SPEC.format('years="2021"'), Standing.SATISFIED),
        (SPEC.format('years="2019"'), Standing.EXPIRED),
        (SPEC.format('years="2022-"'), Standing.NOT_YET),
        (SPEC.format('hours="9-16"'), Standing.ENDLESS),
        (SPEC.format('years="2021" moon="1"'), Standing.SATISFIED),
        ("", Standing.NO_DATE),
        (SPEC.format('years="2021"') * 2, Standing.MANY_DATES),
    ],
)
def test_standing(inside: str, expected: Standing) -> None:
    assert _standing(inside) is expected


def test_a_rule_that_is_not_there() -> None:
    assert standing(etree.fromstring("<cib/>"), "r", Moment.from_epoch(0, 0)) is Standing.MISSING
