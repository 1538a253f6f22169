"""An operation as configured, and what a configuration makes of an action."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.pe.model.kinds import Needs, OnFail, Role


class OpEntry(NamedTuple):
    """One ``op`` element."""

    name: str
    interval: int
    enabled: bool
    xml: XML


class OpConfig(NamedTuple):
    """What every action of one key gets."""

    op: XML | None
    meta: dict[str, str]
    needs: Needs
    on_fail: OnFail
    fail_role: Role
    has_extra: bool
