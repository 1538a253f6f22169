"""What random CIBs have shown: each CIB says in its first line what it is about; beside it is crm_simulate's answer.

``python -m tests.conformance.pe.differential --record tests/conformance/pe/found/NAME.xml`` writes the answer down.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import parse_document
from hacluster.pe.operation.fence import can_fence
from hacluster.pe.schedule import status
from tests.conformance.pe.differential import ourselves
from tests.conformance.pe.levels import compare, read

FOUND = sorted((Path(__file__).parent / "found").glob("*.xml"))
WITHOUT_ANSWER = frozenset({"guest-inside-itself"})
"""crm_simulate itself crashes on these; that we answer at all is what counts."""


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_found(path: Path) -> None:
    cib = path.read_bytes()
    assert cib.startswith(b"<!-- "), "say what it shows"
    ours = ourselves(cib)
    if path.stem in WITHOUT_ANSWER:
        assert ours.text
        return
    theirs = read(path.with_suffix(".txt").read_text(), path.with_suffix(".graph").read_bytes())
    differences = compare(etree.fromstring(cib), ours, theirs)
    assert not any(differences.values()), differences
    assert ours.text == theirs.text


def test_a_guest_inside_itself_cannot_be_fenced() -> None:
    path = Path(__file__).parent / "found" / "guest-inside-itself.xml"
    cluster = status(parse_document(path.read_bytes(), path.name), Moment.from_epoch(1_600_000_000, 0))
    guest = cluster.find_node("guest")
    assert guest is not None
    assert guest.guest_container is not None
    assert guest.guest_container.active_on == [guest]
    assert not guest.online
    assert not can_fence(cluster, guest)
