"""The level ``resource``: start, stop, move, parameters, failures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hacluster.crmsh.attributes import resources_of, set_meta
from hacluster.crmsh.committing import commit, planned, tell_plan
from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.levels.managed import manage
from hacluster.crmsh.levels.tracing import trace, untrace
from hacluster.crmsh.session import name_of
from hacluster.crmsh.toolbox import quoted
from hacluster.crmsh.waiting import settled

if TYPE_CHECKING:
    from hacluster.crmsh.level import Handler
    from hacluster.crmsh.session import Session

LIFETIMES: Final = frozenset({"forever", "reboot"})
_ISO: Final = re.compile(r"P(\d+[YMWD])*(T(\d+[HMS])+)?|\d{4}-\d\d-\d\d.*|\d{4}\d\d\d\d.*|-?\d+[A-Z]+")
_PARAM: Final = {
    "set": "crm_resource --resource {0} --set-parameter {1} --parameter-value {2}",
    "delete": "crm_resource --resource {0} --delete-parameter {1}",
    "show": "crm_resource --resource {0} --get-parameter {1}",
}
_META: Final = {word: line.replace("crm_resource", "crm_resource --meta") for word, line in _PARAM.items()}
_UTILIZATION: Final = {
    word: line.replace("crm_resource", "crm_resource --utilization") for word, line in _PARAM.items()
}
_SECRET: Final = {
    "set": "cibsecret set {0} {1} {2}",
    "stash": "cibsecret stash {0} {1}",
    "unstash": "cibsecret unstash {0} {1}",
    "delete": "cibsecret delete {0} {1}",
    "show": "cibsecret get {0} {1}",
    "check": "cibsecret check {0} {1}",
}


def plan_word(words: list[str]) -> tuple[str, list[str]]:
    """Whether a plan is asked for, and in which form; and the other words."""
    form = ""
    rest = []
    for word in words:
        if word in {"--plan", "--plan=text", "--plan=json"}:
            form = "json" if word.endswith("json") else "text"
        else:
            rest.append(word)
    return form, rest


def commit_metas(session: Session, names: list[str], attribute: str, value: str, form: str = "") -> bool:
    """Set a meta-attribute of several resources and commit, unless the configuration is being edited."""
    for name in names:
        name_of(name)
    editing = session.editing
    if editing:
        session.voice.info("Currently editing the CIB, changes will not be committed")
    missing = [name for name in names if not resources_of(session, name)]
    for name in missing:
        session.voice.error(f"Resource not found: {name}")
    if missing:
        return False
    for name in names:
        set_meta(session, name, attribute, value)
    if editing:
        return True
    try:
        form = form or session.switches.plan
        if form:
            tell_plan(session, planned(session), form)
            return True
        if not session.work.changed:
            return True
        return commit(session, check=False, how=f"resource {attribute} {value} {' '.join(names)}")
    finally:
        session.renew()


def _role(value: str) -> Handler:
    def run(session: Session, words: list[str]) -> bool:
        form, names = plan_word(words)
        if not names:
            raise Refused("Expected at least one resource as argument")
        return commit_metas(session, names, "target-role", value, form)

    return run


def _flag(attribute: str, value: str) -> Handler:
    def run(session: Session, words: list[str]) -> bool:
        form, names = plan_word(words)
        return commit_metas(session, names[:1], attribute, value, form)

    return run


def status(session: Session, words: list[str]) -> bool:
    """Where resources run."""
    if not words:
        return session.tool("crm_resource --list") == 0
    done = True
    for word in words:
        done = session.tool(f"crm_resource --locate --resource {quoted(name_of(word))}") == 0 and done
    return done


def locate(session: Session, words: list[str]) -> None:
    """Where resources run."""
    for word in words:
        session.tool(f"crm_resource --resource {quoted(name_of(word))} --locate")


def restart(session: Session, words: list[str]) -> bool:
    """Stop resources and start them again."""
    form, names = plan_word(words)
    if not names:
        raise Refused("Expected at least one resource as argument")
    if form:
        return commit_metas(session, names, "target-role", "Stopped", form)
    session.voice.info(f"ordering {', '.join(names)} to stop")
    if not commit_metas(session, names, "target-role", "Stopped") or not settled(session):
        return False
    session.voice.info(f"ordering {', '.join(names)} to start")
    return commit_metas(session, names, "target-role", "Started")


def _promotion(new: str, old: str) -> Handler:
    def run(session: Session, words: list[str]) -> bool:
        rsc = name_of(words[0])
        element = session.work.find(rsc, node=False)
        found = [] if element is None else [element, *element.iterancestors("clone", "master")]
        promotable = any(
            one.tag == "master"
            or any(
                p.get("name") == "promotable" and p.get("value") == "true"
                for p in one.iterfind("meta_attributes/nvpair")
            )
            for one in found
        )
        if not promotable:
            session.voice.error(f"{rsc} is not a promotable resource")
            return False
        from hacluster.crmsh.kinds import schema_number  # noqa: PLC0415

        role = new if schema_number(session.work.schema) >= (3, 7) else old
        line = (
            f"crm_resource --meta --resource {quoted(rsc)} --set-parameter target-role --parameter-value {quoted(role)}"
        )
        return _changed(session, line)

    return run


def _changed(session: Session, line: str) -> bool:
    """A tool that changes the CIB; the copy is taken anew. Where plans are asked for it is tried on a copy."""
    if session.switches.plan:
        return _plan_tool(session, line, session.switches.plan)
    done = session.tool(line) == 0
    session.renew()
    return done


def _scores(session: Session, _words: list[str]) -> bool:
    from hacluster.crmsh.levels.configure_more import preview  # noqa: PLC0415  schedules a cluster

    session.outside("crm_simulate -sUL")
    return preview(session, session.read(), ["scores", "utilization"], pretend=False)


def _moves(action: str) -> Handler:
    def run(session: Session, words: list[str]) -> bool:
        return move_or_ban(session, action, words)

    return run


def move_or_ban(session: Session, action: str, words: list[str]) -> bool:
    """Make the constraint that moves a resource, or keeps it off a node."""
    form, words = plan_word(words)
    rsc, *rest = words
    name_of(rsc)
    forced = "force" in rest or "--force" in rest or session.force
    rest = [word for word in rest if word not in {"force", "--force"}]
    if len(rest) > 2:
        raise Refused(f"usage: {action} <rsc> [<node>] [<lifetime>] [force]")
    nodes = session.nodes()
    node = lifetime = ""
    if rest and rest[0] in nodes:
        node = rest[0]
    elif len(rest) == 2:
        raise Refused(f"Not our node: {rest[0]}")
    if rest and (len(rest) == 2 or not node):
        lifetime = rest[-1]
        if lifetime not in LIFETIMES and not _ISO.fullmatch(lifetime):
            raise Refused(f"{lifetime} is neither a node ({', '.join(nodes)}) nor a duration (PT1H)")
    if action == "move" and not node and not forced:
        raise Refused("No target node: Move requires either a target node or 'force'")
    line = f"crm_resource {'--quiet --move' if action == 'move' else '--ban'} --resource {quoted(rsc)}"
    line += f" --node {quoted(node)}" if node else ""
    line += f" --lifetime {quoted(lifetime)}" if lifetime and lifetime != "forever" else ""
    line += " --force" if forced else ""
    form = form or session.switches.plan
    if form:
        return _plan_tool(session, line, form)
    if not _changed(session, line):
        return False
    to = f" to {node}" if node else ""
    session.voice.info(f"{action.capitalize()} constraint created for {rsc}{to}")
    session.voice.info(f"Use `crm resource clear {rsc}` to remove this constraint")
    return True


def _plan_tool(session: Session, line: str, form: str) -> bool:
    """What a tool's change would lead to: it is made on a copy of the CIB."""
    from hacluster.crmsh.trial import on_copy  # noqa: PLC0415  seldom

    found = on_copy(session, line)
    if found is None:
        return False
    tell_plan(session, found, form)
    return True


def clear(session: Session, words: list[str]) -> bool:
    """Remove what move and ban made."""
    form, names = plan_word(words)
    rsc = name_of(names[0])
    line = f"crm_resource --quiet --clear --resource {quoted(rsc)}"
    form = form or session.switches.plan
    if form:
        return _plan_tool(session, line, form)
    if not _changed(session, line):
        return False
    session.voice.info(f"Removed migration constraints for {rsc}")
    return True


def _history(action: str) -> Handler:
    def run(session: Session, words: list[str]) -> bool:
        form, words = plan_word(words)
        forced = "force" in words
        names = [name_of(word) for word in words if word != "force"]
        line = f"crm_resource --{action}"
        line += f" --resource {names[0]}" if names else ""
        line += f" --node {names[1]}" if len(names) > 1 else ""
        line += " --force" if forced else ""
        form = form or session.switches.plan
        if not form:
            return _changed(session, line)
        from hacluster.crmsh.trial import forgotten  # noqa: PLC0415  seldom

        rsc, node = (*names, "", "")[:2]
        tell_plan(session, forgotten(session, rsc, node, failed_only=action == "cleanup"), form)
        return True

    return run


def operations(session: Session, words: list[str]) -> bool:
    """The operations that are on record."""
    line = "crm_resource -O"
    line += f" -r {quoted(name_of(words[0]))}" if words else ""
    line += f" -N {quoted(name_of(words[1]))}" if len(words) > 1 else ""
    return session.tool(line) == 0


def constraints(session: Session, words: list[str]) -> bool:
    """The constraints about a resource."""
    return session.tool(f"crm_resource -a -r {quoted(name_of(words[0]))}") == 0


def failcount(session: Session, words: list[str]) -> bool:
    """Show, set or delete the count of failures on a node."""
    rsc, command, node, *rest = words
    if command not in {"set", "delete", "show"}:
        raise Refused(f"{command} is not valid command(should be one of ['set', 'delete', 'show'])")
    root = session.read()
    if not any(one.get("id") == rsc for one in root.iterfind("configuration/resources//*")):
        session.voice.warning(f"Resource {rsc} not exists in this cluster")
        return True
    if node not in session.nodes():
        raise Refused(f"Node {node} not in this cluster")
    if command != "set":
        return _changed(session, f"crm_failcount {'-D' if command == 'delete' else '-G'} -r {rsc} -N {node}")
    if not rest or not re.fullmatch(r"\d+|INFINITY", rest[0]):
        raise Refused("write: failcount RSC set NODE VALUE [OPERATION [INTERVAL]]")
    value, *which = rest
    found: list[tuple[str, str]] = []
    for state in root.iterfind("status/node_state"):
        if state.get("uname") == node or state.get("id") == node:
            for pair in state.iter("nvpair"):
                match = re.fullmatch(rf"fail-count-{re.escape(rsc)}#(.*)_(\d+)", str(pair.get("name")))
                if match:
                    found.append((match[1], match[2]))
    wanted = [one for one in found if not which or one[0] == which[0]]
    if len(which) > 1:
        wanted = [one for one in wanted if one[1] == f"{which[1]}000"]
    if not found:
        return value == "0"
    if not wanted or (len(wanted) > 1 and value != "0"):
        names = ", ".join(f"{name} {int(interval) // 1000}" for name, interval in found)
        raise Refused(f"Should specify operation and interval between: {names}")
    done = True
    for name, interval in wanted:
        attribute = quoted(f"fail-count-{rsc}#{name}_{interval}")
        done = (
            _changed(session, f"crm_attribute -t status -n {attribute} -N {quoted(node)} -v {quoted(value)}") and done
        )
    return done


def _maintenance(session: Session, words: list[str]) -> bool:
    form, words = plan_word(words)
    word = (words[1] if len(words) > 1 else "true").lower()
    if word not in {"on", "true", "off", "false"}:
        raise Refused("Expected <resource> [on|off|true|false]")
    return commit_metas(session, words[:1], "maintenance", "true" if word in {"on", "true"} else "false", form)


_RSCS = ("resource",)
_ATTRIBUTE = ("resource", "attribute_command", "none")

LEVEL = Level(
    "resource",
    "resources: start, stop, move, parameters, failures",
    "What changes the configuration is committed at once; --plan behind a verb says what it would lead to instead.",
    (
        Verb("status", status, "[RSC…]", "where resources run", old=("show", "list"), completes=_RSCS, repeats=True),
        Verb("start", _role("Started"), "RSC… [--plan[=json]]", "let resources run",
             "Sets target-role, on the container"
             " of a cloned or bundled resource.", completes=("stopped",), repeats=True, waits=True),
        Verb("stop", _role("Stopped"), "RSC… [--plan[=json]]", "stop resources", completes=("started",), repeats=True,
             waits=True),
        Verb("restart", restart, "RSC… [--plan[=json]]", "stop resources and start them again", completes=_RSCS,
             repeats=True, waits=True),
        Verb("promote", _promotion("Promoted", "Master"), "RSC", "let a promotable resource be promoted", least=1,
             most=1, completes=_RSCS, waits=True),
        Verb("demote", _promotion("Unpromoted", "Slave"), "RSC", "keep a promotable resource from being promoted",
             least=1, most=1, completes=_RSCS, waits=True),
        Verb("manage", _flag("is-managed", "true"), "RSC [--plan[=json]]", "let the cluster manage a resource", least=1,
             most=2, completes=_RSCS),
        Verb("unmanage", _flag("is-managed", "false"), "RSC [--plan[=json]]",
             "keep the cluster from touching a resource",
             least=1, most=2, completes=_RSCS),
        Verb("maintenance", _maintenance, "RSC [on|off] [--plan[=json]]", "put a resource into maintenance, or out",
             "Unlike unmanage it also ends the monitoring.", least=1, most=3, completes=("resource", "on_off"),
             waits=True),
        Verb("move", _moves("move"), "RSC [NODE] [LIFETIME] [force] [--plan[=json]]", "move a resource to a node",
             "Makes a location constraint cli-prefer-RSC, which stays until clear or its lifetime (PT1H) ends it."
             " Without"
             " NODE, and with force, the resource is banned from where it runs.", least=1, most=5, old=("migrate",),
             completes=("resource", "node"), waits=True),
        Verb("ban", _moves("ban"), "RSC [NODE] [LIFETIME] [force] [--plan[=json]]", "keep a resource off a node",
             least=1,
             most=5, completes=("resource", "node"), waits=True),
        Verb("clear", clear, "RSC [--plan[=json]]", "remove what move and ban made", least=1, most=2,
             old=("unmove", "unban", "unmigrate"), completes=_RSCS, waits=True),
        Verb("cleanup", _history("cleanup"), "[RSC] [NODE] [force]", "forget failures", most=4,
             completes=("resource", "node"), waits=True),
        Verb("refresh", _history("refresh"), "[RSC] [NODE] [force]",
             "forget all results, so that states are checked anew",
             most=4, old=("reprobe",), completes=("resource", "node")),
        Verb("operations", operations, "[RSC] [NODE]", "the operations on record", most=2,
             completes=("resource", "node"), waits=True),
        Verb("constraints", constraints, "RSC", "the constraints about a resource", least=1, most=1, completes=_RSCS),
        Verb("locate", locate, "RSC…", "where resources run", least=1, completes=_RSCS, repeats=True),
        Verb("scores", _scores, "", "the scores of all resources on all nodes", most=0),
        Verb("failcount", failcount, "RSC set NODE VALUE [OPERATION [INTERVAL]] | RSC delete NODE | RSC show NODE",
             "failures on a node", least=3, most=6, completes=("resource", "attribute_command", "node"), waits=True),
        Verb("param", manage("param", _PARAM), "RSC set NAME VALUE | RSC delete NAME | RSC show NAME",
             "parameters of a resource", least=3, most=4, completes=_ATTRIBUTE, waits=True),
        Verb("meta", manage("meta", _META), "RSC set NAME VALUE | RSC delete NAME | RSC show NAME",
             "meta-attributes of a resource", least=3, most=4, completes=_ATTRIBUTE, waits=True),
        Verb("utilization", manage("utilization", _UTILIZATION), "RSC set NAME VALUE | RSC delete NAME | RSC show NAME",
             "what a resource takes of a node", least=3, most=4, completes=_ATTRIBUTE, waits=True),
        Verb("secret", manage("secret", _SECRET),
             "RSC {set NAME VALUE|stash NAME|unstash NAME|delete NAME|show NAME|check NAME}",
             "parameters that are not in the CIB", least=3, most=4, completes=("resource", "secret_command", "none")),
        Verb("trace", trace, "RSC [OPERATION] [INTERVAL] [FOLDER]", "record what an agent does", least=1, most=5,
             completes=("primitive", "operation")),
        Verb("untrace", untrace, "RSC [OPERATION] [INTERVAL]", "end the recording", least=1, most=3,
             completes=("primitive", "operation")),
    ),
)  # fmt: skip
