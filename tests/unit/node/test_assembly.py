"""The table of processes and machines, and what is built from it."""

import subprocess
import sys

from hacluster.base.effects import MachineName
from hacluster.node.assembly import HOSTED, RESTORED, Birth, ProcessName, build, process_of
from hacluster.sim.scenario import STANDARD

BIRTH = Birth(bytes(range(16)), bytes(16), 1)


def test_each_machine_lives_in_one_process() -> None:
    hosted = [machine for machines in HOSTED.values() for machine in machines]
    assert len(hosted) == len(set(hosted))
    assert set(hosted) == set(RESTORED)
    assert process_of(MachineName.LRM) is ProcessName.HANDS


def test_one_process_or_all_in_one() -> None:
    settings = STANDARD.settings("node1")
    for process, machines in HOSTED.items():
        router = build(process, settings, BIRTH)
        assert router.names == frozenset(machines)
        router.check()
    assert build(ProcessName, settings, BIRTH).names == {m for machines in HOSTED.values() for m in machines}


def test_the_pulse_carries_nobody_else() -> None:
    program = """
import sys
from hacluster.node.assembly import Birth, ProcessName, build
import hacluster.heartbeat.machine
rooms = ("hacluster.haresources", "hacluster.lrm.machine", "hacluster.cib", "lxml", "networkx", "asyncio")
print([name for name in rooms if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
