"""A fence device of cluster-glue, in memory: what its ``stonith`` program says, and the power that it switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.effects import Spawn
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.sim.clock import Agenda

PROGRAM: Final = "/usr/sbin/stonith"
TOOK_MS: Final = 400
"""How long a reset takes; the power goes in the middle of it."""


def run(agenda: Agenda, spawn: Spawn, reset: Callable[[str], None], done: Callable[[ChildExited], None]) -> None:
    """One call of the program."""
    words, env = spawn.argv[3:], dict(spawn.env)

    def end(out: str = "", after_ms: int = 20) -> None:
        exited = ChildExited(spawn.child_id, ChildEnd.EXITED, 0, out.encode(), elapsed_ms=after_ms)
        agenda.after(after_ms, lambda: done(exited))

    if words[-1] == "-n":
        end("hostlist")
    elif "-T" in words:
        agenda.after(TOOK_MS // 2, lambda: reset(words[-1]))
        end(after_ms=TOOK_MS)
    else:
        end(env.get("hostlist", "") if words[-1] == "-l" else "")
