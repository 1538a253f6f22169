"""What ``configure`` does to objects: make, edit, filter, set, delete, rename, erase, group members, monitors."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree

from hacluster.crmsh.kinds import is_element
from hacluster.crmsh.level import Refused
from hacluster.crmsh.running import refused, running
from hacluster.crmsh.workspace import Rejected

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session

_PATIENCE_S = 30


def tell(session: Session) -> None:
    """Say what was done besides."""
    for text in session.work.told:
        session.voice.info(text)
    session.work.told.clear()


def read_text(file: str) -> str:
    """A file, a URL, or standard input (``-``)."""
    if file == "-":
        return sys.stdin.read()
    if "://" in file:
        import urllib.error  # noqa: PLC0415  files are the usual thing
        import urllib.request  # noqa: PLC0415

        if not file.startswith(("http://", "https://", "file://")):
            raise Refused(f"{file} is no URL of http, https or file")
        try:
            with urllib.request.urlopen(file, timeout=_PATIENCE_S) as answer:  # noqa: S310  schemes are checked above
                return str(answer.read().decode("utf-8"))
        except (urllib.error.URLError, ValueError) as fault:
            raise Refused(f"could not open {file}: {fault}") from None
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise Refused(f"could not open {file}: {getattr(fault, 'strerror', None) or fault}") from None


def know_agents(session: Session, root: XML) -> None:
    """Look at the agents of resources, and write parameters as their agents have them (``foo-bar`` for ``foo_bar``)."""
    _know(session, root.iter("primitive", "template"))


def _know(session: Session, elements: Iterable[XML]) -> None:
    if session.preferences.get("core.check_frequency") == "never":
        return
    for element in elements:
        agent = session.agents.of(element)
        if agent is None:
            continue
        for pair in element.iterfind("instance_attributes/nvpair"):
            name = str(pair.get("name") or "")
            other = name.replace("-", "_") if "-" in name else name.replace("_", "-")
            if name and name not in agent.parameters and other in agent.parameters:
                pair.set("name", other)


def make(session: Session, verb: str, words: list[str]) -> bool:
    """Make one object."""
    from hacluster.crmsh.levels.configure_objects import joined  # noqa: PLC0415  it imports this

    if words and words[0].startswith("id="):
        words = [words[0][3:], *words[1:]]
    work = session.work
    work.make(joined(verb, words))
    if verb in {"primitive", "rsc_template"} and words:
        made = work.find(words[0], node=False)
        if made is not None:
            _know(session, [made])
    tell(session)
    return True


def edit(session: Session, words: list[str]) -> bool:
    """Change objects in an editor."""
    from hacluster.crmsh.levels.configure import selected, text_of  # noqa: PLC0415  it imports this

    if not session.switches.interactive:
        session.voice.info("edit not allowed in batch mode")
        return False
    as_xml = bool(words) and words[0] == "xml"
    rest = words[1:] if as_xml else words
    _, chosen = selected(session, rest)
    text = text_of(session, rest, as_xml=as_xml)
    editor = session.preferences.get("core.editor") or os.environ.get("EDITOR") or "vi"
    with tempfile.NamedTemporaryFile("w", suffix=".pcmk", prefix="crm-", encoding="utf-8", delete=False) as file:
        file.write(f"{text}\n")
    try:
        while True:
            if subprocess.run([*shlex.split(editor), file.name], check=False).returncode != 0:
                session.voice.error(f"{editor} failed; nothing was changed")
                return False
            new = Path(file.name).read_text(encoding="utf-8")
            if new.strip() == text.strip():
                return True
            try:
                _rewrite(session, [one.id for one in chosen], new, as_xml=as_xml)
            except Rejected as rejected:
                for report in rejected.reports:
                    session.voice.error(str(report))
                if not session.ask("Edit or discard changes (yes to edit, no to discard)?"):
                    return False
                continue
            return True
    finally:
        os.unlink(file.name)


def _rewrite(session: Session, ids: Sequence[str], text: str, *, as_xml: bool) -> None:
    if as_xml:
        root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
        sections = root.find("configuration") if root.tag == "cib" else root
        if sections is None:
            raise Refused("there is no configuration in it")
        found = [child for section in sections if is_element(section) for child in section if is_element(child)]
        text = "\n".join("xml " + etree.tostring(one, encoding="unicode").replace("\n", " ") for one in found)
    session.work.rewrite(list(ids), text)
    know_agents(session, session.work.root)
    tell(session)


def filter_words(session: Session, words: list[str]) -> bool:
    """Let a program change objects."""
    from hacluster.crmsh.levels.configure import selected, text_of  # noqa: PLC0415  it imports this

    program, *rest = words
    as_xml = bool(rest) and rest[0] == "xml"
    rest = rest[1:] if as_xml else rest
    view, chosen = selected(session, rest)
    text = text_of(session, rest, as_xml=True) if as_xml else view.lines(chosen)
    session.outside(program)
    # a line that the person wrote for their own shell
    done = subprocess.run(program, input=text, capture_output=True, text=True, shell=True, check=False)  # noqa: S602
    if done.returncode != 0:
        session.voice.error(f"the filter ended with {done.returncode}: {done.stderr.strip()}")
        return False
    if done.stdout == text:
        return True
    with session.unnumbered():
        try:
            _rewrite(session, [one.id for one in chosen], done.stdout, as_xml=as_xml)
        except Rejected as rejected:
            for report in rejected.reports:
                session.voice.error(report.text)
            return False
    return True


def set_value(session: Session, words: list[str]) -> None:
    """Set one value of an object or operation."""
    path, value = words
    id_, *rest = path.split(".")
    if not 1 <= len(rest) <= 3:
        raise Refused(f'Invalid path: "{path}"; Valid path: "id.[op_type.][interval.]name"')
    element = session.work.find(id_)
    if element is None:
        raise Refused(f"Object {id_} not found")
    if len(rest) == 1:
        pairs = [one for one in element.iter("nvpair") if one.get("name") == rest[0]]
        if not pairs:
            raise Refused(f"Attribute not found: {path}")
        if len(pairs) != 1:
            raise Refused(f"Expected 1 attribute named {rest[0]}, found {len(pairs)}")
        pairs[0].set("value", value)
        return
    operations = [one for one in element.iterfind(".//operations/op") if one.get("name") == rest[0]]
    if len(rest) == 3:
        operations = [one for one in operations if one.get("interval") == rest[1]]
    if not operations:
        which = f'"{rest[0]}" interval "{rest[1]}"' if len(rest) == 3 else f'"{rest[0]}"'
        raise Refused(f"Operation {which} not found for resource {id_}")
    if len(operations) > 1:
        raise Refused(f"Should specify interval of {rest[0]}")
    operations[0].set(rest[-1], value)


def modgroup(session: Session, words: list[str]) -> bool:
    """Put a resource into a group or take it out."""
    group_id, command, rsc, *where = words
    if command not in {"add", "remove"}:
        raise Refused(f"Expected add or remove (found {command})")
    if where and (command != "add" or where[0] not in {"after", "before"} or len(where) != 2):
        raise Refused("Expected 'after|before RSC' behind add")
    group = session.work.find(group_id, node=False)
    if group is None:
        raise Refused(f"group {group_id} does not exist")
    if group.tag != "group":
        raise Refused(f"element {group_id} is not a group")
    members = [str(one.get("id")) for one in group.iterchildren("primitive")]
    if where and where[1] not in members:
        raise Refused(f"{where[1]} is not member of {group_id}")
    if command == "remove":
        if rsc not in members:
            raise Refused(f"{rsc} is not member of {group_id}")
        members.remove(rsc)
    else:
        at = len(members) if not where else members.index(where[1]) + (where[0] == "after")
        members.insert(at, rsc)
    view = session.work.view()
    found = view.find(group_id)
    assert found is not None
    old = view.lines([found]).strip()
    head = f"group {group_id} "
    tail = old.removeprefix(head + " ".join(str(one.get("id")) for one in group.iterchildren("primitive")))
    text = head + " ".join(members) + tail
    with session.unnumbered():
        try:
            session.work.rewrite([group_id], text)
        except Rejected as rejected:
            for report in rejected.reports:
                place = (
                    f"1: syntax in group: {report.text} parsing '{text}'" if report.code == "syntax" else report.text
                )
                session.voice.error(place)
            return False
    tell(session)
    return True


def monitor(session: Session, words: list[str]) -> None:
    """Add a monitor operation."""
    rsc, _, role = words[0].partition(":")
    interval, _, timeout = words[1].partition(":")
    element = session.work.find(rsc, node=False)
    if element is None:
        raise Refused(f"object {rsc} does not exist")
    if element.tag != "primitive":
        raise Refused(f"{rsc} is not a primitive")
    if any(
        one.get("name") == "monitor" and one.get("interval") == interval for one in element.iterfind("operations/op")
    ):
        raise Refused(f"{rsc} already has a monitor op with interval {interval}")
    operation = etree.Element("op", name="monitor")
    for name, value in (("role", role), ("interval", interval), ("timeout", timeout)):
        if value:
            operation.set(name, value)
    into = element.find("operations")
    if into is None:
        into = etree.SubElement(element, "operations")
    session.work.ids.fill(operation, None, rsc)
    into.append(operation)


def delete(session: Session, words: list[str]) -> bool:
    """Remove objects."""
    forced = session.force or any(word in {"-f", "--force"} for word in words)
    ids = [word for word in words if word not in {"-f", "--force"}]
    if not ids:
        raise Refused("write: delete ID…")
    work = session.work
    busy = refused(work.cib, [id_ for id_ in ids if work.find(id_) is not None])
    if busy and forced:
        _stop(session, busy)
        busy = refused(session.work.cib, busy)
        work = session.work
    done = True
    for id_ in busy:
        session.voice.error(f"resource {id_} is running, can't delete it")
        done = False
    wanted = [id_ for id_ in ids if id_ not in busy]
    missing = [id_ for id_ in wanted if work.find(id_) is None]
    for id_ in missing if not forced else []:
        session.voice.error(f"object {id_} does not exist")
        done = False
    work.delete([id_ for id_ in wanted if id_ not in missing])
    tell(session)
    return done


def _stop(session: Session, ids: Sequence[str]) -> None:
    """Stop what runs before it is removed. Where nobody carries that out (a file), its end is not waited for."""
    from hacluster.crmsh.attributes import set_meta  # noqa: PLC0415  deleting what runs is seldom
    from hacluster.crmsh.committing import commit  # noqa: PLC0415
    from hacluster.crmsh.waiting import settled  # noqa: PLC0415

    for id_ in ids:
        set_meta(session, id_, "target-role", "Stopped")
    commit(session, check=False, how=f"configure delete: stop {' '.join(ids)}")
    settled(session)


def rename(session: Session, words: list[str]) -> None:
    """Give an object another id."""
    old, new = words
    if old in running(session.work.cib):
        raise Refused(f"cannot rename a running resource ({old})")
    session.work.rename(old, new)
    tell(session)


def erase(session: Session, words: list[str]) -> bool:
    """Remove everything but nodes, or the nodes."""
    if words not in ([], ["nodes"]):
        raise Refused(f"Expected 'nodes' (found '{words[0]}')")
    work = session.work
    if words:
        for one in list(work.root.iterfind("nodes/node")):
            work.remove(one)
        return True
    busy = refused(work.cib, [str(one.get("id")) for one in work.root.iterfind("resources//primitive")])
    if busy:
        for id_ in busy:
            session.voice.warning(f"resource {id_} is running, can't delete it")
        session.voice.error("CIB erase aborted (nothing was deleted)")
        return False
    work.clear()
    return True


def override_maintenance(session: Session, words: Sequence[str]) -> None:
    """Before the whole cluster is in or out of maintenance: offer to drop what single resources and nodes say of it."""
    if not words or not words[0].startswith("maintenance-mode="):
        return
    root = session.work.root
    resources = [one for kind in ("primitive", "group", "clone") for one in root.iterfind(f"resources//{kind}")]
    for tag, elements in (("meta_attributes", resources), ("instance_attributes", list(root.iterfind("nodes/node")))):
        for element in elements:
            drop_attribute(session, element, tag, "maintenance", "is-managed" if tag == "meta_attributes" else "")


def drop_attribute(session: Session, element: XML, tag: str, name: str, conflicting: str = "") -> None:
    """Ask whether an attribute that would be overridden is removed."""
    for own in (name, conflicting):
        for pair in [one for one in element.iterfind(f"{tag}/nvpair") if own and one.get("name") == own]:
            id_ = element.get("uname") or element.get("id")
            if session.ask(f"'{own}' attribute already exists in {id_}. Remove it?"):
                inside = pair.getparent()
                assert inside is not None
                inside.remove(pair)
                if not len(inside):
                    element.remove(inside)
