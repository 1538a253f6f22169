"""What a cluster with a resource manager begins with: the voters, and the CIB, that its files name.

A node's id in the CIB is a number, as Pacemaker over corosync has it: other shells look for one. Histories and
attributes are filed under it, but all that nodes agree on (views, voters, who leads) goes by the name, so a node
reinstalled under its old name is the old node. All nodes begin with the same files, and so with the same numbers.
"""

from __future__ import annotations

from lxml import etree

from hacluster import __version__
from hacluster.cib.attributes import OPTIONS
from hacluster.cib.change import Words
from hacluster.cib.grammar import PREFIX, WRITTEN
from hacluster.cib.schema import ATTRIBUTE
from hacluster.cib.voters import OPTION, Voters
from hacluster.config.settings import HaclusterConfig, HaConfig
from hacluster.msg.record import FEATURE_SET


def first_voters(ha: HaConfig, own: HaclusterConfig) -> Voters:
    """Who votes in a cluster that begins with these files."""
    quorum = own.quorum
    votes = dict.fromkeys(ha.nodes, 1) | dict(quorum.votes)
    breaker = ""
    if quorum.auto_tie_breaker:
        breaker = ",".join(quorum.auto_tie_breaker_node) or "lowest"
    return Voters(
        tuple(sorted(votes.items())),
        expected=quorum.expected_votes if quorum.expected_votes > sum(votes.values()) else 0,
        two_node=quorum.is_two_node(ha.nodes),
        wait_for_all=bool(quorum.wait_for_all),
        witness=quorum.witness,
        last_man_standing=quorum.last_man_standing,
        auto_tie_breaker=breaker,
    )


def about(ha: HaConfig) -> Words:
    """What a DC writes about itself and its cluster.

    ``have-watchdog``: that a watchdog ends this node when it must not go on.
    """
    return (
        ("cluster-infrastructure", "hacluster"),
        ("cluster-name", ha.cluster),
        ("dc-version", __version__),
        ("have-watchdog", str(ha.watchdog is not None).lower()),
    )


def first_cib(ha: HaConfig, own: HaclusterConfig) -> str:
    """The configuration before anybody has written one: nodes, voters, and the name of the cluster."""
    root = etree.Element("cib", {ATTRIBUTE: PREFIX + WRITTEN, "admin_epoch": "0", "epoch": "1", "num_updates": "0"})
    root.set("crm_feature_set", FEATURE_SET)
    configuration = etree.SubElement(root, "configuration")
    options = etree.SubElement(etree.SubElement(configuration, "crm_config"), "cluster_property_set", id=OPTIONS)
    values = {**dict(about(ha)), OPTION: first_voters(ha, own).show()}
    for name, value in values.items():
        etree.SubElement(options, "nvpair", id=f"{OPTIONS}-{name}", name=name, value=value)
    nodes = etree.SubElement(configuration, "nodes")
    names = [name for name in sorted(ha.nodes) if name != own.quorum.witness]
    for number, name in enumerate(names, start=1):
        etree.SubElement(nodes, "node", id=str(number), uname=name)
    etree.SubElement(configuration, "resources")
    etree.SubElement(configuration, "constraints")
    return etree.tostring(root, encoding="unicode")
