"""Lines of the text as elements."""

from __future__ import annotations

import pytest

from hacluster.base.iso8601 import Moment
from hacluster.pe.schedule import status
from hacluster.pe.views.tree import Tree, line_tree, modifications_tree, section_tree, status_tree
from tests.unit.pe.clusters import NOW, cib, operation, primitive


@pytest.mark.parametrize(
    ("line", "name", "attrs"),
    [
        ("pcmk__primitive_assign: a allocation score on n1: -INFINITY", "node_weight",
         {"function": "pcmk__primitive_assign", "id": "a", "node": "n1", "score": "-INFINITY"}),
        ("a:0 promotion score (inactive): 0", "promotion_score", {"id": "a:0", "score": "0"}),
        ("Fence (reboot) n1 'peer is gone'", "node_action",
         {"task": "Fence (reboot)", "node": "n1", "reason": "peer is gone"}),
        ("Resource action: a               monitor=10000 on n1", "rsc_action",
         {"resource": "a", "op": "monitor", "interval": "10000", "node": "n1"}),
        ("Pseudo action:   g_stop_0", "pseudo_action", {"task": "g_stop_0"}),
        ("Fencing n1 (off)", "fencing_action", {"target": "n1", "op": "off"}),
    ],
)  # fmt: skip
def test_a_line_is_an_element(line: str, name: str, attrs: dict[str, str]) -> None:
    assert line_tree(line) == Tree(name, attrs)


def test_amounts_are_elements_of_their_own() -> None:
    found = line_tree("Original: n1 capacity: cpu=2 memory=8")
    assert found == Tree("capacity", {"comment": "Original", "node": "n1"}, [Tree("cpu", text="2"),
                                                                            Tree("memory", text="8")])  # fmt: skip


def test_what_the_original_has_no_element_for_is_left_out() -> None:
    assert section_tree("transition", ["Only 'private' parameters to a for unfencing n1 changed"]).children == []


def test_modifications() -> None:
    found = modifications_tree(["Bringing node n1 online", "Granting ticket t"])
    assert [(child.name, child.attrs) for child in found.children] == [
        ("modify_node", {"action": "Online", "node": "n1"}),
        ("modify_ticket", {"action": "Granting", "ticket": "t"}),
    ]


def test_status() -> None:
    document = cib(primitive("a"), nodes=2, histories={1: operation("a", "start", "n1")})
    found = status_tree(status(document, Moment.from_epoch(NOW, 0)), "cluster_status")
    nodes, resources = found.children
    assert [node.attrs["name"] for node in nodes.children] == ["n1", "n2"]
    assert (resources.children[0].attrs["id"], resources.children[0].attrs["role"]) == ("a", "Started")
    assert [child.attrs["name"] for child in resources.children[0].children] == ["n1"]
