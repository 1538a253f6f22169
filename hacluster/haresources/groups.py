"""What is to be done with the groups, in order: works, each a list of groups to take or to give.

Inside a work the groups come one after the other in file order (all at once for a work that is ``urgent``). Works go on
beside each other unless they share a group; then the earlier one has the group first. When the last group of a work
is finished the machine gets the work back and speaks the protocol's next word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from hacluster.base.effects import Effect
from hacluster.base.machine import Instant, earliest
from hacluster.config.resources import Haresources
from hacluster.config.settings import HaclusterConfig
from hacluster.haresources.grouprun import GroupRun
from hacluster.haresources.hold import has
from hacluster.msg.haresources import GroupState, Hold
from hacluster.msg.lrm import OpFinished


class WorkTag(StrEnum):
    """Why a work is done, and so what follows it."""

    LOCAL = "local"
    MACH_DOWN = "mach-down"
    GIVE = "give"
    TAKE = "take"
    SHUTDOWN = "shutdown"
    YIELD = "yield"
    ORPHAN = "orphan"
    REJOIN = "rejoin"
    LEFTOVERS = "leftovers"
    RETRY = "retry"
    LEGACY_GIVE = "legacy-give"
    LEGACY_TAKE = "legacy-take"


@dataclass(slots=True)
class Work:
    """Take or give ``keys``. ``waiting`` are those not begun, ``begun`` those begun and not finished."""

    tag: WorkTag
    take: bool
    keys: tuple[str, ...]
    cause: str
    urgent: bool
    note: str
    waiting: list[str]
    begun: list[str]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return not self.waiting and not self.begun


OP_ID_SPAN = 1_000_000
"""Operation ids of one life of this process; the next life begins at the next multiple."""


class Groups:
    """All groups of haresources on this node. Effects are appended to ``sink()``."""

    def __init__(
        self, groups: Haresources, own_node: str, settings: HaclusterConfig, sink: Callable[[], list[Effect]]
    ) -> None:
        self.next_op = 1
        self.added = 0
        self.works: list[Work] = []
        self._own = own_node
        self.runs = {group.key: GroupRun(group, settings, self._new_op, sink) for group in groups.groups}

    def keys(self, which: Hold) -> tuple[str, ...]:
        """The keys of local, foreign or all groups, in file order."""
        return tuple(key for key in self.runs if has(which, self.side(key)))

    def side(self, key: str) -> Hold:
        """Whether a group is local or foreign here."""
        return Hold.LOCAL if self.runs[key].group.node == self._own else Hold.FOREIGN

    def take(self, tag: WorkTag, keys: Iterable[str], cause: str, note: str = "") -> None:
        """Start groups here."""
        self._add(Work(tag, True, tuple(keys), cause, False, note, [], []))

    def give(self, tag: WorkTag, keys: Iterable[str], cause: str, note: str = "") -> None:
        """Stop groups here."""
        self._add(Work(tag, False, tuple(keys), cause, False, note, [], []))

    def give_all(self, tag: WorkTag, cause: str) -> None:
        """Stop everything, one group after the other; all other works are forgotten, a start is waited for."""
        self.works.clear()
        self.give(tag, self.runs, cause)

    def give_at_once(self, tag: WorkTag, cause: str) -> None:
        """Stop everything now and side by side, killing starts that are under way; all other works are forgotten."""
        self.works.clear()
        self._add(Work(tag, False, tuple(self.runs), cause, True, "", [], []))

    def probe(self, which: Hold) -> None:
        """Ask the status of groups that will soon be taken."""
        for key in self.keys(which):
            self.runs[key].probe()

    def pump(self) -> list[Work]:
        """Begin whatever may begin; the works that are finished, in order."""
        finished: list[Work] = []
        moved = True
        while moved:
            moved = False
            taken: set[str] = set()
            for work in list(self.works):
                moved |= self._move(work, taken)
                if work.finished:
                    self.works.remove(work)
                    finished.append(work)
                    moved = True
                taken.update(work.waiting, work.begun)
        return finished

    def on_finished(self, event: OpFinished, now: Instant) -> bool:
        """The result of an operation; false when nobody waits for it."""
        return any(run.on_finished(event, now) for run in self.runs.values())

    def on_time(self, now: Instant) -> None:
        """Do what is due."""
        for run in self.runs.values():
            run.on_time(now)

    def deadline(self) -> Instant | None:
        """When something is due."""
        return earliest(*(run.deadline for run in self.runs.values()))

    def stuck_news(self) -> list[tuple[str, str]]:
        """(key, word) of resources that turned out not to be stoppable since the last call."""
        found = []
        for key, run in self.runs.items():
            found += [(key, word) for word in run.news]
            run.news.clear()
        return found

    @property
    def busy(self) -> bool:
        """Whether anything is being taken or given."""
        return bool(self.works) or any(run.busy for run in self.runs.values())

    def has_tag(self, *tags: WorkTag) -> bool:
        """Whether a work of one of these tags is unfinished."""
        return any(work.tag in tags for work in self.works)

    def check(self) -> None:
        """Assert what must hold."""
        for run in self.runs.values():
            run.check()
        begun = [key for work in self.works for key in work.begun]
        assert len(begun) == len(set(begun)), f"two works have the same group: {self.works}"
        assert not any(work.finished for work in self.works), self.works
        for work in self.works:
            assert set(work.waiting) | set(work.begun) <= set(self.runs), work

    def _add(self, work: Work) -> None:
        work.waiting = [key for key in work.keys if key in self.runs]
        self.works.append(work)
        self.added += 1

    def _move(self, work: Work, taken: set[str]) -> bool:
        moved = False
        for key in list(work.begun):
            if not self.runs[key].busy:
                work.begun.remove(key)
                moved = True
        while work.waiting and (work.urgent or not work.begun):
            free = [key for key in work.waiting if key not in taken]
            if not free or (free[0] != work.waiting[0] and not work.urgent):
                break
            key = free[0]
            run = self.runs[key]
            if work.take and (run.state is GroupState.STOPPING or run.progress.turn_back):
                break
            work.waiting.remove(key)
            work.begun.append(key)
            moved = True
            if work.take:
                run.take(work.cause)
            else:
                run.give(work.cause, kill=work.urgent)
        return moved

    def _new_op(self) -> int:
        op_id = self.next_op
        self.next_op += 1
        return op_id
