"""The table of processes and machines, and what is built from it."""

import dataclasses
import subprocess
import sys

import pytest

from hacluster.base.effects import MachineName
from hacluster.ccm.state import PROMISE_KEY
from hacluster.cibd.replica import KEYS
from hacluster.config.settings import PacemakerMode
from hacluster.node.assembly import Birth, NodeSettings, build
from hacluster.node.layout import ARBITRATOR, COPY_KEYS, CRM, PROMISE_KEYS, V1, Layout, ProcessName
from hacluster.sim.scenario import STANDARD

BIRTH = Birth(bytes(range(16)), bytes(16), 1)


def test_each_machine_lives_in_one_process() -> None:
    assert V1.process_of(MachineName.LRM) is ProcessName.HANDS
    assert V1.process_of(V1.manager) is ProcessName.BRAIN
    twice = dict(V1.hosted) | {ProcessName.PULSE: (MachineName.HEARTBEAT, MachineName.LRM)}
    with pytest.raises(AssertionError):
        Layout("twice", twice, V1.restored, V1.manager, V1.listeners)
    with pytest.raises(AssertionError):
        Layout("nobody", V1.hosted, V1.restored, MachineName.CRMD, V1.listeners)


def test_one_process_or_all_in_one() -> None:
    settings = STANDARD.settings("node1")
    for process, machines in V1.hosted.items():
        router = build(process, settings, BIRTH)
        assert router.names == frozenset(machines)
        router.check()
    assert build(V1.hosted, settings, BIRTH).names == {m for machines in V1.hosted.values() for m in machines}


def _crm_settings() -> NodeSettings:
    settings = STANDARD.settings("node1")
    return dataclasses.replace(settings, ha=dataclasses.replace(settings.ha, pacemaker=PacemakerMode.RESPAWN))


def test_crm_respawn_is_another_layout() -> None:
    assert STANDARD.settings("node1").layout is V1
    settings = _crm_settings()
    assert settings.layout is CRM
    for process, machines in CRM.hosted.items():
        router = build(process, settings, BIRTH)
        assert router.names == frozenset(machines)
        router.check()


def test_a_witness_only_votes() -> None:
    settings = _crm_settings()
    own = dataclasses.replace(settings.own, quorum=dataclasses.replace(settings.own.quorum, witness="node1"))
    witness = dataclasses.replace(settings, own=own)
    assert witness.layout is ARBITRATOR
    assert dataclasses.replace(witness, node="node2").layout is CRM
    router = build(ARBITRATOR.hosted, witness, BIRTH)
    names = {MachineName.HEARTBEAT, MachineName.SPEECH, MachineName.CCM, MachineName.CIBD, MachineName.ARBITER}
    assert router.names == names
    router.check()


def test_the_keys_are_those_that_the_machines_write() -> None:
    assert [key for key, _ in PROMISE_KEYS] == [PROMISE_KEY]
    assert [key for key, _ in COPY_KEYS] == list(KEYS)
    assert CRM.restored[MachineName.CIBD] == COPY_KEYS


def test_the_pulse_carries_nobody_else() -> None:
    program = """
import sys
from hacluster.node.assembly import Birth, build
from hacluster.node.layout import ProcessName
import hacluster.heartbeat.machine
rooms = ("hacluster.haresources", "hacluster.lrm.machine", "hacluster.cib", "lxml", "networkx", "asyncio")
print([name for name in rooms if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
