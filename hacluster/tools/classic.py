"""Tools in the line of Heartbeat's and Pacemaker's as sub-commands: the same programs, reading arguments their way."""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

_SETTINGS: Final = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def _wrapped(name: str, module: str, *, named: bool) -> click.Command:
    """A command that hands all its arguments to ``main`` of ``module``; ``named``: with the tool's name before."""

    @click.command(name, context_settings=_SETTINGS, add_help_option=False)
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def command(words: tuple[str, ...]) -> None:
        main = importlib.import_module(module).main
        sys.exit(main(name, words) if named else main(words))

    return command


cl_status = _wrapped("cl_status", "hacluster.tools.cl_status", named=False)
ha_propagate = _wrapped("ha_propagate", "hacluster.tools.ha_propagate", named=False)
hb_standby = _wrapped("hb_standby", "hacluster.tools.handover", named=True)
hb_takeover = _wrapped("hb_takeover", "hacluster.tools.handover", named=True)
hb_addnode = _wrapped("hb_addnode", "hacluster.tools.nodes", named=True)
hb_delnode = _wrapped("hb_delnode", "hacluster.tools.nodes", named=True)
hb_setweight = _wrapped("hb_setweight", "hacluster.tools.nodes", named=True)
hb_setsite = _wrapped("hb_setsite", "hacluster.tools.nodes", named=True)


def _tool(name: str, module: str) -> click.Command:
    """A command that is a tool with a table of options."""

    @click.command(name, context_settings=_SETTINGS, add_help_option=False)
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def command(words: tuple[str, ...]) -> None:
        from hacluster.tools.output import perform  # noqa: PLC0415 - Heartbeat's do without

        found = importlib.import_module(module)
        sys.exit(perform(found.TOOL, found.main, words))

    return command


rule = _tool("rule", "hacluster.tools.crm_rule")
verify = _tool("verify", "hacluster.tools.crm_verify")
iso8601 = _tool("iso8601", "hacluster.tools.iso8601")
