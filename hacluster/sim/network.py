"""Links between hosts: every host has an interface on each, and what one sends all others hear.

Without faults a datagram takes one millisecond and none is lost or overtaken. Faults are settings of a
:class:`Quality` (per link, or per sender and link), cuts (per interface and direction) and clogs (datagrams are held
back and all come at once). An attacker listens to everything and may send anything it has heard again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from hacluster.base.dice import Dice
from hacluster.sim.clock import Agenda

MAX_RECORDED = 50_000
"""Datagrams that the attacker remembers; the oldest are forgotten first."""

MAX_CLOGGED = 2_000
"""Datagrams that a clogged interface holds back; more are lost."""

ATTACKER_ADDRESS = "10.66.66.66"

PING_LINK = "eth0"
"""The link on which the hosts are that answer pings. What comes for a clogged interface there is lost."""

Receiver = Callable[[str, bytes, str], None]
"""(link, data, source)"""


@dataclass(slots=True)
class Quality:
    """How bad a link is. Probabilities per million; delays in milliseconds."""

    loss: int = 0
    duplicate: int = 0
    delay_low_ms: int = 1
    delay_high_ms: int = 1

    @property
    def perfect(self) -> bool:
        """Whether no dice are needed."""
        return not self.loss and not self.duplicate and self.delay_low_ms == self.delay_high_ms


@dataclass(frozen=True, slots=True)
class Recorded:
    """A datagram that the attacker heard."""

    time: int
    link: str
    data: bytes
    sender: str


@dataclass(slots=True)
class _Port:
    receive: Receiver
    address: str
    cut_in: set[str] = field(default_factory=set)
    cut_out: set[str] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    clogged: dict[str, list[tuple[bytes, str]]] = field(default_factory=dict)


class Network:
    """All links. ``loops`` are those on which a sender hears itself (broadcast)."""

    def __init__(self, agenda: Agenda, dice: Dice, loops: frozenset[str] = frozenset()) -> None:
        self._agenda = agenda
        self._dice = dice
        self._loops = loops
        self._ports: dict[str, _Port] = {}
        self._quality: dict[tuple[str, str], Quality] = {}
        self._default = Quality()
        self.recorded: deque[Recorded] = deque(maxlen=MAX_RECORDED)
        self.recording = False
        self._severed: set[tuple[str, str]] = set()

    def attach(self, host: str, address: str, receive: Receiver) -> None:
        """Plug a host into every link."""
        self._ports[host] = _Port(receive, address)

    def quality(self, host: str, link: str) -> Quality:
        """What ``host`` sends on ``link``, to be changed by faults; ``*`` for every host."""
        return self._quality.setdefault((host, link), Quality())

    def cut(self, host: str, link: str, direction: str) -> None:
        """``in``, ``out`` or ``both`` as the host sees it."""
        port = self._ports[host]
        if direction in {"in", "both"}:
            port.cut_in.add(link)
        if direction in {"out", "both"}:
            port.cut_out.add(link)

    def mend(self, host: str, link: str) -> None:
        """The interface works again, and what it held back comes out."""
        port = self._ports[host]
        port.cut_in.discard(link)
        port.cut_out.discard(link)
        for data, source in port.clogged.pop(link, []):
            self._agenda.after(1, partial(port.receive, link, data, source))

    def unplug(self, host: str, link: str) -> None:
        """The host has no such interface."""
        self._ports[host].absent.add(link)

    def plug(self, host: str, link: str) -> None:
        """It has one again."""
        self._ports[host].absent.discard(link)

    def sever(self, sender: str, receiver: str) -> None:
        """What one host sends does not come to another, on any link."""
        self._severed.add((sender, receiver))

    def join(self, sender: str, receiver: str) -> None:
        """It comes again."""
        self._severed.discard((sender, receiver))

    def clog(self, host: str, link: str) -> None:
        """What comes for ``host`` is held back until :meth:`mend`."""
        self._ports[host].clogged.setdefault(link, [])

    def forbid(self, host: str, target: str, *, forbidden: bool = True) -> None:
        """A ping target answers ``host`` no more, or again."""
        unreachable = self._ports[host].unreachable
        (unreachable.add if forbidden else unreachable.discard)(target)

    def answers(self, host: str, target: str) -> bool:
        """Whether a ping target answers ``host``."""
        port = self._ports[host]
        shut = port.cut_out | port.cut_in | port.absent | set(port.clogged)
        return PING_LINK not in shut and target not in port.unreachable

    @property
    def perfect(self) -> bool:
        """Whether nothing is lost, late or held back by accident; cuts are no accident."""
        qualities = all(quality.perfect and quality.delay_low_ms == 1 for quality in self._quality.values())
        return qualities and not any(port.clogged for port in self._ports.values())

    def heal(self) -> None:
        """End every fault."""
        self._quality.clear()
        for port in self._ports.values():
            port.unreachable.clear()
            port.absent.clear()
        for host in self._ports:
            for link in sorted(self._ports[host].cut_in | self._ports[host].cut_out | set(self._ports[host].clogged)):
                self.mend(host, link)

    def send(self, host: str, link: str, data: bytes) -> None:
        """A host puts one datagram on a link."""
        if self.recording:
            self.recorded.append(Recorded(self._agenda.now, link, data, host))
        sender = self._ports[host]
        if link in sender.cut_out | sender.absent:
            return
        quality = self._quality_of(host, link)
        for name, port in self._ports.items():
            if name == host:
                if link in self._loops:
                    self._deliver(port, link, data, sender.address, 1)
            elif (host, name) in self._severed:
                continue
            elif quality.perfect:
                self._deliver(port, link, data, sender.address, quality.delay_low_ms)
            elif not self._dice.chance(quality.loss):
                copies = 2 if self._dice.chance(quality.duplicate) else 1
                for _ in range(copies):
                    delay = self._dice.between(quality.delay_low_ms, quality.delay_high_ms)
                    self._deliver(port, link, data, sender.address, delay)

    def echo(self, host: str, target: str, data: bytes, heard: Callable[[bytes, str], None]) -> None:
        """An echo request: ``heard`` gets the data back, with the target as its source, if both ways are open."""
        quality = self._quality_of(host, PING_LINK)
        if not self.answers(host, target) or (not quality.perfect and self._dice.chance(quality.loss)):
            return

        def back() -> None:
            if self.answers(host, target):
                heard(data, target)

        self._agenda.after(2 * quality.delay_low_ms, back)

    def _quality_of(self, host: str, link: str) -> Quality:
        return self._quality.get((host, link)) or self._quality.get(("*", link)) or self._default

    def inject(self, target: str, link: str, data: bytes, delay_ms: int) -> None:
        """The attacker sends to one host. It sits on the link itself: no fault of ours stops it but a cut."""
        self._deliver(self._ports[target], link, data, ATTACKER_ADDRESS, delay_ms)

    def _deliver(self, port: _Port, link: str, data: bytes, source: str, delay_ms: int) -> None:
        self._agenda.after(delay_ms, partial(self._arrive, port, link, data, source))

    def _arrive(self, port: _Port, link: str, data: bytes, source: str) -> None:
        if link in port.cut_in or link in port.absent:
            return
        held = port.clogged.get(link)
        if held is None:
            port.receive(link, data, source)
        elif len(held) < MAX_CLOGGED:
            held.append((data, source))
