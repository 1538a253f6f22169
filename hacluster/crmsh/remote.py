"""Commands on nodes of the cluster: here at once, elsewhere by ssh, all at the same time, each with its time.

ssh is never asked for a password: where it would ask, the node counts as one that could not be reached.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hacluster.client.configdir import DEFAULT_DIR
from hacluster.client.hostfacts import node_name
from hacluster.crmsh.clusterfiles import nodes_of
from hacluster.crmsh.level import Refused

CONNECT_S: Final = 10
TIMEOUT_S: Final = 120.0
AT_ONCE: Final = 32
OPTIONS: Final = ("-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S}")
_UNREACHED: Final = 255


@dataclass(frozen=True, slots=True)
class Said:
    """What a command did on a node. ``fault``: why it could not be run there at all."""

    node: str
    status: int
    out: bytes = b""
    err: str = ""
    fault: str = ""

    @property
    def good(self) -> bool:
        """Whether it was run, and ended with 0."""
        return not self.fault and self.status == 0


def own_name(directory: Path = DEFAULT_DIR) -> str:
    """What the cluster calls this node."""
    return node_name(directory)


def configured_nodes(directory: Path = DEFAULT_DIR) -> list[str]:
    """The nodes of ha.cf, this one if there is no such file; :class:`Refused` when it cannot be read."""
    try:
        text = (directory / "ha.cf").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise Refused(f"{directory / 'ha.cf'} says which nodes there are: {error.strerror}") from None
    return nodes_of(text) or [own_name(directory)]


def path_of_ours() -> str:
    """An assignment for a shell on any node: our commands come first, at this node's place; others may be there."""
    place = os.path.dirname(os.path.abspath(sys.argv[0]))
    return f"PATH={shlex.quote(place)}:/usr/local/sbin:/usr/local/bin:$PATH:/usr/sbin:/sbin"


def login(node: str) -> list[str]:
    """The beginning of a command line that reaches a node."""
    return ["ssh", *OPTIONS, "--", node]


def run_on(node: str, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = TIMEOUT_S) -> Said:
    """Run a command on a node."""
    line = list(argv) if node == own_name() else [*login(node), shlex.join(argv)]
    return _run(node, line, stdin, timeout_s)


def shell_on(node: str, command: str, *, timeout_s: float = TIMEOUT_S) -> Said:
    """Have a shell on a node run a line."""
    line = ["/bin/sh", "-c", command] if node == own_name() else [*login(node), command]
    return _run(node, line, b"", timeout_s)


def _run(node: str, line: Sequence[str], stdin: bytes, timeout_s: float) -> Said:
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(line, input=stdin, capture_output=True, timeout=timeout_s, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return Said(node, _UNREACHED, fault=f"no end within {timeout_s:g} s")
    except OSError as error:
        return Said(node, _UNREACHED, fault=f"{line[0]}: {error.strerror}")
    err = done.stderr.decode(errors="replace").strip()
    if done.returncode == _UNREACHED and line[0] == "ssh":
        return Said(
            node, done.returncode, done.stdout, err, fault=err.splitlines()[-1] if err else "not reached by ssh"
        )
    return Said(node, done.returncode, done.stdout, err)


def on_all(nodes: Sequence[str], call: Callable[[str], Said]) -> list[Said]:
    """The same for several nodes at once, the answers in their order."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(call, nodes))
