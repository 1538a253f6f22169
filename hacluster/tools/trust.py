"""``hacluster forget`` and ``hacluster unpin``: take back what this node has learned about another one.

Both lower the guard against recorded messages or downgrades for one node, so they are said by a person, never done by
the daemon itself.
"""

from __future__ import annotations

import sys

import click

from hacluster.base.errors import HaError
from hacluster.client.cluster import Cluster
from hacluster.client.rundir import run_dir as found_run_dir

_RUN_DIR = click.option("--run-dir", metavar="DIR", default="", help="Run-time files instead of hacluster.cf's.")


@click.command()
@click.argument("node")
@_RUN_DIR
def forget(node: str, run_dir: str) -> None:
    """Believe NODE again although it speaks with a generation lower than before.

    For a node that was installed anew or has lost its generation file. Exit status: 0 done, 1 refused or not running.
    """
    try:
        with Cluster(found_run_dir(run_dir), name="forget") as cluster:
            text = cluster.forget_floor(node.lower())
    except HaError as error:
        click.echo(f"hacluster forget: {error}", err=True)
        sys.exit(1)
    click.echo(text or f"{node} will be believed again")


@click.command()
@click.argument("node")
@_RUN_DIR
def unpin(node: str, run_dir: str) -> None:
    """Take unsealed datagrams of NODE again, which has proven before that it can seal them.

    For a host that goes back from hacluster to Heartbeat. Exit status: 0 done, 1 refused or not running.
    """
    try:
        with Cluster(found_run_dir(run_dir), name="unpin") as cluster:
            text = cluster.unpin_seal(node.lower())
    except HaError as error:
        click.echo(f"hacluster unpin: {error}", err=True)
        sys.exit(1)
    click.echo(text or f"unsealed datagrams of {node} count again")
