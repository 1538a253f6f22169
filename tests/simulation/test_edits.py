"""Edits of haresources: what no line names any more is stopped, what is new is started, nothing else is touched."""

import pytest

from hacluster.config.settings import AutoFailback, Seal
from hacluster.sim.edits import EDITS, services
from hacluster.sim.replay import Wish, run, scripted
from hacluster.sim.scenario import LINKS, NODES
from hacluster.sim.script import parse_script
from hacluster.sim.world import Outcome
from tests.simulation.runs import must_be_good


def played(script: str, mode: AutoFailback = AutoFailback.ON) -> Outcome:
    actions, reports = parse_script(script, "f", NODES, LINKS)
    assert not reports
    outcome = run(scripted(1, actions, Wish((), 0, mode, Seal.ON)))
    must_be_good(outcome)
    return outcome


def changes(outcome: Outcome, after_s: float) -> list[str]:
    """What started and stopped after a time, as ``+service`` and ``-service``, in order."""
    found = []
    for line in outcome.transcript.lines:
        when, _, text = line.strip().partition(" ")
        if " service " in text and float(when) > after_s:
            name = text.partition(" service ")[2].split()[0]
            found.append(("+" if text.endswith(" runs") else "-") + name)
    return found


def expected(before: str, after: str) -> set[str]:
    old, new = services(EDITS[before]), services(EDITS[after])
    moved = JOINED.get(after, set()) | JOINED.get(before, set())
    return {f"-{name}" for name in (old - new) | moved} | {f"+{name}" for name in (new - old) | moved}


JOINED = {"to-other-line": {"httpd"}, "joined": {"IPaddr::10.0.0.101/24/eth0", "mail"}}
"""Edits that bring something into one line with what runs on the other node: it moves there."""


ORDERS = {
    "together": "at 61 reload node1\nat 61 reload node2",
    "node1 first": "at 61 reload node1\nat 75 reload node2",
    "node2 first": "at 61 reload node2\nat 75 reload node1",
    "one does not": "at 61 reload node1",
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_at_rest_changes_what_it_says_and_nothing_else(edit: str, order: str) -> None:
    script = f"at 60 edit node1 {edit}\nat 60 edit node2 {edit}\n{ORDERS[order]}\nat 120 heal"
    found = changes(played(script), 60)
    assert sorted(found) == sorted(expected("none", edit)), "each once"


@pytest.mark.parametrize("order", list(ORDERS)[:2])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_is_taken_back_ends_where_it_began(edit: str, order: str) -> None:
    back = ORDERS[order].replace("at 61", "at 101").replace("at 75", "at 115")
    script = f"""
        at 60 edit node1 {edit}
        at 60 edit node2 {edit}
        {ORDERS[order]}
        at 100 edit node1 none
        at 100 edit node2 none
        {back}
        at 160 heal
    """
    found = changes(played(script.replace("\n        ", "\n")), 60)
    joined = JOINED.get(edit, set())
    there_and_back = [*expected("none", edit), *expected(edit, "none")]
    assert sorted(c for c in found if c[1:] not in joined) == sorted(c for c in there_and_back if c[1:] not in joined)
    for service in joined:
        assert found.count(f"+{service}") == found.count(f"-{service}"), "it may move there, and back"


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_edited_moves_whole_afterwards(edit: str) -> None:
    """The reproduction: after the edit everything is given to the other node, and nothing stays behind."""
    script = f"""
at 60 edit node1 {edit}
at 60 edit node2 {edit}
at 61 reload node1
at 61 reload node2
at 80 standby node1 all
at 110 heal
"""
    outcome = played(script, AutoFailback.OFF)
    left = {line.split()[-2] for line in outcome.transcript.lines if "node1" in line and line.endswith(" runs")}
    gone = {line.split()[-3] for line in outcome.transcript.lines if "node1" in line and line.endswith(" is stopped")}
    assert left <= gone


@pytest.mark.parametrize("mode", [AutoFailback.ON, AutoFailback.OFF, AutoFailback.LEGACY])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_beside_a_crash_of_the_daemon(edit: str, mode: AutoFailback) -> None:
    """What a dead daemon left running under names that no line has any more is stopped by the next."""
    script = f"at 60 edit node1 {edit}\nat 60 edit node2 {edit}\nat 61 kill node1 all\nat 64 start node1\nat 120 heal"
    played(script, mode)


MOMENTS = [0, 40, 150, 400, 700, 1_200, 2_000]


@pytest.mark.parametrize("number", range(len(EDITS)))
def test_an_edit_in_the_middle_of_a_handover(number: int) -> None:
    """Each edit in three of the moments: read by one node, by both, in either order, or never by the other."""
    edit = list(EDITS)[number]
    for turn, later_ms in enumerate((0, 300, None)):
        at = 80_000 + MOMENTS[(number + 2 * turn) % len(MOMENTS)]
        first, other = NODES if (number + turn) % 2 else reversed(NODES)
        lines = [
            f"at 60 edit node1 {edit}",
            f"at 60 edit node2 {edit}",
            "at 80 standby node1 all",
            f"at {at / 1000:.3f} reload {first}",
        ]
        if later_ms is not None:
            lines.append(f"at {(at + later_ms) / 1000:.3f} reload {other}")
        played("\n".join([*lines, "at 140 heal"]))
