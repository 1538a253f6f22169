"""What agents expect of their parameters, and what of a configuration does not meet it.

Two kinds of knowledge. The agents that come with hacluster are known here (:data:`OURS`; a test holds the table against
their meta-data and against what they refuse): such a mistake is an error, for no node could start the resource. The
meta-data of an agent of the host may be a fact (``HostFacts.agents``): it is often lax, so what it does not like is a
warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hacluster.config.findings import nearest, shown
from hacluster.config.ip_argument import MAX_ALTNAME, MAX_LABEL, MAX_SUFFIX, address_of, prefix_of
from hacluster.config.lexical import parse_number

BOOLEANS: Final = frozenset(
    {*("1", "yes", "true", "on", "y", "t", "ja"), *("0", "no", "false", "off", "n", "f")},
)
NAMELESS: Final = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ceph",
    "glusterfs",
    "tmpfs",
    "ramfs",
    "overlay",
    "zfs",
    "9p",
)
"""File systems whose device is no file."""

Check = Callable[[str], str]
"""Takes a value that is not empty; the sentence that says what is wrong with it, or an empty text."""


@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """One parameter; ``kind`` is the content type of its meta-data (string, integer, boolean, select, …)."""

    name: str
    kind: str = "string"
    required: bool = False
    options: tuple[str, ...] = ()
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """An agent: where it is (empty: one of ours, known without a look), and its parameters."""

    program: str
    parameters: tuple[ParameterFacts, ...]

    def get(self, name: str) -> ParameterFacts | None:
        """The parameter of that name."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


def _absolute(value: str) -> str:
    return "" if value.startswith("/") else f"{shown(value)} is no absolute path"


def _directory(value: str) -> str:
    depth = 0
    for part in value.split("/"):
        depth = depth + (part not in ("", ".")) if part != ".." else max(0, depth - 1)
    return _absolute(value) or ("" if depth else f"{shown(value)} is the root directory")


def _options(value: str) -> str:
    return f"{shown(value)} has blanks in it" if any(c.isspace() for c in value) else ""


def _port(value: str) -> str:
    number = parse_number(value)
    return "" if number is not None and 1 <= number <= 65_535 else f"{shown(value)} is no port of 1 to 65535"


def _targets(value: str) -> str:
    words = value.split()
    for word in words:
        if word.startswith("-") or not (word.startswith("/") or ":" in word):
            return f"{shown(word)} is neither HOST::MODULE, nor USER@HOST:PATH, nor an absolute path"
    twice = len({word.rstrip("/") for word in words}) < len(words)
    return f"in {shown(value)} a target is there twice" if twice else ""


def _sync_id(value: str) -> str:
    number = parse_number(value)
    return "" if number is not None and 0 <= number <= 255 else f"{shown(value)} is no number of 0 to 255"


def _address(value: str) -> str:
    return "" if address_of(value) is not None else f"{shown(value)} is not an IP address"


def _broadcast(value: str) -> str:
    return "" if value in ("+", "-") else _address(value)


def _netmask(value: str) -> str:
    found = prefix_of(value, 32) if "." in value else prefix_of(value, 128)
    return "" if found is not None else f"{shown(value)} is no netmask"


def _nic(value: str) -> str:
    name, colon, label = value.partition(":")
    bad = (
        "/" in value or not name or len(name) > MAX_ALTNAME or any(c.isspace() for c in value) or (colon and not label)
    )
    return f"{shown(value)} is not the name of an interface" if bad else _label(label)


def _interface(value: str) -> str:
    bad = "/" in value or len(value) > MAX_LABEL or any(c.isspace() for c in value)
    return f"{shown(value)} is not the name of an interface" if bad else ""


def _label(value: str) -> str:
    return f"{shown(value)} is longer than {MAX_SUFFIX} characters" if len(value) > MAX_SUFFIX else ""


def _inside(value: str) -> str:
    inside = not value.startswith("/") and ".." not in value.split("/")
    return "" if inside else f"{shown(value)} is no path below the mount point"


def _yes_no_safe(value: str) -> str:
    return "" if value.lower() in BOOLEANS | {"safe"} else f"{shown(value)} is neither yes, no nor safe"


def _whole(value: str) -> str:
    return "" if parse_number(value) is not None else f"{shown(value)} is no whole number of at most nine digits"


def _number(name: str) -> ParameterFacts:
    return ParameterFacts(name, "integer", check=_whole)


_ADDRESS: Final = (
    ParameterFacts("ip", required=True, check=_address),
    ParameterFacts("cidr_netmask", check=_netmask),
    ParameterFacts("nic", check=_nic),
    ParameterFacts("iflabel", check=_label),
    ParameterFacts("broadcast", check=_broadcast),
    ParameterFacts("check_duplicate", "boolean"),
    *map(_number, ("duplicate_wait", "arp_count", "arp_interval")),
)
"""What IPaddr and every agent that puts an address as it does take."""

_STATE: Final = ParameterFacts("state", check=_absolute)

OURS: Final[Mapping[str, AgentFacts]] = {
    "IPaddr": AgentFacts("", _ADDRESS),
    "Filesystem": AgentFacts(
        "",
        (
            ParameterFacts("device", required=True),
            ParameterFacts("directory", required=True, check=_directory),
            ParameterFacts("fstype"),
            ParameterFacts("options", check=_options),
            ParameterFacts("force_unmount", "boolean", check=_yes_no_safe),
            _number("term_wait"),
            ParameterFacts("check_user"),
            ParameterFacts("check_directory", check=_inside),
        ),
    ),
    "webserver": AgentFacts(
        "",
        (
            ParameterFacts("port", "integer", check=_port),
            ParameterFacts("ip", check=_address),
            ParameterFacts("directory", check=_absolute),
            ParameterFacts("text"),
            ParameterFacts("pidfile", check=_absolute),
            ParameterFacts("access_log", check=_absolute),
            _number("access_log_size"),
        ),
    ),
    "ldirectord": AgentFacts("", (ParameterFacts("configfile"), ParameterFacts("ldirectord", check=_absolute))),
    "lvs-realserver": AgentFacts(
        "",
        (
            ParameterFacts("ip", required=True, check=_address),
            ParameterFacts("method", "select", options=("dr", "tun")),
            ParameterFacts("nic", check=_interface),
        ),
    ),
    "lvs-director": AgentFacts(
        "",
        (
            *_ADDRESS,
            ParameterFacts("forward", "boolean"),
            ParameterFacts("sync_interface", check=_interface),
            ParameterFacts("sync_id", "integer", check=_sync_id),
        ),
    ),
    "filesync": AgentFacts(
        "",
        (
            ParameterFacts("source", required=True, check=_directory),
            ParameterFacts("targets", required=True, check=_targets),
            ParameterFacts("delete", "boolean"),
            ParameterFacts("exclude"),
            *map(_number, ("delay", "retry_interval", "full_interval", "max_lag", "flush_timeout")),
            ParameterFacts("password_file", check=_absolute),
            ParameterFacts("rsh"),
            ParameterFacts("options"),
            ParameterFacts("rsync"),
        ),
    ),
    "Dummy": AgentFacts("", (_STATE, ParameterFacts("value"), _number("op_sleep"), ParameterFacts("fail_start_on"))),
    "Stateful": AgentFacts("", (_STATE, ParameterFacts("promoted_score"), ParameterFacts("unpromoted_score"))),
}
"""Our OCF agents by type."""


OTHERS_TYPES: Final = frozenset({"IPaddr", "Filesystem", "Dummy", "Stateful", "ldirectord"})
"""Types that resource-agents has too, with parameters of its own; where both are installed, theirs is run."""


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """How haresources gives a script its parameters: their names by position, and how it is written."""

    names: tuple[str, ...]
    usage: str
    of_heartbeat: bool = False
    """Whether Heartbeat has a script of that name, with the same arguments."""

    gathers: bool = False
    """Whether the last name takes all arguments that are left, as targets of rsync."""

    def named(self, arguments: Sequence[str]) -> dict[str, str]:
        """The parameters that the arguments are."""
        if not self.gathers:
            return dict(zip(self.names, arguments, strict=False))
        first = len(self.names) - 1
        return dict(zip(self.names, (*arguments[:first], " ".join(_rsync_targets(arguments[first:]))), strict=False))


FRONT_ENDS: Final[Mapping[str, FrontEnd]] = {
    "Filesystem": FrontEnd(
        ("device", "directory", "fstype", "options"), "Filesystem::DEVICE::DIR[::FSTYPE[::OPTIONS]]", of_heartbeat=True
    ),
    "webserver": FrontEnd(("port", "directory"), "webserver[::PORT[::DIRECTORY]]"),
    "ldirectord": FrontEnd(("configfile",), "ldirectord[::CONFIGFILE]", of_heartbeat=True),
    "filesync": FrontEnd(("source", "targets"), "filesync::DIRECTORY::TARGET[::TARGET...]", gathers=True),
    "lvs-director": FrontEnd(
        ("ip", "sync_interface", "sync_id"),
        "lvs-director::ADDRESS[/BITS[/INTERFACE[:LABEL][/BROADCAST]]][::SYNC_INTERFACE[::SYNC_ID]]",
    ),
    "lvs-realserver": FrontEnd(("ip", "method", "nic"), "lvs-realserver::ADDRESS[::dr|tun[::NIC]]"),
    "Dummy": FrontEnd(("name",), "Dummy[::NAME]"),
}
"""Scripts whose arguments are judged; IPaddr and its kin have a syntax of their own (``ip_argument.py``)."""


def _rsync_targets(words: Sequence[str]) -> Iterator[str]:
    """Haresources splits HOST::MODULE: a word that is neither a path nor has a colon belongs to the next."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        yield f"{word}::{rest.pop(0)}" if rest and not word.startswith("/") and ":" not in word else word


def value_fault(parameter: ParameterFacts, value: str) -> str:
    """What is wrong with a value, in a sentence; empty when nothing is."""
    if not value:
        return "it is required" if parameter.required else ""
    if parameter.check is not None:
        return parameter.check(value)
    if parameter.kind == "integer" and parse_number(value.removeprefix("-")) is None:
        return f"{shown(value)} is no whole number"
    if parameter.kind == "boolean" and value.lower() not in BOOLEANS:
        return f"{shown(value)} is neither yes nor no"
    if parameter.kind == "select" and parameter.options and value not in parameter.options:
        return f"{shown(value)} is none of {', '.join(parameter.options)}"
    return ""


def faults_of(facts: AgentFacts, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """(parameter, what is wrong with it) of everything that is known of the agent."""
    return [(p.name, fault) for p in facts.parameters if (fault := value_fault(p, given.get(p.name, "")))]


def unknown_of(facts: AgentFacts, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """(name, hint) of what is given and the agent does not know."""
    known = [parameter.name for parameter in facts.parameters]
    hints = [(name, nearest(name, known) or f"it knows: {', '.join(known) or 'none'}") for name in given]
    return [(name, hint) for name, hint in hints if name not in known and not name.startswith(("CRM_meta_", "trace_"))]
