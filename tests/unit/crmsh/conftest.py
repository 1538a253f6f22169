"""A CIB file, agents that are there for the tests alone, and ``crm`` run inside the test's process."""

import io
import os

import pytest

from hacluster.crmsh.command import main
from tests.ocfagents import make_agents

EMPTY = (
    '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="4" num_updates="2"><configuration><crm_config/><nodes/>'
    "<resources/><constraints/></configuration><status/></cib>"
)
START = "primitive a Dummy op monitor interval=10s\nprimitive b Dummy\ngroup g a b\nproperty stonith-enabled=false\n"
LEVELS = (
    '<parameter name="level"><content type="integer" default="1"/></parameter>'
    '<parameter name="mode"><content type="select" default="a"><option value="a"/><option value="b"/></content>'
    "</parameter>\n"
)
NEEDY = LEVELS + (
    '<parameter name="ip" required="1"><shortdesc lang="en">Address</shortdesc><content type="string"/></parameter>\n'
)


@pytest.fixture(autouse=True)
def agents(tmp_path, monkeypatch):
    root = tmp_path / "ocf"
    names = ("heartbeat/Dummy", "pacemaker/Dummy", "pacemaker/Stateful")
    make_agents(root, {**dict.fromkeys(names, ""), "heartbeat/Needy": NEEDY})
    monkeypatch.setenv("OCF_ROOT", str(root))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return root


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "cib.xml"
    path.write_text(EMPTY)
    monkeypatch.setenv("CIB_file", str(path))
    monkeypatch.setenv("CIB_shadow_dir", str(tmp_path))
    monkeypatch.delenv("CIB_shadow", raising=False)
    return path


@pytest.fixture
def crm(file, capsys, monkeypatch):
    def run(*words, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        before = dict(os.environ)
        status = main(words)
        assert dict(os.environ) == before, "a call leaves the environment as it was"
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def loaded(crm, tmp_path):
    (tmp_path / "conf").write_text(START)
    assert crm("-F", "configure", "load", "replace", str(tmp_path / "conf")) == (0, "", "")
    return crm
