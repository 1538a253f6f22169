"""Waiting until the cluster has carried out a change: where there is a cluster to wait for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

_LONGEST_S = 1800.0
_STEP_S = 0.25


def settled(session: Session) -> bool:
    """Wait until the DC is idle; ``True`` at once for a file or a shadow, which nobody carries out."""
    if session.environment.get("CIB_file") or session.shadow:
        return True
    until = time.monotonic() + _LONGEST_S
    while time.monotonic() < until:
        status, said = session.answer("crmadmin -S dc", told=False)
        if status != 0:
            session.voice.warning("the DC cannot be asked whether it has carried out the change")
            return False
        if "S_IDLE" in said:
            return True
        time.sleep(_STEP_S)
    session.voice.warning(f"the cluster is still busy after {_LONGEST_S / 60:.0f} minutes")
    return False
