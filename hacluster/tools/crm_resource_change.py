"""What ``crm_resource`` changes: parameters, constraints of one's own, histories."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.base.results import Exit
from hacluster.base.tree import Tree
from hacluster.base.values import duration_seconds
from hacluster.cib.markup import attributes
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.operation.params import rsc_params
from hacluster.tools.output import Failed

if TYPE_CHECKING:
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource
    from hacluster.tools.crm_resource import Call

_SETS: Final = {"meta": "meta_attributes", "utilization": "utilization"}

# -- parameters -------------------------------------------------------------------------------------------------------


def _set_type(call: Call) -> str:
    return _SETS.get(call.given.last_of("meta", "utilization") or "", "instance_attributes")


def _pairs(call: Call, owner: str, kind: str, name: str) -> list[Any]:
    """The attributes of that name in or below a resource."""
    found = call.root.xpath("/cib/configuration/resources//*[@id=$owner]", owner=owner)
    if not found:
        return []
    set_id, ident = call.given.get("set-name"), call.given.get("nvpair")
    return [
        pair
        for group in found[0].iter(kind)
        if set_id is None or group.get("id") == set_id
        for pair in group.iter("nvpair")
        if pair.get("name") == name and (ident is None or pair.get("id") == ident)
    ]


def _own(call: Call, owner: str, kind: str, name: str) -> list[Any]:
    """The attributes of that name that are a resource's own, not those of what it is made of."""
    return [pair for pair in _pairs(call, owner, kind, name) if _owner(pair).get("id") == owner]


def _owner(pair: Any) -> Any:
    """The resource that an attribute is of."""
    element = pair.getparent()
    while element.getparent() is not None and element.tag not in ("primitive", "group", "clone", "master", "bundle"):
        element = element.getparent()
    return element


def _holder(call: Call, rsc: Resource, kind: str, name: str, doing: str) -> str:
    """The id of the resource whose attribute it is: a primitive's own, or else its clone's."""
    ident = rsc.xml_id
    if call.force:
        return ident
    parent = rsc.parent
    if parent is not None and parent.is_clone:
        if not _own(call, ident, kind, name):
            if not call.quiet:
                call.out.line(f"Performing {doing} of '{name}' on '{parent.id}', the parent of '{call.name}'")
            return parent.xml_id if not rsc.bundled else parent.id
    elif rsc.is_clone and rsc.instances and rsc.instances[0].kind is Kind.PRIMITIVE:
        child = rsc.clone_data.child_id
        if _own(call, child, kind, name):
            if not call.quiet:
                call.out.line(f"A value for '{name}' already exists in child '{child}', performing {doing} on that"
                              f" instead of '{call.name}'")  # fmt: skip
            return child
    return ident


def _tell_several(call: Call, found: list[Any], name: str) -> None:
    if len(found) < 2:
        return
    if not call.quiet:
        call.out.line(f"Multiple attributes match name={name}")
        for pair in found:
            call.out.line(f"  Value: {pair.get('value')} \t(id={pair.get('id')})")
    call.out.line()


def _element(call: Call, owner: str) -> Any:
    found = call.root.xpath("/cib/configuration/resources//*[@id=$owner]", owner=owner)
    if not found:
        raise Failed("Error performing operation: No such object", Exit.NO_SUCH)
    return found[0]


def _update_one(call: Call, rsc: Resource, kind: str, name: str, value: str) -> Tree:
    owner = _holder(call, rsc, kind, name, "update")
    element = _element(call, owner)
    _tell_several(call, _pairs(call, rsc.top.xml_id if rsc.top.is_clone else owner, kind, name), name)
    own = next(iter(_own(call, owner, kind, name)), None)
    shown = ""
    if own is not None:
        ident = own.get("id") or ""
        data = etree.Element("nvpair", id=ident, name=name, value=value)
    else:
        group = call.given.get("set-name") or f"{owner}-{kind}"
        ident = call.given.get("nvpair") or f"{group}-{name}"
        shown = f" set={group}"
        data = etree.Element(element.tag, id=owner)
        nest = etree.SubElement(data, kind, id=group)
        etree.SubElement(nest, "nvpair", id=ident, name=name, value=value)
    call.change("modify", scope="resources", data=data, create=True)
    if not call.quiet:
        call.out.line(f"Set '{owner}' option: id={ident}{shown} name={name} value={value}")
    return Tree(str(element.tag), {"id": owner}, [
        Tree(kind, children=[Tree("nvpair", {"id": ident, "value": value, "name": name})])
    ])  # fmt: skip


def _set_element(call: Call, name: str, value: str | None) -> int:
    rsc = call.rsc
    element = _element(call, rsc.xml_id)
    data = etree.Element(element.tag, attributes(element))
    if value is None:
        data.attrib.pop(name, "")
    else:
        data.set(name, value)
    data.extend(list(element))
    call.change("replace", scope="resources", data=data)
    return Exit.OK


def _set(call: Call) -> int:
    name, value = call.given.get("set-parameter") or "", call.given.get("parameter-value") or ""
    if "element" in call.given:
        return _set_element(call, name, value)
    rsc, kind = call.rsc, _set_type(call)
    peers = [rsc]
    if "recursive" in call.given and kind == "meta_attributes":
        peers += _followers(call, rsc)
    if kind == "instance_attributes" and not call.force:
        taken = _pairs(call, rsc.xml_id, "meta_attributes", name)
        if taken and call.given.get("set-name") is None and call.given.get("nvpair") is None:
            call.out.error(f"WARNING: There is already a meta attribute for '{rsc.id}' called '{name}'"
                           f" (id={taken[0].get('id')})\n         Delete '{name}' first or use the force option to"
                           " override")  # fmt: skip
            raise Failed("Error performing operation: Multiple items match request", Exit.MULTIPLE)
    trees = [_update_one(call, peer, kind, name, value) for peer in peers]
    call.out.tree(Tree("resource-settings", children=trees))
    return Exit.OK


def _followers(call: Call, rsc: Resource) -> list[Resource]:
    """What is to be where a resource is, and so on."""
    from hacluster.pe.unpack.constraints import unpack_constraints  # noqa: PLC0415 - only --recursive follows

    unpack_constraints(call.cluster)
    found: list[Resource] = []
    waiting = [rsc]
    while waiting:
        for link in waiting.pop().with_this:
            if link.score > 0 and link.dependent not in found and link.dependent is not rsc:
                found.append(link.dependent)
                waiting.append(link.dependent)
    return found


def _unset(call: Call) -> int:
    name, kind = call.given.get("delete-parameter") or "", _set_type(call)
    rsc = call.rsc
    if "element" in call.given:
        return _set_element(call, name, None)
    owner = _holder(call, rsc, kind, name, "delete") if kind == "meta_attributes" else rsc.xml_id
    whole = rsc.kind is Kind.GROUP and rsc.parent is None
    found = _pairs(call, owner, kind, name) if whole else _own(call, owner, kind, name)[:1]
    if not found:
        raise Failed("Error performing operation: No such object", Exit.NO_SUCH)
    _tell_several(call, _pairs(call, rsc.top.xml_id, kind, name), name)
    set_id = call.given.get("set-name")
    for pair in found:
        told, ident = _owner(pair).get("id"), pair.get("id")
        call.change("delete", scope="resources", data=etree.Element("nvpair", attributes(pair)))
        if not call.quiet:
            group = f" set={set_id}" if set_id else ""
            call.out.line(f"Deleted '{told}' option: id={ident}{group} name={name}")
    return Exit.OK


def _get(call: Call) -> int:
    name, rsc = call.given.get("get-parameter") or "", call.rsc
    kind = _set_type(call)
    if "element" in call.given:
        value = _element(call, rsc.xml_id).get(name)
    else:
        places = rsc.places(1)
        current = places[0] if len(places) == 1 else None
        if len(places) > 1:
            call.out.error(f"{call.name} is active on more than one node, returning the default value for {name}")
        values = {"instance_attributes": lambda: rsc_params(rsc, current), "meta_attributes": lambda: rsc.meta,
                  "utilization": lambda: rsc.utilization}[kind]()  # fmt: skip
        value = values.get(name)
    if value is None:
        call.out.error(f"Attribute '{name}' not found for '{call.name}'")
        return Exit.OK
    call.out.line(value)
    call.out.tree(Tree("list", {"name": "attributes", "count": "1"}, [Tree("item", {"name": name}, text=value)]))
    return Exit.OK


# -- constraints ------------------------------------------------------------------------------------------------------


def _promoted_only(call: Call) -> bool:
    return call.given.last_of("promoted", "master") is not None


def _until(call: Call) -> str | None:
    """When the lifetime that was given ends; ``None`` without one."""
    text = call.given.get("lifetime")
    if text is None:
        return None
    seconds = duration_seconds(text)
    if seconds is None:
        raise Failed(f"Invalid duration specified: {text}\nPlease refer to https://en.wikipedia.org/wiki/ISO_8601#Durations"
                     " for examples of valid durations", Exit.USAGE, bare=True)  # fmt: skip
    end = int(time.time()) + seconds
    shown = Moment.from_epoch(end, time.localtime(end).tm_gmtoff).show()
    if call.out.is_text:
        call.out.line(f"Migration will take effect until: {shown}")
    return shown


def _location(call: Call, ident: str, node: str, score: str, names: dict[str, str]) -> Any:
    role = "Promoted" if _promoted_only(call) else "Started"
    until = _until(call)
    whole = etree.Element("rsc_location", id=ident, rsc=call.name, role=role)
    if until is None:
        whole.set("node", node)
        whole.set("score", score)
        return whole
    rule = etree.SubElement(whole, "rule", {"id": names["rule"], "score": score, "boolean-op": "and"})
    etree.SubElement(
        rule, "expression", id=names["expr"], attribute="#uname", operation="eq", value=node, type="string"
    )
    etree.SubElement(rule, "date_expression", id=names["end"], operation="lt", end=until)
    return whole


def _put(call: Call, location: Any) -> None:
    whole = etree.Element("constraints")
    whole.append(location)
    call.change("modify", scope="constraints", data=whole, create=True)


def _ban_on(call: Call, node: str) -> None:
    ident = f"cli-ban-{call.name}-on-{node}"
    names = {"rule": f"{ident}-rule", "expr": f"{ident}-expr", "end": f"{ident}-lifetime"}
    location = _location(call, ident, node, "-INFINITY", names)
    if not call.quiet:
        doing = "being promoted" if _promoted_only(call) else "running"
        call.out.line(f"WARNING: Creating rsc_location constraint '{ident}' with a score of -INFINITY for resource"
                      f" {call.name} on {node}.")  # fmt: skip
        call.out.line(f"\tThis will prevent {call.name} from {doing} on {node} until the constraint is removed using"
                      " the clear option or by editing the CIB with an appropriate tool")  # fmt: skip
        call.out.line(f"\tThis will be the case even if {node} is the last node in the cluster")
    _put(call, location)


def _nothing_sensible(call: Call, rsc: Resource) -> Failed:
    places = rsc.places(1)
    promoted = [part for part in rsc.instances if part.state(True) is Role.PROMOTED]
    if rsc.promotable:
        text = (f"Resource '{call.name}' not moved: active in {len(places)} locations (promoted in {len(promoted)}).\n"
                f"To prevent '{call.name}' from running on a specific location, specify a node."
                f"To prevent '{call.name}' from being promoted at a specific location, specify a node and the"
                " --promoted option.")  # fmt: skip
    else:
        text = (f"Resource '{call.name}' not moved: active in {len(places)} locations.\n"
                f"To prevent '{call.name}' from running on a specific location, specify a node.")  # fmt: skip
    return Failed(text, Exit.USAGE)


def _where_to_ban(call: Call, rsc: Resource) -> str:
    places = rsc.places(1)
    if len(places) == 1:
        return places[0].name
    promoted = [part.location(1) for part in rsc.instances if part.state(True) is Role.PROMOTED]
    if rsc.promotable and len(promoted) == 1 and promoted[0] is not None:
        return promoted[0].name
    raise _nothing_sensible(call, rsc)


def _ban(call: Call) -> int:
    rsc, node = call.rsc, call.node
    _ban_on(call, node.name if node is not None else _where_to_ban(call, rsc))
    return Exit.OK


def _current(call: Call, rsc: Resource) -> Node | None:
    """The node that a resource is to be moved from."""
    places = rsc.places(1)
    if rsc.promotable and _promoted_only(call):
        places = [node for part in rsc.instances if part.state(True) is Role.PROMOTED for node in part.places(1)]
    if len(places) > 1:
        if rsc.is_clone:
            return None
        raise Failed("Error performing operation: Multiple items match request", Exit.MULTIPLE)
    return places[0] if places else None


def _move(call: Call) -> int:
    rsc, dest = call.rsc, call.node
    if dest is None:
        return _ban(call)
    if rsc.bundle is not None and len(rsc.places(1)) > 1:
        raise Failed("Error performing operation: Multiple items match request", Exit.MULTIPLE)
    current = _current(call, rsc)
    if current is dest and not call.force:
        raise Failed("Error performing operation: Requested item already exists", Exit.EXISTS)
    _forget(call, _own_constraints(call, prefer_everywhere=True), told=False)
    _forget(call, _own_constraints(call, node=dest.name), told=False)
    names = {"rule": f"cli-prefer-rule-{call.name}", "expr": f"cli-prefer-expr-{call.name}",
             "end": f"cli-prefer-lifetime-end-{call.name}"}  # fmt: skip
    _put(call, _location(call, f"cli-prefer-{call.name}", dest.name, "INFINITY", names))
    if call.force and current is not dest and current is not None:
        _ban_on(call, current.name)
    return Exit.OK


def _target(location: Any) -> str | None:
    """The node that a constraint of ours is for."""
    node = location.get("node")
    if node is not None:
        return str(node)
    expression = location.find("rule/expression[@attribute='#uname']")
    return None if expression is None else str(expression.get("value"))


def _own_constraints(call: Call, node: str | None = None, *, prefer_everywhere: bool = False) -> list[str]:
    """The ids of constraints that --move and --ban made for a resource: for a node, or for all."""
    found: list[str] = []
    for location in call.root.iterfind("configuration/constraints/rsc_location"):
        ident = location.get("id") or ""
        prefer = ident == f"cli-prefer-{call.name}"
        ban = ident.startswith(f"cli-ban-{call.name}-on-")
        if prefer_everywhere:
            wanted = prefer
        elif node is None:
            wanted = prefer or ban
        else:
            wanted = (ident == f"cli-ban-{call.name}-on-{node}") or (
                prefer and (call.force or _target(location) == node)
            )
        if wanted:
            found.append(ident)
    return found


def _forget(call: Call, idents: list[str], *, told: bool) -> None:
    for ident in sorted(idents):
        call.change("delete", scope="constraints", data=etree.Element("rsc_location", id=ident))
        if told and not call.quiet:
            call.out.line(f"Removing constraint: {ident}")


def _is_over(call: Call, location: Any) -> bool:
    from hacluster.pe.rules.expiry import Standing, standing  # noqa: PLC0415 - only --expired asks

    now = int(time.time())
    moment = Moment.from_epoch(now, time.localtime(now).tm_gmtoff)
    rules = [rule.get("id") or "" for rule in location.iterfind("rule")]
    ident = location.get("id") or ""
    ours = {f"{ident}-lifetime", f"cli-prefer-lifetime-end-{location.get('rsc')}"}
    if any(date.get("id") not in ours for date in location.iter("date_expression")):
        return False  # somebody else wrote it, or has changed it since
    return bool(rules) and all(standing(call.root, rule, moment) is Standing.EXPIRED for rule in rules)


def _clear_expired(call: Call) -> int:
    wanted = call.given.get("resource")
    node = call.node
    for location in list(call.root.iterfind("configuration/constraints/rsc_location")):
        ident = location.get("id") or ""
        if not ident.startswith(("cli-prefer-", "cli-ban-")) or (wanted is not None and location.get("rsc") != wanted):
            continue
        if node is not None and _target(location) != node.name:
            continue
        if _is_over(call, location):
            _forget(call, [ident], told=True)
    return Exit.OK


def _clear(call: Call) -> int:
    if "expired" in call.given:
        return _clear_expired(call)
    _ = call.rsc
    node = call.node
    idents = _own_constraints(call, None if node is None else node.name)
    if _promoted_only(call):
        roles = {item.get("id"): item.get("role") for item in call.root.iterfind("configuration/constraints/*")}
        idents = [ident for ident in idents if roles.get(ident) in ("Promoted", "Master")]
    _forget(call, idents, told=True)
    return Exit.OK


# -- the rest ---------------------------------------------------------------------------------------------------------


def _delete(call: Call) -> int:
    data = etree.Element(call.given.get("resource-type") or "", id=call.name)
    call.change("delete", scope="resources", data=data)
    return Exit.OK


def _offline() -> str:
    return "CIB_file" if os.environ.get("CIB_file") else "CIB_shadow"


def _live(call: Call) -> bool:
    return call.source.live


def _cleanup(call: Call) -> int:
    """Without a cluster nothing is cleaned up; that is said."""
    if _live(call) or "plan" in call.given:
        from hacluster.tools.crm_resource_live import cleanup  # noqa: PLC0415

        return cleanup(call)
    rsc = call.rsc if call.name else None
    node = call.node
    if rsc is None:
        where = node.name if node is not None else "all nodes"
        call.out.line(f"Dry run: skipping clean-up of {where} due to {_offline()}")
        return Exit.OK
    nodes = [node] if node is not None else [entry for entry in call.cluster.nodes if not entry.is_guest]
    for place in nodes:
        call.out.error(f"Dry run: skipping clean-up of {rsc.id} on {place.name} due to {_offline()}")
    return Exit.OK


def _fail(call: Call) -> int:
    rsc, node = call.rsc, call.node
    assert node is not None, "asked for before"
    if _live(call):
        from hacluster.tools.crm_resource_live import fail  # noqa: PLC0415

        return fail(call)
    call.out.error(f"Dry run: skipping fail of {rsc.id} on {node.name} due to {_offline()}")
    return Exit.OK


_LOOK_S: Final = 30.0
"""How long a wait may go on without a look: of a live CIB each change is told, but not that time has passed."""


def _waits_for(call: Call, action: Any) -> bool:
    """Whether an action that is to be done concerns the resource and the node that were given."""
    if call.name:
        part = action.rsc
        while part is not None and call.name not in (part.id, part.xml_id):
            part = part.parent
        if part is None:
            return False
    name = call.given.get("node")
    return name is None or (action.node is not None and action.node.name == name)


def _wait(call: Call) -> int:
    """Until nothing is left to do: for a resource or a node where one was given, whatever else the cluster does."""
    from hacluster.base.values import interval_ms  # noqa: PLC0415 - one command alone
    from hacluster.pe.schedule import schedule  # noqa: PLC0415
    from hacluster.tools.livestatus import document, present  # noqa: PLC0415

    if call.name:
        _ = call.rsc
    _ = call.node
    given = call.given.get("timeout")
    end = time.monotonic() + (interval_ms(given) / 1000 if given else 3600.0)
    told: list[str] = []
    while True:
        root = call.root
        transition = schedule(document(root), present(root))
        actions = [synapse.action for synapse in transition.graph.synapses if not synapse.action.pseudo]
        waiting = [action for action in actions if _waits_for(call, action)]
        if not waiting:
            return Exit.OK
        lines = [_pending(action) for action in waiting]
        if time.monotonic() >= end:
            for line in ("Pending actions:", *lines):
                call.out.line(line)
            raise Failed("Error performing operation: Timeout occurred", Exit.TIMEOUT)
        if "verbose" in call.given and lines != told:
            call.out.error("\n".join(["Waiting for:", *lines]))
            told = lines
        pause = max(0.05, end - time.monotonic())
        if _live(call):
            call.source.wait(call.source.mark, min(_LOOK_S, pause))  # type: ignore[attr-defined]
        else:
            time.sleep(min(2.0, pause))
        forget = getattr(call.source, "forget", None)
        if forget is not None:
            forget()
        call.look_again()


def _pending(action: Any) -> str:
    place = f"\ton {action.node.name}" if action.node is not None else ""
    return f"\tAction {action.id}: {action.key}{place}"


def _restart(call: Call) -> int:
    _ = call.rsc, call.node
    if _live(call):
        from hacluster.tools.crm_resource_live import restart  # noqa: PLC0415

        return restart(call)
    raise Failed("--restart needs a running cluster that stops and starts the resource; there is none to ask",
                 Exit.DISCONNECTED)  # fmt: skip


_COMMANDS: Final = {
    "set-parameter": _set, "delete-parameter": _unset, "get-parameter": _get, "move": _move, "ban": _ban,
    "clear": _clear, "delete": _delete, "cleanup": _cleanup, "refresh": _cleanup, "fail": _fail, "wait": _wait,
    "restart": _restart,
}  # fmt: skip


def change(call: Call) -> int:
    """Perform the command of a call."""
    return int(_COMMANDS[call.command](call))
