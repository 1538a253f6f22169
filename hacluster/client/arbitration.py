"""The configuration of an arbitrator: a directory for each cluster that it votes in, with that cluster's files.

An arbitrator's name is what its clusters call it (``witness`` of hacluster.cf), whatever the host is called: one host
may have another name in each of its clusters.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from hacluster.base.report import Place, Report, Severity
from hacluster.client.configdir import read_texts
from hacluster.client.hostfacts import host_facts
from hacluster.config.directory import Checked, DirectoryTexts, FileText, check_directory
from hacluster.config.facts import HostFacts
from hacluster.config.findings import shown
from hacluster.config.ha_cf import nodes_of
from hacluster.config.hacluster_cf import parse_hacluster_cf
from hacluster.config.media import Mcast6, Medium, NetworkMedium, Ucast6

CONFIG_DIR: Final = "/etc/ha.d/arbitrator"
STATE_DIR: Final = "/var/lib/hacluster-arbitrator"
RUN_DIR: Final = "/run/hacluster-arbitrator"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What a directory of a cluster may be called: it names state and sockets, too. Others (backups, ``.git``) are none."""


def clusters_in(config_dir: str) -> list[str]:
    """The clusters that have a directory, by name. OSError when the directory itself cannot be read."""
    return sorted(entry.name for entry in os.scandir(config_dir) if entry.is_dir() and _NAME.fullmatch(entry.name))


def check_arbitrated(directory: Path, host: HostFacts | None = None) -> tuple[Checked, str]:
    """The files of one cluster as its arbitrator reads them, and how the cluster calls it (empty: not at all)."""
    texts = read_texts(directory)
    texts = dataclasses.replace(texts, haresources=FileText(texts.haresources.name, ""))  # nobody reads it here
    own, _ = parse_hacluster_cf(texts.hacluster.text or "", texts.hacluster.name)
    witness = own.quorum.witness if own is not None else ""
    facts = host_facts(directory) if host is None else host
    # One that is no node is told where it is named; that this host is no node would say less.
    known = witness in (nodes_of(texts.ha.text or "") or ())
    facts = dataclasses.replace(facts, node_name=witness if known else None)
    checked = check_directory(texts, facts, own_uid=os.getuid())
    more = tuple(_faults(checked, texts, witness))
    return dataclasses.replace(checked, reports=(*checked.reports, *more)), witness


def _faults(checked: Checked, texts: DirectoryTexts, witness: str) -> Iterator[Report]:
    if checked.ha is not None and not checked.ha.uses_crm:
        text = "this cluster has no resource manager, and so no quorum that an arbitrator could vote for"
        yield Report("no-crm", Severity.ERROR, text, Place(texts.ha.name), "write crm respawn, here and on its nodes")
    if checked.hacluster is not None and not witness:
        text = "no witness is named: the cluster knows of no arbitrator"
        hint = "write witness NAME, a node of ha.cf that only votes; the same on all nodes"
        yield Report("no-witness", Severity.ERROR, text, Place(texts.hacluster.name), hint)
    if checked.ha is not None and checked.ha.watchdog is not None:
        text = "an arbitrator feeds no watchdog: there is nothing that a host without a vote would do harm with"
        yield Report("no-effect", Severity.NOTICE, text, Place(texts.ha.name, field="watchdog"))


def check_together(clusters: Mapping[str, Checked], config_dir: str) -> list[Report]:
    """What is wrong between clusters: whose datagrams would reach each other's sockets."""
    found: list[Report] = []
    users: dict[tuple[str, int], str] = {}
    for name, checked in clusters.items():
        for key in dict.fromkeys(key for medium in _media(checked) for key in _ports(medium)):
            first = users.setdefault(key, name)
            if first != name:
                text = f"UDP port {key[1]} is that of cluster {shown(first)} already; they would mix"
                hint = "give each cluster a port of its own (udpport in ha.cf, on all its nodes)"
                place = Place(os.path.join(config_dir, name, "ha.cf"), field="udpport")
                found.append(Report("port-shared", Severity.ERROR, text, place, hint))
    return found


def _media(checked: Checked) -> tuple[Medium, ...]:
    return checked.ha.media if checked.ha is not None else ()


def _ports(medium: Medium) -> Iterator[tuple[str, int]]:
    """By family and number; on which interface does not matter, as for a daemon's look before it starts."""
    if isinstance(medium, Ucast6 | Mcast6):
        yield "inet6", medium.port
    elif isinstance(medium, NetworkMedium):
        yield "inet", medium.port
