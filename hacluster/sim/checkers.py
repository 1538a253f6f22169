"""The checkers: what must never be seen (safety), and what must be seen in the end (liveness).

Two nodes without fencing cannot be safe always. The windows in which both may run a group are these, and no others:

* partition: one of the two holds the other for dead, which the checker ``death`` allows only after real silence;
* paused holder: the daemon of one was stopped, so that it cannot know that it was declared dead;
* crashed daemon: services were left running by a daemon that was killed;
* crashed pulse: the process that speaks was killed.

Each ends :attr:`Bounds.reunion_ms` after its cause has ended: by then whoever must give up has given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hacluster.base.effects import Reply
from hacluster.sim.opener import status_order
from hacluster.sim.scene import Scene
from hacluster.sim.trace import clock_text


@dataclass(frozen=True, slots=True)
class Violation:
    """What a checker saw. ``sentence`` is whole without the rest."""

    at_ms: int
    checker: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.checker} at {clock_text(self.at_ms)}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is allowed, in ms.

    ``dead_ms``: the dead time of the nodes. ``init_dead_ms``: that of a node that has just started. ``reunion_ms``: how
    long after a window's cause both may still run a group: the 2 s of WIRE.md 9.8, a restart, and the time of programs.
    ``reunion_faulty_ms``: the same where programs fail or hang, so that a stop takes its time limit and is tried again.
    ``patience_ms``: how much later than its dead time a silent node must be noticed; one that restarts asks for 30 s.
    """

    dead_ms: int = 10_000
    init_dead_ms: int = 20_000
    reunion_ms: int = 12_000
    reunion_faulty_ms: int = 60_000
    patience_ms: int = 36_000


DEAF_MS: Final = 2_000
"""How soon a host must have seen that it has no interface: after that the silence of others says nothing to it."""


class Checker:
    """A bystander with an opinion. Each method returns a sentence when something is wrong."""

    name = "checker"

    def __init__(self, scene: Scene, bounds: Bounds) -> None:
        self.scene = scene
        self.bounds = bounds

    def on_service(self, host: str, service: str, *, runs: bool) -> str | None:
        """A service began or ceased to run; the scene shows it already."""
        del host, service, runs
        return None

    def on_declared_dead(self, host: str, node: str, *, ever_heard: bool) -> str | None:
        """The heartbeat machine of ``host`` declared ``node`` dead."""
        del host, node, ever_heard
        return None

    def on_transmit(self, host: str, plain: bytes, durable: dict[str, bytes]) -> str | None:
        """A host sends a message; ``durable`` is what its disk would keep now."""
        del host, plain, durable
        return None

    def on_request(self, host: str, request_id: int, verb: str) -> None:
        """A program on ``host`` asks for a handover and waits for its end."""
        del host, request_id, verb

    def on_reply(self, host: str, reply: Reply) -> str | None:
        """A program is answered."""
        del host, reply
        return None

    def on_hung_up(self, host: str) -> None:
        """Programs that wait on ``host`` are hung up on."""
        del host

    def on_stopped(self, host: str) -> str | None:
        """A daemon ended by itself."""
        del host
        return None

    def each_second(self) -> str | None:
        """Once a second of world time."""
        return None

    def at_end(self) -> str | None:
        """When everything has had time to become whole."""
        return None


class Exclusive(Checker):
    """A group runs on one host at a time, but for the windows of the module's text."""

    name = "exclusive"

    def on_service(self, host: str, service: str, *, runs: bool) -> str | None:
        """A second runner appears."""
        del host, service
        return self.each_second() if runs else None

    def each_second(self) -> str | None:
        """A window has closed and there are still two."""
        for what, runners in self._runners():
            if len(runners) > 1:
                found = self._unexcused(what, runners[0], runners[1])
                if found is not None:
                    return found
        return None

    def _runners(self) -> list[tuple[str, list[str]]]:
        """Where each group runs; each service, when the hosts may not agree on what a group is."""
        scene = self.scene
        if not scene.edited:
            return [(group.key, scene.runners(group)) for group in scene.groups.groups]
        services = sorted({service for host in scene.hosts.values() for service in host.services})
        return [(one, [name for name, host in scene.hosts.items() if one in host.services]) for one in services]

    def _unexcused(self, key: str, one: str, other: str) -> str | None:
        apart = self.scene.since_apart(one, other)
        what = f"{key} runs on {one} and {other}"
        if apart is None:
            return f"{what}, which were never apart"
        faulty = any(self.scene.hosts[name].agents_failed for name in (one, other))
        if apart[0] > (self.bounds.reunion_faulty_ms if faulty else self.bounds.reunion_ms):
            return f"{what} {apart[0]} ms after the window closed ({apart[1]})"
        return None


class Death(Checker):
    """A node is declared dead only after silence, and silence is noticed."""

    name = "death"

    def on_declared_dead(self, host: str, node: str, *, ever_heard: bool) -> str | None:
        """The silence, not counting a pause of the listener that it must notice (half a dead time or longer)."""
        scene = self.scene.hosts[host]
        deaf = None if scene.deaf_since is None else self.scene.now - max(scene.deaf_since, scene.resumed_at)
        if deaf is not None and deaf > DEAF_MS:
            return f"{host} declares {node} dead, and has had no interface for {deaf} ms"
        silent = self.scene.now - scene.heard.get(node, 0)
        if ever_heard and silent < self.bounds.dead_ms - 100:
            return f"{host} declares {node} dead, whose last status it got {silent} ms ago"
        return None

    def each_second(self) -> str | None:
        """A silent node that is still believed alive."""
        for name, scene in self.scene.hosts.items():
            if not scene.daemon or scene.paused or scene.pulse_since is None:
                continue
            for node in self.scene.hosts:
                silent = self.scene.now - max(scene.perhaps.get(node, 0), scene.pulse_since, scene.deaf_until)
                limit = max(self.bounds.dead_ms, self.bounds.init_dead_ms) + self.bounds.patience_ms
                if node != name and silent > limit and node not in scene.holds_dead:
                    return f"{name} has heard nothing of {node} for {silent} ms and believes it alive"
        return None


class Order(Checker):
    """Services of a group start left to right and stop right to left."""

    name = "order"

    def on_service(self, host: str, service: str, *, runs: bool) -> str | None:
        """The neighbours that must (not) run when this one changes."""
        scene = self.scene.hosts[host]
        if scene.agents_failed or self.scene.edited:
            return None
        for group in self.scene.groups.groups:
            members = self.scene.members(group)
            if service not in members:
                continue
            position = members.index(service)
            if runs:
                missing = [name for name in members[:position] if name not in scene.services]
                if missing:
                    return f"{service} starts on {host} before {missing[0]}"
            else:
                left = [name for name in members[position + 1 :] if name in scene.services]
                if left:
                    return f"{service} stops on {host} before {left[-1]}"
        return None


class SaveFirst(Checker):
    """A generation is on the wire only after it is on the disk, and it never goes back."""

    name = "save-first"

    def __init__(self, scene: Scene, bounds: Bounds) -> None:
        super().__init__(scene, bounds)
        self._highest: dict[str, int] = {}

    def on_transmit(self, host: str, plain: bytes, durable: dict[str, bytes]) -> str | None:
        """A status shows its generation."""
        order = status_order(plain)
        if order is None:
            return None
        generation = order[0]
        highest = self._highest.get(host, 0)
        if generation == highest:
            return None
        saved = durable.get("hb_generation", b"").strip()
        if not saved.isdigit() or int(saved) < generation:
            return f"{host} speaks as generation {generation}, but its disk says {saved.decode('latin-1') or 'nothing'}"
        if generation < highest:
            return f"{host} speaks as generation {generation} after {highest}"
        self._highest[host] = generation
        return None


class CleanStop(Checker):
    """A daemon that was asked to stop leaves nothing running."""

    name = "clean-stop"

    def on_stopped(self, host: str) -> str | None:
        """What still runs."""
        scene = self.scene.hosts[host]
        if scene.stop_asked and scene.services and not scene.agents_failed:
            return f"{host} was asked to stop and leaves {', '.join(sorted(scene.services))} running"
        return None


class MuteHolder(Checker):
    """A node of which no word leaves gives up what it holds: whatever of it hangs, crashes or may not speak."""

    name = "mute"

    def __init__(self, scene: Scene, bounds: Bounds) -> None:
        super().__init__(scene, bounds)
        self._spoke: dict[str, int] = {}

    def on_transmit(self, host: str, plain: bytes, durable: dict[str, bytes]) -> str | None:
        """Something leaves."""
        del plain, durable
        self._spoke[host] = self.scene.now
        return None

    def each_second(self) -> str | None:
        """Two dead times are enough, also for a brain that crashes meanwhile, and ten seconds for the programs."""
        for name, scene in self.scene.hosts.items():
            if not scene.daemon or scene.paused or scene.agents_failed:
                self._spoke[name] = self.scene.now
            silent = self.scene.now - self._spoke.get(name, self.scene.now)
            if scene.services and silent > 2 * self.bounds.dead_ms + 10_000:
                return f"{name} runs {min(scene.services)}, although no word of it has left for {silent} ms"
        return None


SAFETY: Final[tuple[type[Checker], ...]] = (Exclusive, Death, Order, SaveFirst, CleanStop, MuteHolder)


def placement_faults(scene: Scene, *, at_home: bool) -> list[str]:
    """What is wrong with where the groups run: each whole, on one host, and with ``at_home`` on its own node."""
    faults = []
    for group in scene.groups.groups:
        runners = scene.runners(group)
        if len(runners) != 1:
            faults.append(f"{group.key} runs on {' and '.join(runners) or 'no node'}")
            continue
        missing = [name for name in scene.members(group) if name not in scene.hosts[runners[0]].services]
        if missing:
            faults.append(f"{group.key} runs on {runners[0]} without {missing[0]}")
        elif at_home and runners[0] != group.node:
            faults.append(f"{group.key} runs on {runners[0]}, its home is {group.node}")
    named = {service for group in scene.groups.groups for service in scene.members(group)}
    for name, host in scene.hosts.items():
        faults += [f"{service} runs on {name} and is in no line" for service in sorted(host.services - named)]
    return faults


def membership_faults(scene: Scene) -> list[str]:
    """What is wrong with who is up and who believes whom dead."""
    faults = [f"the daemon of {name} does not run" for name, host in scene.hosts.items() if not host.daemon]
    for name, host in scene.hosts.items():
        faults += [f"{name} holds {node} for dead" for node in sorted(host.holds_dead)]
    return faults
