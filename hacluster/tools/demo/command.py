"""The click command of ``hacluster demo``."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from types import FrameType
from typing import IO

import click

from hacluster.base.errors import HaError
from hacluster.lab.exercise import URL, exercise
from hacluster.lab.hosts import Host
from hacluster.lab.requirements import requirements
from hacluster.lab.watch import Watch
from hacluster.tools.demo.picture import Picture, Poller
from hacluster.tools.demo.story import Story, try_these

INTERVAL_MS = 20
REFRESH_PER_S = 8


class _Interrupted(BaseException):
    """A signal asks the demo to end; not an Exception, so that nothing on the way swallows it."""


def _on_signal(signum: int, _frame: FrameType | None) -> None:
    raise _Interrupted(signum)


@contextlib.contextmanager
def _screen(picture: Picture, live: bool) -> Iterator[None]:
    if not live:
        yield
        return
    from rich.console import Console  # noqa: PLC0415  only a terminal needs it
    from rich.live import Live  # noqa: PLC0415

    from hacluster.tools.demo.screen import render  # noqa: PLC0415

    with Live(
        console=Console(), get_renderable=lambda: render(picture), refresh_per_second=REFRESH_PER_S, transient=False
    ):
        yield


@click.command()
@click.option("--keep", is_flag=True, help="At the end keep the hosts and print commands to try; Ctrl-C removes them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event on stdout; no screen.")
@click.option("--plain", is_flag=True, help="Lines of text instead of a live screen (as when stdout is no terminal).")
def demo(*, keep: bool, as_json: bool, plain: bool) -> None:
    """Show a failover on two pretended hosts.

    Makes node1.name and node2.name out of network namespaces with a hacluster daemon each, lets a client ask for a page
    all the time, takes the active node's power away, brings it back, runs hb_standby, measures what the client missed,
    and removes everything it made. Works as root, or unprivileged where the system allows user namespaces.
    """
    missing = requirements()
    if missing:
        for report in missing:
            click.echo(str(report), err=True)
        raise SystemExit(1)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _on_signal)
    try:
        _run(keep=keep, as_json=as_json, live=sys.stdout.isatty() and not (plain or as_json))
    except _Interrupted as interrupted:
        click.echo("\ninterrupted: everything the demo made is removed", err=True)
        raise SystemExit(128 + int(interrupted.args[0])) from None


def _run(*, keep: bool, as_json: bool, live: bool) -> None:
    start = time.monotonic()

    def tell(event: dict[str, object]) -> None:
        moment = round(time.monotonic() - start, 2)
        if as_json:
            click.echo(json.dumps({"t": moment, **event}))
        elif not live and event["event"] in ("turn", "outage", "hb_standby"):
            text = event.get("text") or story.measured[-1].sentence()
            click.echo(f"{moment:7.2f}  {text}")

    picture = Picture()
    with (
        tempfile.TemporaryFile() as console,
        exercise("demo") as place,
        Watch(place.client, URL, interval_ms=INTERVAL_MS, on_item=picture.on_item) as watch,
    ):
        story = Story(place, watch, picture, tell, console)
        story.prepare()
        try:
            with Poller(picture, place.nodes), _screen(picture, live):
                story.run()
        except HaError as error:
            _show_logs(console, place.nodes)
            click.echo(f"demo: {error}", err=True)
            raise SystemExit(1) from None
        if keep:
            for line in try_these(place):
                click.echo(line, err=as_json)
            click.echo("Ctrl-C removes the hosts.", err=as_json)
            while True:
                signal.pause()
    if as_json:
        outages = {m.fault: round(m.seconds, 3) for m in story.measured}
        click.echo(json.dumps({"t": round(time.monotonic() - start, 2), "event": "done", "outages": outages}))
    else:
        for measured in story.measured if live else []:
            click.echo(measured.sentence())
        click.echo("everything the demo made is removed")


def _show_logs(console: IO[bytes], hosts: tuple[Host, ...]) -> None:
    """After a failure: the end of what the daemons said."""
    console.seek(0)
    click.echo("\n".join(console.read().decode(errors="replace").splitlines()[-60:]), err=True)
    for host in hosts:
        with contextlib.suppress(OSError, HaError):
            log = host.read("/var/log/ha-log").splitlines()[-40:]
            click.echo("\n".join([f"--- log of {host.name}", *log]), err=True)
