"""What a cluster with this configuration cannot survive, each with the sequence of events that shows it.

A hazard is no error: the configuration is valid, and all goes well until something fails. Fencing is looked at as the
fencer will (:func:`~hacluster.pengine.fencing.fencing_of`), the loss of a node by scheduling without it. Devices whose
targets only they know (``dynamic-list``, ``status``) are taken at their word.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.base.report import Place, Report, Severity
from hacluster.base.secrets import ELSEWHERE
from hacluster.base.values import msec
from hacluster.cib.document import XML, document_of
from hacluster.cib.places import place_of
from hacluster.cib.voters import Voters, VotersError, read_voters, voters_of
from hacluster.client.agents import fence_metadata
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.stonith import Device, FencingConfigured
from hacluster.pe.model.kinds import Kind
from hacluster.pe.schedule import schedule
from hacluster.pe.simulation.inject import set_online
from hacluster.pengine.fencing import fencing_of
from hacluster.stonith.conventions import facts_of
from hacluster.stonith.parameters import AgentFacts, HostCheck, Parameters, is_secret
from hacluster.stonith.topology import levels_of

_TESTS: Final = frozenset({
    *("hacluster/null", "hacluster/ssh", "null", "ssh", "external/ssh", "external/null", "fence_dummy", "suicide"),
})  # fmt: skip
"""Agents that prove nothing."""

_PEOPLE: Final = frozenset({"hacluster/meatware", "meatware"})
_ON_BOARD: Final = frozenset({
    *("fence_ipmilan", "fence_ilo", "fence_ilo2", "fence_ilo3", "fence_ilo4", "fence_ilo5", "fence_ilo_ssh"),
    *("fence_idrac", "fence_drac", "fence_drac5", "fence_imm", "fence_rsa", "fence_redfish", "fence_cisco_ucs"),
    *("hacluster/ipmilan", "hacluster/redfish", "external/ipmi", "external/ibmrsa", "external/drac5", "external/riloe"),
})  # fmt: skip
"""Devices inside the node that they switch, mostly fed by the same power supply."""

_ADDRESSES: Final = ("ip", "ipaddr", "ipaddress", "hostname", "address", "pduip", "nut_host")
_PLUGS: Final = ("plug", "port", "outlet", "systems_uri", "vmname")
_MOVES: Final = ("cli-prefer-", "cli-ban-", "cli-standby-")
_PAIR: Final = 2


def _facts(agent: str) -> AgentFacts | None:
    """What the meta-data of an agent on this host says."""
    text = fence_metadata(agent)
    if text is None:
        return None
    kind = agent if agent.startswith(("fence_", "hacluster/")) else "fence_x"
    return facts_of(kind, ChildExited(0, ChildEnd.EXITED, 0, text.encode()))


@dataclass(frozen=True, slots=True)
class _Known:
    """A device, where it stands, and whom it reaches; ``None``: it says itself."""

    device: Device
    parameters: Parameters
    element: XML
    facts: AgentFacts | None

    @property
    def words(self) -> dict[str, str]:
        return dict(self.device.parameters)

    def reaches(self, node: str) -> bool:
        check = self.parameters.check(self.facts or AgentFacts(frozenset({"list"})))
        return self.parameters.names(node) if check is HostCheck.STATIC else True

    def named(self) -> set[str]:
        """Whom it names."""
        return self.parameters.named_targets()


class _Fencing:
    """Everything about fencing."""

    def __init__(self, root: XML, config: FencingConfigured, voters: Voters, file: str) -> None:
        self.root, self.config, self.voters, self.file = root, config, voters, file
        self.nodes = [node.name for node in config.nodes]
        elements = {str(one.get("id")): one for one in root.iterfind("configuration/resources//primitive")}
        facts = {agent: _facts(agent) for agent in sorted({device.agent for device in config.devices})}
        self.known = [
            _Known(device, Parameters(device), elements[device.id], facts[device.agent])
            for device in config.devices
            if device.id in elements
        ]

    def _tell(
        self, code: str, text: str, hint: str, element: XML | None = None, severity: Severity = Severity.WARNING
    ) -> Report:
        place = Place(self.file) if element is None else place_of(element, self.file)
        return Report(code, severity, text, place, hint, own=True)

    def reports(self) -> Iterator[Report]:
        config = self.config
        if not config.enabled:
            text = (
                "a node is cut off: it goes on running what the others start, since nothing makes sure that it is off"
            )
            yield self._tell("fencing-off", text, "configure a device and set stonith-enabled=true")
            return
        yield from self._watchdog()
        for known in self.known:
            yield from self._device(known)
        yield from self._same_switch()
        yield from self._topology()
        counted = self.known or config.watchdog_ms > 0
        if not counted:
            text = "a node is lost: nothing can fence it, so what it ran starts nowhere"
            yield self._tell("no-device", text, "configure a fence device for each node")
        else:
            for node in self.nodes:
                yield from self._node(node)
        yield from self._race()

    def _watchdog(self) -> Iterator[Report]:
        if self.config.watchdog_ms <= 0:
            return
        options = dict(_options(self.root))
        if options.get("have-watchdog", "false").lower() not in ("true", "yes", "on", "1"):
            text = (
                "stonith-watchdog-timeout counts on watchdogs, and have-watchdog is not true: they are not planned with"
            )
            yield self._tell("no-watchdog", text, "ha.cf: watchdog DEVICE on each node, then have-watchdog=true")
        if len(self.voters.names) <= _PAIR and not self.known:
            text = (
                "one of two nodes is lost: the other cannot count on its watchdog, since each would wait for the other"
            )
            yield self._tell("watchdog-of-two", text, "add a fence device, or a third vote")

    def _device(self, known: _Known) -> Iterator[Report]:
        ident, agent, words, element = known.device.id, known.device.agent, known.words, known.element
        if known.facts is None:
            text = f"{ident} is needed: {agent} is not on this host, or does not say what it can"
            yield self._tell("no-agent", text, "install it on every node that may use the device", element)
        if agent in _TESTS:
            text = f"a node hangs: {ident} ({agent}) is a device for tests, and what it says proves nothing"
            yield self._tell("test-device", text, "use a device that takes power or storage away", element)
        if agent in _PEOPLE:
            text = f"a node is lost: {ident} ({agent}) waits for a person, and until then nothing starts elsewhere"
            yield self._tell("needs-person", text, "put a device that acts by itself into a level before it", element)
        for name in sorted(known.named() - set(self.nodes)):
            close = difflib.get_close_matches(name, self.nodes, 1)
            hint = f"did you mean {close[0]}?" if close else f"the nodes are {', '.join(self.nodes)}"
            yield self._tell("unknown-host", f"{ident} names {name}, which is no node", hint, element)
        for name, value in words.items():
            if is_secret(name) and value and value != ELSEWHERE:
                text = f"{name} of {ident} stands in the CIB, where whoever may read it can fence"
                hint = f"cibsecret stash {ident} {name}"
                yield self._tell("open-secret", text, hint, element, Severity.NOTICE)
            if name.startswith("pcmk_") and name.endswith(("_timeout", "_delay")) and msec(value) < 0:
                yield self._tell("bad-time", f"{name} of {ident} is no time: {value!r}", "such as 30s", element)
        where = [node for node in self.nodes if node not in known.device.banned]
        targets = [node for node in self.nodes if known.reaches(node)]
        if not where:
            yield self._tell("nowhere", f"{ident} may be used on no node", "see its location constraints", element)
        for node in targets:
            if where == [node] and not (known.facts and known.facts.on_target):
                text = f"{node} is lost: {ident} may be used on {node} alone, and no node fences itself"
                yield self._tell("own-target", text, f"let another node than {node} use it", element)

    def _can(self, known: _Known, node: str) -> bool:
        """Whether somebody else can fence a node with a device."""
        return known.reaches(node) and any(n != node and n not in known.device.banned for n in self.nodes)

    def _node(self, node: str) -> Iterator[Report]:
        able = [known for known in self.known if self._can(known, node)]
        if not able and self.config.watchdog_ms <= 0:
            text = f"{node} is lost: no device reaches it, so what it ran starts nowhere"
            yield self._tell("node-without-device", text, f"name {node} in pcmk_host_list or pcmk_host_map of a device")
        elif able and self.config.watchdog_ms <= 0 and all(known.device.agent in _ON_BOARD for known in able):
            names = ", ".join(known.device.id for known in able)
            text = f"{node} loses power: {names}, inside it, do not answer either, so what it ran starts nowhere"
            hint = "add a second level with a power distribution unit, or a watchdog"
            yield self._tell("powered-by-host", text, hint, able[0].element)

    def _same_switch(self) -> Iterator[Report]:
        """Devices for different nodes that switch the same outlet."""
        seen: dict[tuple[str, ...], _Known] = {}
        for known in self.known:
            words, targets = known.words, frozenset(known.named())
            address = next((words[name] for name in _ADDRESSES if words.get(name)), "")
            if not address or len(targets) != 1:
                continue
            plug = next((words[name] for name in _PLUGS if words.get(name)), "")
            target = next(iter(targets))
            plug = plug or (known.parameters.alias(target) if known.parameters.alias(target) != target else "")
            takes_name = known.facts is not None and known.facts.host_argument != "none"
            if not plug and takes_name and known.device.agent not in _ON_BOARD:
                continue
            port = words.get("ipport", "")
            other = seen.setdefault((known.device.agent, address, port, plug), known)
            if other is not known and other.named() != known.named():
                who, whom = ", ".join(sorted(known.named())), ", ".join(sorted(other.named()))
                text = f"{who} is lost: {known.device.id} switches the same as {other.device.id}, which is for {whom}"
                yield self._tell("same-switch", text, "compare addresses and plugs", known.element)

    def _topology(self) -> Iterator[Report]:
        devices = {known.device.id: known for known in self.known}
        elements = list(self.root.iterfind("configuration/fencing-topology/fencing-level"))
        for element in elements:
            target = element.get("target")
            if target is not None and target not in self.nodes:
                yield self._tell("unknown-host", f"a level is for {target}, which is no node", "", element)
        for node in self.nodes:
            for level in levels_of(node, self.config.levels, self.config.nodes):
                for ident in level.devices:
                    known = devices.get(ident)
                    if known is None or not self._can(known, node):
                        why = (
                            "is no device that can be used"
                            if known is None
                            else f"does not reach {node} from elsewhere"
                        )
                        text = f"{node} is lost: level {level.index} cannot be used, since {ident} {why}"
                        at = next((one for one in elements if ident in (one.get("devices") or "").split(",")), None)
                        yield self._tell("level-unusable", text, "", at)

    def _race(self) -> Iterator[Report]:
        """Two nodes that lose sight of each other."""
        if len(self.nodes) != _PAIR or not self.known:
            return
        options = dict(_options(self.root))
        if msec(options.get("priority-fencing-delay", "0")) > 0:
            return
        delays = [
            {known.parameters.delays_ms(node) for known in self.known if self._can(known, node)} for node in self.nodes
        ]
        chance = any(high > low for each in delays for low, high in each)
        if not chance and delays[0] == delays[1]:
            text = "the two nodes lose sight of each other: each fences the other at the same moment, and both are off"
            yield self._tell("both-fence", text, "give one device pcmk_delay_base, or set priority-fencing-delay")


def _options(root: XML) -> Iterator[tuple[str, str]]:
    for pair in root.iterfind("configuration/crm_config/cluster_property_set/nvpair"):
        yield str(pair.get("name")), str(pair.get("value"))


def _placed(root: XML, up: Mapping[str, bool], *, quorate: bool, now: Moment) -> dict[str, str]:
    """Where single resources would run; nothing that ran or failed before counts."""
    fresh = copy.deepcopy(root)
    for status in fresh.findall("status"):
        fresh.remove(status)
    etree.SubElement(fresh, "status")
    fresh.set("have-quorum", "1" if quorate else "0")
    document = document_of(fresh)
    for node, is_up in up.items():
        set_online(document, node, is_up)
    cluster = schedule(document, now).cluster
    leaves = (
        one for one in cluster.resource_table if one.kind is Kind.PRIMITIVE and not one.fence_device and one.managed
    )
    return {one.id: one.assigned.name for one in leaves if one.assigned is not None and one.top.kind is not Kind.CLONE}


def _losses(root: XML, nodes: list[str], voters: Voters, now: Moment, file: str) -> Iterator[Report]:
    """Each node is lost once."""
    everybody = dict.fromkeys(nodes, True)
    before = _placed(root, everybody, quorate=True, now=now)
    elements = {str(one.get("id")): one for one in root.iterfind("configuration/resources//*[@id]")}
    for node in nodes if len(nodes) > 1 else ():
        rest = [name for name in voters.names if name != node]
        if not voters.have_quorum(rest):
            text = f"{node} is lost: the others have {voters.count(rest)} of {voters.total} votes and no quorum"
            hint = "an odd number of votes, a witness, or two-node with fencing"
            yield Report("no-quorum-after", Severity.WARNING, text, Place(file), hint, own=True)
            continue
        after = _placed(root, {**everybody, node: False}, quorate=True, now=now)
        for ident in sorted(before):
            if before[ident] == node and ident not in after:
                text = f"{node} is lost: {ident} runs nowhere"
                element = elements.get(ident)
                place = Place(file) if element is None else place_of(element, file)
                hint = "see its locations and what it depends on: hacluster explain"
                yield Report("no-second-home", Severity.WARNING, text, place, hint, own=True)


def _leftovers(root: XML, file: str) -> Iterator[Report]:
    for element in root.iterfind("configuration/constraints/rsc_location"):
        ident = str(element.get("id"))
        if ident.startswith(_MOVES):
            rsc = element.get("rsc")
            text = f"{rsc} was once moved by hand, and {ident} still says where it may run"
            hint = f"crm_resource --clear --resource {rsc}"
            yield Report("leftover-move", Severity.WARNING, text, place_of(element, file), hint, own=True)
    if dict(_options(root)).get("no-quorum-policy", "").lower() == "ignore":
        text = "the network splits: each side goes on without quorum, and whoever fences first decides, or nobody"
        hint = "no-quorum-policy=stop; two nodes: two-node in hacluster.cf"
        yield Report("quorum-ignored", Severity.WARNING, text, Place(file), hint, own=True)


def hazards(root: XML, now: Moment, file: str) -> list[Report]:
    """All hazards of a document in its present form, each once."""
    config = fencing_of(document_of(copy.deepcopy(root)), now)
    nodes = [node.name for node in config.nodes]
    try:
        voters = read_voters(root) or voters_of(nodes, two_node=len(nodes) == _PAIR)
    except VotersError:
        voters = voters_of(nodes)
    found = [
        *_Fencing(root, config, voters, file).reports(),
        *_losses(root, nodes, voters, now, file),
        *_leftovers(root, file),
    ]
    return list(dict.fromkeys(found))
