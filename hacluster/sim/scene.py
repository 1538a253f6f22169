"""What a bystander sees of the simulated cluster: services, daemons, who holds whom for dead, who was heard when.

Built from what the hosts tell (:class:`hacluster.sim.host.Watch`), never from the inside of a machine: what the
checkers judge by is what an administrator could have observed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hacluster.config.resources import Group, Haresources, ResourceWord


def word_of(resource: ResourceWord) -> str:
    """The name under which the simulated agents know a resource: script and arguments."""
    return "::".join((resource.name, *resource.arguments))


@dataclass(slots=True)
class HostScene:
    """One host from outside. Instants are world time in ms.

    ``heard``: the last status of each node that this host must have believed; ``perhaps``: that it may have believed.
    ``reach``: how many ping nodes answer it. ``deaf_since``: since when none of its interfaces is what the files say;
    ``deaf_until``: when that was last so.
    """

    services: set[str] = field(default_factory=set)
    daemon: bool = False
    paused: bool = False
    paused_at: int = 0
    pulse_since: int | None = None
    holds_dead: set[str] = field(default_factory=set)
    resumed_at: int = 0
    heard: dict[str, int] = field(default_factory=dict)
    perhaps: dict[str, int] = field(default_factory=dict)
    reach: int = 0
    stop_asked: bool = False
    agents_failed: bool = False
    deaf_since: int | None = None
    deaf_until: int = 0


@dataclass(slots=True)
class Scene:
    """All hosts. ``apart`` maps a pair of hosts to when they were last not one cluster, and why.

    ``disturbed_at``: when anything last happened that ipfail must first come to rest after. ``overruled``: since the
    last change of ping nodes, people have said where groups are to run. ``edited``: files have changed, so that the
    hosts may not agree on what a group is; ``groups`` are then those of the last file read.
    """

    groups: Haresources
    hosts: dict[str, HostScene]
    now: int = 0
    last_change: int = 0
    ipfail: bool = False
    disturbed_at: int = 0
    overruled: bool = False
    edited: bool = False
    apart: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    def members(self, group: Group) -> tuple[str, ...]:
        """The services of a group, in start order."""
        return tuple(word_of(resource) for resource in group.resources)

    def runners(self, group: Group) -> list[str]:
        """The hosts on which any service of the group runs."""
        services = set(self.members(group))
        return [name for name, host in self.hosts.items() if services & host.services]

    def reason_apart(self, one: str, other: str) -> str | None:
        """Why two hosts are not one cluster now; ``None`` when they are."""
        for name, peer in ((one, other), (other, one)):
            host = self.hosts[name]
            if not host.daemon:
                return f"crashed daemon: {name} runs services that no daemon looks after"
            if host.paused:
                return f"paused holder: the daemon of {name} is stopped"
            if host.pulse_since is None:
                return f"crashed pulse: {name} is silent"
            if peer in host.holds_dead:
                return f"partition: {name} holds {peer} for dead"
        return None

    def note_apart(self) -> None:
        """Remember, for each pair, the last time that it was apart."""
        names = list(self.hosts)
        for position, one in enumerate(names):
            for other in names[position + 1 :]:
                reason = self.reason_apart(one, other)
                if reason is not None:
                    self.apart[one, other] = (self.now, reason)

    def since_apart(self, one: str, other: str) -> tuple[int, str] | None:
        """How long ago in ms two hosts were last apart, and why; ``None``: never."""
        found = self.apart.get((one, other)) or self.apart.get((other, one))
        return None if found is None else (self.now - found[0], found[1])
