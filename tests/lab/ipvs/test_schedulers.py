"""Who gets which connection: each scheduler against its definition, each way of forwarding, in the kernel itself."""

import sys

import pytest

from tests.lab.ipvs.scene import ADDRESSES, METHODS, SWITCH, VIP, Scene

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(600)]
WEIGHTS = (1, 2, 3)
OURS = "import sys; from hacluster.lvs.rules import *; print(render(parse_rules(sys.argv[1])[0]), end='')"


def service(scene: Scene, scheduler: str, method: str = "dr", *options: str) -> None:
    lines = [f"-A -t {VIP}:80 -s {scheduler} {' '.join(options)}"]
    for number, weight in enumerate(WEIGHTS, start=1):
        lines.append(f"-a -t {VIP}:80 -r {ADDRESSES[f'{method}{number}']}:80 {SWITCH[method]} -w {weight}")
    scene.classic(*lines)


def expected(scheduler: str, count: int) -> list[int]:
    """How ``count`` connections that stay are shared, by the definitions in ipvsadm(8); a tie goes to either."""
    active = [0, 0, 0]

    def cost(number: int) -> float:
        weight = WEIGHTS[number]
        return {
            "lc": active[number],
            "wlc": active[number] / weight,
            "sed": (active[number] + 1) / weight,
            "nq": -1 if not active[number] else (active[number] + 1) / weight,
        }[scheduler]

    for _ in range(count):
        active[min(range(3), key=cost)] += 1
    return active


def test_wrr_gives_a_sixth_two_sixths_and_three_sixths_in_each_way_of_forwarding(scene: Scene) -> None:
    for method in METHODS:
        service(scene, "wrr", method)
        assert scene.share(12) == [2, 4, 6], method
        scene.ipvsadm("-C")


def test_rr_gives_each_the_same(scene: Scene) -> None:
    service(scene, "rr")
    assert scene.share(12) == [4, 4, 4]


def test_those_that_count_connections(scene: Scene) -> None:
    for scheduler in ("lc", "wlc", "sed", "nq"):
        service(scene, scheduler)
        assert scene.share(18, hold=True) == expected(scheduler, 18), scheduler
        scene.ipvsadm("-C")


def test_sh_and_mh_keep_a_source_and_share_the_sources(scene: Scene) -> None:
    sources = [f"172.16.100.9{n}" for n in range(1, 7)]
    for scheduler in ("sh", "mh"):
        service(scene, scheduler)
        said = scene.ask(18, sources=sources)
        assert said[:6] == said[6:12] == said[12:]
        assert len(set(said)) > 1, scheduler
        scene.ipvsadm("-C")


def test_dh_lblc_and_lblcr_keep_a_destination(scene: Scene) -> None:
    for scheduler in ("dh", "lblc", "lblcr"):
        service(scene, scheduler)
        assert len(set(scene.ask(6))) == 1, scheduler
        scene.ipvsadm("-C")


def test_fo_takes_the_heaviest_and_ovf_the_next_when_that_is_full(scene: Scene) -> None:
    service(scene, "fo")
    assert scene.share(6) == [0, 0, 6]
    scene.ipvsadm("-C")
    service(scene, "ovf")
    assert scene.share(9, hold=True) == [2, 3, 4], "a server is full when more than its weight is active there"


def test_what_is_saved_comes_back_byte_for_byte(scene: Scene) -> None:
    scene.classic(
        f"-A -t {VIP}:80 -s wrr",
        f"-a -t {VIP}:80 -r 192.168.10.8:80 -m -w 3",
        f"-a -t {VIP}:80 -r 192.168.10.9:80 -m -w 1",
        f"-A -u {VIP}:53 -s rr -o",
        f"-a -u {VIP}:53 -r 172.16.100.7:53 -g -w 1",
        "-A -f 8 -s sh -p 300 -M 255.255.255.0 -b sh-fallback,sh-port",
        "-a -f 8 -r 10.20.0.7:0 -i -w 2",
        "-A -t [fd00::1]:443 -s wlc -p 120",
        "-a -t [fd00::1]:443 -r [fd00::7]:443 -g -w 5",
    )
    saved = scene.rules()
    scene.ipvsadm("-C")
    assert scene.rules() == ""
    scene.director.run(["ipvsadm", "-R"], text=saved, check=True)
    assert scene.rules() == saved
    again = scene.director.run([sys.executable, "-c", OURS, saved], check=True).stdout
    scene.ipvsadm("-C")
    scene.director.run(["ipvsadm", "-R"], text=again, check=True)
    assert scene.rules() == saved, "our reading and writing of it loses nothing"
