"""haresources: grammar, traps and faults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.report import Severity
from hacluster.config.facts import HostFacts, InterfaceFacts
from hacluster.config.findings import MAX_REPORTS
from hacluster.config.haresources import parse_haresources, parse_word
from hacluster.config.settings import AgentClass, Group, ResourceWord

NODES = ("alpha", "beta")
HOST = HostFacts(
    interfaces={"eth0": InterfaceFacts("10.0.0.255")},
    scripts={"IPaddr", "IPaddr2", "IPv6addr", "Filesystem", "httpd", "Delay"},
    ocf_agents={"db"},
)


def parse(text, nodes=NODES):
    return parse_haresources(text, "haresources", nodes=nodes, host=HOST)


def findings(text):
    return [(report.place.line, report.severity.word, report.code) for report in parse(text)[1]]


def words(text):
    resources, reports = parse(text)
    assert reports == []
    return [(group.node, *group.words) for group in resources.groups]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("httpd", ResourceWord("httpd", AgentClass.HEARTBEAT, "httpd")),
        ("Delay::5::0", ResourceWord("Delay::5::0", AgentClass.HEARTBEAT, "Delay", ("5", "0"))),
        ("10.0.0.1", ResourceWord("10.0.0.1", AgentClass.HEARTBEAT, "IPaddr", ("10.0.0.1",))),
        ("10.0.0.1/24/eth0", ResourceWord("10.0.0.1/24/eth0", AgentClass.HEARTBEAT, "IPaddr", ("10.0.0.1/24/eth0",))),
        ("Delay::", ResourceWord("Delay::", AgentClass.HEARTBEAT, "Delay")),
        ("a::::b", ResourceWord("a::::b", AgentClass.HEARTBEAT, "a", ("b",))),
        ("a:::b", ResourceWord("a:::b", AgentClass.HEARTBEAT, "a", (":b",))),
        ("OCF::db::one", ResourceWord("OCF::db::one", AgentClass.OCF, "db", ("one",))),
        ("1.2", ResourceWord("1.2", AgentClass.HEARTBEAT, "1.2")),
    ],
)
def test_words(text, expected):
    assert parse_word(text) == expected


def test_the_exercise():
    text = "node1.name IPaddr::172.16.100.1/16/eth0 Filesystem::/dev/sda::/var/www/html::ext4 httpd\n"
    resources, reports = parse(text, ("node1.name", "node2.name"))
    assert reports == []
    (group,) = resources.groups
    assert group.key == "IPaddr::172.16.100.1/16/eth0"
    assert [word.name for word in group.resources] == ["IPaddr", "Filesystem", "httpd"]
    assert group.resources[1].arguments == ("/dev/sda", "/var/www/html", "ext4")


def test_layout_does_not_matter():
    text = "# c\n\n  ALPHA\t10.0.0.1   httpd # c\r\nbeta 10.0.0.2\n"
    assert words(text) == [("alpha", "10.0.0.1", "httpd"), ("beta", "10.0.0.2")]


def test_lines_are_joined_without_a_blank():
    assert words("alpha 10.0.0.1 ht\\\ntpd\\\n Delay::5\n") == [("alpha", "10.0.0.1", "httpd", "Delay::5")]


def test_a_backslash_in_a_comment_does_not_continue():
    assert words("alpha 10.0.0.1 # c \\\nbeta 10.0.0.2\n") == [("alpha", "10.0.0.1"), ("beta", "10.0.0.2")]


def test_a_comment_on_a_continuation_is_taken_away_and_said():
    text = "alpha 10.0.0.1 \\\n httpd # the web server\nbeta 10.0.0.2\n"
    resources, _ = parse(text)
    assert [group.words for group in resources.groups] == [("10.0.0.1", "httpd"), ("10.0.0.2",)]
    assert findings(text) == [(2, "warning", "comment-on-continuation")]


def test_local_and_foreign_keep_file_order():
    resources, _ = parse("beta 10.0.0.1\nalpha 10.0.0.2\nbeta 10.0.0.3\n")
    assert [group.key for group in resources.local("beta")] == ["10.0.0.1", "10.0.0.3"]
    assert [group.key for group in resources.foreign("beta")] == ["10.0.0.2"]
    assert resources.local("gamma") == ()
    assert resources.group("10.0.0.3") == Group("beta", (parse_word("10.0.0.3"),), 3)
    assert resources.group("10.0.0.") is None


REMARKS = [
    ("alpha", (1, "warning", "no-resources")),
    ("alpha 10.0.0.1 \\", (1, "warning", "continued-at-end")),
    ("alpha nosuch", (1, "warning", "no-such-script")),
    ("alpha OCF::nosuch::x", (1, "warning", "no-such-agent")),
    ("alpha 10.0.0.1/24/eth7", (1, "warning", "no-such-interface")),
    ("alpha httpd\nbeta 10.0.0.1 httpd", (2, "warning", "key-reappears")),
]


@pytest.mark.parametrize(("text", "finding"), REMARKS)
def test_remarks(text, finding):
    assert parse(text)[0] is not None
    assert findings(text) == [finding]


FAULTS = [
    ("gamma 10.0.0.1", (1, "error", "unknown-node")),
    ("alpha httpd\nbeta httpd", (2, "error", "duplicate-key")),
    ("alpha 10.0.0.1\nbeta Delay::1 IPaddr2::10.0.0.1/24", (2, "error", "duplicate-address")),
    ("alpha 10.0.0.256", (1, "error", "bad-address")),
    ("alpha 10.0.0.1/33", (1, "error", "bad-address")),
    ("alpha 10.0.0.1/24/eth0/x", (1, "error", "bad-address")),
    ("alpha IPaddr", (1, "error", "bad-address")),
    ("alpha IPaddr::host", (1, "error", "bad-address")),
    ("alpha IPv6addr::fe80::1/64", (1, "error", "ipv6-double-colon")),
    ("alpha IPaddr2::fe80::1", (1, "error", "ipv6-double-colon")),
    ("alpha fe80::1/64", (1, "error", "ipv6-double-colon")),
    ("alpha 2001:db8:0:0:0:0:0:1", (1, "error", "ipv6-double-colon")),
    ("alpha OCF", (1, "error", "bad-ocf")),
    ("alpha OCF::db", (1, "error", "bad-ocf")),
    ("alpha OCF::db::a::b", (1, "error", "bad-ocf")),
    ("alpha OCF::db::../../x", (1, "error", "bad-ocf")),
    ("alpha ../bin/sh", (1, "error", "bad-script-name")),
    ("alpha /bin/sh", (1, "error", "bad-script-name")),
    ("alpha $(reboot)", (1, "error", "bad-script-name")),
    ("alpha httpd \\ \nbeta 10.0.0.1", (1, "error", "broken-continuation")),
    ("alpha httpd \\# c\nbeta 10.0.0.1", (1, "error", "broken-continuation")),
    ("alpha httpd\\\n \\\n 10.0.0.300", (3, "error", "bad-address")),
    ("alpha ht\0tpd", (1, "error", "nul-character")),
    ("alpha " + "a" * 5200, (1, "error", "line-too-long")),
]


@pytest.mark.parametrize(("text", "finding"), FAULTS)
def test_faults(text, finding):
    assert parse(text)[0] is None
    assert findings(text) == [finding]


def test_hints():
    def hint(text):
        return parse(text)[1][0].hint

    assert hint("alpa httpd") == "did you mean alpha?"
    assert hint("alpha htpd") == "did you mean httpd?"
    assert hint("alpha IPv6addr::fe80::1/64") == "write: IPv6addr::fe80:0000:0000:0000:0000:0000:0000:0001/64"
    assert hint("alpha fe80::1/64") == "write: IPv6addr::fe80:0000:0000:0000:0000:0000:0000:0001/64"


def test_what_the_ipv6_hint_says_is_accepted():
    assert words("alpha IPv6addr::fe80:0000:0000:0000:0000:0000:0000:0001/64/eth0") != []


def test_without_ha_cf_nodes_are_not_checked():
    assert parse("whoever httpd", None)[1] == []


_PIECES = st.sampled_from(
    ["alpha", "beta", " ", "\t", "\n", "\\\n", "#", "::", "10.0.0.1", "/24", "/eth0", "OCF", "IPaddr", "fe80::1", "\\"]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=40).map("".join))
def test_no_text_makes_it_raise(text):
    resources, reports = parse(text)
    assert (resources is None) == any(report.severity <= Severity.ERROR for report in reports)
    for report in reports:
        assert str(report).isprintable()
        assert 1 <= report.place.line <= text.count("\n") + 1
    if resources:
        assert len({group.key for group in resources.groups}) == len(resources.groups)
        assert all(group.node in NODES and group.resources for group in resources.groups)


def test_a_file_of_faults_is_given_up():
    for text in ("gamma httpd\n" * 10_000, "gamma httpd \\\n" * 10_000):
        reports = parse(text)[1]
        assert "too-many-reports" in {report.code for report in reports} or len(reports) < MAX_REPORTS
        assert len(reports) <= MAX_REPORTS + 1
