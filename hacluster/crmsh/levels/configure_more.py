"""What ``configure`` does besides: schemas, previews, pictures, options with defaults, agents' own checks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from hacluster.base.errors import HaError
from hacluster.cib.options import OPTIONS, PRESENT_NAMES, option_names
from hacluster.crmsh.level import Refused

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session

_PATIENCE_S = 60


def validate_all(session: Session, words: list[str]) -> bool:
    """Let the agent check the parameters of a resource."""
    from hacluster.crmsh.sanity import Sense  # noqa: PLC0415  reads meta-data

    rsc = words[0]
    element = session.work.find(rsc, node=False)
    if element is None:
        raise Refused(f"Not found: {rsc}")
    if element.tag != "primitive":
        raise Refused(f"Not a primitive: {rsc}")
    sense = Sense(session.work.root, session.agents)
    named = sense.whole(element)
    if named is None:
        raise Refused(f"No resource template {element.get('template')} for {rsc}")
    params = {name: value or "" for name, value in sense.parameters(element).items()}
    return validate_agent(session, str(named.get("class")), named.get("provider"), str(named.get("type")), params)


def validate_agent(session: Session, class_: str, provider: str | None, type_: str, params: dict[str, str]) -> bool:
    """Ask an agent whether it takes these parameters; whether it does."""
    from hacluster.client import agents  # noqa: PLC0415

    if class_ == "stonith":
        session.outside(f"{type_} validate-all")
        taken, said = agents.validate_fence(type_, params)
        if said.strip():
            session.voice.out(said.rstrip("\n"))
        return taken
    if class_ != "ocf":
        raise Refused(f"Cannot run validate-all for agent: {class_}:{type_}")
    line = f"crm_resource --validate --class {class_} --provider {provider or 'heartbeat'} --agent {type_}"
    from hacluster.crmsh.toolbox import quoted  # noqa: PLC0415

    line += "".join(f" --option {quoted(f'{name}={value}')}" for name, value in params.items())
    session.outside(f"{type_} validate-all")
    return session.tool_unsaid(line) == 0


def upgrade(session: Session, words: list[str]) -> bool:
    """Bring the configuration to the newest schema."""
    if words not in ([], ["force"]):
        raise Refused("Expected 'force' or no argument")
    if session.editing:
        raise Refused("commit or refresh first: there are changes that were not committed")
    validator = session.work.schema or ""
    if not (words or session.force or not validator or validator.startswith("0")):
        session.voice.info(f"the configuration is of schema {validator}; upgrade force brings it to the newest")
        return True
    done = session.tool("cibadmin --upgrade --force") == 0
    session.renew()
    return done


def schema(session: Session, words: list[str]) -> bool:
    """Show or change the schema."""
    from hacluster.cib.grammar import version_of  # noqa: PLC0415
    from hacluster.client.schemas import installed_schemas  # noqa: PLC0415

    work = session.work
    if not words:
        session.voice.out(str(work.schema or ""))
        return True
    wanted = words[0]
    if wanted == work.schema:
        session.voice.info(f"already using schema {wanted}")
        return True
    version = version_of(wanted)
    if version is None and wanted != "none":
        raise Refused(f"schema {wanted} does not exist")
    before, work.schema = work.schema, wanted
    if version is not None:
        from lxml import etree  # noqa: PLC0415  loaded already

        whole = work.whole()
        etree.SubElement(whole, "status")
        faults = installed_schemas().faults(whole, version, "")
        if faults:
            work.schema = before
            for report in faults:
                session.voice.error(report.text)
            raise Refused(f"Schema {wanted} conflicts with current configuration")
    return True


def ptest(session: Session, words: list[str]) -> bool:
    """What the cluster would do after a commit."""
    return preview(session, session.work.whole(status=True), words, pretend=False)


def preview(session: Session, root: XML, words: list[str], *, pretend: bool) -> bool:
    """What the cluster would do with a CIB; ``pretend``: and what it is like afterwards."""
    import time  # noqa: PLC0415

    from hacluster.pe.simulation.report import Wishes, simulate  # noqa: PLC0415  schedules a cluster
    from hacluster.tools.livestatus import document, present  # noqa: PLC0415

    known = {"nograph", "scores", "utilization", "actions"}
    wrong = [word for word in words if word not in known and word.strip("v")]
    if wrong:
        raise Refused(f"bad usage: {' '.join(words)}")
    wishes = Wishes(
        simulate=pretend or "actions" in words, scores="scores" in words, utilization="utilization" in words,
        clock=time.ctime,
    )  # fmt: skip
    try:
        outcome = simulate(document(root), present(root), int(time.time()), wishes)
    except HaError as error:
        raise Refused(str(error)) from None
    for line in outcome.lines:
        session.voice.out(line)
    return True


def graph(session: Session, words: list[str]) -> bool:
    """Draw the constraints."""
    from hacluster.pe.schedule import schedule  # noqa: PLC0415  schedules a cluster
    from hacluster.pe.views.constraints import constraint_picture  # noqa: PLC0415  networkx takes its time
    from hacluster.pe.views.dot import dot_text  # noqa: PLC0415
    from hacluster.tools.livestatus import document, present  # noqa: PLC0415

    if words and words[0] != "dot":
        raise Refused(f"graph type {words[0]} is not supported")
    root = session.work.whole(status=True)
    picture = constraint_picture(schedule(document(root), present(root), sanitized=True).cluster)
    text = dot_text(picture)
    if len(words) < 2:
        session.voice.out(text.rstrip("\n"))
        return True
    file, form = Path(words[1]), words[2] if len(words) == 3 else "dot"
    if form == "dot":
        file.write_text(text, encoding="utf-8")
        return True
    program = shutil.which("dot")
    if program is None and form == "svg":
        from hacluster.pe.views.svg import svg_text  # noqa: PLC0415

        file.write_text(svg_text(picture), encoding="utf-8")
        return True
    if program is None:
        raise Refused(f"for {form} graphviz's program dot is needed, which is not installed; svg needs none")
    done = subprocess.run([program, f"-T{form}", "-o", str(file)], input=text, text=True, capture_output=True,
                          timeout=_PATIENCE_S, check=False)  # fmt: skip
    if done.returncode != 0:
        raise Refused(f"dot says: {done.stderr.strip()}")
    return True


def get_property(session: Session, words: list[str]) -> None:
    """Show values of cluster options, with their defaults."""
    from hacluster.base.values import truth  # noqa: PLC0415

    as_truth = any(word in {"-t", "--true"} for word in words)
    names = [word for word in words if word not in {"-t", "--true"}]
    if not names:
        for name in sorted({*OPTIONS, *PRESENT_NAMES}):
            session.voice.out(name)
        return
    root = session.work.root
    given = {str(one.get("name")): one.get("value") for one in root.iterfind("crm_config/cluster_property_set/nvpair")}
    for name in names:
        present = PRESENT_NAMES.get(name, name)
        value = next((given[one] for one in option_names(present) if one in given), None)
        if value is None and present in OPTIONS:
            value = OPTIONS[present].default
        if value is None and not as_truth:
            raise Refused(f"{name}: Property not set")
        session.voice.out(str(truth(value or "") is True).lower() if as_truth else str(value))


def default_timeouts(session: Session, words: list[str]) -> bool:
    """Set the timeouts that the agents advise."""
    from lxml import etree  # noqa: PLC0415  loaded already

    from hacluster.crmsh.sanity import Sense  # noqa: PLC0415

    work = session.work
    sense = Sense(work.root, session.agents)
    for id_ in words:
        element = work.find(id_, node=False)
        if element is None or element.tag != "primitive":
            raise Refused(f"element {id_} is not a primitive")
        named = sense.whole(element)
        agent = None if named is None else session.agents.of(named)
        if agent is None:
            raise Refused(f"{id_}: no such resource agent")
        for operation in element.iterfind("operations/op"):
            advised = agent.advised(str(operation.get("name")), "timeout", role=operation.get("role"))
            if advised:
                operation.set("timeout", advised)
        for name in ("start", "stop"):
            advised = agent.advised(name, "timeout")
            if advised and not any(one.get("name") == name for one in element.iterfind("operations/op")):
                into = element.find("operations")
                into = etree.SubElement(element, "operations") if into is None else into
                new = etree.SubElement(into, "op", name=name, interval="0s", timeout=advised)
                work.ids.fill(new, None, id_)
    return True


def rsctest(_session: Session, _words: list[str]) -> None:
    """Try resources past the cluster."""
    raise Refused(
        "this version does not try resources on several nodes yet; maintenance action RSC ACTION runs one action of a"
        " resource's agent on this node"
    )


def objects(session: Session, _words: list[str]) -> None:
    """The objects, one a line: for tests."""
    for one in session.work.view().sorted():
        session.voice.out(f"{one.kind.word}:{one.id}" + ("" if one.speakable else " (xml)"))
