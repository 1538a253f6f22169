"""What the parameters of a device say to the fencer (``pcmk_*``), and what they say to its agent.

Source: pacemaker-fenced(7). A value that cannot be read is its default, as there; ``crm_verify --hazards`` names it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hacluster.base.values import msec, scan_int
from hacluster.msg.stonith import Device

OWN_PREFIX: Final = "pcmk_"
_NOT_FOR_AGENTS: Final = (OWN_PREFIX, "CRM_meta_", "crm_feature_set")
_IGNORED: Final = frozenset({"action", "option", "nodename", "priority", "provides", "stonith-timeout"})
"""The fencer says these itself (``priority`` and ``provides`` are its own words)."""

_SECRET: Final = re.compile(r"pass(w(or)?d|phrase|code)?($|_)|secret|token|community|privkey|auth_?key|snmp_priv", re.I)
_LEAST_SECRET: Final = 3


def is_secret(name: str) -> bool:
    """Whether a parameter of that name holds a secret."""
    return _SECRET.search(name) is not None


DEFAULT_TRIES: Final = 2


class HostCheck(StrEnum):
    """How a device's targets are known."""

    DYNAMIC = "dynamic-list"
    STATIC = "static-list"
    STATUS = "status"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What an agent's meta-data says. ``host_argument``: the parameter that takes the target's name on the device.

    ``automatic``: its ``on`` is done when a node joins (unfencing); ``on_target``: by the node itself. ``names``: its
    parameters, in the order in which values without names are meant.
    """

    actions: frozenset[str]
    host_argument: str = "port"
    automatic: bool = False
    on_target: bool = False
    names: tuple[str, ...] = ()


def split_names(text: str) -> tuple[str, ...]:
    """Names between blanks, commas and semicolons."""
    return tuple(name for name in re.split(r"[\s,;]+", text) if name)


def host_map(text: str) -> dict[str, str]:
    """``node1:1;node2:2,3`` as a table; a backslash before a character takes its meaning away."""
    table: dict[str, str] = {}
    for part in re.split(r"(?<!\\)[;\s]+", text):
        found = re.match(r"((?:[^:=\\]|\\.)+)[:=](.+)", part)
        if found:
            table[_plain(found[1])] = _plain(found[2])
    return table


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def of_node(text: str, node: str) -> str:
    """A value for one node: the text itself, or the entry of that node in a table like a host map; else empty."""
    if ":" in text or "=" in text:
        return host_map(text).get(node, "")
    return text


class Parameters:
    """The parameters of one device."""

    def __init__(self, device: Device) -> None:
        self.device = device.id
        self._words = dict(device.parameters)
        self._map = host_map(self._words.get("pcmk_host_map", ""))
        self._names = frozenset(split_names(self._words.get("pcmk_host_list", "")))

    @property
    def priority(self) -> int:
        """Devices of a higher priority are tried first."""
        return scan_int(self._words.get("priority")) or 0

    @property
    def limit(self) -> int:
        """How many actions may run on the device at once; below 1: any number."""
        value = scan_int(self._words.get("pcmk_action_limit"))
        return 1 if value is None or value == 0 else value

    def check(self, facts: AgentFacts) -> HostCheck:
        """How the targets are known."""
        text = self._words.get("pcmk_host_check", "")
        if text in set(HostCheck):
            return HostCheck(text)
        if self._map or self._names:
            return HostCheck.STATIC
        if "list" in facts.actions:
            return HostCheck.DYNAMIC
        return HostCheck.STATUS if "status" in facts.actions else HostCheck.NONE

    def named_targets(self) -> set[str]:
        """The targets that list and map name."""
        return {*self._names, *self._map}

    def names(self, target: str) -> bool:
        """Whether list or map name the target."""
        return target in self._names or target in self._map

    def alias(self, target: str) -> str:
        """The target's name on the device."""
        return self._map.get(target, target)

    def timeout_ms(self, action: str, default_ms: int) -> int:
        """How long an action may take."""
        found = msec(self._words.get(f"pcmk_{action}_timeout"))
        return found if found > 0 else default_ms

    def tries(self, action: str) -> int:
        """How often an action is tried."""
        found = scan_int(self._words.get(f"pcmk_{action}_retries"))
        return DEFAULT_TRIES if found is None or found < 1 else found

    def word(self, action: str) -> str:
        """What the agent calls an action."""
        return self._words.get(f"pcmk_{action}_action") or action

    def delays_ms(self, target: str) -> tuple[int, int]:
        """The shortest and the longest delay before the target is switched off."""
        base = max(0, msec(of_node(self._words.get("pcmk_delay_base", ""), target)))
        most = max(0, msec(of_node(self._words.get("pcmk_delay_max", ""), target)))
        return min(base, most) if most else base, max(base, most)

    def for_agent(self, facts: AgentFacts, action: str, target: str) -> dict[str, str]:
        """What the agent is given, in the device's order: ``action``, the target's names, then the device's own."""
        found = {} if not action else {"action": self.word(action)}
        own = {
            name: value
            for name, value in self._words.items()
            if not name.startswith(_NOT_FOR_AGENTS) and name not in _IGNORED
        }
        if target:
            found["nodename"] = target
            argument = self._words.get("pcmk_host_argument", "") or facts.host_argument
            if argument != "none" and own.get(argument, "dynamic") == "dynamic":
                own[argument] = self.alias(target)
        return {**found, **own}

    def config_file(self) -> str:
        """The file that has the parameters of a plugin of cluster-glue, if that is how it is configured."""
        return self._words.get("config_file", "")

    def named(self, facts: AgentFacts) -> dict[str, str]:
        """The parameters of a plugin of cluster-glue: values without names get them, the last one all that is left."""
        own = self.for_agent(facts, "", "")
        text = own.pop("positional", "")
        if text and facts.names:
            own.update(zip(facts.names, text.split(None, len(facts.names) - 1), strict=False))
        return own

    def hide(self, text: str) -> str:
        """A text of the agent without the device's secrets."""
        words = {**self._words, **{f"secret_{n}": w for n, w in enumerate(self._words.get("positional", "").split())}}
        for name, value in words.items():
            if is_secret(name) and len(value) >= _LEAST_SECRET:
                text = text.replace(value, "****")
        return text
