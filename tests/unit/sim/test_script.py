"""Fault scripts: reading, writing, and what a nemesis writes."""

import pytest

from hacluster.base.dice import Dice
from hacluster.sim.nemesis import MIXES, NEMESES, expand, make_script
from hacluster.sim.scenario import LINKS, NODES
from hacluster.sim.script import VERBS, Action, parse_script, render_script

GOOD = """
# comment
at 12 cut node1 eth0          # both
at 3.5 cut node2 eth1 in
at 40.000   loss * eth0 30
at 41 duplicate node1 eth0 2.5
at 42 delay node1 eth0 5..200
at 50 replay node2 30..45.5
at 51 step node1 -3600
at 52 disk node1 torn
at 53 agent * httpd start hang
at 54 standby node1 all
at 55 kill node2 brain
at 56 unreachable * 10.0.0.254
at 57 reachable node1 *
at 60.25 heal
"""


def test_reading_and_writing_are_inverse() -> None:
    actions, reports = parse_script(GOOD, "f", NODES, LINKS)
    assert reports == []
    assert actions[0] == Action(3_500, "cut", ("node2", "eth1", "in"))
    assert actions[-1] == Action(60_250, "heal")
    assert parse_script(render_script(actions), "f", NODES, LINKS) == (actions, [])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("cut node1 eth0", "bad-line"),
        ("at x cut node1 eth0", "bad-line"),
        ("at 1 frobnicate node1", "unknown-verb"),
        ("at 1 cut node1", "bad-arguments"),
        ("at 1 cut node9 eth0", "unknown-host"),
        ("at 1 cut * eth0", "bad-arguments"),
        ("at 1 cut node1 eth7", "unknown-link"),
        ("at 1 cut node1 eth0 up", "bad-arguments"),
        ("at 1 delay node1 eth0 20..10", "bad-arguments"),
        ("at 1 delay node1 eth0 0..10", "bad-arguments"),
        ("at 1 loss node1 eth0 101", "bad-arguments"),
        ("at 1 kill node1 liver", "bad-arguments"),
        ("at 1 unreachable node1 10.0.0.9", "bad-arguments"),
        ("at 1 heal node1", "bad-arguments"),
        ("at 1 standby node1 none", "bad-arguments"),
        ("at 1 agent node1 httpd start sing", "bad-arguments"),
    ],
)
def test_every_fault_has_a_place_and_a_hint(line: str, code: str) -> None:
    actions, (report,) = parse_script(f"at 1 heal\n{line}\n", "f", NODES, LINKS)
    assert len(actions) == 1
    assert (report.code, report.place and report.place.line) == (code, 2)
    assert report.hint


def test_all_faults_at_once() -> None:
    _, reports = parse_script("at 1 nonsense\nat 2\nat 3 cut node1\n", "f", NODES, LINKS)
    assert [report.place and report.place.line for report in reports] == [1, 2, 3]


def test_a_file_that_is_no_script_is_given_up_in_short_printable_lines() -> None:
    _, reports = parse_script(f"{'x' * 9_000}\x1b[2J\n" * 9_000, "noise", NODES, LINKS)
    assert reports[-1].code == "too-many-reports"
    assert max(len(report.text) for report in reports) < 200
    assert all(report.text.isprintable() for report in reports)


@pytest.mark.parametrize("name", [*NEMESES, *MIXES])
def test_a_nemesis_writes_scripts_that_can_be_read_and_that_end_healed(name: str) -> None:
    for seed in range(30):
        actions = make_script(Dice(seed), (name,), 600_000)
        assert parse_script(render_script(actions), "f", NODES, LINKS) == (actions, [])
        assert actions[-1] == Action(600_000, "heal")
        assert actions == make_script(Dice(seed), (name,), 600_000)
        assert all(action.verb in VERBS for action in actions)


def test_mixes_are_opened_once() -> None:
    assert expand(("loss", "network")) == ("loss", "delay", "duplicate", "link", "clog", "interface", "ping")
    with pytest.raises(KeyError):
        expand(("weather",))
