"""The commands of ``crm_resource`` that a running cluster carries out: clean-up, refresh, fail, restart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from hacluster.base.results import Exit, Fault
from hacluster.client.live import LiveCluster
from hacluster.msg.crmd import FailResource, ForgetResource
from hacluster.msg.membership import Accepted
from hacluster.tools.output import Failed

if TYPE_CHECKING:
    from hacluster.pe.model.resource import Resource
    from hacluster.tools.crm_resource import Call

RESTART_S: Final = 60.0
"""How long stopping, and then starting, may take where no time is given."""


def _source(call: Call) -> LiveCluster:
    assert isinstance(call.source, LiveCluster), "asked for before"
    return call.source


def _known_as(rsc: Resource) -> set[str]:
    """The ids under which executors know a resource and what is in it: with the number of an instance, and without."""
    found = {part for entry in rsc.walk() for part in (entry.id, entry.xml_id)}
    return found | {name.partition(":")[0] for name in found}


def _histories(call: Call, rsc: Resource | None, node: str | None) -> list[tuple[str, str, Any]]:
    """What nodes know of resources: node, id, element."""
    names = None if rsc is None else _known_as(rsc)
    return [
        (state.get("uname", ""), history.get("id", ""), history)
        for state in call.root.iterfind("status/node_state")
        for history in state.iterfind("lrm/lrm_resources/lrm_resource")
        if (names is None or history.get("id") in names or history.get("id", "").partition(":")[0] in names)
        and (node is None or state.get("uname") == node)
    ]


def _has_failed(call: Call, node: str, ident: str, history: Any, operation: str) -> bool:
    if any(
        op.get("id", "").endswith("_last_failure_0") and (not operation or op.get("operation") == operation)
        for op in history.iterfind("lrm_rsc_op")
    ):
        return True
    start = f"fail-count-{ident.partition(':')[0]}"
    pairs = call.root.iterfind(f"status/node_state[@uname='{node}']/transient_attributes/instance_attributes/nvpair")
    names = [pair.get("name", "") for pair in pairs]
    return any(name.partition("#")[0] in (start, f"fail-count-{ident}") and (
        not operation or name.partition("#")[2].rpartition("_")[0] == operation) for name in names)  # fmt: skip


def cleanup(call: Call) -> int:
    """Have nodes forget failures (cleanup) or all that they know (refresh), so that the cluster looks anew."""
    from hacluster.base.values import interval_ms  # noqa: PLC0415 - one command alone

    only_failed = call.command == "cleanup"
    rsc = call.rsc if call.name else None
    node = call.node
    operation = call.given.get("operation") or ""
    interval = interval_ms(call.given.get("interval") or "0")
    if rsc is not None and not call.force and "recursive" not in call.given:
        rsc = rsc.top if rsc.top.is_clone else rsc
    found = _histories(call, rsc, None if node is None else node.name)
    wanted = [
        (place, ident)
        for place, ident, history in found
        if not only_failed or _has_failed(call, place, ident, history, operation)
    ]
    if "plan" in call.given:
        from hacluster.tools.crm_resource_plan import tell_plan  # noqa: PLC0415 - few ask

        tell_plan(call, wanted, operation if only_failed else "", interval if only_failed else 0)
        return Exit.OK
    for place, ident in wanted:
        asked = ForgetResource(place, ident, operation if only_failed else "", interval if only_failed else 0)
        try:
            _source(call).daemon.ask(asked, Accepted)
        except Fault as error:
            text = f"Unable to clean up {ident} on {place}: {error.text}"
            raise Failed(f"{text}\nError performing operation: {error.text}", error.status) from None
        if rsc is not None:
            call.out.line(f"Cleaned up {ident} on {place}")
    if rsc is None:
        where = node.name if node is not None else "all nodes"
        call.out.line(f"Cleaned up all resources on {where}")
    return Exit.OK


def fail(call: Call) -> int:
    """Have a node count a resource as failed."""
    rsc, node = call.rsc, call.node
    assert node is not None, "asked for before"
    places = {(place, ident) for place, ident, _ in _histories(call, rsc, node.name)}
    if not places:
        raise Failed(f"Resource {call.name} not found on {node.name}\nError performing operation: No such object",
                     Exit.NO_SUCH)  # fmt: skip
    for place, ident in sorted(places):
        _source(call).daemon.ask(FailResource(place, ident), Accepted)
    return Exit.OK


def _active(call: Call) -> set[str]:
    """Where the resource runs, as instance and node."""
    call.look_again()
    return {f"{part.id}@{node.name}" for part in call.rsc.walk() for node in part.places(1)}


def _wait_until(call: Call, what: str, done: Any, seconds: float) -> None:
    call.out.line(what)
    call.out.line(f" * {call.name}")
    call.out.flush()
    source, end = _source(call), time.monotonic() + seconds
    while not done(_active(call)):
        left = end - time.monotonic()
        if left <= 0:
            raise Failed(f"Could not complete restart of {call.name}: it took longer than {int(seconds)} s\n"
                         "Error performing operation: Timeout occurred", Exit.TIMEOUT)  # fmt: skip
        source.wait(source.mark, left)


def restart(call: Call) -> int:
    """Stop the resource wherever it runs, wait, and let it start again."""
    from hacluster.base.values import interval_ms  # noqa: PLC0415 - one command alone
    from hacluster.tools.crm_resource import TOOL, main  # noqa: PLC0415 - it imports this file
    from hacluster.tools.output import perform  # noqa: PLC0415

    given = call.given.get("timeout")
    seconds = interval_ms(given) / 1000 if given else RESTART_S
    before = _active(call)
    if not before:
        text = f"{call.name} is not running anywhere and so cannot be restarted"
        raise Failed(f"{text}\nError performing operation: Error occurred", Exit.ERROR)
    role = call.rsc.meta.get("target-role")
    words = [f"--resource={call.name}", "--meta"]
    status = perform(TOOL, main, [*words, "--set-parameter=target-role", "--parameter-value=Stopped"])
    if status != Exit.OK:
        return status
    try:
        _wait_until(call, "Waiting for 1 resources to stop:", lambda now: not now, seconds)
    finally:
        if role is None:
            perform(TOOL, main, [*words, "--delete-parameter=target-role"])
        else:
            perform(TOOL, main, [*words, "--set-parameter=target-role", f"--parameter-value={role}"])
    _wait_until(call, "Waiting for 1 resources to start again:", lambda now: len(now) >= len(before), seconds)
    return Exit.OK
