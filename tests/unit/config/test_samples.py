"""The sample files in conf/ say what the parsers do."""

import dataclasses
import re
from pathlib import Path

import pytest

from hacluster.base.report import Severity
from hacluster.config.authkeys import parse_authkeys
from hacluster.config.facts import HostFacts
from hacluster.config.ha_cf import DIRECTIVES as HA_DIRECTIVES
from hacluster.config.ha_cf import parse_ha_cf
from hacluster.config.hacluster_cf import DIRECTIVES as HACLUSTER_DIRECTIVES
from hacluster.config.hacluster_cf import parse_hacluster_cf
from hacluster.config.haresources import parse_haresources
from hacluster.config.settings import HaclusterConfig

CONF = Path(__file__).parents[3] / "conf"


def uncommented(name):
    """The sample with its examples switched on: comments have a blank after the mark, examples none."""
    return re.sub(r"^#(?=\S)", "", (CONF / name).read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("text", [(CONF / "ha.cf").read_text(), uncommented("ha.cf")], ids=["as it is", "switched on"])
def test_ha_cf(text):
    config, reports = parse_ha_cf(text, "ha.cf", host=HostFacts(node_name="node1.name"))
    assert config is not None, reports
    serious = {report.code for report in reports if report.severity <= Severity.WARNING}
    assert serious == set()


@pytest.mark.parametrize(
    "name", sorted(HA_DIRECTIVES.keys() - {"udp", "pacemaker", "nice_failback", "hbaping", "normalpoll"})
)
def test_ha_cf_tells_of_every_directive(name):
    pacemaker = "crm_daemon_dir crmd_spawns_pengine record_config_changes record_pengine_inputs enable_config_writes"
    if name in pacemaker.split():
        name = "Pacemaker"
    assert re.search(rf"\b{name}\b", (CONF / "ha.cf").read_text())


def test_haresources():
    nodes = ("node1.name", "node2.name")
    text = (CONF / "haresources").read_text()
    resources, reports = parse_haresources(text, "haresources", nodes=nodes)
    assert (resources.groups, reports) == ((), [])
    examples = re.sub(r"^#(?=node\d| {11}(Filesystem|httpd))", "", text, flags=re.MULTILINE)
    codes = [report.code for report in parse_haresources(examples, "haresources", nodes=nodes)[1]]
    assert codes == ["duplicate-address"], "the second example is the first one with a file system"


def test_the_sample_key_cannot_be_used():
    reports = parse_authkeys((CONF / "authkeys.example").read_text(), "authkeys")[1]
    assert [report.code for report in reports] == ["example-key"]


def test_hacluster_cf_is_the_defaults():
    assert parse_hacluster_cf((CONF / "hacluster.cf").read_text(), "f") == (HaclusterConfig(), [])
    config, reports = parse_hacluster_cf(uncommented("hacluster.cf"), "f")
    assert sorted(report.code for report in reports) == ["hooks-off"]
    assert config.quorum.is_given
    config = dataclasses.replace(config, quorum=HaclusterConfig().quorum)
    examples = {"seal_key": None, "allow_source": (), "timeouts": (), "hooks": (), "pause_notice_ms": None}
    assert config.status_by_exit == HaclusterConfig().status_by_exit
    examples["lsb_status"] = None
    assert dataclasses.replace(config, **examples) == HaclusterConfig()


@pytest.mark.parametrize("name", sorted(HACLUSTER_DIRECTIVES))
def test_hacluster_cf_shows_every_directive(name):
    assert re.search(rf"^{name} ", uncommented("hacluster.cf"), re.MULTILINE)
