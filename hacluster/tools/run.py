"""``hacluster run``, ``reload``, ``stop``, ``status``: the daemon in the foreground, and word about it from outside."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Final

import click

from hacluster.base.errors import HaError
from hacluster.client.rundir import run_dir as found_run_dir
from hacluster.client.rundir import state_dir as found_state_dir
from hacluster.daemon import pidfile, verdict
from hacluster.tools.entry import Plain, start

EXIT_CONFIG: Final = 6
EXIT_NOT_RUNNING: Final = 3
POLL_S: Final = 0.1

_RUN_DIR = click.option("--run-dir", metavar="DIR", default="", help="Run-time files instead of hacluster.cf's.")


@click.command()
@click.option("-C", "--config-dir", metavar="DIR", default="/etc/ha.d", show_default=True, help="Configuration.")
@click.option("--state-dir", metavar="DIR", default="", help="Persistent state instead of hacluster.cf's.")
@_RUN_DIR
@click.option("--one-process", is_flag=True, help="No supervisor: everything in this process.")
@click.option("--log-stderr", is_flag=True, help="Log to standard error as well.")
def run(config_dir: str, state_dir: str, run_dir: str, one_process: bool, log_stderr: bool) -> None:
    """Run the cluster software of this node in the foreground.

    TERM or INT releases all resources, tells the other node, and stops; HUP reads the files again. Exit status: 0
    stopped as asked, 1 could not begin or had to stop, 6 the configuration has errors, 7 stopped, but not every
    resource could be.
    """
    sys.exit(start(Plain(config_dir, state_dir, run_dir, one_process, log_stderr)))


def _running(run_dir: str) -> int | None:
    """The daemon of this host, also when its run directory was wiped; with ``--run-dir`` the one that is meant."""
    return pidfile.running(found_run_dir(run_dir), "" if run_dir else found_state_dir())


@click.command()
@_RUN_DIR
@click.option("--timeout", metavar="SECONDS", type=float, default=60.0, show_default=True, help="Wait no longer.")
def reload(run_dir: str, timeout: float) -> None:
    """Have the daemon read its files again, and say what became of that.

    Changed keys are used at once; after a change of haresources what is in no line any more is stopped and what is new
    is started; for anything else the daemon restarts and leaves resources as they are. Files with faults change
    nothing. Exit status: 0 the files are in use, 1 it does not run, may not be told, or fails, 6 the files have errors.
    """
    directory = found_run_dir(run_dir)
    pid = _running(run_dir)
    if pid is None:
        click.echo("heartbeat is stopped. No process", err=True)
        sys.exit(1)
    try:
        before = verdict.read(directory)
        os.kill(pid, signal.SIGHUP)
        found = _verdict(directory, pid, before, timeout)
    except (ProcessLookupError, PermissionError) as error:
        click.echo(f"hacluster: may not tell process {pid}: {error.strerror}", err=True)
        sys.exit(1)
    except HaError as error:
        click.echo(f"hacluster: told process {pid}, but not what became of it: {error}", err=True)
        sys.exit(1)
    for line in found.lines:
        click.echo(line, err=True)
    text, code = _RELOADED[found.word]
    click.echo(f"hacluster: {text}", err=code != 0)
    sys.exit(code)


def _verdict(directory: str, pid: int, before: verdict.Verdict | None, timeout: float) -> verdict.Verdict:
    """The first final word about a reload that was asked for just now."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = verdict.read(directory)
        new = found is not None and found.pid == pid and (before is None or found != before)
        if found is not None and new and found.final:
            return found
        if pidfile.running(directory) != pid:
            raise HaError("it has ended meanwhile")
        time.sleep(POLL_S / 2)
    raise HaError(f"it has not said so in {timeout:g} s; its log may tell")


_RELOADED: Final = {
    verdict.Word.REFUSED: ("the files are not used; everything goes on as before", EXIT_CONFIG),
    verdict.Word.UNCHANGED: ("the files say what they said before", 0),
    verdict.Word.KEYS: ("authkeys was read again", 0),
    verdict.Word.DONE: ("the new files are in use", 0),
    verdict.Word.FAILED: ("the files were read, but not put to use", 1),
}


@click.command()
@_RUN_DIR
@click.option("--timeout", metavar="SECONDS", type=float, help="Give up waiting after so long (default: never).")
def stop(run_dir: str, timeout: float | None) -> None:
    """Stop the cluster software of this node and wait for it.

    All resources are released first; what was stopped is printed, and what could not be. A start that was begun before
    does not go on. Exit status: 0 it does not run (any more), 1 it still does, or something of it may.
    """
    from hacluster.tools.stopping import Account  # noqa: PLC0415 - what does not stop does without

    directory = found_run_dir(run_dir)
    try:
        pidfile.mark_stop(directory)
    except OSError as error:
        click.echo(f"hacluster: a start that is under way may go on: {directory}: {error.strerror}", err=True)
    pid = _running(run_dir)
    if pid is None:
        click.echo("heartbeat is stopped. No process")
        return
    account = Account(directory, pid)
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        click.echo(f"hacluster: may not stop process {pid}: ask root", err=True)
        sys.exit(1)
    deadline = None if timeout is None else time.monotonic() + timeout
    while _running(run_dir) == pid:
        if deadline is not None and time.monotonic() >= deadline:
            click.echo(f"hacluster: process {pid} still runs", err=True)
            sys.exit(1)
        account.listen(POLL_S)
    stopped, kept = account.close()
    for line in stopped:
        click.echo(line)
    for line in kept:
        click.echo(line, err=True)
    if kept:
        sys.exit(1)


@click.command()
@_RUN_DIR
@click.option("--output-as", type=click.Choice(("text", "json")), default="text", show_default=True, help="Format.")
def status(run_dir: str, output_as: str) -> None:
    """Say whether the cluster software runs on this node, in the words of ``heartbeat -s``.

    With a resource manager (crm in ha.cf) also votes, nodes and resources. Exit status: 0 it runs, 3 it does not.
    """
    from hacluster.tools import clusterstatus  # noqa: PLC0415 - for a node that runs

    pid = _running(run_dir)
    host = os.uname().nodename.lower()
    directory = found_run_dir(run_dir)
    managed = pid is not None and clusterstatus.is_managed(directory)
    if output_as == "json":
        more = {"cluster": clusterstatus.quorum(directory)} if managed else {}
        click.echo(json.dumps({"running": pid is not None, "pid": pid, "host": host} | more))
    elif pid is None:
        click.echo("heartbeat is stopped. No process")
    else:
        click.echo(f"heartbeat OK [pid {pid} et al] is running on {host} [{host}]...")
        if managed:
            for line in clusterstatus.status_lines(directory):
                click.echo(line)
    sys.exit(0 if pid is not None else EXIT_NOT_RUNNING)
