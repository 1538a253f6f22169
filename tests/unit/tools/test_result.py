"""Trees as XML and JSON."""

from __future__ import annotations

import json

from lxml import etree

from hacluster.pe.views.tree import Tree
from hacluster.tools.result import API_VERSION, SHAPES, api_version, result_text

TREES = [Tree("nodes", {"count": "1"}, [Tree("node", {"name": "a&b"}, text="up")])]


def test_xml() -> None:
    root = etree.fromstring(result_text(TREES, "xml", ["-x", "a file"]))
    assert root.tag == "pacemaker-result"
    assert dict(root.attrib) == {"api-version": API_VERSION, "request": "crm_simulate -x 'a file'"}
    assert (root.findtext("nodes/node"), root.find("nodes/node").get("name")) == ("up", "a&b")
    assert dict(root[-1].attrib) == {"code": "0", "message": "OK"}


def test_json() -> None:
    found = json.loads(result_text(TREES, "json", []))
    assert found["element"] == "pacemaker-result"
    assert found["children"][0] == {
        "element": "nodes",
        "attributes": {"count": "1"},
        "children": [{"element": "node", "attributes": {"name": "a&b"}, "text": "up"}],
    }


def test_nothing_to_show() -> None:
    assert [child.tag for child in etree.fromstring(result_text([], "xml", []))] == ["status"]


def test_answers_are_fitted_to_the_shapes_that_are_published_here(tmp_path, monkeypatch):
    """Pcs of Debian 12 validates what crm_mon says against the shapes of 2.1.5."""
    (tmp_path / "crm_mon-2.9.rng").touch()
    (tmp_path / "crm_mon-2.25.rng").touch()
    monkeypatch.setenv(SHAPES, str(tmp_path))
    api_version.cache_clear()
    try:
        tree = Tree("resources", children=[Tree("resource", {"id": "A", "removed": "false", "orphaned": "false"})])
        root = etree.fromstring(result_text([tree], "xml", []))
        assert root.get("api-version") == "2.25"
        assert dict(root[0][0].attrib) == {"id": "A", "orphaned": "false"}
        ended = Tree("operation_history", {"rc": "7", "rc_text": "Not running"})
        assert etree.fromstring(result_text([ended], "xml", []))[0].get("rc_text") == "not running"
    finally:
        api_version.cache_clear()
