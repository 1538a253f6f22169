"""Two directors, each a machine of its own; the power of the one that works is cut."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hacluster.lab.exercise import random_authkeys
from hacluster.lab.hosts import Lab
from hacluster.lab.watch import Watch
from tests.conftest import require_lab, require_root, skip_or_fail
from tests.lab.ipvs.scene import AGENTS, VIP
from tests.lab.ipvs.talking import Talker, serve
from tests.lab.vm.machine import Machine, MachineError, missing
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.machines, pytest.mark.timeout(900)]
NODES = {"node1.name": "172.16.100.6", "node2.name": "172.16.100.5"}
DEADTIME_S = 6
HACLUSTER = str(Path(sys.executable).with_name("hacluster"))
SET_UP = f"""
set -e
ip address add $ADDRESS/16 broadcast + dev eth0
ip address add 10.9.0.$NUMBER/24 broadcast + dev eth1
ip link set eth0 up
ip link set eth1 up
rm -rf /var/lib/heartbeat/* /etc/ha.d
mkdir -p /etc/ha.d
printf '%s' "$AUTHKEYS" > /etc/ha.d/authkeys
chmod 600 /etc/ha.d/authkeys
cat > /etc/ha.d/ha.cf <<END
node node1.name
node node2.name
bcast eth1
keepalive 500ms
warntime 4
deadtime {DEADTIME_S}
initdead 30
auto_failback off
logfile /var/log/ha-log
END
cat > /etc/ha.d/hacluster.cf <<END
start_timeout 300
stop_timeout 300
status_timeout 300
END
cat > /etc/ha.d/haresources <<END
node1.name ldirectord::ldirectord.cf lvs-director::{VIP}/16/eth0::eth1::7
END
cat > /etc/ha.d/ldirectord.cf <<END
checkinterval = 1
checktimeout = 5
quiescent = no
logfile = "/var/log/ldirectord.log"
virtual = {VIP}:80
    real = 172.16.100.7:80 gate 1
    real = 172.16.100.8:80 gate 1
    scheduler = rr
    checktype = connect
END
mkdir /etc/ha.d/resource.d
ln -s {AGENTS.parents[1]}/heartbeat/ldirectord /etc/ha.d/resource.d/
ipvsadm --start-daemon backup --mcast-interface eth1 --syncid 7
setsid {HACLUSTER} run < /dev/null > /var/log/hacluster.log 2>&1 &
"""


EXPLAIN = """
tail -n 40 /var/log/ha-log /var/log/hacluster.log
tail -n 5 /var/log/ldirectord.log
ip -o -4 address
ipvsadm -L -n
uptime
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    require_root()
    require_lab()
    skip_or_fail(missing())
    with Lab("pair") as made:
        made.add_network("out", "172.16.0.0/16")
        made.add_network("between", "10.9.0.0/24")
        yield made


@pytest.fixture
def machines(lab: Lab) -> Iterator[dict[str, Machine]]:
    made: dict[str, Machine] = {}
    with ThreadPoolExecutor(2) as pool:
        futures = {name: pool.submit(Machine, name, lab, ["out", "between"]) for name in NODES}
        made = {name: future.result() for name, future in futures.items()}
    yield made
    for machine in made.values():
        machine.close()


@contextmanager
def explained(machines: dict[str, Machine]) -> Iterator[None]:
    """What the machines that still run have to say, when something fails."""
    try:
        yield
    except BaseException:
        for machine in machines.values():
            with suppress(MachineError):
                print(f"---- {machine.name}\n{machine.run(['sh'], text=EXPLAIN).out}")
        raise


def test_power_cut(lab: Lab, machines: dict[str, Machine]) -> None:
    """The client goes on, and a connection that was there goes on with the same server."""
    client = lab.add_host("client", {"eth0": ("out", "172.16.100.9/16")})
    for server, address in (("dr1", "172.16.100.7"), ("dr2", "172.16.100.8")):
        serve(lab.add_host(server, {"eth0": ("out", f"{address}/16")}), VIP)
    authkeys = random_authkeys()
    with ThreadPoolExecutor(2) as pool:

        def begin(number: int, name: str, address: str) -> None:
            environment = {"ADDRESS": address, "NUMBER": str(number), "AUTHKEYS": authkeys}
            machines[name].run(["sh"], text=SET_UP, env=environment, check=True)

        for future in [pool.submit(begin, number, *node) for number, node in enumerate(NODES.items(), start=1)]:
            future.result()
    one, two = machines.values()
    begun = time.monotonic()
    with explained(machines), Watch(client, f"http://{VIP}/", interval_ms=100, timeout_ms=2000) as watch:

        def serves() -> bool:
            return [sample.ok for sample in watch.samples[-5:]] == [True] * 5

        eventually("the service", serves, within=300)
        first_s = time.monotonic() - begun
        assert f" {VIP}/16 " in one.run(["ip", "-o", "address"]).out
        talker = Talker(client, VIP)
        before = talker.ask()

        def told() -> bool:
            # The first message about it is sent at its third packet, another one at each fiftieth after that.
            assert talker.ask() == before
            return talker.is_known(two.run(["ipvsadm", "-L", "-n", "-c"], check=True).out)

        eventually("the other director knows of the connection", told)
        cut = time.monotonic()
        one.cut()
        eventually("the power cut is felt", lambda: not watch.samples[-1].ok)
        eventually("the other director serves", serves, within=300)
        assert talker.ask() == before, "the connection goes on with the same server"
        assert f" {VIP}/16 " in two.run(["ip", "-o", "address"]).out
        (outage,) = [outage for outage in watch.missed(cut) if outage.failed]
        print(f"outage {outage.seconds:.1f} s with deadtime {DEADTIME_S} s, first start {first_s:.1f} s")
        assert outage.seconds < DEADTIME_S + first_s, "what a takeover does is less than what the first start did"
