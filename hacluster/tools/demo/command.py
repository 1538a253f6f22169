"""The click command of ``hacluster demo``."""

from __future__ import annotations

import contextlib
import functools
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import IO, TYPE_CHECKING

import click

from hacluster.base.errors import HaError
from hacluster.lab.cluster import cluster
from hacluster.lab.exercise import URL, exercise
from hacluster.lab.hosts import Host
from hacluster.lab.requirements import requirements
from hacluster.lab.watch import Watch
from hacluster.tools.demo.picture import NodePicture, Picture, Poller, look
from hacluster.tools.demo.story import Story, Tell, try_these

if TYPE_CHECKING:
    from hacluster.tools.demo.managed import ManagedStory

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
@click.option("--v1", "classic", is_flag=True, help="Heartbeat's two nodes and haresources instead.")
@click.option("--keep", is_flag=True, help="At the end keep the hosts and print commands to try; Ctrl-C removes them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event on stdout; no screen.")
@click.option("--plain", is_flag=True, help="Lines of text instead of a live screen (as when stdout is no terminal).")
def demo(*, classic: bool, keep: bool, as_json: bool, plain: bool) -> None:
    """Show failovers on three pretended hosts, and why the cluster does what it does.

    Makes n1, n2 and n3 out of network namespaces with a hacluster daemon each, lets a client ask for a page all the
    time, kills the web server, takes a node's power, cuts one off, puts one on standby, moves the service, measures
    what the client missed, lets the cluster explain itself, and removes everything it made. With --v1 two nodes and
    Heartbeat's haresources. Works as root, or unprivileged where the system allows user namespaces.
    """
    missing = requirements()
    if missing:
        for report in missing:
            click.echo(str(report), err=True)
        raise SystemExit(1)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _on_signal)
    try:
        live = sys.stdout.isatty() and not (plain or as_json)
        _run(_classic if classic else _managed, keep=keep, as_json=as_json, live=live)
    except _Interrupted as interrupted:
        click.echo("\ninterrupted: everything the demo made is removed", err=True)
        raise SystemExit(128 + int(interrupted.args[0])) from None


@dataclass(frozen=True, slots=True)
class _Stage:
    """One story's hosts, and what is asked of them."""

    nodes: tuple[Host, ...]
    client: Host
    url: str
    story: Callable[[Watch, Picture, Tell, IO[bytes]], Story | ManagedStory]
    look: Callable[[Host], NodePicture]
    try_these: Callable[[], list[str]]


@contextlib.contextmanager
def _classic() -> Iterator[_Stage]:
    with exercise("demo") as place:
        yield _Stage(place.nodes, place.client, URL, functools.partial(Story, place), look, lambda: try_these(place))


@contextlib.contextmanager
def _managed() -> Iterator[_Stage]:
    from hacluster.tools.demo import managed  # noqa: PLC0415 - the classic does without

    with cluster(3, "demo") as place:
        make = functools.partial(managed.ManagedStory, place)
        yield _Stage(place.nodes, place.client, managed.URL, make, managed.look, lambda: managed.try_these(place))


def _run(
    stage: Callable[[], contextlib.AbstractContextManager[_Stage]], *, keep: bool, as_json: bool, live: bool
) -> None:
    start = time.monotonic()

    def tell(event: dict[str, object]) -> None:
        moment = round(time.monotonic() - start, 2)
        if as_json:
            click.echo(json.dumps({"t": moment, **event}))
        elif not live and event["event"] in ("turn", "outage", "hb_standby", "why"):
            text = event.get("text") or story.measured[-1].sentence()
            click.echo(f"{moment:7.2f}  {'    ' if event['event'] == 'why' else ''}{text}")

    picture = Picture()
    with (
        tempfile.TemporaryFile() as console,
        stage() as place,
        Watch(place.client, place.url, interval_ms=INTERVAL_MS, on_item=picture.on_item) as watch,
    ):
        story = place.story(watch, picture, tell, console)
        story.prepare()
        try:
            with Poller(picture, place.nodes, place.look), _screen(picture, live):
                story.run()
        except HaError as error:
            _show_logs(console, place.nodes)
            click.echo(f"demo: {error}", err=True)
            raise SystemExit(1) from None
        if keep:
            for line in place.try_these():
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
