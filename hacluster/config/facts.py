"""What a parser may know of the host, gathered by its caller so that the parsers stay pure.

``None`` always means unknown: the check that needs it is left out. ``Container`` fields are only ever asked
``name in users``; a set in tests and in the simulator, a lazy look-up on a real host (``hacluster.client.hostfacts``).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

from hacluster.config.agents import AgentFacts

DEFAULT_UDPPORT: Final = 694
"""ha-cluster/udp of the IANA registry, for a host whose services(5) does not have it."""


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    """One network interface or address label. ``broadcast`` is ``None`` when it has no broadcast address.

    ``own_name`` is the interface's own name where this entry is an alternative name of it, else empty.
    """

    broadcast: str | None = None
    multicast: bool = True
    own_name: str = ""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The host whose files are read.

    ``node_name``: ``nodeinfo`` or ``uname -n``. ``interfaces``: by name, labels and alternative names included.
    ``users`` and ``groups``: login and group names. ``executables``, ``files`` and ``directories``: absolute paths.
    ``scripts``: names that resource.d, init.d or we have as executable files; ``foreign_scripts``: those of
    resource.d that do not lead to ours; ``init_scripts``: those of init.d. ``ocf_agents``: types of any provider.
    ``filesystems``: types that the kernel or a mount program knows.
    ``agents``: what OCF agents say of their parameters, by type. ``udpport``: service ha-cluster/udp.
    """

    node_name: str | None = None
    interfaces: Mapping[str, InterfaceFacts] | None = None
    users: Container[str] | None = None
    groups: Container[str] | None = None
    executables: Container[str] | None = None
    files: Container[str] | None = None
    directories: Container[str] | None = None
    scripts: Container[str] | None = None
    foreign_scripts: Container[str] | None = None
    init_scripts: Container[str] | None = None
    ocf_agents: Container[str] | None = None
    filesystems: Container[str] | None = None
    agents: Mapping[str, AgentFacts] | None = None
    udpport: int = DEFAULT_UDPPORT


NO_FACTS: Final = HostFacts()
"""Nothing is known of the host: only the texts themselves are checked."""
