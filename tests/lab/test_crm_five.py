"""Five real nodes: links that flap, a minority that is lost, and all of it in one view again."""

from __future__ import annotations

import time

import pytest

from hacluster.lab.cluster import Cluster, cluster, wait_for
from tests.conftest import require_lab
from tests.lab.test_crm_cluster import OPTIONS, RESOURCES, holders, settled, whole

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def view_ids(it: Cluster) -> int:
    """How many views the first node has been in."""
    return it.log(it.nodes[0]).count(" is in view ")


def test_five_nodes_with_flapping_links_and_a_lost_minority():
    require_lab()
    with cluster(5, "five") as it:
        it.install()
        it.start()
        wait_for(lambda: whole(it, *it.nodes), "a view of all five")
        it.edit(it.nodes[0], "modify", OPTIONS, "crm_config")
        it.edit(it.nodes[1], "replace", RESOURCES, "resources")
        holder = it.node(settled(it))
        before = view_ids(it)

        # One of two links at a time, on the holder and on another node: nobody notices but the log.
        other = next(host for host in it.nodes if host is not holder)
        for _ in range(3):
            for interface in ("eth0", "eth1"):
                for host in (holder, other):
                    host.cut(interface)
                time.sleep(0.3)
                for host in (holder, other):
                    host.heal()
                time.sleep(0.3)
        assert view_ids(it) == before, "a link that flaps beside one that holds is no change"
        assert settled(it) == holder.name

        # Both links of the holder are gone for longer than deadtime: it is left out, and comes back.
        holder.cut()
        rest = [host for host in it.nodes if host is not holder]
        wait_for(lambda: whole(it, *rest), "a view of the other four")
        holder.heal()
        wait_for(lambda: whole(it, *it.nodes), "a view of all five again")
        holder = it.node(settled(it))

        # Two of five are lost, the holder among them; three are a majority, two are not.
        others = [host for host in it.nodes if host is not holder]
        for host in (holder, others[0]):
            host.power_off()
        wait_for(lambda: whole(it, *others[1:]), "a view of the three that are left")
        third = it.node(settled(it, holder.name, others[0].name))
        last = next(host for host in others[1:] if host is not third)
        last.power_off()
        wait_for(lambda: holders(it) == [], "two of five have no quorum, and run nothing")
