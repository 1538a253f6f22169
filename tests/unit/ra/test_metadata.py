"""Every agent's meta-data against the rules of the Resource Agent API 1.1 (section 4 and its schema)."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

RA = Path(__file__).parents[3] / "ra"
AGENTS = sorted(p.name for p in (RA / "ocf/hacluster").iterdir())
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
SECONDS = re.compile(r"[0-9]+s")


def agent_of(name: str) -> Any:
    return importlib.import_module(f"hacluster_ra.{name.lower().replace('-', '_')}").AGENT


def document(name: str) -> etree._Element:
    text: str = importlib.import_module("hacluster_ra.metadata").meta_data(agent_of(name))
    return etree.fromstring(text.encode())


def test_all_are_there() -> None:
    lvs = ["ldirectord", "lvs-director", "lvs-realserver"]
    assert ["Dummy", "Filesystem", "IPaddr", "Stateful", "filesync", *lvs, "webserver"] == AGENTS


@pytest.mark.parametrize("name", AGENTS)
def test_the_frame(name: str) -> None:
    root = document(name)
    assert root.tag == "resource-agent"
    assert root.get("name") == name
    assert root.get("version")
    assert [child.tag for child in root] == ["version", "longdesc", "shortdesc", "parameters", "actions"]
    assert root.findtext("version") == "1.1"
    for element in root.iter("longdesc", "shortdesc"):
        assert element.get("lang") == "en"
        assert (element.text or "").strip()


@pytest.mark.parametrize("name", AGENTS)
def test_parameters_are_whole(name: str) -> None:
    agent = agent_of(name)
    found = document(name).findall("parameters/parameter")
    assert [p.get("name") for p in found] == [p.name for p in agent.parameters]
    assert len({p.get("name") for p in found}) == len(found)
    for parameter in found:
        assert NAME.fullmatch(parameter.get("name") or "")
        assert set(parameter.attrib) <= {"name", "required", "unique", "unique-group", "reloadable"}
        assert [child.tag for child in parameter] == ["longdesc", "shortdesc", "content"]
        content = parameter.find("content")
        assert content is not None
        kind, default = content.get("type"), content.get("default")
        assert kind in {"string", "integer", "boolean", "select"}
        assert bool(content.findall("option")) == (kind == "select")
        if parameter.get("required"):
            assert default is None
        if default is not None:
            declared = next(p for p in agent.parameters if p.name == parameter.get("name"))
            assert declared.fault(default) == ""


@pytest.mark.parametrize("name", AGENTS)
def test_actions_are_whole(name: str) -> None:
    agent = agent_of(name)
    actions = document(name).findall("actions/action")
    names = [a.get("name") for a in actions]
    assert {"start", "stop", "monitor", "validate-all", "meta-data"} <= set(names)
    for action in actions:
        assert set(action.attrib) <= {"name", "timeout", "interval", "depth", "role"}
        assert SECONDS.fullmatch(action.get("timeout") or "")
        if action.get("name") in {"validate-all", "meta-data"}:
            continue
        assert agent.handler(action.get("name")) is not None
    assert (any(p.get("reloadable") for p in document(name).iter("parameter"))) <= ("reload-agent" in names)


@pytest.mark.parametrize("name", AGENTS)
def test_every_parameter_that_the_code_reads_is_documented_and_read(name: str) -> None:
    """By the source: accesses go through text(), number() and flag(), which know declared names only."""
    parts = {"IPaddr": ("ipaddr", "whereabouts"), "Filesystem": ("filesystem", "mounted")}
    files = parts.get(name, (name.lower().replace("-", "_"),))
    text = "".join((RA / f"lib/hacluster_ra/{file}.py").read_text() for file in files)
    used = set(re.findall(r"""values\.(?:text|number|flag)\("(\w+)"\)""", text))
    borrowed = {"state"} if name == "Stateful" else set()
    if name == "lvs-director":
        borrowed = {p.name for p in agent_of("IPaddr").parameters}
    assert used | borrowed == {p.name for p in agent_of(name).parameters}


@pytest.mark.parametrize("name", AGENTS)
def test_no_metadata_text_has_a_stray_entity(name: str) -> None:
    module = importlib.import_module("hacluster_ra.metadata")
    agent = agent_of(name)
    assert module.meta_data(agent).count("&amp;amp;") == 0
    root = document(name)
    assert root.findtext("longdesc") == agent.long


def test_special_characters_are_escaped() -> None:
    ocf = importlib.import_module("hacluster_ra.ocf")
    module = importlib.import_module("hacluster_ra.metadata")
    nasty = "<&>\"'"
    agent = ocf.Agent(
        "X", nasty, nasty, [ocf.Parameter("p", nasty, nasty, default=nasty)], [], validate=lambda values: None
    )
    root = etree.fromstring(module.meta_data(agent).encode())
    assert root.findtext("longdesc") == nasty
    content = root.find("parameters/parameter/content")
    assert content is not None
    assert content.get("default") == nasty
