"""The level ``node``: standby, maintenance, attributes, fencing, removal."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from lxml import etree

from hacluster.base.results import Fault
from hacluster.crmsh.committing import commit, planned, tell_plan
from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.levels.configure_change import drop_attribute
from hacluster.crmsh.levels.managed import manage
from hacluster.crmsh.levels.resource import plan_word
from hacluster.crmsh.running import running
from hacluster.crmsh.session import name_of
from hacluster.crmsh.toolbox import quoted

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session

_ATTRIBUTE: Final = {
    "set": "crm_attribute -t nodes -N {0} -n {1} -v {2}",
    "delete": "crm_attribute -D -t nodes -N {0} -n {1}",
    "show": "crm_attribute -G -t nodes -N {0} -n {1}",
}
_STATUS: Final = {word: line.replace("-t nodes", "-t status") for word, line in _ATTRIBUTE.items()}
_UTILIZATION: Final = {word: line.replace("crm_attribute", "crm_attribute -z") for word, line in _ATTRIBUTE.items()}
_REMOTE: Final = frozenset({"remote", "guest"})


def show(session: Session, words: list[str]) -> None:
    """Nodes with their attributes."""
    root = session.read()
    configured = {str(one.get("uname")): one for one in root.iterfind("configuration/nodes/node")}
    states = {str(one.get("uname")): one for one in root.iterfind("status/node_state")}
    names = words or sorted({*configured, *states})
    for name in names:
        node, state = configured.get(name), states.get(name)
        one = node if node is not None else state
        if one is None:
            raise Refused(f"there is no node {name}")
        offline = "(offline)" if state is not None and state.get("crmd") == "offline" else ""
        id_ = one.get("id")
        kind = (node.get("type") if node is not None else "") or "member"
        session.voice.out(f"{name}{'' if id_ in {None, name} else f'({id_})'}: {kind}{offline}")
        for key, value in one.items():
            if str(key) not in {"uname", "id", "type"} and node is not None:
                session.voice.out(f"\t{key!s}: {value!s}")
        if node is not None:
            for inside in node.iterfind("instance_attributes"):
                pairs = (f"{pair.get('name')}={pair.get('value')}" for pair in inside.iterfind("nvpair"))
                session.voice.out(f"\t{' '.join(pairs)}")


def _chosen(session: Session, words: list[str]) -> list[str]:
    known = session.nodes()
    if "--all" in words:
        return known
    names = words or [session.node()]
    for name in names:
        if name not in known:
            raise Refused(f"Node {name!r} is not configured")
    return names


def _set_pairs(parent: XML, name: str, value: str, set_id: str) -> None:
    pairs = [one for one in parent.iterfind("instance_attributes/nvpair") if one.get("name") == name]
    if pairs:
        pairs[0].set("value", value)
        return
    inside = parent.find("instance_attributes")
    if inside is None:
        inside = etree.SubElement(parent, "instance_attributes", id=set_id)
    etree.SubElement(inside, "nvpair", id=f"{inside.get('id')}-{name}", name=name, value=value)


def _drop_pairs(parent: XML, name: str) -> None:
    for pair in [one for one in parent.iterfind(".//instance_attributes/nvpair") if one.get("name") == name]:
        inside = pair.getparent()
        if inside is not None:
            inside.remove(pair)


def _states(root: XML, name: str) -> list[XML]:
    return [one for one in root.iterfind("status/node_state") if name in {one.get("uname"), one.get("id")}]


def _changed(session: Session, edit: Callable[[XML], None], form: str) -> bool:
    """Edit the CIB as it is; when it changes between reading and writing, as its status does, it is read again."""
    if form or session.switches.plan:
        from hacluster.crmsh.plan import plan  # noqa: PLC0415  schedules the cluster twice

        before = session.read()
        root = copy.deepcopy(before)
        edit(root)
        tell_plan(session, plan(before, root, root.find("status")), form or session.switches.plan)
        return True
    from hacluster.cib.diff import for_any_status, make_patch  # noqa: PLC0415  only what writes needs it
    from hacluster.crmsh.confirming import OUTDATED, TRIES  # noqa: PLC0415

    for left in reversed(range(TRIES)):
        before = session.read()
        root = copy.deepcopy(before)
        edit(root)
        patch = for_any_status(make_patch(before, root, digest=False))
        try:
            if patch is not None:
                session.source.change("patch", data=patch)
            break
        except Fault as fault:
            if fault.status not in OUTDATED or not left:
                raise
    session.renew()
    return True


def _put_on_standby(root: XML, name: str, lifetime: str) -> None:
    node = next((one for one in root.iterfind("configuration/nodes/node") if one.get("uname") == name), None)
    states = _states(root, name)
    if node is None or (lifetime == "reboot" and not states):
        raise Refused(f"{name} has no state in this CIB, so nothing can last until it reboots")
    if lifetime == "reboot":
        _drop_pairs(node, "standby")
        for state in states:
            inside = state.find("transient_attributes")
            if inside is None:
                inside = etree.SubElement(state, "transient_attributes", id=str(state.get("id")))
            _set_pairs(inside, "standby", "on", f"status-{state.get('id')}")
        return
    for state in states:
        _drop_pairs(state, "standby")
    _set_pairs(node, "standby", "on", f"nodes-{node.get('id')}")


def standby(session: Session, words: list[str]) -> bool:
    """Take nodes out of service."""
    form, words = plan_word(words)
    lifetime = words.pop() if words and words[-1] in {"reboot", "forever"} else "forever"
    names = _chosen(session, words)

    def edit(root: XML) -> None:
        for name in names:
            _put_on_standby(root, name, lifetime)

    done = _changed(session, edit, form)
    if not form:
        for name in names:
            session.voice.info(f"standby node {name}")
    return done


def online(session: Session, words: list[str]) -> bool:
    """Bring nodes back into service."""
    form, words = plan_word(words)
    names = _chosen(session, words)

    def edit(root: XML) -> None:
        for name in names:
            places = [one for one in root.iterfind("configuration/nodes/node") if one.get("uname") == name]
            for place in [*places, *_states(root, name)]:
                for pair in place.iterfind(".//instance_attributes/nvpair"):
                    if pair.get("name") == "standby":
                        pair.set("value", "off")

    done = _changed(session, edit, form)
    if not form:
        for name in names:
            session.voice.info(f"online node {name}")
    return done


def maintenance(session: Session, words: list[str]) -> bool:
    """Put a node into maintenance: nothing on it is touched."""
    form, words = plan_word(words)
    name = name_of(words[0]) if words else session.node()
    if session.editing:
        session.voice.info("Currently editing the CIB, changes will not be committed")
    editing = session.editing
    work = session.work
    node = work.find(name, node=True)
    if node is None:
        raise Refused(f"Node {name!r} is not configured")
    if session.force or session.switches.interactive:
        for element in _on_node(session, name):
            drop_attribute(session, element, "meta_attributes", "maintenance", "is-managed")
    pairs = [one for one in node.iterfind("instance_attributes/nvpair") if one.get("name") == "maintenance"]
    if pairs:
        pairs[0].set("value", "true")
    else:
        inside = node.find("instance_attributes")
        if inside is None:
            inside = etree.SubElement(node, "instance_attributes", id=f"nodes-{node.get('id')}")
        etree.SubElement(inside, "nvpair", id=f"{inside.get('id')}-maintenance", name="maintenance", value="true")
    work.ids.take_all(node)
    if editing:
        return True
    try:
        if form or session.switches.plan:
            tell_plan(session, planned(session), form or session.switches.plan)
            return True
        return not work.changed or commit(session, check=False, how=f"node maintenance {name}")
    finally:
        session.renew()


def _on_node(session: Session, name: str) -> list[XML]:
    """The resources that run on a node; without a status, all."""
    work = session.work
    elements = [one for kind in ("primitive", "group", "clone") for one in work.root.iterfind(f"resources//{kind}")]
    active = running(work.cib)
    if not active:
        return elements
    return [one for one in elements if name in active.get(str(one.get("id")), [])]


def ready(session: Session, words: list[str]) -> bool:
    """End the maintenance of a node."""
    name = name_of(words[0]) if words else session.node()
    done = session.tool(f"crm_attribute -t nodes -N {quoted(name)} -n maintenance -v 'off'") == 0
    session.renew()
    return done


def fence(session: Session, words: list[str]) -> bool:
    """Fence a node."""
    name = name_of(words[0])
    question = f"Fencing {name} will shut down the node and migrate any resources that are running on it!"
    if not session.ask(f"{question} Do you want to fence {name}?"):
        session.voice.error("not fenced; use -F where nobody can be asked")
        return False
    types = {one.get("type") for one in session.read().iterfind("configuration/nodes/node") if one.get("uname") == name}
    if types & _REMOTE:
        return session.tool(f"stonith_admin -F {quoted(name)}") == 0
    return session.tool(f"crm_attribute -t status -N {quoted(name)} -n terminate -v true") == 0


def clearstate(session: Session, words: list[str]) -> bool:
    """Say that a node is down for certain."""
    name = name_of(words[0]) if words else session.node()
    if not session.ask(f"Do you really want to drop state for node {name}?"):
        return False
    states = _states(session.read(), name)
    if any(one.get("crmd", "0") not in ("offline", "0") for one in states):
        return session.tool(f"crm_resource --cleanup --node {quoted(name)}") == 0
    if any(one.get("in_ccm", "0") not in ("false", "0") for one in states):
        session.voice.warning(f"{name} is a member of the cluster still; shut it down first")
        return False
    return session.tool(f"stonith_admin --confirm {name}") == 0


def delete(session: Session, words: list[str]) -> bool:
    """Remove a node."""
    name = name_of(words[0])
    root = session.read()
    if name not in session.nodes():
        session.voice.error(f"node {name} not found in the CIB")
        return False
    if any(one.get("crmd") == "online" for one in _states(root, name)):
        session.voice.error(f"node {name} is still active")
        if not session.force:
            return False
        session.voice.info(f"proceeding with node {name} removal")
    on_file = bool(session.environment.get("CIB_file") or session.shadow)
    if not on_file and session.tool(f"crm_node --force -R {name}") != 0:
        return False
    for section, tag in (("nodes", "node"), ("status", "node_state")):
        code = session.tool(f"cibadmin -D -o {section} -X '<{tag} uname=\"{name}\"/>'")
        if code != 0:
            session.voice.error(f"{name} removed from membership, but not from CIB!")
            return False
    session.renew()
    session.voice.info(f"node {name} deleted")
    return True


def server(session: Session, words: list[str]) -> None:
    """The address by which each node is reached."""
    root = session.read()
    for node in root.iterfind("configuration/nodes/node"):
        name = str(node.get("uname") or node.get("id"))
        if words and name not in words:
            continue
        found = None
        if node.get("type") == "remote":
            for primitive in root.iter("primitive"):
                if primitive.get("id") == name:
                    pairs = primitive.iterfind("instance_attributes/nvpair")
                    found = next((one.get("value") for one in pairs if one.get("name") == "server"), None)
        session.voice.out(str(found or name))


_NODE = ("node",)
_THREE = ("node", "attribute_command", "none")

LEVEL = Level(
    "node",
    "nodes: standby, maintenance, attributes",
    "Without NODE this node is meant. --plan behind a verb says what it would lead to, and does nothing.",
    (
        Verb("status", lambda session, words: session.tool("cibadmin -Q -o nodes") == 0 if not words else False, "",
             "the nodes' part of the CIB as XML", most=0),
        Verb("show", show, "[NODE]", "nodes with their attributes", most=1, old=("list",), completes=_NODE),
        Verb("standby", standby, "[NODE… | --all] [forever|reboot] [--plan[=json]]", "take nodes out of service",
             "Resources leave them. reboot: only until the node starts again.", completes=("node", "lifetime"),
             waits=True,
             repeats=True),
        Verb("online", online, "[NODE… | --all] [--plan[=json]]", "bring nodes back into service", completes=_NODE,
             waits=True, repeats=True),
        Verb("maintenance", maintenance, "[NODE] [--plan[=json]]", "leave everything on a node alone", most=2,
             completes=_NODE, waits=True),
        Verb("ready", ready, "[NODE]", "end the maintenance of a node", most=1, completes=_NODE, waits=True),
        Verb("fence", fence, "NODE", "fence a node", least=1, most=1, completes=_NODE, waits=True),
        Verb("clearstate", clearstate, "[NODE]", "say that a node is down for certain",
             "Only of a node that is switched off, or its services run twice.", most=1, completes=_NODE, waits=True),
        Verb("delete", delete, "NODE", "remove a node", least=1, most=1, completes=_NODE),
        Verb("attribute", manage("attribute", _ATTRIBUTE), "NODE set NAME VALUE | NODE delete NAME | NODE show NAME",
             "attributes of a node", least=3, most=4, completes=_THREE, waits=True),
        Verb("utilization", manage("utilization", _UTILIZATION),
             "NODE set NAME VALUE | NODE delete NAME | NODE show NAME",
             "what a node can bear", least=3, most=4, completes=_THREE, waits=True),
        Verb("status-attr", manage("status-attr", _STATUS), "NODE set NAME VALUE | NODE delete NAME | NODE show NAME",
             "attributes of a node until it reboots", least=3, most=4, old=("status_attr",), completes=_THREE,
             waits=True),
        Verb("server", server, "[NODE…]", "the address by which each node is reached", completes=_NODE, repeats=True),
    ),
)  # fmt: skip
