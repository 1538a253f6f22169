"""From haresources to a CIB: what the files of a two-node cluster mean for a resource manager.

A line of haresources becomes a group (one resource alone stays alone) with a preference for its node. ``auto_failback
on`` is no stickiness, ``off`` more stickiness than any preference. Addresses and scripts of ours become OCF agents;
other scripts keep their class, with their arguments as the parameters 1, 2, … ``ipfail`` becomes the agent ping and a
rule, ``stonith`` and ``stonith_host`` fence devices. What has no counterpart is reported with its line, never left out
in silence. The files are those of :func:`~hacluster.config.directory.check_directory`, found in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from lxml import etree

from hacluster.base.report import Place, Report, Severity
from hacluster.cib.attributes import OPTIONS
from hacluster.cib.document import XML
from hacluster.config.agents import FRONT_ENDS
from hacluster.config.directory import Checked, DirectoryTexts
from hacluster.config.facts import HostFacts
from hacluster.config.findings import shown
from hacluster.config.haresources import IP_AGENTS, IP_FIRST
from hacluster.config.ip_argument import parse_ip_argument
from hacluster.config.resources import AgentClass, Group, ResourceWord
from hacluster.config.settings import AutoFailback, HaclusterConfig, HaConfig, PacemakerMode
from hacluster.node.first import first_cib

PREFERENCE: Final = "100"
"""The score of a group's own node."""

MONITOR: Final = "10s"
PING: Final = "pingd"
"""The attribute in which the agent ping counts what it reaches."""

_NOT_ID: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_GONE: Final = frozenset({"auto_failback", "nice_failback", "stonith", "stonith_host"})
"""Directives of ha.cf whose meaning is in the CIB now."""


@dataclass(frozen=True, slots=True)
class Imported:
    """``cib`` is a whole CIB without a status, ``ha_cf`` the text of the new ha.cf, ``reports`` what to know."""

    cib: XML
    ha_cf: str
    reports: tuple[Report, ...]


@dataclass(slots=True)
class _Draft:
    ha: HaConfig
    own: HaclusterConfig
    texts: DirectoryTexts
    host: HostFacts
    reports: list[Report] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def warn(self, code: str, text: str, hint: str, line: int | None = None, *, ha: bool = False) -> None:
        file = self.texts.ha.name if ha else self.texts.haresources.name
        self.reports.append(Report(code, Severity.WARNING, text, Place(file, line), hint))

    def note(self, code: str, text: str, hint: str, line: int | None = None, *, ha: bool = False) -> None:
        file = self.texts.ha.name if ha else self.texts.haresources.name
        self.reports.append(Report(code, Severity.NOTICE, text, Place(file, line), hint))

    def id_of(self, text: str) -> str:
        """An id that no other object has."""
        plain = _NOT_ID.sub("_", text).strip("_.-") or "resource"
        plain = plain if plain[0].isalpha() else f"r{plain}"
        found, number = plain, 1
        while found in self.ids:
            number += 1
            found = f"{plain}-{number}"
        self.ids.add(found)
        return found


def import_haresources(checked: Checked, texts: DirectoryTexts, host: HostFacts) -> Imported:
    """The same cluster with a resource manager; ``checked`` must be usable."""
    assert checked.ha is not None, "no ha.cf"
    assert checked.hacluster is not None, "no hacluster.cf"
    assert checked.resources is not None, "no haresources"
    draft = _Draft(checked.ha, checked.hacluster, texts, host)
    root = etree.fromstring(first_cib(replace(checked.ha, pacemaker=PacemakerMode.RESPAWN), checked.hacluster))
    resources, constraints = root.find("configuration/resources"), root.find("configuration/constraints")
    assert resources is not None, "the first CIB has all sections"
    assert constraints is not None, "the first CIB has all sections"
    homes = [_group(draft, group, resources, constraints) for group in checked.resources.groups]
    _ping(draft, resources, constraints, homes)
    fenced = _fencing(draft, resources, constraints)
    _options(draft, root, fenced=fenced)
    ha_cf = "".join(_ha_cf(draft))
    _between(draft, len(homes))
    return Imported(root, ha_cf, tuple(draft.reports))


# ---- resources


def _group(draft: _Draft, group: Group, resources: XML, constraints: XML) -> str:
    """One line of haresources; the id of what it has become."""
    words = group.resources
    if len(words) == 1:
        element = _primitive(draft, resources, words[0], group.line)
        home = element.get("id", "")
    else:
        home = draft.id_of(f"group-{_name(words[0])}")
        parent = etree.SubElement(resources, "group", id=home)
        for word in words:
            _primitive(draft, parent, word, group.line)
    etree.SubElement(
        constraints, "rsc_location", id=draft.id_of(f"{home}-prefers-{group.node}"), rsc=home, node=group.node,
        score=PREFERENCE,
    )  # fmt: skip
    return home


def _primitive(draft: _Draft, parent: XML, word: ResourceWord, line: int) -> XML:
    standard, provider, kind, parameters = _agent(draft, word, line)
    element = etree.SubElement(parent, "primitive", id=draft.id_of(_name(word)))
    element.set("class", standard)
    if provider:
        element.set("provider", provider)
    element.set("type", kind)
    own = element.get("id", "")
    if parameters:
        inside = etree.SubElement(element, "instance_attributes", id=f"{own}-instance_attributes")
        for name, value in parameters.items():
            etree.SubElement(inside, "nvpair", id=f"{own}-{name}", name=name, value=value)
    operations = etree.SubElement(element, "operations")
    for operation, what in (("start", "start"), ("stop", "stop"), ("monitor", "status")):
        limit = draft.own.timeout_ms(word.name, what)
        interval = MONITOR if operation == "monitor" else "0"
        etree.SubElement(
            operations, "op", id=f"{own}-{operation}-{interval}", name=operation, interval=interval,
            timeout=f"{limit}ms",
        )  # fmt: skip
    return element


def _name(word: ResourceWord) -> str:
    if word.agent is AgentClass.HEARTBEAT and word.name in IP_AGENTS and word.arguments:
        return f"ip-{word.arguments[0].partition('/')[0]}"
    if word.agent is AgentClass.OCF:
        return "-".join((word.name, *word.arguments[:1]))
    front = FRONT_ENDS.get(word.name)
    named = front.named(word.arguments) if front is not None else {}
    last = named.get("directory") or (word.arguments[-1] if word.arguments else "")
    last = last.rpartition("/")[2]
    return f"{word.name}-{last}" if last else word.name


def _agent(draft: _Draft, word: ResourceWord, line: int) -> tuple[str, str, str, dict[str, str]]:
    """Class, provider, type and parameters."""
    if word.agent is AgentClass.OCF:
        return "ocf", _provider(draft, word.name, line), word.name, dict(word.parameters)
    if word.name in IP_AGENTS and word.arguments:
        return "ocf", "hacluster", "IPaddr", _address(word.arguments[0])
    front = FRONT_ENDS.get(word.name)
    if front is not None and word.name != "Dummy":
        named = front.named(word.arguments)
        if word.name in IP_FIRST and word.arguments:
            named |= _address(word.arguments[0])
        return "ocf", "hacluster", word.name, named
    numbered = {str(number): argument for number, argument in enumerate(word.arguments, start=1)}
    if not numbered and draft.host.init_scripts is not None and word.name in draft.host.init_scripts:
        text = f"{shown(word.name)} is an init script: whether it runs is what its status says"
        draft.note("init-script", text, "see that its status answers 0 and 3, or use the systemd unit", line)
        return "lsb", "", word.name, {}
    text = f"{shown(word.name)} stays a script of Heartbeat's class"
    draft.note("heartbeat-script", text, "an OCF agent knows its parameters and says why it fails", line)
    return "heartbeat", "", word.name, numbered


def _provider(draft: _Draft, kind: str, line: int) -> str:
    facts = draft.host.agents.get(kind) if draft.host.agents is not None else None
    if facts is not None and facts.program:
        return facts.program.split("/")[-2]
    if draft.host.ocf_agents is not None and kind not in draft.host.ocf_agents:
        text = f"no provider has the OCF agent {shown(kind)} on this host; heartbeat is assumed"
        draft.warn("no-agent", text, "install it on all nodes, or name its provider", line)
    return "heartbeat"


def _address(argument: str) -> dict[str, str]:
    found = parse_ip_argument(argument)
    assert not isinstance(found, str), f"haresources was checked: {found}"
    words = {"ip": str(found.address)}
    words |= {"cidr_netmask": str(found.bits)} if found.bits is not None else {}
    words |= {"nic": found.interface} if found.interface else {}
    words |= {"iflabel": found.label} if found.label else {}
    return words | ({"broadcast": found.broadcast} if found.broadcast else {})


# ---- what ha.cf says of resources


def _ping(draft: _Draft, resources: XML, constraints: XML, homes: Iterable[str]) -> None:
    if not draft.ha.uses_ipfail:
        return
    line = next(client.line for client in draft.ha.clients if client.name == "ipfail")
    pinged = draft.ha.ping_nodes
    if not pinged:
        draft.warn("ipfail-without-ping", "ipfail compares ping nodes and there are none", "", line, ha=True)
        return
    clone = etree.SubElement(resources, "clone", id=draft.id_of("connectivity"))
    ping = etree.SubElement(clone, "primitive", id=draft.id_of("ping"))
    for name, value in (("class", "ocf"), ("provider", "pacemaker"), ("type", "ping")):
        ping.set(name, value)
    inside = etree.SubElement(ping, "instance_attributes", id="ping-instance_attributes")
    words = {"host_list": " ".join(pinged), "multiplier": "1000", "dampen": "5s", "name": PING}
    for name, value in words.items():
        etree.SubElement(inside, "nvpair", id=f"ping-{name}", name=name, value=value)
    operations = etree.SubElement(ping, "operations")
    etree.SubElement(operations, "op", id="ping-monitor-10s", name="monitor", interval="10s", timeout="60s")
    for home in homes:
        location = etree.SubElement(constraints, "rsc_location", id=draft.id_of(f"{home}-where-more-answers"), rsc=home)
        own = location.get("id", "")
        rule = etree.SubElement(location, "rule", {"id": f"{own}-rule", "score-attribute": PING})
        etree.SubElement(rule, "expression", id=f"{own}-expression", attribute=PING, operation="defined")
    text = "ipfail has become the agent ocf:pacemaker:ping on each node, and a rule: where more ping nodes answer"
    draft.note("ipfail", text, "Debian: apt install pacemaker-resource-agents", line, ha=True)


def _fencing(draft: _Draft, resources: XML, constraints: XML) -> bool:
    """The fence devices; whether there is one."""
    found = []
    if draft.ha.stonith is not None:
        entry = draft.ha.stonith
        found.append((entry.type, {"config_file": entry.config_file}, "*", entry.line))
    found += [(entry.type, _named(entry.parameters), entry.host, entry.line) for entry in draft.ha.stonith_hosts]
    for kind, words, host, _line in found:
        own = draft.id_of(f"fence-{kind.rpartition('/')[2]}")
        element = etree.SubElement(resources, "primitive", id=own)
        element.set("class", "stonith")
        element.set("type", kind)
        inside = etree.SubElement(element, "instance_attributes", id=f"{own}-instance_attributes")
        for name, value in words.items():
            etree.SubElement(inside, "nvpair", id=f"{own}-{name}", name=name, value=value)
        for node in draft.ha.nodes if host != "*" else ():
            if node != host:
                where = draft.id_of(f"{own}-not-from-{node}")
                etree.SubElement(constraints, "rsc_location", id=where, rsc=own, node=node, score="-INFINITY")
    if found:
        text = "fence devices are in the CIB now, and so are their secrets"
        draft.note("secrets", text, "cibsecret keeps a parameter out of it", found[0][3], ha=True)
    return bool(found)


def _named(words: tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if words and all(sign and name.isidentifier() for name, sign, _ in pairs):
        return {name: value for name, _, value in pairs}
    return {"positional": " ".join(words)} if words else {}


def _options(draft: _Draft, root: XML, *, fenced: bool) -> None:
    options = root.find(f"configuration/crm_config/cluster_property_set[@id='{OPTIONS}']")
    assert options is not None, "the first CIB has options"
    etree.SubElement(
        options, "nvpair", id=f"{OPTIONS}-stonith-enabled", name="stonith-enabled", value=str(fenced).lower()
    )
    back = draft.ha.auto_failback is not AutoFailback.OFF
    configuration = root.find("configuration")
    assert configuration is not None, "a CIB has a configuration"
    defaults = etree.SubElement(configuration, "rsc_defaults")
    inside = etree.SubElement(defaults, "meta_attributes", id="rsc-options")
    value = "0" if back else "INFINITY"
    etree.SubElement(inside, "nvpair", id="rsc-options-stickiness", name="resource-stickiness", value=value)
    if draft.ha.auto_failback is AutoFailback.LEGACY:
        text = "auto_failback legacy is taken for on: groups go back to their own node"
        draft.note("legacy-failback", text, "for off: crm configure rsc_defaults resource-stickiness=INFINITY", ha=True)


def _between(draft: _Draft, groups: int) -> None:
    """What changes for the cluster as a whole."""
    if not draft.ha.stonith_hosts and draft.ha.stonith is None:
        text = "there is no fencing: when one node is lost the other goes on without knowing whether it is down"
        draft.warn("no-fencing", text, "configure a fence device and stonith-enabled=true, or an arbitrator", ha=True)
    if groups:
        text = f"each resource is looked after every {MONITOR} from now on: haresources never did"
        draft.note("monitored", text, "what fails is begun anew, here or elsewhere; see that its status is right")
    if draft.own.seal.value != "on":
        text = f"seal {draft.own.seal} does not go with crm"
        where = Place(draft.texts.hacluster.name, field="seal")
        draft.reports.append(Report("crm-unsealed", Severity.WARNING, text, where, "write: seal on"))


# ---- ha.cf


def _ha_cf(draft: _Draft) -> Iterator[str]:
    """The old file line by line; what has another place now is commented out."""
    yield "crm respawn\n"
    ipfail = {client.line for client in draft.ha.clients if client.name == "ipfail"}
    for number, line in enumerate((draft.texts.ha.text or "").splitlines(), start=1):
        word = line.split("#")[0].split()[:1]
        directive = word[0].lower() if word else ""
        if directive in ("crm", "pacemaker"):
            continue
        if directive in _GONE or number in ipfail:
            yield f"# in the CIB: {line}\n"
        else:
            yield f"{line}\n"
