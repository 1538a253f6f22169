"""``stonith_host`` lines: a real pair, a switch that pulls the plug, and who has the address when."""

from __future__ import annotations

import time

import pytest

from tests.cluster import PATIENT, Cluster, Holding, cluster
from tests.conftest import require_lab
from tests.power import NAME, Power
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def lines(made: Cluster) -> None:
    """The device knows both hosts by their names; in a cut the first is struck first."""
    for node in made.nodes:
        text = node.host.read("/etc/ha.d/ha.cf")
        for other, delay in ((made.one, 0), (made.two, 20)):
            more = f"pcmk_host_list={other.name} pcmk_delay_base={delay}s"
            text += f"stonith_host * {NAME} plug={other.name} {more}\n"
        node.host.write("/etc/ha.d/ha.cf", text)


@pytest.mark.parametrize("fault", ["cut", "pause", "power"])
def test_the_holder_is_reset_before_its_address_is_taken(fault: str) -> None:
    require_lab()
    with cluster(ha_cf=PATIENT) as made, Power([node.host for node in made.nodes]) as power:
        lines(made)
        made.up()
        with Holding([node.host for node in made.nodes]) as holding:
            began = time.monotonic()
            if fault == "cut":
                made.one.host.cut()
            elif fault == "pause":
                made.one.host.pause()
            else:
                power.pull(made.one.host)
            eventually("a strike", lambda: power.struck)
            made.watch.wait_answer(made.two.name, since=time.monotonic(), timeout=60)
            assert holding.both_for(began) == 0
        assert [strike.target for strike in power.struck] == [made.one.name]
        log = made.two.log()
        assert log.index("is certainly down") < log.index(f"because {made.one.name} is dead and was fenced")
        assert not made.one.host.is_on
