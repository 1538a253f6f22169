"""What a node is started with: its files read and checked, its directories, its name."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hacluster.base.effects import MachineName
from hacluster.base.errors import ConfigError, HaError
from hacluster.base.report import Report, Severity
from hacluster.client.configdir import check_config_dir
from hacluster.client.hostfacts import host_facts
from hacluster.client.paths import shipped
from hacluster.config.directory import Checked
from hacluster.config.settings import HaConfig
from hacluster.daemon import toolbox
from hacluster.daemon.disk import Disk
from hacluster.daemon.privilege import USER, Account, find
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.membership import ReloadKeys
from hacluster.node.assembly import NodeSettings
from hacluster.wire.auth import KeyRing

if TYPE_CHECKING:
    from hacluster.cib.document import XML


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are. ``state_dir`` and ``run_dir`` empty: as hacluster.cf says."""

    config_dir: str = "/etc/ha.d"
    state_dir: str = ""
    run_dir: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """A configuration that may be used, and where the node lives."""

    settings: NodeSettings
    config_dir: str
    state_dir: str
    cib_dir: str
    run_dir: str
    log_stderr: bool
    reports: tuple[Report, ...]
    keys: ReloadKeys
    account: Account
    """Whom all but the hands become."""

    @property
    def disk(self) -> Disk:
        """The files of this node; ``cib_dir`` is empty where there is no CIB."""
        return Disk(self.state_dir, self.run_dir, self.cib_dir)

    def begin(self, account: Account) -> None:
        """A daemon begins: its directories are there, and what does not outlive a daemon is gone. :class:`HaError`."""
        self.disk.prepare(account)
        for key in self.settings.layout.forgotten:
            with contextlib.suppress(OSError):
                self.disk.forget(key, volatile=True)

    def after(self, old: Launch) -> Launch:
        """The same for a node that lives as ``old``: its account stays, since not all processes begin anew.

        Directories that are new are prepared; :class:`HaError`.
        """
        if self.settings.layout is not old.settings.layout:
            raise HaError("crm was switched on or off, which needs a stop and a start")
        if (self.state_dir, self.cib_dir, self.run_dir) != (old.state_dir, old.cib_dir, old.run_dir):
            self.disk.prepare(old.account)
        return replace(self, account=old.account)

    def same_but_keys(self, other: Launch) -> bool:
        """Whether nothing but authkeys (or the seal key) differs."""
        mine, theirs = self.settings, other.settings
        return (mine.ha, mine.own, mine.resources) == (theirs.ha, theirs.own, theirs.resources)


def prepare(places: Places, *, log_stderr: bool) -> Launch:
    """Read and check everything; :class:`ConfigError` with all reports when it cannot be used."""
    directory = Path(places.config_dir)
    facts = host_facts(directory)
    checked = check_config_dir(directory, host=facts)
    return launch_of(checked, (facts.node_name or os.uname().nodename).lower(), places, log_stderr=log_stderr)


def launch_of(checked: Checked, node: str, places: Places, *, log_stderr: bool) -> Launch:
    """The launch of ``node`` with these files; :class:`ConfigError` with all reports when they cannot be used."""
    usable = checked.usable and checked.ha is not None and checked.keys is not None
    if not usable or checked.resources is None or checked.hacluster is None:
        raise ConfigError(list(checked.reports))
    assert checked.ha is not None
    assert checked.keys is not None
    own = checked.hacluster
    seal_keys = seal_secrets(checked.seal_keys)
    settings = NodeSettings(
        node,
        checked.ha,
        own,
        checked.resources,
        checked.keys,
        seal_keys,
        surroundings(node, places.config_dir, checked.ha),
    )
    state_dir, run_dir = places.state_dir or own.state_dir, places.run_dir or own.run_dir
    cib_dir = ""
    if settings.layout.replicates:
        cib_dir = os.path.join(places.state_dir, "cib") if places.state_dir else own.cib_dir
    if settings.layout.manager is MachineName.CRMD:
        host = settings.surroundings
        crm = replace(host, tools_dir=os.path.join(run_dir, toolbox.NAME), run_dir=run_dir)
        settings = replace(settings, surroundings=crm, judge=schema_fault)
    account = find(*(path for path in (state_dir, run_dir, cib_dir) if path))
    if account.usable:
        settings = replace(settings, surroundings=replace(settings.surroundings, alerts_user=USER))
    slots = tuple((key.slot, key.method.value, key.secret) for key in checked.keys.keys.values())
    return Launch(
        settings,
        places.config_dir,
        state_dir,
        cib_dir,
        run_dir,
        log_stderr,
        checked.reports,
        ReloadKeys(slots, checked.keys.sign_with, seal_keys),
        account,
    )


def schema_fault(root: XML) -> str:
    """Why a configuration is not what its schema says; empty when it is. The grammars are compiled when first asked."""
    from hacluster.client.schemas import installed_schemas  # noqa: PLC0415 - v1 has no CIB

    faults = [report for report in installed_schemas().check(root) if report.severity <= Severity.ERROR]
    return str(faults[0]) if faults else ""


def seal_secrets(ring: KeyRing | None) -> tuple[bytes, ...]:
    """The secrets that datagrams are sealed with, the one in use first; crc has none."""
    if ring is None:
        return ()
    keys = [ring.signer, *(key for slot, key in sorted(ring.keys.items()) if slot != ring.sign_with)]
    return tuple(key.secret for key in keys if key.secret)


def _directory(name: str) -> str:
    try:
        return str(shipped(name))
    except HaError:
        return ""


def surroundings(node: str, config_dir: str, ha: HaConfig) -> Surroundings:
    """What agents find in their environment."""
    own_agents, own_plugins = _directory("ra"), _directory("stonith_plugins")
    return Surroundings(
        node,
        config_dir=os.path.abspath(config_dir),
        own_agents=own_agents,
        own_plugins=own_plugins,
        log_facility=ha.log.facility or "none",
        logfile=ha.log.logfile or "",
        debugfile=ha.log.debugfile or "",
        extra=tuple((f"HA_{name}", value) for name, value in ha.env),
        cores=os.cpu_count() or 1,
    )
