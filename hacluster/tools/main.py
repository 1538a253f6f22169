"""``hacluster``: one command with sub-commands, each loaded only when it is called.

A sub-command is a click command in a module of its own. To add one, add one line to :data:`COMMANDS`.
"""

from __future__ import annotations

import errno
import importlib
import io
import sys
from typing import Any, Final

import click

from hacluster import __version__

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "arbitrator": ("hacluster.tools.arbitrator:arbitrator", "Run the witness of clusters outside of them."),
    "check": ("hacluster.tools.check:check", "Check the configuration without starting anything."),
    "cl_status": ("hacluster.tools.classic:cl_status", "Ask about nodes, links and resources."),
    "explain": ("hacluster.tools.explain:explain", "Say why a resource is where it is."),
    "graph": ("hacluster.tools.graph:graph", "Draw the transition or the constraints."),
    "ha_propagate": ("hacluster.tools.classic:ha_propagate", "Copy the configuration to the other nodes."),
    "hb_addnode": ("hacluster.tools.classic:hb_addnode", "Add nodes to the running cluster."),
    "hb_delnode": ("hacluster.tools.classic:hb_delnode", "Remove nodes from the running cluster."),
    "hb_setsite": ("hacluster.tools.classic:hb_setsite", "Set the site of a node."),
    "hb_setweight": ("hacluster.tools.classic:hb_setweight", "Set the weight of a node."),
    "hb_standby": ("hacluster.tools.classic:hb_standby", "Give resources up to the other node."),
    "import": ("hacluster.tools.importing:import_command", "Make a CIB of haresources and ha.cf."),
    "hb_takeover": ("hacluster.tools.classic:hb_takeover", "Take resources over from the other node."),
    "lvs": ("hacluster.ldirectord.status:lvs", "Show virtual services and real servers."),
    "rule": ("hacluster.tools.classic:rule", "Say whether a rule is in effect."),
    "simulate": ("hacluster.tools.simulate:simulate", "Show what the cluster would do with a CIB."),
    "forget": ("hacluster.tools.trust:forget", "Believe a node again that has lost its generation."),
    "reload": ("hacluster.tools.run:reload", "Have the daemon read its files again."),
    "unpin": ("hacluster.tools.trust:unpin", "Take unsealed datagrams of a node again."),
    "run": ("hacluster.tools.run:run", "Run the cluster software of this node."),
    "sim": ("hacluster.tools.sim:sim", "Simulate a cluster under virtual time, with faults."),
    "status": ("hacluster.tools.run:status", "Say whether the cluster software runs here."),
    "stop": ("hacluster.tools.run:stop", "Release all resources and stop the cluster software."),
    "iso8601": ("hacluster.tools.classic:iso8601", "Read and show dates, durations and periods."),
    "verify": ("hacluster.tools.classic:verify", "Check a CIB: schema and usual mistakes."),
    "demo": ("hacluster.tools.demo.command:demo", "Watch a failover on two pretended hosts."),
}
"""Name → (``module:attribute`` of the click command, one line of help)."""


_OUTPUT_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What writing fails with on a full disk, at a limit, on a terminal that is gone, and on an output that was closed."""


class LazyGroup(click.Group):
    """A group that imports a sub-command's module only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names in the table."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Import the command, or ``None`` when the table does not have it."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command), cmd_name
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. When nobody takes its output, that is said in one line; click knows of closed pipes only.

        What the terminal's encoding has no sign for is escaped, as Python does on standard error anyway.
        """
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno not in _OUTPUT_ERRORS:
                raise
            importlib.import_module("hacluster.tools.words").drop_output()
            raise click.ClickException(error.strerror or str(error)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the sub-commands from the table, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="hacluster")
def main() -> None:
    """High-availability cluster manager in the line of Heartbeat and Pacemaker."""
