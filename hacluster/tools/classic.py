"""Heartbeat's tools as sub-commands of ``hacluster``: the same programs, with their own way to read arguments."""

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
