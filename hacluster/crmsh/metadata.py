"""What agents say of themselves, read once: parameters with their kinds and help, actions with advised timings.

An agent is a program, and some take long to answer: what was said is kept in the user's cache, under the file's path,
time and size, so a shell that is called a thousand times asks once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.cib.metas import DEVICE
from hacluster.client import agents

_TRUE: Final = frozenset({"1", "yes", "true"})
DEVICE_HELP: Final = {
    "pcmk_host_argument": ("port", "The parameter by which the device is told which node is meant"),
    "pcmk_host_map": ("", "Names that the device uses for nodes, as node:name;node:name"),
    "pcmk_host_list": ("", "Nodes that this device can fence, separated by blanks"),
    "pcmk_host_check": ("dynamic-list", "How it is found which nodes the device can fence"),
    "pcmk_delay_max": ("0s", "A random delay of at most this time before fencing"),
    "pcmk_delay_base": ("0s", "A fixed delay before fencing, for all nodes or as node:time;node:time"),
    "pcmk_action_limit": ("1", "How many actions may run on the device at a time; -1: any number"),
    "priority": ("0", "Devices with a higher priority are tried first"),
    "stonith-timeout": ("60s", "How long an action may take"),
}
"""Default and meaning of parameters that every device has."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an agent. ``kind``: as the agent names it. ``options``: the values that it may have."""

    name: str
    kind: str = "string"
    default: str | None = None
    required: bool = False
    unique: bool = False
    short: str = ""
    long: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """One action as it is advised; attributes by name."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agent:
    """What one agent says of itself."""

    name: str
    short: str
    long: str
    parameters: Mapping[str, Parameter]
    actions: tuple[Action, ...]

    def advised(self, action: str, attribute: str, **same: str | None) -> str | None:
        """What is advised for an action; among several of one name the one that is alike in ``same``."""
        found = [one for one in self.actions if one.name == action]
        for one in found:
            if all(one.attributes.get(name) == value for name, value in same.items() if value is not None):
                return one.attributes.get(attribute)
        return found[0].attributes.get(attribute) if found else None


def spec_of(class_: str, provider: str | None, type_: str) -> str:
    """``ocf:heartbeat:Dummy``."""
    return ":".join(part for part in (class_, provider, type_) if part)


class Agents:
    """Agents by ``class:provider:type``. ``asked`` is told when one is looked for first."""

    def __init__(self, asked: Callable[[str], None] = lambda _text: None, cache: Path | None = None) -> None:
        self._asked = asked
        self._known: dict[str, Agent | None] = {}
        self._cache = cache if cache is not None else default_cache()
        self._daemons: set[str] = set()

    def get(self, class_: str, provider: str | None, type_: str) -> Agent | None:
        """An agent; ``None`` when it is not installed here or says nothing."""
        spec = spec_of(class_, provider, type_)
        if spec not in self._known:
            self._asked(f"crm_resource --show-metadata {spec}")
            text = self._text(class_, provider, type_)
            self._known[spec] = None if text is None else _read(text, device=class_ == "stonith")
            if class_ == "stonith" and text is not None:
                self.daemon("pacemaker-fenced")
        return self._known[spec]

    def of(self, element: XML | None) -> Agent | None:
        """The agent of a primitive or template that names one."""
        if element is None or element.get("type") is None:
            return None
        class_ = str(element.get("class") or "ocf")
        provider = element.get("provider") or ("heartbeat" if class_ == "ocf" else None)
        return self.get(class_, provider, str(element.get("type")))

    def daemon(self, name: str) -> None:
        """The options of a daemon are looked up; told once."""
        if name not in self._daemons:
            self._daemons.add(name)
            self._asked(f"{name} metadata")

    def _text(self, class_: str, provider: str | None, type_: str) -> str | None:
        path = _program(class_, provider, type_)
        try:
            stat = path.stat() if path is not None else None
        except OSError:
            stat = None
        if stat is None:
            return agents.agent_metadata(class_, provider, type_)
        key = hashlib.sha256(f"{path} {stat.st_mtime_ns} {stat.st_size}".encode()).hexdigest()[:32]
        kept = self._cache / key
        try:
            return kept.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            pass
        text = agents.agent_metadata(class_, provider, type_)
        if text is not None:
            _keep(kept, text)
        return text


def default_cache() -> Path:
    """Where what agents said is kept: with the user's other caches."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "hacluster" / "metadata"


def _keep(path: Path, text: str) -> None:
    """A cache that cannot be written costs time, and nothing else."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError:
        return


def _program(class_: str, provider: str | None, type_: str) -> Path | None:
    if "/" in type_:
        return None
    if class_ == "ocf":
        return agents.ocf_root() / "resource.d" / (provider or "heartbeat") / type_
    if class_ == "stonith":
        return Path(agents.FENCE_DIR) / type_
    return None


def _read(text: str, *, device: bool) -> Agent | None:
    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(recover=True, resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return None
    if root is None:
        return None
    parameters = {one.name: one for one in map(_parameter, root.iter("parameter")) if one.name}
    if device:
        for name in (*DEVICE, "priority", "stonith-timeout"):
            default, help_text = DEVICE_HELP.get(name, ("", ""))
            parameters.setdefault(name, Parameter(name, default=default or None, short=help_text))
    actions = tuple(
        Action(str(one.get("name")), {str(key): str(value) for key, value in one.items()})
        for one in root.iter("action")
    )
    return Agent(str(root.get("name") or ""), _words(root, "shortdesc"), _words(root, "longdesc"), parameters, actions)


def _words(element: XML, tag: str) -> str:
    found = element.find(tag)
    return "" if found is None else "\n".join(line.strip() for line in (found.text or "").strip().splitlines())


def _parameter(element: XML) -> Parameter:
    content = element.find("content")
    kind, default, options = "string", None, tuple[str, ...]()
    if content is not None:
        kind, default = str(content.get("type") or "string"), content.get("default")
        options = tuple(str(one.get("value") or "") for one in content.iter("option"))
    return Parameter(
        str(element.get("name") or ""),
        kind,
        None if default is None else str(default),
        str(element.get("required") or "0").lower() in _TRUE,
        str(element.get("unique") or "0").lower() in _TRUE or bool(element.get("unique-group")),
        _words(element, "shortdesc"),
        _words(element, "longdesc"),
        options,
    )
