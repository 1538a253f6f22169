"""attrd as a machine: the attributes of this node that last until it restarts, and what is known of the others'.

Theory of operation
-------------------
Each node *owns* its attributes: whoever wants one changed tells its node, which decides, tells all members at once, and
writes the value into the status of the CIB when its dampening is over. For a node that is no member (a remote node) the
leader of the view does that. So every member knows all values, private ones too, which the status never gets.

When a view works, every owner says everything anew: to the members whole, and to the status as one change
(``NodeAttributesSet``), in which nothing is missing for a moment. The leader takes the attributes of nodes that left
out of the status. What a node owns is kept in memory that survives a crash of the process, not a restart of the host.

*Dampening*: the first change of a value starts its time; what the value is when it is over is written, so that values
which several nodes find at about the same time are decided on together.

A request is answered at once, or when the value is known here (``local``), or when the status has it (``cluster``); a
time is set to that.

What the machine does not do: attributes that last (they are configuration), access control, decide what a value means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, assert_never

import msgspec

from hacluster.attrd.table import Table, counted
from hacluster.base.effects import Effect, MachineName, Persist, Reply
from hacluster.base.limits import MAX_ATTRIBUTES
from hacluster.base.machine import Instant
from hacluster.base.members import Member
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.cib.change import AttributeSet, Change, NodeAttributesSet
from hacluster.msg.attrd import (
    Attribute,
    AttributeAsked,
    AttributeQuery,
    AttributesTold,
    AttributeValues,
    Update,
    UpdateAttribute,
    Wait,
)
from hacluster.msg.driver import (
    HostSample,
    MachineRestarted,
    Persisted,
    PersistFailed,
    Refused,
    Request,
    RequesterGone,
    Restored,
    StopRequested,
    Tick,
)
from hacluster.msg.membership import Accepted
from hacluster.msg.replica import ChangeStatus, Committed, StatusChanged
from hacluster.msg.stream import Convey, Conveyed
from hacluster.msg.views import DownConfirmed, View, ViewEntered, ViewLeft, ViewSynced

Event = (
    UpdateAttribute
    | ViewEntered
    | ViewLeft
    | ViewSynced
    | DownConfirmed
    | StatusChanged
    | Committed
    | Conveyed
    | Tick
    | HostSample
    | Restored
    | Persisted
    | PersistFailed
    | Request
    | RequesterGone
    | StopRequested
    | MachineRestarted
)

KEY: Final = "attrd"
"""What is kept of the attributes that this node owns; volatile."""

WAIT_MS: Final = 10_000
"""How long who waits for a value to be known is kept waiting."""

_Kept = msgspec.json.Decoder(dict[str, tuple[Attribute, str | None]])


@dataclass(slots=True)
class _Waiter:
    """A client that waits: for a value of an attribute of a node, as far as ``wait`` says."""

    node: str
    name: str
    wait: Wait


class AttrdMachine:
    """See the module. ``node`` is this node's name."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._table = Table()
        self._written: dict[tuple[str, str], Attribute] = {}
        self._view: View | None = None
        self._synced = False
        self._gone: set[str] = set()
        self._timers: Timers[tuple[str, str] | int] = Timers()
        self._waiters: dict[int, _Waiter] = {}
        self._dirty = False
        self._step = Step("attrd")

    # ---- the shape of a machine

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._step.begin(now)
        self._dispatch(event)
        if self._dirty:
            self._keep()
        return self._step.out

    def deadline(self) -> Instant | None:
        """When a dampening is over, or somebody has waited long enough."""
        return self._timers.deadline()

    def check(self) -> None:
        """Assert every invariant."""
        assert not self._synced or self._view is not None
        for client in self._waiters:
            assert client in self._timers, client

    @property
    def table(self) -> Table:
        """What is known of all nodes; not to be changed."""
        return self._table

    # ---- events

    def _dispatch(self, event: Event) -> None:
        match event:
            case UpdateAttribute():
                self._ask(event)
            case Request():
                self._on_request(event)
            case RequesterGone():
                self._waiters.pop(event.request_id, None)
                self._timers.cancel(event.request_id)
            case ViewEntered():
                self._view, self._synced = event.view, False
                self._gone |= {member.name for member in event.left}
                self._gone -= event.view.names
            case ViewLeft():
                self._view, self._synced = None, False
            case ViewSynced():
                self._on_synced(event)
            case Conveyed():
                self._on_conveyed(event.sender, event.body)
            case StatusChanged():
                self._on_status(event.change)
            case Restored():
                self._on_restored(event)
            case Tick():
                self._on_tick()
            case (
                Committed() | HostSample() | Persisted() | PersistFailed() | StopRequested()
                | MachineRestarted()
                | DownConfirmed()
            ):  # fmt: skip
                pass
            case _:
                assert_never(event)

    def _on_restored(self, event: Restored) -> None:
        if event.key != KEY or not event.data:
            return
        try:
            kept = _Kept.decode(event.data)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            self._step.say(
                Severity.WARNING, "attributes-lost", f"what was kept of this node's attributes is damaged: {error}"
            )
            return
        for name, (attribute, written) in kept.items():
            self._table.put(self._node, attribute)
            if written is not None:
                self._written[self._node, name] = replace(attribute, value=written)

    def _keep(self) -> None:
        self._dirty = False
        own = {
            name: (attribute, None if (written := self._written.get((self._node, name))) is None else written.value)
            for name, attribute in self._table.of(self._node).items()
        }
        self._step.out.append(Persist(KEY, msgspec.json.encode(own), 0, volatile=True))

    # ---- views

    def _owned(self) -> list[str]:
        """The nodes that this one speaks for: itself, and on the leader those that are no members."""
        view = self._view
        if view is None or view.leader != self._node:
            return [self._node]
        return [self._node, *sorted(name for name in self._table.nodes if name not in view.names | self._gone)]

    def _owner(self, node: str) -> str:
        view = self._view
        if view is None:
            return self._node
        return node if node in view.keepers else view.leader

    def _on_synced(self, event: ViewSynced) -> None:
        view = self._view
        if view is None or view.id != event.id:
            return
        self._synced = True
        for node in self._owned():
            whole = tuple(self._table.of(node).values())
            self._cast(AttributesTold(view.id, node, whole, whole=True))
            shown = tuple(entry for (owner, _), entry in self._written.items() if owner == node)
            self._change(_whole(node, shown))
        for node in sorted(self._gone):
            self._forget(node)
            if view.leader == self._node:
                self._change(NodeAttributesSet(node))
        self._gone.clear()
        for node in self._owned():
            for name in self._table.of(node):
                self._write_soon(node, name)

    def _forget(self, node: str) -> None:
        self._table.forget(node)
        for key in [key for key in self._written if key[0] == node]:
            del self._written[key]

    # ---- updates

    def _on_request(self, event: Request) -> None:
        match event.body:
            case AttributeQuery():
                view = self._view
                known = view.keepers | frozenset(self._table.nodes) if view is not None else frozenset({self._node})
                wanted = known if not event.body.node else known & {event.body.node}
                values = self._table.values(event.body.name, frozenset(wanted))
                self._step.reply(event.request_id, AttributeValues(event.body.name, values))
            case UpdateAttribute():
                self._on_update(event.request_id, event.body)
            case _:
                self._step.reply(event.request_id, Refused("unknown-request", "attrd does not answer this"))

    def _on_update(self, client: int, update: UpdateAttribute) -> None:
        fault = self._fault(update)
        if fault is not None:
            self._step.reply(client, fault)
            return
        node = update.node or self._node
        before = len(self._step.out)
        if update.wait is Wait.NO or update.pattern or update.update is Update.REFRESH:
            self._ask(update)
            self._step.out.insert(before, Reply(client, Accepted()))
            return
        self._waiters[client] = _Waiter(node, update.name, update.wait)
        self._timers.set(client, self._step.now, WAIT_MS)
        self._ask(update)

    def _fault(self, update: UpdateAttribute) -> Refused | None:
        if update.pattern:
            try:
                re.compile(update.pattern)
            except re.error as error:
                return Refused("bad-pattern", f"{update.pattern} is no regular expression: {error}")
        elif not update.name and update.update is not Update.REFRESH:
            return Refused("no-name", "an attribute needs a name")
        if len(self._table.of(update.node or self._node)) >= MAX_ATTRIBUTES:
            return Refused("too-many", f"{update.node or self._node} has {MAX_ATTRIBUTES} attributes already")
        return None

    def _ask(self, update: UpdateAttribute) -> None:
        """Have it done by who owns it."""
        if update.pattern:
            for name in self._table.names(update.pattern):
                self._ask(replace(update, pattern="", name=name))
            return
        node = update.node or self._node
        owner, view = self._owner(node), self._view
        if owner == self._node or view is None:
            self._update(replace(update, node=node))
        else:
            body = AttributeAsked(view.id, replace(update, node=node, wait=Wait.NO))
            self._step.send(MachineName.SPEECH, Convey((owner,), MachineName.ATTRD, body))

    def _update(self, update: UpdateAttribute) -> None:
        node, name = update.node, update.name
        if update.update is Update.REFRESH:
            for owned in self._owned():
                for known in self._table.of(owned):
                    self._write(owned, known)
            return
        known_now = self._table.get(node, name)
        old = known_now or self._table.template(name)
        new = old
        if update.update in (Update.DELAY, Update.BOTH) or (known_now is None and update.delay_ms is not None):
            new = replace(new, delay_ms=update.delay_ms or 0)
        if update.update in (Update.VALUE, Update.BOTH):
            new = replace(new, value=counted(old.value, update.value))
        if known_now is None:
            new = replace(
                new,
                set=update.set or new.set,
                private=update.private or new.private,
                utilization=update.utilization or new.utilization,
            )
        if known_now is None and new.value is None:
            self._served(node, name)
            return
        if new == known_now:
            self._served(node, name)
            return
        self._table.put(node, new)
        self._dirty |= node == self._node
        if self._view is not None:
            self._cast(AttributesTold(self._view.id, node, (new,)))
        self._write_soon(node, name, new.delay_ms)
        self._known(node, name)

    def _write_soon(self, node: str, name: str, delay_ms: int | None = None) -> None:
        """Write it when its dampening is over, which is not begun anew by a further change."""
        entry = self._table.get(node, name)
        if self._is_written(node, name):
            self._timers.cancel((node, name))
            self._served(node, name)
            return
        wait = delay_ms if delay_ms is not None else entry.delay_ms if entry is not None else 0
        if wait:
            self._timers.sooner((node, name), self._step.now, wait)
        else:
            self._write(node, name)

    def _is_written(self, node: str, name: str) -> bool:
        entry, written = self._table.get(node, name), self._written.get((node, name))
        if entry is None or entry.private:
            return written is None
        return written is not None and written.value == entry.value

    def _write(self, node: str, name: str) -> None:
        self._timers.cancel((node, name))
        if not self._synced or node not in self._owned():
            return
        entry = self._table.get(node, name)
        written = self._written.get((node, name))
        if entry is not None and not entry.private:
            self._written[node, name] = entry
            self._change(AttributeSet(node, name, entry.value, utilization=entry.utilization))
        elif written is not None:
            del self._written[node, name]
            self._change(AttributeSet(node, name, None, utilization=written.utilization))
        self._dirty |= node == self._node
        if entry is not None and entry.private:
            self._served(node, name)

    # ---- what others say

    def _on_conveyed(self, sender: Member, body: object) -> None:
        view = self._view
        if view is None or sender not in view.members:
            return
        match body:
            case AttributeAsked() if body.view == view.id:
                self._ask(body.update)
            case AttributesTold() if body.view == view.id and self._owner(body.node) == sender.name:
                if body.whole:
                    self._table.take_whole(body.node, body.attributes)
                for attribute in body.attributes:
                    self._table.put(body.node, attribute)
                    self._known(body.node, attribute.name)
            case _:
                pass

    def _on_status(self, change: Change) -> None:
        if not isinstance(change, AttributeSet):
            return
        self._served(change.node, change.name)

    # ---- who waits

    def _known(self, node: str, name: str) -> None:
        entry = self._table.get(node, name)
        for client, waiter in list(self._waiters.items()):
            if (waiter.node, waiter.name) == (node, name) and (
                waiter.wait is Wait.LOCAL or (entry is not None and entry.private)
            ):
                self._answer(client)

    def _served(self, node: str, name: str) -> None:
        for client, waiter in list(self._waiters.items()):
            if (waiter.node, waiter.name) == (node, name):
                self._answer(client)

    def _answer(self, client: int) -> None:
        del self._waiters[client]
        self._timers.cancel(client)
        self._step.reply(client, Accepted())

    def _on_tick(self) -> None:
        while (timer := self._timers.pop(self._step.now)) is not None:
            if isinstance(timer, tuple):
                self._write(*timer)
                continue
            waiter = self._waiters.pop(timer)
            text = f"{waiter.name} of {waiter.node} is not known to be set: the cluster does not acknowledge it"
            self._step.reply(timer, Refused("no-answer", text))

    # ---- speaking

    def _cast(self, told: AttributesTold) -> None:
        assert self._view is not None, "nobody to tell"
        others = tuple(sorted(self._view.keepers - {self._node}))
        if others:
            self._step.send(MachineName.SPEECH, Convey(others, MachineName.ATTRD, told))

    def _change(self, change: Change) -> None:
        self._step.send(MachineName.CIBD, ChangeStatus(change))


def _whole(node: str, attributes: tuple[Attribute, ...]) -> NodeAttributesSet:
    def pairs(*, utilization: bool) -> tuple[tuple[str, str], ...]:
        found = [(entry.name, entry.value) for entry in attributes if entry.utilization is utilization]
        return tuple((name, value) for name, value in found if value is not None)

    return NodeAttributesSet(node, pairs(utilization=False), pairs(utilization=True))
