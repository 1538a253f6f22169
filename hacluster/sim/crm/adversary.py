"""The untimed adversary: anybody calls anybody at any moment, and everything else happens in any order.

Safety must rest on nothing in hearing, cliques, ranks and timers, so there are none of these here: views are called at
random, messages are held back for long, channels lose their end, nodes die at any step with a beginning of their disk's
queue, power goes, disks fall back or are replaced, clients repeat their writes anywhere, voters change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hacluster.base.effects import Append, MachineName
from hacluster.cib.voters import voters_of
from hacluster.msg.driver import StopRequested
from hacluster.msg.views import CallView, FencedInView
from hacluster.sim.crm.checkers import Breach
from hacluster.sim.crm.ring import Ring, RingSetup, raise_admin_epoch, voters_to, write_of
from hacluster.sim.desk import UNTIMED

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class World:
    """A setup and what its adversary may do there."""

    setup: RingSetup
    forces: bool = False
    raises_admin_epoch: bool = False
    damages: bool = False
    blanks: bool = False
    changes_voters: bool = False


def _majority(count: int, witness: str = "") -> RingSetup:
    names = [chr(ord("a") + number) for number in range(count)]
    voters = voters_of([*names, *([witness] if witness else [])], witness=witness)
    return RingSetup(tuple(sorted(voters.names)), voters, ccm_rules=UNTIMED, kept=3)


def _two() -> RingSetup:
    return RingSetup(("a", "b"), voters_of("ab", two_node=True), ccm_rules=UNTIMED, kept=3)


def _tie() -> RingSetup:
    return RingSetup(tuple("abcd"), voters_of("abcd", tie_breaker="a"), ccm_rules=UNTIMED, kept=3)


def _weights() -> RingSetup:
    voters = replace(voters_of("abcd"), votes=(("a", 3), ("b", 2), ("c", 1), ("d", 1)))
    return RingSetup(tuple("abcd"), voters, ccm_rules=UNTIMED, kept=3)


WORLDS: Final[dict[str, World]] = {
    "majority of 2": World(_majority(2)),
    "majority of 3": World(_majority(3)),
    "majority of 4": World(_majority(4)),
    "majority of 5": World(_majority(5)),
    "forced, 3": World(_majority(3), forces=True),
    "forced, 5": World(_majority(5), forces=True),
    "admin_epoch, 3": World(_majority(3), raises_admin_epoch=True),
    "two nodes": World(_two()),
    "two nodes, forced": World(_two(), forces=True),
    "witness, 2": World(_majority(2, "w")),
    "witness, 4": World(_majority(4, "w")),
    "tie-breaker, 4": World(_tie()),
    "weights": World(_weights()),
    "damaged, 3": World(_majority(3), damages=True),
    "damaged, two nodes": World(_two(), damages=True),
    "blank, 3": World(_majority(3), blanks=True),
    "blank, 5": World(_majority(5), blanks=True),
    "voters, 4": World(_majority(4), changes_voters=True),
    "voters, 5": World(_majority(5), changes_voters=True),
}


class Adversary(Ring):
    """One run."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(world.setup, seed)
        self.world = world
        self.checkers.fixed_voters = not world.changes_voters
        self.steps = 0
        self._two = world.setup.voters.two_node
        self._fencings: list[tuple[str, FencedInView]] = []
        self._serial_of_write = 0
        self._held: set[tuple[str, str]] = set()
        dice = self.dice
        self._crash_weight = (2_000, 6_000, 13_000)[dice.below(3)]
        self._call_weight = (7_000, 13_000, 27_000, 45_000)[dice.below(4)]
        self._big = (300_000, 600_000, 900_000)[dice.below(3)]
        self._hold = (0, 0, 150_000, 300_000)[dice.below(4)]
        self._power = (60_000, 300_000)[dice.below(2)]
        for name in world.setup.names:
            self.boot(name)
            while self.nodes[name].disk.queue:
                self.disk_one(name)
        self.meet(world.setup.names)

    def run(self, steps: int) -> str:
        """Take so many steps; the breach that was seen, if there was one."""
        try:
            for _ in range(steps):
                self.steps += 1
                self._step()
        except Breach as breach:
            return str(breach)
        return ""

    def _pick(self, items: Sequence[str]) -> str:
        return items[self.dice.below(len(items))]

    def _step(self) -> None:
        moves = (
            (560_000, self._deliver),
            (350_000, self._disk),
            (self._call_weight, self._call),
            (70_000, self._client),
            (self._crash_weight, self._crash),
            (20_000, self._boot),
            (3_000, self._lose_end),
            (12_000 if self._two else 0, self._fence),
        )
        throw = self.dice.below(sum(weight for weight, _ in moves))
        for weight, move in moves:
            if throw < weight:
                move()
                return
            throw -= weight

    def _deliver(self) -> None:
        full = [key for key, queue in self.channels.items() if queue]
        if not full:
            return
        channel = full[self.dice.below(len(full))]
        if self._hold:
            if self.dice.chance(10_000):
                names = self.setup.names
                self._held = {(a, b) for a in names for b in names if self.dice.chance(self._hold)}
            if (channel[0].name, channel[1]) in self._held and self.dice.chance(950_000):
                return
        self.deliver_one(channel)

    def _disk(self) -> None:
        busy = [name for name, node in self.nodes.items() if node.disk.queue]
        if busy:
            name = self._pick(busy)
            self.disk_one(name, "no space" if self.dice.chance(300) else "")

    def _call(self) -> None:
        witness = self.setup.voters.witness
        up = [name for name in self.nodes if name != witness and self.nodes[name].member is not None]
        if not up:
            return
        caller = self._pick(up)
        chance = 600_000 if self._two else self._big
        group = {caller} | {name for name in self.nodes if self.dice.chance(chance)}
        self.leader = self._pick(sorted(group - {witness}))
        self.note(f"{caller} calls {sorted(group)}")
        self.give(self.nodes[caller], MachineName.CCM, CallView(tuple(sorted(group))))

    def _client(self) -> None:
        witness = self.setup.voters.witness
        up = [name for name, node in self.nodes.items() if name != witness and node.cibd.has_acked]
        if not up:
            return
        name = self._pick(up)
        forced = self.world.forces and self.dice.chance(600_000)
        if self.requests and self.dice.chance(400_000):
            recent = list(self.requests)[-5:]
            self.write(name, self._pick(recent), forced=forced)
            return
        self._serial_of_write += 1
        what = f"r{self._serial_of_write}"
        patch = write_of(what)
        if self.world.raises_admin_epoch and self.dice.chance(150_000):
            patch = raise_admin_epoch(what)
        elif self.world.changes_voters and self.dice.chance(400_000):
            others = [n for n in self.setup.names if self.dice.chance(700_000)]
            patch = voters_to(voters_of(others or self.setup.names), what)
        self.write(name, what, patch, forced=forced)

    def _crash(self) -> None:
        if not self.nodes:
            return
        if self.dice.chance(self._power):
            self.note("power is lost")
            for name in list(self.nodes):
                self._die(name)
            return
        name = self._pick(list(self.nodes))
        if self._two and self.dice.chance(300_000):
            self.give(self.nodes[name], MachineName.CCM, StopRequested())
        self._die(name)

    def _die(self, name: str) -> None:
        queue = self.nodes[name].disk.queue
        kept = self.dice.below(len(queue) + 1)
        torn = 0
        if kept < len(queue) and isinstance(queue[kept][1], Append):
            torn = self.dice.below(len(queue[kept][1].data) + 1)
        self.crash(name, kept, torn)
        for other in list(self.nodes.values()):
            self.hear_not(other, name)

    def _boot(self) -> None:
        down = [name for name in self.setup.names if name not in self.nodes]
        if not down:
            return
        name = self._pick(down)
        if self.world.damages and self.dice.chance(150_000):
            self.damage(name)
        if self.world.blanks and self.dice.chance(250_000):
            self.lose_disk(name)
        self.boot(name)
        self.meet(self.nodes)

    def damage(self, name: str) -> None:
        """The snapshot of a node that is down is bad; an older one is there, or none."""
        files = self.disks[name].files
        if "cib.xml" in files:
            files["cib.xml"] = files["cib.xml"][:-7]
            self.checkers.disk_lost.add(name)

    def _lose_end(self) -> None:
        full = [queue for queue in self.channels.values() if queue]
        if full:
            queue = full[self.dice.below(len(full))]
            for _ in range(self.dice.below(len(queue) + 1)):
                queue.pop()

    def _fence(self) -> None:
        if self._fencings and self.dice.chance(700_000):
            by, event = self._fencings.pop(self.dice.below(len(self._fencings)))
            if event.node in self.nodes:
                self._die(event.node)
            self.note(f"{event.node} is fenced for {by} in {event.id}")
            if by in self.nodes:
                self.give(self.nodes[by], MachineName.CCM, event)
            return
        for name, node in self.nodes.items():
            view = node.ccm.view
            if view is not None and view.alone and self.dice.chance(500_000):
                other = next(n for n in self.setup.names if n != name)
                self._fencings.append((name, FencedInView(view.id, other)))
                return


def play(world: str, seed: int, steps: int, setup: RingSetup | None = None) -> tuple[Adversary, str]:
    """One run of a world; ``setup`` takes the place of its own, with a rule off."""
    found = WORLDS[world]
    adversary = Adversary(replace(found, setup=setup) if setup is not None else found, seed)
    return adversary, adversary.run(steps)
