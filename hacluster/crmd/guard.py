"""What crmd does about fencing: asks this node's fencer, and draws the consequences of what it hears.

What a fencing proves is for the desk to say (:mod:`hacluster.crmd.fencing`). A plan's fencings are asked for with
their tasks; one of two nodes that is alone has the other fenced before anything else, and again until that is done. A
node that learns that it was fenced and lives does what ``fence-reaction`` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.effects import MachineName, SelfFence, Stop, Vouch
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.cib.change import AttributeSet, Change
from hacluster.crmd.fencing import AGAIN_MS, ALONE_AGAIN_MS, LIES_MS, MOST_AGAIN_MS, FencingDesk, Wish
from hacluster.msg.stonith import Fence, Fenced, FencersAre, FencingConfigured, FencingEntry, FencingState
from hacluster.msg.transition import Fire, SidesWeighed, Task, TaskDone, WeighSides
from hacluster.msg.views import FencedInView, PersonConfirmed, View

BY_HAND: Final = "a human"
"""The executor of a fencing that a person confirmed."""

WEIGH_MS: Final = 2_000
"""How long pengine may take to say which of two sides is more important."""

UNFIT_MS: Final = 1_000
"""Until it is told that there is no quorum: between two views there is none for a moment."""


class Guard:
    """See the module. ``change``: has the status changed; ``think``: has the DC think; ``runs``: what runs here."""

    def __init__(
        self,
        node: str,
        step: Step,
        change: Callable[[Change], None],
        think: Callable[[str], None],
        unix_s: Callable[[], int],
        *,
        runs: Callable[[], object] = list,
        watchdog_bound_ms: int = 0,
    ) -> None:
        self._step, self._change, self._think, self._unix_s = step, change, think, unix_s
        self.desk = FencingDesk(node)
        self._node = node
        self._view: View | None = None
        self._timers: Timers[str] = Timers()
        self._runs, self._watchdog_bound_ms = runs, watchdog_bound_ms
        self._fit, self._had_quorum = True, False

    # ---- time

    def deadline(self) -> Instant | None:
        """When something is to be tried again, or looked at."""
        return self._timers.deadline()

    def on_time(self) -> None:
        """What is due."""
        while (timer := self._timers.pop(self._step.now)) is not None:
            match timer:
                case "alone":
                    self._fence_the_other()
                case "lies":
                    self._look_for_lies()
                case "fence again":
                    self._think("a fencing has failed")
                case "weigh":
                    # Who cannot say what is more important gives way.
                    others = sorted(self._view.table[0].copy.voters.names - self._view.names) if self._view else []
                    for other in others[:1]:
                        self._fence_alone(other, self.desk.config.priority_delay_ms)
                case "unfit":
                    text = f"the watchdog resets this node within {self._watchdog_bound_ms} ms of the loss of quorum"
                    self._step.say(Severity.CRIT, "unfit", f"{text}, unless there is quorum again")
                case _:
                    raise AssertionError(timer)

    # ---- views

    def on_view(self, view: View) -> None:
        """A view is entered."""
        self._view = view
        for name in self.desk.on_view(view):
            self._lied(name, "was fenced and is a member again, in the same life")
        self._tell_fencer(view)
        self.vouch()
        if view.alone:
            self._timers.set("alone", self._step.now, 0)
        else:
            self._timers.cancel("alone")

    def on_left(self) -> None:
        """The view is left."""
        self._view = None
        self._timers.cancel("alone")
        self._timers.cancel("weigh")
        self.vouch()

    def _tell_fencer(self, view: View) -> None:
        quorate = view.quorate and not view.alone
        self._step.send(MachineName.STONITH, FencersAre(tuple(sorted(view.keepers)), quorate))

    def vouch(self) -> None:
        """Say whether this node's watchdog may keep it alive.

        Where the others count on it, not without quorum, unless it has never had any and runs nothing. One of two that
        is alone may live: the other does not count on its watchdog.
        """
        view = self._view
        quorate = view is not None and (view.quorate or view.alone)
        self._had_quorum = self._had_quorum or quorate
        relied = self.desk.config.enabled and self.desk.config.watchdog_ms > 0
        fit = not relied or quorate or not (self._had_quorum or self._runs())
        if fit != self._fit:
            self._fit = fit
            self._step.out.append(Vouch(fit))
            if fit:
                self._timers.cancel("unfit")
            else:
                self._timers.set("unfit", self._step.now, UNFIT_MS)

    def on_confirmed(self) -> None:
        """The other of two nodes is known to be down."""
        self._timers.cancel("alone")

    def _lied(self, name: str, how: str) -> None:
        text = f"{name} {how}: its fence device does not do what it says, and resources may have run twice"
        self._step.say(Severity.CRIT, "device-lied", text)

    # ---- wishes

    def configured(self, config: FencingConfigured) -> None:
        """The configuration says something new about fencing: who failed too often is tried again."""
        self.desk.config = config
        self.desk.failures.clear()
        self.vouch()
        if config.enabled and config.watchdog_ms > 0 and not self._watchdog_bound_ms:
            text = "stonith-watchdog-timeout has the others count on this node's watchdog, and it has none"
            self._step.say(Severity.CRIT, "no-watchdog", f"{text} (ha.cf: watchdog DEVICE)")
            self._step.out.append(Stop(text))

    def fence(self, view: View, fire: Fire) -> None:
        """A plan wants a node fenced (or unfenced)."""
        task, desk = fire.task, self.desk
        if not desk.may_try(task.node):
            self._say_given_up(task.node)
            self._step.send(MachineName.TE, TaskDone(view.id, fire.transition_key, 1))
            return
        number = desk.wish(Wish(task.node, view.id, task, fire.transition_key))
        delay_ms = task.number("priority_fencing_delay", 0) * 1_000
        action = task.meta("stonith_action")
        self._step.send(MachineName.STONITH, Fence(number, task.node, action, delay_ms=delay_ms, client="crmd"))

    def _say_given_up(self, name: str) -> None:
        text = f"{name} could not be fenced {self.desk.failures[name]} times; what it may still run starts nowhere."
        text += f" If it is certainly down: stonith_admin --confirm {name}; a change of the configuration tries again"
        self._step.say(Severity.ERROR, "fencing-given-up", text)

    def _fence_the_other(self) -> None:
        """One of two nodes is alone, and may do nothing before the other is certainly down."""
        view, desk = self._view, self.desk
        if view is None or not view.alone:
            return
        others = sorted(view.table[0].copy.voters.names - view.names)
        if not others:
            return
        if not desk.config.enabled:
            text = f"fencing is switched off: goes on without knowing whether {others[0]} is down"
            self._step.say(Severity.WARNING, "not-fenced", text)
            self._step.send(MachineName.CCM, FencedInView(view.id, others[0]))
            return
        if desk.config.priority_delay_ms > 0:
            self._step.send(MachineName.PENGINE, WeighSides(others[0]))
            self._timers.set("weigh", self._step.now, WEIGH_MS)
        else:
            self._fence_alone(others[0], 0)

    def on_weighed(self, weighed: SidesWeighed) -> None:
        """It is known which of two nodes that do not see each other is the more important one."""
        if "weigh" in self._timers:
            self._timers.cancel("weigh")
            self._fence_alone(weighed.other, weighed.delay_ms)

    def _fence_alone(self, other: str, delay_ms: int) -> None:
        view = self._view
        if view is not None and view.alone:
            number = self.desk.wish(Wish(other, view.id))
            self._step.send(MachineName.STONITH, Fence(number, other, delay_ms=delay_ms, client="crmd"))

    # ---- what became of them

    def on_fenced(self, fenced: Fenced) -> None:
        """The fencer has done, or not done, what it was asked for."""
        wish = self.desk.wishes.pop(fenced.number, None)
        if wish is None:
            return
        good = fenced.entry.state is FencingState.SUCCESS
        view = self._view
        now = view is not None and wish.view == view.id
        if not good:
            count = self.desk.failed(wish.target)
            if now and wish.task is None:
                again = min(ALONE_AGAIN_MS << min(count - 1, 8), MOST_AGAIN_MS)
                self._timers.set("alone", self._step.now, again)
            elif now and self.desk.may_try(wish.target):
                self._timers.sooner("fence again", self._step.now, AGAIN_MS)
            elif now:
                self._say_given_up(wish.target)
        if not now or view is None:
            return
        if wish.task is not None:
            if good and fenced.entry.action == "on":
                self._note_unfenced(wish.task)
            self._step.send(MachineName.TE, TaskDone(view.id, wish.transition_key, 0 if good else 1))
        elif good:
            self._step.send(MachineName.CCM, FencedInView(view.id, wish.target))

    def _note_unfenced(self, task: Task) -> None:
        """With which devices a node was unfenced, and when: what the policy engine compares with."""
        node = task.node
        self._change(AttributeSet(node, "#node-unfenced", str(self._unix_s())))
        for name in ("digests-all", "digests-secure"):
            self._change(AttributeSet(node, f"#{name}", task.meta(name.replace("-", "_")) or task.meta(name)))

    def on_noticed(self, entry: FencingEntry) -> str:
        """A fencing of anybody has begun or ended: the name of whom it has certainly taken down, or empty."""
        view, desk = self._view, self.desk
        if entry.state is FencingState.PENDING:
            desk.on_begun(entry, view)
            return ""
        if desk.was_alive(entry, self._step.now):
            self._react(entry)
            return ""
        by_hand = entry.executor == BY_HAND
        down = desk.on_ended(entry, view, by_hand=by_hand)
        if view is None:
            return ""
        if desk.still_there(view):
            self._timers.sooner("lies", self._step.now, LIES_MS)
        if down and by_hand and view.alone:
            self._step.send(MachineName.CCM, PersonConfirmed(entry.target))
        return entry.target if down else ""

    def _look_for_lies(self) -> None:
        view = self._view
        for name in self.desk.still_there(view) if view is not None else ():
            self.desk.forgive(name)
            self._lied(name, f"was fenced {LIES_MS // 1_000} s ago and is still a member")

    def _react(self, entry: FencingEntry) -> None:
        who = entry.client or entry.origin
        text = f"this node was fenced ({entry.action} by {entry.device or entry.executor}, for {who}) and is alive"
        self._step.say(Severity.CRIT, "fenced-alive", text)
        panics = self.desk.config.reaction == "panic"
        self._step.out.append(SelfFence(text, panic=True) if panics else Stop(text))

    def on_fencer_restarted(self) -> None:
        """A fencer that began anew knows nothing of what it was asked."""
        if self._view is not None:
            self._tell_fencer(self._view)
        for number, wish in list(self.desk.wishes.items()):
            entry = FencingEntry("", wish.target, "", FencingState.FAILED, self._node, reason="the fencer began anew")
            self.on_fenced(Fenced(number, entry))
