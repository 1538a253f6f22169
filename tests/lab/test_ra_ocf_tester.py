"""Our agents under ocf-tester of resource-agents, where that is installed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Lab
from tests.conftest import require_lab, skip_or_fail

pytestmark = pytest.mark.lab
RA = Path(__file__).parents[2] / "ra/ocf/hacluster"
# The tester knows version 1.0 of the meta-data; Pacemaker's own agents of version 1.1 do not conform to that either.
DTD_OF_1_0 = "Your agent produces meta-data which does not conform to ra-api-1.dtd"
AGENTS: dict[str, dict[str, str]] = {
    "Dummy": {},
    "Stateful": {},
    "IPaddr": {"ip": "172.16.100.1"},
    "Filesystem": {"device": "none", "directory": "/srv/lab", "fstype": "tmpfs"},
    "webserver": {"port": "8080"},
    "lvs-director": {"ip": "172.16.100.1"},
    "lvs-realserver": {"ip": "172.16.100.1"},
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    if shutil.which("ocf-tester", path="/usr/sbin:/sbin:/usr/bin") is None:
        skip_or_fail("ocf-tester is missing (Debian: apt install resource-agents)")
    with Lab("tester") as made:
        made.add_network("net0", "172.16.0.0/16")
        made.add_host("one", {"eth0": ("net0", "172.16.100.6/16")})
        yield made


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_it_passes(lab: Lab, name: str) -> None:
    options = [word for key, value in AGENTS[name].items() for word in ("-o", f"{key}={value}")]
    done = lab.hosts["one"].run(["ocf-tester", "-v", "-n", "trial", *options, str(RA / name)], timeout=60)
    complaints = [line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith("* rc=")]
    assert complaints == [DTD_OF_1_0], done.stdout + done.stderr
    assert "Testing: stopping a stopped resource" in done.stdout
