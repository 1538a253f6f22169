"""From a fault to the address elsewhere, with fencing: hacluster beside Debian's Pacemaker over corosync, in one run.

    python -m tests.bench.fencing [--runs N] [--ms DEADTIME] [--json FILE]

Both are three nodes in the laboratory, with the same switch (``tests/power.py``), the same agent (``IPaddr2`` of
resource-agents) and the same time after which a silent node is lost: ``deadtime`` here, ``token`` there (corosync then
needs as long again for its consensus). Times are read from outside: when the switch was thrown, and when the kernel of
another node had the address. *detect* is fault → strike, *start* strike → address.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from hacluster.lab.cluster import VIP, Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.cluster import Holding
from tests.power import NAME, Power

FAULTS = ("power", "cut")
IDENT = "cib-bootstrap-options"
OPTIONS = (
    f'<crm_config><cluster_property_set id="{IDENT}"><nvpair id="o-s" name="stonith-enabled" value="true"/>'
    '<nvpair id="o-a" name="stonith-action" value="off"/></cluster_property_set></crm_config>'
)
DEFAULTS = (
    '<rsc_defaults><meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="100"/>'
    "</meta_attributes></rsc_defaults>"
)
RESOURCES = (
    f'<resources><primitive id="pdu" class="stonith" type="{NAME}"><instance_attributes id="pdu-p">'
    '<nvpair id="pdu-h" name="pcmk_host_list" value="n1 n2 n3"/></instance_attributes></primitive>'
    '<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="vip-p">'
    f'<nvpair id="vip-i" name="ip" value="{VIP}"/><nvpair id="vip-m" name="cidr_netmask" value="16"/>'
    '<nvpair id="vip-n" name="nic" value="eth0"/></instance_attributes><operations>'
    '<op id="vip-o" name="monitor" interval="10s" timeout="20s"/></operations></primitive></resources>'
)


@dataclass
class Figures:
    """Seconds of each fault: (fault → strike, strike → address)."""

    runs: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {fault: [] for fault in FAULTS})


class Ours:
    """hacluster."""

    name = "hacluster"

    def __init__(self, it: Cluster, ms: int) -> None:
        self.it = it
        it.install(f"keepalive {max(20, ms // 10)}ms\ndeadtime {ms}ms\ninitdead 10\n")

    def start(self, host: Host) -> None:
        self.it.start(host)

    def tool(self, host: Host, *words: str) -> str:
        return host.run(list(words), timeout=60).stdout


class Theirs(Ours):
    """Pacemaker."""

    name = "pacemaker"

    def __init__(self, it: Cluster, ms: int) -> None:
        self.it = it
        nodes = "".join(
            f"  node {{\n    name: {host.name}\n    nodeid: {number}\n    ring0_addr: 172.16.0.{number}\n  }}\n"
            for number, host in enumerate(it.nodes, start=1)
        )
        conf = (
            f"totem {{\n  version: 2\n  cluster_name: lab\n  transport: knet\n  crypto_cipher: aes256\n"
            f"  crypto_hash: sha256\n  token: {ms}\n  token_coefficient: 0\n}}\nnodelist {{\n{nodes}}}\n"
            "quorum {\n  provider: corosync_votequorum\n}\n"
            "logging {\n  to_stderr: no\n  to_syslog: no\n  to_logfile: yes\n  logfile: /var/log/corosync.log\n}\n"
        )
        key = os.urandom(128)
        for host in it.nodes:
            host.write("/etc/corosync/corosync.conf", conf)
            host.write("/etc/corosync/authkey", key, 0o400)
            host.run(["sh", "-c", "rm -f /var/lib/pacemaker/cib/* /var/lib/pacemaker/pengine/* /var/lib/corosync/*"])

    def start(self, host: Host) -> None:
        host.spawn(["corosync", "-f"])
        ready = "corosync-cmapctl -g runtime.votequorum.this_node_id >/dev/null 2>&1"
        host.spawn(["sh", "-c", f"until {ready}; do sleep 0.02; done; PCMK_logfile=/var/log/pcmk exec pacemakerd -f"])

    def tool(self, host: Host, *words: str) -> str:
        return host.run([f"/usr/sbin/{words[0]}", *words[1:]], timeout=60).stdout


def online(made: Ours, host: Host) -> set[str]:
    """The nodes that are online, as a tool at a node says, where there is a DC."""
    with contextlib.suppress(etree.XMLSyntaxError):
        tree = etree.fromstring(made.tool(host, "crm_mon", "-1", "--output-as=xml").encode())
        if tree.find("summary/current_dc[@present='true']") is not None:
            nodes = tree.iterfind("nodes/node[@online='true']")
            return {str(node.get("name")) for node in nodes if node.get("pending") == "false"}
    return set()


def settled(made: Ours) -> None:
    """All are there, and the DC has nothing to do."""
    everybody = {host.name for host in made.it.nodes}
    host = made.it.nodes[0]
    wait_for(lambda: online(made, host) == everybody, "all are online", 180)
    wait_for(lambda: "S_IDLE" in made.tool(host, "crmadmin", "-S", dc(made, host)), "the DC is idle", 180)


def dc(made: Ours, host: Host) -> str:
    """The DC's name."""
    return made.tool(host, "crmadmin", "-D").rpartition(": ")[2].strip() or host.name


@contextlib.contextmanager
def running(kind: type[Ours], ms: int) -> Iterator[tuple[Ours, Power, Holding]]:
    """Three nodes of one kind with the address."""
    with cluster(3, f"bench-{kind.name}") as it, Power(it.nodes) as power:
        made = kind(it, ms)
        for host in it.nodes:
            made.start(host)
        everybody = {host.name for host in it.nodes}
        wait_for(lambda: online(made, it.nodes[0]) == everybody, "all are online", 180)
        for scope, how, text in (("crm_config", "-M", OPTIONS), ("rsc_defaults", "-M", DEFAULTS)):
            made.tool(it.nodes[0], "cibadmin", how, "-c", "-o", scope, "-X", text)
        made.tool(it.nodes[0], "cibadmin", "-R", "-o", "resources", "-X", RESOURCES)
        with Holding(it.nodes, VIP) as holding:
            wait_for(lambda: len(holding.holders) == 1, "the address", 120)
            yield made, power, holding


def one(made: Ours, power: Power, holding: Holding, fault: str) -> tuple[float, float]:
    """One fault, and the way back."""
    settled(made)
    time.sleep(1)
    victim = made.it.node(next(iter(holding.holders)))
    began = time.monotonic()
    if fault == "power":
        victim.power_off()
    else:
        victim.cut()
    wait_for(lambda: holding.holders and victim.name not in holding.holders, "the address elsewhere", 120)
    struck = next(strike.at for strike in power.struck if strike.at >= began and strike.target == victim.name)
    there = next(when for when, have in holding.changes if when > began and have - {victim.name})
    assert holding.both_for(began) == 0, "both had the address"
    victim.heal()
    victim.boot()
    made.start(victim)
    return struck - began, there - struck


def measure(kind: type[Ours], ms: int, runs: int, note: Callable[[str], None]) -> Figures:
    """``runs`` of each fault."""
    figures = Figures()
    with running(kind, ms) as (made, power, holding):
        for _ in range(runs):
            for fault in FAULTS:
                found = one(made, power, holding, fault)
                figures.runs[fault].append(found)
                note(f"{kind.name} {fault}: {found[0]:.2f} + {found[1]:.2f} s")
    return figures


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="outage with fencing against Pacemaker")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ms", type=int, default=1_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not Path("/usr/sbin/pacemakerd").exists():
        raise SystemExit("fencing: Debian's package pacemaker is not installed: there is nothing to compare with")
    found = {
        kind.name: measure(kind, arguments.ms, arguments.runs, lambda text: print(text, flush=True))
        for kind in (Ours, Theirs)
    }
    print(f"\n{'seconds':<8}{'':<11} {'detect':>7} {'start':>7} {'whole':>7} {'ratio':>6}")
    for fault in FAULTS:
        whole: dict[str, float] = {}
        for name, figures in found.items():
            rows = figures.runs[fault]
            whole[name] = statistics.median(a + b for a, b in rows)
            detect, start = statistics.median(a for a, _ in rows), statistics.median(b for _, b in rows)
            print(f"{fault:<8}{name:<11} {detect:7.2f} {start:7.2f} {whole[name]:7.2f}")
        print(f"{'':<8}{'':<11} {'':>23} {whole['hacluster'] / whole['pacemaker']:6.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({name: figures.runs for name, figures in found.items()}, indent=1))


if __name__ == "__main__":
    main()
