"""The laboratory itself: hosts are apart, faults are what they say, nothing stays behind."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hacluster
from hacluster.base.errors import HaError
from hacluster.lab.hosts import Host, Lab, LabError
from hacluster.lab.requirements import rule_requirements
from hacluster.lab.watch import Watch
from tests.conftest import require_lab, require_root, skip_or_fail
from tests.waiting import eventually

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    with Lab("test") as made:
        made.add_network("net0", "172.16.0.0/16")
        made.add_network("net1", "10.1.0.0/24")
        for number, name in ((6, "node1.name"), (7, "node2.name"), (8, "client")):
            made.add_host(
                name,
                {
                    "eth0": ("net0", f"172.16.100.{number}/16", f"fd00::{number}/64"),
                    "eth1": ("net1", f"10.1.0.{number}/24"),
                },
            )
        yield made


@pytest.fixture
def one(lab: Lab) -> Iterator[Host]:
    yield lab.hosts["node1.name"]
    for host in lab.hosts.values():
        host.boot()
        host.heal()


@pytest.fixture
def two(lab: Lab) -> Host:
    return lab.hosts["node2.name"]


def reaches(source: Host, address: str) -> bool:
    return source.run(["ping", "-n", "-c1", "-W1", address]).returncode == 0


def test_a_host_has_its_own_name_processes_and_interfaces(one: Host) -> None:
    assert one.run(["uname", "-n"], check=True).stdout == "node1.name\n"
    assert one.read("/etc/hostname") == "node1.name\n"
    assert "172.16.100.7 node2.name" in one.read("/etc/hosts").splitlines()
    assert sorted(os.listdir(one.path("/sys/class/net"))) == ["eth0", "eth1", "lo"]
    numbers = [int(p) for p in os.listdir(one.path("/proc")) if p.isdigit()]
    assert 1 in numbers
    assert len(numbers) < 10
    assert os.readlink(f"/proc/{one.pid}/ns/ipc") != os.readlink("/proc/self/ns/ipc")


def test_nothing_is_made_in_the_machines_own_network(one: Host) -> None:
    mine = set(os.listdir("/sys/class/net"))
    assert not {"net0", "net1", one.port("eth0")} & mine
    assert "lab on" not in Path("/proc/self/mountinfo").read_text()


def test_files_are_private_and_the_checkout_is_shared(one: Host, two: Host) -> None:
    for path in ("/etc/ha.d/authkeys", "/var/lib/heartbeat/x", "/tmp/of-one-host", "/run/x", "/usr/local/sbin/x"):
        one.write(path, "mine\n", 0o600)
        assert one.run(["cat", path], check=True).stdout == "mine\n"
        assert not two.path(path).exists()
        assert not Path(path).exists() or Path(path).read_text() != "mine\n"
    assert one.path("/etc/ha.d/authkeys").stat().st_mode & 0o777 == 0o600
    code = "import hacluster.base.report as r; print(r.__file__)"
    where = one.run([sys.executable, "-c", code], check=True).stdout.strip()
    assert Path(where).is_relative_to(Path(hacluster.__file__).parent)


def test_a_host_is_not_the_node_that_this_machine_is() -> None:
    require_lab()
    with Lab("machine") as lab:
        lab.add_network("net0", "10.9.0.0/24")
        host = lab.add_host("machine", {"eth0": ("net0", "10.9.0.1/24")})
        for path, mode in (("/var/lib/heartbeat/hb_uuid", 0o600), ("/etc/ha.d/authkeys", 0o600)):
            host.write(path, b"of the machine", mode)
        host.write("/etc/ha.d/shellfuncs", b"of the package")
        host.path("/var/lib/heartbeat/crm").mkdir(exist_ok=True)
        host.forget_the_machine()
        assert not host.path("/var/lib/heartbeat/hb_uuid").exists()
        assert not host.path("/etc/ha.d/authkeys").exists()
        assert host.path("/etc/ha.d/shellfuncs").exists()
        assert host.path("/var/lib/heartbeat/crm").is_dir()


def test_both_networks_and_both_families_connect(one: Host, two: Host) -> None:
    for address in ("172.16.100.7", "10.1.0.7", "fd00::7", "node2.name"):
        assert reaches(one, address), address


def test_power_off_leaves_the_disk_and_nothing_else(one: Host) -> None:
    one.write("/var/lib/heartbeat/kept", "kept")
    one.write("/run/gone", "gone")
    one.write("/tmp/gone", "gone")
    # The trap shows that not even a handler runs.
    program = one.spawn(["sh", "-c", "trap 'echo ran > /var/lib/heartbeat/trap' TERM EXIT; while :; do sleep 1; done"])
    one.power_off()
    assert not one.is_on
    assert program.wait(10) == -signal.SIGKILL
    with pytest.raises(LabError, match="is off"):
        one.run(["true"])
    one.boot()
    assert one.read("/var/lib/heartbeat/kept") == "kept"
    for path in ("/run/gone", "/tmp/gone", "/var/lib/heartbeat/trap"):
        assert not one.path(path).exists()
    assert reaches(one, "172.16.100.7")


def test_a_pulled_cable_is_seen_and_stays_pulled_over_a_boot(one: Host, two: Host) -> None:
    one.cut("eth0")
    eventually("it comes true", lambda: one.read("/sys/class/net/eth0/carrier") == "0\n")
    assert not reaches(two, "172.16.100.6")
    assert reaches(two, "10.1.0.6")
    one.power_off()
    one.boot()
    assert one.read("/sys/class/net/eth0/carrier") == "0\n"
    one.heal()
    eventually("it comes true", lambda: reaches(two, "172.16.100.6"))


def pings_seen(listener: Host, sender: Host, address: str) -> bool:
    """Whether an echo request of ``sender`` arrives at ``listener``, whatever happens to the answer."""
    program = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.bind(('', 7000)); s.settimeout(20)\n"
        "print('ready', flush=True)\n"
        "print(s.recvfrom(99)[0].decode(), flush=True)\n"
    )
    heard = listener.spawn([sys.executable, "-I", "-S", "-c", program], stdout=subprocess.PIPE)
    assert heard.stdout is not None
    assert heard.stdout.read(6) == b"ready\n"
    send = f"import socket; socket.socket(2, 2).sendto(b'x', ('{address}', 7000))"
    for _ in range(5):
        sender.run([sys.executable, "-I", "-S", "-c", send], check=True)
        if select.select([heard.stdout], [], [], 0.1)[0]:
            break
    heard_it = bool(select.select([heard.stdout], [], [], 0)[0])
    heard.kill()
    heard.wait()
    heard.close()
    return heard_it


def test_a_cut_may_have_one_direction_or_one_peer(lab: Lab, one: Host, two: Host) -> None:
    skip_or_fail(rule_requirements())
    assert reaches(one, "172.16.100.7")  # both know each other's hardware address
    one.cut(direction="in")
    assert pings_seen(two, one, "172.16.100.7")
    assert not pings_seen(one, two, "172.16.100.6")
    one.heal()
    one.cut(direction="out")
    assert not pings_seen(two, one, "172.16.100.7")
    assert pings_seen(one, two, "172.16.100.6")
    one.heal()
    one.cut(peer=two)
    assert not reaches(one, "172.16.100.7")
    assert not reaches(one, "10.1.0.7")
    assert reaches(one, "172.16.100.8")
    assert reaches(two, "172.16.100.8")
    two.heal()
    assert reaches(one, "172.16.100.7")


def test_loss_loses_some_and_ends(one: Host, two: Host) -> None:
    assert reaches(one, "172.16.100.7")
    one.loss(50, direction="in")
    ping = ["ping", "-n", "-q", "-c100", "-i0.002", "-W1", "172.16.100.7"]
    received = one.run(ping).stdout
    count = int(received.split(" received")[0].rsplit(" ", 1)[-1])
    assert 10 < count < 90, received
    one.loss(0)
    assert ", 0% packet loss" in one.run(ping).stdout
    with pytest.raises(LabError, match="use cut"):
        one.loss(100)


def test_pause_stops_every_process(one: Host) -> None:
    program = one.spawn(["sh", "-c", "while :; do echo x; sleep 0.01; done"], stdout=subprocess.PIPE)
    assert program.stdout is not None
    pipe = program.stdout
    assert pipe.read(1) == b"x"
    one.pause()
    os.set_blocking(pipe.fileno(), False)
    while pipe.read(65536):
        pass
    assert not select.select([pipe], [], [], 0.3)[0]
    one.resume()
    assert select.select([pipe], [], [], 20)[0]
    program.kill()
    assert program.wait(10) == -signal.SIGKILL
    program.close()


def test_programs_get_input_and_give_output_and_codes(one: Host) -> None:
    big = "x" * 300_000
    done = one.run(["sh", "-c", "cat; echo problem >&2; exit 3"], text=big, env={"A": "b"})
    assert (done.returncode, done.stdout, done.stderr) == (3, big, "problem\n")
    with pytest.raises(HaError, match="gave 3: problem"):
        one.run(["sh", "-c", "echo problem >&2; exit 3"], check=True)
    with pytest.raises(HaError, match="no such program"):
        one.run(["no-such-program"])
    with pytest.raises(subprocess.TimeoutExpired):
        one.run(["sh", "-c", "sleep 600 & sleep 600"], timeout=0.2)
    eventually("it comes true", lambda: "sleep" not in one.run(["ps", "-eo", "comm"]).stdout)


def test_a_program_gets_its_three_streams_and_no_other(one: Host) -> None:
    """A daemon that it leaves behind must not keep the caller waiting."""
    listing = one.run(
        ["sh", "-c", "ls /proc/self/fd; sleep 600 > /dev/null 2>&1 &"], text="", timeout=20
    ).stdout.split()
    assert listing == ["0", "1", "2", "3"]  # 3 is the directory that ls reads
    one.run(["pkill", "sleep"])


def test_a_person_can_enter(one: Host) -> None:
    argv = [*one.enter_argv(), "sh", "-c", "uname -n; pwd; ls /proc/1/root/run"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, cwd="/usr")
    assert done.stdout.split()[:2] == ["node1.name", "/"]
    assert "resource-agents" in done.stdout


def test_many_short_programs_all_end(one: Host) -> None:
    programs = [one.spawn(["sh", "-c", f"exit {n}"]) for n in range(50)]
    assert [p.wait(20) for p in programs] == list(range(50))


def test_loop_devices_can_be_mounted(one: Host) -> None:
    require_root()
    one.run(["sh", "-ec", "truncate -s 8M /var/disk; mkfs.ext4 -q /var/disk; mount -o loop /var/disk /srv"], check=True)
    one.write("/srv/x", "x")
    assert "/srv ext4" in one.read("/proc/1/mounts")
    assert not Path("/srv/x").exists()
    one.run(["umount", "/srv"], check=True)


def test_the_probe_sees_an_outage_and_who_answers(lab: Lab, one: Host, two: Host) -> None:
    page = (
        "import socket, sys; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('', 80)); s.listen(99)\n"
        "while True:\n"
        "    c, _ = s.accept(); c.recv(4096)\n"
        "    c.send(b'HTTP/1.0 200 OK\\r\\n\\r\\n' + socket.gethostname().encode() + b'\\n'); c.close()\n"
    )
    one.spawn([sys.executable, "-I", "-S", "-c", page])
    two.spawn([sys.executable, "-I", "-S", "-c", page])
    with Watch(lab.hosts["client"], "http://172.16.100.6/") as watch:
        assert watch.wait_answer() == "node1.name"
        fault = time.monotonic()
        one.power_off()
        two.run(["ip", "address", "add", "172.16.100.6/16", "dev", "eth0"], check=True)
        two.run(["arping", "-q", "-U", "-c1", "-I", "eth0", "172.16.100.6"])
        assert watch.wait_answer("node2", since=fault) == "node2.name"
        found = watch.outages(since=fault)
    two.run(["ip", "address", "del", "172.16.100.6/16", "dev", "eth0"], check=True)
    assert [(o.before, o.after) for o in found] == [("node1.name", "node2.name")]
    assert found[0].since <= fault + 0.2
    assert found[0].until is not None


OWNER = """
import signal, sys, time
from hacluster.lab.hosts import Lab
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts in the background ignore it
with Lab("owner") as lab:
    lab.add_network("net0", "172.16.0.0/16")
    host = lab.add_host("lonely", {"eth0": ("net0", "172.16.0.1/16")})
    host.spawn(["sh", "-c", "trap '' TERM INT HUP; sleep 3600 & wait"])
    print(host.pid, flush=True)
    time.sleep(3600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_all_is_gone_however_the_owner_ends(number: signal.Signals) -> None:
    require_lab()
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    namespace = os.readlink(f"/proc/{pid}/ns/pid")
    watched = os.pidfd_open(pid)
    owner.send_signal(number)
    owner.wait(20)
    assert select.select([watched], [], [], 20)[0]
    os.close(watched)
    owner.stdout.close()
    assert namespace not in _pid_namespaces()


def _pid_namespaces() -> set[str]:
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found.add(os.readlink(f"/proc/{entry}/ns/pid"))
            except OSError:
                continue
    return found


def test_close_returns_when_the_last_process_is_gone() -> None:
    require_lab()
    with Lab("closing") as lab:
        host = lab.add_host("one", {})
        host.spawn(["sleep", "3600"])
        pid = host.pid
    assert not Path(f"/proc/{pid}").exists()
    lab.close()


def test_mistakes_are_told() -> None:
    require_lab()
    with Lab("mistakes") as lab:
        lab.add_network("net0", "10.0.0.0/24")
        host = lab.add_host("one", {"eth0": ("net0", "10.0.0.1/24")})
        with pytest.raises(LabError, match="exists already"):
            lab.add_network("net0", "10.0.0.0/24")
        with pytest.raises(LabError, match="exists already"):
            lab.add_host("one", {})
        with pytest.raises(LabError, match="no network net9"):
            lab.add_host("two", {"eth0": ("net9", "10.0.0.2/24")})
        with pytest.raises(LabError, match=r"10\.0\.0\.x/24"):
            lab.add_host("two", {"eth0": ("net0", "10.0.0.x/24")})
        with pytest.raises(LabError, match="no interface eth7"):
            host.cut("eth7")
        with pytest.raises(LabError, match="apt install no-such-tool"):
            lab.tool(["no-such-tool"])


def test_without_privileges_a_user_namespace_does() -> None:
    """Runs the same laboratory as the user nobody, with an interpreter and a copy of ours that this user can read."""
    require_lab()
    require_root()
    if not Path("/usr/bin/python3").exists() or not Path("/usr/bin/setpriv").exists():
        skip_or_fail(["needs /usr/bin/python3 and setpriv"])
    package = Path(hacluster.__file__).parent
    program = (
        "from hacluster.lab.hosts import Lab\n"
        "from hacluster.lab.requirements import requirements\n"
        "for report in requirements(): print('missing', report)\n"
        "with Lab() as lab:\n"
        "    assert lab.user_namespace\n"
        "    lab.add_network('net0', '10.0.0.0/24')\n"
        "    a = lab.add_host('a', {'eth0': ('net0', '10.0.0.1/24')})\n"
        "    b = lab.add_host('b', {'eth0': ('net0', '10.0.0.2/24')})\n"
        "    a.write('/etc/ha.d/ha.cf', 'x'); a.write('/var/lib/heartbeat/x', 'x')\n"
        "    a.write('/etc/init.d/httpd', 'x', 0o755)\n"
        "    b.run(['ping', '-c1', '-W5', 'a'], check=True)\n"
        "    b.power_off(); b.boot()\n"
        "    print(a.run(['sh', '-c', 'uname -n; id -u'], check=True).stdout)\n"
    )
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", program]
    with tempfile.TemporaryDirectory(dir="/tmp") as place:  # pytest's own directories, like homes, are closed to others
        Path(place).chmod(0o755)
        shutil.copytree(package, Path(place, "hacluster"), ignore=shutil.ignore_patterns("__pycache__"))
        env = {"PYTHONPATH": place, "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
        done = subprocess.run(argv, check=False, env=env, cwd="/", capture_output=True, text=True, timeout=60)
    if "missing" in done.stdout or "Permission denied" in done.stderr:
        skip_or_fail(done.stdout + done.stderr)
    assert (done.stdout, done.stderr) == ("a\n0\n\n", "")
