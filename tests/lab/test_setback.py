"""A host that was set back to what it was: its state directory is that of an earlier day, as after a snapshot."""

from __future__ import annotations

import time

import pytest

from hacluster.lab.exercise import NODE1, NODE2
from tests.cluster import Holding, cluster
from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

STATE = "/var/lib/heartbeat"
INITDEAD_S = 10


@pytest.mark.parametrize("seal", ["on", "off"])
def test_it_comes_back_by_itself_and_takes_nothing_meanwhile(seal):
    require_lab()
    with cluster(hacluster_cf=f"seal {seal}\n") as made:
        made.up()
        host = made.two.host
        host.run(["cp", "-a", STATE, "/root/snapshot"], check=True)
        for _ in range(2):
            made.two.stop()
            made.start(made.two)
            eventually("it runs", lambda: made.two.sees(NODE1) == made.one.sees(NODE2) == "active")
        made.two.crash()
        eventually("it is dead", lambda: made.one.sees(NODE2) == "dead")
        made.two.boot()
        host.run(["sh", "-c", f"rm -rf {STATE} && cp -a /root/snapshot {STATE}"], check=True)
        since = time.monotonic()
        with Holding(made.place.nodes) as holding:
            made.start(made.two)
            eventually("it is a member again", lambda: made.one.sees(NODE2) == made.two.sees(NODE1) == "active", 60)
            print(f"a member again {time.monotonic() - since:.1f} s after its start")
            time.sleep(max(0.0, since + INITDEAD_S + 3 - time.monotonic()))
            assert holding.both_for(since) == 0, holding.changes
        assert "was set back" in made.two.log()
        made.says("local", "local")
        assert made.holders() == {NODE1}
        assert not [s for s in made.watch.samples if not s.ok and s.start > since]
