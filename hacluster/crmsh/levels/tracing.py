"""``resource trace`` and ``untrace``: operations get the parameter by which the agents' shell library records them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from hacluster.base.values import msec
from hacluster.crmsh.committing import commit
from hacluster.crmsh.level import Refused

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session

FOLDER: Final = "/var/lib/heartbeat"


def _primitive(session: Session, id_: str) -> XML:
    session.renew()
    found = session.work.find(id_, node=False)
    if found is None:
        raise Refused(f"resource {id_} does not exist")
    if found.tag != "primitive":
        raise Refused(f"element {id_} is not a primitive resource")
    return found


def _operations(element: XML, name: str | None = None) -> list[XML]:
    return [one for one in element.iterfind("operations/op") if name is None or one.get("name") == name]


def _add(session: Session, element: XML, name: str, interval: str = "0") -> XML:
    into = element.find("operations")
    into = etree.SubElement(element, "operations") if into is None else into
    new = etree.SubElement(into, "op", name=name, interval=interval)
    session.work.ids.fill(new, None, str(element.get("id")))
    return new


def _mark(session: Session, operation: XML, folder: str) -> None:
    for name, value in (("trace_ra", "1"), ("trace_dir", folder)):
        if not value:
            continue
        pairs = [one for one in operation.iterfind("instance_attributes/nvpair") if one.get("name") == name]
        if pairs:
            pairs[0].set("value", value)
            continue
        into = operation.find("instance_attributes")
        if into is None:
            into = etree.SubElement(operation, "instance_attributes")
            into.set("id", session.work.ids.new(into, str(operation.get("id"))))
        pair = etree.Element("nvpair", name=name, value=value)
        pair.set("id", session.work.ids.new(pair, str(into.get("id"))))
        into.append(pair)


def _unmark(operation: XML) -> None:
    for inside in list(operation.iterchildren("instance_attributes")):
        for pair in [one for one in inside if one.get("name") in {"trace_ra", "trace_dir"}]:
            inside.remove(pair)
        if not len(inside):
            operation.remove(inside)
    bare = set(operation.keys()) == {"id", "name", "interval"} and not len(operation)
    around = operation.getparent()
    if bare and msec(operation.get("interval")) == 0 and around is not None:
        around.remove(operation)
        outside = around.getparent()
        if not len(around) and outside is not None:
            outside.remove(around)


def _alike(one: XML, interval: str) -> bool:
    return msec(one.get("interval") or "0") == msec(interval)


def trace(session: Session, words: list[str]) -> bool:
    """Record what an agent does."""
    rsc, *rest = words
    element = _primitive(session, rsc)
    name = interval = folder = ""
    for word in rest:
        if word.startswith("/") and not folder:
            folder = word
        elif word.isnumeric() and not interval:
            interval = word
        elif not name:
            name = word
        else:
            raise Refused("write: trace RSC [OPERATION] [INTERVAL] [FOLDER]")
    if name == "probe":
        name, interval = "monitor", interval or "0"
    if not name:
        known = {str(one.get("name")) for one in _operations(element)}
        chosen = [_add(session, element, one) for one in ("start", "stop") if one not in known]
        chosen += _operations(element)
    elif interval:
        chosen = [one for one in _operations(element, name) if _alike(one, interval)]
        if not chosen and msec(interval) != 0:
            raise Refused(f"Operation {name} with interval {interval} not found in {rsc}")
        chosen = chosen or [_add(session, element, name, interval)]
    else:
        chosen = _operations(element, name)
        if not chosen and name == "monitor":
            raise Refused(f"No monitor operation configured for {rsc}")
        chosen = chosen or [_add(session, element, name)]
    for one in dict.fromkeys(chosen):
        _mark(session, one, folder)
    type_ = element.get("type")
    if not commit(session, check=False, how=f"resource trace {' '.join(words)}"):
        return False
    session.voice.info(
        f"Trace for {rsc}{f':{name}' if name else ''} is written to {folder or f'{FOLDER}/trace_ra'}/{type_}"
    )
    if name and name != "monitor":
        session.voice.info(f"Trace set, restart {rsc} to trace the {name} operation")
    else:
        session.voice.info(f"Trace set, restart {rsc} to trace non-monitor operations")
    return True


def untrace(session: Session, words: list[str]) -> bool:
    """End the recording."""
    rsc, *rest = words
    element = _primitive(session, rsc)
    name = rest[0] if rest else ""
    interval = rest[1] if len(rest) > 1 else ""
    if name == "probe":
        name, interval = "monitor", interval or "0"
    chosen = _operations(element, name or None)
    if interval:
        chosen = [one for one in chosen if _alike(one, interval)]
    if name and not chosen:
        more = f" with interval {interval}" if interval else ""
        raise Refused(f"Operation {name}{more} not found in {rsc}")
    for one in chosen:
        _unmark(one)
    if session.work.changed and not commit(session, check=False, how=f"resource untrace {' '.join(words)}"):
        return False
    session.voice.info(f"Stop tracing {rsc}{f' for operation {name}' if name else ''}")
    return True
