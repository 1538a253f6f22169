"""The agent lvs-director and the sync daemon: connections are known to the other director before it has to serve."""

import re

import pytest

from tests.lab.ipvs.scene import ADDRESSES, VIP, Scene
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(600)]
OTHER_VIP = "172.16.100.3"


def daemons(scene: Scene) -> list[str]:
    return re.findall(r"(master|backup) sync daemon", scene.ipvsadm("-L", "--daemon"))


def test_the_agent_starts_and_stops_the_master_and_nothing_else(scene: Scene) -> None:
    director = scene.director
    wanted = {"ip": OTHER_VIP, "cidr_netmask": "16", "nic": "eth0", "sync_interface": "eth1", "sync_id": "7"}
    scene.ipvsadm("--start-daemon", "backup", "--mcast-interface", "eth1", "--syncid", "7")
    assert scene.agent(director, "lvs-director", "start", **wanted) == 0
    assert scene.agent(director, "lvs-director", "start", **wanted) == 0
    assert sorted(daemons(scene)) == ["backup", "master"]
    assert scene.agent(director, "lvs-director", "monitor", **wanted) == 0
    scene.ipvsadm("--stop-daemon", "master")
    assert scene.agent(director, "lvs-director", "monitor", **wanted) == 1
    assert scene.agent(director, "lvs-director", "start", **wanted) == 0
    assert scene.agent(director, "lvs-director", "start", **wanted | {"sync_id": "8"}) == 1
    assert scene.agent(director, "lvs-director", "stop", **wanted) == 0
    assert daemons(scene) == ["backup"]
    scene.ipvsadm("--stop-daemon", "backup")
    assert scene.agent(director, "lvs-director", "monitor", **wanted) == 7


def test_a_connection_is_known_to_the_other_director(scene: Scene) -> None:
    """A second director in the same network receives what the first one's agent sends."""
    if "other" not in scene.director.lab.hosts:
        scene.director.lab.add_host("other", {"eth0": ("out", "172.16.100.4/16")})
    other = scene.director.lab.hosts["other"]
    other.run(["ipvsadm", "--start-daemon", "backup", "--mcast-interface", "eth0", "--syncid", "9"], check=True)
    wanted = {"ip": OTHER_VIP, "cidr_netmask": "16", "nic": "eth0", "sync_interface": "eth0", "sync_id": "9"}
    assert scene.agent(scene.director, "lvs-director", "start", **wanted) == 0
    scene.classic(f"-A -t {VIP}:80 -s rr", f"-a -t {VIP}:80 -r {ADDRESSES['dr1']} -g")

    def told() -> bool:
        assert scene.share(2) == [2, 0, 0]
        return f"{VIP}:80" in other.run(["ipvsadm", "-L", "-n", "-c"]).stdout

    eventually("the other one knows of it", told)
    assert scene.agent(scene.director, "lvs-director", "stop", **wanted) == 0
    other.run(["ipvsadm", "--stop-daemon", "backup"], check=True)
