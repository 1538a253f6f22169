"""Two nodes and an arbitrator outside: a cut leaves exactly one of them with quorum."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hacluster.lab.cluster import Cluster, cluster, wait_for
from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab
from tests.lab.test_crm_cluster import OPTIONS, RESOURCES, holders, settled

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

STATE = "/var/lib/hacluster-arbitrator/cluster"


@pytest.fixture(autouse=True)
def _laboratory() -> None:
    require_lab()


def third(it: Cluster) -> Host:
    assert it.arbiter is not None
    return it.arbiter


def seat(it: Cluster) -> dict[str, Any]:
    """Where the arbitrator stands in this cluster; nothing while it does not say."""
    done = third(it).run(["hacluster", "arbitrator", "--status", "--output-as", "json"])
    return (json.loads(done.stdout)["clusters"].get("cluster") if done.returncode == 0 else None) or {}


def whole(it: Cluster) -> bool:
    """One working view of both nodes and the arbitrator."""
    names = ("arbiter", "n1", "n2")
    views = [it.view(host) for host in it.nodes]
    return views[0] == views[1] and views[0].members == names and views[0].synced and seat(it).get("working") is True


def votes(it: Cluster, *names: str) -> bool:
    """The arbitrator is in a working view with these alone."""
    return seat(it).get("members") == sorted([*names, "arbiter"]) and seat(it)["working"]


def begin(it: Cluster) -> None:
    third(it).spawn(["hacluster", "arbitrator"])


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    with cluster(2, arbiter=True) as it:
        it.install()
        it.start()
        begin(it)
        wait_for(lambda: whole(it), "a view of both nodes and the arbitrator")
        it.edit(it.nodes[0], "modify", OPTIONS, "crm_config")
        it.edit(it.nodes[1], "replace", RESOURCES, "resources")
        settled(it)
        yield it


def cut_apart(it: Cluster) -> Host:
    """The two nodes no longer hear each other, both hear the arbitrator: who has quorum then."""
    first, second = it.nodes
    for network in ("eth0", "eth1"):
        first.cut(network, peer=second)
    wait_for(lambda: votes(it, "n1") or votes(it, "n2"), "the arbitrator votes with one of the two")
    winner = it.node(next(name for name in seat(it)["members"] if name != "arbiter"))
    loser = first if winner is second else second
    wait_for(lambda: it.view(loser).members == (loser.name,), "the other one is alone")
    assert not it.view(loser).quorate
    wait_for(lambda: holders(it) == [winner.name], "who has quorum has the address, and nobody else")
    text = winner.run(["hacluster", "status"]).stdout
    assert f"2 of 3 votes (arbiter as witness, {winner.name}), 2 needed" in text
    assert f"Missing votes: {loser.name} (1)" in text
    return winner


def lose_power(it: Cluster, winner: Host) -> None:
    """The arbitrator dies and comes back while the nodes are cut apart."""
    third(it).power_off()
    wait_for(lambda: not it.view(winner).quorate, "without the arbitrator neither has quorum")
    wait_for(lambda: holders(it) == [], "and so nobody has the address")
    third(it).boot()
    promise = json.loads(third(it).read(f"{STATE}/ccm-promise"))["promise"][0]
    begin(it)
    wait_for(lambda: votes(it, "n1") or votes(it, "n2"), "it is back, and votes with one of them")
    assert seat(it)["promise"] > promise, "what it promised before its power went still binds it"
    wait_for(lambda: len(holders(it)) == 1, "one of the two has the address again")
    it.nodes[0].heal()
    wait_for(lambda: whole(it), "a view of all three again")


def leave(it: Cluster) -> None:
    """A clean stop of the arbitrator costs nobody anything."""
    holder = settled(it)
    done = third(it).run(["hacluster", "stop", "--run-dir", "/run/hacluster-arbitrator"], timeout=30)
    assert done.returncode == 0, done.stderr
    for host in it.nodes:
        wait_for(lambda host=host: it.view(host).members == ("n1", "n2"), "the two know that it has left")
        assert it.view(host).quorate
    assert settled(it) == holder, "nothing moves for it"
    begin(it)
    wait_for(lambda: whole(it), "a view of all three again")


def node_dies(it: Cluster) -> None:
    """Of two nodes the one that is left goes on, although nobody can fence the other."""
    holder = it.node(settled(it))
    holder.power_off()
    other = it.node(settled(it, holder.name))
    assert "2 of 3 votes" in other.run(["hacluster", "status"]).stdout
    assert "arbiter" not in other.run(["crm_node", "-l"]).stdout, "it is no node that resources could run on"
    assert "arbiter" not in other.run(["crm_mon", "-1"]).stdout


def test_two_nodes_and_an_arbitrator():
    with running() as it:
        winner = cut_apart(it)
        lose_power(it, winner)
        leave(it)
        node_dies(it)


def files(port: int, key: str) -> dict[str, tuple[str, int]]:
    ha = f"udpport {port}\nnode a b w\nucast lo 127.0.0.1\ncrm respawn\nlogfile /var/log/log.{port}\n"
    keys = f"auth 1\n1 sha1 {key}\n"
    return {"ha.cf": (ha, 0o644), "authkeys": (keys, 0o600), "hacluster.cf": ("witness w\n", 0o644)}


def test_several_clusters_on_one():
    with Lab("seats") as lab:
        lab.add_network("lan", "172.16.0.0/16")
        host = lab.add_host("third", {"eth0": ("lan", "172.16.0.1/16")})

        def put(name: str, port: int, key: str) -> None:
            for file, (text, mode) in files(port, key).items():
                host.write(f"/etc/ha.d/arbitrator/{name}/{file}", text, mode)

        def seats() -> list[str]:
            done = host.run(["hacluster", "arbitrator", "--status", "--output-as", "json"])
            return sorted(json.loads(done.stdout)["clusters"]) if done.returncode == 0 else []

        def reload() -> tuple[int, str]:
            done = host.run(["hacluster", "reload", "--run-dir", "/run/hacluster-arbitrator"])
            return done.returncode, done.stdout + done.stderr

        put("shop", 6941, "1" * 40)
        put("mail", 6941, "2" * 40)
        done = host.run(["hacluster", "arbitrator"])
        assert done.returncode == 6
        assert "/etc/ha.d/arbitrator/shop/ha.cf (udpport): " in done.stderr
        assert "UDP port 6941 is that of cluster 'mail' already" in done.stderr
        put("mail", 6942, "2" * 40)
        done = host.run(["hacluster", "arbitrator", "--check"])
        assert done.returncode == 0, done.stdout
        assert "/etc/ha.d/arbitrator/mail: votes as w" in done.stdout

        process = host.spawn(["hacluster", "arbitrator"])
        wait_for(lambda: seats() == ["mail", "shop"], "both seats are taken")
        put("mail", 6942, "3" * 40)
        assert reload() == (0, "hacluster: authkeys was read again\n")
        put("news", 6943, "4" * 40)
        host.run(["rm", "-r", "/etc/ha.d/arbitrator/shop"], check=True)
        code, text = reload()
        assert code == 0
        assert "given up: shop" in text
        assert "new: news" in text
        wait_for(lambda: seats() == ["mail", "news"], "one was given up, one is new")
        host.write("/etc/ha.d/arbitrator/news/hacluster.cf", "seal offer\n")
        code, text = reload()
        assert code == 6
        assert "no witness is named" in text
        assert "crm-unsealed" in text or "does not go with crm" in text, "all faults at once"
        assert seats() == ["mail", "news"]
        host.run(["hacluster", "stop", "--run-dir", "/run/hacluster-arbitrator"], check=True, timeout=30)
        assert process.wait(10) == 0
        assert "mail/" in host.read("/var/log/log.6942")
