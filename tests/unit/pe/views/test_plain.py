"""The text without headings."""

from __future__ import annotations

from hacluster.pe.views.plain import plain_lines


def test_titles_and_bullets_go_and_the_rest_stays() -> None:
    lines = [
        "Using the original execution date of: 2020-09-13 12:26:40Z",
        "Current cluster status:",
        "  * Node List:",
        "    * Node n2: standby",
        "    * Online: [ n1 ]",
        "",
        "  * Full List of Resources:",
        "    * Clone Set: c [a]:",
        "      * Started: [ n1 ]",
        "Only 'private' parameters to a for unfencing n1 changed",
    ]
    assert list(plain_lines(lines)) == [
        "Using the original execution date of: 2020-09-13 12:26:40Z",
        "Node n2: standby",
        "[ n1 ]",
        "",
        "Started: [ n1 ]",
        "Only 'private' parameters to a for unfencing n1 changed",
    ]
