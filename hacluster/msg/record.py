"""The record of an operation (``lrm_rsc_op``), in the words that Pacemaker writes (seen on 2.1.5, same in 3.0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hacluster.base.digest import parameters_digest
from hacluster.cib.change import Words
from hacluster.msg.lrm import AgentTraits
from hacluster.msg.transition import Task

FEATURE_SET: Final = "3.16.1"
FAKE_KEY: Final = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
"""Whose transition a result is that no transition asked for."""

PENDING, PENDING_RC = -1, 193
"""Status and code of an operation that is under way (PCMK_EXEC_PENDING, PCMK_OCF_UNKNOWN)."""

DONE: Final = 0
_META: Final = "CRM_meta_"
_NO_PARAMETERS: Final = frozenset({"id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"})
_MIGRATE: Final = ("migrate_to", "migrate_from")
_RELOAD: Final = ("reload", "reload-agent")
_DEGRADED: Final = {190: 0, 191: 8}
"""Running, but not as well as it should: no failure, and it counts as what it is besides."""

_FINE: Final = frozenset({0, 7, 8, 190, 191})
"""What a probe may find without anything being wrong."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation. ``status``: pcmk_exec_status (0 done, 1 cancelled, 2 timed out, 4 error, …)."""

    rc: int
    status: int = DONE
    call_id: int = -1
    reason: str = ""
    began_s: int = 0
    changed_s: int = 0
    exec_ms: int = 0
    queue_ms: int = 0
    traits: AgentTraits | None = None


def parameters_of(task: Task) -> dict[str, str]:
    """The agent's own parameters: what digests are made of."""
    return {n: v for n, v in task.attributes if n not in _NO_PARAMETERS and not n.startswith(_META)}


def digest_of(task: Task) -> str:
    """The digest of what the operation was run with."""
    return _digest(task, parameters_of(task))


def _digest(task: Task, params: dict[str, str]) -> str:
    """That of a recurring operation has its time limit in it."""
    timeout = task.meta("timeout")
    return parameters_digest({**params, "CRM_meta_timeout": timeout} if task.interval_ms and timeout else params)


def effective(rc: int) -> int:
    """A code without its warning: degraded is running."""
    return _DEGRADED.get(rc, rc)


def is_unexpected(task: Task, outcome: Outcome) -> bool:
    """Whether it is not what the transition expected, as a probe that finds a service where none should be."""
    return outcome.status != DONE or outcome.rc != task.target_rc


def is_failure(task: Task, outcome: Outcome) -> bool:
    """Whether something is wrong: an error, of a probe as well, or a service that is not what it should be."""
    if outcome.status != DONE:
        return True
    if task.operation == "monitor" and not task.interval_ms:
        return outcome.rc not in _FINE
    return effective(outcome.rc) != task.target_rc


def record_ids(task: Task, *, unexpected: bool) -> list[str]:
    """Under which ids it is kept.

    One for what is done once, one for each recurring operation and each half of a migration, one for the last failure;
    what is done once and gives something unexpected is under both. A failing recurring one leaves its last good result.
    """
    if task.operation in _MIGRATE:
        return [f"{task.resource}_{task.operation}_{task.interval_ms}"]
    if unexpected:
        return [f"{task.resource}_last_failure_0", *([] if task.interval_ms else [f"{task.resource}_last_0"])]
    if task.interval_ms:
        return [f"{task.resource}_{task.operation}_{task.interval_ms}"]
    return [f"{task.resource}_last_0"]


def operation_records(task: Task, transition_key: str, outcome: Outcome) -> list[Words]:
    """The records of a result, or that it is under way. A reload counts as a start, a failed one as a monitor."""
    unexpected = outcome.status != PENDING and is_unexpected(task, outcome)
    name = task.operation
    if name in _RELOAD:
        name = "start" if outcome.status == DONE else "monitor"
    words = {
        "operation_key": f"{task.resource}_{name}_{task.interval_ms}",
        "operation": name,
        "crm_feature_set": FEATURE_SET,
        "transition-key": transition_key,
        "transition-magic": f"{outcome.status}:{outcome.rc};{transition_key}",
        "exit-reason": outcome.reason if unexpected else "",
        "on_node": task.node,
        "call-id": str(outcome.call_id),
        "rc-code": str(outcome.rc),
        "op-status": str(outcome.status),
        "interval": str(task.interval_ms),
    }
    if outcome.began_s or outcome.changed_s:
        when = outcome.changed_s if task.interval_ms and outcome.changed_s else outcome.began_s
        words["last-rc-change"] = str(when)
        words["exec-time"], words["queue-time"] = str(outcome.exec_ms), str(outcome.queue_ms)
    if name in _MIGRATE:
        words |= {end: task.meta(end) for end in ("migrate_source", "migrate_target") if task.meta(end)}
    words["op-digest"] = digest_of(task)
    if outcome.traits is not None and outcome.status != PENDING:
        words |= _trait_words(task, outcome.traits)
    return [(("id", ident), *words.items()) for ident in record_ids(task, unexpected=unexpected)]


def _trait_words(task: Task, traits: AgentTraits) -> dict[str, str]:
    """What tells the policy engine which changes an agent can take over, and which are nobody's business."""
    params, words = parameters_of(task), {}
    if traits.reloads and not task.interval_ms:
        words["op-force-restart"] = _listed(traits.restart)
        words["op-restart-digest"] = parameters_digest({n: v for n, v in params.items() if n in traits.restart})
    if traits.private:
        words["op-secure-params"] = _listed(traits.private)
        words["op-secure-digest"] = _digest(task, {n: v for n, v in params.items() if n not in traits.private})
    return words


def _listed(names: tuple[str, ...]) -> str:
    return f"  {' '.join(names)}  " if names else ""
