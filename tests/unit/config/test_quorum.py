"""crm in ha.cf, and what hacluster.cf says of quorum then."""

import dataclasses

import pytest

from hacluster.base.report import Severity
from hacluster.config.directory import DirectoryTexts, FileText, check_directory
from hacluster.config.hacluster_cf import parse_hacluster_cf

K = "0123456789abcdef0123"
HA = "node alpha beta gamma\nbcast eth0 eth1\ncrm respawn\n"
GOOD = DirectoryTexts(
    ha=FileText("ha.cf", HA),
    authkeys=FileText("authkeys", f"auth 1\n1 sha1 {K}\n", 0o600, 0),
    haresources=FileText("haresources", None),
    hacluster=FileText("hacluster.cf", None),
)
TWO = "node alpha beta\nbcast eth0 eth1\ncrm on\n"


def check(own=None, ha=HA, haresources=None):
    texts = {"ha": ha, "hacluster": own, "haresources": haresources}
    changes = {name: dataclasses.replace(getattr(GOOD, name), text=text) for name, text in texts.items()}
    return check_directory(dataclasses.replace(GOOD, **changes))


def found(checked):
    return [(report.code, report.place.line) for report in checked.reports]


@pytest.mark.parametrize("word", ["crm respawn", "crm on", "crm yes", "pacemaker respawn", "pacemaker true"])
def test_a_cluster_with_crm_needs_no_haresources(word):
    checked = check(ha=HA.replace("crm respawn", word))
    assert checked.usable
    assert found(checked) == []
    assert checked.ha.uses_crm
    assert checked.resources.groups == ()


def test_haresources_with_resources_is_pointed_at():
    checked = check(haresources="# nothing\n\nalpha 10.0.0.1\n")
    assert checked.usable
    assert found(checked) == [("haresources-unread", 3)]
    assert found(check(haresources="# nothing\n")) == []


@pytest.mark.parametrize("word", ["off", "offer"])
def test_what_is_agreed_on_is_sealed(word):
    checked = check(f"seal {word}\n")
    assert not checked.usable
    assert found(checked) == [("crm-unsealed", None)]
    assert "seal on" in checked.reports[0].hint


def test_what_is_haresources_alone_has_no_effect():
    checked = check(ha=HA + "auto_failback on\nrespawn root /usr/lib/heartbeat/ipfail\n")
    assert checked.usable
    assert found(checked) == [("no-effect", 4), ("no-effect", 5)]


def test_quorum_without_crm_has_no_effect():
    checked = check("two_node on\nexpected_votes 2\n", TWO.replace("crm on", "auto_failback on"), "alpha 10.0.0.1\n")
    assert checked.usable
    assert found(checked) == [("no-effect", 2)]


def test_the_words_of_votequorum():
    text = "expected_votes 5\nquorum_votes alpha 3\nquorum_votes beta 0\nwait_for_all yes\nquorum_pings off\n"
    config, reports = parse_hacluster_cf(text, "f")
    assert reports == []
    quorum = config.quorum
    assert (quorum.expected_votes, quorum.votes, quorum.wait_for_all) == (5, (("alpha", 3), ("beta", 0)), True)
    assert quorum.line("quorum_votes") == 3
    assert parse_hacluster_cf("quorum_votes alpha\n", "f")[1][0].place.line == 1


def test_two_nodes_are_two_node_unless_told_otherwise():
    checked = check(ha=TWO)
    assert checked.usable
    assert found(checked) == [("two-node", None)]
    assert checked.reports[0].severity is Severity.NOTICE
    assert found(check("two_node off\n", TWO)) == []
    assert found(check("two_node on\n", TWO)) == []


FAULTS = [
    ("two_node on", "not-two-nodes", 1),
    ("quorum_votes alhpa 2", "unknown-node", 1),
    ("witness delta", "unknown-node", 1),
    ("auto_tie_breaker on\nauto_tie_breaker_node lowest gama", "unknown-node", 2),
    ("quorum_votes alpha 0\nquorum_votes beta 0\nquorum_votes gamma 0", "nobody-votes", 3),
    ("expected_votes 6", "never-quorum", 1),
    ("expected_votes 2", "no-effect", 1),
    ("witness gamma\nauto_tie_breaker on", "two-tie-breakers", 2),
    ("auto_tie_breaker_node lowest", "no-effect", 1),
    ("last_man_standing on", "last-man-waits", 1),
    ("wait_for_all on\nlast_man_standing on\nquorum_votes alpha 2", "last-man-alone", 2),
    ("quorum_pings on", "pings-without-ping", 1),
    ("quorum_votes alpha 2\nwitness gamma", "even-votes", 2),
    ("quorum_votes gamma 0\nwitness gamma", "witness-without-vote", 2),
]


@pytest.mark.parametrize(("text", "code", "line"), FAULTS)
def test_a_fault_has_its_place_and_a_hint(text, code, line):
    reports = check(f"{text}\n").reports
    assert [(report.code, report.place.file, report.place.line) for report in reports] == [(code, "hacluster.cf", line)]
    assert reports[0].hint


def test_two_nodes_always_wait():
    assert found(check("wait_for_all off\n", TWO)) == [("two-node-waits", 1), ("two-node", None)]


def test_a_node_whose_votes_are_given_twice():
    assert found(check("quorum_votes alpha 1\nquorum_votes ALPHA 2\n")) == [("given-twice", 2)]


def test_a_witness_stands_beside_two_nodes_or_more():
    assert found(check("witness beta\n", TWO)) == [("witness-alone", 1)]
    assert found(check("witness gamma\n")) == [], "two nodes and a third vote"
    assert found(check("witness delta\n", HA.replace("gamma", "gamma delta"))) == [("even-votes", 1)]
