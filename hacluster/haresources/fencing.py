"""``stonith`` and ``stonith_host`` of ha.cf: a dead node is reset before anything of it is taken. Source: WIRE.md 9.5.

Until that has succeeded, or a person has said that the node is down (``stonith_admin --confirm``), nothing is started
here that it may run; it is tried again every five seconds, as Heartbeat does. A node that comes back is alive: then
nothing is waited for any more, and what it says counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.effects import MachineName
from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.protocol import FenceResult
from hacluster.haresources.states import RState
from hacluster.msg.stonith import (
    Device,
    Fence,
    Fenced,
    FencersAre,
    FencingConfigured,
    FencingEntry,
    FencingNoticed,
    FencingState,
)

AGAIN_MS: Final = 5_000
ANSWER_MS: Final = 600_000
"""How long the fencer may take before it is asked once more: it always answers, if it did not begin anew."""


def configured(core: Bench) -> FencingConfigured:
    """The devices that ha.cf names and that this node may use."""
    ha, devices = core.config, list[Device]()
    if ha.stonith is not None:
        devices.append(Device("stonith", ha.stonith.type, (("config_file", ha.stonith.config_file),)))
    for number, entry in enumerate(ha.stonith_hosts):
        if entry.host in ("*", core.own):
            devices.append(Device(f"stonith_host-{number}", entry.type, _parameters(entry.parameters)))
    return FencingConfigured(devices=tuple(devices))


def _parameters(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """``NAME=VALUE`` words, or the values alone in the order of the plugin."""
    pairs = [word.partition("=") for word in words]
    if words and all(sign and name.isidentifier() for name, sign, _ in pairs):
        return tuple((name, value) for name, _, value in pairs)
    return (("positional", " ".join(words)),) if words else ()


class Fencing:
    """One fencing at a time: of the node that died last. ``then`` is called when it is certainly down."""

    def __init__(self, core: Bench, then: Callable[[str], None]) -> None:
        self._core, self._then = core, then

    @property
    def wanted(self) -> bool:
        """Whether ha.cf names a device."""
        return self._core.config.stonith is not None or bool(self._core.config.stonith_hosts)

    def tell(self) -> None:
        """The fencer of this node gets its devices, and has no other fencer to ask."""
        if self.wanted:
            self._core.send(MachineName.STONITH, configured(self._core))
            self._core.send(MachineName.STONITH, FencersAre((self._core.own,)))

    def begin(self, node: str) -> None:
        """Have a dead node fenced."""
        s = self._core.state
        if s.fencing != node:
            self._core.warn("fencing", f"{node} is dead: it is fenced before anything of it starts here")
        s.fencing = node
        self._ask()

    def _ask(self) -> None:
        core, s = self._core, self._core.state
        s.fence_number += 1
        s.timers.fence = core.after(ANSWER_MS)
        core.send(MachineName.STONITH, Fence(s.fence_number, s.fencing, client="haresources"))

    def give_up(self, why: str) -> None:
        """There is nothing to wait for any more."""
        s = self._core.state
        if s.fencing:
            self._core.info("fencing-moot", f"{s.fencing} need not be fenced any more: {why}")
            s.fencing, s.timers.fence = "", None

    def on_fenced(self, event: Fenced) -> None:
        """The fencing has ended."""
        core, s = self._core, self._core.state
        if not s.fencing or event.number != s.fence_number:
            return
        if event.entry.state is FencingState.SUCCESS:
            self._done(event.entry)
            return
        result = FenceResult.BAD_HOST if "no device" in event.entry.reason else FenceResult.BAD
        core.cast(protocol.stonith(s.fencing, result))
        text = f"{s.fencing} could not be fenced: {event.entry.reason}; nothing of it starts here. It is tried again."
        core.warn("not-fenced", f"{text} If it is certainly down: stonith_admin --confirm {s.fencing}")
        s.timers.fence = core.after(AGAIN_MS)

    def on_noticed(self, event: FencingNoticed) -> None:
        """Any fencing has ended, that by a person's word included."""
        entry, s = event.entry, self._core.state
        good = entry.state is FencingState.SUCCESS and entry.action != "on"
        if good and s.fencing and entry.target == s.fencing:
            self._done(entry)

    def _done(self, entry: FencingEntry) -> None:
        core, s = self._core, self._core.state
        node, s.fencing, s.timers.fence = s.fencing, "", None
        core.cast(protocol.stonith(node, FenceResult.OK))
        core.info("fenced", f"{node} is certainly down: {entry.action} by {entry.device or entry.executor}")
        if s.rstate not in {RState.INIT, RState.SHUTDOWN}:
            self._then(node)

    def on_time(self) -> None:
        """Try again."""
        core, s = self._core, self._core.state
        if s.timers.fence is not None and s.timers.fence <= core.now:
            self._ask()

    def on_restarted(self) -> None:
        """The fencer has begun anew and knows nothing."""
        self.tell()
        if self._core.state.fencing:
            self._ask()
