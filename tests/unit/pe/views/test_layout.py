from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hacluster.pe.views import layout as layout_module
from hacluster.pe.views.dot import dot_text
from hacluster.pe.views.layout import lay_out
from hacluster.pe.views.svg import svg_text

GAP = 10.0
LOOK = {"style": "bold", "color": "green", "fontcolor": "black"}


def picture(*edges, alone=()):
    found = nx.DiGraph()
    for name in alone:
        found.add_node(name, **LOOK)
    for first, then in edges:
        found.add_node(first, **LOOK)
        found.add_node(then, **LOOK)
        found.add_edge(first, then, style="bold")
    return found


def laid_out(graph, labels=None):
    return lay_out(graph, {name: 20.0 + len(name) for name in graph}, GAP, labels or {})


def row(layout, name):
    return next(index for index, layer in enumerate(layout.layers) if (name, 0) in layer)


def test_what_comes_first_is_above():
    layout = laid_out(picture("ab", "bc", "ac"))
    assert [row(layout, name) for name in "abc"] == [0, 1, 2]
    way = next(way for first, then, way in layout.lines if (first, then) == ("a", "c"))
    assert len(way) == 3, "the long line has a place of its own in the layer that it passes"


def test_a_cycle_is_drawn_too():
    layout = laid_out(picture("ab", "ba", "bb"))
    assert {row(layout, "a"), row(layout, "b")} == {0, 1}
    assert {(first, then) for first, then, _way in layout.lines} == {("a", "b"), ("b", "a")}


def test_nothing_is_a_picture():
    assert laid_out(picture()).layers == []
    assert etree.fromstring(svg_text(picture())).tag.endswith("svg")


def test_crossings_are_taken_out():
    layout = laid_out(picture("ax", "by", "cz", "ay", "bz", alone="cba"))
    order = [name for name, _layer in layout.layers[0] if name in "abc"]
    below = [name for name, _layer in layout.layers[1] if name in "xyz"]
    assert (order, below) in ((list("abc"), list("xyz")), (list("cba"), list("zyx")))


def test_labels_get_room():
    layout = laid_out(picture("ax", "bx"), {("a", "x"): 200.0, ("b", "x"): 200.0})
    one, other = (layout.x[layout.labels[line]] for line in (("a", "x"), ("b", "x")))
    assert abs(one - other) >= 200.0 + GAP - 1e-6


names = st.text("abcdefgh", min_size=1, max_size=3)


@given(st.lists(st.tuples(names, names), max_size=40))
def test_boxes_never_overlap(edges):
    graph = picture(*edges)
    layout = laid_out(graph)
    for layer in layout.layers:
        for (left, _), (right, _) in pairwise(layer):
            if left in graph and right in graph:
                half = (40.0 + len(left) + len(right)) / 2
                assert layout.x[right, 0] - layout.x[left, 0] >= half + GAP - 1e-6
    for _first, _then, way in layout.lines:
        rows = [index for place in way for index, layer in enumerate(layout.layers) if place in layer]
        assert rows == list(range(rows[0], rows[-1] + 1))


@given(st.lists(st.tuples(names, names), max_size=30))
def test_same_picture_same_text(edges):
    assert svg_text(picture(*edges)) == svg_text(picture(*edges))
    assert len(etree.fromstring(svg_text(picture(*edges)))) >= 3


def test_work_is_bounded(monkeypatch):
    edges = [(f"n{i}", f"n{j}") for i in range(30) for j in range(i + 1, 30)]
    monkeypatch.setattr(layout_module, "CROWDED", 100)
    layout = laid_out(picture(*edges))
    assert sum(len(layer) for layer in layout.layers) == 30


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a<b&c"])
def test_names_are_quoted(name):
    graph = picture((name, "x"))
    assert f'{name.translate({34: chr(92) + chr(34), 92: chr(92) * 2})}" -> "x"' in dot_text(graph)
    texts = [element.text for element in etree.fromstring(svg_text(graph)) if element.tag.endswith("text")]
    assert name in texts
