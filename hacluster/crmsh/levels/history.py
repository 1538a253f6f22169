"""The level ``history``: what happened, as the CIB, kept inputs of the scheduler and this shell's commits tell it."""

from __future__ import annotations

import bz2
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hacluster.crmsh.committing import place_of
from hacluster.crmsh.level import Handler, Level, Refused, Verb
from hacluster.crmsh.levels.cib import INPUTS
from hacluster.crmsh.past import Past

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session

_RESULTS = {
    "0": "ok", "1": "error", "2": "invalid parameter", "3": "unimplemented", "4": "insufficient privileges",
    "5": "not installed", "6": "not configured", "7": "not running", "8": "promoted", "9": "promoted (failed)",
}  # fmt: skip


def _operations(root: XML) -> Iterator[tuple[int, str, str, Any]]:
    """When, where, what and the record, of every operation on record that has a time."""
    for state in root.iterfind("status/node_state"):
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
            for record in resource.iterfind("lrm_rsc_op"):
                when = record.get("last-rc-change") or ""
                if when.isdecimal():
                    yield int(when), str(state.get("uname")), str(resource.get("id")), record


def _lines(root: XML, node: str | None = None, pattern: str | None = None) -> list[str]:
    found = []
    for when, where, rsc, record in sorted(_operations(root), key=lambda one: (one[0], one[1], one[2])):
        if (node and where != node) or (pattern and not re.fullmatch(pattern, rsc)):
            continue
        interval = int(record.get("interval") or 0)
        name = f"{record.get('operation')}" + (f" every {interval / 1000:g}s" if interval else "")
        code = str(record.get("rc-code"))
        result = _RESULTS.get(code, f"exit {code}") if record.get("op-status") != "-1" else "pending"
        why = f" ({record.get('exit-reason')})" if record.get("exit-reason") else ""
        found.append(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(when))} {where} {rsc} {name}: {result}{why}")
    return found


def _said(session: Session, lines: list[str]) -> None:
    for line in lines:
        session.voice.out(line)


def info(session: Session, _words: list[str]) -> None:
    """What there is to look at."""
    times = [one[0] for one in _operations(session.read())]
    session.voice.out(f"Source: {session.place}")
    if times:
        first, last = (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one)) for one in (min(times), max(times)))
        session.voice.out(f"Period: {first} - {last}")
    session.voice.out(f"Nodes: {' '.join(session.nodes())}")
    session.voice.out(f"Operations on record: {len(times)}")
    session.voice.out(f"Inputs of the scheduler: {len(inputs())}")
    session.voice.out(f"Commits of this shell: {len(Past(place_of(session)).entries())}")


def events(session: Session, _words: list[str]) -> None:
    """The operations on record."""
    _said(session, _lines(session.read()))


def resource(session: Session, words: list[str]) -> None:
    """The operations of resources."""
    _said(session, _lines(session.read(), pattern="|".join(f"{re.escape(word)}(:\\d+)?" for word in words)))


def node(session: Session, words: list[str]) -> None:
    """The operations on nodes."""
    root = session.read()
    for word in words:
        if word not in session.nodes():
            raise Refused(f"there is no node {word}")
        _said(session, _lines(root, node=word))


def failures(session: Session, _words: list[str]) -> None:
    """The operations that failed."""
    expected = {"0", "8"}
    root = session.read()
    wrong = {
        f"{where} {rsc}"
        for _, where, rsc, record in _operations(root)
        if str(record.get("rc-code")) not in expected and not (record.get("operation") == "monitor" and
                                                               record.get("rc-code") == "7")
    }  # fmt: skip
    _said(session, [line for line in _lines(root) if any(f" {one} " in line for one in wrong) and ": ok" not in line])


def inputs() -> list[Path]:
    """The inputs of the scheduler that were kept on this node."""
    found = [one for folder in INPUTS for one in Path(folder).glob("pe-*") if one.is_file()]
    return sorted(found, key=lambda one: one.stat().st_mtime)


def _input(word: str) -> Any:
    from hacluster.cib.markup import read_markup  # noqa: PLC0415

    path = Path(word)
    if not path.is_file():
        chosen = [one for one in inputs() if re.search(rf"-{re.escape(word)}(\.|$)", one.name)]
        if word.lstrip("-").isdecimal() and word.startswith("-"):
            chosen = inputs()[int(word) :][:1]
        if len(chosen) != 1:
            raise Refused(f"{word}: no such file, and no such input of the scheduler on this node")
        path = chosen[0]
    data = path.read_bytes()
    root = read_markup(bz2.decompress(data) if path.suffix == ".bz2" else data)
    if root is None or root.tag != "cib":
        raise Refused(f"{path} is no CIB")
    return root


def peinputs(session: Session, _words: list[str]) -> None:
    """The inputs of the scheduler that were kept."""
    _said(session, [str(one) for one in inputs()])


def transition(session: Session, words: list[str]) -> bool:
    """What was decided from an input of the scheduler."""
    from hacluster.crmsh.levels.configure_more import preview  # noqa: PLC0415

    known = {"scores", "utilization", "actions", "nograph"}
    files = [word for word in words if word not in known and word.strip("v")]
    if len(files) != 1:
        raise Refused("write: transition FILE|NUMBER|-N [scores] [utilization] [actions]")
    return preview(session, _input(files[0]), [word for word in words if word not in files], pretend=False)


def show(session: Session, words: list[str]) -> None:
    """The configuration or the status of an input of the scheduler."""
    from hacluster.client.agents import providers_of  # noqa: PLC0415
    from hacluster.crmsh.objects import Configuration  # noqa: PLC0415
    from hacluster.crmsh.words import SECRETS  # noqa: PLC0415

    root = _input(words[0])
    if words[1:] == ["status"]:
        from hacluster.pe.views.statuslines import status_lines  # noqa: PLC0415
        from hacluster.tools.livestatus import cluster_of  # noqa: PLC0415

        _said(session, status_lines(cluster_of(root)))
        return
    _said(session, [Configuration(root, providers_of).show(secrets=SECRETS)])


def diff(session: Session, words: list[str]) -> None:
    """What two inputs of the scheduler differ in."""
    import difflib  # noqa: PLC0415

    from hacluster.client.agents import providers_of  # noqa: PLC0415
    from hacluster.crmsh.objects import Configuration  # noqa: PLC0415
    from hacluster.crmsh.words import SECRETS  # noqa: PLC0415

    old, new = (Configuration(_input(word), providers_of).show(secrets=SECRETS).splitlines() for word in words[:2])
    _said(session, list(difflib.unified_diff(old, new, words[0], words[1], lineterm="")))


def commits(session: Session, _words: list[str]) -> None:
    """The commits that this user's shell made here."""
    for entry in Past(place_of(session)).entries():
        session.voice.out(f"{entry.number:>4} {entry.stamp()} {entry.who}: {entry.how}")


def _later(text: str) -> Handler:
    def run(_session: Session, _words: list[str]) -> bool:
        raise Refused(f"this version cannot {text} yet")

    return run


_LATER = (
    ("source", "read the reports of other clusters"), ("limit", "limit the time that is looked at"),
    ("refresh", "collect what other nodes know"), ("detail", "tell events in other detail"),
    ("setnodes", "choose whose logs are read"), ("latest", "tell the latest transition from logs"),
    ("log", "show logs; they are where ha.cf says"), ("transitions", "list transitions from logs"),
    ("dump", "write a transition's graph"), ("graph", "draw a past transition; hacluster graph -x FILE does"),
    ("wdiff", "show differences by words"), ("session", "keep sessions"), ("exclude", "leave out messages"),
)  # fmt: skip

LEVEL = Level(
    "history",
    "what happened: commits, failures, what was decided",
    "As far as this node and the CIB know it; what other nodes logged is not collected yet.",
    (
        Verb("info", info, "", "what there is to look at", most=0),
        Verb("events", events, "", "the operations on record, by time", most=0),
        Verb("failures", failures, "", "the operations that failed", most=0),
        Verb("resource", resource, "RSC…", "the operations of resources", least=1, completes=("resource",),
             repeats=True),
        Verb("node", node, "NODE…", "the operations on nodes", least=1, completes=("node",), repeats=True),
        Verb("commits", commits, "", "the commits that this user's shell made here", most=0),
        Verb("peinputs", peinputs, "", "the inputs of the scheduler that were kept"),
        Verb("transition", transition, "FILE|NUMBER|-N [scores] [utilization] [actions]",
             "what was decided from an input of the scheduler", least=1, completes=("file", "ptest_word"),
             repeats=True),
        Verb("show", show, "FILE|NUMBER|-N [status]", "the configuration or status of an input", least=1, most=2,
             completes=("file",)),
        Verb("diff", diff, "FILE|NUMBER|-N FILE|NUMBER|-N", "what two inputs differ in", least=2, most=4,
             completes=("file", "file")),
        *(Verb(name, _later(text), "[…]", f"{text} (not there yet)") for name, text in _LATER),
    ),
)  # fmt: skip
