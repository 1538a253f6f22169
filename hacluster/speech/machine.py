"""speech as a machine: what the machines of this node say to those of other nodes, and hear from them.

Theory of operation
-------------------
* *Out.* ``Convey`` is encoded (what may travel is a table), cut into pieces, and put into the line of each receiver.
  The heartbeat is handed no more than ``MAX_SPOKEN_AHEAD`` bytes for one receiver before it has said that some of them
  are gone; the rest waits here, so a receiver that is slow or silent holds up nobody else. A piece that is next in
  several lines is handed over once, for all of them. A step does a little of that and goes on in the next one.
* *In.* The pieces of each sender come in their order; a message that is whole goes to the machine that it names. What
  has been dealt with is told to the heartbeat, which hears no more while too much of it waits.
* *Lost.* When a stream is broken, what waits for that node and what came in part from that life is forgotten, and ccm
  is told. When a line is longer than it may be, it is dropped and the heartbeat is told to break the stream, so that
  both ends know of it. When the heartbeat has begun anew, everything is forgotten; ccm is told of that by the
  heartbeat.

What cannot be decoded is said and dropped: it comes from a node of another version, or is nonsense. What the machine
does not do: it knows no views and asks nobody whether a message is still of use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, assert_never

from hacluster.base.effects import Effect, MachineName, Say, Send
from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_PIECE, MAX_SPEECH_PIECES, MAX_SPOKEN_AHEAD, MAX_STREAM_BACKLOG, MAX_STREAM_MESSAGE
from hacluster.base.machine import Instant, after
from hacluster.base.members import Member
from hacluster.base.report import Severity
from hacluster.msg.driver import HostSample, MachineRestarted, Tick
from hacluster.msg.hearing import PulseStarted
from hacluster.msg.stream import BreakStream, Convey, Conveyed, Gone, Speak, Spoken, StreamBroken, Taken
from hacluster.msg.travelling import TRAVELS
from hacluster.speech.pieces import Assembly, Piece, cut
from hacluster.wire.bodies import Bodies

Event = Convey | Spoken | Gone | StreamBroken | PulseStarted | MachineRestarted | HostSample | Tick

_A_STEP: Final = 16
"""Most pieces that are handed over, and perhaps compressed, in one step."""

_TELL_TAKEN: Final = 64 * 1024
_MAX_SAID: Final = 64
_NUMBERS: Final = 1 << 32


@dataclass(slots=True)
class _Line:
    """What is to go to one node. ``waiting``: bytes here; ``ahead``: bytes that the heartbeat has."""

    pieces: deque[Piece] = field(default_factory=deque)
    waiting: int = 0
    ahead: int = 0

    @property
    def may_go(self) -> bool:
        return bool(self.pieces) and self.ahead + MAX_PIECE <= MAX_SPOKEN_AHEAD

    def clear(self) -> bool:
        """Forget all of it; whether anything waited."""
        waited = bool(self.pieces)
        self.pieces.clear()
        self.waiting = self.ahead = 0
        return waited


class SpeechMachine:
    """See the module."""

    def __init__(self, here: Collection[MachineName] = tuple(MachineName)) -> None:
        """``here``: the machines that this kind of node has; what is for another one is passed over."""
        self._bodies = Bodies({machine.value: types for machine, types in TRAVELS.items()})
        self._here = frozenset(machine.value for machine in here)
        self._lines: dict[str, _Line] = {}
        self._partly: dict[Member, Assembly] = {}
        self._numbers = 0
        self._taken = 0
        self._more_at: Instant | None = None
        self._said: set[str] = set()
        self._out: list[Effect] = []

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        match event:
            case Convey():
                self._convey(event)
            case Spoken():
                self._spoken(event)
            case Gone():
                line = self._lines.get(event.node)
                if line is not None:
                    line.ahead = max(0, line.ahead - event.size)
            case StreamBroken():
                self._broken(event)
            case PulseStarted():
                self._lines.clear()
                self._partly.clear()
                self._taken = 0
            case MachineRestarted() | HostSample() | Tick():
                pass
            case _:
                assert_never(event)
        self._hand_over(now)
        effects, self._out = self._out, []
        return effects

    def deadline(self) -> Instant | None:
        """When more is to be handed over."""
        return self._more_at

    def check(self) -> None:
        """Assert every invariant."""
        for node, line in self._lines.items():
            assert (line.waiting > 0) is bool(line.pieces), (node, line.waiting)
            assert 0 <= line.ahead <= MAX_SPOKEN_AHEAD + MAX_PIECE, (node, line.ahead)
            assert not line.may_go or self._more_at is not None, node
        assert 0 <= self._taken < _TELL_TAKEN + MAX_PIECE * 2, self._taken

    # ---- out

    def _convey(self, convey: Convey) -> None:
        try:
            message = self._bodies.encode(convey.machine, convey.body)
        except WireError as error:
            self._say(f"cannot say {type(convey.body).__name__} to other nodes: {error}", type(convey.body).__name__)
            return
        assert len(message) <= MAX_STREAM_MESSAGE, f"{type(convey.body).__name__} of {len(message)} bytes"
        self._numbers = (self._numbers + 1) % _NUMBERS
        pieces = cut(self._numbers, message)
        size = sum(piece.size for piece in pieces)
        for node in convey.to:
            line = self._lines.setdefault(node, _Line())
            if line.waiting + size > MAX_STREAM_BACKLOG or len(line.pieces) + len(pieces) > MAX_SPEECH_PIECES:
                text = f"more waits to be said to {node} than may: it is dropped, and {node} is told that it misses it"
                self._say(text, f"full {node}")
                self._drop(node)
                continue
            line.pieces += pieces
            line.waiting += size

    def _drop(self, node: str) -> None:
        self._lines[node].clear()
        self._out.append(Send(MachineName.HEARTBEAT, BreakStream(node)))

    def _hand_over(self, now: Instant) -> None:
        self._more_at = None
        for _ in range(_A_STEP):
            first = next((node for node, line in self._lines.items() if line.may_go), None)
            if first is None:
                return
            piece = self._lines[first].pieces[0]
            data = piece.ready()
            to = [node for node, line in self._lines.items() if line.may_go and line.pieces[0] is piece]
            for node in to:
                # To the end of the table: who was served comes last the next time.
                line = self._lines[node] = self._lines.pop(node)
                line.pieces.popleft()
                line.waiting -= piece.size
                line.ahead += len(data)
            self._out.append(Send(MachineName.HEARTBEAT, Speak(tuple(to), data)))
        if any(line.may_go for line in self._lines.values()):
            self._more_at = after(now, 1)

    # ---- in

    def _spoken(self, spoken: Spoken) -> None:
        sender = spoken.sender
        self._taken += len(spoken.data)
        if self._taken >= _TELL_TAKEN:
            self._out.append(Send(MachineName.HEARTBEAT, Taken(self._taken)))
            self._taken = 0
        assembly = self._partly.get(sender)
        if assembly is None:
            self._forget_lives(sender)
            assembly = self._partly[sender] = Assembly()
        try:
            message = assembly.add(spoken.data)
            if message is None:
                return
            to, body = self._bodies.decode(message)
        except WireError as error:
            self._say(f"what {sender} says makes no sense: {error}", f"nonsense {sender.name}")
            return
        if to not in self._here:
            self._say(f"{sender} speaks to {to}, which this node does not have", f"stray {to}")
            return
        self._out.append(Send(MachineName(to), Conveyed(sender, body)))

    def _forget_lives(self, newest: Member) -> None:
        for life in [life for life in self._partly if life.name == newest.name and life < newest]:
            del self._partly[life]

    def _broken(self, broken: StreamBroken) -> None:
        self._partly.pop(Member(broken.node, broken.generation, broken.life), None)
        line = self._lines.get(broken.node)
        if line is not None and line.clear():
            # Some of it may have been meant for a newer life than the one whose stream was broken.
            self._drop(broken.node)
        self._out.append(Send(MachineName.CCM, broken))

    def _say(self, text: str, kind: str) -> None:
        """Said once for each kind; kinds are few."""
        if kind not in self._said and len(self._said) < _MAX_SAID:
            self._said.add(kind)
            self._out.append(Say(Severity.ERROR, "speech", "not-conveyed", text))
