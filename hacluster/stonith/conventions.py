"""How an agent is called and what its answer means: the RHCS agents' convention, and that of cluster-glue's plugins.

RHCS (``fence_NAME``, and our own ``hacluster/NAME``): ``name=value`` lines on standard input; exit status 0 is done, of
``status`` 0 is on and 2 is off; ``list`` prints ``name,alias`` lines. cluster-glue (all other names): its ``stonith``
program with the parameters in the environment; it knows no state of a target, and calls a reboot *reset*. Secrets are
never among the arguments.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from hacluster.base.secrets import is_elsewhere, secret_file
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.stonith.parameters import AgentFacts, Parameters

GLUE_FACTS: Final = AgentFacts(frozenset({"reboot", "on", "off", "list", "monitor"}), "none")
"""Of every plugin of cluster-glue; it is given the target as an argument."""

_GLUE_ACTIONS: Final = frozenset({"reboot", "on", "off"})
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?")
_OFF: Final = 2
_MAX_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Places:
    """Where agents live on this host; directories absolute, without a final slash."""

    own: str = ""
    rhcs: str = "/usr/sbin"
    glue: str = "/usr/sbin/stonith"
    search_path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Call:
    """A program to run; fields as in ``Spawn``."""

    argv: tuple[str, ...]
    stdin: bytes
    env: tuple[tuple[str, str], ...]
    secrets: tuple[tuple[str, str], ...] = ()
    stdin_secrets: tuple[tuple[str, str], ...] = ()


def fault_of(agent: str) -> str:
    """Why an agent's name cannot be one; empty when it can."""
    good = _NAME.fullmatch(agent) and not any(set(part) == {"."} for part in agent.split("/"))
    return "" if good and not agent.startswith("-") else f"{agent!r} cannot be the name of a fence agent"


def is_glue(agent: str) -> bool:
    """Whether an agent is a plugin of cluster-glue."""
    return not agent.startswith(("fence_", "hacluster/"))


def _line(name: str, value: str) -> str:
    return f"{name}={' '.join(value.splitlines())}\n"


def _environment(places: Places) -> tuple[tuple[str, str], ...]:
    return ("PATH", places.search_path), ("LANG", "C"), ("LC_ALL", "C")


def call_of(agent: str, parameters: Parameters, facts: AgentFacts, action: str, *, target: str, places: Places) -> Call:
    """The call of an action; ``metadata`` needs no parameters, ``target`` is empty where there is none."""
    if is_glue(agent):
        return _glue_call(agent, parameters, facts, action, target=target, places=places)
    own = agent.startswith("hacluster/")
    program = f"{places.own}/{agent.partition('/')[2]}" if own else f"{places.rhcs}/{agent}"
    words = {"action": "metadata"} if action == "metadata" else parameters.for_agent(facts, action, target)
    kept = _kept(parameters.device, words)
    text = "".join(_line(name, value) for name, value in words.items() if name not in kept)
    return Call((program,), text.encode(), _environment(places), stdin_secrets=tuple(kept.items()))


def _kept(device: str, words: Mapping[str, str]) -> dict[str, str]:
    """The words whose values lie in files, and these."""
    return {name: secret_file(device, name) for name, value in words.items() if is_elsewhere(name, value)}


def _glue_call(
    agent: str, parameters: Parameters, facts: AgentFacts, action: str, *, target: str, places: Places
) -> Call:
    base = (places.glue, "-t", agent)
    if action == "metadata":
        return Call((*base, "-n"), b"", _environment(places))
    own = tuple((name, value) for name, value in parameters.named(facts).items() if not name.startswith("LD_"))
    file = parameters.config_file()
    given = ("-F", file) if file else ("-E",)
    argv: tuple[str, ...] = (*base, *given, "-l" if action == "list" else "-S")
    if action in _GLUE_ACTIONS:
        argv = (*base, *given, "-T", parameters.word(action).replace("reboot", "reset"), parameters.alias(target))
    return Call(argv, b"", (*own, *_environment(places)), secrets=tuple(_kept(parameters.device, dict(own)).items()))


def succeeded(exited: ChildExited) -> bool:
    """Whether the action is done."""
    return exited.end is ChildEnd.EXITED and exited.code == 0


def power_of(exited: ChildExited) -> bool | None:
    """What ``status`` says: on, off, or nothing."""
    if exited.end is not ChildEnd.EXITED:
        return None
    return {0: True, _OFF: False}.get(exited.code)


def targets_of(agent: str, exited: ChildExited) -> frozenset[str]:
    """The names that ``list`` printed; aliases count, too."""
    text = exited.stdout.decode("utf-8", "replace")
    if is_glue(agent):
        names = set(text.split())
        return frozenset(names | {name.lower() for name in names})
    names = set[str]()
    for line in text.splitlines():
        found = [part.strip() for part in re.split(r"[,;]", line)[:2]]
        names |= {name for name in found if name and name != "N/A"}
    return frozenset(names)


def reason_of(exited: ChildExited, parameters: Parameters) -> str:
    """Why it did not work, in a line, without secrets."""
    if exited.end is ChildEnd.TIMED_OUT:
        return "did not end in time"
    if exited.end is ChildEnd.NOT_STARTED:
        if exited.code == errno.EBADMSG:
            return f"a secret parameter cannot be had: {exited.stderr.decode('utf-8', 'replace')}"
        return "there is no such agent, or it cannot be run"
    said = (exited.stderr or exited.stdout).decode("utf-8", "replace").strip().splitlines()
    last = "".join(char if char.isprintable() else "?" for char in said[-1]) if said else ""
    how = f"exit status {exited.code}" if exited.end is ChildEnd.EXITED else f"signal {exited.code}"
    return f"{how}: {parameters.hide(last)[:_MAX_REASON]}" if last else how


def facts_of(agent: str, exited: ChildExited) -> AgentFacts | None:
    """What the meta-data says; ``None`` when it is none."""
    if not succeeded(exited):
        return None
    if is_glue(agent):
        return replace(GLUE_FACTS, names=tuple(exited.stdout.decode("utf-8", "replace").split()))
    from lxml import etree  # noqa: PLC0415 - the root process has it only when it has devices

    try:
        root = etree.fromstring(exited.stdout.strip(), etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return None
    actions = {entry.get("name", ""): entry for entry in root.iterfind("actions/action")}
    names = {entry.get("name", "") for entry in root.iterfind("parameters/parameter")}
    on = actions.get("on")
    return AgentFacts(
        frozenset(actions),
        "plug" if "plug" in names else "port" if "port" in names else "none",
        automatic=on is not None and on.get("automatic") in ("1", "true"),
        on_target=on is not None and on.get("on_target") in ("1", "true"),
    )
