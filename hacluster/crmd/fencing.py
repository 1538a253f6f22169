"""What crmd knows of fencing: which wishes are under way, who is certainly down, and when this node itself was meant.

A fencing is evidence about one life of a node. It takes down the life that was there when it began; of a node that was
in no view then it takes down what was lost, unless a new life of it has come into a view meanwhile: such a success says
nothing about the new one, and is not used. A life that was fenced and speaks again lives: then the device lied, which
is said at the highest rank, and it is not believed down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hacluster.base.machine import Instant
from hacluster.base.members import Member, ViewId
from hacluster.cib.change import Change, NodeForgotten, NodeStateSet
from hacluster.msg.stonith import FencingConfigured, FencingEntry, FencingState
from hacluster.msg.transition import Task
from hacluster.msg.views import View

AGAIN_MS: Final = 2_000
"""After a fencing that failed, before it is thought of again."""

ALONE_AGAIN_MS: Final = 5_000
"""The same for one of two nodes, which can do nothing else meanwhile; it doubles up to a minute."""

MOST_AGAIN_MS: Final = 60_000
LIES_MS: Final = 30_000
"""How long a member may seem to live after it was fenced: the view needs a while to notice."""

LIVED_MS: Final = 2_000
"""By how much a node must have lived longer than its own fencing took, to have been fenced while alive."""

_STRIKES: Final = frozenset({"off", "reboot"})


@dataclass(frozen=True, slots=True)
class Wish:
    """A fencing that this node's fencer was asked for; ``task`` is ``None`` for one of two nodes that is alone."""

    target: str
    view: ViewId
    task: Task | None = None
    transition_key: str = ""


@dataclass(slots=True)
class _Begun:
    """A fencing that has begun: the life of its target that was in our view then; ``spoilt`` by a newer one."""

    target: str
    life: Member | None
    spoilt: bool = False


@dataclass(slots=True)
class FencingDesk:
    """See the module. ``down``: names whose lost life was fenced and that have not been seen since."""

    node: str
    config: FencingConfigured = field(default_factory=FencingConfigured)
    wishes: dict[int, Wish] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    known: dict[str, bool] = field(default_factory=dict)
    began: Instant | None = None
    serial: int = 0
    _begun: dict[str, _Begun] = field(default_factory=dict)
    _struck: dict[str, Member] = field(default_factory=dict)
    _dead: dict[str, Member] = field(default_factory=dict)
    _lives: dict[str, Member] = field(default_factory=dict)

    # ---- wishes

    def wish(self, wish: Wish) -> int:
        """Note a wish; its number."""
        self.serial += 1
        self.wishes[self.serial] = wish
        return self.serial

    def may_try(self, target: str) -> bool:
        """Whether a target has not failed to be fenced too often."""
        return self.failures.get(target, 0) < self.config.max_attempts

    def failed(self, target: str) -> int:
        """A fencing has failed: how many times in a row that is now."""
        self.failures[target] = self.failures.get(target, 0) + 1
        return self.failures[target]

    def unseen(self, view: View) -> list[str]:
        """Configured nodes that are neither members nor known to the status."""
        return sorted(node.name for node in self.config.nodes if node.name not in view.names | set(self.known))

    def on_status(self, change: Change) -> None:
        """The status knows of a node, or forgets it."""
        if isinstance(change, NodeStateSet):
            member = dict(change.words).get("in_ccm")
            before = self.known.get(change.node, False)
            self.known[change.node] = before if member is None else member not in ("false", "0")
        elif isinstance(change, NodeForgotten) and not change.histories_only:
            self.known.pop(change.node, None)

    # ---- views

    def on_view(self, view: View) -> list[str]:
        """A view is entered: the names that live although they were fenced."""
        lives, liars = {member.name: member for member in view.members}, []
        for name, life in list(self._struck.items()):
            if lives.get(name) != life:
                del self._struck[name]
                if name not in lives:
                    self._is_down(name, life)
        for name, member in lives.items():
            if self._dead.pop(name, None) == member:
                liars.append(name)
            self.down.discard(name)
            self.failures.pop(name, None)
            self._lives[name] = member
            for begun in self._begun.values():
                begun.spoilt = begun.spoilt or (begun.target == name and begun.life != member)
        return sorted(liars)

    def _is_down(self, name: str, life: Member | None) -> None:
        self.down.add(name)
        if life is not None:
            self._dead[name] = life

    # ---- what was fenced

    def on_begun(self, entry: FencingEntry, view: View | None) -> None:
        """A fencing of anybody has begun."""
        if entry.action in _STRIKES:
            life = None if view is None else next((m for m in view.members if m.name == entry.target), None)
            self._begun[entry.id] = _Begun(entry.target, life)

    def on_ended(self, entry: FencingEntry, view: View | None, *, by_hand: bool) -> bool:
        """A fencing of anybody has ended: whether its target is certainly down now."""
        begun = self._begun.pop(entry.id, None)
        if entry.state is not FencingState.SUCCESS or entry.action not in _STRIKES or entry.target == self.node:
            return False
        self.failures.pop(entry.target, None)
        present = None if view is None else next((m for m in view.members if m.name == entry.target), None)
        if by_hand:
            if present is None:
                self._is_down(entry.target, self._lives.get(entry.target))
            return present is None
        if begun is None or begun.spoilt:
            return False
        if present is not None:
            self._struck[entry.target] = present
            return False
        self._is_down(entry.target, self._lives.get(entry.target))
        return True

    def still_there(self, view: View) -> list[str]:
        """Members of the view whose very life was fenced."""
        return sorted(member.name for member in view.members if self._struck.get(member.name) == member)

    def forgive(self, name: str) -> None:
        """A member was fenced and lives: it is not believed down when it leaves."""
        self._struck.pop(name, None)

    def was_alive(self, entry: FencingEntry, now: Instant) -> bool:
        """Whether this node has lived through its own fencing from before its beginning to its end."""
        if entry.target != self.node or entry.action not in _STRIKES or entry.state is not FencingState.SUCCESS:
            return False
        took = max(0, entry.ended_ms - entry.began_ms)
        return self.began is not None and now - self.began > took + LIVED_MS
