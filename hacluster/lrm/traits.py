"""What an agent says of itself: of its meta-data what digests depend on (OCF Resource Agent API 1.0 and 1.1).

Agents write anything: entities, HTML, a line of a debug log before it. What can be read is read.
"""

from __future__ import annotations

from typing import Final

from hacluster.base.values import version_parts
from hacluster.msg.lrm import AgentTraits

_TRUE: Final = frozenset({"1", "yes", "true", "on", "y"})
_PRIVATE: Final = frozenset({"password", "passwd", "user"})
"""Private in agents that call nothing private (as Pacemaker has it)."""

_RELOAD_AGENT_SINCE: Final = version_parts("1.1")


def read_traits(text: bytes) -> AgentTraits | None:
    """The traits; ``None`` when this is no meta-data of an agent."""
    from lxml import etree  # noqa: PLC0415  only where there is a CIB

    start = text.find(b"<")
    if start < 0:
        return None
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(text[start:], parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if root is None or root.tag != "resource-agent":
        return None
    version = (next((entry.text for entry in root.iter("version")), "") or "").strip()
    newer = bool(version) and version[:1].isdigit() and version_parts(version) >= _RELOAD_AGENT_SINCE
    actions = {entry.get("name") or "" for entry in root.iter("action")}
    by_agent = newer and "reload-agent" in actions
    by_service = not newer and "reload" in {name.lower() for name in actions}
    restart: list[str] = []
    private: list[str] = []
    names: list[str] = []
    for entry in root.iter("parameter"):
        name = entry.get("name")
        if not name:
            continue
        names.insert(0, name)
        marked = _is(entry.get("reloadable")) if by_agent else not _is(entry.get("unique"))
        if not marked:
            restart.insert(0, name)
        if _is(entry.get("private")):
            private.insert(0, name)
    if not private:
        private = [name for name in names if name in _PRIVATE]
    reloads = by_agent or by_service
    return AgentTraits(reloads, tuple(restart) if reloads else (), tuple(private), by_service)


def _is(value: str | None) -> bool:
    return value is not None and value.lower() in _TRUE
