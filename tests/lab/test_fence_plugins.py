"""Our fence agents that go through ssh, against a real sshd: a node that reboots itself, and a chassis controller."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hacluster.client.paths import shipped
from hacluster.lab.cluster import wait_for
from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

SSHD = """Port 22
HostKey /etc/keys/host
AuthorizedKeysFile /etc/keys/user.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
PidFile none
{0}
"""
CHASSIS = """#!/bin/sh
# The dialogue of a chassis controller: power -on|-off|-state -T system:blade[N]
set -- $SSH_ORIGINAL_COMMAND
blade=${4#system:}; file="/var/$blade"
[ -e /var/stuck ] && [ "$2" = -off ] && { echo OK; exit 0; }
case $2 in
-on) echo On > "$file"; echo OK;;
-off) echo Off > "$file"; echo OK;;
-state) cat "$file" 2>/dev/null || echo On;;
*) echo "Invalid command"; exit 1;;
esac
"""
QUIET = "kill -9 -1"
"""What "reboots" a pretended host: the orders of a real one would reach the machine that pretends it."""


@pytest.fixture(scope="module", name="hosts")
def _hosts() -> Iterator[tuple[Host, Host, Host]]:
    require_lab()
    with Lab("plugins") as lab:
        lab.add_network("lan", "172.16.0.0/16")
        names = ("n1", "n2", "chassis")
        hosts = [lab.add_host(name, {"eth0": ("lan", f"172.16.0.{i}/16")}) for i, name in enumerate(names, start=1)]
        one, two, chassis = hosts
        one.run(["mkdir", "-p", "/etc/keys"], check=True)
        for key in ("host", "user"):
            one.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"/etc/keys/{key}"], check=True)
        chassis.write("/etc/chassis", CHASSIS, 0o755)
        known = one.read("/etc/keys/host.pub").strip()
        for host, more in ((two, ""), (chassis, "ForceCommand /etc/chassis")):
            host.write("/etc/keys/host", one.read("/etc/keys/host"), 0o600)
            host.write("/etc/keys/user.pub", one.read("/etc/keys/user.pub"))
            host.write("/etc/sshd", SSHD.format(more))
            host.run(["mkdir", "-p", "/run/sshd"], check=True)
            host.spawn(["/usr/sbin/sshd", "-D", "-f", "/etc/sshd"])
        one.write("/etc/keys/known", f"n2 {known}\nchassis {known}\n")
        ready = ["ssh", "-i", "/etc/keys/user", "-oUserKnownHostsFile=/etc/keys/known", "root@n2", "true"]
        wait_for(lambda: one.run(ready).returncode == 0, "sshd answers")
        yield one, two, chassis


def call(host: Host, agent: str, **words: str) -> tuple[int, str]:
    """Run an agent as a fencer does."""
    words = {"username": "root", "identity_file": "/etc/keys/user", "known_hosts": "/etc/keys/known", **words}
    text = "".join(f"{name}={value}\n" for name, value in words.items())
    done = host.run([str(shipped("stonith_plugins") / agent)], text=text, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_a_chassis_switches_a_blade(hosts: tuple[Host, Host, Host]) -> None:
    one, _, chassis = hosts
    blade = {"ip": "chassis", "plug": "3"}
    assert call(one, "blade", action="monitor", **blade)[0] == 0
    assert call(one, "blade", action="status", **blade)[0] == 0
    assert call(one, "blade", action="off", **blade)[0] == 0
    assert call(one, "blade", action="status", **blade)[0] == 2
    assert call(one, "blade", action="off", **blade)[0] == 0, "what is off is off"
    assert call(one, "blade", action="on", **blade)[0] == 0
    assert call(one, "blade", action="reboot", **blade)[0] == 0
    assert chassis.read("/var/blade[3]").strip() == "On"
    chassis.write("/var/stuck", "")
    code, said = call(one, "blade", action="off", power_timeout="2", **blade)
    assert code == 1, "taken is not done"
    assert "off" in said.lower()
    assert call(one, "blade", action="off", ip="chassis", plug="3; reboot")[0] == 1


def test_a_node_is_asked_to_reboot_itself(hosts: tuple[Host, Host, Host]) -> None:
    one, two, _ = hosts
    words = {"hostlist": "n2", "plug": "n2", "cmd_reboot": QUIET, "cmd_off": QUIET}
    assert call(one, "ssh", action="monitor", **words)[0] == 0
    assert call(one, "ssh", action="list", **words)[1].startswith("n2")
    assert call(one, "ssh", action="off", **{**words, "plug": "n9"})[0] == 1
    code, _ = call(one, "ssh", action="reboot", power_timeout="1", **{**words, "cmd_reboot": "true"})
    assert code == 1, "it still answers"
    assert call(one, "ssh", action="reboot", **words)[0] == 0
    assert not two.run(["pgrep", "-x", "sshd"]).stdout
    assert call(one, "ssh", action="reboot", **words)[0] == 1, "who does not answer before is not called fenced"
