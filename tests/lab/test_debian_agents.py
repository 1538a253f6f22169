"""Debian's resource agents, unmodified, run by the hands alone: what they give back, and what is left of them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hacluster.lab.hosts import Host, Lab
from tests.conftest import require_lab, require_root, skip_or_fail

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
IMAGE, DIR = "/var/agents.img", "/srv/agents"
LIFE = ("monitor", "start", "monitor", "stop", "monitor")
"""With the codes 7 0 0 0 7."""


@pytest.fixture(scope="module")
def one() -> Iterator[Host]:
    require_lab()
    require_root()
    with Lab("agents") as made:
        made.add_network("lan", "10.78.0.0/16")
        host = made.add_host("one", {"eth0": ("lan", "10.78.0.1/16")})
        host.run(["sh", "-ec", f"truncate -s 8M {IMAGE}; mkfs.ext4 -q {IMAGE}; mkdir -p {DIR}"], check=True)
        yield host


def agent(provider: str, kind: str) -> None:
    skip_or_fail("" if os.access(f"/usr/lib/ocf/resource.d/{provider}/{kind}", os.X_OK) else f"no {provider}:{kind}")


def run(host: Host, operations: list[dict[str, Any]], folder: str = "/var/hands", **env: str) -> list[dict[str, Any]]:
    given = {"PYTHONPATH": str(ROOT), **env}
    command = [sys.executable, "-m", "tests.lab.hands_alone", folder]
    done = host.run(command, env=given, text=json.dumps(operations))
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def life(
    host: Host, kind: str, actions: tuple[str, ...] = LIFE, provider: str = "heartbeat", **params: str
) -> list[int]:
    agent(provider, kind)
    words = [{"type": kind, "provider": provider, "action": action, "params": params} for action in actions]
    told = run(host, words)
    assert all(entry["end"] == "done" for entry in told), told
    return [entry["rc"] for entry in told]


def test_dummy(one: Host) -> None:
    assert life(one, "Dummy") == [7, 0, 0, 0, 7]
    assert life(one, "Dummy", provider="pacemaker") == [7, 0, 0, 0, 7]


def test_ipaddr2(one: Host) -> None:
    given = {"ip": "10.78.0.77", "cidr_netmask": "16", "nic": "eth0", "arp_bg": "false"}
    assert life(one, "IPaddr2", ("monitor", "start", "monitor"), **given) == [7, 0, 0]
    assert "10.78.0.77/16" in one.run(["ip", "-o", "addr"], check=True).stdout
    assert life(one, "IPaddr2", ("stop", "monitor"), **given) == [0, 7]
    assert "10.78.0.77" not in one.run(["ip", "-o", "addr"], check=True).stdout


def test_filesystem_on_a_loop_device(one: Host) -> None:
    given = {"device": IMAGE, "directory": DIR, "fstype": "ext4", "options": "loop"}
    assert life(one, "Filesystem", ("monitor", "start", "monitor"), **given) == [7, 0, 0]
    assert one.run(["mountpoint", "-q", DIR]).returncode == 0
    assert life(one, "Filesystem", ("stop", "monitor"), **given) == [0, 7]


def test_stateful_is_promoted_and_asks_our_tools(one: Host) -> None:
    """Agents call crm_master by its name and by its whole path; both lead to the tools that they were given."""
    agent("pacemaker", "Stateful")
    tool = '#!/bin/sh\necho "$(basename $0) $*" >>/var/tools.log\n'
    one.run(["sh", "-ec", "mkdir -p /var/tools; rm -f /var/tools.log"], check=True)
    for name in ("crm_master", "crm_attribute", "crm_node"):
        one.write(f"/var/tools/{name}", tool, 0o755)
    actions = ("monitor", "start", "monitor", "promote", "monitor", "demote", "monitor", "stop", "monitor")
    words = [{"type": "Stateful", "provider": "pacemaker", "action": action} for action in actions]
    told = run(one, words, TOOLS="/var/tools")
    assert [entry["rc"] for entry in told] == [7, 0, 0, 0, 8, 0, 0, 0, 7]
    log = one.read("/var/tools.log")
    assert "crm_master" in log or "crm_attribute" in log, log


def test_what_their_meta_data_says(one: Host) -> None:
    agent("heartbeat", "Dummy")
    agent("pacemaker", "Dummy")
    words = [{"type": "Dummy", "provider": provider, "action": "start"} for provider in ("heartbeat", "pacemaker")]
    old, new = run(one, words)
    assert (old["reloads"], old["restart"]) == (True, ["state"])
    assert new["reloads"]
    assert "op_sleep" not in new["restart"]


def test_a_failure_has_the_agents_own_reason(one: Host) -> None:
    agent("heartbeat", "Filesystem")
    (told,) = run(one, [{"type": "Filesystem", "action": "start", "params": {"device": "/no", "directory": "/no"}}])
    assert (told["rc"], told["end"]) == (5, "done")
    assert "/no" in told["reason"]


def test_an_agent_is_traced_where_it_was_asked_for(one: Host) -> None:
    agent("heartbeat", "Dummy")
    params = {"trace_ra": "1", "trace_dir": "/var/traces"}
    run(one, [{"type": "Dummy", "action": "monitor", "params": params}])
    found = one.run(["find", "/var/traces", "-name", "r.monitor.*"], check=True).stdout.split()
    assert found
    assert "OCF_RESKEY_trace_ra=1" in one.read(found[0])


def test_what_a_hanging_agent_was_doing_is_kept_with_the_failure(one: Host) -> None:
    agent("heartbeat", "Dummy")
    folder = "/usr/lib/ocf/resource.d/heartbeat"
    script = "#!/bin/sh\ncase $1 in meta-data) exit 1;; esac\necho began\ntrap '' TERM\nsleep 4711\necho over\n"
    one.write(f"{folder}/hangs", script, 0o755)
    params = {"password": "geheim"}
    (told,) = run(one, [{"type": "hangs", "action": "start", "timeout": 1_500, "params": params}])
    assert told["end"] == "timed-out"
    assert "sleep 4711" in told["scene"]
    assert "sleep 4711" in told["reason"]
    assert told["output"] == "began"
    assert "4711" not in one.run(["ps", "-eo", "args"], check=True).stdout, "the whole group has ended"
