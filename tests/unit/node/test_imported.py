"""From haresources to a CIB."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from lxml import etree

from hacluster.cib.voters import read_voters
from hacluster.client.schemas import installed_schemas
from hacluster.config.directory import DirectoryTexts, FileText, check_directory
from hacluster.config.facts import HostFacts
from hacluster.config.ha_cf import parse_ha_cf
from hacluster.node.imported import Imported, import_haresources
from hacluster.tools.main import main

HA = "node a b\nbcast e0 e1\nauto_failback on  # back\nping 10.0.0.254\nrespawn hacluster /usr/lib/heartbeat/ipfail\n"
RESOURCES = (
    "# web\na 10.0.0.1/16/eth0:0 Filesystem::/dev/sda1::/srv::ext4 httpd\n"
    "b IPaddr2::10.0.0.2 \\\n  mailer::x::y OCF::Dummy::one\nb sleepy\n"
)
HOST = HostFacts(init_scripts={"httpd"}, scripts={"httpd", "mailer", "sleepy"})


def imported(ha: str = HA, resources: str = RESOURCES, own: str = "") -> Imported:
    texts = DirectoryTexts(
        FileText("ha.cf", ha),
        FileText("authkeys", "auth 1\n1 sha1 0123456789abcdef0123\n", 0o600, 0),
        FileText("haresources", resources),
        FileText("hacluster.cf", own),
        instances={("Dummy", "one"): FileText("conf/OCF/Dummy/one", "OCF_RESKEY_state=/run/one\n")},
    )
    checked = check_directory(texts)
    assert checked.usable, checked.reports
    return import_haresources(checked, texts, HOST)


def codes(found: Imported) -> list[tuple[str, str]]:
    return [(report.code, str(report.place)) for report in found.reports]


def attributes(element: etree._Element) -> dict[str, str]:
    return {pair.get("name"): pair.get("value") for pair in element.iterfind("instance_attributes/nvpair")}


def test_lines_are_groups_that_prefer_their_node():
    root = imported().cib
    groups = {group.get("id"): [one.get("id") for one in group] for group in root.iter("group")}
    assert groups == {
        "group-ip-10.0.0.1": ["ip-10.0.0.1", "Filesystem-srv", "httpd"],
        "group-ip-10.0.0.2": ["ip-10.0.0.2", "mailer-y", "Dummy-one"],
    }
    places = [
        (one.get("rsc"), one.get("node"), one.get("score")) for one in root.iter("rsc_location") if one.get("node")
    ]
    assert places == [(name, node, "100") for name, node in zip([*groups, "sleepy"], "abb", strict=True)]
    assert read_voters(root).two_node


def test_each_resource_keeps_what_it_is_told():
    root = imported().cib
    found = {one.get("id"): one for one in root.iter("primitive")}
    agent = {name: (one.get("class"), one.get("provider"), one.get("type")) for name, one in found.items()}
    assert agent["ip-10.0.0.1"] == agent["ip-10.0.0.2"] == ("ocf", "hacluster", "IPaddr")
    assert attributes(found["ip-10.0.0.1"]) == {
        "ip": "10.0.0.1", "cidr_netmask": "16", "nic": "eth0", "iflabel": "0",
    }  # fmt: skip
    assert attributes(found["Filesystem-srv"]) == {"device": "/dev/sda1", "directory": "/srv", "fstype": "ext4"}
    assert agent["httpd"] == ("lsb", None, "httpd")
    assert agent["mailer-y"] == ("heartbeat", None, "mailer")
    assert attributes(found["mailer-y"]) == {"1": "x", "2": "y"}
    assert attributes(found["Dummy-one"]) == {"state": "/run/one"}


def test_the_cib_is_valid():
    for found in (imported(), imported(HA.replace("on  #", "off  #"), own="timeout httpd stop 300\n")):
        assert [report for report in installed_schemas().check(found.cib) if report.severity <= 4] == []


@pytest.mark.parametrize(("word", "stickiness"), [("on", "0"), ("off", "INFINITY"), ("legacy", "0")])
def test_failback_is_stickiness(word, stickiness):
    ha = "\n".join(
        line for line in HA.replace("on  #", f"{word}  #").splitlines() if word != "legacy" or "ip" not in line
    )
    found = imported(ha + "\n")
    pairs = {
        pair.get("name"): pair.get("value") for pair in found.cib.find("configuration/rsc_defaults").iter("nvpair")
    }
    assert pairs == {"resource-stickiness": stickiness}
    assert ("legacy-failback" in [code for code, _ in codes(found)]) is (word == "legacy")


def test_ipfail_is_an_agent_and_a_rule():
    root = imported().cib
    (ping,) = root.xpath("//clone/primitive[@type='ping']")
    assert attributes(ping)["host_list"] == "10.0.0.254"
    rules = root.xpath("//rsc_location/rule[@score-attribute='pingd']/..")
    assert len(rules) == 3


def test_fence_devices():
    ha = HA + "stonith_host * meatware a b\nstonith_host a external/ipmi hostname=b ipaddr=10.1.0.2 userid=x passwd=y\n"
    found = imported(ha)
    devices = {one.get("id"): attributes(one) for one in found.cib.xpath("//primitive[@class='stonith']")}
    assert devices == {
        "fence-meatware": {"positional": "a b"},
        "fence-ipmi": {"hostname": "b", "ipaddr": "10.1.0.2", "userid": "x", "passwd": "y"},
    }
    assert found.cib.xpath("//rsc_location[@rsc='fence-ipmi' and @node='b']/@score") == ["-INFINITY"]
    assert found.cib.xpath("//nvpair[@name='stonith-enabled']/@value") == ["true"]
    assert ("secrets", "ha.cf:6") in codes(found)
    assert "no-fencing" not in [code for code, _ in codes(found)]


def test_what_is_different_is_told_with_its_line():
    assert codes(imported()) == [
        ("init-script", "haresources:2"), ("heartbeat-script", "haresources:3"), ("heartbeat-script", "haresources:5"),
        ("ipfail", "ha.cf:5"), ("no-fencing", "ha.cf"), ("monitored", "haresources"),
    ]  # fmt: skip


def test_the_new_ha_cf_is_the_old_one_with_crm():
    text = imported().ha_cf
    ha, reports = parse_ha_cf(text, "ha.cf")
    assert ha is not None, reports
    assert ha.uses_crm
    assert not ha.uses_ipfail
    assert "# in the CIB: auto_failback on  # back\n" in text
    assert [report.code for report in reports] == []


def test_the_command_leaves_the_old_files_and_writes_new_ones(tmp_path):
    old = tmp_path / "ha.d"
    old.mkdir()
    for name, text in {
        "ha.cf": HA,
        "haresources": "a 10.0.0.1 Dummy\n",
        "authkeys": "auth 1\n1 sha1 0123456789abcdef01\n",
    }.items():
        (old / name).write_text(text)
    (old / "authkeys").chmod(0o600)
    new = tmp_path / "new"
    done = CliRunner().invoke(main, ["import", str(old), "--offline", "-o", str(new)])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in new.iterdir()) == ["authkeys", "cib.xml", "ha.cf"]
    assert (new / "authkeys").stat().st_mode & 0o777 == 0o600
    assert (old / "ha.cf").read_text() == HA
    done = CliRunner().invoke(main, ["check", str(new), "--offline"])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(main, ["import", str(new), "--offline"]).exit_code == 6, (
        "it has a resource manager already"
    )
    done = CliRunner().invoke(main, ["import", str(old), "--offline", "-o", str(new)])
    assert done.exit_code == 1, "nothing is overwritten"
    (old / "ha.cf").write_text(HA.replace("bcast", "bkast"))
    (old / "haresources").write_text("c 10.0.0.300\n")
    done = CliRunner().invoke(main, ["import", str(old), "--offline"])
    assert done.exit_code == 6
    assert "ha.cf:2" in done.output
    assert done.output.count("haresources:1") == 2, "all faults at once"
