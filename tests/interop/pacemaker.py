"""Two clusters of three nodes, of ours and of Debian's Pacemaker, and a session of tool calls played to both."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hacluster.lab.cluster import Cluster, cluster, wait_for

PACEMAKER: Final = "/usr/sbin/pacemakerd"
COROSYNC: Final = "/usr/sbin/corosync"
SESSION: Final = Path(__file__).with_name("calls") / "session.txt"
_LINE: Final = re.compile(r"^(?P<mark>~?)(?P<node>n\d)(?P<how>[$=]) (?P<command>.+)$")
_PEERS: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_CALL_S: Final = 90
_IDLE: Final = "crm_resource --wait --timeout 60s"


@dataclass(frozen=True, slots=True)
class Call:
    """A line of a session. ``settles``: what follows is done before the next; ``compared``: both must say the same."""

    node: str
    command: str
    settles: bool
    compared: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What a call said, without what must differ."""

    status: int
    out: str
    complains: bool


def session(path: Path = SESSION) -> list[Call]:
    """The calls of a session."""
    calls = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            found = _LINE.match(line)
            assert found, line
            calls.append(Call(found["node"], found["command"], found["how"] == "=", not found["mark"]))
    return calls


_MUST_DIFFER: Final = (
    (re.compile(r"\b\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}(?: Z|Z)?"), "@TIME@"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?: ?[+-]\d\d:\d\d|Z)?"), "@TIME@"),
    (re.compile(r"\b1[6-9]\d{8}\b"), "@SECONDS@"),
    (re.compile(r"\(version [^)]*\)"), "(version @)"),
    (re.compile(r'(api-version|crm_feature_set|version|request|uuid|update-\w+|dc-version)="[^"]*"'), r'\1="@"'),
    (re.compile(r"(?:Current DC: |Designated Controller is: |current_dc[^>]* name=\")n\d"), "DC: @"),
    (re.compile(r"\b(?:exec|queue)(?:-time)?=\"?\d+(?:\.\d+)?(?:ms)?\"?"), "@DURATION@"),
    (re.compile(r"call(?:=|id=)\"?\d+\"?"), "call=@"),
    (re.compile(r"Stack: \w+ .*|Stack: \w+"), "Stack: @"),
    (re.compile(r"\d+\.\d+s?\b"), "@"),
    (re.compile(r"DC: @ \(\d\)"), "DC: @"),
    (re.compile(r"(?<=Resource C):\d"), ":@"),
    (re.compile(r"(?<=fail-count)(-A value)?=[12]\b"), "=@"),
    (re.compile(r"in state S_(?:IDLE|NOT_DC)"), "in state @"),
    (re.compile(r'is_dc="\w+"'), 'is_dc="@"'),
    (re.compile(r"^(?:Status of pacemakerd:.*| *<pacemakerd .*/>)\n", re.MULTILINE), ""),
    (re.compile(r"^(?:Waiting for \d+ repl\w+ from the controller|\.\.\. got reply.*)\n", re.MULTILINE), ""),
    (re.compile(r"(?<=^scope=)(\w+)  (?=name=)", re.MULTILINE), r"\1 "),
    (re.compile(r"object_type="), "object-type="),
    (re.compile(r"(?<=\): )complete$", re.MULTILINE), "Done"),
    (re.compile(r"(?<=returned ')(?:error|Error occurred)(?=')"), "error"),
)  # fmt: skip
"""Times, versions, who coordinates, numbers of calls and of copies, what the cluster stands on, how often theirs counts
one failure; and the words of 2.1 for what 3.0 says as we do: blanks, the name of an attribute, what an operation ended
with, that the daemon runs and has answered."""


def plain(text: str) -> str:
    """A text without what must differ between two clusters."""
    for pattern, instead in _MUST_DIFFER:
        text = pattern.sub(instead, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def play(it: Cluster, calls: Sequence[Call], environment: dict[str, str]) -> Iterator[tuple[Call, Said]]:
    """Have a cluster answer the calls, one after the other."""
    for call in calls:
        host = it.node(call.node)
        done = host.run(["sh", "-c", call.command], environment, timeout=_CALL_S)
        yield call, Said(done.returncode, plain(done.stdout), bool(done.stderr.strip()))
        if call.settles:
            host.run(["sh", "-c", _IDLE], environment, timeout=_CALL_S)


@contextmanager
def ours() -> Iterator[tuple[Cluster, dict[str, str]]]:
    """Three nodes of ours, in a working view; what a call finds in its environment."""
    with cluster(3, "calls-ours") as it:
        it.install()
        it.start()
        wait_for(lambda: all(it.view(host).synced and len(it.view(host).members) == 3 for host in it.nodes), "a view")
        yield it, {}


@contextmanager
def theirs() -> Iterator[tuple[Cluster, dict[str, str]]]:
    """Three nodes with corosync and Pacemaker, idle."""
    with cluster(3, "calls-theirs") as it:
        nodes = "".join(
            f"  node {{\n    name: {host.name}\n    nodeid: {number}\n    ring0_addr: {host.address('eth0')}\n  }}\n"
            for number, host in enumerate(it.nodes, 1)
        )
        conf = (
            "totem {\n  version: 2\n  cluster_name: lab\n  transport: knet\n  crypto_cipher: aes256\n"
            f"  crypto_hash: sha256\n  token: 5000\n}}\nnodelist {{\n{nodes}}}\n"
            "quorum {\n  provider: corosync_votequorum\n}\n"
            "logging {\n  to_syslog: no\n  to_logfile: yes\n  logfile: /var/log/corosync/corosync.log\n}\n"
        )
        key = secrets.token_bytes(128)
        start = "until corosync-cmapctl -g runtime.votequorum.this_node_id; do sleep 0.1; done; exec pacemakerd -f"
        for host in it.nodes:
            host.write("/etc/corosync/corosync.conf", conf)
            host.write("/etc/corosync/authkey", key, 0o400)
            host.run(["sh", "-c", "mkdir -p /var/log/corosync /var/log/pacemaker; rm -f /var/lib/pacemaker/*/*"])
            host.spawn([COROSYNC, "-f"], _PEERS)
            host.spawn(["sh", "-c", start], _PEERS | {"PCMK_logfile": "/var/log/pacemaker/pacemaker.log"})
        first = it.nodes[0]

        def online() -> bool:
            shown = first.run(["crm_mon", "-1"], _PEERS, timeout=20).stdout
            return "Online: [ n1 n2 n3 ]" in shown and "partition with quorum" in shown

        wait_for(online, "Pacemaker is online", 120)
        first.run(["sh", "-c", _IDLE], _PEERS, timeout=_CALL_S)
        yield it, _PEERS
