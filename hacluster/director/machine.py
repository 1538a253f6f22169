"""The director: looks at real servers and keeps the kernel's table as their state wants it.

Theory of operation. At the start the table is read once. A server that has traffic there keeps it; any other gets none
before its first good check (with ``quiescent`` it stands in the table with weight 0 from the start). From then on each
check runs at its own fixed rate (:mod:`hacluster.director.checking`) and its end changes the state of the servers that
share it (:mod:`hacluster.director.servers`). After each event the rules that lead from the table to what is wanted
(:mod:`hacluster.director.group`) are asked for in one :class:`Apply`; there is never more than one under way. What the
machine believes of the table is what was read last plus the rules that the driver says have worked; when one has not,
nothing more is asked for before the table has been read anew, a check interval later.

The table is read again every check interval: what has vanished is put back and reported, a weight that somebody set by
hand stays until the server's state changes, entries that nobody configured stay until the next start or reload.

A reload keeps every state that is known: no dead server comes back, no live one drops, no alert is sent again.

What it does not do: look at servers, run ipvsadm, send mail, read files. A check whose end never comes is not asked
again: the driver bounds each by its time limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from hacluster.base.machine import Instant, after, earliest
from hacluster.base.report import Severity
from hacluster.director.checking import Schedule
from hacluster.director.group import Group
from hacluster.director.servers import Server, State
from hacluster.director.view import view_of
from hacluster.director.words import (
    Applied,
    Apply,
    Checked,
    Command,
    Deed,
    DirectorView,
    Ended,
    Event,
    Log,
    MaintenanceSeen,
    Monitor,
    ReadTable,
    Reloaded,
    Run,
    SendMail,
    StopAsked,
    TableRead,
    Tick,
)
from hacluster.lvs.rules import Rule, perform
from hacluster.lvs.settings import Check, DaemonStatus, DirectorSettings, Virtual
from hacluster.lvs.table import ServiceId, Table

TABLE_TIMEOUT_MS = 30_000
"""After this time a question about the table, or rules that were asked for, count as lost and are asked again."""

RULE_TIMEOUT_MS = 100
"""What each rule that is under way adds to that: thousands of servers at once take the kernel its time."""


class DirectorMachine:
    """One configuration's worth of virtual services."""

    def __init__(self, settings: DirectorSettings, now: Instant) -> None:
        self._settings = settings
        self._status = DaemonStatus.STARTING
        self._groups: dict[ServiceId, Group] = {}
        self._gone: list[Virtual] = []
        self._schedule = Schedule()
        self._table = Table()
        self._known = False
        self._purge = True
        self._tag = "start"
        self._applying: tuple[Rule, ...] | None = None
        self._asked: Instant | None = None
        self._next_read: Instant | None = now
        self._maintenance: frozenset[str] = frozenset()
        self._fault = ""
        self._failed: frozenset[tuple[Rule, str]] = frozenset()
        self._stale = False
        self._dirty: set[ServiceId] = set()
        self._watched: dict[Check, list[tuple[Group, Server | None]]] = {}
        self._configure(settings, now)

    # what a driver needs ------------------------------------------------------------------------------------------

    def step(self, event: Event, now: Instant) -> list[Deed]:
        """Take one event in; see the module's theory of operation."""
        deeds: list[Deed] = []
        match event:
            case Tick():
                deeds += self._on_tick(now)
            case TableRead():
                deeds += self._on_table(event, now)
            case Applied():
                deeds += self._on_applied(event, now)
            case Checked():
                deeds += self._on_checked(event, now)
            case MaintenanceSeen():
                deeds += self._on_maintenance(event.names, now)
            case Reloaded():
                deeds += self._on_reloaded(event.settings, now)
            case StopAsked():
                deeds += self._on_stop()
            case _:
                assert_never(event)
        return deeds + self._settle(now)

    def deadline(self) -> Instant | None:
        """When the machine next wants a :class:`Tick`."""
        if self._status is DaemonStatus.STOPPING:
            return None
        waiting = None if self._asked is None else after(self._asked, self._patience())
        mails = [after(at, every) for _, server, every in self._reminders() if (at := server.mailed) is not None]
        checks = self._schedule.deadline() if self._known else None
        read = self._next_read if self._asked is None else None
        return earliest(checks, read, waiting, *mails)

    def check(self) -> None:
        """Assert the invariants."""
        assert self._applying is None or self._asked is not None
        for id_, group in self._groups.items():
            assert group.id == id_
            for server in group.servers.values():
                assert not server.adopted or server.state is State.UNKNOWN
                assert server.state is not State.UP or server.passed or server.checked is None

    def view(self) -> DirectorView:
        """Everything that people may want to see."""
        return view_of(self._status, self._groups.values(), self._table, self._fault)

    def _patience(self) -> int:
        """How long what was asked for may take, in milliseconds."""
        return TABLE_TIMEOUT_MS + RULE_TIMEOUT_MS * len(self._applying or ())

    # configuration ------------------------------------------------------------------------------------------------

    def _configure(self, settings: DirectorSettings, now: Instant) -> None:
        before, self._groups = self._groups, {}
        self._settings = settings
        for virtual in settings.virtuals:
            id_ = virtual.service.id
            group = before.pop(id_, None) or Group(virtual)
            group.configure(virtual, now)
            self._groups[id_] = group
        self._gone += [group.virtual for group in before.values()]
        self._gone = [virtual for virtual in self._gone if virtual.service.id not in self._groups]
        self._schedule.configure((check for group in self._groups.values() for check in group.checks()), now)
        self._watched = {}
        for group in self._groups.values():
            for server in group.servers.values():
                self._watched.setdefault(server.real.check, []).append((group, server))
            fallback = group.fallback_check()
            if fallback is not None:
                self._watched.setdefault(fallback, []).append((group, None))
        self._purge = True
        self._dirty = set(self._groups)

    def _on_reloaded(self, settings: DirectorSettings, now: Instant) -> Iterator[Deed]:
        before = self._status
        self._status, self._tag = DaemonStatus.RELOADING, "reload"
        self._configure(settings, now)
        yield from self._on_maintenance(self._maintenance, now)
        yield Log(Severity.INFO, "reloaded", f"reread the configuration: {len(settings.virtuals)} virtual services")
        if before is not DaemonStatus.STOPPING and self._known:
            self._status = DaemonStatus.RUNNING

    # the kernel's table ---------------------------------------------------------------------------------------------

    def _on_tick(self, now: Instant) -> Iterator[Deed]:
        if self._asked is not None and now >= self._asked + self._patience():
            yield Log(Severity.WARNING, "table-timeout", "no answer about the kernel's table: it is read anew")
            self._asked, self._applying, self._next_read = None, None, now
        yield from self._remind(now)

    def _on_table(self, event: TableRead, now: Instant) -> Iterator[Deed]:
        self._asked = None
        self._next_read = after(now, self._settings.check_interval_ms)
        if event.fault:
            if event.fault != self._fault:
                yield Log(Severity.ERROR, "no-table", f"cannot read the kernel's table: {event.fault}")
            self._fault = event.fault
            return
        self._fault, self._stale = "", False
        expected, first = self._table, not self._known
        self._table, self._known = event.table, True
        self._dirty = set(self._groups)
        if first:
            for group in self._groups.values():
                group.adopt(self._table)
            self._status = DaemonStatus.RUNNING if self._status is DaemonStatus.STARTING else self._status
            return
        for group in self._groups.values():
            for server, entry in group.notice(expected, self._table):
                text = f"weight of {server.real} ({group.virtual}) was set to {entry.weight} by somebody else: it stays"
                yield Log(Severity.NOTICE, "weight-by-hand", f"{text} until the server's state changes")
            yield from _vanished(group, expected, self._table)

    def _on_applied(self, event: Applied, now: Instant) -> Iterator[Deed]:
        rules, self._applying, self._asked = self._applying or (), None, None
        failed = {rule for rule, _ in event.faults}
        for rule in rules:
            if rule not in failed:
                perform(self._table, rule)
                yield from self._say_done(rule)
        for rule, said in event.faults:
            if (rule, said) not in self._failed:
                yield Log(Severity.ERROR, "rule-failed", f"ipvsadm {rule}: {said}")
        self._failed = frozenset(event.faults)
        self._stale = bool(event.faults)
        if event.faults:
            self._next_read = after(now, self._settings.check_interval_ms)

    def _say_done(self, rule: Rule) -> Iterator[Log]:
        """What was done to virtual services and to entries that nobody configured; servers say their own changes."""
        id_, entry = rule.service.id, rule.destination
        group = self._groups.get(id_)
        match rule.command:
            case "-A":
                yield Log(Severity.NOTICE, "virtual-added", f"Added virtual server: {id_}")
            case "-E":
                yield Log(Severity.NOTICE, "virtual-changed", f"Changed virtual server: {id_}")
            case "-D":
                yield Log(Severity.NOTICE, "purged", f"Purged virtual server ({self._tag}): {id_}")
            case "-d" if group is not None and entry is not None and not group.owns(entry):
                yield Log(Severity.NOTICE, "purged", f"Purged real server ({self._tag}): {entry} ({id_})")

    # checks -----------------------------------------------------------------------------------------------------------

    def _on_checked(self, event: Checked, now: Instant) -> Iterator[Deed]:
        if not self._schedule.ended(event.check, now, up=event.up, connect_only=event.connect_only):
            return
        if event.connect_only and not event.up:
            return
        for group, server in self._watched.get(event.check, ()):
            if server is None:
                yield from self._on_fallback(group, event)
            else:
                server.took_ms = event.took_ms
                yield from self._observe(group, server, event, now)

    def _observe(self, group: Group, server: Server, event: Checked, now: Instant) -> Iterator[Deed]:
        virtual = group.virtual
        if virtual.monitor_file:
            state = "up" if event.up else "down"
            yield Monitor(virtual.monitor_file, f"{event.check} {server.real} [{state}] {_monitor_text(event.text)}")
        failures = server.failures
        if server.observe(up=event.up, text=event.text, failure_count=virtual.failure_count, now=now):
            yield from self._say_change(group, server, now)
        elif not event.up and server.serves:
            text = (
                f"Soft failure real server: {server.real} ({virtual}) failure {server.failures}/{virtual.failure_count}"
            )
            yield Log(Severity.WARNING, "soft-failure", f"{text}: {event.text}")
        elif event.up and failures and server.serves:
            yield Log(Severity.INFO, "soft-reset", f"Resetting soft failure count: {server.real} ({virtual})")

    def _on_fallback(self, group: Group, event: Checked) -> Iterator[Deed]:
        if group.fallback_up == event.up:
            return
        group.fallback_up, group.fallback_text = event.up, event.text
        self._dirty.add(group.id)
        if event.up:
            yield Log(Severity.NOTICE, "fallback-back", f"fallback server {group.virtual.fallback} answers again")
        else:
            text = f"fallback server {group.virtual.fallback} ({group.virtual}) does not answer: {event.text}"
            yield Log(Severity.ERROR, "fallback-dead", text)

    def _on_maintenance(self, names: frozenset[str], now: Instant) -> Iterator[Deed]:
        self._maintenance = names
        for group in self._groups.values():
            for server in group.servers.values():
                hit = _in_maintenance(server, names)
                if hit and server.state not in {State.MAINTENANCE, State.OFF}:
                    server.become(State.MAINTENANCE, now)
                    server.text = f"in maintenance: there is a file {hit}"
                    yield from self._say_change(group, server, now)
                elif not hit and server.state is State.MAINTENANCE:
                    passed = server.passed or server.real.check.type.value == "on"
                    server.become(State.UP if passed else State.DOWN, now)
                    server.text = "maintenance has ended" + ("" if passed else ", the last check failed")
                    yield from self._say_change(group, server, now)

    # what people are told ---------------------------------------------------------------------------------------------

    def _say_change(self, group: Group, server: Server, now: Instant) -> Iterator[Deed]:
        virtual, up = group.virtual, server.state is State.UP
        self._dirty.add(group.id)
        entry = group.present(self._table, server)
        if up:
            verb = "Added" if entry is None else "Restored"
            words = f"{verb} real server: {server.real} ({virtual}) (Weight set to {server.real.weight})"
        elif entry is None or not entry.weight:
            words = f"Real server is down: {server.real} ({virtual})"
        elif virtual.quiescent:
            words = f"Quiescent real server: {server.real} ({virtual}) (Weight set to 0)"
        else:
            words = f"Deleted real server: {server.real} ({virtual})"
        yield Log(Severity.NOTICE if up else Severity.WARNING, f"server-{server.state}", f"{words}: {server.text}")
        server.mailed = None if up or not virtual.mail.every_ms else now
        yield from self._mail(group, words)

    def _mail(self, group: Group, subject: str) -> Iterator[Deed]:
        virtual = group.virtual
        if virtual.mail.to and self._status in virtual.mail.when:
            title = f"[{virtual.name}] {subject}" if virtual.name else subject
            yield SendMail(virtual.mail, title, _details(group))

    def _reminders(self) -> Iterator[tuple[Group, Server, int]]:
        for group in self._groups.values():
            every = group.virtual.mail.every_ms
            if every and group.virtual.mail.to:
                for server in group.servers.values():
                    if server.mailed is not None and server.state in {State.DOWN, State.MAINTENANCE}:
                        yield group, server, every

    def _remind(self, now: Instant) -> Iterator[Deed]:
        for group, server, every in list(self._reminders()):
            assert server.mailed is not None
            if now >= server.mailed + every:
                server.mailed = now
                yield from self._mail(group, f"Inaccessible real server: {server.real} ({group.virtual})")

    # what follows from the state --------------------------------------------------------------------------------------

    def _settle(self, now: Instant) -> list[Deed]:
        if self._status is DaemonStatus.STOPPING:
            return self._settle_stop()
        deeds: list[Deed] = []
        if self._asked is None and self._next_read is not None and now >= self._next_read:
            self._asked, self._next_read = now, None
            deeds.append(ReadTable())
        if self._known:
            deeds += [Run(check, connect_only) for check, connect_only in self._schedule.due(now)]
            changed = [self._groups[id_] for id_ in self._groups if id_ in self._dirty]
            deeds += self._apply(now)
            for group in changed:
                deeds += _fallback_deeds(group)
        return deeds

    def _apply(self, now: Instant) -> list[Deed]:
        if self._asked is not None or self._stale or not (self._dirty or self._gone or self._purge):
            return []
        self._gone = [virtual for virtual in self._gone if virtual.service.id in self._table.services]
        rules = [Rule("-D", virtual.service) for virtual in self._gone]
        for id_, group in self._groups.items():
            if self._purge or id_ in self._dirty:
                rules += group.rules(self._table, purge=self._purge)
        self._dirty = set()
        if not rules:
            self._purge = False
            return []
        self._applying, self._asked = tuple(rules), now
        return [Apply(tuple(rules))]

    def _on_stop(self) -> Iterator[Deed]:
        if self._status is not DaemonStatus.STOPPING:
            self._status, self._tag = DaemonStatus.STOPPING, "stop"
            self._gone = [group.virtual for group in self._groups.values() if group.virtual.clean_stop]
            kept = len(self._groups) - len(self._gone)
            if kept:
                yield Log(Severity.INFO, "kept", f"{kept} virtual services stay in the table: cleanstop = no")

    def _settle_stop(self) -> list[Deed]:
        """After the rules under way have ended: take our services out, once, then end."""
        if self._applying is not None:
            return []
        rules = [Rule("-D", virtual.service) for virtual in self._gone if virtual.service.id in self._table.services]
        self._gone = []
        if not rules:
            return [Ended()]
        self._applying, self._asked = tuple(rules), Instant(0)
        return [Apply(tuple(rules))]


def _vanished(group: Group, expected: Table, found: Table) -> Iterator[Log]:
    """What we had put into the table and somebody else took out; the rules that follow put it back."""
    if group.id in expected.services and group.id not in found.services:
        yield Log(Severity.WARNING, "repaired", f"virtual server {group.virtual} was taken out by somebody else: added")
        return
    wanted = {
        (entry.address, entry.port)
        for server in group.servers.values()
        if (entry := server.wanted(group.virtual, present=True)) is not None
    }
    for entry in expected.of(group.id):
        here = (entry.address, entry.port) in wanted
        if here and found.find(group.id, entry.address, entry.port) is None:
            text = f"real server {entry} ({group.virtual}) was taken out by somebody else: added again"
            yield Log(Severity.WARNING, "repaired", text)


def _fallback_deeds(group: Group) -> Iterator[Deed]:
    """What is said and run when the last server goes and when the first returns."""
    virtual = group.virtual
    if group.off():
        return
    serving = group.serving()
    on = not serving and virtual.fallback is not None and group.fallback_up
    if on != group.fallback_on:
        group.fallback_on = on
        said = f"fallback server: {virtual.fallback} ({virtual})"
        said = f"Added {said} (Weight set to 1)" if on else f"Deleted {said}"
        yield Log(Severity.NOTICE, f"fallback-{'on' if on else 'off'}", said)
    state = "stop" if serving else "start"
    if virtual.fallback_command and state != group.command_state:
        first = not group.command_state
        group.command_state = state
        if not (first and serving):
            yield Command((virtual.fallback_command, state, str(virtual), virtual.service.id.protocol.value))


def _in_maintenance(server: Server, names: frozenset[str]) -> str:
    """The file that puts the server into maintenance; empty when there is none."""
    if not names:
        return ""
    candidates = [str(server.real)]
    for name in sorted(server.real.names):
        candidates += [f"{name}:{server.real.port}", name]
    return next((name for name in candidates if name in names), "")


def _monitor_text(text: str) -> str:
    """``text`` with what would break a line's fields escaped, as ldirectord writes it (``%7c``, ``%0a``)."""
    return "".join(f"%{ord(character):02x}" if character in "%|\r\n" else character for character in text or "-")


def _details(group: Group) -> tuple[str, ...]:
    virtual = group.virtual
    lines = [f"Virtual service: {virtual.service.id.label}"]
    if virtual.comment:
        lines.append(f"Comment: {virtual.comment}")
    lines += [
        f"Real server: {server.real} weight {server.real.weight}: {server.state} ({server.text or '-'})"
        for server in group.servers.values()
    ]
    return tuple(lines)
