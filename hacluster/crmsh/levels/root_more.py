"""Verbs of the root about time: what an outage costs, how the cluster was at some instant, and reports."""

from __future__ import annotations

import json
import os
import tempfile
import time
from typing import TYPE_CHECKING, Final

from hacluster.base.errors import HaError
from hacluster.base.values import interval_ms
from hacluster.crmsh.level import Refused

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.budget import Timers
    from hacluster.crmsh.session import Session


_KEEPALIVE_MS: Final = 1_000
_DEADTIME_MS: Final = 30_000
"""What ha.cf's defaults are."""


def _timers(session: Session, root: XML) -> Timers:
    """Those of the running daemon; for a file those of ha.cf here, or its defaults."""
    from hacluster.client.cluster import Cluster  # noqa: PLC0415
    from hacluster.client.configdir import check_config_dir  # noqa: PLC0415
    from hacluster.client.rundir import run_dir  # noqa: PLC0415
    from hacluster.crmsh.budget import Timers as Found  # noqa: PLC0415

    members = len(root.findall("configuration/nodes/node"))
    on_file = bool(session.shadow or session.environment.get("CIB_file"))
    if not on_file:
        try:
            with Cluster(run_dir(), name="crm") as cluster:
                keepalive, deadtime = (interval_ms(cluster.parameter(name)) for name in ("keepalive", "deadtime"))
                return Found(keepalive, deadtime, members)
        except HaError as error:
            raise Refused(str(error)) from None
    ha = check_config_dir().ha
    keepalive, deadtime = (ha.keepalive_ms, ha.deadtime_ms) if ha is not None else (_KEEPALIVE_MS, _DEADTIME_MS)
    session.voice.info(f"timers of ha.cf here, or its defaults: deadtime {deadtime / 1000:g} s")
    return Found(keepalive, deadtime, members)


def budget(session: Session, words: list[str]) -> None:
    """How long services are away when something fails."""
    from hacluster.crmsh import budget as found  # noqa: PLC0415

    as_data = "--json" in words
    names = [word for word in words if word != "--json"]
    root = session.read()
    known = [str(one.get("id")) for one in root.iterfind("configuration/resources//primitive")
             if one.get("class") != "stonith"]  # fmt: skip
    wrong = [name for name in names if root.find(f"configuration/resources//*[@id='{name}']") is None]
    if wrong:
        raise Refused(f"there is no resource {', '.join(wrong)}")
    timers = _timers(session, root)
    data = {}
    for name in names or known:
        lost, failed = found.node_lost(root, name, timers), found.resource_failed(root, name)
        if as_data:
            data[name] = {"node_lost": found.as_json(lost), "resource_failed": found.as_json(failed)}
            continue
        for line in found.lines(f"{name}, when its node loses power:", lost):
            session.voice.out(line)
        if failed:
            for line in found.lines(f"{name}, when it dies itself:", failed):
                session.voice.out(line)
        else:
            session.voice.out(f"{name}: nothing watches it; give it a monitor operation")
    if as_data:
        session.voice.out(json.dumps(data, indent=2))


def at(session: Session, words: list[str]) -> bool:
    """Run a command on the CIB as it was at some instant."""
    from hacluster.crmsh.command import main  # noqa: PLC0415  it runs a shell of its own
    from hacluster.crmsh.levels.history_more import input_at  # noqa: PLC0415
    from hacluster.crmsh.reporting import instant  # noqa: PLC0415

    when = instant(words[0], time.time())
    name, data = input_at(session, when)
    session.voice.info(
        f"the CIB as it was at the last decision before {time.strftime('%F %T', time.localtime(when))}: {name}"
    )
    session.voice.flush()
    descriptor, path = tempfile.mkstemp(prefix="crm-at-", suffix=".xml")
    before = {name: os.environ.get(name) for name in ("CIB_file", "CIB_shadow")}
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.environ["CIB_file"] = path
        os.environ.pop("CIB_shadow", None)
        session.status = main(words[1:])
    finally:
        os.unlink(path)
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
    return session.status == 0
