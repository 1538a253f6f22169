"""MySQL on shared storage, as a CIB and as haresources: the examples that come along are sound, and start in order."""

from pathlib import Path

import pytest
from lxml import etree

from hacluster.config.haresources import parse_haresources

CONF = Path(__file__).parents[3] / "conf/mysql"
MEMBERS = {
    "nfs": ["mysql-vip", "mysql-data", "mysqld"],
    "iscsi": ["mysql-vip", "mysql-disk", "mysql-vg", "mysql-data", "mysqld"],
}
LINES = (CONF / "haresources").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", MEMBERS)
def test_the_text_is_loaded_and_its_group_starts_from_the_address_to_the_server(loaded, name):
    """Forced, for the agents it names need not be installed here."""
    assert loaded("-F", "configure", "load", "update", str(CONF / f"{name}.crm"))[0] == 0
    assert loaded("configure", "show", "mysql")[1].split() == ["group", "mysql", *MEMBERS[name]]
    xml = etree.fromstring(loaded("configure", "show", "xml")[1].encode())
    assert xml.xpath("//primitive[@id='mysql-data']//nvpair[@name='check_user']/@value") == ["mysql"]


@pytest.mark.parametrize("line", [line.lstrip("#") for line in LINES if line.lstrip("#").startswith("node")])
def test_each_line_of_haresources_is_valid(line):
    parsed, reports = parse_haresources(f"{line}\n", "haresources", nodes=("node1.name", "node2.name"))
    assert reports == []
    assert parsed is not None
