"""What may come next on a line: levels, verbs, ids, nodes, agents, parameters with their help, files.

Each verb's table says which kind of word stands at each place; a kind is a function of what there is in the CIB, on
this host, and on the line so far.
"""

from __future__ import annotations

import contextlib
import glob
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hacluster.base.errors import HaError
from hacluster.cib.metas import OPERATION, RESOURCE
from hacluster.client import agents as installed
from hacluster.crmsh.kinds import BY_TAG, KINDS
from hacluster.crmsh.level import Level, Refused, Verb, choose
from hacluster.crmsh.levels import find_level
from hacluster.crmsh.levels.root import ROOT

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.metadata import Agent
    from hacluster.crmsh.session import Session

ANYWHERE: Final = ("up", "cd", "ls", "help", "quit")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that may come next, and one line of what it is."""

    word: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word is completed. ``before``: the arguments in front of it; ``begun``: what there is of it."""

    session: Session
    verb: Verb
    before: Sequence[str]
    begun: str


def candidates(session: Session, path: Sequence[Level], line: str) -> list[Candidate]:
    """What may come next on ``line``, said at the level that ``path`` leads to."""
    words = line.split()
    begun = "" if not words or line[-1:].isspace() else words.pop()
    level = path[-1] if path else ROOT
    while words:
        verb: Verb | None = choose({**level.names()}, words[0])
        if verb is None:
            return []
        words.pop(0)
        if not verb.opens:
            return _matching(_arguments(Place(session, verb, words, begun)), begun)
        level = find_level(verb.opens)
    found = [Candidate(verb.name, verb.summary) for verb in level.verbs if verb.shown]
    return _matching([*found, *(Candidate(word) for word in ANYWHERE)], begun)


def _matching(found: Iterable[Candidate], begun: str) -> list[Candidate]:
    return list({one.word: one for one in found if one.word.startswith(begun)}.values())


def _arguments(place: Place) -> Iterable[Candidate]:
    kinds = place.verb.completes
    at = len(place.before)
    if not kinds or (at >= len(kinds) and not place.verb.repeats):
        return []
    kind = kinds[min(at, len(kinds) - 1)]
    if kind.startswith("words:"):
        return [Candidate(word) for word in kind.removeprefix("words:").split()]
    words = WORDS.get(kind)
    if words is not None:
        return [Candidate(word) for word in words]
    finder = FINDERS.get(kind)
    try:
        return finder(place) if finder is not None else []
    except (HaError, OSError):
        return []


WORDS: Final[dict[str, tuple[str, ...]]] = {
    "add_remove": ("add", "remove"),
    "after_before": ("after", "before"),
    "alert_word": ("attributes", "meta", "select", "to"),
    "attribute_command": ("set", "delete", "show"),
    "bundle_word": ("network", "port-mapping", "storage", "storage-mapping", "primitive", "meta"),
    "commit_word": ("force", "replace", "confirm", "comment", "--plan", "--plan=json"),
    "container_type": ("docker", "podman", "rkt"),
    "force_action": ("start", "stop", "monitor", "promote", "demote", "validate-all"),
    "force_word": ("force",),
    "graph_type": ("dot",),
    "image_format": ("dot", "png", "svg", "pdf"),
    "lifetime": ("forever", "reboot"),
    "method": ("replace", "update", "push", "xml"),
    "node_state": ("online", "offline", "unclean"),
    "node_word": ("attributes", "utilization"),
    "nodes_word": ("nodes",),
    "on_off": ("on", "off"),
    "on_word": ("on",),
    "operation": ("start", "stop", "monitor", "promote", "demote", "notify", "migrate_to", "migrate_from"),
    "order_kind": ("Mandatory:", "Optional:", "Serialize:"),
    "ptest_word": ("nograph", "scores", "utilization", "actions"),
    "right": ("read", "write", "deny"),
    "score": ("inf:", "-inf:", "100:"),
    "secret_command": ("set", "stash", "unstash", "delete", "show", "check"),
    "shadow_word": ("withstatus", "force", "empty"),
    "status_word": ("bynode", "inactive", "ops", "timing", "failcounts", "tickets", "brief", "detail", "full", "xml",
                    "json", "simple"),
    "ticket_command": ("grant", "revoke", "standby", "activate", "show", "time", "delete"),
    "lvs_word": ("json", "stats", "rate"),
    "ticket_state": ("grant", "revoke", "activate", "standby"),
    "withstatus": ("withstatus",),
}  # fmt: skip
"""Kinds that are a few words."""


def _root(place: Place) -> XML:
    return place.session.glimpse()


def _summary(element: XML) -> str:
    kind = BY_TAG.get(str(element.tag))
    type_ = element.get("type") if element.tag in {"primitive", "template"} else None
    return (kind.word if kind else str(element.tag)) + (f" {type_}" if type_ else "")


def _elements(place: Place, *tags: str) -> list[Candidate]:
    return [Candidate(str(one.get("id")), _summary(one)) for one in _root(place).iter(*tags) if one.get("id")]


def _resources(place: Place) -> list[Candidate]:
    return _elements(place, "primitive", "group", "clone", "master", "bundle")


def _primitives(place: Place) -> list[Candidate]:
    return _elements(place, "primitive")


def _free(*tags: str) -> Callable[[Place], list[Candidate]]:
    def found(place: Place) -> list[Candidate]:
        top = _root(place).find("resources")
        inside = [] if top is None else [one for one in top if str(one.tag) in tags]
        ids = [Candidate(str(one.get("id")), _summary(one)) for one in inside]
        more = _container_words(place) if "meta" in place.before or len(place.before) > 1 else []
        return [*(one for one in ids if one.word not in place.before), *more]

    return found


def _container_words(place: Place) -> list[Candidate]:
    if "meta" in place.before:
        return [Candidate(f"{name}=", kind.expected) for name, kind in RESOURCE.items()]
    return [Candidate("meta"), Candidate("params")]


def _objects(place: Place) -> list[Candidate]:
    nodes = [Candidate(str(one.get("uname")), "node") for one in _root(place).iterfind("nodes/node")]
    tags = [kind.tag for kind in KINDS if kind.tag not in {"node", "fencing-topology", "rsc_defaults", "op_defaults"}]
    return [*nodes, *_elements(place, *tags)]


def _show(place: Place) -> list[Candidate]:
    words = [Candidate("changed", "what was not committed"), Candidate("xml"), Candidate("obscure:")]
    types = [Candidate(f"type:{kind.word}") for kind in KINDS]
    tags = [Candidate(f"tag:{one.word}") for one in _elements(place, "tag")]
    related = [Candidate(f"related:{one.word}") for one in _resources(place)] if place.begun.startswith("rel") else []
    return [*words, *types, *tags, *related, *_objects(place)]


def _xml_or_object(place: Place) -> list[Candidate]:
    return [Candidate("xml"), *_objects(place)]


def _nodes(place: Place) -> list[Candidate]:
    return [
        Candidate(str(one.get("uname") or one.get("id")), str(one.get("type") or "node"))
        for one in _root(place).iterfind("nodes/node")
    ]


def _node_colon(place: Place) -> list[Candidate]:
    return [*(Candidate(f"{one.word}:") for one in _nodes(place)), *_primitives(place)]


def _by_role(wanted: bool) -> Callable[[Place], list[Candidate]]:
    def found(place: Place) -> list[Candidate]:
        result = []
        for one in _root(place).iter("primitive", "group", "clone", "master", "bundle"):
            pairs = one.iterfind("meta_attributes/nvpair")
            role = next((p.get("value") for p in pairs if p.get("name") == "target-role"), None)
            if (role == "Stopped") is wanted or role is None:
                result.append(Candidate(str(one.get("id")), _summary(one)))
        return result

    return found


def _agents(place: Place) -> list[Candidate]:
    class_, colon, rest = place.begun.partition(":")
    if not colon:
        templates = [Candidate(f"@{one.word}", "template") for one in _elements(place, "template")]
        classes = [Candidate(f"{one}:", "class of agents") for one in installed.STANDARDS]
        return [*classes, *templates, *(Candidate(one, "ocf") for one in installed.list_agents("ocf") or [])]
    provider, colon, _ = rest.partition(":")
    if class_ == "ocf" and not colon:
        return [Candidate(f"ocf:{one}:", "provider") for one in installed.list_providers()]
    if class_ == "ocf":
        return [Candidate(f"ocf:{provider}:{one}") for one in installed.list_agents("ocf", provider) or []]
    return [Candidate(f"{class_}:{one}") for one in installed.list_agents(class_) or []]


def _agent_of(place: Place) -> Agent | None:
    from hacluster.crmsh.levels.ra import parts_of  # noqa: PLC0415  only parameters need it

    if len(place.before) < 2:
        return None
    word = place.before[1]
    if word.startswith("@"):
        template = place.session.work.find(word[1:], node=False)
        return place.session.agents.of(template)
    class_, provider, type_ = parts_of(word)
    return place.session.agents.get(class_, provider, type_)


def _scripts(_place: Place) -> list[Candidate]:
    from hacluster.crmsh.scripts import SCRIPTS  # noqa: PLC0415

    return [Candidate(one.name, one.short) for one in SCRIPTS]


def _script_parameters(place: Place) -> list[Candidate]:
    from hacluster.crmsh.scripts import script_of  # noqa: PLC0415

    try:
        parameters = script_of(place.before[0]).parameters
    except Refused:
        return []
    given = {word.partition("=")[0] for word in place.before}
    return [Candidate(f"{one.name}=", one.short) for one in parameters if one.name not in given]


def _primitive_words(place: Place) -> list[Candidate]:
    """Behind an agent: its parameters, meta-attributes, operations, whatever the last keyword is about."""
    keywords = [word for word in place.before if word in {"params", "meta", "op", "utilization"}]
    last = keywords[-1] if keywords else "params"
    given = {word.partition("=")[0] for word in place.before}
    starts = [Candidate("params"), Candidate("meta"), Candidate("op"), Candidate("utilization")]
    if last == "meta":
        return [*(Candidate(f"{n}=", k.expected) for n, k in RESOURCE.items() if n not in given), *starts]
    agent = _agent_of(place)
    if last == "op":
        if place.before[-1] == "op":
            names = [one.name for one in agent.actions] if agent is not None else list(WORDS["operation"])
            return [Candidate(name) for name in names if name not in {"meta-data", "validate-all"}]
        return [*(Candidate(f"{n}=", k.expected) for n, k in OPERATION.items()), *starts]
    if agent is None:
        return starts
    name, equals, _ = place.begun.partition("=")
    one = agent.parameters.get(name)
    if equals and one is not None:
        values = one.options or (("true", "false") if one.kind == "boolean" else (one.default or "",))
        return [Candidate(f"{name}={value}", one.short) for value in values]
    found = []
    for parameter in sorted(agent.parameters.values(), key=lambda p: (not p.required, p.name)):
        if parameter.name not in given:
            needed = "required; " if parameter.required else ""
            found.append(Candidate(f"{parameter.name}=", needed + (parameter.short or parameter.kind)))
    return [*found, *starts]


def _properties(_place: Place) -> list[Candidate]:
    from hacluster.cib.options import OPTIONS, PRESENT_NAMES  # noqa: PLC0415

    former = {new: old for old, new in PRESENT_NAMES.items()}
    return [Candidate(f"{former.get(name, name)}=", one.expected) for name, one in OPTIONS.items()]


def _property_names(place: Place) -> list[Candidate]:
    return [Candidate(one.word.rstrip("="), one.help) for one in _properties(place)]


def _files(place: Place) -> list[Candidate]:
    found = glob.glob(glob.escape(os.path.expanduser(place.begun)) + "*")
    return [Candidate(one + ("/" if os.path.isdir(one) else "")) for one in sorted(found)]


def _shadows(place: Place) -> list[Candidate]:
    from hacluster.crmsh.levels.cib import shadows  # noqa: PLC0415

    return [Candidate(one, "shadow CIB") for one in shadows(place.session)]


def _schemas(_place: Place) -> list[Candidate]:
    from hacluster.cib.grammar import VERSIONS  # noqa: PLC0415

    return [Candidate(f"pacemaker-{version}") for version in VERSIONS]


def _tickets(place: Place) -> list[Candidate]:
    named = {str(one.get("ticket")) for one in _root(place).iterfind("constraints/rsc_ticket")}
    return [Candidate(one, "ticket") for one in sorted(named)]


def _options(_place: Place) -> list[Candidate]:
    from hacluster.crmsh.preferences import PREFERENCES  # noqa: PLC0415

    return [Candidate(one.key, one.summary) for one in PREFERENCES.values()]


def _templates(_place: Place) -> list[Candidate]:
    from hacluster.crmsh.levels.template import templates  # noqa: PLC0415

    return [Candidate(one, "template") for one in templates()]


def _configs(place: Place) -> list[Candidate]:
    from hacluster.crmsh.levels.template import configs  # noqa: PLC0415

    return [Candidate(one, "config") for one in configs(place.session)]


FINDERS: Final[dict[str, Callable[[Place], Iterable[Candidate]]]] = {
    "agent": _agents,
    "agent_class": lambda _place: [Candidate(one) for one in installed.STANDARDS],
    "agent_type": lambda _place: [Candidate(one) for one in installed.list_agents("ocf") or []],
    "config": _configs,
    "container_word": _container_words,
    "file": _files,
    "script": _scripts,
    "script_parameter": _script_parameters,
    "free_primitive": _free("primitive"),
    "free_resource": _free("primitive", "group"),
    "group": lambda place: _elements(place, "group"),
    "meta_name": lambda _place: [Candidate(f"{name}=", kind.expected) for name, kind in RESOURCE.items()],
    "node": _nodes,
    "node_colon": _node_colon,
    "object": _objects,
    "op_name": lambda _place: [Candidate(f"{name}=", kind.expected) for name, kind in OPERATION.items()],
    "option": _options,
    "primitive": _primitives,
    "primitive_word": _primitive_words,
    "property": _properties,
    "property_name": _property_names,
    "provider": lambda _place: [Candidate(one) for one in installed.list_providers()],
    "resource": _resources,
    "role": lambda place: _elements(place, "acl_role"),
    "schema": _schemas,
    "shadow": _shadows,
    "shadow_or_live": lambda place: [*_shadows(place), Candidate("live", "the cluster")],
    "show": _show,
    "started": _by_role(wanted=False),
    "stopped": _by_role(wanted=True),
    "template": _templates,
    "ticket": _tickets,
    "xml_or_object": _xml_or_object,
}
"""Kinds that are looked up."""


def compgen(words: Sequence[str]) -> int:
    """``crm --compgen POINT LINE``, or ``crm --compgen KIND``: candidates for a shell's completion, one a line."""
    from hacluster.crmsh.session import Session, Switches  # noqa: PLC0415

    if len(words) == 1 and words[0] in FINDERS:
        place = Place(Session.begin(Switches(batch=True)), ROOT.verbs[0], (), "")
        with contextlib.suppress(HaError, OSError):
            sys.stdout.writelines(f"{one.word}\n" for one in FINDERS[words[0]](place))
        return 0
    line = words[1] if len(words) > 1 else ""
    point = int(words[0]) if words and words[0].isdecimal() else len(line)
    line = line[:point]
    _, _, rest = line.partition(" ")
    session = Session.begin(Switches(batch=True))
    begun = "" if not rest or rest[-1:].isspace() else rest.split()[-1]
    cut = begun.rfind(":") + 1  # what a shell takes for the end of a word
    for one in candidates(session, (), rest):
        sys.stdout.write(f"{one.word[cut:]}\n")
    return 0
