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
called so in the status. The rest of it is told in :mod:`hacluster.crmd.guard`, leaving in
:mod:`hacluster.crmd.leaving`, and who is called when something happens in :mod:`hacluster.crmd.alerts`.

What the machine does not do: views, the CIB's copies, thinking, agents, devices.
"""

from __future__ import annotations

from typing import Final, assert_never

from hacluster.base.effects import Effect, MachineName
from hacluster.base.machine import Instant, earliest
from hacluster.base.members import Member, ViewId
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.cib.attributes import options_xml
from hacluster.cib.change import Change, NodeForgotten, NodeStateSet, Words
from hacluster.crmd.alerts import Alerts
from hacluster.crmd.doing import Doing
from hacluster.crmd.errands import Errands
from hacluster.crmd.fsa import Fsa, Input, State
from hacluster.crmd.guard import Guard
from hacluster.crmd.leaving import Leaving
from hacluster.crmd.local import Local
from hacluster.crmd.nodelist import NodeList
from hacluster.crmd.presence import Presence
from hacluster.crmd.thinking import Thinking
from hacluster.crmd.throttle import Throttle
from hacluster.msg.alerts import AlertsConfigured
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.crmd import Errand, ErrandDone, FailResource, ForgetResource, ManagerOptions, ManagerStatus, NodeLoad
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
    CommUp,
    LinkStateChanged,
    MembershipView,
    MessageReceived,
    Mute,
    NodeRestarted,
    NodesChanged,
    NodeStateChanged,
    PeerReturned,
    Slept,
)
from hacluster.msg.record import FEATURE_SET
from hacluster.msg.replica import ChangeStatus, Committed, Edit, StatesKnown, StatusChanged, WriteWanted
from hacluster.msg.stonith import (
    Fenced,
    FencingConfigured,
    FencingEntry,
    FencingNoticed,
)
from hacluster.msg.stream import Convey, Conveyed
from hacluster.msg.transition import (
    DoTask,
    Fire,
    PlanEnded,
    Scheduled,
    SidesWeighed,
    TaskDone,
    Touched,
)
from hacluster.msg.views import (
    DownConfirmed,
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
    | StatesKnown
    | Conveyed
    | OpFinished
    | DownConfirmed
    | FencingConfigured
    | AlertsConfigured
    | ManagerOptions
    | FencingNoticed
    | Fenced
    | OpsView
    | Scheduled
    | SidesWeighed
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
    | NodesChanged
    | NodeRestarted
    | PeerReturned
    | LinkStateChanged
    | MessageReceived
)

INTEGRATION_MS = 20_000
"""How long a member may take to say what it runs, unless join-integration-timeout says otherwise."""

DC_DEADTIME_MS = 20_000
"""How long the first thought of a DC waits for configured nodes that nobody has seen yet (dc-deadtime)."""
HANDS_MS = 2_000
"""How long the hands may take to say what they do, before they are asked again."""


CLUSTER_NAME: Final = "cluster-name"
"""What an administrator may have given another value, which then stays."""


class CrmdMachine:
    """See the module. ``about``: cluster options that the DC writes (``dc-version``, …)."""

    def __init__(
        self, node: str, *, dc_deadtime_ms: int = DC_DEADTIME_MS, watchdog_bound_ms: int = 0, about: Words = ()
    ) -> None:
        self._node = node
        self._dc_deadtime_ms = dc_deadtime_ms
        self._options = ManagerOptions()
        self._about = about
        self._written: tuple[ViewId, Words] | None = None
        self._presence = Presence()
        self._throttle = Throttle(node)
        self._step = Step("crmd")
        self._fsa = Fsa(self._step)
        self._nodes = NodeList(self._step, self._led, self._change)
        self._thinking = Thinking(node, self._step, self._fsa, self._unix_s)
        local = Local(node, self._presence)
        self._guard = Guard(
            node,
            self._step,
            self._change,
            self._thinking.think,
            self._unix_s,
            runs=local.running,
            watchdog_bound_ms=watchdog_bound_ms,
        )
        self._leaving = Leaving(self._step, local, self._stopped)
        self._alerts = Alerts(node, self._step)
        self._doing = Doing(node, local, self._step, self._change, self._leaving.released, alerts=self._alerts)
        self._errands = Errands(node, self)
        self._view: View | None = None
        self._gone: set[str] = set()
        self._integrated: set[str] = set()
        self._timers: Timers[str] = Timers()
        self._unix_ms = 0
        self._sampled = Instant(0)

    # ---- the shape of a machine

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._step.begin(now)
        self._alerts.unix_ms = self._unix_ms + now - self._sampled
        if self._guard.desk.began is None:
            self._guard.desk.began = now
        self._dispatch(event)
        self._doing.note()
        return self._step.out

    def deadline(self) -> Instant | None:
        """When a timer fires."""
        return earliest(
            self._timers.deadline(),
            self._thinking.deadline(),
            self._nodes.deadline(),
            self._errands.deadline(),
            self._guard.deadline(),
            self._leaving.deadline(),
        )

    def check(self) -> None:
        """Assert every invariant."""
        leads = self._view is not None and self._view.leader == self._node
        assert leads or not self._fsa.is_dc, self._fsa.state
        assert ("integration" in self._timers) == (self._fsa.state is State.INTEGRATION), self._fsa.state

    @property
    def state(self) -> State:
        """The state of the machine, for people."""
        return self._fsa.state

    # ---- events

    def _dispatch(self, event: Event) -> None:  # noqa: C901, PLR0915 - one flat table of events
        match event:
            case ViewEntered():
                self._view = event.view
                if event.view.leader != self._node and event.view.leader in {member.name for member in event.joined}:
                    self._presence.since = 0
                self._gone |= {member.name for member in event.left if member.name not in event.view.names}
                self._gone -= event.view.names
                self._guard.on_view(event.view)
                self._alerts.on_view(event.view)
            case ViewLeft():
                self._view = None
                self._guard.on_left()
                self._move(Input.PENDING)
                self._leaving.on_view_left()
            case DownConfirmed():
                self._guard.on_confirmed()
            case FencingConfigured():
                self._guard.configured(event)
            case AlertsConfigured():
                self._alerts.configured(event)
            case ManagerOptions():
                self._on_options(event)
            case Fenced():
                self._guard.on_fenced(event)
            case FencingNoticed():
                self._alerts.on_fenced(event.entry)
                self._on_noticed(event.entry)
            case ViewSynced():
                self._presence.since = self._presence.since or self._unix_s()
                self._on_synced()
            case StatusChanged():
                self._alerts.on_change(event.change)
                self._on_status(event.change)
            case Conveyed():
                self._on_conveyed(event.sender, event.body)
            case OpFinished():
                self._on_finished(event)
            case OpsView():
                if self._doing.told(event, self._view, self._unix_s()):
                    self._timers.cancel("hands")
                self._guard.vouch()
            case SidesWeighed():
                self._guard.on_weighed(event)
            case Scheduled():
                self._thinking.on_scheduled(event)
            case Fire():
                self._on_fire(event)
            case PlanEnded():
                self._thinking.on_ended(event)
            case Touched():
                self._thinking.think(event.why)
            case Tick():
                self._on_tick()
            case HostSample():
                if not self._unix_ms:
                    self._ask_hands()
                self._unix_ms, self._sampled = event.unix_ms, self._step.now
                self._alerts.east_s = event.east_s
                if self._throttle.on_sample(event.loadavg, event.cores):
                    self._tell_load()
            case StopRequested():
                self._on_stop(event.reason)
            case StatesKnown():
                self._guard.desk.known = dict(event.nodes)
                if self._fsa.state is State.INTEGRATION and self._view is not None:
                    self._tell_of_the_gone(self._view)
            case MachineRestarted():
                self._on_restarted(event.machine)
            case Mute():
                self._on_mute(event)
            case Request():
                self._step.out += self._errands.on_request(event, self._view, self._step.now)
            case RequesterGone():
                self._errands.on_gone(event.request_id)
            case Committed() | Persisted() | PersistFailed():
                pass
            case NodesChanged():
                self._nodes.ordered(event.names, add=event.add)
            case CommUp() | Slept() | NodeStateChanged() | NodeRestarted() | PeerReturned():
                pass  # what follows from it comes as a view
            case LinkStateChanged() | MessageReceived() | MembershipView():
                pass
            case _:
                assert_never(event)

    def _move(self, moved_by: Input) -> None:
        if not self._fsa.move(moved_by):
            return
        if self._fsa.state is not State.INTEGRATION:
            self._timers.cancel("integration")
        if not self._fsa.is_dc:
            self._thinking.halt()

    # ---- views

    def _on_synced(self) -> None:
        view = self._view
        if view is None or self._fsa.state is State.STOPPING:
            return
        self._integrated = set()
        if view.leader == self._node:
            self._move(Input.ELECTION_DC)
            self._thinking.lead(view)
            self._timers.set("integration", self._step.now, self._integration_ms)
            self._tell_of_the_gone(view)
        else:
            self._move(Input.NOT_DC)
        self._leaving.on_view_works()
        self._change(self._leaving.ask(self._unix_s()))
        self._change(UpdateAttribute("#feature-set", FEATURE_SET))
        self._tell_load()
        self._doing.say_anew(asked=True)

    @property
    def _integration_ms(self) -> int:
        return self._options.integration_ms or INTEGRATION_MS

    def _ask_hands(self) -> None:
        self._timers.set("hands", self._step.now, HANDS_MS)
        self._doing.ask_hands()

    def _tell_of_the_gone(self, view: View) -> None:
        stale = {name for name, member in self._guard.desk.known.items() if member and name not in view.names}
        known = self._gone & set(self._guard.desk.known)
        # Of whom the status does not know, nothing is said: whoever was never seen is not known to be down.
        for name in sorted(known | stale | self._guard.desk.down):
            self._tell_of_one_gone(name)

    def _tell_of_one_gone(self, name: str) -> None:
        """Lost, it may still run what it ran; certainly down, it runs nothing, and is not expected."""
        words = self._presence.gone()
        if name in self._guard.desk.down:
            self._change(NodeForgotten(name))
            words = (*words, ("expected", "down"))
        self._change(NodeStateSet(name, words))

    def _on_status(self, change: Change) -> None:
        view = self._view
        self._guard.desk.on_status(change)
        if self._fsa.state is not State.INTEGRATION or view is None:
            return
        if isinstance(change, NodeStateSet) and dict(change.words).get("join") == "member":
            self._integrated.add(change.node)
            if self._integrated >= view.keepers:
                self._move(Input.INTEGRATED)
                self._say_about()
                self._nodes.look()
                self._thinking.think("every member has said what it runs", delay_ms=self._patience(view))

    # ---- what the configuration says, and what the hosts can do

    def _on_options(self, options: ManagerOptions) -> None:
        self._options = options
        self._leaving.configure(options.escalation_ms)
        self._thinking.delay_ms, self._thinking.recheck_ms = options.transition_delay_ms, options.recheck_ms
        if options.dc_deadtime_ms is not None:
            self._dc_deadtime_ms = self._leaving.alone_ms = options.dc_deadtime_ms
        if self._throttle.configure(options.load_threshold, options.action_limit):
            self._tell_load()
        if self._presence.configure(times=options.times) and self._fsa.has_dc:
            self._doing.say_anew(asked=True)
        self._nodes.configure(options)
        self._say_about()

    def _led(self) -> frozenset[str]:
        """The members, when this node is their DC and has quorum."""
        view = self._view
        return view.names if self._fsa.is_dc and view is not None and view.quorate else frozenset()

    def _say_about(self) -> None:
        """What the DC writes about itself and the cluster, where the configuration says something else."""
        view = self._view
        if view is None or not self._led():
            return
        told = dict(self._options.told)
        news = tuple(
            (name, value)
            for name, value in self._about
            if value and told.get(name) != value and not (name == CLUSTER_NAME and name in told)
        )
        if news and (view.id, news) != self._written:
            self._written = (view.id, news)
            self._step.send(MachineName.CIBD, WriteWanted(Edit("modify", "crm_config", options_xml(news), create=True)))

    def _tell_load(self) -> None:
        view = self._view
        if view is None or not self._fsa.has_dc:
            return
        if view.leader == self._node:
            self._limit()
            return
        level, jobs = self._throttle.own
        self._step.send(MachineName.SPEECH, Convey((view.leader,), MachineName.CRMD, NodeLoad(view.id, level, jobs)))

    def _limit(self) -> None:
        """Te begins no more at one time than the nodes can do."""
        assert self._view is not None, "a DC has a view"
        self._step.send(MachineName.TE, self._throttle.limits(self._view.names))

    def _patience(self, view: View) -> int:
        """Who was never seen would be fenced at once: right after our own start it is given time to come."""
        unseen = self._guard.desk.unseen(view) if self._guard.desk.config.enabled else []
        began = self._guard.desk.began
        left = 0 if began is None else began + self._dc_deadtime_ms - self._step.now
        if not unseen or left <= 0:
            return 0
        self._step.say(Severity.NOTICE, "waits", f"waits {left} ms for {', '.join(unseen)}")
        return left

    def _unix_s(self) -> int:
        return (self._unix_ms + self._step.now - self._sampled) // 1_000

    def _on_tick(self) -> None:
        self._step.out += self._errands.on_time(self._step.now)
        self._guard.on_time()
        self._leaving.on_time()
        self._thinking.on_time()
        self._nodes.on_time()
        while (timer := self._timers.pop(self._step.now)) is not None:
            match timer:
                case "hands":
                    self._step.say(
                        Severity.WARNING, "hands-silent", "the hands do not say what they do; they are asked again"
                    )
                    self._ask_hands()
                case "integration":
                    self._on_integration_late()
                case _:
                    raise AssertionError(timer)

    def _on_integration_late(self) -> None:
        view = self._view
        assert view is not None, "integrating in no view"
        missing = sorted(view.keepers - self._integrated)
        self._timers.set("integration", self._step.now, self._integration_ms)
        self._step.send(MachineName.CCM, ViewStalled(view.id, f"{', '.join(missing)} did not say what it runs"))

    # ---- doing

    def _on_fire(self, fire: Fire) -> None:
        view = self._view
        if view is None:
            return
        body = DoTask(view.id, fire.task, fire.transition_key)
        if fire.task.operation == "stonith":
            self._guard.fence(view, fire)
            return
        if fire.task.operation == "do_shutdown":
            self._change(NodeStateSet(fire.task.node, (("expected", "down"),)))
        if fire.task.node == self._node:
            self._doing.do(view.accept_of(self._node).member, body, self._unix_s())
        elif fire.task.node in view.names:
            self._step.send(MachineName.SPEECH, Convey((fire.task.node,), MachineName.CRMD, body))

    def _on_conveyed(self, sender: Member, body: object) -> None:
        view = self._view
        if view is None or sender not in view.members:
            return
        if isinstance(body, DoTask) and body.view == view.id and sender.name == view.leader:
            self._doing.do(sender, body, self._unix_s())
        elif isinstance(body, TaskDone) and body.view == view.id:
            self._step.send(MachineName.TE, body)
        elif isinstance(body, NodeLoad) and body.view == view.id:
            self._throttle.told(sender.name, body.level, body.jobs)
            if view.leader == self._node:
                self._limit()
        elif isinstance(body, Errand) and body.view == view.id:
            self._step.out += self._errands.on_errand(sender, body)
        elif isinstance(body, ErrandDone) and body.view == view.id:
            self._step.out += self._errands.on_done(body)

    # ---- what programs ask

    def standing(self) -> ManagerStatus:
        """How this node's manager stands."""
        view = self._view
        dc = view.leader if view is not None and self._fsa.has_dc else ""
        return ManagerStatus(self._node, self._fsa.state.value, dc, quorate=view is not None and view.quorate)

    def forget_history(self, asked: ForgetResource) -> None:
        """Forget what is known of a resource here, and its failures; the DC has it probed anew."""
        self._doing.clean(asked.resource, asked.operation, asked.interval_ms)

    def fail_resource(self, asked: FailResource) -> Refused | None:
        """Count a resource as failed, as if a monitor had found it so."""
        known = self._doing.fail(asked.resource, self._unix_s())
        return None if known else Refused("no-such", f"{asked.resource} was never asked for on {self._node}")

    def _on_noticed(self, entry: FencingEntry) -> None:
        name = self._guard.on_noticed(entry)
        if name and self._fsa.is_dc:
            self._tell_of_one_gone(name)
            self._thinking.think(f"{name} is certainly down")

    # ---- leaving

    def _on_stop(self, reason: str) -> None:
        if not self._leaving.on_stop(reason):
            return
        if self._fsa.state in (State.STARTING, State.PENDING):
            self._leaving.without_dc()
        else:
            self._change(self._leaving.ask(self._unix_s()))

    def _on_mute(self, mute: Mute) -> None:
        """The others will hold this node dead, and take over what it holds."""
        if self._fsa.state is not State.STOPPING:
            self._leaving.stop_all(f"no heartbeat of this node has left for {mute.silent_ms} ms")

    def _stopped(self) -> None:
        self._move(Input.STOP)

    def _on_restarted(self, machine: str) -> None:
        """Another machine of this node began anew: what was asked of it is asked again."""
        if machine == MachineName.PENGINE:
            self._thinking.on_restarted()
        elif machine == MachineName.LRM:
            self._ask_hands()
        elif machine == MachineName.STONITH:
            self._guard.on_fencer_restarted()

    def _on_finished(self, result: OpFinished) -> None:
        self._leaving.on_finished(result)
        self._doing.finished(result, self._view, self._unix_s())

    # ---- speaking

    def _change(self, change: Change | UpdateAttribute) -> None:
        if isinstance(change, UpdateAttribute):
            self._step.send(MachineName.ATTRD, change)
        else:
            self._step.send(MachineName.CIBD, ChangeStatus(change))
