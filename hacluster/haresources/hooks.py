"""Notifications: a program of the administrator's choice for a message type. Source: WIRE.md 5.5, HARESOURCES.md.

Heartbeat runs ``rc.d/<type>`` for whatever type the network names, with whatever variables it sends. Here a message
only ever runs the program that a ``hook`` line of hacluster.cf names for its type, with variables whose names are plain
words and whose values are single lines; ours (HA_CURHOST, …) cannot be overridden.
"""

from __future__ import annotations

from hacluster.base.effects import MachineName
from hacluster.config.settings import AutoFailback
from hacluster.haresources.bench import Bench
from hacluster.msg.lrm import HooksRun
from hacluster.wire.hamsg import HaMessage

MAX_VALUE = 1_024
MAX_VARIABLES = 64


def environment(message: HaMessage) -> dict[str, str]:
    """``HA_<field>`` for each string field that is safe to hand to a program."""
    found: dict[str, str] = {}
    for field in message.fields:
        plain = field.name.isascii() and field.name.replace("_", "").isalnum()
        if not plain or not isinstance(field.value, str) or len(found) >= MAX_VARIABLES:
            continue
        if len(field.value) <= MAX_VALUE and field.value.isprintable():
            found.setdefault(f"HA_{field.name}", field.value)
    return found


class Hooks:
    """Turns messages and state changes into runs of configured programs."""

    def __init__(self, core: Bench) -> None:
        self._core = core

    def on_message(self, message: HaMessage, old_state: str) -> None:
        """A message came in (our own included)."""
        self._run(message.type, environment(message), old_state)

    def on_status(self, node: str, old: str, new: str) -> None:
        """A node changed its state: what the ``status`` script is told."""
        self._run("status", {"HA_t": "status", "HA_src": node, "HA_st": new}, old)

    def _run(self, kind: str, env: dict[str, str], old_state: str) -> None:
        core = self._core
        program = core.settings.hook(kind)
        if program is None:
            return
        nice = core.config.auto_failback is not AutoFailback.LEGACY
        env |= {"HA_CURHOST": core.own, "HA_OSTATUS": old_state, "HA_NICEFAILBACK": "yes" if nice else "no"}
        timeout = core.settings.hook_timeout_ms
        core.send(MachineName.LRM, HooksRun(kind, tuple(sorted(env.items())), timeout))
