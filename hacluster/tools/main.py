"""``hacluster``: one command with sub-commands, each loaded only when it is called.

A sub-command is a click command in a module of its own. To add one, add one line to :data:`COMMANDS`.
"""

from __future__ import annotations

import importlib
from typing import Final

import click

from hacluster import __version__

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "check": ("hacluster.tools.check:check", "Check the configuration without starting anything."),
    "demo": ("hacluster.tools.demo.command:demo", "Watch a failover on two pretended hosts."),
}
"""Name → (``module:attribute`` of the click command, one line of help)."""


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the sub-commands from the table, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="hacluster")
def main() -> None:
    """High-availability cluster manager in the line of Heartbeat and Pacemaker."""
