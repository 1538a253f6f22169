"""What ``crm_resource`` asks agents themselves: what is installed, validation, actions past the cluster."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

from hacluster.base.results import Exit, exit_text
from hacluster.base.tree import Tree
from hacluster.base.values import interval_ms
from hacluster.client import agents as installed
from hacluster.tools.options import Given, UsageError
from hacluster.tools.output import Failed, Output
from hacluster.tools.result import OCF_TEXTS

if TYPE_CHECKING:
    from hacluster.tools.crm_resource import Call

_ACTIONS: Final = {
    "validate": "validate-all", "force-check": "monitor", "force-start": "start", "force-stop": "stop",
    "force-promote": "promote", "force-demote": "demote",
}  # fmt: skip


def _listed(out: Output, names: list[str], attrs: dict[str, str], item: str) -> int:
    for name in names:
        out.line(name)
    kind = "providers" if item == "provider" else "agents" if item == "agent" else "list"
    out.tree(Tree(kind, attrs, [Tree(item, text=name) for name in names]))
    return Exit.OK


def agents(given: Given, out: Output, command: str) -> int:
    """What is installed on this host."""
    spec = given.get(command) or ""
    match command:
        case "list-standards":
            names = list(installed.STANDARDS)
            return _listed(out, names, {"name": "standards", "count": str(len(names))}, "item")
        case "list-ocf-providers":
            return _listed(out, installed.list_providers(), {"standard": "ocf"}, "provider")
        case "list-ocf-alternatives":
            found = installed.providers_of(spec)
            if not found:
                raise Failed(f"No OCF providers found for {spec}", Exit.NO_SUCH)
            return _listed(out, found, {"standard": "ocf", "agent": spec}, "provider")
        case "list-agents":
            return _list_agents(out, spec)
    return _metadata(out, spec)


def _list_agents(out: Output, spec: str) -> int:
    standard, colon, provider = spec.partition(":")
    found = installed.list_agents(standard, provider if colon else None)
    if not found:
        words = f"standard '{standard}'" + (f" and provider '{provider}'" if colon else "")
        raise Failed(f"No agents found for {words}", Exit.ERROR)
    return _listed(out, found, {"standard": standard} | ({"provider": provider} if colon else {}), "agent")


def _metadata(out: Output, spec: str) -> int:
    parts = spec.split(":", 2)
    standard = parts[0]
    if len(parts) < 2 or (standard == "ocf" and len(parts) < 3):
        raise Failed(f"'{spec}' is not a valid agent specification", Exit.NO_SUCH)
    provider, agent = (parts[1], parts[2]) if standard == "ocf" else (None, ":".join(parts[1:]))
    text = installed.agent_metadata(standard, provider, agent)
    if text is None:
        raise Failed(f"Metadata query for {spec} failed: No such device or address", Exit.NO_SUCH)
    out.raw(text if text.endswith("\n") else text + "\n")
    out.tree(Tree("metadata", text=text, cdata=True))
    return Exit.OK


def _run(out: Output, command: str, agent: tuple[str, str, str], params: dict[str, str], *, level: str,
         seconds: float, name: str, talkative: bool) -> int:  # fmt: skip
    """Run an action of an OCF agent, as the cluster would; what it says is shown when it fails, or to who asks."""
    action = _ACTIONS[command]
    standard, provider, kind = agent
    if standard != "ocf":
        raise Failed(f"Error performing operation: {standard} resources cannot be run past the cluster",
                     Exit.UNIMPLEMENTED)  # fmt: skip
    path = installed.ocf_path(provider, kind) or installed.ocf_root() / "resource.d" / provider / kind
    environment = {
        **os.environ, **{f"OCF_RESKEY_{key}": value for key, value in params.items()},
        "OCF_ROOT": str(installed.ocf_root()), "OCF_FUNCTIONS_DIR": f"{installed.ocf_root()}/lib/heartbeat",
        "OCF_EXIT_REASON_PREFIX": "ocf-exit-reason:", "OCF_RA_VERSION_MAJOR": "1", "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": name or "test", "OCF_RESOURCE_TYPE": kind, "OCF_RESOURCE_PROVIDER": provider,
        "OCF_CHECK_LEVEL": level, "OCF_OUTPUT_FORMAT": "text" if out.is_text else "xml",
    }  # fmt: skip
    try:
        done = subprocess.run([str(path), action], env=environment, capture_output=True, text=True, timeout=seconds,
                              check=False, errors="replace")  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Failed(
            f"Operation {command} for {name or kind} timed out after {seconds:g} seconds", Exit.TIMEOUT
        ) from None
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}", Exit.NO_SUCH) from None
    code = done.returncode
    words = f"returned {code} ({OCF_TEXTS.get(str(code), 'unknown')})"
    shown = ":".join(part for part in agent if part)
    out.line(f"Operation {command}{f' for {name}' if name else ''} ({shown}) {words}")
    said = [(source, text) for source, text in (("stdout", done.stdout), ("stderr", done.stderr)) if text]
    if code != 0 or talkative:
        for _, text in said:
            out.raw(text if text.endswith("\n") else f"{text}\n")
    attrs = {"action": command, "class": standard, "type": kind} | ({"rsc": name} if name else {})
    status = {"code": str(code), "message": OCF_TEXTS.get(str(code), "unknown")}
    parts = [Tree("overrides"), Tree("agent-status", status | {"execution_code": "0", "execution_message": "complete"})]
    if said:
        outputs = [Tree("output", {"source": source}, text=text) for source, text in said]
        parts.append(Tree("command", {"code": str(code)}, outputs))
    out.tree(Tree("resource-agent-action", attrs | {"provider": provider}, parts))
    if code != 0:
        raise Failed(f"Error performing operation: {exit_text(code)}", code)
    return Exit.OK


def _level(given: Given, command: str) -> str:
    level = given.get(command) or "0"
    if not level.isdecimal():
        raise UsageError(f"{level} is not a valid check level; it is a number")
    return level


def _seconds(given: Given) -> float:
    text = given.get("timeout")
    return max(1.0, interval_ms(text) / 1000) if text else 20.0


def validate_agent(given: Given, out: Output, command: str) -> int:
    """Run an agent that is named itself, with the options that were given."""
    standard, provider, agent = (given.get(name) or "" for name in ("class", "provider", "agent"))
    spec = f"{standard}:{provider}:{agent}"
    known = standard == "ocf" and provider and agent and provider in installed.providers_of(agent)
    if not known:
        raise UsageError(f"{spec} is not a known resource")
    params = dict(text.partition("=")[::2] for text in given.all("option"))
    return _run(out, command, (standard, provider, agent), params, level=_level(given, command),
                seconds=_seconds(given), name="", talkative="verbose" in given)  # fmt: skip


def force(call: Call) -> int:
    """Run an action of a resource's agent on this node, past the cluster."""
    from hacluster.pe.model.kinds import Kind  # noqa: PLC0415 - only this asks
    from hacluster.pe.operation.params import rsc_params  # noqa: PLC0415

    rsc = call.rsc
    words = {Kind.GROUP: "group", Kind.CLONE: "clone", Kind.BUNDLE: "bundle"}.get(rsc.kind)
    if words == "clone":
        rsc = rsc.instances[0] if rsc.instances else rsc
        words = None if rsc.kind is Kind.PRIMITIVE else "group"
    if words is not None:
        call.out.error(f"Sorry, the {call.command} option doesn't support {words} resources")
        raise Failed("Error performing operation: Unimplemented", Exit.UNIMPLEMENTED)
    standard, provider, agent = (part or "" for part in rsc.agent)
    params = dict(rsc_params(rsc, rsc.current))
    params |= {f"CRM_meta_{key.replace('-', '_')}": value for key, value in rsc.meta.items()}
    return _run(call.out, call.command, (standard, provider, agent), params,
                level=_level(call.given, call.command), seconds=_seconds(call.given), name=rsc.id,
                talkative="verbose" in call.given)  # fmt: skip
