"""What machines of different processes say to one another in a whole cluster can be said over their sockets."""

from __future__ import annotations

from hacluster.base.effects import Effect, MachineName, Send
from hacluster.base.machine import Instant, Machine
from hacluster.client.language import codec
from hacluster.daemon.processes import circle_of
from hacluster.node.layout import CRM
from hacluster.node.router import Router
from hacluster.sim.crm.faults import HandsDeath
from hacluster.sim.crm.scenario import device, managed, primitive_patch
from hacluster.wire.ipc import Frame, Kind

HOSTS = {machine: process for process, machines in CRM.hosted.items() for machine in machines}


class Listening:
    """A machine, and what it says to those of other processes."""

    def __init__(self, name: MachineName, machine: Machine[object], heard: dict[tuple[str, str, str], object]) -> None:
        self._name, self._machine, self._heard = name, machine, heard

    def step(self, event: object, now: Instant) -> list[Effect]:
        effects = self._machine.step(event, now)
        for effect in effects:
            if isinstance(effect, Send) and HOSTS[effect.to] is not HOSTS[self._name]:
                self._heard[self._name, effect.to, type(effect.body).__name__] = effect.body
        return effects

    def deadline(self) -> Instant | None:
        return self._machine.deadline()

    def check(self) -> None:
        self._machine.check()


def listen(router: Router, heard: dict[tuple[str, str, str], object]) -> None:
    for name, machine in list(router._machines.items()):
        if not isinstance(machine, Listening):
            router._machines[name] = Listening(name, machine, heard)


def test_all_that_crosses_a_process_is_in_the_language_of_both_ends() -> None:
    heard: dict[tuple[str, str, str], object] = {}
    ring = managed("abc", devices=device("switch", "a b c"))
    ring.agenda.run_until(1)
    for node in ring.nodes.values():
        listen(node.router, heard)
    ring.agenda.run_until(6_000)
    ring.write("a", "one", primitive_patch("one"))
    ring.befall(HandsDeath("b"))
    ring.agenda.run_until(12_000)
    ring.kill("c")
    ring.agenda.run_until(40_000)
    kinds = {kind for _, _, kind in heard}
    assert {"ManagerOptions", "FencingConfigured", "Scheduled", "CopyTaken", "StartOp", "Fence"} <= kinds, kinds
    for (by, to, _), body in heard.items():
        frame = Frame(Kind.SEND, body, to=to, by=by)
        for end in (by, to):
            language = codec(circle=circle_of(CRM, HOSTS[MachineName(end)]))
            assert language.decode(language.encode(frame)[4:]).body == body
