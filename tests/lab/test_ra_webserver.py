"""The agents webserver, Dummy and Stateful, and the sample script httpd."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]
RA = ROOT / "ra"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require_lab()
    with Lab("web") as made:
        made.add_network("net0", "172.16.0.0/16")
        made.add_host("node1.name", {"eth0": ("net0", "172.16.100.6/16", "fd00::6/64")})
        made.add_host("client", {"eth0": ("net0", "172.16.100.8/16", "fd00::8/64")})
        yield made


@pytest.fixture
def one(lab: Lab) -> Iterator[Host]:
    host = lab.hosts["node1.name"]
    yield host
    for port in ("80", "81"):
        call(host, "stop", port=port)


def call(host: Host, action: str, agent: str = "webserver", **parameters: str) -> subprocess.CompletedProcess[str]:
    env = {f"OCF_RESKEY_{k}": v for k, v in parameters.items()}
    env["OCF_RESOURCE_INSTANCE"] = f"web-{parameters.get('port', '80')}"
    env["HA_SBIN_DIR"] = "/usr/local/sbin"
    return host.run([str(RA / "ocf/hacluster" / agent), action], env=env)


def code(host: Host, action: str, **parameters: str) -> int:
    return call(host, action, **parameters).returncode


def get(host: Host, url: str) -> str:
    return host.lab.hosts["client"].run(["curl", "-gsSm5", "-D-", url]).stdout.replace("\r", "")


def test_a_server_whose_pid_file_was_removed_is_still_the_resource(one: Host) -> None:
    """As when somebody empties HA_RSCTMP: it runs, a start does nothing, and a stop ends it."""
    assert code(one, "start") == 0
    one.run(["sh", "-c", "rm -r /run/resource-agents"], check=True)
    assert code(one, "monitor") == 0
    assert code(one, "start") == 0
    assert code(one, "monitor", port="81") == 7
    assert code(one, "stop") == 0
    assert code(one, "monitor") == 7
    assert get(one, "http://172.16.100.6/") == ""


def test_the_life_of_a_server(one: Host) -> None:
    assert code(one, "monitor") == 7
    assert code(one, "stop") == 0
    for _ in range(2):
        assert code(one, "start") == 0
    assert code(one, "monitor") == 0
    for address in ("172.16.100.6", "[fd00::6]"):
        answer = get(one, f"http://{address}/any/path")
        assert answer.startswith("HTTP/1.1 200 OK\n")
        assert answer.endswith("\n\nnode1.name\n")
        assert "X-Served-By: node1.name\n" in answer
    for _ in range(2):
        assert code(one, "stop") == 0
    assert code(one, "monitor") == 7
    assert get(one, "http://172.16.100.6/") == ""


def test_a_directory_is_served_and_the_log_is_bounded(one: Host) -> None:
    one.write("/var/www/lab/index.html", "<p>hello\n")
    given = {"directory": "/var/www/lab", "access_log": "/var/log/web", "access_log_size": "1000"}
    assert code(one, "start", **given) == 0
    answer = get(one, "http://172.16.100.6/")
    assert answer.endswith("\n\n<p>hello\n")
    assert "X-Served-By: node1.name\n" in answer
    assert get(one, "http://172.16.100.6/../../etc/hostname").startswith("HTTP/1.1 404")
    for _ in range(30):
        get(one, "http://172.16.100.6/nothing")
    assert 0 < one.path("/var/log/web.1").stat().st_size < 1200
    assert one.path("/var/log/web").stat().st_size < 1200
    assert '"GET /nothing HTTP/1.1" 404' in one.read("/var/log/web.1")


def test_two_servers_and_a_port_that_is_taken(one: Host) -> None:
    assert code(one, "start", port="80", ip="172.16.100.6") == 0
    assert code(one, "start", port="81", text="two on %n") == 0
    assert get(one, "http://172.16.100.6:81/").endswith("\n\ntwo on node1.name\n")
    done = call(one, "start", port="80", ip="172.16.100.6", pidfile="/run/third.pid")
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    done = call(one, "start", port="82", ip="192.0.2.1")
    assert done.returncode == 1
    assert "Cannot assign requested address" in done.stderr


def test_a_server_that_hangs_fails_and_can_be_stopped(one: Host) -> None:
    assert code(one, "start") == 0
    pid = one.read("/run/resource-agents/hacluster-webserver-web-80.pid").strip()
    one.run(["kill", "-STOP", pid], check=True)
    done = call(one, "monitor", CRM_meta_timeout="1000")
    assert done.returncode == 1
    assert "no answer from 127.0.0.1 port 80" in done.stderr
    assert code(one, "stop", CRM_meta_timeout="2000") == 0
    assert code(one, "monitor") == 7


def test_a_killed_server_and_its_stale_file_are_not_running(one: Host) -> None:
    assert code(one, "start") == 0
    path = "/run/resource-agents/hacluster-webserver-web-80.pid"
    one.run(["kill", "-KILL", one.read(path).strip()], check=True)
    eventually("it comes true", lambda: code(one, "monitor") == 7)
    one.write(path, "1\n")
    assert code(one, "monitor") == 7
    assert code(one, "start") == 0
    assert code(one, "monitor") == 0


def test_many_idle_connections_do_not_stop_it(one: Host) -> None:
    assert code(one, "start") == 0
    flood = (
        "import socket, time\n"
        "kept = [socket.create_connection(('172.16.100.6', 80)) for _ in range(200)]\n"
        "print('ready', flush=True); time.sleep(1000)\n"
    )
    program = one.lab.hosts["client"].spawn(["python3", "-I", "-S", "-c", flood], stdout=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.read(5) == b"ready"
    assert get(one, "http://172.16.100.6/").endswith("node1.name\n")
    assert code(one, "monitor") == 0
    program.kill()
    program.close()


def test_bad_requests_are_answered(one: Host) -> None:
    assert code(one, "start") == 0
    for request in (
        r"b'nonsense\r\n\r\n'",
        r"b'GET / HTTP/9.9\r\n\r\n'",
        r"b'\xff' * 70000 + b'\r\n'",
        r"b'POST / HTTP/1.1\r\n\r\n'",
    ):
        send = f"import socket; s = socket.create_connection(('172.16.100.6', 80)); s.sendall({request}); s.recv(99)"
        one.lab.hosts["client"].run(["python3", "-I", "-S", "-c", send])
    assert code(one, "monitor") == 0


def test_the_sample_script(one: Host) -> None:
    one.path("/etc/init.d").mkdir(exist_ok=True)
    one.path("/etc/init.d/httpd").symlink_to(ROOT / "conf/httpd")

    def httpd(*words: str) -> tuple[int, str]:
        done = one.run(["/etc/init.d/httpd", *words])
        return done.returncode, done.stdout

    assert httpd("status") == (3, "httpd is not running\n")
    assert httpd("stop")[0] == 0
    for _ in range(2):
        assert httpd("start") == (0, "")
    assert httpd("status") == (0, "httpd is running\n")
    assert get(one, "http://172.16.100.6/").endswith("\n\nnode1.name\n")
    assert httpd("restart") == (0, "")
    one.write("/etc/default/httpd", "TEXT='hello from %n'\n")
    assert httpd("force-reload") == (0, "")
    assert get(one, "http://172.16.100.6/").endswith("\n\nhello from node1.name\n")
    one.run(["sh", "-c", "kill -KILL $(cat /run/hacluster/httpd.pid)"], check=True)
    eventually("it comes true", lambda: httpd("status") == (1, "httpd is not running\n"))
    assert httpd("stop")[0] == 0
    assert httpd("status")[0] == 3
    assert httpd("dance")[0] == 2
    one.path("/etc/default/httpd").unlink()


def test_dummy_and_its_migration(lab: Lab, one: Host) -> None:
    def dummy(host: Host, action: str, **parameters: str) -> int:
        return call(host, action, "Dummy", **parameters).returncode

    two = lab.hosts["client"]
    assert [dummy(one, a) for a in ("monitor", "stop", "start", "start", "monitor")] == [7, 0, 0, 0, 0]
    assert dummy(one, "reload-agent", value="new") == 0
    assert one.read("/run/resource-agents/hacluster-Dummy-web-80.state") == "new\n"
    assert [dummy(one, "migrate_to"), dummy(two, "migrate_from")] == [0, 0]
    assert [dummy(one, "monitor"), dummy(two, "monitor"), dummy(one, "stop")] == [7, 0, 0]
    assert dummy(one, "migrate_to") == 7
    assert dummy(two, "stop") == 0
    assert dummy(one, "start", fail_start_on="node2 node1.name") == 1
    assert dummy(one, "promote") == 3


def test_stateful_and_its_score(one: Host) -> None:
    def stateful(action: str, **parameters: str) -> int:
        return call(one, action, "Stateful", **parameters).returncode

    one.write("/usr/local/sbin/crm_attribute", '#!/bin/sh\necho "$@" >> /tmp/scores\n', 0o755)
    assert [stateful(a) for a in ("monitor", "demote", "promote", "stop", "start", "monitor")] == [7, 7, 7, 0, 0, 0]
    assert [stateful(a) for a in ("promote", "monitor", "promote", "demote", "monitor", "stop")] == [0, 8, 0, 0, 0, 0]
    scores = [line.split(" --quiet ")[1] for line in one.read("/tmp/scores").splitlines()]
    assert scores == ["-v 5", "-v 10", "-v 10", "-v 5", "-D"]
    assert "-N node1.name -n master-web-80 -l reboot" in one.read("/tmp/scores")


def test_http_client_of_the_library_agrees(one: Host) -> None:
    """Two requests on one connection: HTTP/1.1 as a browser uses it."""
    assert code(one, "start") == 0
    two_requests = (
        "import http.client\n"
        "c = http.client.HTTPConnection('172.16.100.6')\n"
        "for _ in range(2):\n"
        "    c.request('GET', '/'); print(c.getresponse().read().decode(), end='')\n"
    )
    done = one.lab.hosts["client"].run(["python3", "-I", "-S", "-c", two_requests], check=True)
    assert done.stdout == "node1.name\nnode1.name\n"
