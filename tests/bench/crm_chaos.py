"""Chaos for a real cluster with a resource manager: ``python -m tests.bench.crm_chaos --minutes 60``.

Three or more pretended hosts run the daemon; an address with a slow companion, a clone and a promotable clone are kept.
Again and again something breaks, several things at a time: processes die or stand still, power goes, cables and single
directions are cut, frames are lost, nodes are stopped and put on standby, agents fail; and all the time the CIB is
edited from a node by chance. In between everything is mended, and then it must come together:

* one working view of all nodes, the address on one node, and the client reaches it;
* every edit that was answered "committed" is in every copy of the CIB;
* no log has a traceback.

Who has the address is read from the kernel, many times a second. Without fencing a node that is cut off or stands still
may hold it for as long as it takes to notice; every double is printed with what was broken at the time. With
``--fencing`` a switch takes a node's power before its resources start elsewhere: then there is no double at all. The
exit status is 1 when something of the list does not hold, or when there was a double that may not be.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hacluster.base.errors import HaError
from hacluster.lab.cluster import Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.cluster import Holding
from tests.lab.test_crm_cluster import ADDRESS, OPTIONS, primitive, reachable, whole
from tests.lab.test_crm_fencing import device
from tests.power import Power

TIMES = "keepalive 250ms\nwarntime 1\ndeadtime 3\ninitdead 10\n"
PROCESSES = ("pulse", "brain", "thought", "hands")
BLIND = {"cut", "cut in", "cut out", "pause", "loss", "stand still"}
"""Faults during which a node may hold what another has taken: it is not known to be dead, and nobody fences it."""

LASTING = {"cut", "cut in", "cut out", "one cable", "loss", "standby"}
"""What is still so when a node's power was taken and it has booted again."""

End = Callable[[], object]


def resources(slow: int, devices: str = "") -> str:
    """The resources section: ``srv`` takes ``slow`` seconds for each operation."""
    vip = primitive("vip", "IPaddr", ip=ADDRESS, cidr_netmask="16", nic="eth0")
    srv = primitive("srv", "Dummy", op_sleep=str(slow))
    stateful = primitive("db", "Stateful").replace('interval="1s"', 'interval="2s" role="Promoted"')
    return (
        f'<resources>{devices}<group id="web">{vip}{srv}</group><clone id="pings">{primitive("ping", "Dummy")}</clone>'
        '<clone id="dbs"><meta_attributes id="dbs-m"><nvpair id="dbs-p" name="promotable" value="true"/>'
        f"</meta_attributes>{stateful}</clone></resources>"
    )


def pids(host: Host, names: Sequence[str] = PROCESSES) -> list[str]:
    """The daemon's processes in a host."""
    return [pid for name in names for pid in host.run(["pgrep", "-x", f"ha-{name}"]).stdout.split()]


@dataclass
class Chaos:
    """One run. ``broken``: by node, what is broken there since when, and how it is mended."""

    it: Cluster
    dice: random.Random
    power: Power | None = None
    began: float = field(default_factory=time.monotonic)
    broken: dict[str, tuple[str, float, End]] = field(default_factory=dict)
    history: list[tuple[float, float, str, str]] = field(default_factory=list)
    committed: list[str] = field(default_factory=list)
    tried: int = 0
    faults: list[str] = field(default_factory=list)
    lost: str = ""

    def say(self, text: str) -> None:
        """One line with the time."""
        sys.stdout.write(f"{time.monotonic() - self.began:8.1f} {text}\n")
        sys.stdout.flush()

    def fault(self, text: str) -> None:
        """Something does not hold."""
        self.faults.append(text)
        self.say(f"FAULT {text}")

    def break_something(self) -> None:
        """One more fault, at a node that has none."""
        free = [host for host in self.it.nodes if host.name not in self.broken]
        if free:
            host = self.dice.choice(free)
            kind = self.dice.choice(sorted(KINDS))
            self.say(f"{host.name}: {kind}")
            since = time.monotonic()
            try:
                end = KINDS[kind](self, host)
            except HaError as error:
                if self.power is None:
                    raise
                self.say(f"    its power was taken meanwhile: {error}")
                kind, end = "agent", lambda: None
            self.broken[host.name] = (kind, since, end)

    def mend(self, name: str) -> None:
        """End what is broken at a node."""
        kind, since, end = self.broken[name]
        was_on = kind == "power off" or self.it.node(name).is_on
        if kind != "power off":
            del self.broken[name]
        self.revive()
        self.broken.pop(name, None)
        if was_on or kind in LASTING:
            try:
                end()
            except HaError as error:
                if self.power is None:
                    raise
                self.say(f"    {name}: its power was taken meanwhile: {error}")
        self.history.append((since, time.monotonic(), name, kind))
        self.say(f"{name}: {kind} ends")

    def revive(self) -> None:
        """Nodes whose power the cluster has taken boot and start again."""
        for host in self.it.nodes:
            if not host.is_on and host.name not in self.broken:
                self.say(f"{host.name}: was struck, boots again")
                host.boot()
                self.it.start(host)

    def together(self) -> bool:
        """One working view of all, and nothing to revive any more."""
        self.revive()
        return whole(self.it, *self.it.nodes)

    def edit(self) -> None:
        """Write one more option from a node by chance."""
        host = self.dice.choice([host for host in self.it.nodes if host.is_on] or self.it.nodes)
        self.tried += 1
        name = f"w{self.tried}"
        data = OPTIONS.replace("fencing", name).replace("stonith-enabled", name)
        try:
            self.it.edit(host, "modify", data, "crm_config")
        except HaError as error:
            self.say(f"    an edit from {host.name}: {error}")
            return
        self.committed.append(name)

    def round(self, moments: threading.Event) -> None:
        """Some faults, then everything is mended and judged."""
        for _ in range(self.dice.randint(1, 6)):
            for name in list(self.broken):
                if self.dice.random() < 0.5:
                    self.mend(name)
            self.break_something()
            self.edit()
            moments.wait(self.dice.choice([0.1, 0.5, 2, 5, 8]))
        for name in list(self.broken):
            self.mend(name)
        self.judge()

    def judge(self) -> None:
        """All is mended: it must come together."""
        try:
            wait_for(self.together, "one view of all", 120)
            wait_for(
                lambda: self.together() and len(self.holding()) == 1 and reachable(self.it),
                "the address on one node",
                90,
            )
            wait_for(self._kept, "every committed edit in every copy", 30)
        except HaError as error:
            self.fault(f"{error} {self.lost}")
        else:
            self.say(f"together: {len(self.committed)} of {self.tried} edits committed, {self.holding()} holds")
        for host in self.it.nodes:
            log = self.it.log(host)
            if (at := log.find("Traceback")) >= 0:
                self.fault(f"{host.name}: …{log[max(0, at - 300) : at + 2000]}")

    def holding(self) -> list[str]:
        """Who has the address."""
        show = ["ip", "-4", "-o", "address"]
        return [host.name for host in self.it.nodes if host.is_on and f" {ADDRESS}/" in host.run(show).stdout]

    def _kept(self) -> bool:
        for host in self.it.nodes:
            have = {pair.get("name") for pair in self.it.cib(host).iter("nvpair")}
            if lost := [name for name in self.committed if name not in have]:
                self.lost = f"{host.name} has not {lost}"
                return False
        return True

    def doubles(self, holding: Holding) -> None:
        """Every time that two had the address, and whether that may be."""
        ends = [*(when for when, _ in holding.changes[1:]), time.monotonic()]
        for (start, have), stop in zip(holding.changes, ends, strict=True):
            if len(have) < 2:
                continue
            around = [(name, kind) for a, b, name, kind in self.history if a - 1 <= start <= b + 10]
            text = f"{sorted(have)} both for {stop - start:.2f} s at {start - self.began:.1f}; {around}"
            if self.power is None and any(kind in BLIND and name in have for name, kind in around):
                self.say(text)
            else:
                self.fault(text)


def kill(chaos: Chaos, host: Host) -> End:
    """One process dies."""
    which = chaos.dice.choice(PROCESSES)
    chaos.say(f"    {which}")
    host.run(["kill", "-9", *pids(host, [which])])
    return lambda: None


def kill_supervisor(chaos: Chaos, host: Host) -> End:
    """The supervisor dies; its processes must end, and a new one is started."""
    wait_for(lambda: host.path("/run/hacluster/hacluster.pid").exists(), f"{host.name} has begun")
    host.run(["kill", "-9", host.read("/run/hacluster/hacluster.pid").strip()])

    def anew() -> None:
        wait_for(lambda: not pids(host), f"{host.name}: the processes end without their supervisor", 90)
        chaos.it.start(host)

    return anew


def stand_still(chaos: Chaos, host: Host) -> End:
    """One process stands still."""
    which = chaos.dice.choice(PROCESSES)
    chaos.say(f"    {which}")
    stopped = pids(host, [which])
    host.run(["kill", "-STOP", *stopped])
    return lambda: host.run(["kill", "-CONT", *stopped])


def pause(_: Chaos, host: Host) -> End:
    """The whole host stands still."""
    host.pause()
    return host.resume


def power_off(chaos: Chaos, host: Host) -> End:
    """Power goes and comes back."""
    host.power_off()

    def on() -> None:
        host.boot()
        chaos.it.start(host)

    return on


def cut(_: Chaos, host: Host) -> End:
    """All cables are out."""
    host.cut()
    return host.heal


def cut_in(_: Chaos, host: Host) -> End:
    """It hears nothing, and is heard."""
    host.cut(direction="in")
    return host.heal


def cut_out(_: Chaos, host: Host) -> End:
    """It is not heard."""
    host.cut(direction="out")
    return host.heal


def one_cable(chaos: Chaos, host: Host) -> End:
    """One of two networks is gone: nothing should happen."""
    host.cut(chaos.dice.choice(["eth0", "eth1"]))
    return host.heal


def loss(chaos: Chaos, host: Host) -> End:
    """Frames are lost by chance."""
    host.loss(chaos.dice.choice([10, 30, 60]))
    return host.heal


def stop(chaos: Chaos, host: Host) -> End:
    """A clean stop; the daemon must say that it stopped everything."""
    done = host.run(["hacluster", "stop"], timeout=180)
    if done.returncode:
        chaos.fault(f"{host.name}: hacluster stop: {done.returncode} {done.stdout} {done.stderr}")
    return lambda: chaos.it.start(host)


def standby(chaos: Chaos, host: Host) -> End:
    """Standby, and back as soon as the cluster takes it."""
    done = host.run(["crm_standby", "-N", host.name, "-v", "on"], timeout=90)
    chaos.say(f"    {done.returncode} {done.stderr.strip()}")
    command = ["crm_standby", "-N", host.name, "-D"]

    def online() -> None:
        wait_for(lambda: host.run(command, timeout=90).returncode == 0, f"{host.name} is taken out of standby", 120)

    return online


def agent(chaos: Chaos, host: Host) -> End:
    """What runs there fails."""
    which = chaos.dice.choice([f"ip address del {ADDRESS}/16 dev eth0", "find /run -name '*-srv.state' -delete"])
    host.run(["sh", "-c", which])
    return lambda: None


KINDS: dict[str, Callable[[Chaos, Host], End]] = {
    kind.__name__.replace("_", " "): kind
    for kind in (
        kill, kill_supervisor, stand_still, pause, power_off, cut, cut_in, cut_out, one_cable, loss, stop, standby,
        agent,
    )
}  # fmt: skip


def run(chaos: Chaos, minutes: float, slow: int) -> int:
    """The rounds; gives the exit status."""
    it = chaos.it
    it.install(TIMES)
    it.start()
    wait_for(lambda: whole(it, *it.nodes), "a view of all")
    options, devices = OPTIONS, ""
    if chaos.power is not None:
        options, devices = (
            OPTIONS.replace('value="false"', 'value="true"'),
            device("pdu", pcmk_host_list=" ".join(host.name for host in it.nodes)),
        )
    it.edit(it.nodes[0], "modify", options, "crm_config")
    it.edit(it.nodes[1], "replace", resources(slow, devices), "resources")
    wait_for(lambda: len(chaos.holding()) == 1, "the address is up")
    moments = threading.Event()
    end = time.monotonic() + minutes * 60
    with Holding(it.nodes, ADDRESS, 0.02) as holding:
        while time.monotonic() < end and len(chaos.faults) < 3:
            chaos.round(moments)
        chaos.doubles(holding)
    for strike in chaos.power.struck if chaos.power is not None else ():
        chaos.say(f"{strike.target} was struck at {strike.at - chaos.began:.1f} by {strike.by}")
    return 1 if chaos.faults else 0


def main() -> int:
    """The command."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--nodes", type=int, default=3)
    asked.add_argument("--slow", type=int, default=1, help="seconds that an operation of srv takes")
    asked.add_argument("--fencing", action="store_true", help="nodes are fenced by a switch")
    asked.add_argument("--logs", type=Path, help="a directory for the logs of the nodes")
    given = asked.parse_args()
    with cluster(given.nodes, "chaos") as it, Power(it.nodes) as power:
        chaos = Chaos(it, random.Random(given.seed), power if given.fencing else None)
        try:
            status = run(chaos, given.minutes, given.slow)
        finally:
            for host in [host for host in it.nodes if host.is_on] if given.logs else ():
                (given.logs / f"{host.name}.log").write_text(it.log(host))
        sys.stdout.write(json.dumps({"faults": chaos.faults, "committed": len(chaos.committed), "tried": chaos.tried}))
    return status


if __name__ == "__main__":
    sys.exit(main())
