"""What an ordering does to the two actions it is between."""

from __future__ import annotations

from typing import Final

from hacluster.pe.model.action import Action, Flag, Order
from hacluster.pe.model.kinds import Role

_WORDS: Final = {Flag.OPTIONAL: "required", Flag.RUNNABLE: "unrunnable", Flag.MIGRATE_RUNNABLE: "unmigrateable"}


def _clear_because(action: Action, flag: int, cause: Action) -> None:
    """Clear a flag of an action because of another, and say so."""
    if not action.flags & flag:
        return
    action.clear(flag)
    if action.rsc is not cause.rsc:
        of = "" if cause.rsc is None else f" {cause.rsc.id}"
        action.say_why(f"{_WORDS[flag]}{of} {cause.task}", overwrite=False)


def _asymmetric(first: Action, then: Action) -> None:
    rsc = then.rsc
    if rsc is None or first.can_run:
        return
    if then.optional:
        # What is down or up already needs no doing: nothing can be in the wrong order.
        role = rsc.state(True)
        if role is Role.STOPPED and then.task == "stop":
            return
        here = then.node is not None and rsc.active_on == [then.node]
        if role >= Role.STARTED and then.task == "start" and here:
            return
    _clear_because(then, Flag.OPTIONAL, first)
    _clear_because(then, Flag.RUNNABLE, first)


def _restart(first: Action, then: Action, filtered: int) -> None:
    rsc = then.rsc
    restart = filtered & Flag.OPTIONAL and not then.optional
    stop = filtered & Flag.RUNNABLE and not then.can_run and rsc is not None and rsc.managed and first.rsc is rsc
    if not restart and not stop:
        return
    if first.can_run or not then.optional:
        _clear_because(first, Flag.OPTIONAL, then)
    if not then.flags & Flag.MIGRATE_RUNNABLE:
        _clear_because(first, Flag.MIGRATE_RUNNABLE, then)
    if not first.optional and not first.can_run:
        _clear_because(then, Flag.RUNNABLE, first)


def _implies_first(first: Action, then: Action, flags: int, filtered: int, had: int) -> None:
    if filtered & Flag.OPTIONAL and not flags & Flag.OPTIONAL and had & Flag.OPTIONAL:
        _clear_because(first, Flag.OPTIONAL, then)
    if flags & Flag.MIGRATE_RUNNABLE and not then.flags & Flag.MIGRATE_RUNNABLE:
        _clear_because(first, Flag.MIGRATE_RUNNABLE, then)


def _promoted_implies_first(first: Action, then: Action) -> None:
    _clear_because(first, Flag.OPTIONAL, then)
    if first.flags & Flag.MIGRATE_RUNNABLE and not then.flags & Flag.MIGRATE_RUNNABLE:
        _clear_because(first, Flag.MIGRATE_RUNNABLE, then)


def _migratable(first: Action, then: Action) -> None:
    both = Flag.MIGRATE_RUNNABLE | Flag.RUNNABLE
    if then.flags & both != both:
        _clear_because(first, Flag.RUNNABLE, then)
    if not then.optional:
        _clear_because(first, Flag.OPTIONAL, then)


def apply_pair(first: Action, then: Action, flags: int, filtered: int, kind: int) -> None:
    """Let one kind of ordering take effect. ``flags`` are those of ``first`` as the ordering sees them."""
    first_had, then_had = first.flags, then.flags
    wants_optional, wants_runnable = filtered & Flag.OPTIONAL, filtered & Flag.RUNNABLE
    if kind & Order.ASYMMETRICAL:
        _asymmetric(first, then)
    if kind & Order.IMPLIES_FIRST and not then_had & Flag.OPTIONAL:
        _implies_first(first, then, flags, filtered, first_had)
    if (
        kind & Order.PROMOTED_IMPLIES_FIRST
        and then.rsc is not None
        and then.rsc.role is Role.PROMOTED
        and wants_optional
        and not then.optional
    ):
        _promoted_implies_first(first, then)
    if kind & Order.IMPLIES_FIRST_MIGRATABLE and wants_optional:
        _migratable(first, then)
    if kind & Order.PSEUDO_LEFT and wants_optional and not first.can_run:
        _clear_because(then, Flag.MIGRATE_RUNNABLE, first)
        then.clear(Flag.PSEUDO)
    if kind & Order.RUNNABLE_LEFT and wants_runnable and then.can_run and not flags & Flag.RUNNABLE:
        _clear_because(then, Flag.RUNNABLE, first)
        _clear_because(then, Flag.MIGRATE_RUNNABLE, first)
    if (
        kind & Order.IMPLIES_THEN
        and wants_optional
        and then.optional
        and not flags & Flag.OPTIONAL
        and not first.flags & Flag.MIGRATE_RUNNABLE
    ):
        _clear_because(then, Flag.OPTIONAL, first)
    if kind & Order.RESTART:
        _restart(first, then, filtered)
