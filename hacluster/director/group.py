"""One virtual service with its servers and its fallback: what of it should be in the kernel's table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hacluster.base.machine import Instant
from hacluster.director.servers import Server, State, fallback_entry, first_state
from hacluster.lvs.rules import Rule
from hacluster.lvs.settings import Check, CheckType, Virtual
from hacluster.lvs.table import Destination, Protocol, ServiceId, Table


@dataclass(slots=True)
class Group:
    """State of one virtual service.

    ``fallback_up``: what the last look at the fallback server said; one that nobody looked at counts as up, and so
    does one that cannot be looked at. ``command_state``: what ``fallbackcommand`` was last told. ``dead``: no server
    is up and none is waited for.
    """

    virtual: Virtual
    servers: dict[tuple[str, int], Server] = field(default_factory=dict)
    fallback_up: bool = True
    fallback_text: str = ""
    fallback_on: bool = False
    command_state: str = ""

    @property
    def id(self) -> ServiceId:
        """What names the virtual service."""
        return self.virtual.service.id

    def configure(self, virtual: Virtual, now: Instant) -> None:
        """Take a new configuration over: servers that stay keep their state, however their options changed."""
        before, self.servers = self.servers, {}
        if virtual.fallback != self.virtual.fallback:
            self.fallback_up, self.fallback_text = True, ""
        self.virtual = virtual
        for real in virtual.reals:
            server = before.get((real.address, real.port))
            state = first_state(real)
            if server is None:
                server = Server(real, state, since=now if state is State.UP else None)
            else:
                if server.real.weight != real.weight:
                    server.by_hand = None
                server.real = real
                if state is not State.UNKNOWN and server.state is not State.MAINTENANCE:
                    server.become(state, now)
                elif server.state is State.OFF:
                    server.become(State.UNKNOWN, now)
            self.servers[server.key] = server

    def serving(self) -> bool:
        """Whether any real server gets traffic."""
        return any(server.serves for server in self.servers.values())

    def off(self) -> bool:
        """Whether the section says ``checktype = off``: nothing of it is activated, the fallback neither."""
        servers = self.servers.values()
        return bool(servers) and all(server.state is State.OFF for server in servers)

    def fallback_check(self) -> Check | None:
        """How the fallback server is looked at: a connect, where there is a port to connect to."""
        fallback, virtual = self.virtual.fallback, self.virtual
        if fallback is None or not virtual.reals or not fallback.port or self.id.protocol is Protocol.UDP:
            return None
        like = virtual.reals[0].check
        if like.type in {CheckType.ON, CheckType.OFF}:
            return None
        return Check(
            type=CheckType.CONNECT,
            application=like.application,
            protocol=Protocol.TCP,
            address=fallback.address,
            port=fallback.port,
            server=(fallback.address, fallback.port),
            timeout_ms=like.timeout_ms,
            interval_ms=like.interval_ms,
        )

    def checks(self) -> Iterator[Check]:
        """Everything that has to be looked at."""
        for server in self.servers.values():
            if server.real.check.type not in {CheckType.ON, CheckType.OFF}:
                yield server.real.check
        fallback = self.fallback_check()
        if fallback is not None:
            yield fallback

    def adopt(self, table: Table) -> None:
        """At the start: servers that have traffic keep it until a check says otherwise."""
        for server in self.servers.values():
            entry = self.present(table, server)
            if entry is not None and entry.weight > 0 and server.state is State.UNKNOWN:
                server.adopted = True

    def notice(self, expected: Table, found: Table) -> Iterator[tuple[Server, Destination]]:
        """Weights that somebody else has set: each stays until the server's state changes.

        ``expected`` is the table as our own rules left it.
        """
        for server in self.servers.values():
            before, entry = self.present(expected, server), self.present(found, server)
            if before is None or entry is None or entry.weight == before.weight or not server.serves:
                continue
            server.by_hand = None if entry.weight == server.real.weight else entry.weight
            if server.by_hand is not None:
                yield server, entry

    def owns(self, entry: Destination) -> bool:
        """Whether the entry is that of a configured server or of the fallback."""
        fallback = self.virtual.fallback
        own = [_shape(self.virtual, server) for server in self.servers.values()]
        own += [fallback_entry(self.virtual, fallback)] if fallback is not None else []
        return any((one.address, one.port) == (entry.address, entry.port) for one in own)

    def present(self, table: Table, server: Server) -> Destination | None:
        """The server's entry in ``table``."""
        shape = _shape(self.virtual, server)
        return table.find(self.id, shape.address, shape.port)

    def wanted_fallback(self) -> Destination | None:
        """The fallback's entry, ``None`` while it is not needed or does not answer."""
        fallback = self.virtual.fallback
        if fallback is None or self.serving() or self.off() or not self.fallback_up:
            return None
        return fallback_entry(self.virtual, fallback)

    def rules(self, table: Table, *, purge: bool) -> list[Rule]:
        """What leads from ``table`` to what should be there.

        Servers that come go in before servers that leave go out, so that there is no moment without any.
        Entries that nobody configured stay, unless ``purge``.
        """
        service, id_ = self.virtual.service, self.id
        found = table.services.get(id_)
        rules = [] if found == service else [Rule("-A" if found is None else "-E", service)]
        wanted: dict[tuple[str, int], Destination] = {}
        leaving: list[Destination] = []
        own: set[tuple[str, int]] = set()
        for server in self.servers.values():
            present = self.present(table, server)
            entry = server.wanted(self.virtual, present=present is not None)
            shape = entry or present
            if shape is not None:
                own.add((shape.address, shape.port))
            if entry is not None:
                wanted[entry.address, entry.port] = entry
            elif present is not None:
                leaving.append(present)
        fallback = self.wanted_fallback()
        if fallback is not None:
            wanted.setdefault((fallback.address, fallback.port), fallback)
        for key, configured_entry in wanted.items():
            present = table.find(id_, *key)
            # ldirectord.cf has no word for the kind of a tunnel: one that somebody set stays.
            entry = configured_entry if present is None else replace(configured_entry, tunnel=present.tunnel)
            if present != entry:
                rules.append(Rule("-a" if present is None else "-e", service, entry))
        configured = self.virtual.fallback
        idle = fallback_entry(self.virtual, configured) if configured is not None else None
        for entry in table.of(id_):
            key = (entry.address, entry.port)
            ours = idle is not None and key == (idle.address, idle.port)
            if key not in wanted and key not in own and (purge or ours):
                leaving.append(entry)
        rules += [Rule("-d", service, entry) for entry in leaving if (entry.address, entry.port) not in wanted]
        return rules


def _shape(virtual: Virtual, server: Server) -> Destination:
    """The entry that the server has when it serves."""
    shape = Server(server.real, State.UP).wanted(virtual, present=True)
    assert shape is not None
    return shape
