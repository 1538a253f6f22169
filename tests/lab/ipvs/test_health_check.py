"""Both health-check loops of the classic courses, and the few lines of ldirectord.cf that do the same."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from hacluster.lab.hosts import Host, Lab
from hacluster.lab.programs import Program
from tests.conftest import require_lab, skip_or_fail
from tests.lab.ipvs.conftest import why_not
from tests.lab.ipvs.scene import AGENTS, COMMAND, HERE, PYTHON
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(600)]
VIP: Final = "192.168.10.3"
WEIGHTS: Final = {"192.168.10.7": 2, "192.168.10.8": 1}
FIRST, SECOND = 80, 8080
"""Ports of the first version, in which one failure counts, and of the second, in which three do."""

FILES: Final = {
    "first.cf": "checkinterval = 5\nchecktimeout = 1\nnegotiatetimeout = 20\n",
    "second.cf": "checkinterval = 2\nchecktimeout = 1\nnegotiatetimeout = 20\nfailurecount = 3\n",
}
"""The loops limit the connect alone, and an emulated page takes its time. Three failures are in one round there."""

SECTION: Final = f"""
virtual = {VIP}:PORT
    real = 192.168.10.7:PORT gate 2
    real = 192.168.10.8:PORT gate 1
    fallback = 127.0.0.1:PORT gate
    service = http
    scheduler = wrr
"""


class Classroom:
    """A director, two real servers by direct routing and nobody else, in one network."""

    def __init__(self, lab: Lab) -> None:
        lab.add_network("net", "192.168.10.0/24")
        self.director = lab.add_host("director", {"eth0": ("net", "192.168.10.2/24", f"{VIP}/32")})
        self.servers = {a: lab.add_host(f"web{a[-1]}", {"eth0": ("net", f"{a}/24")}) for a in WEIGHTS}
        self._pages: dict[str, Program] = {}
        for address, host in self.servers.items():
            host.run([str(AGENTS / "lvs-realserver"), "start"], env={"OCF_RESKEY_ip": VIP}, check=True)
            self.begin(address)
        self._page(self.director)

    @staticmethod
    def _page(host: Host) -> Program:
        argv = [*PYTHON, str(HERE / "page.py"), host.name, str(FIRST), str(SECOND)]
        page = host.spawn(argv, stdout=subprocess.PIPE)
        assert page.stdout is not None
        assert page.stdout.readline() == b"ready\n"
        return page

    def begin(self, address: str) -> None:
        self._pages[address] = self._page(self.servers[address])

    def end(self, address: str) -> None:
        page = self._pages.pop(address)
        page.kill()
        page.wait()
        page.close()

    def await_weights(self, wanted: dict[str, int]) -> None:
        """Until both services have these servers, with these weights."""

        def found() -> list[dict[str, int]]:
            rules = self.director.run(["ipvsadm", "-S", "-n"], check=True).stdout
            lines = [
                re.findall(rf"-a -t {VIP}:{port} -r ([0-9.]+):{port} -g -w (\d+)", rules) for port in (FIRST, SECOND)
            ]
            return [{address: int(weight) for address, weight in one} for one in lines]

        eventually(f"{wanted} in both services", lambda: found() == [wanted, wanted], 90)

    def exercise(self) -> None:
        """One server goes and comes, then both."""
        self.await_weights(WEIGHTS)
        self.end("192.168.10.8")
        self.await_weights({"192.168.10.7": 2})
        self.end("192.168.10.7")
        self.await_weights({"127.0.0.1": 1})
        self.begin("192.168.10.7")
        self.begin("192.168.10.8")
        self.await_weights(WEIGHTS)


@pytest.fixture
def classroom() -> Iterator[Classroom]:
    require_lab()
    skip_or_fail(why_not())
    with Lab("classroom") as lab:
        yield Classroom(lab)


def test_the_classic_loops_and_then_a_few_lines(classroom: Classroom) -> None:
    """Ours finds the table as the loops have left it, and goes on without a gap."""
    director = classroom.director
    services = "".join(f"-A -t {VIP}:{port} -s wrr\n" for port in (FIRST, SECOND))
    director.run(["ipvsadm", "-R"], text=services, check=True)
    words = [f"{address}={weight}" for address, weight in WEIGHTS.items()]
    loops = [
        director.spawn([*PYTHON, str(HERE / "health_loop.py"), VIP, str(port), str(tries), f"/var/log/{port}", *words])
        for port, tries in ((FIRST, 1), (SECOND, 3))
    ]
    classroom.exercise()
    for loop in loops:
        loop.kill()
        loop.wait()
        loop.close()
    for port in (FIRST, SECOND):
        said = [" ".join(line.split()[-3:]) for line in director.read(f"/var/log/{port}").splitlines()]
        assert said[:2] == ["192.168.10.7 is back.", "192.168.10.8 is back."]
        assert said[2:4] == ["192.168.10.8 is gone.", "192.168.10.7 is gone."]

    for (file, head), port in zip(FILES.items(), (FIRST, SECOND), strict=True):
        text = head + f'quiescent = no\nlogfile = "/var/log/{file}"\n' + SECTION.replace("PORT", str(port))
        director.write(f"/etc/ha.d/{file}", text)
        director.run([COMMAND, file, "start"], check=True, timeout=300)
    classroom.exercise()
    first, second = (director.read(f"/var/log/{file}") for file in FILES)
    assert "Deleted real server: 192.168.10.8:80" in first
    assert "Soft failure" not in first
    failures = second.partition("Deleted real server: 192.168.10.8:8080")[0]
    assert failures.count("Soft failure real server: 192.168.10.8:8080") == 2
    for file in FILES:
        director.run([COMMAND, file, "stop"], check=True, timeout=300)
    assert director.run(["ipvsadm", "-S", "-n"]).stdout == ""
