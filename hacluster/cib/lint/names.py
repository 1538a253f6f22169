"""Names that mean nothing: misspelt options and meta-attributes, and operations that no agent knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.cib.document import XML
from hacluster.cib.lint.facts import RESOURCES, Facts, quoted
from hacluster.cib.metas import CLONE_ONLY, DEVICE, OPERATION, RESOURCE, nearest
from hacluster.cib.options import OPTIONS, PRESENT_NAMES
from hacluster.cib.voters import OPTION as VOTERS

_CUSTOM: Final = ("_REPL_INFO",)
"""Endings of options that agents write for themselves."""
_ACTIONS: Final = frozenset({
    "start", "stop", "monitor", "promote", "demote", "notify", "reload", "reload-agent", "migrate_to", "migrate_from",
    "status", "meta-data", "validate-all", "methods", "usage", "recover",
})  # fmt: skip


def _options(facts: Facts) -> Iterator[Report]:
    known = [*OPTIONS, *PRESENT_NAMES, VOTERS]
    for pair in facts.configuration.iterfind("crm_config/cluster_property_set/nvpair"):
        name = pair.get("name")
        if name is None or name in known or name.endswith(_CUSTOM):
            continue
        close = nearest(name, known)
        hint = f"did you mean {close}?" if close else ""
        text = f"the cluster option {quoted(name)} is not known and has no effect"
        yield facts.warn(pair, "unknown-option", text, hint, Severity.WARNING if close else Severity.NOTICE)


def _meta_pairs(parent: XML) -> Iterator[XML]:
    return parent.iterfind("meta_attributes/nvpair")


def _resource_metas(facts: Facts) -> Iterator[Report]:
    sections = [*facts.configuration.iterfind("resources//*"), *facts.configuration.iterfind("rsc_defaults")]
    for parent in sections:
        if parent.tag not in (*RESOURCES, "template", "rsc_defaults"):
            continue
        for pair in _meta_pairs(parent):
            name = pair.get("name")
            if name is None or name in RESOURCE:
                yield from _misplaced(facts, parent, pair)
                continue
            close = nearest(name, RESOURCE)
            if close is None and name in OPERATION:
                text, hint = f"{name} is a setting of operations, not of resources", "put it into an op"
                yield facts.warn(pair, "misplaced-meta", text, hint)
            else:
                text = f"the meta-attribute {quoted(name)} is not known and has no effect"
                hint = f"did you mean {close}?" if close else ""
                severity = Severity.WARNING if close else Severity.NOTICE
                yield facts.warn(pair, "unknown-meta", text, hint, severity)


def _misplaced(facts: Facts, parent: XML, pair: XML) -> Iterator[Report]:
    """Settings of clones where there is no clone."""
    name = pair.get("name")
    if name not in CLONE_ONLY or parent.tag not in ("primitive", "group"):
        return
    top = facts.outermost(parent)
    if top.tag in ("clone", "master") or (top.tag == "bundle" and name == "globally-unique"):
        return
    text = f"{name} is a setting of clones, and {parent.get('id')} is not in one: it has no effect"
    yield facts.warn(pair, "misplaced-meta", text, "put the resource into a clone")


def _operation_metas(facts: Facts) -> Iterator[Report]:
    parents = [*facts.configuration.iterfind("resources//op"), *facts.configuration.iterfind("op_defaults")]
    for parent in parents:
        for pair in _meta_pairs(parent):
            name = pair.get("name")
            if name is None or name in OPERATION:
                continue
            close = nearest(name, OPERATION)
            text = f"the meta-attribute {quoted(name)} of operations is not known and has no effect"
            hint = f"did you mean {close}?" if close else ""
            yield facts.warn(pair, "unknown-meta", text, hint, Severity.WARNING if close else Severity.NOTICE)


def _device_parameters(facts: Facts) -> Iterator[Report]:
    for ident in facts.devices:
        device = facts.resources[ident]
        for pair in device.iterfind("instance_attributes/nvpair"):
            name = pair.get("name") or ""
            if (
                name.startswith("pcmk")
                and name not in DEVICE
                and not name.startswith(("pcmk_arg_", "pcmk_monitor_cmd"))
            ):
                close = nearest(name, DEVICE)
                text = f"no fencing device knows the parameter {quoted(name)}"
                yield facts.warn(pair, "unknown-parameter", text, f"did you mean {close}?" if close else "")


def _operations(facts: Facts) -> Iterator[Report]:
    for op in facts.configuration.iterfind("resources//op"):
        name = op.get("name") or ""
        if name not in _ACTIONS:
            close = nearest(name, _ACTIONS)
            text = f"the operation {quoted(name)} is not one that resource agents know"
            hint = f"did you mean {close}?" if close else f"known are {', '.join(sorted(_ACTIONS))}"
            yield facts.warn(op, "unknown-operation", text, hint)


def check_names(facts: Facts) -> Iterator[Report]:
    """Every name that means nothing where it stands."""
    yield from _options(facts)
    yield from _resource_metas(facts)
    yield from _operation_metas(facts)
    yield from _device_parameters(facts)
    yield from _operations(facts)
