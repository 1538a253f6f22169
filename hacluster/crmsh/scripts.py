"""Scripts for whole services: parameters by name, and the configuration that comes of them.

Names and parameters are those of crmsh's scripts of the same names, so that what calls those goes on working.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hacluster.crmsh.level import Refused
from hacluster.crmsh.words import quoted

_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """``needed``: it must be given. ``default``: what holds otherwise."""

    name: str
    short: str
    needed: bool = False
    default: str = ""
    is_id: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """``text``: the configuration; ``{name}`` is a value, ``{name=}`` a word ``name=value`` if there is one."""

    name: str
    category: str
    short: str
    parameters: tuple[Parameter, ...]
    text: str = ""

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """All parameters with their values; raises :class:`Refused` for each fault at once."""
        known = {one.name: one for one in self.parameters}
        faults = [f"{name} is no parameter of {self.name}" for name in given if name not in known]
        missing = [one for one in self.parameters if one.needed and not given.get(one.name)]
        faults += [f"{one.name} is needed: {one.short}" for one in missing]
        found = {one.name: given.get(one.name) or one.default for one in self.parameters}
        faults += [
            f"{one.name}={found[one.name]!r} is no id"
            for one in self.parameters
            if one.is_id and found[one.name] and not _NAME.fullmatch(found[one.name])
        ]
        if faults:
            raise Refused("; ".join(faults))
        return found

    def configuration(self, given: Mapping[str, str]) -> str:
        """The commands that the script comes to."""
        values = self.values(given)

        def put(match: re.Match[str]) -> str:
            name = match[1]
            value = values[name]
            if match[2]:
                return f"{name}={quoted(value)}" if value else ""
            return value

        text = re.sub(r"\{(\w+)(=?)\}", put, self.text)
        return "\n".join(re.sub(r" +", " ", line).rstrip() for line in text.splitlines() if line.strip()) + "\n"


def _id(short: str = "id of the resource") -> Parameter:
    return Parameter("id", short, needed=True, is_id=True)


_MONITOR: Final = "op start timeout=60s op stop timeout=60s op monitor interval={}s timeout=30s"

_BITS: Final = Parameter("cidr_netmask", "bits of the network")
_ADDRESS: Final = Parameter("ip", "the IPv4 or IPv6 address", needed=True)
_VIP: Final = (
    "primitive {id}-vip ocf:heartbeat:IPaddr2 params {ip=} {cidr_netmask=} op monitor interval=10s timeout=20s\n"
)

SCRIPTS: Final = (
    Script("health", "Basic", "whether the cluster and its nodes are well", ()),
    Script(
        "virtual-ip", "Basic", "an address that moves",
        (_id(), _ADDRESS, _BITS, Parameter("broadcast", "the broadcast address"), Parameter("nic", "the interface")),
        "primitive {id} ocf:heartbeat:IPaddr2 params {ip=} {cidr_netmask=} {broadcast=} {nic=} op start timeout=20s"
        " op stop timeout=20s op monitor interval=10s timeout=20s",
    ),
    Script(
        "filesystem", "Basic", "a file system that is mounted where the service is",
        (_id(), Parameter("device", "the block device", needed=True),
         Parameter("directory", "where it is mounted", needed=True), Parameter("fstype", "its kind", needed=True),
         Parameter("options", "options of mount")),
        "primitive {id} ocf:heartbeat:Filesystem params {device=} {directory=} {fstype=} {options=}"
        " op start timeout=60s op stop timeout=60s op monitor interval=20s timeout=40s",
    ),
    Script(
        "apache", "Server", "Apache with an address of its own, in one group",
        (_id("id of the group"), _ADDRESS, _BITS, Parameter("configfile", "Apache's configuration"),
         Parameter("statusurl", "the URL that is watched"), Parameter("httpd", "the program")),
        f"{_VIP}primitive {{id}}-server ocf:heartbeat:apache params {{configfile=}} {{httpd=}} {{statusurl=}}"
        f" {_MONITOR.format(20)}\ngroup {{id}} {{id}}-vip {{id}}-server",
    ),
    Script(
        "haproxy", "Server", "HAProxy with an address of its own, in one group",
        (_id("id of the group"), _ADDRESS, _BITS),
        f"{_VIP}primitive {{id}}-server systemd:haproxy {_MONITOR.format(20)}\ngroup {{id}} {{id}}-vip {{id}}-server",
    ),
    Script(
        "mailto", "Basic", "a mail when a resource moves",
        (_id(), Parameter("email", "who gets it", needed=True), Parameter("subject", "its subject"),
         Parameter("with", "the group or resource that it goes with", is_id=True)),
        "primitive {id} ocf:heartbeat:MailTo params {email=} {subject=} op start timeout=10s op stop timeout=10s"
        " op monitor interval=10s timeout=10s",
    ),
)  # fmt: skip


def script_of(name: str) -> Script:
    """The script of that name, ``vip`` for ``virtual-ip``; raises :class:`Refused` when there is none."""
    wanted = "virtual-ip" if name == "vip" else name
    for one in SCRIPTS:
        if one.name == wanted:
            return one
    raise Refused(f"there is no script {name}; there are: {' '.join(one.name for one in SCRIPTS)}")


def pairs(words: list[str]) -> dict[str, str]:
    """``name=value`` words; raises :class:`Refused` for what is none."""
    wrong = [word for word in words if "=" not in word]
    if wrong:
        raise Refused(f"{' '.join(wrong)}: parameters are given as name=value")
    return dict(word.split("=", 1) for word in words)
