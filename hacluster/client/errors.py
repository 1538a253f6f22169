"""Why a running node gave no answer, or said no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hacluster.base.errors import HaError

if TYPE_CHECKING:
    from hacluster.msg.driver import Refused


class NotRunningError(HaError):
    """Nobody listens: the cluster software does not run on this host."""


class NotPermittedError(HaError):
    """The socket is there but this user may not connect."""


class ConnectionLostError(HaError):
    """The other end hung up, or does not speak our protocol."""


class TimedOutError(HaError):
    """No answer in time."""


class RefusedError(HaError):
    """The node refused; ``refused`` has code, text and hint."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"{refused.text} ({refused.hint})" if refused.hint else refused.text)
        self.refused = refused
