"""Waiting until the cluster has carried out a change: where there is a cluster to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

LONGEST: Final = "30min"
"""How long is waited at most."""


def settled(session: Session) -> bool:
    """Wait until nothing is left to do; ``True`` at once for a file or a shadow, which nobody carries out."""
    if session.environment.get("CIB_file") or session.shadow:
        return True
    if session.answer(f"crm_resource --wait -T {LONGEST}", told=False)[0] == 0:
        return True
    session.voice.warning("the cluster has not carried out the change yet")
    return False
