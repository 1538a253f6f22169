"""Where an agent may be found: candidates in the order in which they are tried."""

from __future__ import annotations

from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.lrm import ResourceSpec

DEFAULT_PROVIDERS = ("heartbeat", "hacluster")
"""Providers of an OCF agent for which none was named, as ``OCF::type::instance`` of haresources."""


def heartbeat_candidates(resource: ResourceSpec, host: Surroundings) -> tuple[str, ...]:
    """resource.d, then init.d (HARESOURCES section 3), then our own front ends, so that nothing of theirs is hidden.

    With arguments ours come before init.d: an init script takes none but the action (LSB core 22.2), and some, such as
    Debian's of ldirectord, have the name of one of ours.
    """
    found = [f"{host.config_dir}/resource.d/{resource.type}", f"{host.init_dir}/{resource.type}"]
    if host.own_agents:
        found.insert(1 if resource.arguments else 2, f"{host.own_agents}/heartbeat/{resource.type}")
    return tuple(found)


def lsb_candidates(resource: ResourceSpec, host: Surroundings) -> tuple[str, ...]:
    """The one place of the standard (LSB core 22.1)."""
    return (f"{host.init_dir}/{resource.type}",)


def ocf_candidates(resource: ResourceSpec, host: Surroundings) -> tuple[str, ...]:
    """``OCF_ROOT/resource.d/PROVIDER/TYPE``, then our own agents of that provider."""
    providers = (resource.provider,) if resource.provider else DEFAULT_PROVIDERS
    roots = [f"{host.ocf_root}/resource.d"]
    if host.own_agents:
        roots.append(f"{host.own_agents}/ocf")
    return tuple(f"{root}/{provider}/{resource.type}" for provider in providers for root in roots)


def name_fault(resource: ResourceSpec) -> str | None:
    """Why provider or type cannot be a file's name, as a sentence; ``None`` when they can.

    A name with a slash or of dots alone would leave the agents' directories.
    """
    if not _is_file_name(resource.type):
        return f"{resource.type!r} cannot be the type of an agent"
    if resource.provider and not _is_file_name(resource.provider):
        return f"{resource.provider!r} cannot be the provider of an agent"
    words = (*resource.arguments, *(word for pair in resource.parameters for word in pair))
    if any("\0" in word for word in words) or any(not name or "=" in name for name, _ in resource.parameters):
        return "a parameter cannot be handed to a program"
    return None


def _is_file_name(name: str) -> bool:
    return bool(name) and "/" not in name and "\0" not in name and set(name) != {"."}
