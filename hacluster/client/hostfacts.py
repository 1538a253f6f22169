"""What the configuration's parsers may know of this host, looked up when they ask for it."""

from __future__ import annotations

import array
import fcntl
import grp
import os
import pwd
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from hacluster.base.errors import HaError
from hacluster.client.altnames import alternative_names
from hacluster.client.paths import shipped
from hacluster.config.facts import DEFAULT_UDPPORT, HostFacts, InterfaceFacts

INIT_D: Final = Path("/etc/init.d")
MOUNT_DIRS: Final = (Path("/sbin"), Path("/usr/sbin"))
OCF_ROOT: Final = Path("/usr/lib/ocf/resource.d")

_SIOCGIFCONF = 0x8912
_SIOCGIFFLAGS = 0x8913
_SIOCGIFBRDADDR = 0x8919
_IFF_BROADCAST = 0x2
_IFF_MULTICAST = 0x1000
_IFREQ = 40
_IFNAMSIZ = 16
_MAX_ADDRESSES = 4_096


class _Users:
    """``name in users``: whether getpwnam(3) knows it."""

    def __contains__(self, name: object) -> bool:
        try:
            pwd.getpwnam(str(name))
        except (KeyError, ValueError, UnicodeError):
            return False
        return True


class _Groups:
    """``name in groups``: whether getgrnam(3) knows it."""

    def __contains__(self, name: object) -> bool:
        try:
            grp.getgrnam(str(name))
        except (KeyError, ValueError, UnicodeError):
            return False
        return True


class _Files:
    """``path in files``: whether it exists and is no directory; devices count."""

    def __contains__(self, path: object) -> bool:
        try:
            return Path(str(path)).exists() and not Path(str(path)).is_dir()
        except (OSError, ValueError):
            return False


class _Directories:
    """``path in directories``: whether it is a directory."""

    def __contains__(self, path: object) -> bool:
        try:
            return Path(str(path)).is_dir()
        except (OSError, ValueError):
            return False


class FileSystems:
    """``kind in filesystems``: whether the kernel, one of its modules or a mount program knows it."""

    def __contains__(self, kind: object) -> bool:
        name = str(kind)
        helper = name.partition(".")[0] if name.startswith("fuse.") else name
        if name in set(self) or any((d / f"mount.{helper}").exists() for d in MOUNT_DIRS):
            return True
        try:
            aliases = Path("/lib/modules", os.uname().release, "modules.alias").read_text("utf-8", "replace")
        except OSError:
            return False
        return f"\nalias fs-{helper} " in aliases

    def __iter__(self) -> Iterator[str]:
        try:
            lines = Path("/proc/filesystems").read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            lines = []
        yield from (line.split()[-1] for line in lines if line.split())


class _Executables:
    """``path in executables``: whether it is a regular file with an execute bit."""

    def __contains__(self, path: object) -> bool:
        return is_executable(Path(str(path)))


def is_executable(path: Path) -> bool:
    """Whether ``path`` is a regular file with any execute bit."""
    try:
        return path.is_file() and path.stat().st_mode & 0o111 != 0
    except (OSError, ValueError):
        return False


def _entries(directory: Path) -> list[Path]:
    """What is in a directory, by name; nothing when there is none."""
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


class Scripts:
    """``name in scripts``: whether one of the directories has it as an executable file. Iterating gives all names.

    Links into one of ``but`` do not count.
    """

    def __init__(self, directories: tuple[Path, ...], but: tuple[Path, ...] = ()) -> None:
        self.directories = directories
        self._but = tuple(one.resolve() for one in but)

    def __contains__(self, name: object) -> bool:
        return any(self._counts(directory / str(name)) for directory in self.directories)

    def _counts(self, path: Path) -> bool:
        return is_executable(path) and path.resolve().parent not in self._but

    def __iter__(self) -> Iterator[str]:
        for directory in self.directories:
            yield from (entry.name for entry in _entries(directory) if is_executable(entry))


class OcfAgents:
    """``name in agents``: whether any provider under one of the roots has an agent of this type."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self.roots = roots

    def __contains__(self, name: object) -> bool:
        return any(is_executable(provider / str(name)) for root in self.roots for provider in _entries(root))


def _request(sock: socket.socket, request: int, name: str) -> bytes | None:
    """One SIOCGIF… call for interface ``name``; ``None`` when the kernel has no answer."""
    try:
        return fcntl.ioctl(sock, request, struct.pack(f"{_IFREQ}s", os.fsencode(name)[: _IFNAMSIZ - 1]))
    except OSError:
        return None


def _labels(sock: socket.socket) -> list[str]:
    """Names under which IPv4 addresses are configured, aliases such as ``eth0:0`` included (SIOCGIFCONF)."""
    answers = array.array("B", bytes(_IFREQ * _MAX_ADDRESSES))
    place, size = answers.buffer_info()
    try:
        used = struct.unpack("iP", fcntl.ioctl(sock, _SIOCGIFCONF, struct.pack("iP", size, place)))[0]
    except OSError:
        return []
    found = answers.tobytes()[:used]
    return [os.fsdecode(found[at : at + _IFNAMSIZ].split(b"\0")[0]) for at in range(0, used, _IFREQ)]


def interfaces() -> dict[str, InterfaceFacts]:
    """The network interfaces of this namespace, their alternative names, and the labels of their addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        names = dict.fromkeys([name for _, name in socket.if_nameindex()] + _labels(sock))
        found = {name: _facts(sock, name) for name in names}
    for other, name in alternative_names().items():
        if name in found:
            found[other] = replace(found[name], own_name=name)
    return found


def _facts(sock: socket.socket, name: str) -> InterfaceFacts:
    answer = _request(sock, _SIOCGIFFLAGS, name)
    flags = struct.unpack_from("H", answer, _IFNAMSIZ)[0] if answer else 0
    broadcast: str | None = None
    if flags & _IFF_BROADCAST and (answer := _request(sock, _SIOCGIFBRDADDR, name)):
        found = socket.inet_ntoa(answer[_IFNAMSIZ + 4 : _IFNAMSIZ + 8])
        broadcast = None if found == "0.0.0.0" else found  # noqa: S104  an unset address, nothing is bound
    return InterfaceFacts(broadcast, bool(flags & _IFF_MULTICAST))


def node_name(config_dir: Path) -> str:
    """The first word of ``nodeinfo`` in the configuration directory, else what ``uname -n`` prints; lower case."""
    try:
        words = (config_dir / "nodeinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        words = []
    return (words[0] if words else os.uname().nodename).lower()


def udpport() -> int:
    """The port of service ha-cluster/udp, 694 when services(5) does not have it."""
    try:
        return socket.getservbyname("ha-cluster", "udp")
    except OSError:
        return DEFAULT_UDPPORT


def own_agents() -> tuple[Path, ...]:
    """Our ``ra`` directory, when it is there."""
    try:
        return (shipped("ra"),)
    except HaError:
        return ()


def host_facts(config_dir: Path, *, ocf_root: Path = OCF_ROOT) -> HostFacts:
    """This host, as far as a configuration in ``config_dir`` can be wrong about it."""
    own = own_agents()
    return HostFacts(
        node_name=node_name(config_dir),
        interfaces=interfaces(),
        users=_Users(),
        groups=_Groups(),
        executables=_Executables(),
        files=_Files(),
        directories=_Directories(),
        filesystems=FileSystems(),
        foreign_scripts=Scripts((config_dir / "resource.d",), but=tuple(root / "heartbeat" for root in own)),
        init_scripts=Scripts((INIT_D,)),
        scripts=Scripts((config_dir / "resource.d", INIT_D, *(root / "heartbeat" for root in own))),
        ocf_agents=OcfAgents((ocf_root, *(root / "ocf" for root in own))),
        udpport=udpport(),
    )
