"""From the copy that is worked on to the CIB: checked, planned, put together with what others did, written, noted."""

from __future__ import annotations

import copy
import difflib
import json
from typing import TYPE_CHECKING, Final

from lxml import etree

from hacluster.base.errors import HaError
from hacluster.base.report import Report, Severity
from hacluster.base.results import Fault
from hacluster.cib.unconfirmed import drop_mark
from hacluster.client.agents import providers_of
from hacluster.crmsh.kinds import is_element
from hacluster.crmsh.level import Refused
from hacluster.crmsh.merging import alike, together
from hacluster.crmsh.objects import Configuration
from hacluster.crmsh.past import Past
from hacluster.crmsh.selecting import changed
from hacluster.crmsh.words import SECRETS

_CLASH: Final = "changed by somebody else meanwhile: {}; refresh and change it again, or commit replace"

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.plan import Plan
    from hacluster.crmsh.session import Session
    from hacluster.crmsh.workspace import Workspace


def place_of(session: Session) -> str:
    """What the history of commits is kept under."""
    if session.shadow:
        return f"shadow {session.shadow} {session.environment.get('CIB_shadow_dir', '')}"
    return session.environment.get("CIB_file") or "live"


def verify(session: Session, *, everything: bool) -> bool:
    """Check the configuration, and tell what is found; whether it may be committed.

    ``everything``: all objects are held against meta-data, not only those that changed.
    """
    work = session.work
    sound = True
    for report in _schema_reports(work):
        sound = False
        session.voice.error(_said(report))
    if session.preferences.get("core.check_frequency") == "never":
        return sound
    from hacluster.crmsh.sanity import Sense  # noqa: PLC0415  reads meta-data

    view = work.view()
    before = Configuration(work.whole_before(), providers_of)
    chosen = view.objects if everything else changed(view, before)
    lax = session.preferences.get("core.check_mode") == "relaxed"
    missing = session.preferences.truth("core.ignore_missing_metadata") or _asymmetric(work.root)
    sense = Sense(view.root, session.agents, lax=lax, missing_agents=missing)
    old = {one.id: one.element for one in before.objects if one.kind.tag == "primitive"}
    same = {
        one.id
        for one in chosen
        if not everything and one.id in old and without_metas(one.element) == without_metas(old[one.id])
    }
    for finding in sense.check((one.element for one in chosen), metas_alone=same):
        if finding.wrong:
            sound = False
            session.voice.error(finding.text)
        else:
            session.voice.warning(finding.text)
    return sound


def without_metas(element: XML) -> bytes:
    """A resource without what says how the cluster treats it: what its agent gets to see."""
    twin = copy.deepcopy(element)
    for one in twin.findall("meta_attributes"):
        twin.remove(one)
    return etree.tostring(twin, method="c14n")


def _asymmetric(root: XML) -> bool:
    pairs = root.iterfind("crm_config/cluster_property_set/nvpair")
    return any(one.get("name") == "symmetric-cluster" and one.get("value") != "true" for one in pairs)


def _schema_reports(work: Workspace) -> list[Report]:
    from hacluster.client.schemas import installed_schemas  # noqa: PLC0415  compiling a grammar takes its time

    whole = work.whole()
    etree.SubElement(whole, "status")
    return [one for one in installed_schemas().check(whole, "") if one.severity <= Severity.ERROR]


def _said(report: Report) -> str:
    hint = f" ({report.hint})" if report.hint else ""
    field = report.place.field if report.place is not None else None
    return f"{f'{field}: ' if field else ''}{report.text}{hint}"


def planned(session: Session) -> Plan:
    """What committing the copy would lead to."""
    from hacluster.crmsh.plan import plan  # noqa: PLC0415  schedules the cluster twice

    return plan(session.work.whole_before(status=True), session.work.whole(status=True))


def tell_plan(session: Session, found: Plan, form: str) -> None:
    """Show a plan; the session ends with 2 when something changes."""
    if form == "json":
        session.voice.out(json.dumps(found.as_json(), indent=2))
    else:
        for line in found.lines():
            session.voice.out(line)
    if found.changes:
        session.status = 2


def commit(
    session: Session,
    *,
    force: bool = False,
    replace: bool = False,
    check: bool = True,
    how: str = "",
    confirm_s: int = 0,
    comment: str = "",
) -> bool:
    """Commit the copy; ``False`` when it was not done, which has been told.

    ``replace``: what others changed meanwhile is overwritten, instead of put together with. Without ``check`` nothing
    is held against schema and meta-data: for one attribute that the shell itself has set. ``confirm_s``: the cluster
    takes it back after that many seconds, unless it is confirmed. ``comment``: what it is for, in the history.
    """
    work = session.work
    if not work.changed:
        session.voice.info("apparently there is nothing to commit")
        session.voice.info("try changing something first")
        return True
    if session.switches.plan:
        tell_plan(session, planned(session), session.switches.plan)
        session.renew()
        return True
    forced = force or session.force
    if check and work.root.find("resources/*") is not None and not verify(session, everything=False):
        if forced:
            session.voice.info("commit forced")
        elif not session.ask("Do you still want to commit?"):
            return False
    if check and not forced and not _may_stop_all(session):
        return False
    _write(session, work, replace=replace, how=how, confirm_s=confirm_s, comment=comment)
    session.renew()
    return True


def _may_stop_all(session: Session) -> bool:
    from hacluster.crmsh.running import running  # noqa: PLC0415

    if not running(session.work.cib):
        return True
    try:
        found = planned(session)
    except HaError:
        return True
    if not found.stops_all:
        return True
    session.voice.warning(f"this would stop everything that runs: {', '.join(found.stops)}")
    if session.ask("Do you want that?"):
        return True
    session.voice.error("not committed; use commit force")
    return False


def _comments(root: XML) -> list[str]:
    return [str(one.text) for one in root.iter() if not is_element(one)]


def _tell_clash(session: Session, clashes: list[str], theirs: XML, mine: XML) -> None:
    """Show what others made of objects, with all that stands in them, and what was to be made of them."""

    def lines(root: XML) -> list[str]:
        whole = etree.Element("cib", {str(name): str(value) for name, value in session.work.cib.attrib.items()})
        whole.append(copy.deepcopy(root))
        view = Configuration(whole, providers_of)
        about = [one for one in view.sorted() if one.id in clashes or _stands_in(one.element, clashes)]
        return [line for one in about for line in view.text(one, secrets=SECRETS).splitlines()]

    for line in difflib.unified_diff(lines(theirs), lines(mine), "as it is now", "as it was to be", lineterm=""):
        session.voice.out(line)


def _stands_in(element: XML, ids: list[str]) -> bool:
    return any(one.get("id") in ids for one in element.iterancestors())


def _write(
    session: Session, work: Workspace, *, replace: bool, how: str, confirm_s: int = 0, comment: str = ""
) -> None:
    """Write what was changed as a patch of the very version that was read: what comes in between is looked at anew."""
    from hacluster.cib.diff import for_any_status, make_patch  # noqa: PLC0415  only what commits needs it
    from hacluster.crmsh import confirming  # noqa: PLC0415

    if confirm_s:
        confirming.need_cluster(session)
        if work.schema != work.cib.get("validate-with"):
            raise Refused("a change of the schema cannot be taken back; commit it without confirm")

    together_told = False
    for left in reversed(range(confirming.TRIES)):
        before = session.read()
        after = copy.deepcopy(before)
        now = after.find("configuration")
        if now is None:
            now = etree.SubElement(after, "configuration")
        was = copy.deepcopy(now)
        drop_mark(was)
        wanted = copy.deepcopy(work.root)
        if not replace and not alike(was, work.base):
            wanted, clashes = together(work.base, work.root, was)
            if clashes:
                _tell_clash(session, clashes, was, work.root)
                raise Refused(_CLASH.format(", ".join(clashes)))
            together_told = True
        written = copy.deepcopy(wanted)
        unconfirmed = confirming.carry_mark(now, written, confirm_s, comment)
        after.replace(now, written)
        if work.schema != work.cib.get("validate-with"):
            after.set("validate-with", str(work.schema))
        patch = for_any_status(make_patch(before, after, digest=False))
        try:
            if _comments(was) != _comments(wanted) and work.schema == work.cib.get("validate-with"):
                # a patch has no words for comments
                session.source.change("replace", scope="configuration", data=copy.deepcopy(written))
            elif patch is not None:
                session.source.change("patch", data=patch)
        except Fault as fault:
            if fault.status not in confirming.OUTDATED or not left:
                raise
            continue
        break
    if together_told:
        session.voice.info("put together with changes that others made meanwhile")
    Past(place_of(session)).note(was, wanted, f"{how}: {comment}" if comment else how)
    if unconfirmed is not None:
        confirming.tell(session, unconfirmed)
