"""Agents that are installed on this host: what there is, and what they say of themselves."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hacluster.base.errors import HaError
from hacluster.client.paths import shipped

OCF_ROOT: Final = "/usr/lib/ocf"
LSB_DIR: Final = "/etc/init.d"
FENCE_DIR: Final = "/usr/sbin"
SYSTEMD_DIRS: Final = ("/etc/systemd/system", "/run/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system")
GLUE: Final = "/usr/sbin/stonith"
"""The program of cluster-glue that knows its own fencing plug-ins, where it is installed."""
PATIENCE: Final = 30.0
"""Seconds that an agent may take to say something of itself."""

STANDARDS: Final = ("lsb", "ocf", "service", "stonith", "systemd")


def _programs(folder: Path) -> list[str]:
    try:
        return sorted(
            item.name for item in folder.iterdir()
            if not item.name.startswith(".") and item.is_file() and os.access(item, os.X_OK)
        )  # fmt: skip
    except OSError:
        return []


def ocf_root() -> Path:
    """Where OCF agents are installed."""
    return Path(os.environ.get("OCF_ROOT") or OCF_ROOT)


def _ocf_folders() -> list[Path]:
    """Where providers have their folders: on this host, and those that come with the program."""
    found = [ocf_root() / "resource.d"]
    with contextlib.suppress(HaError):
        found.append(shipped("ra") / "ocf")
    return found


def list_providers() -> list[str]:
    """The providers of OCF agents."""
    names: set[str] = set()
    for root in _ocf_folders():
        try:
            names |= {item.name for item in root.iterdir() if item.is_dir() and not item.name.startswith(".")}
        except OSError:
            continue
    return sorted(names)


def _of_provider(provider: str) -> list[str]:
    return sorted({name for root in _ocf_folders() for name in _programs(root / provider)})


def ocf_path(provider: str, agent: str) -> Path | None:
    """The program of an agent; ``None`` when there is none."""
    if "/" in agent or "/" in provider or not agent:
        return None
    places = (root / provider / agent for root in _ocf_folders())
    return next((place for place in places if os.access(place, os.X_OK)), None)


OWN_FENCE: Final = "hacluster/"
"""How fence agents that come with the program are called."""


def _own_fence_folder() -> Path | None:
    try:
        return shipped("stonith_plugins")
    except HaError:
        return None


def fence_program(agent: str) -> Path | None:
    """The program of a fence agent; ``None`` when there is none, or it is one of cluster-glue's plug-ins."""
    folder, name = Path(FENCE_DIR), agent
    if agent.startswith(OWN_FENCE):
        own = _own_fence_folder()
        if own is None:
            return None
        folder, name = own, agent.removeprefix(OWN_FENCE)
    path = folder / name
    usable = name and "/" not in name and name not in (".", "..") and path.is_file() and os.access(path, os.X_OK)
    return path if usable else None


def list_fence_agents() -> list[str]:
    """The fence agents: those of the host, and those that come with the program."""
    own = _own_fence_folder()
    ours = [] if own is None else [f"{OWN_FENCE}{name}" for name in _programs(own)]
    return sorted([name for name in _programs(Path(FENCE_DIR)) if name.startswith("fence_")] + ours)


def _units() -> list[str]:
    found: set[str] = set()
    for folder in SYSTEMD_DIRS:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        found |= {name.removesuffix(".service") for name in names if name.endswith(".service")}
    return sorted(found)


def list_agents(standard: str, provider: str | None = None) -> list[str] | None:
    """The agents of a standard; ``None`` for a standard or provider that there is none of."""
    match standard.lower():
        case "ocf":
            providers = [provider] if provider is not None else list_providers()
            if provider is not None and provider not in list_providers():
                return None
            found = [name for one in providers for name in _of_provider(one)]
            return sorted(set(found), key=str.lower)
        case "lsb":
            return _programs(Path(LSB_DIR))
        case "systemd":
            return _units()
        case "service":
            return sorted({*_programs(Path(LSB_DIR)), *_units()})
        case "stonith":
            return list_fence_agents()
    return None


def providers_of(agent: str) -> list[str]:
    """The OCF providers that have an agent of this name."""
    return [one for one in list_providers() if agent in _of_provider(one)]


def _run(argv: list[str], text: str = "", environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    try:
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=PATIENCE, check=False, errors="replace",
            env=None if environment is None else {**os.environ, **environment},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return -1, ""
    return done.returncode, done.stdout if not done.stderr else done.stdout + done.stderr


def _plugin_metadata(agent: str) -> str | None:
    """The metadata of one of cluster-glue's plug-ins, which are no programs of their own."""
    if not agent or agent.startswith("-") or not os.access(GLUE, os.X_OK):
        return None
    code, text = _run([GLUE, "-m", "-t", agent])
    start = text.find("<?xml") if "<?xml" in text else text.find("<resource-agent")
    return text[start:] if code == 0 and start >= 0 else None


def fence_metadata(agent: str) -> str | None:
    """The metadata of a fence agent; ``None`` if there is no such agent, or it says nothing."""
    path = fence_program(agent)
    if path is None:
        return _plugin_metadata(agent)
    code, text = _run([str(path)], "action=metadata\n")
    start = text.find("<resource-agent")
    return text[start:] if code == 0 and start >= 0 else None


def validate_fence(agent: str, params: Mapping[str, str]) -> tuple[bool, str]:
    """Whether a fence agent takes its parameters, and what it said."""
    path = fence_program(agent)
    if path is None:
        return False, "a plug-in of cluster-glue cannot tell whether its parameters are good\n"
    lines = ["action=validate-all", *(f"{name}={value}" for name, value in params.items())]
    code, said = _run([str(path)], "\n".join(lines) + "\n")
    return code == 0, said


def agent_metadata(standard: str, provider: str | None, agent: str) -> str | None:
    """The metadata of an agent; ``None`` if there is no such agent, or it has none."""
    match standard.lower():
        case "ocf":
            path = ocf_path(provider or "heartbeat", agent)
            if path is None:
                return None
            code, text = _run([str(path), "meta-data"], environment={"OCF_ROOT": str(ocf_root())})
            start = text.find("<?xml") if "<?xml" in text else text.find("<resource-agent")
            return text[start:] if code == 0 and start >= 0 else None
        case "stonith":
            return fence_metadata(agent)
        case "lsb":
            return _plain_metadata(agent, "lsb") if os.access(Path(LSB_DIR) / agent, os.X_OK) else None
        case "systemd" | "service":
            known = _units() if standard.lower() == "systemd" else list_agents("service") or []
            return _plain_metadata(agent, standard.lower()) if agent.removesuffix(".service") in known else None
    return None


def _plain_metadata(agent: str, standard: str) -> str:
    """What can be said of an agent that cannot speak for itself."""
    actions = "".join(
        f'    <action name="{name}" timeout="{timeout}"{more}/>\n'
        for name, timeout, more in (
            ("start", 100, ""), ("stop", 100, ""), ("status", 100, ""),
            ("monitor", 100, ' interval="60" start-delay="0"'), ("meta-data", 5, ""),
        )
    )  # fmt: skip
    return (
        f'<?xml version="1.0"?>\n<resource-agent name="{agent}" version="0.1">\n  <version>1.1</version>\n'
        f'  <longdesc lang="en">{standard} service {agent}</longdesc>\n'
        f'  <shortdesc lang="en">{standard} service {agent}</shortdesc>\n  <parameters/>\n  <actions>\n{actions}'
        '  </actions>\n  <special tag="' + standard + '"/>\n</resource-agent>\n'
    )
