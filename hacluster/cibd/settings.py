"""What cibd is told at its birth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hacluster.base.effects import MachineName
from hacluster.base.limits import MAX_JOURNAL, MAX_REQUESTS_KEPT
from hacluster.cib.document import XML
from hacluster.cib.voters import Voters

Judge = Callable[[XML], str]
"""Says why a configuration is refused; empty when it is not."""


def accept_all(_root: XML) -> str:
    """Refuse nothing."""
    return ""


@dataclass(frozen=True, slots=True)
class CibdSettings:
    """``init``: a blank disk is no damage, since the cluster begins now. ``voters``: the list while the CIB has none.

    ``stuck_ms``: how long an acknowledgement may be missing. ``answer_ms``: how long a client waits at most.
    ``last_man_window_ms``: how long voters are away before they have no vote (votequorum's last_man_standing_window).
    ``followers`` are the machines of this node that are told of each sync, each committed record and each change of
    the status.
    """

    name: str
    first_content: str
    voters: Voters
    init: bool = False
    witness: bool = False
    stuck_ms: int = 2_500
    answer_ms: int = 10_000
    last_man_window_ms: int = 10_000
    requests_kept: int = MAX_REQUESTS_KEPT
    journal_bytes: int = MAX_JOURNAL
    followers: tuple[MachineName, ...] = ()
    judge: Judge = accept_all
