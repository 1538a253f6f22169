"""CIBs of every size for benchmarks of the policy engine, the same each time.

:data:`CASES` names them: primitives spread over nodes (``16x1000-steady``), groups, clones, promotable clones, a chain
of colocations and orders. States: *fresh* (nothing probed yet), *steady* (all runs where it should, with matching
digests) and *failed* (steady, but one monitor has failed).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hacluster.base.digest import parameters_digest

EXECUTION_DATE: Final = 1_700_000_000
_UUID: Final = "2ba6a3b3-9d6c-4c1e-8a4b-0f6e2c9d7e11"
_AGENT: Final = 'class="ocf" provider="pacemaker" type="Dummy"'
_STATEFUL: Final = 'class="ocf" provider="pacemaker" type="Stateful"'


def _op(
    ident: str, name: str, interval: int, rc: int, call: int, digest: str, node: str, target: int | None = None
) -> str:
    task = "last_0" if interval == 0 else f"{name}_{interval}"
    key = f"{call}:7:{rc if target is None else target}:{_UUID}"
    return (
        f'<lrm_rsc_op id="{ident}_{task}" operation_key="{ident}_{name}_{interval}" operation="{name}" '
        f'crm-debug-origin="controld_update_resource_history" crm_feature_set="3.16.1" transition-key="{key}" '
        f'transition-magic="0:{rc};{key}" exit-reason="" on_node="{node}" call-id="{call}" rc-code="{rc}" '
        f'op-status="0" interval="{interval}" last-rc-change="{EXECUTION_DATE - 7200 + call}" exec-time="21" '
        f'queue-time="0" op-digest="{digest}"/>'
    )


@dataclass(slots=True)
class _Primitive:
    """A primitive that runs on ``home`` (node numbers) in a state; elsewhere it has been probed."""

    id: str
    home: frozenset[int]
    promoted: int | None = None
    stateful: bool = False

    @property
    def params(self) -> dict[str, str]:
        return {"state": f"/run/{self.id}.state", "fake": self.id}

    def xml(self) -> str:
        pairs = "".join(
            f'<nvpair id="{self.id}-ia-{name}" name="{name}" value="{value}"/>' for name, value in self.params.items()
        )
        ops = f'<op id="{self.id}-start" name="start" interval="0" timeout="20s"/>'
        if self.stateful:
            ops += f'<op id="{self.id}-mon-p" name="monitor" interval="11s" timeout="20s" role="Promoted"/>'
            ops += f'<op id="{self.id}-mon-u" name="monitor" interval="10s" timeout="20s" role="Unpromoted"/>'
        else:
            ops += f'<op id="{self.id}-mon" name="monitor" interval="10s" timeout="20s"/>'
        agent = _STATEFUL if self.stateful else _AGENT
        return (
            f'<primitive id="{self.id}" {agent}><instance_attributes id="{self.id}-ia">'
            f"{pairs}</instance_attributes><operations>{ops}</operations></primitive>"
        )

    def history(self, number: int, name: str, call: int, digests: tuple[str, str], failed: bool) -> str:
        agent = _STATEFUL if self.stateful else _AGENT
        once, often = digests
        if number not in self.home:
            ops = _op(self.id, "monitor", 0, 7, call, once, name)
        elif self.stateful:
            top = number == self.promoted
            ops = _op(self.id, "promote" if top else "start", 0, 0, call, once, name)
            ops += _op(self.id, "monitor", 11000 if top else 10000, 8 if top else 0, call + 1, often, name)
        else:
            ops = _op(self.id, "start", 0, 0, call, once, name)
            ops += _op(self.id, "monitor", 10000, 0, call + 1, often, name)
            if failed:
                ops += _op(self.id, "monitor", 10000, 1, call + 2, often, name, 0).replace(
                    f'id="{self.id}_monitor_10000"', f'id="{self.id}_last_failure_0"'
                )
        return f'<lrm_resource id="{self.id}" {agent}>{ops}</lrm_resource>'

    def digests(self) -> tuple[str, str]:
        return parameters_digest(self.params), parameters_digest({**self.params, "CRM_meta_timeout": "20000"})


@dataclass(slots=True)
class _Plan:
    """What a CIB holds."""

    nodes: int
    primitives: list[_Primitive] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)

    def add(self, primitive: _Primitive, before: str = "", after: str = "") -> None:
        self.primitives.append(primitive)
        self.resources.append(f"{before}{primitive.xml()}{after}")


def _primitives(nodes: int, count: int) -> _Plan:
    plan = _Plan(nodes)
    for number in range(count):
        plan.add(_Primitive(f"rsc{number}", frozenset({number % nodes})))
    return plan


def _groups(nodes: int, count: int, size: int) -> _Plan:
    plan = _Plan(nodes)
    for number in range(count):
        for member in range(size):
            before = f'<group id="grp{number}">' if member == 0 else ""
            after = "</group>" if member == size - 1 else ""
            plan.add(_Primitive(f"g{number}m{member}", frozenset({number % nodes})), before, after)
    return plan


def _clones(nodes: int, count: int, promotable: bool) -> _Plan:
    plan, everywhere = _Plan(nodes), frozenset(range(nodes))
    meta = '<meta_attributes id="cl{0}-meta"><nvpair id="cl{0}-p" name="promotable" value="true"/></meta_attributes>'
    for number in range(count):
        before = f'<clone id="cl{number}">' + (meta.format(number) if promotable else "")
        plan.add(
            _Primitive(f"rsc{number}", everywhere, number % nodes if promotable else None, promotable),
            before,
            "</clone>",
        )
    return plan


def _chain(nodes: int, count: int) -> _Plan:
    plan = _Plan(nodes)
    for number in range(count):
        plan.add(_Primitive(f"rsc{number}", frozenset({0})))
        if number:
            one, other = f"rsc{number}", f"rsc{number - 1}"
            plan.constraints += [
                f'<rsc_colocation id="c{number}" rsc="{one}" with-rsc="{other}" score="INFINITY"/>',
                f'<rsc_order id="o{number}" first="{other}" then="{one}" kind="Mandatory"/>',
            ]
    return plan


def _node_name(number: int) -> str:
    return f"node{number + 1}"


def _status(plan: _Plan, state: str) -> Iterator[str]:
    failed = len(plan.primitives) // 2 if state == "failed" else -1
    digests = [primitive.digests() for primitive in plan.primitives]
    for number in range(plan.nodes):
        name, ident = _node_name(number), number + 1
        yield (
            f'<node_state id="{ident}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member" '
            f'crm-debug-origin="do_update_resource"><transient_attributes id="{ident}">'
            f'<instance_attributes id="s{ident}">'
        )
        for primitive in plan.primitives if state != "fresh" else ():
            if primitive.stateful:
                score = 10 if number == primitive.promoted else 5
                yield f'<nvpair id="s{ident}-{primitive.id}" name="master-{primitive.id}" value="{score}"/>'
        yield f'</instance_attributes></transient_attributes><lrm id="{ident}"><lrm_resources>'
        for index, primitive in enumerate(plan.primitives if state != "fresh" else ()):
            yield primitive.history(number, name, 5 + 4 * index, digests[index], index == failed)
        yield "</lrm_resources></lrm></node_state>"


def _document(plan: _Plan, state: str) -> Iterator[str]:
    yield (
        f'<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="8" num_updates="0" admin_epoch="0" '
        f'have-quorum="1" dc-uuid="1" execution-date="{EXECUTION_DATE}"><configuration><crm_config>'
        '<cluster_property_set id="opts"><nvpair id="o-f" name="stonith-enabled" value="false"/>'
        '<nvpair id="o-n" name="no-quorum-policy" value="ignore"/></cluster_property_set></crm_config><nodes>'
    )
    for number in range(plan.nodes):
        yield f'<node id="{number + 1}" uname="{_node_name(number)}"/>'
    yield "</nodes><resources>"
    yield from plan.resources
    yield "</resources><constraints>"
    yield from plan.constraints
    yield (
        '</constraints><rsc_defaults><meta_attributes id="rd">'
        '<nvpair id="rd-s" name="resource-stickiness" value="100"/>'
        "</meta_attributes></rsc_defaults></configuration><status>"
    )
    yield from _status(plan, state)
    yield "</status></cib>\n"


_STATES: Final = ("fresh", "steady", "failed")
_SIZES: Final = ((3, 20), (16, 200), (16, 1000), (32, 2000), (32, 5000))

_PLANS: Final[dict[str, Callable[[], _Plan]]] = {
    **{f"{nodes}x{count}": functools.partial(_primitives, nodes, count) for nodes, count in _SIZES},
    "groups-16x200x5": lambda: _groups(16, 200, 5),
    "clones-32x100": lambda: _clones(32, 100, False),
    "promotables-32x100": lambda: _clones(32, 100, True),
    "chain-16x400": lambda: _chain(16, 400),
}

_SMALL: Final[dict[str, Callable[[], _Plan]]] = {
    "groups-3x8x3": lambda: _groups(3, 8, 3),
    "clones-4x6": lambda: _clones(4, 6, False),
    "promotables-4x6": lambda: _clones(4, 6, True),
    "chain-3x12": lambda: _chain(3, 12),
}
"""The same shapes for tests, in which speed is not the question."""

SHAPES: Final = tuple(f"{plan}-{state}" for plan in ("3x20", *_SMALL) for state in _STATES)
"""The names of small CIBs, one of each shape."""

CASES: Final = tuple(f"{plan}-{state}" for plan in _PLANS for state in _STATES)
"""The names of all CIBs."""


def cib(case: str) -> bytes:
    """The CIB of that name."""
    name, _, state = case.rpartition("-")
    return "".join(_document({**_PLANS, **_SMALL}[name](), state)).encode()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(cib(sys.argv[1]))
