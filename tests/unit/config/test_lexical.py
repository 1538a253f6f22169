"""Words, times, numbers and booleans of ha.cf."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.config.findings import MAX_REPORTS, Findings, shown
from hacluster.config.lexical import MAX_LINE, MAX_TIME_MS, lex, parse_boolean, parse_number, parse_time


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2", 2000),
        ("0.5", 500),
        (".5", 500),
        ("5.", 5000),
        ("500ms", 500),
        ("500msec", 500),
        ("1500us", 2),
        ("1499usec", 1),
        ("499us", 0),
        ("0.0004", 0),
        ("0.0005", 1),
        ("1.5ms", 2),
        ("2147483", 2147483000),
        ("2147484", None),
        ("999999999999", None),
        ("", None),
        (".", None),
        ("ms", None),
        ("2s", None),
        ("2 ms", None),
        ("-1", None),
        ("1e1", None),
        ("0x10", None),
        ("٣", None),
        ("9" * 5000, None),
    ],
)
def test_times(text, milliseconds):
    assert parse_time(text) == milliseconds


@given(st.integers(0, MAX_TIME_MS))
def test_a_time_survives_in_every_unit(milliseconds):
    assert parse_time(f"{milliseconds}ms") == milliseconds
    assert parse_time(f"{milliseconds * 1000}us") == milliseconds
    assert parse_time(f"{milliseconds // 1000}.{milliseconds % 1000:03}") == milliseconds


@pytest.mark.parametrize("word", ["true", "on", "yes", "y", "1", "ON", "Yes"])
def test_true(word):
    assert parse_boolean(word) is True


@pytest.mark.parametrize("word", ["false", "off", "no", "n", "0", "Off"])
def test_false(word):
    assert parse_boolean(word) is False


@pytest.mark.parametrize("word", ["", "maybe", "2", "onn", "t"])
def test_neither(word):
    assert parse_boolean(word) is None


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("12ab", None), ("-1", None), ("1" * 10, None)])
def test_numbers(text, number):
    assert parse_number(text) == number


def words(text):
    findings = Findings("f")
    lines = [(line.number, line.directive, tuple(word.text for word in line.values)) for line in lex(text, findings)]
    return lines, [report.code for report in findings.reports]


def test_comments_blanks_commas_and_line_ends():
    text = "# all comment\r\n\r\n  node a,b\tc # tail\r\nkeepalive 2#x\n\x0b\x0c\nbcast"
    assert words(text) == ([(3, "node", ("a", "b", "c")), (4, "keepalive", ("2",)), (6, "bcast", ())], [])


def test_columns_and_rest():
    (line,) = lex("  ucast  eth0 10.0.0.1,x  # y", Findings("f"))
    assert [(word.text, word.column) for word in line.values] == [("eth0", 10), ("10.0.0.1", 15), ("x", 24)]
    assert line.rest == "eth0 10.0.0.1,x"
    assert line.words == ("eth0", "10.0.0.1,x")


def test_a_comma_does_not_end_a_directive():
    assert words("keepalive,2") == ([(1, "keepalive,2", ())], [])


def test_longest_line():
    assert words("node " + "a" * (MAX_LINE - 5))[1] == []
    assert words("node " + "a" * (MAX_LINE - 4)) == ([], ["line-too-long"])
    assert words("node " + "é" * ((MAX_LINE - 5) // 2 + 1)) == ([], ["line-too-long"])


def test_nul():
    assert words("node a\0b\nnode c") == ([(2, "node", ("c",))], ["nul-character"])


def test_reading_stops_when_there_is_too_much_to_say():
    findings = Findings("f")
    seen = 0
    for line in lex("x\n" * (3 * MAX_REPORTS), findings):
        findings.warning("w", line.number, "w")
        seen += 1
    assert seen == len(findings.reports) == MAX_REPORTS + 1
    assert [report.code for report in findings.reports[-2:]] == ["w", "too-many-reports"]


def test_shown_text_is_short_and_printable():
    assert shown("a\x1b[31m\n\udcff") == r"'a\x1b[31m\n\udcff'"
    assert len(shown("x" * 1000)) < 70
