"""Three real nodes with a resource manager and fencing: who may still run a service is off before it starts again."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from lxml import etree

from hacluster.lab.cluster import VIP, Cluster, cluster, wait_for
from hacluster.lab.hosts import Host
from tests.cluster import Holding
from tests.conftest import require_lab
from tests.power import NAME, STORAGE, WATCHDOG, Power, Watchdog

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

PATIENT = "keepalive 250ms\ndeadtime 3\ninitdead 10\n"
"""With a device a machine that stands still for a second ends a test: who was only slow is struck."""
STUBBORN = "/usr/lib/ocf/resource.d/lab/stubborn"
_STUBBORN = """#!/bin/sh
# A service whose stop fails while /etc/stubborn exists.
case $1 in
meta-data) echo '<?xml version="1.0"?><resource-agent name="stubborn"><version>1.1</version><parameters/><actions>
    <action name="start" timeout="20s"/><action name="stop" timeout="20s"/><action name="monitor" timeout="20s"/>
    </actions></resource-agent>';;
start) touch /run/stubborn;;
stop) [ -e /etc/stubborn ] && { echo "ocf-exit-reason:it will not stop" >&2; exit 1; }; rm -f /run/stubborn;;
monitor) [ -e /run/stubborn ] || exit 7;;
esac
exit 0
"""


def pairs(owner: str, words: dict[str, str]) -> str:
    return "".join(f'<nvpair id="{owner}-{name}" name="{name}" value="{value}"/>' for name, value in words.items())


def device(name: str, agent: str = NAME, **words: str) -> str:
    inner = f'<instance_attributes id="{name}-p">{pairs(name, {"switch": name, **words})}</instance_attributes>'
    return f'<primitive id="{name}" class="stonith" type="{agent}">{inner}</primitive>'


def service(name: str, provider: str, kind: str, **words: str) -> str:
    inner = f'<instance_attributes id="{name}-p">{pairs(name, words)}</instance_attributes>'
    monitor = f'<operations><op id="{name}-m" name="monitor" interval="1s" timeout="20s"/></operations>'
    return f'<primitive id="{name}" class="ocf" provider="{provider}" type="{kind}">{inner}{monitor}</primitive>'


ADDRESS = service("vip", "hacluster", "IPaddr", ip=VIP, cidr_netmask="16", nic="eth0")
GROUP = f'<group id="web">{ADDRESS}{service("srv", "lab", "stubborn")}</group>'


@dataclass
class Scene:
    """A cluster with switches, and who has the address when."""

    it: Cluster
    power: Power
    holding: Holding

    def up(self, *hosts: Host) -> None:
        """One working view of these, and no others."""
        names = tuple(sorted(host.name for host in hosts or self.it.nodes))

        def is_so() -> bool:
            views = [self.it.view(self.it.node(name)) for name in names]
            return all(view.synced and view.members == names for view in views)

        wait_for(is_so, f"a view of {names}")

    def holder(self, *but: str) -> Host:
        """Who has the address, once it is one of the others."""

        def is_so() -> bool:
            now = self.holding.holders
            return len(now) == 1 and not now & set(but)

        wait_for(is_so, f"one holder, none of {but}")
        return self.it.node(next(iter(self.holding.holders)))

    def back(self, host: Host) -> None:
        """A node that was struck starts again, and all is as it was."""
        host.boot()
        self.it.start(host)
        self.up()

    def status(self, host: Host) -> str:
        return str(host.run(["crm_mon", "-1", "-m", "3", "-f"], timeout=60).stdout)


@contextlib.contextmanager
def scene(
    devices: str = "", *, options: dict[str, str] | None = None, topology: str = "", start: int = 3, kept: str = ""
) -> Iterator[Scene]:
    """Three nodes, of which ``start`` are started, with a group. Without other words one device reaches all.

    ``kept``: a password of the device ``second`` that is in no CIB.
    """
    require_lab()
    with cluster(3, "fencing") as it, Power(it.nodes) as power:
        for host in it.nodes:
            host.write(STUBBORN, _STUBBORN, 0o755)
            if kept:
                host.run(["cibsecret", "-C", "set", "second", "passwd", "-"], text=f"{kept}\n", check=True)
        it.install(PATIENT)
        first = it.nodes[:start]
        it.start(*first)
        with Holding(it.nodes, VIP) as holding:
            made = Scene(it, power, holding)
            try:
                made.up(*first)
                words = {"stonith-enabled": "true", **(options or {})}
                sets = f'<cluster_property_set id="cib-bootstrap-options">{pairs("o", words)}</cluster_property_set>'
                devices = devices or device("pdu", pcmk_host_list="n1 n2 n3")
                it.edit(it.nodes[0], "modify", f"<crm_config>{sets}</crm_config>", "crm_config")
                sticky = f'<meta_attributes id="d">{pairs("d", {"resource-stickiness": "100"})}</meta_attributes>'
                it.edit(it.nodes[0], "modify", f"<rsc_defaults>{sticky}</rsc_defaults>", "rsc_defaults")
                if topology:
                    text = f"<fencing-topology>{topology}</fencing-topology>"
                    it.edit(it.nodes[0], "create", text, "configuration")
                it.edit(it.nodes[0], "replace", f"<resources>{devices}{GROUP}</resources>", "resources")
                yield made
            except BaseException:
                for host in it.nodes:
                    host.boot()
                    print(f"---- {host.name} ----\n{it.log(host)}")
                raise


def test_who_may_still_run_it_is_off_before_it_starts_elsewhere() -> None:
    """Power off, cut, hang and a failed stop, one after the other."""
    with scene() as made:
        made.up()
        for fault in ("power", "cut", "hang", "stop"):
            first = made.holder()
            began = time.monotonic()
            match fault:
                case "power":
                    first.power_off()
                case "cut":
                    first.cut()
                case "hang":
                    first.pause()
                case _:
                    first.write("/etc/stubborn", "")
                    first.run(["crm_resource", "--move", "-r", "web"], timeout=60)
            second = made.holder(first.name)
            print(f"{fault}: {time.monotonic() - began:.2f} s")
            assert [strike.target for strike in made.power.struck if strike.at >= began] == [first.name]
            assert made.holding.both_for(began) == 0
            struck = made.power.struck[-1].at
            assert next(when for when, have in made.holding.changes if second.name in have and when > began) > struck
            first.boot()
            first.heal()
            if fault == "stop":
                first.path("/etc/stubborn").unlink()
                second.run(["crm_resource", "--clear", "-r", "web"], timeout=60)
            made.back(first)
            assert made.holder().name == second.name, "nothing moves for a node that comes back"


LEVELS = "".join(
    f'<fencing-level id="{name}-{index}" target="{name}" index="{index}" devices="{switch}"/>'
    for name in ("n1", "n2", "n3")
    for index, switch in ((1, "pdu"), (2, "second"))
)


def test_the_second_level_then_none_then_a_person() -> None:
    """A device that is down, all devices down, and a confirmation; passwords are nowhere to be seen."""
    secret = "Zu9-geheim"
    words = {"pcmk_host_list": "n1 n2 n3", "wanted": secret, "pcmk_reboot_retries": "1"}
    both = device("pdu", **words, passwd=secret) + device("second", **words, passwd="lrm://")
    with scene(both, topology=LEVELS, options={"stonith-max-attempts": "2"}, kept=secret) as made:
        made.power.broken = {"pdu"}
        first = made.holder()
        first.power_off()
        second = made.holder(first.name)
        assert made.power.struck[-1].switch == "second"
        made.back(first)
        made.power.broken = {"pdu", "second"}
        second.cut()
        other = next(host for host in made.it.nodes if host not in (first, second))
        wait_for(lambda: "could not be fenced" in made.it.log(first) + made.it.log(other), "it is given up")
        wait_for(lambda: not made.holding.holders, "the one without quorum has stopped it")
        text = made.status(other)
        assert re.search(rf"reboot of {second.name} .*for crmd@n. failed \(.*the switch second is broken", text)
        assert f"Node {second.name}: UNCLEAN (offline)" in text
        assert secret not in text
        print(text)
        says(other, f"stonith_admin -C {second.name}")
        made.holder(second.name)
        assert f"turning off of {second.name} by a human" in made.status(first)
        for host in (first, other):
            assert secret not in made.it.log(host) + host.run(["cibadmin", "-Q", "-o", "status"]).stdout
            calls = made.power.calls(host)
            assert calls.count("switch=second") > 0
            assert secret not in calls, "it is neither among the arguments nor in the environment"


def says(host: Host, line: str, status: int = 0) -> str:
    """What a command prints; its status must be this one."""
    done = host.run(line.split(), timeout=120)
    assert done.returncode == status, (line, done.returncode, done.stdout, done.stderr)
    return str(done.stdout + done.stderr)


def test_stonith_admin_at_a_node_that_is_not_the_dc() -> None:
    """Texts and exit statuses are those of Pacemaker's own, recorded in a cluster like this one."""
    with scene(device("pdu", pcmk_host_list="n1 n2 n3")) as made:
        holder = made.holder()
        dc = made.it.view(holder).leader
        at = next(host for host in made.it.nodes if host.name != dc)
        victim = next(host for host in made.it.nodes if host not in (at, made.it.node(dc)))
        name = victim.name
        assert says(at, "stonith_admin -L") == "pdu\n1 fence device found\n"
        assert says(at, f"stonith_admin -l {at.name}") == "pdu\n1 fence device found\n"
        assert says(at, "stonith_admin -l nobody") == "0 fence devices found\n"
        assert says(at, "stonith_admin -Q pdu") == ""
        assert says(at, "stonith_admin -Q none", 105) == ""
        assert says(at, "stonith_admin -s none", 105) == "Couldn't list targets: No such device\n"
        assert says(at, "stonith_admin -H *") == "0 events found\n"
        assert says(at, f"stonith_admin -h {name}") == f"Node {name} has never been fenced\n"
        for letter, verb in (("B", "fence"), ("F", "fence"), ("U", "unfence")):
            text = says(at, f"stonith_admin -{letter} nobody -t 10", 105)
            assert text == f"stonith_admin: Couldn't {verb} nobody: No such device\n"
        assert says(at, f"stonith_admin -F {name} -T mine") == ""
        assert not victim.is_on
        for host in (at, made.it.node(dc)):
            text = says(host, f"stonith_admin -H {name}")
            assert text.startswith(f"turning off of {name} successful: delegate=")
            assert f"origin={at.name}, last-successful='" in text
            assert text.endswith("1 event found\n")
        assert "client=stonith_admin.mine." in text
        struck = len(made.power.struck)
        assert says(at, f"stonith_admin -F {name} --tolerance 1000s") == ""
        assert len(made.power.struck) == struck
        text = says(at, "stonith_admin -H * -V")
        assert "unfencing of nobody failed (no device that can fence it is known): client=stonith_admin." in text
        assert text.endswith("4 events found\n")
        assert f"Node {name} last fenced at: " in says(at, f"stonith_admin -h {name}")
        ident = name[1:]
        assert f"Node {ident} last fenced at: " in says(at, f"stonith_admin -h {ident} -n")
        tree = etree.fromstring(says(at, "crm_mon -1 --output-as=xml"))
        events = [(one.get("action"), one.get("target"), one.get("status")) for one in tree.iter("fence_event")]
        assert events == [("off", name, "success"), ("on", "nobody", "failed"), ("off", "nobody", "failed"),
                          ("reboot", "nobody", "failed")]  # fmt: skip
        assert "Failed Fencing Actions:\n  * unfencing of nobody for stonith_admin." in says(at, "crm_mon -1")
        assert "Fencing History:" not in says(at, "crm_mon -1 -m 1")
        assert f"\n\nFencing History:\n  * turning off of {name} by " in says(at, "crm_mon -1 -m 2")
        assert "Fencing" not in says(at, "crm_mon -1 -m 0").partition("Node List")[2]

        assert says(at, "stonith_admin -R dyn -a fence_dummy -o pcmk_host_list=n9") == ""
        assert says(at, "stonith_admin -L") == "dyn\npdu\n2 fence devices found\n"
        assert says(at, "stonith_admin -l n9") == "dyn\n1 fence device found\n"
        assert says(made.it.node(dc), "stonith_admin -l n9") == "0 fence devices found\n"
        for _ in range(2):
            assert says(at, "stonith_admin -D dyn") == ""
        assert says(at, "stonith_admin -R glue -a null -o hostlist=n8 -o pcmk_host_list=n8") == ""
        assert says(at, "stonith_admin -B n8 -t 20") == "", "a plug-in of cluster-glue, as it is"
        assert says(at, "stonith_admin -D glue") == ""
        assert says(at, "stonith_admin -r n9 -i 1 -v pdu") == ""
        text = "Can't register topology level {} for n9: Invalid argument\n"
        assert says(at, "stonith_admin -r n9 -v pdu", 70) == text.format(0)
        assert says(at, "stonith_admin -r n9 -i 44 -v pdu", 70) == text.format(44)
        assert says(at, "stonith_admin -r n9 -i 1", 70) == text.format(1), "a level of no devices would fence nothing"
        assert says(at, "stonith_admin -d n9 -i 1") == ""
        assert says(at, "stonith_admin -C nobody") == ""
        assert says(at, f"stonith_admin -H {name} --cleanup") == f"cleaning up fencing-history for node {name}\n"
        assert name not in says(made.it.node(dc), "stonith_admin -H * -V").replace(f"origin={name}", "")
        assert says(at, "stonith_admin -H * --cleanup -q") == ""
        assert says(made.it.node(dc), "stonith_admin -H *") == "0 events found\n"
        made.power.broken = {"pdu"}
        text = says(at, f"stonith_admin -B {dc} -t 20", 1)
        assert "the switch pdu is broken" in text
        assert says(at, "stonith_admin -Q pdu", 1) == ""


def test_who_loses_quorum_is_reset_by_its_own_watchdog_before_anybody_goes_on() -> None:
    """No device at all. The watchdog has two seconds (deadtime), what vouches for it three."""
    require_lab()
    with cluster(3, "watchdog") as it, contextlib.ExitStack() as stack:
        dogs = {host.name: stack.enter_context(Watchdog(host, 2)) for host in it.nodes}
        it.install(f"keepalive 100ms\ndeadtime 2\ninitdead 10\nwatchdog {WATCHDOG}\n")
        it.start()
        with Holding(it.nodes, VIP) as holding:
            made = Scene(it, Power(()), holding)
            made.up()
            values = pairs("o", {"stonith-enabled": "true", "stonith-watchdog-timeout": "8s"})
            sets = f'<cluster_property_set id="cib-bootstrap-options">{values}</cluster_property_set>'
            it.edit(it.nodes[0], "modify", f"<crm_config>{sets}</crm_config>", "crm_config")
            it.edit(it.nodes[0], "replace", f"<resources>{ADDRESS}</resources>", "resources")
            first = made.holder()
            began = time.monotonic()
            first.cut()
            second = made.holder(first.name)
            fired = dogs[first.name].fired
            assert fired is not None
            assert fired < next(when for when, have in holding.changes if second.name in have)
            assert holding.both_for(began) == 0
            assert [name for name, dog in dogs.items() if dog.fired is not None] == [first.name]
            assert f"turning off of {first.name}" in made.status(second) or f"reboot of {first.name}" in made.status(
                second
            )
            print(f"reset {fired - began:.2f} s after the cut")
            other = next(host for host in it.nodes if host not in (first, second))
            it.stop(other)
            assert dogs[other.name].disarmed


def test_a_node_that_nobody_has_seen_and_one_that_lives_through_its_fencing() -> None:
    """Startup fencing, unfencing, and a device that lies: by fence-reaction the node stops, or restarts its host."""
    store = device("store", STORAGE, pcmk_host_list="n1 n2 n3")
    meta = f'<meta_attributes id="store-m">{pairs("store-m", {"provides": "unfencing"})}</meta_attributes>'
    pdu = device("pdu", pcmk_host_list="n1 n2 n3", priority="5")
    with scene(pdu + store.replace("</primitive>", f"{meta}</primitive>"), start=2) as made:
        n1, n2, _ = made.it.nodes
        made.holder()
        assert [strike.target for strike in made.power.struck] == ["n3"]
        began = next(when for when, have in made.holding.changes if have)
        assert made.power.struck[0].at < began, "who was never seen may run anything"
        assert n1.path("/run/fence_lab.store").exists()
        assert n2.path("/run/fence_lab.store").exists()
        made.power.lying = {"pdu"}
        says(n1, "stonith_admin -F n2")
        wait_for(lambda: not n2.run(["pgrep", "-x", "ha-pulse"]).stdout, "it has stopped")
        assert "is alive" in made.it.log(n2)
        assert n2.is_on
        made.it.start(n2)
        made.up(n1, n2)
        says(n1, "crm_attribute -n fence-reaction -v panic")
        made.holder()
        # Who has lived no longer than its fencing took cannot say that it lived through it (crmd.fencing.LIVED_MS).
        age = ["ps", "-C", "ha-brain", "-o", "etimes="]
        wait_for(lambda: int(n2.run(age).stdout.strip() or 0) >= 4, "it has lived for a while")
        says(n1, "stonith_admin -F n2")
        wait_for(lambda: not n2.is_on, "it restarts its host")
