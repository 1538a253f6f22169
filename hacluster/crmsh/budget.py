"""``crm budget``: how long a service is away when a node or the service itself fails, out of the timers that hold.

*worst* adds up what each step may take; *expected* what it took when it was last measured here, and where nothing was
measured, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from hacluster.base.values import interval_ms
from hacluster.ccm.settings import Timing

if TYPE_CHECKING:
    from hacluster.cib.document import XML

STARTS: Final = ("start", "promote")
DEFAULT_TIMEOUT_MS: Final = 20_000
FENCING_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an outage in milliseconds; ``expected`` ``None``: never measured. ``why``: where it comes from."""

    name: str
    worst: int
    expected: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Timers:
    """What the heartbeat goes by, in milliseconds; ``members``: how many nodes there are."""

    keepalive: int
    deadtime: int
    members: int


def _timeout(root: XML, primitive: XML, action: str) -> int:
    for one in primitive.iterfind("operations/op"):
        if one.get("name") == action:
            found = interval_ms(one.get("timeout"))
            if not found:
                pairs = one.iterfind("*/nvpair")
                found = next((interval_ms(pair.get("value")) for pair in pairs if pair.get("name") == "timeout"), 0)
            if found:
                return found
    pairs = root.iterfind("configuration/op_defaults/meta_attributes/nvpair")
    given = next((interval_ms(pair.get("value")) for pair in pairs if pair.get("name") == "timeout"), 0)
    return given or DEFAULT_TIMEOUT_MS


def _measured(root: XML, resource: str, action: str) -> int | None:
    times = [
        int(record.get("exec-time", "0"))
        for one in root.iterfind("status/node_state/lrm/lrm_resources/lrm_resource")
        if (one.get("id") or "").partition(":")[0] == resource
        for record in one.iterfind("lrm_rsc_op")
        if record.get("operation") == action
        and record.get("rc-code") == "0"
        and record.get("exec-time", "").isdecimal()
    ]
    return max(times, default=None)


def _monitor(root: XML, primitive: XML) -> tuple[int, int] | None:
    found = [
        (interval_ms(one.get("interval")), interval_ms(one.get("timeout")) or _timeout(root, primitive, "monitor"))
        for one in primitive.iterfind("operations/op")
        if one.get("name") == "monitor" and interval_ms(one.get("interval"))
    ]
    return min(found, default=None)


class _Before:
    """What is started before what, as the configuration says it."""

    def __init__(self, root: XML) -> None:
        self.primitives = {str(one.get("id")): one for one in root.iterfind("configuration/resources//primitive")}
        self.first: dict[str, list[str]] = {}
        self.members: dict[str, list[str]] = {}
        for group in root.iterfind("configuration/resources//group"):
            names = [str(one.get("id")) for one in group.iterfind("primitive")]
            self.members[str(group.get("id"))] = names
            for before, after in pairwise(names):
                self.first.setdefault(after, []).append(before)
        known = {*self.primitives, *self.members}
        for tag in ("clone", "master", "bundle"):
            for one in root.iterfind(f"configuration/resources//{tag}"):
                inside = [str(child.get("id")) for child in one if child.get("id") in known]
                self.members[str(one.get("id"))] = inside
        for order in root.iterfind("configuration/constraints/rsc_order"):
            kind = order.get("kind") or ("Optional" if order.get("score") == "0" else "Mandatory")
            if kind == "Mandatory" and order.get("first") and (order.get("first-action") or "start") in STARTS:
                self.first.setdefault(str(order.get("then")), []).append(str(order.get("first")))

    def visit(self, name: str, found: dict[str, XML], seen: set[str]) -> None:
        """Put what is started before ``name``, and itself, at the end of ``found``."""
        if name in seen:
            return
        seen.add(name)
        for other in (*self.first.get(name, ()), *self.members.get(name, ())):
            self.visit(other, found, seen)
        if name in self.primitives:
            found[name] = self.primitives[name]


def chain(root: XML, resource: str) -> list[XML]:
    """The primitives that are started for a resource, in order: members of groups before it, what orders demand."""
    before = _Before(root)
    found: dict[str, XML] = {}
    seen: set[str] = set()
    for container, names in before.members.items():
        if resource in names:
            for other in before.first.get(container, []):
                before.visit(other, found, seen)
    before.visit(resource, found, seen)
    return list(found.values())


def _sum(root: XML, wanted: Sequence[XML], action: str) -> Step:
    worst = sum(_timeout(root, one, action) for one in wanted)
    measured = [_measured(root, str(one.get("id")), action) for one in wanted]
    known = [one for one in measured if one is not None]
    names = ", ".join(str(one.get("id")) for one in wanted)
    return Step(action, worst, sum(known) if len(known) == len(measured) else None, names)


def _fencing(options: Mapping[str, str]) -> Step | None:
    enabled = options.get("stonith-enabled", options.get("fencing-enabled", "true"))
    if enabled.lower() in {"false", "no", "off", "0", "n"}:
        return None
    worst = interval_ms(options.get("stonith-timeout", options.get("fencing-timeout"))) or FENCING_MS
    return Step("fencing", worst, None, "fencing-timeout of the cluster; stonith_admin --history says what it took")


def node_lost(root: XML, resource: str, timers: Timers) -> list[Step]:
    """What happens one after the other when the node of a resource loses power."""
    options = {
        str(one.get("name")): str(one.get("value"))
        for one in root.iterfind("configuration/crm_config/cluster_property_set/nvpair")
    }
    timing = Timing.of(timers.keepalive, timers.deadtime)
    agreeing = timing.settle_ms + timing.round_ms + timing.retry_ms
    steps = [
        Step("detection", timers.deadtime + timers.keepalive, timers.deadtime, "deadtime, and one keepalive"),
        Step("quorum", agreeing, timing.settle_ms, "a new view: two heartbeats and a round, one more try at worst"),
    ]
    fencing = _fencing(options)
    wanted = chain(root, resource)
    return [*steps, *([fencing] if fencing is not None else []), _sum(root, wanted, "start")]


def resource_failed(root: XML, resource: str) -> list[Step]:
    """What happens one after the other when a resource itself dies."""
    wanted = chain(root, resource)
    own = wanted[-1]
    monitor = _monitor(root, own)
    if monitor is None:
        return []
    interval, timeout = monitor
    took = _measured(root, str(own.get("id")), "monitor") or 0
    return [
        Step("detection", interval + timeout, interval // 2 + took, f"monitor every {interval / 1000:g} s"),
        _sum(root, [own], "stop"),
        _sum(root, [own], "start"),
    ]


def lines(title: str, steps: Sequence[Step]) -> list[str]:
    """A table of steps with its sum."""
    found = [title, f"  {'':<12}{'worst':>10}{'expected':>10}"]
    for one in steps:
        expected = "?" if one.expected is None else f"{one.expected / 1000:.1f} s"
        found.append(f"  {one.name:<12}{one.worst / 1000:>8.1f} s{expected:>10}  {one.why}")
    known = [one.expected for one in steps if one.expected is not None]
    total = f"{sum(known) / 1000:.1f} s" if len(known) == len(steps) else f">{sum(known) / 1000:.1f} s"
    found.append(f"  {'outage':<12}{sum(one.worst for one in steps) / 1000:>8.1f} s{total:>10}")
    return found


def as_json(steps: Sequence[Step]) -> list[dict[str, object]]:
    """The same as data."""
    return [{"step": one.name, "worst_ms": one.worst, "expected_ms": one.expected, "from": one.why} for one in steps]
