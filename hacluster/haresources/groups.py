"""What is to be done with the groups, in order: works, each a list of groups to take or to give.

Three kinds of groups: *lines* of the files; *gone* ones, whose line the files no longer have while something of theirs
is still under way; and *remains*, what was started and is in no line any more. When a group is at rest and in no work,
:meth:`Groups.amend` puts what it started under the line that names it now, and what no line names becomes remains and
is stopped. Nothing is started in an amended line before what was taken out of it, or out of another with an agent of
the same kind, is stopped: the new may be the old under another name (an address with a label).

Inside a work the groups come one after the other in file order (all at once for a work that is ``urgent``). Works go on
beside each other unless they share a group; then the earlier one has the group first. When the last group of a work
is finished the machine gets the work back and speaks the protocol's next word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from hacluster.base.effects import Effect
from hacluster.base.machine import Instant, earliest
from hacluster.config.resources import Haresources
from hacluster.config.settings import HaclusterConfig
from hacluster.haresources.grouprun import GroupRun, Means, Progress
from hacluster.haresources.hold import has
from hacluster.haresources.identity import ident, idents, spec
from hacluster.msg.haresources import GroupState, Hold
from hacluster.msg.lrm import OpFinished, ResourceSpec


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
    AMEND = "amend"
    REMAINS = "remains"
    DOUBLE = "double"


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


@dataclass(slots=True)
class _Plan:
    """What becomes of what a group has started: it stays, goes to another line, or is in none."""

    stay: list[ResourceSpec] = field(default_factory=list)
    moves: list[tuple[str, ResourceSpec]] = field(default_factory=list)
    left: list[ResourceSpec] = field(default_factory=list)


OP_ID_SPAN = 1_000_000
"""Operation ids of one life of this process; the next life begins at the next multiple."""


class Groups:
    """All groups of haresources on this node. Effects are appended to ``sink()``.

    ``elsewhere`` says why a group may not be started here now: the other node runs something of it.
    """

    def __init__(
        self, groups: Haresources, own_node: str, settings: HaclusterConfig, sink: Callable[[], list[Effect]]
    ) -> None:
        self.next_op = 1
        self.added = 0
        self.works: list[Work] = []
        self.elsewhere: Callable[[str], str] = lambda _key: ""
        self.gone: dict[str, GroupRun] = {}
        self.remains: dict[str, GroupRun] = {}
        self.runs: dict[str, GroupRun] = {}
        self._own = own_node
        self._means = Means(settings, self._new_op, sink)
        for group in groups.groups:
            line = tuple(spec(resource) for resource in group.resources)
            self.runs[group.key] = self._run(group.key, group.node, line)
        self._idents = {key: idents(run.line) for key, run in self.runs.items()}

    def _run(self, key: str, node: str, line: tuple[ResourceSpec, ...] = ()) -> GroupRun:
        return GroupRun(key, node, line, self._means)

    def restore(self, key: str, progress: Progress, *, remains: bool = False) -> GroupRun:
        """Go on with a group where an earlier life of this process was."""
        run = None if remains else self.runs.get(key)
        if run is None:
            run = self._run(key, progress.node)
            (self.remains if remains else self.gone)[key] = run
        run.progress = progress
        return run

    def every(self) -> list[tuple[str, GroupRun]]:
        """Lines, what is gone, and remains."""
        return [*self.runs.items(), *self.gone.items(), *self.remains.items()]

    def find(self, key: str) -> GroupRun:
        """The group of that key."""
        return self.runs.get(key) or self.gone.get(key) or self.remains[key]

    def knows(self, key: str) -> bool:
        """Whether there is a group of that key."""
        return key in self.runs or key in self.gone or key in self.remains

    def keys(self, which: Hold) -> tuple[str, ...]:
        """The keys of local, foreign or all lines, in file order."""
        return tuple(key for key in self.runs if has(which, self.side(key)))

    def held(self, which: Hold) -> tuple[str, ...]:
        """The keys of everything that must be stopped so that ``which`` may run elsewhere.

        By the home that a group had when it was begun, or has now; remains too, because the other node's files may
        still name them, unless nobody knows how to stop them.
        """
        keys = []
        for key, run in self.every():
            sides = {self._side(run.node), self._side(run.progress.node)}
            if any(has(which, side) for side in sides) or (key in self.remains and not run.hopeless):
                keys.append(key)
        return tuple(keys)

    def side(self, key: str) -> Hold:
        """Whether a group is local or foreign here."""
        return self._side(self.find(key).node)

    def _side(self, node: str) -> Hold:
        return Hold.LOCAL if node == self._own else Hold.FOREIGN

    def may_run(self) -> frozenset[str]:
        """The names of all resources that run here, or may."""
        return frozenset(ident(one) for _, run in self.every() for one in run.may_run())

    def idents(self, key: str) -> frozenset[str]:
        """The names of the resources of a line."""
        return self._idents.get(key, frozenset())

    def occupied(self, key: str) -> bool:
        """Whether something is under way or wanted of a group."""
        return self._engaged(key) or any(key in work.waiting for work in self.works)

    def _engaged(self, key: str) -> bool:
        """Whether a group is at work or is to be stopped as it is. (A start that waits takes it as it will be.)"""
        wanted = any(key in work.begun or (key in work.waiting and not work.take) for work in self.works)
        return wanted or self.find(key).busy

    def _amended(self, key: str) -> bool:
        """Whether a line has all of its own, and nobody else is still at work with some of it."""
        others = [run for other, run in self.every() if other != key and (other not in self.runs or not run.settled)]
        return self.runs[key].settled and not any(self._idents[key] & idents(run.may_run()) for run in others)

    def amend(self) -> None:
        """Bring what was started under the lines that name it now, as far as it is at rest."""
        for key in [key for key, run in self.remains.items() if not run.started() and not self._engaged(key)]:
            del self.remains[key]
        if not self.gone and all(run.settled for run in self.runs.values()):
            return
        ready = {key for key, run in [*self.runs.items(), *self.gone.items()] if not self._engaged(key)}
        plans = {key: self._plan(key) for key in ready if key in self.gone or not self.runs[key].settled}
        while True:
            # What is to go to a line that is still at work waits for it, and so does whoever waits for that.
            waiting = [
                key
                for key, plan in plans.items()
                if any(to not in ready or not (self.runs[to].settled or to in plans) for to, _ in plan.moves)
            ]
            if not waiting:
                break
            for key in waiting:
                del plans[key]
        arriving: dict[str, list[ResourceSpec]] = {}
        for plan in plans.values():
            for to, one in plan.moves:
                arriving.setdefault(to, []).append(one)
        for key in dict.fromkeys((*plans, *arriving)):
            kept = plans[key].stay if key in plans else self.runs[key].started()
            if key in self.runs:
                self.runs[key].rebase([*kept, *arriving.get(key, ())])
            else:
                del self.gone[key]
        for key, plan in plans.items():
            if plan.left:
                self._leave(key, plan.left)

    def _plan(self, key: str) -> _Plan:
        """Where what a group has started belongs now."""
        run, plan = self.find(key), _Plan()
        own = self.idents(key)
        for one in run.started():
            name = ident(one)
            named = [to for to in self.runs if to != key and name in self._idents[to]]
            free = [to for to in named if name not in idents(self.runs[to].started())]
            if name in own:
                plan.stay.append(one)
            elif free:
                plan.moves.append((free[0], one))
            elif not named:
                plan.left.append(one)
            # Else a line that names it runs it already: it is that line's.
        return plan

    def _leave(self, key: str, left: list[ResourceSpec]) -> None:
        name = f"{key} (before)"
        while self.knows(name):
            name += "'"
        progress = Progress(left, self._own, GroupState.RUNNING, started=set(range(len(left))))
        self.restore(name, progress, remains=True)
        words = ", ".join(one.id for one in left)
        self.give(WorkTag.REMAINS, [name], f"no line names {words} any more")

    def _cleared(self, key: str) -> bool:
        """Whether nothing is left of before that what is to be started may be in another shape."""
        run = self.runs[key]
        there = idents(run.started())
        wanted = {one.type for one in run.line if ident(one) not in there}
        for left in self.remains.values():
            if not left.hopeless and wanted & {one.type for one in left.may_run()}:
                return False
        return True

    def take(self, tag: WorkTag, keys: Iterable[str], cause: str, note: str = "") -> None:
        """Start groups here."""
        self._add(Work(tag, True, tuple(keys), cause, False, note, [], []))

    def give(self, tag: WorkTag, keys: Iterable[str], cause: str, note: str = "") -> None:
        """Stop groups here."""
        self._add(Work(tag, False, tuple(keys), cause, False, note, [], []))

    def drop_takes(self, keys: Iterable[str]) -> None:
        """Do not begin any more to start these; what has begun goes on."""
        unwanted = set(keys)
        for work in self.works:
            if work.take:
                work.waiting = [key for key in work.waiting if key not in unwanted]

    def give_all(self, tag: WorkTag, cause: str) -> None:
        """Stop everything, one group after the other; all other works are forgotten, a start is waited for."""
        self.works.clear()
        self.give(tag, [key for key, _ in self.every()], cause)

    def give_at_once(self, tag: WorkTag, cause: str) -> None:
        """Stop everything now and side by side, killing starts that are under way; all other works are forgotten."""
        self.works.clear()
        self._add(Work(tag, False, tuple(key for key, _ in self.every()), cause, True, "", [], []))

    def probe(self, which: Hold) -> None:
        """Ask the status of groups that will soon be taken."""
        for key in self.keys(which):
            self.runs[key].probe()

    def pump(self) -> list[Work]:
        """Begin whatever may begin; the works that are finished, in order."""
        self.amend()
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
        return any(run.on_finished(event, now) for _, run in self.every())

    def on_time(self, now: Instant) -> None:
        """Do what is due."""
        for _, run in self.every():
            run.on_time(now)

    def deadline(self) -> Instant | None:
        """When something is due."""
        return earliest(*(run.deadline for _, run in self.every()))

    def stuck_news(self) -> list[tuple[str, str]]:
        """(key, word) of resources that turned out not to be stoppable since the last call."""
        found = []
        for key, run in self.every():
            found += [(key, word) for word in run.news]
            run.news.clear()
        return found

    def stuck(self) -> tuple[str, ...]:
        """The resources that could not be stopped, in file order."""
        return tuple(word for _, run in self.every() for word in run.view().stuck)

    @property
    def busy(self) -> bool:
        """Whether anything is being taken or given; remains, which nothing waits for, do not count."""
        runs = (*self.runs.values(), *self.gone.values())
        return any(work.tag is not WorkTag.REMAINS for work in self.works) or any(run.busy for run in runs)

    def has_tag(self, *tags: WorkTag) -> bool:
        """Whether a work of one of these tags is unfinished."""
        return any(work.tag in tags for work in self.works)

    def check(self) -> None:
        """Assert what must hold."""
        for _, run in self.every():
            run.check()
        begun = [key for work in self.works for key in work.begun]
        assert len(begun) == len(set(begun)), f"two works have the same group: {self.works}"
        assert not any(work.finished for work in self.works), self.works
        for work in self.works:
            assert all(self.knows(key) for key in (*work.waiting, *work.begun)), work

    def _add(self, work: Work) -> None:
        work.waiting = [key for key in work.keys if self.knows(key)]
        self.works.append(work)
        self.added += 1

    def _move(self, work: Work, taken: set[str]) -> bool:
        moved = False
        for key in list(work.begun):
            if not self.find(key).busy:
                work.begun.remove(key)
                moved = True
        while work.waiting and (work.urgent or not work.begun):
            free = [key for key in work.waiting if key not in taken]
            if not free or (free[0] != work.waiting[0] and not work.urgent):
                break
            key = free[0]
            run = self.find(key)
            if work.take and (run.state is GroupState.STOPPING or run.progress.turn_back):
                break
            gone = key not in self.runs
            if work.take and (gone or self.elsewhere(key)):
                # What is gone is not started; what runs elsewhere is when that is over.
                work.waiting.remove(key)
                moved = True
                continue
            if work.take and not (self._amended(key) and self._cleared(key)):
                break
            work.waiting.remove(key)
            work.begun.append(key)
            moved = True
            if work.take:
                run.take(work.cause)
            else:
                run.give(work.cause, kill=work.urgent, patient=work.tag is WorkTag.REMAINS)
        return moved

    def _new_op(self) -> int:
        op_id = self.next_op
        self.next_op += 1
        return op_id
