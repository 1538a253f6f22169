"""The level ``script``: scripts for whole services, which this version does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hacluster.crmsh.level import Level, Refused, Verb

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session


def _none(_session: Session, _words: list[str]) -> bool:
    raise Refused("this version has no cluster scripts; template has configurations for services")


LEVEL = Level(
    "script",
    "scripts for whole services (not there yet)",
    "Every verb says so and fails; template has configurations for services.",
    tuple(
        Verb(name, _none, "[…]", "not there yet")
        for name in ("list", "show", "verify", "run", "print", "actions", "convert", "json")
    ),
)
