"""Power switches of a pretended cluster: what a fence agent does, how long it takes, how it fails, and how it lies.

One switch reaches all nodes. A strike takes effect in the middle of the agent's time, also when whoever ran the agent
dies in between. ``lies``: says that it is done and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.dice import Dice
from hacluster.base.effects import Spawn
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.sim.clock import Agenda

AGENT: Final = "fence_sim"
BOOT_MS: Final = 4_000
"""From a reboot by the switch until the node's daemon starts."""

_METADATA: Final = (
    '<resource-agent name="fence_sim"><parameters><parameter name="plug"/></parameters><actions>'
    + "".join(f'<action name="{name}"/>' for name in ("on", "off", "reboot", "status", "list", "monitor", "metadata"))
    + "</actions></resource-agent>"
)


@dataclass(frozen=True, slots=True)
class Strike:
    """A node was switched off by a device."""

    at: int
    by: str
    target: str


@dataclass(slots=True)
class Power:
    """The switches. ``fails`` and ``lies`` name (device, target) pairs, ``*`` for any; ``took``: how long they take."""

    agenda: Agenda
    dice: Dice
    kill: Callable[[str], None]
    start: Callable[[str], None]
    is_on: Callable[[str], bool]
    names: tuple[str, ...] = ()
    took: tuple[int, int] = (30, 300)
    fails: set[tuple[str, str]] = field(default_factory=set)
    lies: set[tuple[str, str]] = field(default_factory=set)
    strikes: list[Strike] = field(default_factory=list)
    lied: list[Strike] = field(default_factory=list)

    def run(self, node: str, spawn: Spawn, tell: Callable[[ChildExited], None]) -> None:
        """Run the agent on a node; ``tell`` gets its end."""
        assert spawn.argv[0].endswith(AGENT), spawn.argv
        words = dict(line.split("=", 1) for line in spawn.stdin.decode().splitlines())
        action, target, device = words.get("action", ""), words.get("plug", ""), words.get("ip", "")
        took = self.dice.between(*self.took) if action in ("on", "off", "reboot") else self.dice.between(2, 20)

        def end(code: int, text: str = "") -> None:
            self.agenda.after(took, lambda: tell(ChildExited(spawn.child_id, ChildEnd.EXITED, code, text.encode())))

        if action == "metadata":
            end(0, _METADATA)
        elif action == "list":
            end(0, "".join(f"{name},{name}\n" for name in self.names))
        elif action == "status":
            end(0 if self.is_on(target) else 2)
        elif action == "monitor":
            end(1 if self._is(self.fails, device, "*") else 0)
        elif self._is(self.fails, device, target):
            end(1, "no answer")
        else:
            if self._is(self.lies, device, target):
                self.lied.append(Strike(self.agenda.now, node, target))
            else:
                self.agenda.after(took // 2, lambda: self._strike(node, action, target))
            end(0)

    @staticmethod
    def _is(pairs: set[tuple[str, str]], device: str, target: str) -> bool:
        return bool(pairs & {(device, target), (device, "*"), ("*", target), ("*", "*")})

    def _strike(self, node: str, action: str, target: str) -> None:
        if action != "on":
            self.strikes.append(Strike(self.agenda.now, node, target))
            self.kill(target)
        if action != "off":
            self.agenda.after(BOOT_MS if action == "reboot" else 0, lambda: self.start(target))
