"""The level ``ra``: resource agents that are installed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hacluster.client import agents
from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.levels.configure_more import validate_agent

if TYPE_CHECKING:
    from hacluster.crmsh.metadata import Agent, Parameter
    from hacluster.crmsh.session import Session

_DAEMONS = ("crmd", "pengine", "stonithd", "cib", "pacemaker-controld", "pacemaker-schedulerd", "pacemaker-fenced",
            "pacemaker-based")  # fmt: skip


def classes(session: Session, _words: list[str]) -> None:
    """The classes of agents, with the providers."""
    for one in agents.STANDARDS:
        if one == "ocf":
            session.voice.out(f"ocf / {' '.join(agents.list_providers())}")
        elif agents.list_agents(one):
            session.voice.out(one)


def providers(session: Session, words: list[str]) -> None:
    """Who provides an agent."""
    if len(words) > 1 and words[1] != "ocf":
        raise Refused(f"no providers for class {words[1]}")
    session.outside(f"crm_resource --list-ocf-alternatives {words[0]}")
    session.voice.out(" ".join(agents.providers_of(words[0])))


def list_agents(session: Session, words: list[str]) -> None:
    """The agents of a class."""
    class_, *provider = words
    if class_ not in agents.STANDARDS:
        raise Refused(f"class {class_} does not exist")
    found = agents.list_agents(class_, provider[0] if provider else None)
    if found is None:
        raise Refused(f"there is no provider {provider[0]} for class {class_}")
    for one in found:
        session.voice.out(one)


def parts_of(word: str) -> tuple[str, str | None, str]:
    """Class, provider and type of an agent as it is named."""
    parts = word.split(":")
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    if len(parts) == 2:
        if parts[0] == "ocf":
            return "ocf", _provider(parts[1]), parts[1]
        return parts[0], None, parts[1]
    return "ocf", _provider(word), word


def _provider(type_: str) -> str:
    known = agents.providers_of(type_)
    return "heartbeat" if not known or "heartbeat" in known else "pacemaker" if "pacemaker" in known else known[0]


def info(session: Session, words: list[str]) -> None:
    """What an agent says of itself."""
    if words[0] in _DAEMONS:
        _options(session)
        return
    class_, provider, type_ = parts_of(words[0]) if len(words) == 1 else (
        words[1], words[2] if len(words) > 2 else "heartbeat", words[0]
    )  # fmt: skip
    agent = session.agents.get(class_, provider if class_ == "ocf" else None, type_)
    if agent is None:
        raise Refused(f"{':'.join(one for one in (class_, provider, type_) if one)}: no such resource agent")
    name = ":".join(one for one in (class_, provider if class_ == "ocf" else None, type_) if one)
    for line in agent_lines(agent, name):
        session.voice.out(line)


def _options(session: Session) -> None:
    from hacluster.cib.options import OPTIONS  # noqa: PLC0415

    session.voice.out("Cluster options:\n")
    for option in OPTIONS.values():
        default = f", [{option.default}]" if option.default else ""
        session.voice.out(f"{option.name} ({option.expected}{default})")


def agent_lines(agent: Agent, name: str) -> list[str]:
    """What an agent says of itself, as text."""
    lines = [f"{agent.short or agent.name} ({name})", ""]
    if agent.long:
        lines += [agent.long, ""]
    needed = [one for one in agent.parameters.values() if one.required]
    rest = [one for one in agent.parameters.values() if not one.required]
    if agent.parameters:
        lines += ["Parameters (*: required, []: default):", ""]
    for one in [*needed, *rest]:
        lines += [*parameter_lines(one), ""]
    shown = [one for one in agent.actions if one.name not in {"meta-data", "validate-all"}]
    if shown:
        lines += ["Operations' defaults (advisory minimum):", ""]
    for action in shown:
        known = ("timeout", "interval", "role", "depth", "start-delay")
        said = " ".join(f"{key}={value}" for key, value in action.attributes.items() if key in known)
        lines.append(f"    {action.name:<13} {said}".rstrip())
    return lines


def parameter_lines(one: Parameter) -> list[str]:
    """A parameter with its kind, default and help."""
    kind = one.kind if not one.options else f"{one.kind}: {'|'.join(one.options)}"
    default = f", [{one.default}]" if one.default else ""
    lines = [f"{one.name}{'*' if one.required else ''} ({kind}{default}): {one.short}".rstrip()]
    if one.long and one.long != one.short:
        lines += [f"    {line}" for line in one.long.splitlines() if line]
    return lines


def validate(session: Session, words: list[str]) -> bool:
    """Let an agent check parameters."""
    name, *pairs = words
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise Refused(f"{wrong[0]} is no NAME=VALUE")
    class_, provider, type_ = parts_of(name)
    return validate_agent(session, class_, provider, type_, dict(pair.split("=", 1) for pair in pairs))


LEVEL = Level(
    "ra",
    "resource agents that are installed here",
    "",
    (
        Verb("classes", classes, "", "the classes of agents, with the providers of ocf", most=0),
        Verb("list", list_agents, "CLASS [PROVIDER]", "the agents of a class", least=1, most=2,
             completes=("agent_class", "provider")),
        Verb("info", info, "[CLASS:[PROVIDER:]]TYPE", "what an agent says of itself", least=1, most=3, old=("meta",),
             completes=("agent",)),
        Verb("providers", providers, "TYPE [CLASS]", "who provides an agent", least=1, most=2,
             completes=("agent_type",)),
        Verb("validate", validate, "[CLASS:[PROVIDER:]]TYPE [NAME=VALUE]…", "let an agent check parameters", least=1,
             completes=("agent", "none")),
    ),
)  # fmt: skip
