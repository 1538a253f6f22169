"""crmd as a machine: what this node does about the cluster's decisions, and, on the DC, when they are made.

Theory of operation
-------------------
The state machine is the table in ``fsa``. When a view works (``ViewSynced``), each member says what it runs, whole,
and last that it is a member; the leader, which is the DC, waits for that of all (``S_INTEGRATION``), says of nodes
that left that they are gone, and asks pengine for a plan. te runs it, and fires tasks, which the DC's crmd has done by
the crmd of their nodes. Whatever te did not expect leads to a new thought; while it is thought what is under way goes
on.

A node does something only for the DC of the view that it is in, and in that view. A DC's death loses only the plan:
the next one thinks anew from what the members say.

Every question has a deadline: a member that does not say what it runs, and a pengine that does not answer, make the
view stalled (ccm forms another), or are asked again.

Fencing: what a plan wants of it the DC asks the fencer of its node for; a node that is certainly down is forgotten and
called so in the status (:mod:`hacluster.crmd.fencing` says when that is). One of two nodes that is alone has the other
fenced before anything else. A node that learns that it was fenced and lives does what ``fence-reaction`` says.

What the machine does not do: views, the CIB's copies, thinking, agents, devices.
"""

from __future__ import annotations

from typing import assert_never

from hacluster.base.effects import Effect, MachineName, Say, SelfFence, Send, Stop
from hacluster.base.machine import Instant, earliest
from hacluster.base.members import Member
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.cib.change import AttributeSet, Change, NodeForgotten, NodeStateSet, Words
from hacluster.crmd.doing import Doing
from hacluster.crmd.errands import Errands
from hacluster.crmd.fencing import AGAIN_MS, ALONE_AGAIN_MS, LIES_MS, MOST_AGAIN_MS, FencingDesk, Wish, states_in
from hacluster.crmd.fsa import Input, State, after
from hacluster.crmd.leaving import ALONE_MS, ESCALATION_MS, FAREWELL_MS, Leaving
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.crmd import Errand, ErrandDone, FailResource, ForgetResource, ManagerStatus
from hacluster.msg.driver import (
    HostSample,
    MachineRestarted,
    Persisted,
    PersistFailed,
    Refused,
    Request,
    RequesterGone,
    StopRequested,
    Tick,
)
from hacluster.msg.lrm import OpFinished, OpsView
from hacluster.msg.membership import (
    BeginAnew,
    CommUp,
    LeaveNow,
    LinkStateChanged,
    MembershipView,
    MessageReceived,
    Mute,
    NodeRestarted,
    NodeStateChanged,
    PeerReturned,
    Slept,
)
from hacluster.msg.record import FEATURE_SET
from hacluster.msg.replica import ChangeStatus, Committed, CopyTaken, StatusChanged
from hacluster.msg.stonith import (
    Fence,
    Fenced,
    FencersAre,
    FencingConfigured,
    FencingEntry,
    FencingNoticed,
    FencingState,
)
from hacluster.msg.stream import Convey, Conveyed
from hacluster.msg.transition import (
    DoTask,
    Fire,
    HaltPlan,
    PlanEnded,
    RunPlan,
    ScheduleAt,
    Scheduled,
    Task,
    TaskDone,
    TaskKind,
    Touched,
)
from hacluster.msg.views import (
    DownConfirmed,
    FencedInView,
    PersonConfirmed,
    View,
    ViewEntered,
    ViewLeft,
    ViewStalled,
    ViewSynced,
)

Event = (
    ViewEntered
    | ViewLeft
    | ViewSynced
    | StatusChanged
    | Committed
    | CopyTaken
    | Conveyed
    | OpFinished
    | DownConfirmed
    | FencingConfigured
    | FencingNoticed
    | Fenced
    | OpsView
    | Scheduled
    | Fire
    | PlanEnded
    | Touched
    | Tick
    | HostSample
    | Persisted
    | PersistFailed
    | StopRequested
    | MachineRestarted
    | OpsView
    | Request
    | RequesterGone
    | Mute
    | CommUp
    | MembershipView
    | Slept
    | NodeStateChanged
    | NodeRestarted
    | PeerReturned
    | LinkStateChanged
    | MessageReceived
)

INTEGRATION_MS = 20_000
"""How long a member may take to say what it runs (join-integration-timeout)."""

THINK_MS = 20_000
"""How long pengine may think before it is asked again."""

BY_HAND = "a human"
"""The executor of a fencing that a person confirmed."""

DC_DEADTIME_MS = 20_000
"""How long the first thought of a DC waits for configured nodes that nobody has seen yet (dc-deadtime)."""
HANDS_MS = 2_000
"""How long the hands may take to say what they do, before they are asked again."""

_THINK_SOON_MS = 20
"""Changes that come together are thought about together."""


class CrmdMachine:
    """See the module."""

    def __init__(self, node: str, *, dc_deadtime_ms: int = DC_DEADTIME_MS) -> None:
        self._node = node
        self._dc_deadtime_ms = dc_deadtime_ms
        self._fencing = FencingDesk(node)
        self._leaving = Leaving(node)
        self._errands = Errands(node, self)
        self._state = State.STARTING
        self._view: View | None = None
        self._gone: set[str] = set()
        self._integrated: set[str] = set()
        self._number = 0
        self._asked = 0
        self._timers: Timers[str] = Timers()
        self._why = ""
        self._unix_ms = 0
        self._sampled = Instant(0)
        self._now = Instant(0)
        self._out: list[Effect] = []
        self._doing = Doing(node, self._send, self._change, self._say, self._released)

    # ---- the shape of a machine

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._now, self._out = now, []
        if self._fencing.began is None:
            self._fencing.began = now
        self._dispatch(event)
        self._doing.note()
        return self._out

    def deadline(self) -> Instant | None:
        """When a timer fires."""
        return earliest(self._timers.deadline(), self._errands.deadline())

    def check(self) -> None:
        """Assert every invariant."""
        leads = {State.INTEGRATION, State.POLICY_ENGINE, State.TRANSITION_ENGINE, State.IDLE}
        assert self._state not in leads or (self._view is not None and self._view.leader == self._node), self._state
        assert ("integration" in self._timers) == (self._state is State.INTEGRATION), self._state

    @property
    def state(self) -> State:
        """The state of the machine, for people."""
        return self._state

    # ---- events

    def _dispatch(self, event: Event) -> None:  # noqa: C901, PLR0915 - one flat table of events
        match event:
            case ViewEntered():
                self._view = event.view
                self._gone |= {member.name for member in event.left if member.name not in event.view.names}
                self._gone -= event.view.names
                self._on_view(event.view)
            case ViewLeft():
                self._view = None
                self._timers.cancel("alone")
                self._move(Input.PENDING)
                if self._leaving.wanted:
                    self._timers.set("no-dc", self._now, ALONE_MS)
            case DownConfirmed():
                self._timers.cancel("alone")
            case FencingConfigured():
                self._fencing.config = event
                self._fencing.failures.clear()
            case Fenced():
                self._on_fenced(event)
            case FencingNoticed():
                self._on_noticed(event.entry)
            case ViewSynced():
                self._on_synced()
            case StatusChanged():
                self._on_status(event.change)
            case Conveyed():
                self._on_conveyed(event.sender, event.body)
            case OpFinished():
                self._on_finished(event)
            case OpsView():
                if self._doing.told(event, self._view, self._unix_s()):
                    self._timers.cancel("hands")
            case Scheduled():
                self._on_scheduled(event)
            case Fire():
                self._on_fire(event)
            case PlanEnded():
                self._on_ended(event)
            case Touched():
                self._think(event.why)
            case Tick():
                self._on_tick()
            case HostSample():
                if not self._unix_ms:
                    self._ask_hands()
                self._unix_ms, self._sampled = event.unix_ms, self._now
            case StopRequested():
                self._on_stop(event.reason)
            case CopyTaken():
                self._fencing.known = states_in(event.text)
                if self._state is State.INTEGRATION and self._view is not None:
                    self._tell_of_the_gone(self._view)
            case MachineRestarted():
                self._on_restarted(event.machine)
            case Mute():
                self._on_mute(event)
            case Request():
                self._out += self._errands.on_request(event, self._view, self._now)
            case RequesterGone():
                self._errands.on_gone(event.request_id)
            case Committed() | Persisted() | PersistFailed():
                pass
            case CommUp() | Slept() | NodeStateChanged() | NodeRestarted() | PeerReturned():
                pass  # what follows from it comes as a view
            case LinkStateChanged() | MessageReceived() | MembershipView():
                pass
            case _:
                assert_never(event)

    def _move(self, moved_by: Input) -> bool:
        before = self._state
        self._state = after(before, moved_by)
        if self._state is before:
            return False
        if before is State.INTEGRATION:
            self._timers.cancel("integration")
        if self._state in (State.PENDING, State.NOT_DC, State.STOPPING):
            self._timers.cancel("think")
            self._timers.cancel("thinking")
            self._timers.cancel("recheck")
            self._send(MachineName.TE, HaltPlan())
        text = f"{before} -> {self._state} (by {moved_by})"
        self._say(Severity.INFO, "state", text)
        return True

    # ---- views

    def _on_synced(self) -> None:
        view = self._view
        if view is None or self._state is State.STOPPING:
            return
        self._integrated = set()
        if view.leader == self._node:
            self._move(Input.ELECTION_DC)
            self._timers.set("integration", self._now, INTEGRATION_MS)
            self._tell_of_the_gone(view)
        else:
            self._move(Input.NOT_DC)
        self._timers.cancel("no-dc")
        self._change(self._leaving.ask(self._unix_s()))
        self._change(UpdateAttribute("#feature-set", FEATURE_SET))
        self._doing.say_anew(asked=True)

    def _ask_hands(self) -> None:
        self._timers.set("hands", self._now, HANDS_MS)
        self._doing.ask_hands()

    def _tell_of_the_gone(self, view: View) -> None:
        stale = {name for name, member in self._fencing.known.items() if member and name not in view.names}
        known = self._gone & set(self._fencing.known)
        # Of whom the status does not know, nothing is said: whoever was never seen is not known to be down.
        for name in sorted(known | stale | self._fencing.down):
            self._tell_of_one_gone(name)

    def _tell_of_one_gone(self, name: str) -> None:
        """Lost, it may still run what it ran; certainly down, it runs nothing, and is not expected."""
        words: Words = (("in_ccm", "false"), ("crmd", "offline"), ("join", "down"))
        if name in self._fencing.down:
            self._change(NodeForgotten(name))
            words = (*words, ("expected", "down"))
        self._change(NodeStateSet(name, words))

    def _on_status(self, change: Change) -> None:
        view = self._view
        self._fencing.on_status(change)
        if self._state is not State.INTEGRATION or view is None:
            return
        if isinstance(change, NodeStateSet) and dict(change.words).get("join") == "member":
            self._integrated.add(change.node)
            if self._integrated >= self._keepers(view):
                self._move(Input.INTEGRATED)
                self._think("every member has said what it runs", delay_ms=self._patience(view))

    def _keepers(self, view: View) -> set[str]:
        return {accept.member.name for accept in view.table if accept.keeps_content}

    # ---- thinking

    def _patience(self, view: View) -> int:
        """Who was never seen would be fenced at once: right after our own start it is given time to come."""
        unseen = self._fencing.unseen(view) if self._fencing.config.enabled else []
        began = self._fencing.began
        left = 0 if began is None else began + self._dc_deadtime_ms - self._now
        if not unseen or left <= 0:
            return 0
        self._say(Severity.NOTICE, "waits", f"waits {left} ms for {', '.join(unseen)}")
        return left

    def _think(self, why: str, *, delay_ms: int = _THINK_SOON_MS) -> None:
        if self._state not in (State.POLICY_ENGINE, State.TRANSITION_ENGINE, State.IDLE):
            return
        if "think" not in self._timers:
            self._why = why
            self._timers.set("think", self._now, delay_ms)

    def _ask(self) -> None:
        view = self._view
        assert view is not None, "a DC has a view"
        self._move(Input.PE_CALC)
        self._number += 1
        self._asked = self._number
        self._timers.set("thinking", self._now, THINK_MS)
        self._send(MachineName.PENGINE, ScheduleAt(self._number, self._unix_s(), view.quorate, self._node))

    def _unix_s(self) -> int:
        return (self._unix_ms + self._now - self._sampled) // 1_000

    def _on_scheduled(self, scheduled: Scheduled) -> None:
        if self._state is not State.POLICY_ENGINE or scheduled.plan.number != self._asked or self._view is None:
            return
        self._timers.cancel("thinking")
        if scheduled.fault:
            self._say(Severity.ERROR, "no-plan", f"there is no plan: {scheduled.fault}")
            return
        plan = scheduled.plan
        self._move(Input.PE_SUCCESS)
        self._arm_recheck(plan.recheck_by, scheduled.recheck_ms)
        doing = [f"{task.key} on {task.node}" for task in plan.tasks if task.kind is TaskKind.RESOURCE]
        text = f"transition {plan.number}: {', '.join(doing) or 'nothing to do'}"
        self._out.append(
            Say(Severity.NOTICE, "crmd", "transition", text, (("why", self._why), ("input", scheduled.input)))
        )
        self._send(MachineName.TE, RunPlan(self._view.id, plan))

    def _arm_recheck(self, unix_s: int, interval_ms: int) -> None:
        """Think again when a rule or a time-out changes what is right, or when it is time to look all the same."""
        waits = [interval_ms] if interval_ms else []
        if unix_s:
            waits.append(max(_THINK_SOON_MS, (unix_s - self._unix_s()) * 1_000))
        if waits:
            self._timers.set("recheck", self._now, min(waits))
        else:
            self._timers.cancel("recheck")

    def _on_ended(self, ended: PlanEnded) -> None:
        if ended.number != self._asked or not self._move(Input.TE_SUCCESS):
            return
        if ended.left:
            text = f"transition {ended.number} has ended; not begun: {', '.join(ended.left)}"
            self._say(Severity.WARNING, "transition-stuck", text)

    def _on_tick(self) -> None:
        self._out += self._errands.on_time(self._now)
        while (timer := self._timers.pop(self._now)) is not None:
            match timer:
                case "think":
                    self._ask()
                case "thinking":
                    self._say(Severity.ERROR, "pengine-silent", "the policy engine does not answer; it is asked again")
                    self._ask()
                case "hands":
                    self._say(
                        Severity.WARNING, "hands-silent", "the hands do not say what they do; they are asked again"
                    )
                    self._ask_hands()
                case "integration":
                    self._on_integration_late()
                case "recheck":
                    self._think("it is time to look again (recheck timer)")
                case "alone":
                    self._fence_the_other()
                case "lies":
                    self._look_for_lies()
                case "fence again":
                    self._think("a fencing has failed")
                case "no-dc":
                    self._stop_all("no DC answers")
                case "escalation":
                    self._stop_all("the DC did not let this node stop in time")
                case "farewell":
                    self._fall_silent()
                case _:
                    raise AssertionError(timer)

    def _on_integration_late(self) -> None:
        view = self._view
        assert view is not None, "integrating in no view"
        missing = sorted(self._keepers(view) - self._integrated)
        self._timers.set("integration", self._now, INTEGRATION_MS)
        self._send(MachineName.CCM, ViewStalled(view.id, f"{', '.join(missing)} did not say what it runs"))

    # ---- doing

    def _on_fire(self, fire: Fire) -> None:
        view = self._view
        if view is None:
            return
        body = DoTask(view.id, fire.task, fire.transition_key)
        if fire.task.operation == "stonith":
            self._fence(view, fire)
            return
        if fire.task.operation == "do_shutdown":
            self._change(NodeStateSet(fire.task.node, (("expected", "down"),)))
        if fire.task.node == self._node:
            self._doing.do(view.accept_of(self._node).member, body, self._unix_s())
        elif fire.task.node in view.names:
            self._send(MachineName.SPEECH, Convey((fire.task.node,), MachineName.CRMD, body))

    def _on_conveyed(self, sender: Member, body: object) -> None:
        view = self._view
        if view is None or sender not in view.members:
            return
        if isinstance(body, DoTask) and body.view == view.id and sender.name == view.leader:
            self._doing.do(sender, body, self._unix_s())
        elif isinstance(body, TaskDone) and body.view == view.id:
            self._send(MachineName.TE, body)
        elif isinstance(body, Errand) and body.view == view.id:
            self._out += self._errands.on_errand(sender, body)
        elif isinstance(body, ErrandDone) and body.view == view.id:
            self._out += self._errands.on_done(body)

    # ---- what programs ask

    def standing(self) -> ManagerStatus:
        """How this node's manager stands."""
        view = self._view
        leads = self._state not in (State.STARTING, State.PENDING, State.STOPPING)
        dc = view.leader if view is not None and leads else ""
        return ManagerStatus(self._node, self._state.value, dc, quorate=view is not None and view.quorate)

    def forget_history(self, asked: ForgetResource) -> None:
        """Forget what is known of a resource here, and its failures; the DC has it probed anew."""
        self._doing.clean(asked.resource, asked.operation, asked.interval_ms)

    def fail_resource(self, asked: FailResource) -> Refused | None:
        """Count a resource as failed, as if a monitor had found it so."""
        known = self._doing.fail(asked.resource, self._unix_s())
        return None if known else Refused("no-such", f"{asked.resource} was never asked for on {self._node}")

    # ---- leaving

    def _on_stop(self, reason: str) -> None:
        leaving = self._leaving
        if leaving.wanted:
            return
        leaving.wanted, leaving.reason = True, reason
        self._say(Severity.NOTICE, "leaving", f"this node leaves the cluster{f': {reason}' if reason else ''}")
        self._timers.set("escalation", self._now, ESCALATION_MS)
        if self._state in (State.STARTING, State.PENDING):
            self._timers.set("no-dc", self._now, ALONE_MS if self._doing.local.running() else 0)
        else:
            self._change(leaving.ask(self._unix_s()))

    def _on_mute(self, mute: Mute) -> None:
        """The others will hold this node dead, and take over what it holds."""
        self._stop_all(f"no heartbeat of this node has left for {mute.silent_ms} ms")

    def _stop_all(self, why: str) -> None:
        leaving = self._leaving
        if leaving.by_itself or self._state is State.STOPPING:
            return
        operations = leaving.stop_all(self._doing.local)
        self._say(Severity.ERROR, "stops-by-itself", f"{why}: stopping what runs here")
        for operation in operations:
            self._send(MachineName.LRM, operation)
        if not leaving.stopping:
            self._all_stopped()

    def _all_stopped(self) -> None:
        leaving = self._leaving
        leaving.by_itself = False
        if leaving.wanted:
            self._released()
        else:
            self._send(MachineName.HEARTBEAT, BeginAnew())

    def _released(self) -> None:
        """Nothing runs here any more: ccm says goodbye first, then the heartbeat falls silent."""
        for timer in ("no-dc", "escalation"):
            self._timers.cancel(timer)
        self._move(Input.STOP)
        self._send(MachineName.CCM, StopRequested(self._leaving.reason))
        self._timers.set("farewell", self._now, FAREWELL_MS)

    def _fall_silent(self) -> None:
        leaving = self._leaving
        self._send(MachineName.HEARTBEAT, LeaveNow(reason=leaving.reason, kept=tuple(sorted(leaving.kept))))

    def _on_restarted(self, machine: str) -> None:
        """Another machine of this node began anew: what was asked of it is asked again."""
        if machine == MachineName.PENGINE and self._state is State.POLICY_ENGINE:
            self._say(Severity.WARNING, "pengine-anew", "the policy engine began anew; it is asked again")
            self._ask()
        elif machine == MachineName.LRM:
            self._ask_hands()
        elif machine == MachineName.STONITH:
            self._on_fencer_restarted()

    def _on_finished(self, result: OpFinished) -> None:
        if self._leaving.on_finished(self._doing.local, result):
            self._all_stopped()
        self._doing.finished(result, self._view, self._unix_s())

    # ---- fencing

    def _on_view(self, view: View) -> None:
        for name in self._fencing.on_view(view):
            self._lied(name, "was fenced and is a member again, in the same life")
        self._send(MachineName.STONITH, FencersAre(tuple(sorted(view.names))))
        if view.alone:
            self._timers.set("alone", self._now, 0)
        else:
            self._timers.cancel("alone")

    def _lied(self, name: str, how: str) -> None:
        text = f"{name} {how}: its fence device does not do what it says, and resources may have run twice"
        self._say(Severity.CRIT, "device-lied", text)

    def _fence(self, view: View, fire: Fire) -> None:
        task, desk = fire.task, self._fencing
        if not desk.may_try(task.node):
            self._say_given_up(task.node)
            self._send(MachineName.TE, TaskDone(view.id, fire.transition_key, 1))
            return
        number = desk.wish(Wish(task.node, view.id, task, fire.transition_key))
        delay_ms = task.number("priority_fencing_delay", 0) * 1_000
        action = task.meta("stonith_action")
        self._send(MachineName.STONITH, Fence(number, task.node, action, delay_ms=delay_ms, client="crmd"))

    def _say_given_up(self, name: str) -> None:
        text = f"{name} could not be fenced {self._fencing.failures[name]} times; what it may still run starts nowhere."
        text += f" If it is certainly down: stonith_admin --confirm {name}; a change of the configuration tries again"
        self._say(Severity.ERROR, "fencing-given-up", text)

    def _fence_the_other(self) -> None:
        """One of two nodes is alone, and may do nothing before the other is certainly down."""
        view, desk = self._view, self._fencing
        if view is None or not view.alone:
            return
        others = sorted(view.table[0].copy.voters.names - view.names)
        if not others:
            return
        if not desk.config.enabled:
            text = f"fencing is switched off: goes on without knowing whether {others[0]} is down"
            self._say(Severity.WARNING, "not-fenced", text)
            self._send(MachineName.CCM, FencedInView(view.id, others[0]))
            return
        number = desk.wish(Wish(others[0], view.id))
        self._send(MachineName.STONITH, Fence(number, others[0], client="crmd"))

    def _on_fenced(self, fenced: Fenced) -> None:
        wish = self._fencing.wishes.pop(fenced.number, None)
        if wish is None:
            return
        good = fenced.entry.state is FencingState.SUCCESS
        view = self._view
        now = view is not None and wish.view == view.id
        if not good:
            count = self._fencing.failed(wish.target)
            if now and wish.task is None:
                again = min(ALONE_AGAIN_MS << min(count - 1, 8), MOST_AGAIN_MS)
                self._timers.set("alone", self._now, again)
            elif now and self._fencing.may_try(wish.target):
                self._timers.sooner("fence again", self._now, AGAIN_MS)
            elif now:
                self._say_given_up(wish.target)
        if not now or view is None:
            return
        if wish.task is not None:
            if good and fenced.entry.action == "on":
                self._note_unfenced(wish.task)
            self._send(MachineName.TE, TaskDone(view.id, wish.transition_key, 0 if good else 1))
        elif good:
            self._send(MachineName.CCM, FencedInView(view.id, wish.target))

    def _note_unfenced(self, task: Task) -> None:
        """With which devices a node was unfenced, and when: what the policy engine compares with."""
        node = task.node
        self._change(AttributeSet(node, "#node-unfenced", str(self._unix_s())))
        for name in ("digests-all", "digests-secure"):
            self._change(AttributeSet(node, f"#{name}", task.meta(name.replace("-", "_")) or task.meta(name)))

    def _on_noticed(self, entry: FencingEntry) -> None:
        view, desk = self._view, self._fencing
        if entry.state is FencingState.PENDING:
            desk.on_begun(entry, view)
            return
        if desk.was_alive(entry, self._now):
            self._react(entry)
            return
        by_hand = entry.executor == BY_HAND
        down = desk.on_ended(entry, view, by_hand=by_hand)
        if view is None:
            return
        if desk.still_there(view):
            self._timers.sooner("lies", self._now, LIES_MS)
        if down and by_hand and view.alone:
            self._send(MachineName.CCM, PersonConfirmed(entry.target))
        if down and view.leader == self._node and self._state not in (State.PENDING, State.STOPPING):
            self._tell_of_one_gone(entry.target)
            self._think(f"{entry.target} is certainly down")

    def _look_for_lies(self) -> None:
        view = self._view
        for name in self._fencing.still_there(view) if view is not None else ():
            self._fencing.forgive(name)
            self._lied(name, f"was fenced {LIES_MS // 1_000} s ago and is still a member")

    def _react(self, entry: FencingEntry) -> None:
        who = entry.client or entry.origin
        text = f"this node was fenced ({entry.action} by {entry.device or entry.executor}, for {who}) and is alive"
        self._say(Severity.CRIT, "fenced-alive", text)
        self._out.append(SelfFence(text) if self._fencing.config.reaction == "panic" else Stop(text))

    def _on_fencer_restarted(self) -> None:
        """A fencer that began anew knows nothing of what it was asked."""
        if self._view is not None:
            self._send(MachineName.STONITH, FencersAre(tuple(sorted(self._view.names))))
        for number, wish in list(self._fencing.wishes.items()):
            entry = FencingEntry("", wish.target, "", FencingState.FAILED, self._node, reason="the fencer began anew")
            self._on_fenced(Fenced(number, entry))

    # ---- speaking

    def _change(self, change: Change | UpdateAttribute) -> None:
        if isinstance(change, UpdateAttribute):
            self._send(MachineName.ATTRD, change)
        else:
            self._send(MachineName.CIBD, ChangeStatus(change))

    def _send(self, to: MachineName, body: object) -> None:
        self._out.append(Send(to, body))

    def _say(self, severity: Severity, code: str, text: str) -> None:
        self._out.append(Say(severity, "crmd", code, text))
