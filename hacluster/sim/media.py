"""The media of a simulated host, as the daemon keeps them: open, failing, and opened again (``daemon/media/port.py``).

An interface may be *removed* (unplugged, its driver unloaded) or get another *name*. Sockets that are open on one that
was removed fail at the next send; on one that was renamed they go on working until the next look, a second apart, finds
nothing of that name. From then on the medium is *gone*: nothing leaves and nothing is heard, and it is tried at each
look until the interface is back. One that was removed and comes back is another one, although it has the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hacluster.config.media import Medium, Ping, Ping6, PingGroup
from hacluster.msg.driver import MediumFailed, MediumReady
from hacluster.sim.clock import Agenda

LOOK_MS: Final = 1_000
"""How often a medium that failed is tried again, and an open one looked at."""

NO_NAME: Final = "no interface with this name"
NO_DEVICE: Final = "No such device"
REPLACED: Final = "the interface was replaced"


@dataclass(slots=True)
class _Interface:
    """``number``: the kernel's, another one each time it is made."""

    number: int = 1
    there: bool = True
    named: bool = True


@dataclass(slots=True)
class _Port:
    """``number``: of the interface that it is open on; 0: it is not open."""

    link: str
    number: int = 1
    failed: str = ""
    gone: bool = False


class Media:
    """All of one host. ``tell`` hands an event to the heartbeat, if one lives; ``sees``: whether its process runs."""

    def __init__(
        self,
        media: Sequence[Medium],
        agenda: Agenda,
        tell: Callable[[MediumFailed | MediumReady], None],
        sees: Callable[[], bool],
    ) -> None:
        self._agenda = agenda
        self._tell = tell
        self._sees = sees
        self._interfaces = {medium.link: _Interface() for medium in media}
        self._ports = {i: _Port(m.link) for i, m in enumerate(media) if not isinstance(m, Ping | Ping6 | PingGroup)}
        self._looking = False

    def begin(self) -> None:
        """A new process opens them all."""
        for index, port in self._ports.items():
            port.number, port.failed, port.gone = 0, "", False
            self._open(index, port, first=True)
        self._look_on()

    def remove(self, link: str) -> None:
        """The interface is gone."""
        self._interfaces[link].there = False
        self._look_on()

    def rename(self, link: str) -> None:
        """It has another name."""
        self._interfaces[link].named = False
        self._look_on()

    def restore(self, link: str) -> None:
        """It is there under its name: a new one if it was removed."""
        interface = self._interfaces[link]
        interface.number += not interface.there
        interface.there = interface.named = True

    @property
    def deaf(self) -> bool:
        """Whether the host has no interface at all that a heartbeat could use."""
        used = [self._interfaces[port.link] for port in self._ports.values()]
        return not any(interface.there and interface.named for interface in used)

    def heal(self) -> None:
        """All are there."""
        for link in self._interfaces:
            self.restore(link)

    # -- what the heartbeat does with them -----------------------------------------------------------------------

    def carries(self, index: int) -> bool:
        """Whether a heartbeat that is sent there leaves, as far as the host knows."""
        return index in self._ports and not all(port.gone for port in self._ports.values())

    def send(self, index: int) -> bool:
        """A datagram is sent; whether it leaves."""
        port = self._ports[index]
        if not port.number:
            return False
        if self._works(port):
            return True
        self._fail(index, port, NO_DEVICE)
        return False

    def hears(self, index: int) -> bool:
        """Whether a datagram that arrives at its interface is read."""
        return index not in self._ports or self._works(self._ports[index])

    def _works(self, port: _Port) -> bool:
        interface = self._interfaces[port.link]
        return interface.there and port.number == interface.number

    # -- the second's look ---------------------------------------------------------------------------------------

    def _look_on(self) -> None:
        if not self._looking and not self._at_rest():
            self._looking = True
            self._agenda.after(LOOK_MS - self._agenda.now % LOOK_MS, self._look)

    def _at_rest(self) -> bool:
        return all(i.there and i.named for i in self._interfaces.values()) and all(
            map(self._works, self._ports.values())
        )

    def _look(self) -> None:
        self._looking = False
        if self._sees():
            for index, port in self._ports.items():
                interface = self._interfaces[port.link]
                if port.number and not (self._works(port) and interface.named):
                    self._fail(index, port, REPLACED)
                if not port.number:
                    self._open(index, port)
        self._look_on()

    def _open(self, index: int, port: _Port, *, first: bool = False) -> None:
        interface = self._interfaces[port.link]
        if not (interface.there and interface.named):
            self._fail(index, port, NO_NAME, gone=True)
            return
        port.number, port.failed, port.gone = interface.number, "", False
        if not first:
            self._tell(MediumReady(index))

    def _fail(self, index: int, port: _Port, error: str, *, gone: bool = False) -> None:
        port.number, port.gone = 0, gone
        if error != port.failed:
            port.failed = error
            self._tell(MediumFailed(index, error, gone))
