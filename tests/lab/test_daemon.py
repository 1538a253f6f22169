"""The daemon from outside: signals, files that change under it, the FIFO, tools, interfaces that go and come."""

from __future__ import annotations

import re
import signal
import time

import pytest

from hacluster.lab.exercise import VIP
from tests.cluster import FAST, Cluster, Holding, cluster, daemon_pid, signal_daemon
from tests.conftest import require_lab
from tests.nodes import BIN, LOG, OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

STALL_S = 0.5
"""A machine of many tenants may stand still for so long between two looks."""

OTHER_KEYS = "auth 3\n1 md5 an-old-key-that-still-opens\n3 sha1 the-new-key-that-signs-from-now-on\n"


def said(node: OurNode, text: str) -> bool:
    return node.host.path(LOG).exists() and text in node.log()


def undisturbed(made: Cluster, since: float) -> None:
    """The client was answered all the time, and always by the same node."""
    made.watch.wait_answer(made.one.name, since=time.monotonic())
    assert made.watch.missed(since) == []
    assert {sample.who for sample in made.watch.samples if sample.start > since} == {made.one.name}


def test_files_that_change_under_it():
    """Keys are exchanged, other settings restart the software, faults change nothing; nobody notices any of it."""
    require_lab()
    with cluster() as made:
        made.up()
        began = time.monotonic()

        for node in made.nodes:
            node.host.write(
                "/etc/ha.d/authkeys", f"{made.directory.authkeys}{'2 sha1 a-key-for-later-on-0123456789'}\n", 0o600
            )
            node.reload()
        for node in made.nodes:
            eventually("the keys are read", lambda node=node: said(node, "authkeys was read again"))

        old = made.one.host.read("/etc/ha.d/ha.cf")
        made.one.host.write("/etc/ha.d/ha.cf", old + "no_such_directive 1\n")
        rc, out = made.one.tool("hacluster", "reload")
        assert rc == 6
        assert "unknown directive 'no_such_directive'" in out
        assert "everything goes on as before" in out
        eventually("the fault is told", lambda: said(made.one, "everything goes on as before"))
        assert "unknown directive 'no_such_directive'" in made.one.log()

        pulse = daemon_pid(made.one.host, "pulse")
        made.one.host.write("/etc/ha.d/ha.cf", old.replace("deadtime 3", "deadtime 4"))
        made.one.reload()
        eventually("another pulse", lambda: daemon_pid(made.one.host, "pulse") not in (None, pulse))
        eventually("it is in force", lambda: "4" in made.one.tool("cl_status", "hbparameter", "-p", "deadtime")[1])
        eventually("the node is active again", lambda: made.two.sees(made.one.name) == "active")
        made.says("local", "local")
        undisturbed(made, began)


def test_the_old_words_on_the_fifo():
    require_lab()
    with cluster(failback="off") as made:
        made.up()
        fifo = "/var/lib/heartbeat/fifo"
        script = "printf '>>>\\nt=ask_resources\\nrsc_hold=all\\ninfo=me\\n<<<\\n' > " + fifo
        made.one.host.run(["/bin/sh", "-c", script], check=True)
        made.served_by(made.two)
        script = "printf '>>>\\nt=hb_takeover\\nrsc_hold=all\\n<<<\\n' > " + fifo
        made.one.host.run(["/bin/sh", "-c", script], check=True)
        made.served_by(made.one)


def test_a_second_daemon_is_refused_and_the_first_not_disturbed():
    require_lab()
    with cluster() as made:
        made.up()
        began = time.monotonic()
        done = made.one.host.run([str(BIN / "hacluster"), "run"], timeout=60)
        assert (done.returncode, "already running" in done.stderr) == (1, True)
        done = made.one.host.run([str(BIN / "hacluster"), "status"], timeout=60)
        assert (done.returncode, "heartbeat OK" in done.stdout) == (0, True)
        undisturbed(made, began)


def test_standby_says_what_becomes_of_it():
    require_lab()
    with cluster(failback="off") as made:
        made.up()
        rc, out = made.one.tool("hb_standby", "all", "--wait", "--output-as=json")
        assert (rc, '"finished": true' in out) == (0, True), out
        assert made.holders() == {made.two.name}
        rc, out = made.one.tool("hb_standby", "local")
        assert (rc, "refused" in out) == (1, True), out
        rc, out = made.one.tool("hb_takeover", "--wait")
        assert rc == 0, out
        assert made.holders() == {made.one.name}


def test_the_third_term_leaves_resources_as_they_are():
    require_lab()
    slow = "#!/bin/sh\n[ $1 = stop ] && exec sleep 600\n[ $1 = status ] && echo running\nexit 0\n"
    with cluster(haresources=f"node1.name IPaddr::{VIP}/16/eth0 httpd slow") as made:
        for node in made.nodes:
            node.host.write("/etc/init.d/slow", slow, 0o755)
        made.up()
        for _ in range(3):
            signal_daemon(made.one.host, "supervisor", signal.SIGTERM)
            time.sleep(0.5)
        eventually("it is gone", lambda: daemon_pid(made.one.host, "pulse") is None)
        assert VIP in made.one.addresses()
        assert said(made.one, "resources are left as they are")


def test_programs_of_respawn_live_as_long_as_the_node_is_a_member():
    require_lab()
    program = "#!/bin/sh\necho started $HA_COLOUR >> /var/log/client\nexec sleep 600\n"
    with cluster(extra="respawn root /usr/local/bin/client\nenv COLOUR=blue\n") as made:
        for node in made.nodes:
            node.host.write("/usr/local/bin/client", program, 0o755)
        made.up()
        made.one.host.run(["/bin/sh", "-c", "kill -9 $(ps -C sleep -o pid= | head -1)"], check=True)
        eventually("it is started again", lambda: made.one.host.read("/var/log/client").count("started blue") == 2)
        made.one.stop()
        assert "stopped /usr/local/bin/client" in made.one.log()


def test_an_interface_that_goes_and_comes():
    """The medium fails with a line of log, and is used again without anybody's help.

    The node that hears nobody takes the address, and with it the agent sets the interface up: it is dead for a moment.
    """
    require_lab()
    with cluster(failback="off") as made:
        made.up()
        made.two.host.run(["ip", "link", "set", "eth0", "down"], check=True)
        eventually("the failure is told", lambda: "bcast eth0 failed: Network is" in made.two.log())
        eventually("two is dead", lambda: f"node {made.two.name}: is dead" in made.one.log())
        made.two.host.run(["ip", "link", "set", "eth0", "up"], check=True)
        eventually("two is back", lambda: made.one.sees(made.two.name) == "active", 120)
        assert "bcast eth0 works again" in made.two.log()
        eventually("one address again", lambda: len(made.holders()) == 1, 120)


@pytest.mark.parametrize("which", [0, 1])
def test_an_interface_that_is_renamed(which):
    """Nothing leaves that node any more, while clients may still reach it: it gives up what it holds, takes nothing,
    and the other one serves."""
    require_lab()
    patient = "keepalive 250ms\nwarntime 2\ndeadtime 6\ninitdead 12\n"
    with cluster(ha_cf=patient) as made, Holding([node.host for node in made.nodes]) as holding:
        made.up()
        since, node = time.monotonic(), made.nodes[which]
        rename = "ip link set {0} down; ip link set {0} name {1}; ip link set {1} up"
        node.host.run(["sh", "-ec", rename.format("eth0", "lan9")], check=True)
        eventually("it says so", lambda: "no heartbeat of this node has left" in node.log())
        made.served_by(made.nodes[1 - which])
        began = len(re.findall("Local status now set to: 'up'", node.log()))
        eventually("it begins anew", lambda: began >= 2)
        eventually("longer than initdead", lambda: time.monotonic() - since > 25)
        assert made.holders() == {made.nodes[1 - which].name}
        assert holding.both_for(since) < STALL_S
        node.host.run(["sh", "-ec", rename.format("lan9", "eth0")], check=True)
        made.says("local", "local")
        made.served_by(made.one)
        assert holding.both_for(since) < STALL_S


@pytest.mark.parametrize("medium", ["mcast6 eth0 ff02::4:5 694 1 0", "mcast eth0 225.0.0.15 694 1 0"])
def test_multicast(medium):
    require_lab()
    with cluster(medium=medium, ha_cf=FAST) as made:
        made.up()
        assert made.one.sees(made.two.name) == made.two.sees(made.one.name) == "active"
