"""The level ``cluster``: the cluster as a whole. What needs the daemon's help and does not have it yet says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hacluster.crmsh.level import Handler, Level, Refused, Verb

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session


def status(session: Session, _words: list[str]) -> bool:
    """Whether the daemon of this node runs, and what it says."""
    from hacluster.tools.cl_status import main  # noqa: PLC0415

    session.voice.flush()
    return main(["hbstatus"]) == 0


def health(session: Session, _words: list[str]) -> bool:
    """Whether the configuration is sound and nothing has failed."""
    from hacluster.crmsh.levels.root import verify  # noqa: PLC0415  the root imports every level's table

    sound = verify(session, [])
    code, text = session.answer("crm_mon -1 -s", told=False)
    session.voice.out(text.rstrip("\n"))
    return sound and code == 0


def wait_for_startup(session: Session, words: list[str]) -> bool:
    """Wait until the daemon of this node answers."""
    import time  # noqa: PLC0415

    if words and not words[0].isdecimal():
        raise Refused(f"{words[0]} is no number of seconds")
    until = time.monotonic() + int(words[0] if words else "10")
    while True:
        if session.answer("crmadmin -D", told=False)[0] == 0:
            return True
        if time.monotonic() >= until:
            raise Refused("the cluster did not answer in time")
        time.sleep(0.25)


def _by_other(text: str) -> Handler:
    def run(_session: Session, _words: list[str]) -> bool:
        raise Refused(f"this version's shell cannot do that; {text}")

    return run


_OTHERS = (
    ("start", "start the daemon of this node", "use: systemctl start hacluster"),
    ("stop", "stop the daemon of this node", "use: systemctl stop hacluster"),
    ("restart", "restart the daemon of this node", "use: systemctl restart hacluster"),
    ("enable", "start the daemon when the node boots", "use: systemctl enable hacluster"),
    ("disable", "do not start the daemon when the node boots", "use: systemctl disable hacluster"),
    ("init", "make a cluster", "write ha.cf, authkeys and hacluster.cf (samples are in conf/)"),
    ("join", "bring this node into a cluster", "copy the configuration with ha_propagate"),
    ("remove", "take a node out of the cluster", "use: crm node delete NODE, and take it out of ha.cf"),
    ("rename", "rename the cluster", "use: crm configure property cluster-name=NAME"),
    ("run", "run a command on all nodes", "log in to them"),
    ("copy", "copy a file to all nodes", "use: ha_propagate"),
    ("diff", "compare a file on all nodes", "log in to them"),
    ("geo_init", "make a geo cluster", "tickets are managed with crm site"),
    ("geo_join", "join a geo cluster", "tickets are managed with crm site"),
    ("crash_test", "try what a failure does", "hacluster demo shows one on pretended hosts"),
)

LEVEL = Level(
    "cluster",
    "the cluster as a whole: its nodes' daemons",
    "Verbs that this version cannot carry out say what does it instead, and fail.",
    (
        Verb("status", status, "", "whether the daemon of this node runs", most=0),
        Verb("health", health, "", "whether the configuration is sound and nothing has failed", most=1),
        Verb("wait_for_startup", wait_for_startup, "[SECONDS]", "wait until the daemon answers", most=1),
        *(Verb(name, _by_other(text), "[…]", f"{summary} (not there yet)") for name, summary, text in _OTHERS),
    ),
)  # fmt: skip
