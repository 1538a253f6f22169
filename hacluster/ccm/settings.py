"""What ccm is told at its birth: who it is, and how long it waits for what."""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.effects import MachineName

FEATURE_SET = (3, 20, 0)
"""What this version's CRM can do, compared when a leader is chosen (crm_feature_set)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All in ms. ``spread_ms`` is the most that dice add to ``stuck_ms``; ``retry_ms`` to a try after a failed one."""

    settle_ms: int = 400
    round_ms: int = 1_500
    stuck_ms: int = 2_500
    spread_ms: int = 2_500
    retry_ms: int = 300
    busy_ms: int = 1_500
    disk_retry_ms: int = 5_000

    @classmethod
    def of(cls, keepalive_ms: int, deadtime_ms: int) -> Timing:
        """The times that go with a heartbeat: a change is settled after two beats, a silence is one after deadtime."""
        return cls(
            settle_ms=max(2 * keepalive_ms, 50),
            round_ms=deadtime_ms + deadtime_ms // 2,
            stuck_ms=2 * deadtime_ms + deadtime_ms // 2,
            spread_ms=2 * deadtime_ms + deadtime_ms // 2,
            retry_ms=max(deadtime_ms // 3, 50),
            busy_ms=deadtime_ms + deadtime_ms // 2,
        )


@dataclass(frozen=True, slots=True)
class CcmSettings:
    """``name``: this node. ``witness``: it votes and keeps no content. ``listeners`` are told of views entered and
    left.

    ``ping_nodes``: while none of them answers, this node's votes do not count. They answer both halves of a cluster
    that is cut apart, so they never give anybody quorum.
    """

    name: str
    witness: bool = False
    feature_set: tuple[int, ...] = FEATURE_SET
    timing: Timing = Timing()
    listeners: tuple[MachineName, ...] = (MachineName.CIBD,)
    ping_nodes: tuple[str, ...] = ()
