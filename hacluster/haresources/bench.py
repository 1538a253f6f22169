"""What the parts of the resource manager share: configuration, state, the groups, and the effects of this step."""

from __future__ import annotations

from hacluster.base.effects import Effect, MachineName, Say, Send
from hacluster.base.machine import Instant, after
from hacluster.base.report import Severity
from hacluster.config.resources import Haresources
from hacluster.config.settings import AutoFailback, HaclusterConfig, HaConfig
from hacluster.haresources import protocol
from hacluster.haresources.groups import Groups, WorkTag
from hacluster.haresources.hold import has
from hacluster.haresources.identity import ident, inventory
from hacluster.haresources.states import JOINING, SETTLE_MS, RState, State, Told
from hacluster.msg.haresources import Hold
from hacluster.msg.membership import CastMessage
from hacluster.wire.hamsg import HaMessage


class Bench:
    """One step's workbench. ``now`` is set by the machine before each event, ``out`` collects the effects."""

    def __init__(self, config: HaConfig, groups: Haresources, own_node: str, settings: HaclusterConfig) -> None:
        self.config = config
        self.settings = settings
        self.own = own_node
        self.others = tuple(node for node in config.nodes if node != own_node)
        self.state = State()
        self.now = Instant(0)
        self.out: list[Effect] = []
        self.groups = Groups(groups, own_node, settings, lambda: self.out)
        self.groups.elsewhere = self.elsewhere
        self.inventory = inventory(groups, own_node)

    @property
    def legacy(self) -> bool:
        """Whether the protocol of Heartbeat before 1.2 is in force."""
        return self.config.auto_failback is AutoFailback.LEGACY

    @property
    def living(self) -> tuple[str, ...]:
        """The other nodes that are there."""
        return tuple(node for node in self.others if self.state.alive.get(node, False))

    @property
    def peer(self) -> str:
        """The other node, for texts: the living one if there is one."""
        return (*self.living, *self.others, "no other node")[0]

    def after(self, delay_ms: int) -> Instant:
        """The instant ``delay_ms`` from now."""
        return after(self.now, delay_ms)

    def send(self, to: MachineName, body: object) -> None:
        """Tell another machine of this node."""
        self.out.append(Send(to, body))

    def cast(self, message: HaMessage) -> None:
        """Tell all nodes."""
        self.send(MachineName.HEARTBEAT, CastMessage(message))

    def resource(self, info: str = "", *, asks: bool = False) -> None:
        """Tell what we hold. Saying so while joining counts as having heard of resources (trap 9)."""
        s = self.state
        message = protocol.resource(s.hold, stable=s.stable and info != protocol.INFO_STANDBY, info=info)
        self.cast(message.replace(hxq="1") if asks else message)
        self.resources_spoken_of()

    def told(self, node: str) -> Told | None:
        """What ``node`` says of its files and of what runs there; ``None`` when it is dead, or a real Heartbeat."""
        return self.state.told.get(node) if self.state.alive.get(node, False) else None

    def ours(self, node: str) -> bool:
        """Whether ``node`` lives and is known to be one of ours in this life."""
        return self.told(node) is not None

    def elsewhere(self, key: str) -> str:
        """Why the group ``key`` may not be started here now: a living node runs some of it, or is to. Else empty.

        Where the files differ both may call a resource local; then the smaller name has it.
        """
        if self.state.fencing:
            return f"{self.state.fencing} is dead and not fenced yet"
        names = self.groups.idents(key)
        for node in self.living:
            told = self.told(node)
            if told is None:
                continue
            word = next((one.id for one in self.groups.runs[key].line if ident(one) in told.runs), None)
            if word is not None:
                return f"{word} runs on {node}"
            local = self.groups.side(key) is Hold.LOCAL
            if local and node < self.own and names & set(told.local) and self._has_local(node):
                return f"the files of {node} call {key} its own, too"
        return ""

    def _has_local(self, node: str) -> bool:
        """Whether ``node`` holds what is local to it, or may be about to."""
        s = self.state
        return self.legacy or not s.other_stable or has(s.other_hold, Hold.LOCAL) or self.living[:1] != (node,)

    def resources_spoken_of(self) -> None:
        """A ``resource`` of anyone was heard: from now on the other nodes have ten seconds to be stable."""
        s = self.state
        if s.rstate in {RState.STARTING, RState.BOTHSTARTING}:
            s.rstate = RState.RSCRCVD
            s.timers.resend = None
            s.timers.settle = self.after(SETTLE_MS)

    def become_stable(self) -> None:
        """Joining is over."""
        s = self.state
        if s.rstate in JOINING:
            s.rstate = RState.STABLE
            s.timers.settle = s.timers.resend = None

    def take_local(self, cause: str, *, start: bool = False) -> None:
        """Acquire our own groups: the claim stands before anything is started; ends with a ``resource``."""
        self.state.hold = Hold.ALL if has(self.state.hold, Hold.FOREIGN) else Hold.LOCAL
        self.groups.take(WorkTag.LOCAL, self.groups.keys(Hold.LOCAL), cause, "start" if start else "")

    def say(self, severity: Severity, code: str, text: str, **fields: str) -> None:
        """One line of log."""
        self.out.append(Say(severity, "haresources", code, text, tuple(fields.items())))

    def info(self, code: str, text: str) -> None:
        """A line that tells what is going on."""
        self.say(Severity.INFO, code, text)

    def warn(self, code: str, text: str) -> None:
        """A line that tells what should not be so."""
        self.say(Severity.WARNING, code, text)
