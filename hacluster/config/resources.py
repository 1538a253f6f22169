"""What haresources says, typed: groups of resource words, each group at home on one node.

Defined by haresources(5) of Heartbeat 3.0.6. A group's key is its first resource word as written; keys are compared
literally and are unique in the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AgentClass(StrEnum):
    """How the program of a resource is found and spoken to."""

    HEARTBEAT = "heartbeat"
    """A script of ``resource.d``, else of ``/etc/init.d``: ``script [args] start|stop|status``; which of the two it
    is, only the host knows."""

    OCF = "ocf"
    """``OCF::type::instance``: the OCF agent ``type`` with the settings of ``conf/OCF/type/instance``."""


@dataclass(frozen=True, slots=True)
class ResourceWord:
    """One resource: the word as written and what it means.

    ``name`` is the script (``IPaddr`` for the IP shorthand) or the OCF type; ``arguments`` what ``::`` separates after
    it. For OCF, the arguments start with the instance, and ``parameters`` are those of its settings file, by name.
    """

    text: str
    agent: AgentClass
    name: str
    arguments: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One logical line: resources started left to right and stopped right to left on one node at a time."""

    node: str
    resources: tuple[ResourceWord, ...]
    line: int

    @property
    def key(self) -> str:
        """The first resource word as written: the group's name on the wire and for ResourceManager."""
        return self.resources[0].text

    @property
    def words(self) -> tuple[str, ...]:
        """All resource words as written, in start order."""
        return tuple(resource.text for resource in self.resources)


@dataclass(frozen=True, slots=True)
class Haresources:
    """The whole file, groups in file order."""

    groups: tuple[Group, ...] = ()

    def instances(self) -> tuple[tuple[str, str], ...]:
        """(type, instance) of every OCF resource, in file order."""
        words = [word for group in self.groups for word in group.resources if word.agent is AgentClass.OCF]
        return tuple((word.name, word.arguments[0]) for word in words if word.arguments)

    def local(self, node: str) -> tuple[Group, ...]:
        """The groups whose line names ``node`` (lower case), in file order."""
        return tuple(group for group in self.groups if group.node == node)

    def foreign(self, node: str) -> tuple[Group, ...]:
        """All other groups, in file order."""
        return tuple(group for group in self.groups if group.node != node)

    def group(self, key: str) -> Group | None:
        """The group with exactly this key."""
        return next((group for group in self.groups if group.key == key), None)
