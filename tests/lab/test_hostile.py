"""A hostile host on the cluster's network: it floods, it replays, it says that it is somebody else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hacluster.lab.exercise import NODE1, NODE2, VIP, Directory
from hacluster.lab.programs import Program
from tests import attacker
from tests.cluster import Cluster, Odd, cluster, daemon_pid, pss_kib
from tests.conftest import require_lab
from tests.nodes import OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SEAL = ["on", "off"]
FLOOD = 100_000
WARM_UP = 20_000
GROWTH_KIB = 3_000
MAX_LINES = 400
"""What a flood may add to a log: 20 lines a minute for each of a handful of kinds of refusal, and their summaries."""

INITDEAD_S = 10
TAPE = "/root/tape"


class Attacker:
    """The hostile host."""

    def __init__(self, made: Cluster) -> None:
        self.host = made.place.lab.add_host("attacker", {"eth0": ("lan", "172.16.200.66/16")})

    def spawn(self, *argv: str) -> Program:
        return self.host.spawn([sys.executable, attacker.__file__, *argv], stdout=subprocess.PIPE)

    def run(self, *argv: str, timeout: float = 120) -> str:
        return self.host.run([sys.executable, attacker.__file__, *argv], check=True, timeout=timeout).stdout

    @contextmanager
    def doing(self, *argv: str) -> Iterator[None]:
        """Do that in the background."""
        program = self.spawn(*argv)
        assert program.stdout is not None
        assert program.stdout.readline(), argv
        yield
        assert program.poll() is None, argv
        program.terminate()
        program.wait(30)
        program.close()


@contextmanager
def hostile(seal: str, haresources: str = "", **more: str) -> Iterator[tuple[Cluster, Attacker]]:
    require_lab()
    with cluster(hacluster_cf=f"seal {seal}\n", haresources=haresources, **more) as made:
        yield made, Attacker(made)


def lines(node: OurNode) -> int:
    return node.log().count("\n")


@pytest.mark.parametrize("keys", ["without the keys", "with the keys"])
@pytest.mark.parametrize("seal", SEAL)
def test_a_flood_has_no_effect(seal, keys):
    with hostile(seal) as (made, foe):
        with foe.doing("record", TAPE):
            made.up()
        foe.host.write("/root/authkeys", made.directory.authkeys)
        how = ["--like", TAPE] if keys == "without the keys" else ["--authkeys", "/root/authkeys"]
        foe.run("flood", str(WARM_UP), *how)
        before = {node.name: (pss_kib(node.host, "pulse"), lines(node)) for node in made.nodes}
        since = time.monotonic()
        print(foe.run("flood", str(FLOOD), *how))
        for node in made.nodes:
            pss, said = before[node.name]
            grown, more = pss_kib(node.host, "pulse") - pss, lines(node) - said
            print(f"{node.name}: pulse grew by {grown} KiB from {pss}, log by {more} lines")
            assert grown < GROWTH_KIB
            assert more < MAX_LINES, node.log()
            assert "is dead" not in node.log()
        made.says("local", "local")
        assert made.one.sees(NODE2) == made.two.sees(NODE1) == "active"
        assert made.holders() == {NODE1}
        assert not [s for s in made.watch.samples if not s.ok and s.start > since]
        made.one.standby()
        made.served_by(made.two)


@pytest.mark.parametrize("seal", SEAL)
def test_a_recorded_session_moves_nothing_and_holds_up_nobody(seal):
    """WIRE.md section 14: a life of node1 with every word of the resource protocol is recorded and played again."""
    with hostile(seal, f"{NODE1} IPaddr::{VIP}/16/eth0 httpd odd") as (made, foe):
        one, two = (Odd(node.host) for node in made.nodes)
        one.install()
        two.install()
        with foe.doing("record", TAPE):
            made.up()
            made.one.standby()
            made.served_by(made.two)
            made.says("none", "all")
            made.one.takeover()
            made.served_by(made.one)
            made.says("all", "none")
            made.two.takeover()
            made.served_by(made.two)
            made.says("none", "all")
            made.one.stop()
            made.says("", "all")
            made.start(made.one)
            made.served_by(made.one)
            made.says("local", "local")
            made.one.crash()
            made.served_by(made.two)
        only_node1 = [item for item in attacker.load(str(foe.host.path(TAPE))) if item[0] == "172.16.100.6"]
        assert len(only_node1) > 50
        _no_resource_moves(made, foe, two)
        _no_start_is_held_up(made, foe)


def _no_resource_moves(made: Cluster, foe: Attacker, two: Odd) -> None:
    """After the death of the sender."""
    before, since = (two.did("start begins"), two.did("stop begins")), time.monotonic()
    foe.run("replay", TAPE, "--pace", "0.002")
    foe.run("replay", TAPE, "--pace", "0")
    assert made.two.rscstatus() == "all", made.two.log()
    assert made.two.sees(NODE1) == "dead"
    assert (two.did("start begins"), two.did("stop begins")) == before
    assert not [s for s in made.watch.samples if not s.ok and s.start > since]


def _no_start_is_held_up(made: Cluster, foe: Attacker) -> None:
    """Of a node that starts anew while the recording is played over and over."""
    made.two.crash()
    made.two.boot()
    said = len(made.two.log())
    with foe.doing("replay", TAPE, "--loop"):
        begin = time.monotonic()
        made.start(made.two)
        made.served_by(made.two)
        print(f"serves {time.monotonic() - begin:.1f} s after its start, initdead is 10")
        assert made.two.sees(NODE1) == "dead"
        new = made.two.log()[said:]
        assert "Status update for node node1.name: status active" not in new, new
        assert "refused" in new or "recording" in new, new
        # And the living node is heard through it all.
        made.one.boot()
        made.start(made.one)
        made.served_by(made.one)
        made.says("local", "local")


def test_a_second_host_with_our_name():
    """As a copied virtual machine: it has the keys. It leaves before it takes anything, and no view changes."""
    with hostile("on") as (made, foe):
        made.up()
        eventually("node1 is older than initdead", lambda: len(made.watch.samples) * 0.02 > INITDEAD_S)
        since, said = time.monotonic(), len(made.two.log())
        made.directory.install(foe.host)
        foe.host.run(["hostname", NODE1], check=True)
        twin = OurNode(foe.host, made.directory)
        twin.start()
        eventually("node1 says so", lambda: "another host sends under our node name" in made.one.log())
        eventually("node2 says so", lambda: "a second host under the name of node node1.name" in made.two.log())
        eventually("the copy leaves", lambda: "this node leaves before it takes resources" in twin.log())
        eventually("it has stopped", lambda: daemon_pid(foe.host, "supervisor") is None)
        assert VIP not in twin.addresses()
        assert "taking" not in twin.log()
        assert "restarted" not in made.two.log()[said:]
        assert made.one.sees(NODE2) == made.two.sees(NODE1) == "active"
        made.says("local", "local")
        assert made.holders() == {NODE1}
        assert not [s for s in made.watch.samples if not s.ok and s.start > since]


def _alone(made: Cluster, *words: str) -> None:
    """Each starts alone after initdead, and says why it does not hear the other."""
    made.start()
    for node in made.nodes:
        eventually(f"{node.name} says why", lambda node=node: all(word in node.log() for word in words))
    eventually("both start alone", lambda: made.one.rscstatus() == made.two.rscstatus() == "all")
    assert made.one.sees(NODE2) == made.two.sees(NODE1) == "dead"
    for node in made.nodes:
        assert lines(node) < MAX_LINES, node.log()


@pytest.mark.parametrize("seal", SEAL)
def test_a_wrong_key_on_one_side(seal):
    with hostile(seal) as (made, _):
        other = Directory(ha_cf=made.directory.ha_cf, hacluster_cf=made.directory.hacluster_cf)
        other.install(made.two.host)
        _alone(made, "its authkeys differ from ours")


def test_seal_on_beside_seal_off():
    with hostile("on") as (made, _):
        made.two.host.write("/etc/ha.d/hacluster.cf", "seal off\n")
        made.start()
        eventually("node1 says why", lambda: "this node has 'seal on'" in made.one.log())
        eventually("node2 says why", lambda: "this node has 'seal off'" in made.two.log())
        eventually("both start alone", lambda: made.one.rscstatus() == made.two.rscstatus() == "all")


def test_seal_offer_beside_seal_off():
    """They find each other: a node that offers speaks classic with one that does not seal."""
    with hostile("offer") as (made, _):
        made.two.host.write("/etc/ha.d/hacluster.cf", "seal off\n")
        made.up()
