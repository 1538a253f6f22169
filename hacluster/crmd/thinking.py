"""When the DC thinks: it asks pengine for a plan, has te run it, and thinks again when something calls for it.

Changes that come together are thought about together (``transition-delay`` waits longer for more of them). A pengine
that does not answer, or has no copy of the CIB yet, is asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.effects import MachineName
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.crmd.fsa import Fsa, Input, State
from hacluster.msg.transition import HaltPlan, PlanEnded, RunPlan, ScheduleAt, Scheduled, TaskKind
from hacluster.msg.views import View

THINK_MS: Final = 20_000
"""How long pengine may think before it is asked again."""

SOON_MS: Final = 20
"""How long it is waited for other changes at least."""

NO_COPY_MS: Final = 1_000
"""How long a pengine that has no plan is left alone."""

_THINKS: Final = frozenset({State.POLICY_ENGINE, State.TRANSITION_ENGINE, State.IDLE})


class Thinking:
    """See the module. ``delay_ms`` and ``recheck_ms`` come from the configuration; no ``recheck_ms``: never."""

    def __init__(self, node: str, step: Step, fsa: Fsa, unix_s: Callable[[], int]) -> None:
        self._node, self._step, self._fsa, self._unix_s = node, step, fsa, unix_s
        self.delay_ms = 0
        self.recheck_ms = 15 * 60_000
        self._view: View | None = None
        self._number = 0
        self._why = ""
        self._timers: Timers[str] = Timers()

    # ---- time

    def deadline(self) -> Instant | None:
        """When it is time to think, or to ask again."""
        return self._timers.deadline()

    def on_time(self) -> None:
        """What is due."""
        while (timer := self._timers.pop(self._step.now)) is not None:
            match timer:
                case "think":
                    self._ask()
                case "thinking":
                    text = "the policy engine does not answer; it is asked again"
                    self._step.say(Severity.ERROR, "pengine-silent", text)
                    self._ask()
                case "recheck":
                    self.think("it is time to look again (recheck timer)")
                case _:
                    raise AssertionError(timer)

    # ---- when

    def lead(self, view: View) -> None:
        """This node leads a view that works."""
        self._view = view

    def halt(self) -> None:
        """This node is no DC (any more): nothing is thought, and nothing more of a plan begins."""
        self._view = None
        for timer in ("think", "thinking", "recheck"):
            self._timers.cancel(timer)
        self._step.send(MachineName.TE, HaltPlan())

    def think(self, why: str, *, delay_ms: int = 0) -> None:
        """Something happened that wants thought."""
        if self._fsa.state in _THINKS and "think" not in self._timers:
            self._why = why
            self._timers.set("think", self._step.now, max(delay_ms, SOON_MS, self.delay_ms))

    def on_restarted(self) -> None:
        """The policy engine began anew."""
        if self._fsa.state is State.POLICY_ENGINE and "thinking" in self._timers:
            self._step.say(Severity.WARNING, "pengine-anew", "the policy engine began anew; it is asked again")
            self._ask()

    # ---- question and answer

    def _ask(self) -> None:
        view = self._view
        assert view is not None, "a DC has a view"
        self._fsa.move(Input.PE_CALC)
        self._number += 1
        self._timers.set("thinking", self._step.now, THINK_MS)
        self._step.send(MachineName.PENGINE, ScheduleAt(self._number, self._unix_s(), view.quorate, self._node))

    def on_scheduled(self, scheduled: Scheduled) -> None:
        """The policy engine answers."""
        plan, view = scheduled.plan, self._view
        if self._fsa.state is not State.POLICY_ENGINE or plan.number != self._number or view is None:
            return
        self._timers.cancel("thinking")
        if scheduled.fault:
            self._step.say(Severity.ERROR, "no-plan", f"there is no plan: {scheduled.fault}")
            self.think(self._why, delay_ms=NO_COPY_MS)
            return
        self._fsa.move(Input.PE_SUCCESS)
        self._arm_recheck(plan.recheck_by)
        doing = [f"{task.key} on {task.node}" for task in plan.tasks if task.kind is TaskKind.RESOURCE]
        text = f"transition {plan.number}: {', '.join(doing) or 'nothing to do'}"
        self._step.say(Severity.NOTICE, "transition", text, why=self._why, input=scheduled.input)
        self._step.send(MachineName.TE, RunPlan(view.id, plan))

    def _arm_recheck(self, unix_s: int) -> None:
        """Think again when a rule or a time-out changes what is right, or when it is time to look all the same."""
        waits = [self.recheck_ms] if self.recheck_ms else []
        if unix_s:
            waits.append(max(SOON_MS, (unix_s - self._unix_s()) * 1_000))
        if waits:
            self._timers.set("recheck", self._step.now, min(waits))
        else:
            self._timers.cancel("recheck")

    def on_ended(self, ended: PlanEnded) -> None:
        """Nothing of the plan is under way any more."""
        if ended.number != self._number or not self._fsa.move(Input.TE_SUCCESS):
            return
        if ended.left:
            text = f"transition {ended.number} has ended; not begun: {', '.join(ended.left)}"
            self._step.say(Severity.WARNING, "transition-stuck", text)
