"""What a cluster begins with."""

import dataclasses

import pytest
from lxml import etree

from hacluster.cib.voters import parse_voters, read_voters
from hacluster.client.schemas import installed_schemas
from hacluster.config.ha_cf import parse_ha_cf
from hacluster.config.hacluster_cf import parse_hacluster_cf
from hacluster.node.first import first_cib, first_voters


def files(nodes, own=""):
    ha, _ = parse_ha_cf(f"node {nodes}\nbcast eth0 eth1\ncrm respawn\ncluster shop\n", "ha.cf")
    return ha, parse_hacluster_cf(own, "hacluster.cf")[0]


CASES = [
    ("c a b", "", "a=1 b=1 c=1"),
    ("a b", "", "a=1 b=1 two-node"),
    ("a b", "two_node off", "a=1 b=1"),
    ("a b c", "quorum_votes b 3\nexpected_votes 7", "a=1 b=3 c=1 expected=7"),
    ("a b c", "wait_for_all on\nlast_man_standing on", "a=1 b=1 c=1 last-man-standing wait-for-all"),
    ("a b c d", "auto_tie_breaker on", "a=1 b=1 c=1 d=1 auto-tie-breaker=lowest"),
    ("a b c d", "auto_tie_breaker on\nauto_tie_breaker_node d b", "a=1 b=1 c=1 d=1 auto-tie-breaker=d,b"),
    ("a b w", "witness w", "a=1 b=1 w=1 witness=w"),
]


@pytest.mark.parametrize(("nodes", "own", "shown"), CASES)
def test_the_voters_of_the_files(nodes, own, shown):
    voters = first_voters(*files(nodes, own))
    assert voters.show() == shown
    assert parse_voters(shown) == voters, "without a fault"


def test_the_first_cib_is_valid_and_names_all_nodes():
    ha, own = files("beta alpha gamma", "witness gamma")
    root = etree.fromstring(first_cib(ha, own))
    assert [report for report in installed_schemas().check(root) if report.severity <= 4] == []
    assert [(node.get("id"), node.get("uname")) for node in root.iter("node")] == [("1", "alpha"), ("2", "beta")]
    assert read_voters(root) == first_voters(ha, own)
    options = {pair.get("name"): pair.get("value") for pair in root.iter("nvpair")}
    assert options["cluster-name"] == "shop"


def test_the_order_in_the_file_makes_no_difference():
    one, other = files("a b c"), files("c b a")
    assert first_cib(*one) == first_cib(*other)
    assert first_voters(*one) == first_voters(*other)
    assert dataclasses.replace(one[0], nodes=other[0].nodes, configured=other[0].configured) == other[0]
