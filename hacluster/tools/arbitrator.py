"""``hacluster arbitrator``: run the witness of clusters outside of them, check its files, say where it stands."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from hacluster.base.errors import ConfigError, HaError
from hacluster.base.report import Report, Severity, has_errors
from hacluster.client.arbitration import (
    CONFIG_DIR,
    RUN_DIR,
    STATE_DIR,
    check_arbitrated,
    check_together,
    clusters_in,
)

if TYPE_CHECKING:
    from hacluster.config.directory import Checked
    from hacluster.daemon.launch import Launch

EXIT_CONFIG: Final = 6
EXIT_NOT_RUNNING: Final = 3
_NO_CLUSTER = "no cluster: make a directory for each that this host votes in, with its ha.cf, authkeys and hacluster.cf"


def _read(config_dir: str) -> tuple[dict[str, tuple[Checked, str]], list[Report]]:
    """Every cluster's files and how it calls us; all findings. :class:`HaError` when there is no cluster."""
    try:
        names = clusters_in(config_dir)
    except OSError as error:
        raise HaError(f"{config_dir}: {error.strerror}") from error
    if not names:
        raise HaError(f"{config_dir}: {_NO_CLUSTER}")
    clusters = {name: check_arbitrated(Path(config_dir, name)) for name in names}
    reports = [report for checked, _ in clusters.values() for report in checked.reports]
    return clusters, reports + check_together({name: checked for name, (checked, _) in clusters.items()}, config_dir)


def _launches(config_dir: str, state_dir: str, run_dir: str, *, log_stderr: bool) -> dict[str, Launch]:
    """What each seat is started with; :class:`ConfigError` with the faults of all clusters together."""
    from dataclasses import replace  # noqa: PLC0415 - for a daemon

    from hacluster.daemon.launch import Places, launch_of  # noqa: PLC0415

    clusters, reports = _read(config_dir)
    if has_errors(reports):
        raise ConfigError(reports)
    found = {}
    for name, (checked, witness) in clusters.items():
        assert checked.ha is not None, "no errors, and no settings"
        places = Places(*(os.path.join(where, name) for where in (config_dir, state_dir, run_dir)))
        plain = replace(checked.ha, clients=(), watchdog=None)
        found[name] = launch_of(replace(checked, ha=plain), witness, places, log_stderr=log_stderr)
    return found


@click.command()
@click.option("-C", "--config-dir", metavar="DIR", default=CONFIG_DIR, show_default=True, help="Clusters' directories.")
@click.option("--state-dir", metavar="DIR", default=STATE_DIR, show_default=True, help="What must not be forgotten.")
@click.option("--run-dir", metavar="DIR", default=RUN_DIR, show_default=True, help="Run-time files.")
@click.option("--check", is_flag=True, help="Check the files of all clusters, and start nothing.")
@click.option("--status", is_flag=True, help="Say in which view each cluster's seat is.")
@click.option("--output-as", type=click.Choice(("text", "json")), default="text", help="How --status answers.")
@click.option("--log-stderr", is_flag=True, help="Log to standard error as well.")
def arbitrator(  # noqa: PLR0917
    config_dir: str, state_dir: str, run_dir: str, check: bool, status: bool, output_as: str, log_stderr: bool
) -> None:
    """Run a witness: a vote in clusters that this host is no node of, so that a cut leaves one side with quorum.

    DIR has a directory for each cluster, with its ha.cf (media as seen from here), authkeys and hacluster.cf, which
    says how the cluster calls its witness. TERM says goodbye and ends; HUP reads the files again, of clusters that are
    new or gone, too. "hacluster stop --run-dir" and "reload --run-dir" do the same and wait.

    Exit status: 0 stopped as asked, 1 could not begin, 6 a configuration has errors. With --check: 0 or 6. With
    --status: 0 it runs, 3 it does not.
    """
    if check and status:
        raise click.UsageError("--check and --status are two questions")
    try:
        if status:
            sys.exit(_tell(run_dir, output_as))
        if check:
            sys.exit(_check(config_dir))
        sys.exit(_run(config_dir, state_dir, run_dir, log_stderr=log_stderr))
    except ConfigError as error:
        for report in error.reports:
            click.echo(str(report), err=True)
        click.echo("Configuration error, arbitrator not started.", err=True)
        sys.exit(EXIT_CONFIG)
    except HaError as error:
        click.echo(f"hacluster: {error}", err=True)
        sys.exit(1)


def _run(config_dir: str, state_dir: str, run_dir: str, *, log_stderr: bool) -> int:
    # asyncio does without, and so do we: a library less in memory.
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    from hacluster.daemon.arbitrator import Arbitrator  # noqa: PLC0415 - status and check do without

    def read() -> Mapping[str, Launch]:
        return _launches(config_dir, state_dir, run_dir, log_stderr=log_stderr)

    launches = read()
    for launch in launches.values():
        for report in launch.reports:
            if report.severity <= Severity.WARNING:
                click.echo(str(report), err=True)
    return Arbitrator(launches, read, run_dir, state_dir).run()


def _check(config_dir: str) -> int:
    clusters, reports = _read(config_dir)
    for report in reports:
        click.echo(str(report))
    for name, (checked, witness) in clusters.items():
        verdict = f"votes as {witness}" if checked.usable else "cannot be used"
        click.echo(f"{os.path.join(config_dir, name)}: {verdict}")
    return EXIT_CONFIG if has_errors(reports) else 0


def _tell(run_dir: str, output_as: str) -> int:
    from hacluster.daemon import pidfile  # noqa: PLC0415 - for --status

    pid = pidfile.running(run_dir)
    seats = {} if pid is None else {name: _seat(os.path.join(run_dir, name)) for name in _seats_in(run_dir)}
    if output_as == "json":
        click.echo(json.dumps({"running": pid is not None, "pid": pid, "clusters": seats}))
    elif pid is None:
        click.echo("The arbitrator does not run")
    else:
        click.echo(f"The arbitrator runs [pid {pid}]")
        for name, seat in seats.items():
            click.echo(f"{name}: {_sentence(seat)}")
    return 0 if pid is not None else EXIT_NOT_RUNNING


def _seats_in(run_dir: str) -> list[str]:
    try:
        return [name for name in clusters_in(run_dir) if os.path.exists(os.path.join(run_dir, name, "ccm.sock"))]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise click.ClickException(f"{run_dir}: {error.strerror}") from None


def _seat(run_dir: str) -> dict[str, Any] | None:
    """Where one seat stands; ``None`` when it does not answer."""
    from hacluster.base.results import Fault  # noqa: PLC0415
    from hacluster.client.live import Daemon  # noqa: PLC0415
    from hacluster.msg.views import ViewQuery, ViewStatus  # noqa: PLC0415

    daemon = Daemon("status", directory=run_dir)
    try:
        status = daemon.ask(ViewQuery(), ViewStatus)
    except Fault:
        return None
    finally:
        daemon.close()
    view = status.view
    return {
        "name": status.own.name,
        "hears": sorted({member.name for member in status.hears} - {status.own.name}),
        "members": sorted(view.names) if view is not None else [],
        "dc": view.leader if view is not None else None,
        "quorate": view is not None and view.quorate,
        "working": status.synced,
        "promise": status.promise.epoch,
        "why": status.why,
    }


def _sentence(seat: Mapping[str, Any] | None) -> str:
    if seat is None:
        return "does not answer"
    head = f"votes as {seat['name']}, promised {seat['promise']}"
    heard = ", ".join(seat["hears"]) or "nobody"
    if not seat["members"]:
        return f"{head}; in no view, hears {heard}"
    word = "with quorum" if seat["quorate"] else "WITHOUT quorum"
    works = "" if seat["working"] else ", which does not work yet"
    others = [name for name in seat["hears"] if name not in seat["members"]]
    more = f"; hears besides: {', '.join(others)}" if others else ""
    return f"{head}; in a view of {', '.join(seat['members'])} {word}{works}{more}"
