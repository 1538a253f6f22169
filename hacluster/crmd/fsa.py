"""The finite state machine of crmd, as a table: states and inputs have Pacemaker's names, so that logs read alike.

What Pacemaker elects and negotiates (S_ELECTION, the join dance) is settled by the view here: whoever leads it is the
DC, and a view that works has the same CIB everywhere. What is left of the join is that each member says what it runs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from hacluster.base.report import Severity
from hacluster.base.step import Step


class State(StrEnum):
    """What this node's crmd is doing."""

    STARTING = "S_STARTING"
    PENDING = "S_PENDING"
    NOT_DC = "S_NOT_DC"
    INTEGRATION = "S_INTEGRATION"
    POLICY_ENGINE = "S_POLICY_ENGINE"
    TRANSITION_ENGINE = "S_TRANSITION_ENGINE"
    IDLE = "S_IDLE"
    STOPPING = "S_STOPPING"


class Input(StrEnum):
    """What moves it."""

    PENDING = "I_PENDING"
    """The view is left, or does not work yet."""
    NOT_DC = "I_NOT_DC"
    """The view works, and somebody else leads it."""
    ELECTION_DC = "I_ELECTION_DC"
    """The view works, and we lead it."""
    INTEGRATED = "I_INTEGRATED"
    """Every member has said what it runs."""
    PE_CALC = "I_PE_CALC"
    """Something happened that wants thought."""
    PE_SUCCESS = "I_PE_SUCCESS"
    """There is a plan."""
    TE_SUCCESS = "I_TE_SUCCESS"
    """The plan has ended."""
    STOP = "I_STOP"
    """The administrator stops the node."""


_S, _I = State, Input
_ANY: Final = (_S.STARTING, _S.PENDING, _S.NOT_DC, _S.INTEGRATION, _S.POLICY_ENGINE, _S.TRANSITION_ENGINE, _S.IDLE)

TABLE: Final[dict[tuple[State, Input], State]] = {
    **{(state, _I.PENDING): _S.PENDING for state in _ANY},
    **{(state, _I.NOT_DC): _S.NOT_DC for state in _ANY},
    **{(state, _I.ELECTION_DC): _S.INTEGRATION for state in _ANY},
    **{(state, _I.STOP): _S.STOPPING for state in _ANY},
    (_S.INTEGRATION, _I.INTEGRATED): _S.POLICY_ENGINE,
    (_S.POLICY_ENGINE, _I.PE_CALC): _S.POLICY_ENGINE,
    (_S.POLICY_ENGINE, _I.PE_SUCCESS): _S.TRANSITION_ENGINE,
    (_S.TRANSITION_ENGINE, _I.PE_CALC): _S.POLICY_ENGINE,
    (_S.TRANSITION_ENGINE, _I.TE_SUCCESS): _S.IDLE,
    (_S.IDLE, _I.PE_CALC): _S.POLICY_ENGINE,
}
"""(state, input) → next state. What is not here does not move: the input is of no use in that state."""


LEADS: Final = frozenset({_S.INTEGRATION, _S.POLICY_ENGINE, _S.TRANSITION_ENGINE, _S.IDLE})
"""The states of a DC."""


def after(state: State, moved_by: Input) -> State:
    """The state after an input; the same when it is of no use."""
    return TABLE.get((state, moved_by), state)


class Fsa:
    """The state that this node's crmd is in; each move is told in the log."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.state = State.STARTING

    def move(self, moved_by: Input) -> bool:
        """An input; whether it moved anything."""
        before, self.state = self.state, after(self.state, moved_by)
        if self.state is before:
            return False
        self._step.say(Severity.INFO, "state", f"{before} -> {self.state} (by {moved_by})")
        return True

    @property
    def is_dc(self) -> bool:
        """Whether this node leads a view that works."""
        return self.state in LEADS

    @property
    def has_dc(self) -> bool:
        """Whether this node is in a view that works."""
        return self.state in LEADS or self.state is State.NOT_DC
