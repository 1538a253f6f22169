"""What only a bundle has: its replicas, each a container with what comes with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource


@dataclass(slots=True, eq=False)
class Replica:
    """One replica. ``node`` is the guest node that its remote connection makes."""

    offset: int
    child: Resource | None = None
    ipaddr: str | None = None
    ip: Resource | None = None
    container: Resource | None = None
    remote: Resource | None = None
    node: Node | None = None

    def parts(self) -> list[Resource]:
        """What it is made of, in the order address, child, container, connection."""
        return [rsc for rsc in (self.ip, self.child, self.container, self.remote) if rsc is not None]

    @property
    def box(self) -> Resource:
        """The container; every replica has one once the bundle is unpacked."""
        assert self.container is not None, self.offset
        return self.container


@dataclass(slots=True, eq=False)
class Mount:
    """A directory of the host inside the container."""

    source: str
    target: str
    options: str | None = None
    subdir: bool = False


@dataclass(slots=True, eq=False)
class BundleData:
    """The bundle's settings and replicas."""

    prefix: str
    agent: str
    image: str = ""
    promoted_max: int = 0
    count: int = 1
    per_host: int = 1
    container_network: str | None = None
    run_command: str | None = None
    launcher_options: str | None = None
    host_options: str = ""
    ip_start: str | None = None
    netmask: str | None = None
    interface: str | None = None
    control_port: str | None = None
    add_host: bool = True
    mounts: list[Mount] = field(default_factory=list)
    ports: list[tuple[str, str]] = field(default_factory=list)
    replicas: list[Replica] = field(default_factory=list)
    child: Resource | None = None

    @property
    def containers(self) -> list[Resource]:
        """The containers of all replicas."""
        return [replica.box for replica in self.replicas]

    def is_active(self, all_of_it: bool) -> bool:
        """Whether all of its parts, or any, are active."""
        for replica in self.replicas:
            for part in replica.parts():
                active = part.is_active(all_of_it)
                if active and not all_of_it:
                    return True
                if not active and all_of_it:
                    return False
        return all_of_it
