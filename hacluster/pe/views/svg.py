"""A picture as SVG, with the layout of :mod:`hacluster.pe.views.layout`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from hacluster.pe.views.layout import lay_out

if TYPE_CHECKING:
    from hacluster.pe.views.dot import Picture

_CHARACTER: Final = 7.3
_HEIGHT: Final = 28
_GAP: Final = 22
_LAYER: Final = 84
_LABELLED_LAYER: Final = 46
_SMALL_CHARACTER: Final = 6.1
_MARGIN: Final = 20
_DASHES: Final = {"dashed": "6,4", "dotted": "2,4"}
_COLORS: Final = {"green": "#2e7d32", "red": "#c62828", "blue": "#1565c0", "orange": "#e65100", "purple": "#6a1b9a"}


def _width(name: str) -> float:
    return len(name) * _CHARACTER + 24


def _color(name: str) -> str:
    return _COLORS.get(name, name)


def _dash(style: str) -> str:
    return f' stroke-dasharray="{_DASHES[style]}"' if style in _DASHES else ""


def _box(name: str, look: dict[str, str], middle: tuple[float, float]) -> list[str]:
    x, y = middle
    width, stroke = _width(name), _color(look.get("color", "black"))
    outline = f'fill="white" stroke="{stroke}" stroke-width="1.6"{_dash(look.get("style", ""))}'
    radius = {"box": 3, "diamond": 0}.get(look.get("shape", "ellipse"), _HEIGHT // 2)
    return [
        (
            f'<rect x="{x - width / 2:.1f}" y="{y - _HEIGHT / 2:.1f}" width="{width:.1f}" height="{_HEIGHT}" '
            f'rx="{radius}" {outline}/>'
        ),
        (
            f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" fill="{_color(look.get("fontcolor", "black"))}">'
            f"{escape(name)}</text>"
        ),
    ]


def _curve(points: list[tuple[float, float]], upwards: bool) -> str:
    """A smooth line from the lower edge of the first box to the upper edge of the last."""
    first, last = points[0], points[-1]
    points = [(first[0], first[1] + _HEIGHT / 2), *points[1:-1], (last[0], last[1] - _HEIGHT / 2)]
    if upwards:
        points.reverse()
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for one, other in itertools.pairwise(points):
        half = (one[1] + other[1]) / 2
        path += f" C{one[0]:.1f},{half:.1f} {other[0]:.1f},{half:.1f} {other[0]:.1f},{other[1]:.1f}"
    return path


def _line(look: dict[str, str], points: list[tuple[float, float]], upwards: bool) -> str:
    color = _color(look.get("color", "black"))
    width = "1.6" if look.get("style") == "bold" else "1.1"
    shape = f'd="{_curve(points, upwards)}" fill="none" stroke="{color}" stroke-width="{width}"'
    return f'<path {shape} marker-end="url(#arrow)"{_dash(look.get("style", ""))}/>'


def _label(look: dict[str, str], middle: tuple[float, float]) -> str:
    place = f'x="{middle[0]:.1f}" y="{middle[1] + 3:.1f}" text-anchor="middle" font-size="10"'
    return f'<text {place} fill="{_color(look.get("color", "black"))}" class="label">{escape(look["label"])}</text>'


_STYLE: Final = "<style>.label{paint-order:stroke;stroke:white;stroke-width:3px}</style>"
_ARROW: Final = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="#444"/></marker></defs>'
)


def svg_text(picture: Picture) -> str:
    """A picture as an SVG document of its own."""
    labels = {
        (first, then): len(look["label"]) * _SMALL_CHARACTER
        for first, then, look in picture.edges(data=True)
        if look.get("label") and first != then
    }
    layout = lay_out(picture, {name: _width(name) for name in picture}, _GAP, labels)
    step = _LABELLED_LAYER if labels else _LAYER
    middles = {
        place: (layout.x[place] + _MARGIN, row * step + _MARGIN + _HEIGHT / 2)
        for row, layer in enumerate(layout.layers)
        for place in layer
    }
    half = {place: labels[line] / 2 for line, place in layout.labels.items()}
    half.update({(name, 0): _width(name) / 2 for name in picture})
    width = max((middle[0] + half.get(place, 0) for place, middle in middles.items()), default=0) + _MARGIN
    height = max((middle[1] for middle in middles.values()), default=0) + _HEIGHT / 2 + _MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}"'
    font = 'font-family="DejaVu Sans Mono, monospace" font-size="12"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>', _STYLE, _ARROW]
    lines.append('<rect width="100%" height="100%" fill="white"/>')
    for first, then, way in layout.lines:
        lines.append(_line(picture.edges[first, then], [middles[place] for place in way], way[0][0] != first))
    lines += [_label(picture.edges[line], middles[place]) for line, place in layout.labels.items()]
    for layer in layout.layers:
        for place in layer:
            if place[0] in picture:
                lines += _box(place[0], picture.nodes[place[0]], middles[place])
    return "\n".join([*lines, "</svg>"]) + "\n"
