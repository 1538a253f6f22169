"""What a decision was made of is kept as it was, without holding up the next one."""

from __future__ import annotations

import bz2

import pytest
from lxml import etree

from hacluster.base.effects import Effect, Persist, Say
from hacluster.base.limits import MAX_INPUTS_DUE
from hacluster.base.machine import Instant
from hacluster.base.members import NO_VIEW
from hacluster.cib.change import AttributeSet, Change, NodeStateSet, OperationRecorded
from hacluster.msg.driver import Tick
from hacluster.msg.replica import CopyTaken, StatusChanged
from hacluster.msg.transition import ScheduleAt
from hacluster.pengine.machine import PengineMachine

CIB = (
    '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="3" num_updates="0" crm_feature_set="3.16.1">'
    '<configuration><crm_config><cluster_property_set id="o"><nvpair id="f" name="stonith-enabled" value="false"/>'
    '{option}</cluster_property_set></crm_config><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>'
    '<resources><primitive id="A" class="ocf" provider="heartbeat" type="Dummy"/></resources><constraints/>'
    "</configuration><status/></cib>"
)


def machine(option: str = "") -> PengineMachine:
    made = PengineMachine()
    made.step(CopyTaken(NO_VIEW, CIB.format(option=option)), Instant(0))
    for node in ("n1", "n2"):
        words = (("in_ccm", "true"), ("crmd", "online"), ("join", "member"), ("expected", "member"))
        change(made, NodeStateSet(node, words))
    return made


def change(made: PengineMachine, change: Change) -> list[Effect]:
    return made.step(StatusChanged(change), Instant(0))


def decide(made: PengineMachine, number: int) -> None:
    made.step(ScheduleAt(number, 1_700_000_000 + number, True, "n1"), Instant(0))


def idle(made: PengineMachine) -> dict[str, etree._Element]:
    """What is on disk when nothing happens for a while."""
    files = {}
    while made.deadline() is not None:
        for effect in made.step(Tick(), Instant(0)):
            if isinstance(effect, Persist) and effect.key.endswith(".bz2"):
                files[effect.key] = etree.fromstring(bz2.decompress(effect.data))
    return files


def record(number: int) -> OperationRecorded:
    words = (
        ("id", "A_last_0"),
        ("operation", "monitor"),
        ("rc-code", str(number)),
        ("op-status", "0"),
        ("call-id", "1"),
    )
    return OperationRecorded("n1", "A", words, "ocf", "heartbeat", "Dummy")


def test_each_decision_keeps_what_it_was_made_of_although_the_cib_goes_on() -> None:
    made = machine()
    for number in range(3):
        change(made, record(number))
        change(made, AttributeSet("n2", "pingd", str(number)))
        decide(made, number)
    change(made, record(9))
    made.step(Tick(), Instant(0))
    change(made, AttributeSet("n2", "pingd", "9"))
    files = idle(made)
    assert sorted(files) == ["pe-input-0.bz2", "pe-input-1.bz2", "pe-input-2.bz2"]
    for number in range(3):
        root = files[f"pe-input-{number}.bz2"]
        assert root.xpath("//lrm_rsc_op/@rc-code") == [str(number)]
        assert root.xpath("//nvpair[@name='pingd']/@value") == [str(number)]
        assert root.get("execution-date") == str(1_700_000_000 + number)
        assert [child.tag for child in root] == ["configuration", "status"]
    assert made.deadline() is None


def test_a_change_asks_for_no_writing() -> None:
    """A large CIB takes a second to be packed, and the next decision may be asked for at once."""
    made = machine()
    decide(made, 1)
    assert not any(isinstance(effect, Persist) for effect in change(made, record(1)))
    steps = 0
    while made.deadline() is not None:
        made.step(Tick(), Instant(0))
        steps += 1
    assert steps == 4, "the configuration, each of two nodes, the end"


def test_what_is_never_written_is_said() -> None:
    made = machine()
    said: list[str] = []
    for number in range(MAX_INPUTS_DUE + 1):
        decide(made, number)
        said += [effect.text for effect in change(made, record(number)) if isinstance(effect, Say)]
    assert len(said) == 1
    assert said[0].startswith("pe-input-0 is not kept")
    assert len(idle(made)) == MAX_INPUTS_DUE


@pytest.mark.parametrize(("limit", "names"), [("0", []), ("2", ["pe-input-0.bz2", "pe-input-1.bz2"])])
def test_series_have_their_limits(limit: str, names: list[str]) -> None:
    made = machine(f'<nvpair id="l" name="pe-input-series-max" value="{limit}"/>')
    files: dict[str, etree._Element] = {}
    for number in range(4):
        decide(made, number)
        files |= idle(made)
    assert sorted(files) == names
