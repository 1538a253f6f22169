"""The level ``configure``: shows, makes, loads, changes, removes and renames objects, and commits them."""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lxml import etree

from hacluster.base.report import Place, Report, Severity
from hacluster.client.agents import providers_of
from hacluster.config.findings import nearest
from hacluster.crmsh import confirming
from hacluster.crmsh.committing import commit, planned, tell_plan, verify
from hacluster.crmsh.confirming import seconds_of
from hacluster.crmsh.kinds import BY_TAG, CONTAINERS, is_element
from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.levels import configure_change as change
from hacluster.crmsh.levels import configure_more as more
from hacluster.crmsh.levels.configure_objects import OBJECT_VERBS
from hacluster.crmsh.objects import Configuration, Object
from hacluster.crmsh.selecting import choose
from hacluster.crmsh.words import HIDDEN, SECRETS, hidden
from hacluster.crmsh.workspace import METHODS, Rejected

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session


def selected(session: Session, words: Sequence[str]) -> tuple[Configuration, list[Object]]:
    """The objects that words name, all without words; raises :class:`Rejected` for what nobody has."""
    view = session.work.view()
    if not words:
        return view, list(view.objects)
    before = Configuration(session.work.whole_before(), providers_of) if "changed" in words else None
    found, missing = choose(view, words, before)
    if missing:
        known = [one.id for one in view.objects]
        raise Rejected([_missing(word, known) for word in missing])
    return view, found


def _missing(word: str, known: Sequence[str]) -> Report:
    return Report("unknown", Severity.ERROR, f"object {word} does not exist", Place("command"), nearest(word, known))


def _secrets(session: Session, words: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """What words name objects, and the patterns of parameters that are hidden."""
    own = [word.removeprefix("obscure:") for word in words if word.startswith("obscure:")]
    usual = session.preferences.get("core.obscure_pattern").replace("|", " ").split()
    return [word for word in words if not word.startswith("obscure:")], own or usual or SECRETS


def text_of(session: Session, words: Sequence[str], *, secrets: Sequence[str] = (), as_xml: bool = False) -> str:
    """Objects as commands, or as XML."""
    view, chosen = selected(session, words)
    if as_xml:
        return xml_of(session, view, chosen if words else None, secrets)
    ordered = view.sorted() if session.preferences.truth("core.sort_elements") else sorted(
        view.objects, key=lambda one: one.kind.rank
    )  # fmt: skip
    return "\n".join(view.text(one, secrets=secrets) for one in ordered if one in chosen)


def xml_of(session: Session, view: Configuration, chosen: Sequence[Object] | None, secrets: Sequence[str]) -> str:
    """The configuration as XML, or those objects of it that are chosen, with what they stand in."""
    work = session.work
    root = copy.deepcopy(view.root)
    if chosen is not None:
        wanted = {_key(_top(one)) for one in chosen}
        for section in list(root):
            if not is_element(section):
                continue
            if section.tag == "fencing-topology":
                if _key(section) not in wanted:
                    root.remove(section)
                continue
            for child in list(section):
                if is_element(child) and _key(child) not in wanted:
                    section.remove(child)
            if not len(section) and str(section.tag) not in {"crm_config", "nodes", "resources", "constraints"}:
                root.remove(section)
    for pair in root.iter("nvpair"):
        if pair.get("value") is not None and hidden(pair.get("name"), secrets):
            pair.set("value", HIDDEN)
    whole = etree.Element("cib", {str(name): str(value) for name, value in work.cib.attrib.items()})
    whole.append(root)
    return '<?xml version="1.0" ?>\n' + etree.tostring(whole, pretty_print=True, encoding="unicode")


def _top(one: Object) -> etree._Element:
    element = one.element
    while (parent := element.getparent()) is not None and str(parent.tag) in CONTAINERS:
        element = parent
    return element


def _key(element: etree._Element) -> tuple[str, str | None]:
    return str(element.tag), element.get("id") or element.get("uname")


# verbs --------------------------------------------------------------------------------------------------------------


def show(session: Session, words: list[str]) -> None:
    """Show objects."""
    named, secrets = _secrets(session, words)
    as_xml = bool(named) and named[0] == "xml"
    text = text_of(session, named[1:] if as_xml else named, secrets=secrets, as_xml=as_xml)
    if text:
        session.voice.out(text)


def load(session: Session, words: list[str]) -> None:
    """Load a text, from a file, a URL or standard input."""
    rest = [word for word in words if word not in {"xml", "--plan", "--plan=json"}]
    if len(rest) != 2 or rest[0] not in METHODS:
        raise Refused(f"write: load [xml] {{{'|'.join(METHODS)}}} FILE")
    method, file = rest
    text = change.read_text(file)
    asks = method == "replace" and session.switches.interactive and session.editing
    if asks and not session.ask("This operation will erase all changes. Do you want to proceed?"):
        return
    with session.unnumbered():
        session.work.load(text, method, file)
    change.know_agents(session, session.work.root)
    change.tell(session)
    if len(rest) != len(words) and any(word.startswith("--plan") for word in words):
        tell_plan(session, planned(session), "json" if "--plan=json" in words else "text")
        session.renew()


def save(session: Session, words: list[str]) -> None:
    """Write objects to a file."""
    as_xml = words[0] == "xml"
    rest = words[1 if as_xml else 0 :]
    if not rest:
        raise Refused("write: save [xml] [ID…] FILE")
    text = text_of(session, rest[:-1], as_xml=as_xml)
    text = text if text.endswith("\n") else text + "\n"
    if rest[-1] == "-":
        sys.stdout.write(text)
        return
    with open(rest[-1], "w", encoding="utf-8") as opened:
        opened.write(text)


def commit_words(session: Session, words: list[str]) -> bool:
    """Commit what was changed."""
    form, comment, confirm_s = "", "", 0
    said: set[str] = set()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in {"--plan", "--plan=text", "--plan=json"}:
            form = "json" if word.endswith("json") else "text"
        elif word in {"confirm", "comment"} and rest:
            following = rest.pop(0)
            if word == "confirm":
                confirm_s = seconds_of(following)
            else:
                comment = following
        elif word in {"force", "replace"}:
            said.add(word)
        else:
            raise Refused(f"write: commit {_COMMIT_USAGE}")
    if form:
        tell_plan(session, planned(session), form)
        return True
    return commit(
        session,
        force="force" in said,
        replace="replace" in said,
        how="configure commit",
        confirm_s=confirm_s,
        comment=comment,
    )


def verify_words(session: Session, _words: list[str]) -> bool:
    """Check the whole configuration."""
    from hacluster.base.errors import HaError  # noqa: PLC0415
    from hacluster.cib.checks import check_configuration  # noqa: PLC0415

    sound = verify(session, everything=True)
    if sound:
        try:
            reports = check_configuration(session.work.whole(), "")
        except HaError:
            return False
        for report in reports:
            if report.severity <= Severity.ERROR and not report.own and report.code not in {"no-device"}:
                session.voice.error(report.text + (f" ({report.hint})" if report.hint else ""))
                sound = False
    return sound


def refresh(session: Session, _words: list[str]) -> None:
    """Forget changes that were not committed."""
    asks = session.editing and session.switches.interactive
    if asks and not session.ask("All changes will be dropped. Do you want to proceed?"):
        return
    session.renew()


def diff(session: Session, _words: list[str]) -> None:
    """Show what was changed and not committed."""
    import difflib  # noqa: PLC0415  only this compares texts

    before = Configuration(session.work.whole_before(), providers_of)
    after = session.work.view()
    lines = difflib.unified_diff(
        before.show(secrets=SECRETS).splitlines(), after.show(secrets=SECRETS).splitlines(),
        session.place, "with what was changed", lineterm="",
    )  # fmt: skip
    text = "\n".join(lines)
    if text:
        session.voice.out(text)


def leave(session: Session, in_passing: bool) -> bool:
    """Commit what was changed, after asking where somebody can be asked."""
    if not session.editing:
        session.renew()
        return True
    asks = session.switches.interactive and not in_passing
    if asks and not session.ask("There are changes pending. Do you want to commit them?"):
        session.renew()
        return True
    done = commit(session, how="configure")
    session.renew()
    return done


def _test(session: Session, _words: list[str]) -> bool:
    """Whether the structure is whole: each member in one container, each id once."""
    members: set[str] = set()
    for element in session.work.root.iter(*(tag for tag in BY_TAG if BY_TAG[tag].section == "resources")):
        id_ = str(element.get("id"))
        if id_ in members:
            session.voice.error(f"{id_} is there twice")
            return False
        members.add(id_)
    return True


def _nothing(_session: Session, _words: list[str]) -> None:
    """Taken for crmsh's own tests."""


_SHOW_HELP = """Without words everything is shown, as commands that load back to the same configuration.

  xml               show XML instead
  ID                an object; * and ? stand for what is any (d*)
  changed           what was changed and not committed
  type:KIND         all primitives, groups, clones, locations, …
  tag:ID            what a tag marks
  related:ID        an object with the constraints, groups and tags about it; an agent: all its resources
  obscure:PATTERN   hide the values of parameters of that name (passw* when nothing is said)

Words are alternatives; "and" between two keeps what both name: show type:primitive and tag:web"""
_LOAD_HELP = """  replace   the text is all there is afterwards (nodes stay when it names none)
  update    objects of the text are made, or merged into those that exist
  push      objects that exist are replaced by those of the text, the others go

FILE may be a URL, or - for standard input. All faults of the text are told with their lines, and then nothing is
loaded. --plan shows what committing it would lead to, and drops it."""
_COMMIT_USAGE = "[force] [replace] [confirm TIME] [comment TEXT] [--plan[=json]]"
_COMMIT_HELP = """What was changed is checked first: against the schema, the agents' meta-data, and for what would stop
everything that runs. Faults keep it from being committed unless "force" is said.

If somebody else changed the configuration meanwhile, both changes are put together where they are about different
objects; where not, nothing is written and the clash is named. "replace" overwrites what others did.

"confirm 5m": the cluster takes it back after five minutes unless "configure confirm" is said before, whatever becomes
of this shell and this node. Until then nobody changes the same objects. Another such commit on top prolongs the time,
and both go back to what was before the first. "comment" is kept in the history of commits.

--plan commits nothing and says what would be started, stopped, moved (exit status 2 when something changes);
--plan=json as JSON."""

LEVEL = Level(
    "configure",
    "the configuration: nodes, resources, constraints, options",
    "Changes are made to a copy and count when they are committed, all at once.",
    (
        *OBJECT_VERBS,
        Verb("show", show, "[xml] [ID… | changed | type:T | tag:T | related:X | obscure:PATTERN]", "show objects",
             _SHOW_HELP, completes=("show",), repeats=True),
        Verb("edit", change.edit, "[xml] [ID…]", "change objects in an editor",
             "The editor is that of the options, else $EDITOR. What is wrong can be edited again.",
             completes=("xml_or_object", "object"), repeats=True),
        Verb("filter", change.filter_words, "PROGRAM [xml] [ID…]", "let a program change objects",
             "The commands for the objects are given to PROGRAM (a line for the shell), and what it writes is taken for"
             " them:\n\n  filter \"sed 's/10.0.0.1/10.0.0.2/'\" vip", least=1,
             completes=("none", "xml_or_object", "object"), repeats=True),
        Verb("set", change.set_value, "ID.[OPERATION.[INTERVAL.]]NAME VALUE", "set one value",
             "  set vip.ip 10.0.0.2\n  set vip.monitor.timeout 30s\n  set vip.monitor.10s.timeout 30s", least=2, most=2,
             completes=("object",)),
        Verb("modgroup", change.modgroup, "GROUP add RSC [after RSC | before RSC] | GROUP remove RSC",
             "put a resource into a group, or take it out", least=3, most=5,
             completes=("group", "add_remove", "resource", "after_before", "resource")),
        Verb("monitor", change.monitor, "RSC[:ROLE] INTERVAL[:TIMEOUT]", "add a monitor operation", least=2, most=2,
             completes=("resource",)),
        Verb("delete", change.delete, "[--force] ID…", "remove objects",
             "Constraints and tags that would have nothing left to say go with them; members of a container stay. A"
             " resource that runs is not removed, unless --force is given: then it is stopped first.", least=1,
             old=("rm",), completes=("object",), repeats=True),
        Verb("rename", change.rename, "OLD NEW", "give an object another id",
             "What names it follows. A resource that runs is not renamed: it would be another one.", least=2, most=2,
             completes=("object", "none")),
        Verb("erase", change.erase, "[nodes]", "remove everything but nodes, or the nodes", most=1,
             completes=("nodes_word",)),
        Verb("load", load, "[xml] {replace|update|push} FILE [--plan[=json]]", "load a text", _LOAD_HELP, least=2,
             completes=("method", "file")),
        Verb("save", save, "[xml] [ID…] FILE", "write objects to a file",
             "FILE - is standard output. Secrets are written as they are.", least=1,
             completes=("xml_or_object", "object"), repeats=True),
        Verb("commit", commit_words, _COMMIT_USAGE, "commit what was changed", _COMMIT_HELP, most=7,
             completes=("commit_word",), repeats=True, waits=True),
        Verb("confirm", confirming.confirm, "", "keep a commit that is to be confirmed", most=0),
        Verb("revert", confirming.revert, "", "take a commit that is to be confirmed back at once", most=0),
        Verb("unconfirmed", confirming.unconfirmed, "", "show the commit that is to be confirmed",
             "The exit status is 2 when there is one.", most=0),
        Verb("diff", diff, "", "show what was changed and not committed", most=0),
        Verb("verify", verify_words, "", "check the configuration",
             "Against the schema, references, and the meta-data of agents.", most=0),
        Verb("validate-all", more.validate_all, "RSC", "let the agent check the parameters of a resource", least=1,
             most=1, old=("validate_all",), completes=("primitive",)),
        Verb("refresh", refresh, "", "forget what was changed and not committed", most=0),
        Verb("upgrade", more.upgrade, "[force]", "bring the configuration to the newest schema", most=1,
             completes=("force_word",)),
        Verb("schema", more.schema, "[SCHEMA]", "show or change the schema", most=1, completes=("schema",)),
        Verb("ptest", more.ptest, "[nograph] [v…] [scores] [utilization] [actions]",
             "what the cluster would do after a commit", old=("simulate",), completes=("ptest_word",), repeats=True),
        Verb("graph", more.graph, "[dot [FILE [FORMAT]]]", "draw the constraints",
             "Without FILE the graph's text is shown. FORMAT is one of graphviz (png, svg, …); svg needs no graphviz.",
             most=3, completes=("graph_type", "file", "image_format")),
        Verb("get_property", more.get_property, "[-t|--true] [NAME…]", "show values of cluster options, with defaults",
             old=("get-property",), completes=("property_name",), repeats=True),
        Verb("default-timeouts", more.default_timeouts, "ID…", "set the timeouts that the agents advise", least=1,
             old=("default_timeouts",), completes=("primitive",), repeats=True),
        Verb("rsctest", more.rsctest, "RSC… [NODE…]", "try resources past the cluster (not there yet)", least=1,
             completes=("primitive",), repeats=True),
        *(Verb(name, _nothing, opens=name) for name in ("ra", "cib", "cibstatus", "template", "history")),
        Verb("_test", _test, shown=False),
        Verb("_regtest", _nothing, shown=False),
        Verb("_objects", more.objects, shown=False),
        Verb("_keywords", _nothing, shown=False),
    ),
    leave,
)  # fmt: skip
