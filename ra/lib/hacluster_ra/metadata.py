"""The meta-data of an agent as XML (Resource Agent API 1.1, section 4; ``unique`` kept for managers of version 1.0)."""

from __future__ import annotations

from hacluster_ra.ocf import AGENT_VERSION, Agent, Parameter

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def _escape(text: str) -> str:
    return "".join(_ENTITIES.get(c, c) for c in text)


def _words(tag: str, text: str, indent: str) -> list[str]:
    return [f'{indent}<{tag} lang="en">{_escape(text)}</{tag}>']


def _parameter(parameter: Parameter) -> list[str]:
    attributes = f'name="{_escape(parameter.name)}"'
    if parameter.required:
        attributes += ' required="1"'
    if parameter.group:
        attributes += f' unique="1" unique-group="{_escape(parameter.group)}"'
    if parameter.reloadable:
        attributes += ' reloadable="1"'
    content = f'type="{parameter.kind}"'
    if parameter.default is not None:
        content += f' default="{_escape(parameter.default)}"'
    lines = [f"    <parameter {attributes}>"]
    lines += _words("longdesc", parameter.long, "      ")
    lines += _words("shortdesc", parameter.short, "      ")
    if parameter.options:
        lines.append(f"      <content {content}>")
        lines += [f'        <option value="{_escape(option)}"/>' for option in parameter.options]
        lines.append("      </content>")
    else:
        lines.append(f"      <content {content}/>")
    return [*lines, "    </parameter>"]


def meta_data(agent: Agent) -> str:
    """The whole document."""
    lines = [
        '<?xml version="1.0"?>',
        f'<resource-agent name="{_escape(agent.name)}" version="{AGENT_VERSION}">',
        "  <version>1.1</version>",
        *_words("longdesc", agent.long, "  "),
        *_words("shortdesc", agent.short, "  "),
        "  <parameters>",
    ]
    for parameter in agent.parameters:
        lines += _parameter(parameter)
    lines += ["  </parameters>", "  <actions>"]
    for action in agent.actions:
        extra = "".join(f' {key}="{_escape(value)}"' for key, value in action.attributes.items())
        lines.append(f'    <action name="{action.name}" timeout="{action.timeout}s"{extra}/>')
    lines += [
        '    <action name="validate-all" timeout="5s"/>',
        '    <action name="meta-data" timeout="5s"/>',
        "  </actions>",
        "</resource-agent>",
    ]
    return "\n".join(lines) + "\n"
