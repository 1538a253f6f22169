"""ha_propagate with real ssh, scp, sftp and rsync against a real sshd in another host."""

from __future__ import annotations

import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab, require_root, skip_or_fail
from tests.nodes import BIN
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SSHD = "/usr/sbin/sshd"
KEY = "a-key-that-nobody-else-may-ever-see-0123456789"
NODES = {"node1.name": "10.78.0.1", "node2.name": "10.78.0.2", "node3.name": "10.78.0.3"}
HA_CF = "".join(f"node {name}\n" for name in NODES) + "bcast eth0\nauto_failback on\nkeepalive 1\ndeadtime 10\n"
FILES = {
    "ha.cf": (HA_CF, 0o644),
    "authkeys": (f"auth 1\n1 sha1 {KEY}\n", 0o600),
    "haresources": ("node1.name 10.78.0.100/24/eth0\n", 0o644),
    "hacluster.cf": ("seal on\n", 0o644),
}
SSHD_CONFIG = """\
ListenAddress {address}
HostKey /etc/ssh/lab_host_key
AuthorizedKeysFile /root/.ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
Subsystem sftp internal-sftp
"""


def start_sshd(host: Host, client_key: str) -> str:
    """Run an sshd with keys of its own on the host's address; gives its line for known_hosts."""
    host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/lab_host_key"], check=True)
    # A locked account may not log in at all when there is no PAM to ask.
    host.run(["usermod", "-p", "*", "root"], check=True)
    host.write("/root/.ssh/authorized_keys", client_key, 0o600)
    host.write("/etc/ssh/lab_sshd_config", SSHD_CONFIG.format(address=host.address()))
    host.run(["mkdir", "-p", "/run/sshd", "/etc/ha.d"], check=True)
    host.spawn([SSHD, "-D", "-f", "/etc/ssh/lab_sshd_config"])
    kind, key, *_ = host.read("/etc/ssh/lab_host_key.pub").split()
    return f"{host.name} {kind} {key}\n"


@contextmanager
def three_nodes() -> Iterator[tuple[Host, Host, Host]]:
    """The first has the files and a key to log in; the second listens; the third is switched off."""
    require_lab()
    require_root()
    if not shutil.which(SSHD):
        skip_or_fail("openssh-server is not installed")
    with Lab("propagate") as lab:
        lab.add_network("net0", "10.78.0.0/24")
        one, two, three = (lab.add_host(name, {"eth0": ("net0", f"{ip}/24")}) for name, ip in NODES.items())
        for name, (text, mode) in FILES.items():
            one.write(f"/etc/ha.d/{name}", text, mode)
        one.run(["mkdir", "-p", "/root/.ssh"], check=True)
        one.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519"], check=True)
        one.write("/root/.ssh/known_hosts", start_sshd(two, one.read("/root/.ssh/id_ed25519.pub")), 0o600)
        eventually("sshd listens", lambda: ":22 " in two.run(["ss", "-ltn"]).stdout)
        three.power_off()
        yield one, two, three


class Onlooker:
    """Collects what every process of some hosts has in its arguments, again and again."""

    def __init__(self, *hosts: Host) -> None:
        self._roots = [host.path("/proc") for host in hosts]
        self.seen: set[bytes] = set()

    def __enter__(self) -> Onlooker:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.002):
            for root in self._roots:
                for entry in root.iterdir():
                    if entry.name.isdigit():
                        try:
                            self.seen.add((entry / "cmdline").read_bytes())
                        except OSError:
                            continue


def mode(host: Host, name: str) -> int:
    return stat.S_IMODE(host.path(f"/etc/ha.d/{name}").stat().st_mode)


@pytest.mark.parametrize("carrier", ["auto", "scp", "sftp", "rsync", "ssh"])
def test_the_files_arrive_and_a_node_that_is_off_is_told(carrier):
    if carrier != "auto" and not shutil.which(carrier):
        skip_or_fail(f"{carrier} is not installed")
    with three_nodes() as (one, two, _):
        # What is there already, and readable by everybody, must not stay so.
        two.write("/etc/ha.d/authkeys", "old\n", 0o644)
        with Onlooker(one, two) as onlooker:
            done = one.run([str(BIN / "ha_propagate"), "--command", carrier], timeout=120)
        assert done.returncode == 1
        assert done.stdout == "node2.name: copied ha.cf, authkeys\n"
        assert done.stderr.startswith("node3.name: ")
        assert len(done.stderr.splitlines()) == 1
        assert any(b"ha_propagate" in line for line in onlooker.seen)
        assert not any(KEY.encode() in line for line in onlooker.seen)
        assert KEY not in done.stdout + done.stderr
        for name in ("ha.cf", "authkeys"):
            assert two.read(f"/etc/ha.d/{name}") == FILES[name][0]
            assert mode(two, name) == FILES[name][1], name
        assert not two.path("/etc/ha.d/haresources").exists()

        done = one.run([str(BIN / "ha_propagate"), "--all", "--command", carrier], timeout=120)
        assert done.returncode == 1
        for name, (text, wanted) in FILES.items():
            assert two.read(f"/etc/ha.d/{name}") == text
            assert mode(two, name) == wanted, name
        assert sorted(entry.name for entry in two.path("/etc/ha.d").iterdir() if entry.name.startswith(".")) == []


def test_all_well_and_nobody_let_in():
    with three_nodes() as (one, two, _):
        one.write("/etc/ha.d/ha.cf", HA_CF.replace("node node3.name\n", ""))
        done = one.run([str(BIN / "ha_propagate"), "--output-as=json"], timeout=120)
        assert (done.returncode, '"ok": true' in done.stdout, done.stderr) == (0, True, "")
        two.write("/root/.ssh/authorized_keys", "", 0o600)
        done = one.run([str(BIN / "ha_propagate")], timeout=120)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Permission denied" in done.stderr
