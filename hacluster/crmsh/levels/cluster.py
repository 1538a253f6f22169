"""The level ``cluster``: the cluster as a whole, its daemons, its nodes, and files and commands on all of them."""

from __future__ import annotations

import difflib
import hashlib
import os
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hacluster.crmsh import remote
from hacluster.crmsh.level import Handler, Level, Refused, Verb
from hacluster.crmsh.levels import cluster_nodes as nodes
from hacluster.crmsh.remote import Said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hacluster.crmsh.session import Session

STARTUP_S: Final = 60
_LOOK_S: Final = 0.05
"""How often it is looked whether there is a socket yet; from then on the daemon says when something changes."""


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
    """Wait until the cluster answers at this node: it is in a view that works, and somebody leads."""
    if words and not words[0].isdecimal():
        raise Refused(f"{words[0]} is no number of seconds")
    started(session, int(words[0] if words else "10"))
    return True


def started(session: Session, seconds: float) -> None:
    """The same; raises :class:`Refused` when it takes longer."""
    from hacluster.base.results import Fault  # noqa: PLC0415
    from hacluster.client.live import LiveCluster  # noqa: PLC0415

    until = time.monotonic() + seconds
    cluster = LiveCluster()
    while (left := until - time.monotonic()) > 0:
        try:
            cluster.read()
            if session.answer("crmadmin -D", told=False)[0] == 0:
                return
            cluster.wait(cluster.mark, min(left, 1.0))
        except Fault:
            cluster.daemon.close()
            cluster = LiveCluster()
            time.sleep(_LOOK_S)
    raise Refused("the cluster did not answer in time")


# on all nodes -------------------------------------------------------------------------------------------------------


def chosen(words: Sequence[str]) -> list[str]:
    """The nodes that words name, all without words; raises :class:`Refused` for one that is none."""
    known = remote.configured_nodes()
    wrong = [word for word in words if word not in known]
    if wrong:
        raise Refused(f"{', '.join(wrong)}: no such node; nodes: {' '.join(known)}")
    return list(words) or known


def tell(session: Session, answers: Sequence[Said], *, done: str = "") -> bool:
    """What became of a command on each node; whether it was well on all."""
    for said in answers:
        if said.fault:
            session.voice.error(f"[{said.node}]: {said.fault}")
        elif said.status:
            session.voice.error(f"[{said.node}]: exit status {said.status}{f': {said.err}' if said.err else ''}")
        else:
            session.voice.info(f"[{said.node}]{f' {done}' if done else ''}")
        text = said.out.decode(errors="replace").rstrip("\n")
        if text:
            session.voice.out(text)
    return all(said.good for said in answers)


def run(session: Session, words: list[str]) -> bool:
    """Run a command on all nodes, or on some."""
    command, *names = words
    return tell(session, remote.on_all(chosen(names), lambda node: remote.shell_on(node, command)))


def copy(session: Session, words: list[str]) -> bool:
    """Copy a file to the same place on the other nodes."""
    file, *names = words
    path = Path(os.path.abspath(file))
    try:
        data, mode = path.read_bytes(), path.stat().st_mode & 0o7777
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from None
    others = [node for node in chosen(names) if node != remote.own_name()]
    if not others:
        raise Refused("there is no other node to copy it to")
    place, beside = shlex.quote(str(path)), shlex.quote(f"{path}.new")
    script = f"umask 077 && cat >{beside} && chmod {mode:o} {beside} && mv -f {beside} {place}"
    answers = remote.on_all(others, lambda node: remote.run_on(node, ["/bin/sh", "-c", script], stdin=data))
    return tell(session, answers, done=f"{path} copied")


def diff(session: Session, words: list[str]) -> bool:
    """Compare a file on all nodes."""
    digests = "--checksum" in words
    words = [word for word in words if word != "--checksum"]
    if not words:
        raise Refused("write: diff FILE [--checksum] [NODE…]")
    path, *names = os.path.abspath(words[0]), *words[1:]
    answers = remote.on_all(chosen(names), lambda node: remote.run_on(node, ["cat", "--", path]))
    missing = [said for said in answers if not said.good]
    tell(session, missing)
    there = [said for said in answers if said.good]
    first = there[0] if there else None
    same = not missing
    for said in there:
        if digests:
            session.voice.out(f"{said.node:<16} {hashlib.sha256(said.out).hexdigest()}")
        if first is None or said.out == first.out:
            continue
        same = False
        if not digests:
            old, new = (one.out.decode(errors="replace").splitlines() for one in (first, said))
            for line in difflib.unified_diff(old, new, f"{first.node}:{path}", f"{said.node}:{path}", lineterm=""):
                session.voice.out(line)
    if same and not digests:
        session.voice.info(f"{path} is the same on {', '.join(said.node for said in there)}")
    return same


# daemons ------------------------------------------------------------------------------------------------------------


def _service(verb: str) -> Handler:
    def call(session: Session, words: list[str]) -> bool:
        everywhere = "--all" in words
        names = [word for word in words if word != "--all"]
        if everywhere and names:
            raise Refused("--all, or names of nodes")
        targets = chosen(names) if everywhere or names else [remote.own_name()]
        done = _DONE[verb]
        answers = remote.on_all(targets, lambda node: nodes.service(node, verb))
        good = tell(session, answers, done=done)
        if good and verb in {"start", "restart"} and remote.own_name() in targets:
            started(session, STARTUP_S)
        return good

    return call


_DONE: Final = {
    "start": "started", "stop": "stopped", "restart": "started anew", "enable": "is started at boot",
    "disable": "is not started at boot",
}  # fmt: skip


def rename(session: Session, words: list[str]) -> bool:
    """Give the cluster another name."""
    done = session.tool(f"crm_attribute -t crm_config -n cluster-name -v '{nodes.plain(words[0])}'") == 0
    session.renew()
    return done


def _by_other(text: str) -> Handler:
    def call(_session: Session, _words: list[str]) -> bool:
        raise Refused(f"this version's shell cannot do that; {text}")

    return call


_OTHERS: Final = (
    ("geo_init", "make a geo cluster", "tickets are managed with crm site"),
    ("geo_join", "join a geo cluster", "tickets are managed with crm site"),
    ("crash_test", "try what a failure does", "hacluster demo shows one on pretended hosts"),
)
_SERVICE: Final = (
    ("start", "start the daemon"), ("stop", "stop the daemon: what it runs moves first"),
    ("restart", "stop and start the daemon"), ("enable", "start the daemon when the node boots"),
    ("disable", "do not start the daemon when the node boots"),
)  # fmt: skip

LEVEL = Level(
    "cluster",
    "the cluster as a whole: its nodes and their daemons",
    "What concerns other nodes goes there by ssh, which must not ask for a password; init, invite and join need none.",
    (
        Verb("status", status, "", "whether the daemon of this node runs", most=0),
        Verb("health", health, "", "whether the configuration is sound and nothing has failed", most=1),
        Verb("wait_for_startup", wait_for_startup, "[SECONDS]", "wait until the cluster answers", most=1,
             old=("wait-for-startup",)),
        Verb("init", nodes.init, "[-n NAME] [-i INTERFACE]… [--plan] [--no-start]", "make a cluster of this node",
             "Writes ha.cf, authkeys (with a new key, mode 0600) and hacluster.cf to /etc/ha.d, checks them, and starts"
             " the daemon. Files that are there are kept, unless crm is called with --force. --plan shows them."),
        Verb("invite", nodes.invite, "[-a ADDRESS] [-p PORT] [SECONDS]", "let one node join",
             "Shows a token that is good for one node and ten minutes, and waits for it: on the new node say"
             " crm cluster join TOKEN. The token is a secret: whoever has it gets the cluster's keys.", most=5),
        Verb("join", nodes.join, "[-i INTERFACE]… [--no-start] TOKEN", "bring this node into a cluster",
             "TOKEN is what crm cluster invite shows on a node of it. Names, networks and clocks are compared before"
             " anything is written.", least=1),
        Verb("remove", nodes.remove, "NODE", "take a node out of the cluster",
             "It is stopped by ssh, unless it is down. Its vote, its entry in the CIB, and its place in ha.cf of this"
             " node go.", least=1, most=1, completes=("node",)),
        Verb("rename", rename, "NAME", "give the cluster another name", least=1, most=1),
        *(Verb(name, _service(name), "[--all | NODE…]", text, completes=("node",), repeats=True)
          for name, text in _SERVICE),
        Verb("run", run, "COMMAND [NODE…]", "run a command on all nodes", "COMMAND is one word: quote it.", least=1,
             completes=("none", "node"), repeats=True),
        Verb("copy", copy, "FILE [NODE…]", "copy a file to the same place on the other nodes", least=1,
             completes=("file", "node"), repeats=True),
        Verb("diff", diff, "FILE [--checksum] [NODE…]", "compare a file on all nodes", least=1,
             completes=("file", "node"), repeats=True),
        *(Verb(name, _by_other(text), "[…]", f"{summary} (not there yet)") for name, summary, text in _OTHERS),
    ),
)  # fmt: skip
