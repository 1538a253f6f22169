"""The configuration directory as a whole: the four files read together and held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from hacluster.base.report import Place, Report, Severity, has_errors
from hacluster.config import quorum
from hacluster.config.agents import OTHERS_TYPES, OURS, faults_of, unknown_of, value_fault
from hacluster.config.authkeys import parse_authkeys
from hacluster.config.facts import NO_FACTS, HostFacts
from hacluster.config.findings import nearest, shown
from hacluster.config.ha_cf import asks_for_crm, nodes_of, parse_ha_cf
from hacluster.config.hacluster_cf import parse_hacluster_cf
from hacluster.config.haresources import parse_haresources
from hacluster.config.instances import parse_instance
from hacluster.config.resources import AgentClass, Haresources, ResourceWord
from hacluster.config.settings import BUILTIN_APIAUTH, AutoFailback, HaclusterConfig, HaConfig, Seal
from hacluster.wire.auth import KeyRing


@dataclass(frozen=True, slots=True)
class FileText:
    """One file as the reader found it.

    ``name`` is what reports call it. ``text`` is ``None`` when there is no such file, or when it could not be read:
    then ``problem`` says why. ``mode`` and ``owner`` (uid) are ``None`` when not known.
    """

    name: str
    text: str | None
    mode: int | None = None
    owner: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DirectoryTexts:
    """The files of a configuration directory.

    ``seal_key`` is the file that hacluster.cf names, if it names one. ``instances`` are the settings of OCF resources,
    ``conf/OCF/TYPE/INSTANCE``, by (type, instance).
    """

    ha: FileText
    authkeys: FileText
    haresources: FileText
    hacluster: FileText
    seal_key: FileText | None = None
    instances: Mapping[tuple[str, str], FileText] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """Typed settings, ``None`` where a file had errors, and all findings: file by file, then those between files.

    ``seal_keys`` is what seals datagrams: the ring of ``seal_key``, else that of authkeys.
    """

    ha: HaConfig | None
    keys: KeyRing | None
    seal_keys: KeyRing | None
    resources: Haresources | None
    hacluster: HaclusterConfig | None
    reports: tuple[Report, ...]

    @property
    def usable(self) -> bool:
        """Whether a daemon may start with it."""
        return not has_errors(self.reports)


def _missing(file: FileText, hint: str) -> Report:
    if file.problem:
        return Report("unreadable-file", Severity.ERROR, file.problem, Place(file.name))
    return Report("missing-file", Severity.ERROR, "there is no such file", Place(file.name), hint)


def check_directory(texts: DirectoryTexts, host: HostFacts = NO_FACTS, *, own_uid: int = 0) -> Checked:
    """Read all files and hold them against each other. ``own_uid`` is a uid beside root's that may own the keys."""
    reports: list[Report] = []

    ha: HaConfig | None = None
    if texts.ha.text is None:
        reports.append(_missing(texts.ha, "it names the nodes and the media, ha.cf(5)"))
    else:
        ha, found = parse_ha_cf(texts.ha.text, texts.ha.name, host=host)
        reports += found

    keys = _keys(texts.authkeys, reports, own_uid)

    resources: Haresources | None = None
    if ha.uses_crm if ha is not None else asks_for_crm(texts.ha.text or ""):
        reports += _unread(texts.haresources)
        resources = Haresources()
    elif texts.haresources.text is None:
        reports.append(_missing(texts.haresources, "it says which resources there are; it may be empty"))
    else:
        nodes = ha.nodes if ha else nodes_of(texts.ha.text or "")
        resources, found = parse_haresources(texts.haresources.text, texts.haresources.name, nodes=nodes, host=host)
        reports += found
        if resources is not None:
            resources = _with_instances(resources, texts, reports, host)

    hacluster: HaclusterConfig | None = HaclusterConfig()
    if texts.hacluster.text is not None:
        hacluster, found = parse_hacluster_cf(texts.hacluster.text, texts.hacluster.name, host=host)
        reports += found
    elif texts.hacluster.problem:
        hacluster = None
        reports.append(_missing(texts.hacluster, ""))

    seal_keys = keys
    if hacluster is not None and hacluster.seal_key is not None and hacluster.seal is not Seal.OFF:
        file = texts.seal_key or FileText(hacluster.seal_key, None)
        seal_keys = _keys(file, reports, own_uid)

    checked = Checked(ha, keys, seal_keys, resources, hacluster, ())
    reports += _between(checked, texts)
    return Checked(ha, keys, seal_keys, resources, hacluster, tuple(reports))


def _with_instances(
    resources: Haresources, texts: DirectoryTexts, reports: list[Report], host: HostFacts
) -> Haresources:
    """The same resources, the OCF ones with the parameters of their settings files."""
    parameters: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
    for key in dict.fromkeys(resources.instances()):
        file = texts.instances.get(key)
        if file is None:
            continue
        if file.text is not None:
            parameters[key], found = parse_instance(file.text, file.name)
            reports += found
            reports += _check_parameters(key[0], dict(parameters[key]), Place(file.name), host)
        elif file.problem:
            reports.append(Report("unreadable-file", Severity.ERROR, file.problem, Place(file.name)))
        else:
            text = f"OCF::{key[0]}::{key[1]} has no settings file: the agent runs with its defaults"
            hint = "write OCF_RESKEY_NAME=VALUE lines; Heartbeat does not start a resource without it"
            reports.append(Report("no-instance-file", Severity.WARNING, text, Place(file.name), hint))

    def filled(word: ResourceWord) -> ResourceWord:
        if word.agent is not AgentClass.OCF or not word.arguments:
            return word
        return replace(word, parameters=parameters.get((word.name, word.arguments[0]), ()))

    groups = (replace(group, resources=tuple(map(filled, group.resources))) for group in resources.groups)
    return replace(resources, groups=tuple(groups))


def _check_parameters(kind: str, given: Mapping[str, str], place: Place, host: HostFacts) -> Iterator[Report]:
    """The settings of an OCF resource against what is known of its agent: the host's, else the one of ours."""
    facts = host.agents.get(kind) if host.agents is not None else None
    ours = OURS.get(kind)
    if facts is None and host.agents is None and ours is not None and kind not in OTHERS_TYPES:
        facts = ours
    is_ours = facts is ours or (facts is not None and facts.program.endswith(f"/hacluster/{kind}"))
    if facts is None:
        return
    hint = f"{kind} meta-data describes its parameters"
    for name, fault in faults_of(ours if is_ours and ours is not None else facts, given):
        known_better = ours.get(name) if ours is not None and not is_ours else None
        if known_better is not None and given.get(name) and not value_fault(known_better, given[name]):
            continue  # such as force_unmount=safe, of which the meta-data says boolean
        text = f"parameter {name} of the agent {kind}: {fault}"
        yield Report("bad-parameter", Severity.ERROR if is_ours else Severity.WARNING, text, place, hint)
    for name, known in unknown_of(facts, given):
        yield Report(
            "unknown-parameter", Severity.WARNING, f"the agent {kind} has no parameter {shown(name)}", place, known
        )


def _keys(file: FileText, reports: list[Report], own_uid: int) -> KeyRing | None:
    if file.text is None:
        reports.append(_missing(file, "it holds the shared key: auth 1, 1 sha1 KEY, mode 600"))
        return None
    keys, found = parse_authkeys(file.text, file.name, file.mode, file.owner, own_uid=own_uid)
    reports += found
    return keys


def _between(checked: Checked, texts: DirectoryTexts) -> Iterator[Report]:
    """What no file shows alone."""
    if checked.hacluster is not None and checked.seal_keys is not None:
        yield from _check_seal(checked.hacluster, checked.seal_keys, texts)
    if checked.ha is not None and checked.ha.uses_crm:
        yield from _check_crm(checked.ha, checked.hacluster, texts)
    elif checked.ha is not None:
        yield from _check_v1(checked.ha, checked.hacluster, texts)
        if checked.resources is not None:
            yield from _check_groups(checked.ha, checked.resources, texts)
    if checked.hacluster is not None and checked.ha is not None:
        yield from _check_apiauth(checked.ha, checked.hacluster, texts)
    crm = checked.ha is not None and checked.ha.uses_crm
    if checked.hacluster is not None and checked.resources is not None and not crm:
        yield from _check_timeouts(checked.hacluster, checked.resources, texts)


def _check_seal(hacluster: HaclusterConfig, keys: KeyRing, texts: DirectoryTexts) -> Iterator[Report]:
    if keys.signer.method.keyed or hacluster.seal is Seal.OFF:
        return
    place = Place(hacluster.seal_key or texts.authkeys.name)
    text = "datagrams cannot be sealed: crc has no key to derive one from"
    if hacluster.seal is Seal.ON:
        hint = "use sha1 with a random key; or write seal off into hacluster.cf to go without any protection"
        yield Report("seal-without-key", Severity.ERROR, text, place, hint)
    else:
        yield Report("seal-without-key", Severity.WARNING, text, place, "use sha1 with a random key")


def _unread(haresources: FileText) -> Iterator[Report]:
    """With ``crm`` nobody reads haresources; whoever wrote resources there should know."""
    lines = (haresources.text or "").splitlines()
    number = next((n for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")), None)
    if number is not None:
        text = "haresources is not read: with crm in ha.cf resources are in the CIB"
        hint = "hacluster import makes a CIB of it; then empty the file"
        yield Report("haresources-unread", Severity.WARNING, text, Place(haresources.name, number), hint)


def _check_crm(ha: HaConfig, own: HaclusterConfig | None, texts: DirectoryTexts) -> Iterator[Report]:
    if own is None:
        return
    if own.seal is not Seal.ON:
        text = f"seal {own.seal} does not go with crm: what the nodes agree on must not be forged"
        place = Place(texts.hacluster.name, field="seal")
        yield Report("crm-unsealed", Severity.ERROR, text, place, "write: seal on")
    yield from quorum.faults(own.quorum, ha.nodes, ha.ping_nodes, texts.hacluster.name)
    yield from _check_links(ha, texts.ha.name)
    if own.quorum.is_two_node(ha.nodes) and own.quorum.two_node is None:
        text = "a cluster of two: each alone goes on only when the other is fenced, or a person says that it is down"
        hint = "configure fencing, or a third node or witness; two_node off needs both nodes for quorum"
        yield Report("two-node", Severity.NOTICE, text, Place(texts.ha.name), hint)


def _check_v1(ha: HaConfig, own: HaclusterConfig | None, texts: DirectoryTexts) -> Iterator[Report]:
    if own is not None and own.quorum.is_given:
        names = ", ".join(name for name, _ in own.quorum.lines)
        place = Place(texts.hacluster.name, own.quorum.lines[0][1])
        text = f"{names}: there is no quorum with haresources"
        yield Report("no-effect", Severity.WARNING, text, place, "write crm respawn into ha.cf, or take it out")
    yield from _check_ha(ha, texts.ha.name)
    yield from _check_links(ha, texts.ha.name)


def _check_ha(ha: HaConfig, file: str) -> Iterator[Report]:
    place = Place(file)
    if len(ha.nodes) != 2:
        text = f"there are {len(ha.nodes)} nodes: haresources clusters have exactly two"
        hint = "with more, a dead third node makes both others claim everything" if len(ha.nodes) > 2 else ""
        yield Report("not-two-nodes", Severity.WARNING, text, place, hint)
    if ha.uses_ipfail:
        line = next(client.line for client in ha.clients if client.name == "ipfail")
        if not ha.ping_nodes:
            hint = "add a ping line with an address outside the cluster, such as the router's"
            text = "ipfail compares ping nodes and there are none"
            yield Report("ipfail-without-ping", Severity.WARNING, text, Place(file, line), hint)
        if ha.auto_failback is AutoFailback.LEGACY:
            text = "ipfail can do nothing with auto_failback legacy"
            yield Report("ipfail-with-legacy", Severity.WARNING, text, Place(file, line), "use auto_failback on or off")
    for device in ha.stonith_hosts:
        if device.host != "*" and device.host not in ha.nodes:
            hint = nearest(device.host, ha.nodes) or "a node, or * for all"
            text = f"stonith_host {shown(device.host)} is not a node"
            yield Report("unknown-node", Severity.WARNING, text, Place(file, device.line), hint)


def _check_links(ha: HaConfig, file: str) -> Iterator[Report]:
    if len(ha.links) == 1 and len(ha.nodes) > 1:
        what = "a node behind it has no quorum" if ha.uses_crm else "both nodes run all resources"
        text = f"{shown(ha.links[0])} is the only link: when it is cut, {what}"
        hint = "add a second medium on another network"
        yield Report("single-link", Severity.NOTICE, text, Place(file), hint)


def _check_groups(ha: HaConfig, resources: Haresources, texts: DirectoryTexts) -> Iterator[Report]:
    place = Place(texts.haresources.name)
    if not resources.groups:
        yield Report("no-groups", Severity.NOTICE, "there are no resources to keep alive", place)
    pinged = set(ha.ping_nodes)
    for group in resources.groups:
        for word in group.resources:
            address = word.arguments[0].partition("/")[0] if word.arguments else ""
            if address in pinged:
                text = f"address {address} of this group is also a ping node"
                hint = "ping something outside the cluster, such as the router"
                yield Report("ping-node-is-resource", Severity.WARNING, text, Place(place.file, group.line), hint)


def _check_apiauth(ha: HaConfig, hacluster: HaclusterConfig, texts: DirectoryTexts) -> Iterator[Report]:
    """Whom ha.cf lets sign on must also be let through by the sockets, which only root and their group may open."""
    if hacluster.socket_mode & 0o006 == 0o006:
        return
    let_through = {"root", "0", hacluster.socket_group}
    for entry in ha.apiauth:
        others = [name for name in (*entry.uids, *entry.gids) if name not in let_through]
        if entry not in BUILTIN_APIAUTH and others:
            text = (
                f"apiauth {shown(entry.client)} names {', '.join(map(shown, others))}, but the sockets are open to root"
                f" and group {shown(hacluster.socket_group)} only"
            )
            hint = "make them members of that group, or write socket_mode 0666 into hacluster.cf"
            yield Report("apiauth-behind-socket", Severity.NOTICE, text, Place(texts.ha.name), hint)


def _check_timeouts(hacluster: HaclusterConfig, resources: Haresources, texts: DirectoryTexts) -> Iterator[Report]:
    agents = {word.name for group in resources.groups for word in group.resources}
    for agent in dict.fromkeys(override.agent for override in hacluster.timeouts):
        if agent not in agents:
            text = f"timeout names {shown(agent)}, which haresources does not use"
            hint = nearest(agent, agents)
            yield Report("timeout-unused", Severity.WARNING, text, Place(texts.hacluster.name), hint)
