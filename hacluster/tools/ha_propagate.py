"""``ha_propagate``: copy this node's configuration to the other nodes of the cluster.

ha.cf and authkeys go to every other ``node`` of ha.cf, with ``--all`` haresources and hacluster.cf too. What carries
them is found on the host (scp, sftp, rsync or ssh) or named in hacluster.cf. Keys never appear in an argument or in
output; authkeys arrives with mode 0600. A directory with errors is not copied.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hacluster.base.report import Severity
from hacluster.client.configdir import check_config_dir
from hacluster.client.hostfacts import node_name
from hacluster.config.settings import PropagateCommand
from hacluster.tools.words import UsageError, complain, end, parse, rendered

EXIT_CONFIG: Final = 6
TIMEOUT_S: Final = 120
CONNECT_S: Final = 10
"""How long a node may take to answer at all; one that is off may not answer for minutes."""

SAID_LINES: Final = 3
"""Last lines of what a carrier complains about: scp's own last one only says that ssh has failed."""

FILES: Final = ("ha.cf", "authkeys")
MORE_FILES: Final = ("haresources", "hacluster.cf")
MODES: Final[Mapping[str, int]] = MappingProxyType({"authkeys": 0o600})
"""Everything else arrives with 0644."""

USAGE: Final = """\
usage: ha_propagate [--all] [-C DIR] [--user NAME] [--command auto|scp|sftp|rsync|ssh] [--output-as text|json|xml]

Copies ha.cf and authkeys to every other node of ha.cf; with --all haresources and hacluster.cf too.
Exit status: 0 every node has them, 1 some have not, 6 the configuration has errors."""


@dataclass(frozen=True, slots=True)
class Job:
    """What goes where: files of ``directory`` (absolute) to the same place on ``node``, as ``user``."""

    directory: str
    files: tuple[str, ...]
    node: str
    user: str
    batch: bool

    @property
    def login(self) -> str:
        """``user@node``, or the node alone."""
        return f"{self.user}@{self.node}" if self.user else self.node

    @property
    def options(self) -> list[str]:
        """Options of ssh and its kin: never ask for a password where nobody can answer."""
        return ["-o", f"ConnectTimeout={CONNECT_S}", *(["-o", "BatchMode=yes"] if self.batch else [])]


Step = tuple[list[str], bytes]
"""A command and what it reads on standard input."""


def _scp(job: Job) -> list[Step]:
    paths = [os.path.join(job.directory, name) for name in job.files]
    return [(["scp", "-p", *job.options, "--", *paths, f"{job.login}:{job.directory}/"], b"")]


def _sftp(job: Job) -> list[Step]:
    lines = [f'put -p "{job.directory}/{name}" "{job.directory}/{name}"' for name in job.files]
    return [(["sftp", "-b", "-", *job.options, "--", job.login], "\n".join([*lines, ""]).encode())]


def _rsync(job: Job) -> list[Step]:
    paths = [os.path.join(job.directory, name) for name in job.files]
    shell = ["-e", " ".join(["ssh", *job.options])]
    return [(["rsync", "-p", "-t", *shell, "--", *paths, f"{job.login}:{job.directory}/"], b"")]


def _ssh(job: Job) -> list[Step]:
    """One login a file: written beside the old one, with its mode from the first byte, and moved over it."""
    steps: list[Step] = []
    for name in job.files:
        target = shlex.quote(os.path.join(job.directory, name))
        draft = shlex.quote(os.path.join(job.directory, f".{name}.new"))
        mode = MODES.get(name, 0o644)
        script = f"umask 077 && cat > {draft} && chmod {mode:o} {draft} && mv -f {draft} {target}"
        content = Path(job.directory, name).read_bytes()
        steps.append((["ssh", *job.options, "--", job.login, script], content))
    return steps


CARRIERS: Final[Mapping[PropagateCommand, Callable[[Job], list[Step]]]] = MappingProxyType(
    {
        PropagateCommand.SCP: _scp,
        PropagateCommand.SFTP: _sftp,
        PropagateCommand.RSYNC: _rsync,
        PropagateCommand.SSH: _ssh,
    }
)
"""In the order in which ``auto`` looks for them."""


def find_carrier(wanted: PropagateCommand) -> PropagateCommand | None:
    """The tool to use: the one named, or the first that is there."""
    candidates = list(CARRIERS) if wanted is PropagateCommand.AUTO else [wanted]
    return next((name for name in candidates if shutil.which(name.value)), None)


def _run(argv: list[str], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    """Without standard output, where sftp repeats its orders; who must type a password does so at the terminal."""
    quiet, told = subprocess.DEVNULL, subprocess.PIPE
    return subprocess.run(argv, input=stdin, stdout=quiet, stderr=told, check=False, timeout=TIMEOUT_S)


def copy(job: Job, carrier: PropagateCommand) -> str:
    """Copy to one node; the answer is what went wrong, empty when nothing did."""
    for argv, stdin in CARRIERS[carrier](job):
        try:
            done = _run(argv, stdin)
        except subprocess.TimeoutExpired:
            return f"{argv[0]} took longer than {TIMEOUT_S} s"
        except OSError as error:
            return f"{argv[0]} cannot be run: {error.strerror}"
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            return "; ".join(said[-SAID_LINES:]) if said else f"{argv[0]} ended with exit status {done.returncode}"
    return ""


def main(argv: Sequence[str]) -> int:
    """Run ``ha_propagate`` with these arguments; the answer is its exit status."""
    try:
        words = parse(argv, flags=("-h", "--help", "--all"), values=("-C", "--config-dir", "--user", "--command"))
        if words.plain:
            raise UsageError(f"unexpected {words.plain[0]!r}")
        wanted = PropagateCommand(words.values["--command"]) if "--command" in words.values else None
    except (UsageError, ValueError) as error:
        complain(f"ha_propagate: {error}\n{USAGE}")
        return 1
    if words.flags & {"-h", "--help"}:
        print(USAGE)
        return 0
    directory = Path(words.values.get("-C") or words.values.get("--config-dir") or "/etc/ha.d").absolute()
    checked = check_config_dir(directory)
    if not checked.usable or checked.ha is None or checked.hacluster is None:
        for report in checked.reports:
            if report.severity <= Severity.ERROR:
                complain(str(report))
        complain("ha_propagate: nothing was copied: the configuration has errors")
        return EXIT_CONFIG
    carrier = find_carrier(wanted or checked.hacluster.propagate_command)
    if carrier is None:
        complain("ha_propagate: there is none of scp, sftp, rsync and ssh on this host: install openssh-client")
        return 1
    more = tuple(name for name in MORE_FILES if (directory / name).exists()) if "--all" in words.flags else ()
    own = node_name(directory)
    user, batch = words.values.get("--user", "root"), not sys.stdin.isatty()
    results = {
        node: copy(Job(str(directory), (*FILES, *more), node, user, batch), carrier)
        for node in checked.ha.nodes
        if node != own
    }
    for node, fault in results.items():
        if words.output_as != "text":
            continue
        if fault:
            complain(f"{node}: {fault}")
        else:
            print(f"{node}: copied {', '.join((*FILES, *more))}")
    code = 1 if any(results.values()) else 0
    if words.output_as != "text":
        nodes = [{"name": node, "ok": not fault, "fault": fault} for node, fault in results.items()]
        print(rendered(words.output_as, "ha_propagate", "", {"carrier": carrier.value, "node": nodes, "exit": code}))
    return code


def script() -> None:
    """The entry point of the command."""
    end(lambda: main(sys.argv[1:]))
