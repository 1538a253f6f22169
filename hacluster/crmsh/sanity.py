"""Whether objects make sense: parameters held against the agents' meta-data, constraints against what there is.

The wording and the grades are crmsh's: an error keeps a change from being committed (in strict mode), a warning is
told.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hacluster.base.values import msec, truth
from hacluster.cib.document import XML
from hacluster.cib.metas import CLONE_ONLY, OPERATION, RESOURCE, nearest
from hacluster.cib.options import OPTIONS, PRESENT_NAMES
from hacluster.crmsh.kinds import BY_TAG

if TYPE_CHECKING:
    from hacluster.crmsh.metadata import Agent, Agents, Parameter

_NEEDED: Final = ("start", "stop")
_SPECIAL: Final = frozenset({"CRM_meta_on_node", "trace_ra", "trace_dir"})
_WITHOUT_INTERVAL: Final = frozenset(
    {"start", "stop", "promote", "demote", "notify", "reload", "meta-data", "validate-all"}
)


@dataclass(frozen=True, slots=True)
class Finding:
    """``wrong``: it keeps a change from being committed."""

    text: str
    wrong: bool = False


class Sense:
    """The checks on one configuration. ``lax``: unknown and missing parameters are told and no more."""

    def __init__(self, root: XML, agents: Agents, *, lax: bool = False, missing_agents: bool = False) -> None:
        self.root, self.agents = root, agents
        self.lax, self.missing_agents = lax, missing_agents
        self._nodes = {str(one.get("uname") or one.get("id")).lower() for one in root.iterfind("nodes/node")}
        self._objects = {str(one.get("id")): one for one in root.iter("*") if str(one.tag) in BY_TAG and one.get("id")}

    def check(self, objects: Iterable[XML], *, metas_alone: Collection[str] = ()) -> Iterator[Finding]:
        """What is to be said of some objects, by their ids. ``metas_alone``: those that agents see no change of."""
        chosen = list(objects)
        yield from self._unique([one for one in chosen if one.get("id") not in metas_alone])
        for element in sorted(chosen, key=lambda one: str(one.get("id") or "")):
            match str(element.tag):
                case "primitive" if element.get("id") in metas_alone:
                    yield from self._metas(element, set(RESOURCE) - CLONE_ONLY)
                case "primitive" | "template":
                    yield from self._primitive(element)
                case "group" | "clone" | "master" | "bundle":
                    yield from self._metas(element, set(RESOURCE))
                case "rsc_location":
                    yield from self._location(element)
                case "rsc_colocation" | "rsc_order" | "rsc_ticket":
                    yield from self._named(element)
                case "fencing-topology":
                    yield from self._topology(element)
                case "cluster_property_set":
                    yield from self._properties(element)

    # resources ------------------------------------------------------------------------------------------------------

    def whole(self, primitive: XML) -> XML | None:
        """The element that names the agent: a primitive, or the template that it is made from."""
        template = primitive.get("template")
        if primitive.tag != "primitive" or template is None:
            return primitive
        found = self._objects.get(str(template))
        return found if found is not None and found.tag == "template" else None

    def parameters(self, primitive: XML) -> dict[str, str | None]:
        """Names and values of what a primitive sets, those of its template under them."""
        found: dict[str, str | None] = {}
        for one in dict.fromkeys((self.whole(primitive), primitive)):
            if one is None:
                continue
            for pair in one.iterfind("instance_attributes/nvpair"):
                name = pair.get("name")
                if name is None and pair.get("id-ref"):
                    original = next((p for p in self.root.iter("nvpair") if p.get("id") == pair.get("id-ref")), None)
                    name = None if original is None else original.get("name")
                if name:
                    found[str(name)] = pair.get("value")
        return found

    def _primitive(self, element: XML) -> Iterator[Finding]:
        id_ = str(element.get("id"))
        yield from self._metas(element, set(RESOURCE) - CLONE_ONLY)
        named = self.whole(element)
        if named is None:
            yield Finding(f"{id_}: no such resource template: {element.get('template')}", wrong=True)
            return
        agent = self.agents.of(named)
        if agent is None:
            if not self.missing_agents:
                spec = ":".join(str(named.get(n)) for n in ("class", "provider", "type") if named.get(n))
                yield Finding(f"{spec}: no such resource agent", wrong=not self.lax)
            return
        yield from self._operations(element, named, agent)
        yield from self._parameters(element, named, agent)

    def _parameters(self, element: XML, named: XML, agent: Agent) -> Iterator[Finding]:
        id_, given = str(element.get("id")), self.parameters(element)
        device = named.get("class") == "stonith"
        references = any(one.get("id-ref") for one in element.iterfind("instance_attributes"))
        if element.tag == "primitive" and not references:
            for name, one in agent.parameters.items():
                if one.required and name not in given and not (device and name in {"action", "port"}):
                    yield Finding(f'{id_}: required parameter "{name}" not defined', wrong=not self.lax)
        for name in given:
            if name not in agent.parameters and not name.startswith("$") and name not in _SPECIAL:
                guess = nearest(name, tuple(agent.parameters))
                hint = f" (did you mean {guess}?)" if guess else ""
                yield Finding(f'{id_}: parameter "{name}" is not known{hint}', wrong=not self.lax)
        for name, value in given.items():
            expected = _expected(agent.parameters.get(name), value)
            if expected:
                yield Finding(f'{id_}: parameter "{name}" is "{value}", which is not {expected}')

    def _operations(self, element: XML, named: XML, agent: Agent) -> Iterator[Finding]:
        id_, device = str(element.get("id")), named.get("class") == "stonith"
        known = {one.name for one in agent.actions}
        default = next(
            (
                p.get("value")
                for p in self.root.iterfind("op_defaults/meta_attributes/nvpair")
                if p.get("name") == "timeout"
            ),
            None,
        )
        operations = [one for part in (named, element) for one in part.iterfind("operations/op")]
        operations = list(dict.fromkeys(operations))
        intervals: set[int] = set()
        named_ones = {str(one.get("name")) for one in operations}
        for one in sorted(operations, key=lambda operation: operation.get("name") != "monitor"):
            name, interval = str(one.get("name")), one.get("interval")
            if device and name in _NEEDED:
                continue
            if name not in known:
                yield Finding(f"{id_}: action '{name}' not found in Resource Agent meta-data")
                continue
            if name == "monitor":
                length = msec(interval or "0")
                advised = agent.advised(name, "interval", role=one.get("role"))
                if length <= 0:
                    yield Finding(f"{id_}: interval in monitor should be larger than 0, advised is {advised}")
                elif length in intervals:
                    yield Finding(f"{id_}: interval in monitor must be unique, advised is {advised}")
                intervals.add(length)
            elif name in _WITHOUT_INTERVAL and interval and msec(interval) != 0:
                yield Finding(f"{id_}: Specified interval for {name} is {interval}, it must be 0")
            yield from _short(
                id_, name, one.get("timeout"), default, agent.advised(name, "timeout", role=one.get("role"))
            )
        for name in _NEEDED:
            if name in known and name not in named_ones and not device:
                yield from _short(id_, name, None, default, agent.advised(name, "timeout"))

    def _metas(self, element: XML, known: set[str]) -> Iterator[Finding]:
        allowed = known | {"description", "interval-origin"}
        for pair in element.iterfind("meta_attributes/nvpair"):
            name = pair.get("name")
            value = pair.get("value")
            if name and name not in allowed:
                yield Finding(f"{element.get('id')}: unknown attribute '{name}'")
            elif name in RESOURCE and value is not None and not RESOURCE[str(name)].accepts(str(value)):
                kind = RESOURCE[str(name)]
                yield Finding(f'{element.get("id")}: {name} is "{value}", which is not {kind.expected}')

    def _unique(self, chosen: list[XML]) -> Iterator[Finding]:
        ids = {str(one.get("id")) for one in chosen if one.tag == "primitive"}
        if not ids:
            return
        users: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        for primitive in self.root.iter("primitive"):
            named = self.whole(primitive)
            agent = None if named is None else self.agents.of(named)
            if agent is None or named is None:
                continue
            spec = ":".join(str(named.get(n)) for n in ("class", "provider", "type") if named.get(n))
            for name, value in self.parameters(primitive).items():
                if value is not None and name in agent.parameters and agent.parameters[name].unique:
                    users[spec, name, value].append(str(primitive.get("id")))
        for (_, name, value), resources in users.items():
            if len(resources) > 1 and ids & set(resources):
                text = f'Resources {",".join(sorted(resources))} violate uniqueness for parameter "{name}": "{value}"'
                yield Finding(text, wrong=not self.lax)

    # constraints and the rest ---------------------------------------------------------------------------------------

    def _location(self, element: XML) -> Iterator[Finding]:
        id_ = element.get("id")
        nodes = [element.get("node")] if element.get("node") else []
        nodes += [one.get("value") for one in element.iterfind("rule/expression") if one.get("attribute") == "#uname"]
        for node in nodes:
            if node and str(node).lower() not in self._nodes:
                yield Finding(f"{id_}: referenced node {node} does not exist")
        pattern = element.get("rsc-pattern")
        if pattern:
            try:
                re.compile(str(pattern))
            except re.error as error:
                yield Finding(f"{id_}: '{pattern}' may not be a valid regular expression ({error})")
            return
        yield from self._named(element)

    def _named(self, element: XML) -> Iterator[Finding]:
        id_ = element.get("id")
        names = [element.get(name) for name in ("first", "then", "rsc", "with-rsc") if element.get(name)]
        names += [one.get("id") for one in element.iterfind("resource_set/resource_ref")]
        for name in names:
            found = self._objects.get(str(name))
            if found is None:
                yield Finding(f"{id_}: resource {name} does not exist")
                continue
            around = found.getparent()
            tag = "" if around is None else str(around.tag)
            if tag == "group" and element.tag == "rsc_colocation":
                yield Finding(f"{id_}: resource {name} is grouped, constraints should apply to the group")
            elif tag in {"clone", "master"}:
                yield Finding(f"{id_}: resource {name} ambiguous, apply constraints to container")

    def _topology(self, element: XML) -> Iterator[Finding]:
        for level in element.iterfind("fencing-level"):
            target = level.get("target")
            if target and str(target).lower() not in self._nodes:
                yield Finding(f"fencing_topology: target {target} not a node")
        for level in element.iterfind("fencing-level"):
            for device in str(level.get("devices") or "").split(","):
                found = self._objects.get(device)
                named = None if found is None else self.whole(found)
                if found is None:
                    yield Finding(f"fencing_topology: resource {device} does not exist")
                elif named is None or named.get("class") != "stonith":
                    yield Finding(f"fencing_topology: {device} not a stonith resource")

    def _properties(self, element: XML) -> Iterator[Finding]:
        if element.get("id") != "cib-bootstrap-options":
            return
        for daemon in ("pacemaker-controld", "pacemaker-schedulerd", "pacemaker-based"):
            self.agents.daemon(daemon)
        known = {*OPTIONS, *PRESENT_NAMES, "quorum-voters"}
        for pair in element.iterfind("nvpair"):
            name = pair.get("name")
            if name and name not in known:
                guess = nearest(str(name), known)
                hint = f" (did you mean {guess}?)" if guess else ""
                yield Finding(f"{element.get('id')}: unknown attribute '{name}'{hint}")
            option, value = OPTIONS.get(PRESENT_NAMES.get(str(name), str(name))), pair.get("value")
            if option is not None and value is not None and not option.valid(str(value)):
                yield Finding(f'{element.get("id")}: {name} is "{value}", which is not {option.expected}')


def _expected(parameter: Parameter | None, value: str | None) -> str:
    """What a parameter's value should be, when it is something else; "" when it is right, or nobody can tell."""
    if parameter is None or value is None:
        return ""
    if parameter.options:
        return "" if value in parameter.options else f"one of {', '.join(parameter.options)}"
    if parameter.kind == "integer":
        return "" if re.fullmatch(r"[+-]?\d+", value) else "an integer"
    if parameter.kind == "boolean":
        return "" if truth(value) is not None else "a boolean"
    return ""


def _short(id_: str, name: str, given: str | None, default: str | None, advised: str | None) -> Iterator[Finding]:
    actual = given or default
    if actual and advised and 0 <= msec(actual) < msec(advised):
        which = "specified" if given else "default"
        yield Finding(f"{id_}: {which} timeout {actual} for {name} is smaller than the advised {advised}")


__all__ = ["OPERATION", "Finding", "Sense"]
