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
from hacluster.crmsh.levels import history_more as more
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


def _input(session: Session, word: str) -> Any:
    """An input of the scheduler: a file, one that is kept here, or one that was collected from any node."""
    from hacluster.cib.markup import read_markup  # noqa: PLC0415

    path = Path(word)
    if not path.is_file() and session.switches.history in {"", "live"}:
        chosen = [one for one in inputs() if re.search(rf"-{re.escape(word)}(\.|$)", one.name)]
        if word.startswith("-") and word[1:].isdecimal():
            chosen = inputs()[int(word) :][:1]
        path = chosen[0] if len(chosen) == 1 else path
    if path.is_file():
        data = path.read_bytes()
        data = bz2.decompress(data) if path.suffix == ".bz2" else data
    else:
        data = more.find_input(session, word)
    root = read_markup(data)
    if root is None or root.tag != "cib":
        raise Refused(f"{word} is no CIB")
    return root


def peinputs(session: Session, _words: list[str]) -> None:
    """The inputs of the scheduler that were kept."""
    if session.switches.history in {"", "live"}:
        _said(session, [str(one) for one in inputs()])
    else:
        _said(session, sorted(more.collected(session).inputs()))


def transition(session: Session, words: list[str]) -> bool:
    """What was decided from an input of the scheduler."""
    from hacluster.crmsh.levels.configure_more import preview  # noqa: PLC0415

    if words[:1] == ["log"]:
        return _transition_log(session, words[1:])
    known = {"scores", "utilization", "actions", "nograph"}
    files = [word for word in words if word not in known and word.strip("v")]
    if len(files) != 1:
        raise Refused("write: transition FILE|NUMBER|-N [scores] [utilization] [actions]")
    return preview(session, _input(session, files[0]), [word for word in words if word not in files], pretend=False)


def _transition_log(session: Session, words: list[str]) -> bool:
    """What all nodes logged from one decision to the next."""
    if len(words) > 1:
        raise Refused("write: transition log [NUMBER|-N]")
    known = [one for one in more.decisions(session) if one[2][4]]
    word = words[0] if words else "-1"
    if word.startswith("-") and word[1:].isdecimal():
        chosen = known[int(word) :][:1]
    else:
        chosen = [one for one in known if re.search(rf"(^|-){re.escape(word)}(\.|$)", one[2][4])][-1:]
    if not chosen:
        raise Refused(f"{word}: no such decision is in the logs; transitions lists them")
    more.transition_log(session, chosen[0])
    return True


def graph(session: Session, words: list[str]) -> bool:
    """Draw what was decided from an input of the scheduler."""
    from hacluster.pe.schedule import schedule  # noqa: PLC0415  schedules a cluster
    from hacluster.pe.views.dot import dot_text, transition_picture  # noqa: PLC0415
    from hacluster.pe.views.svg import svg_text  # noqa: PLC0415
    from hacluster.tools.livestatus import document, present  # noqa: PLC0415

    root = _input(session, words[0])
    picture = transition_picture(schedule(document(root), present(root), sanitized=True).cluster, False)
    if len(words) == 1:
        session.voice.out(dot_text(picture).rstrip("\n"))
        return True
    Path(words[1]).write_text(svg_text(picture) if words[1].endswith(".svg") else dot_text(picture), encoding="utf-8")
    return True


def show(session: Session, words: list[str]) -> None:
    """The configuration or the status of an input of the scheduler."""
    from hacluster.client.agents import providers_of  # noqa: PLC0415
    from hacluster.crmsh.objects import Configuration  # noqa: PLC0415
    from hacluster.crmsh.words import SECRETS  # noqa: PLC0415

    root = _input(session, words[0])
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

    old, new = (
        Configuration(_input(session, word), providers_of).show(secrets=SECRETS).splitlines() for word in words[:2]
    )
    _said(session, list(difflib.unified_diff(old, new, words[0], words[1], lineterm="")))


def wdiff(session: Session, words: list[str]) -> None:
    """What two inputs of the scheduler differ in, word by word."""
    import difflib  # noqa: PLC0415

    from hacluster.client.agents import providers_of  # noqa: PLC0415
    from hacluster.crmsh.objects import Configuration  # noqa: PLC0415
    from hacluster.crmsh.words import SECRETS  # noqa: PLC0415

    old, new = (
        re.split(r"( |\n)", Configuration(_input(session, word), providers_of).show(secrets=SECRETS))
        for word in words[:2]
    )
    said = ""
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[i1:i2]), "".join(new[j1:j2])
        said += come if kind == "equal" else (f"[-{gone}-]" if gone else "") + (f"{{+{come}+}}" if come else "")
    session.voice.out(said)


def commits(session: Session, _words: list[str]) -> None:
    """The commits that this user's shell made here."""
    for entry in Past(place_of(session)).entries():
        session.voice.out(f"{entry.number:>4} {entry.stamp()} {entry.who}: {entry.how}")


def _later(text: str) -> Handler:
    def run(_session: Session, _words: list[str]) -> bool:
        raise Refused(f"this version cannot {text} yet")

    return run


_LATER = (("session", "keep sessions; crm report keeps all of it"), ("detail", "tell events in other detail"))

LEVEL = Level(
    "history",
    "what happened: commits, failures, what was decided",
    "Events are those of the CIB. Logs and inputs of all nodes are collected by ssh when they are first asked for, or"
    " come from a report (source, or crm -H REPORT).",
    (
        Verb("info", info, "", "what there is to look at", most=0),
        Verb("events", events, "", "the operations on record, by time", most=0),
        Verb("failures", failures, "", "the operations that failed", most=0),
        Verb("resource", resource, "RSC…", "the operations of resources", least=1, completes=("resource",),
             repeats=True),
        Verb("node", node, "NODE…", "the operations on nodes", least=1, completes=("node",), repeats=True),
        Verb("source", more.source, "[live|REPORT]", "where is looked: the cluster, or a report of crm report", most=1,
             completes=("file",)),
        Verb("refresh", more.refresh, "[force]", "collect anew what the nodes have", most=1),
        Verb("limit", more.limit, "[FROM [TO]]", "limit the time that is looked at", "  limit 10:31 11:00\n  limit -2h",
             most=2, old=("timeframe",)),
        Verb("setnodes", more.setnodes, "NODE…", "choose whose logs are read", least=1,
             completes=("node",), repeats=True),
        Verb("log", more.log, "[NODE…]", "the logs of all nodes, by time", completes=("node",), repeats=True),
        Verb("exclude", more.exclude, "[REGEX|clear]", "leave out lines of logs", most=1),
        Verb("transitions", more.transitions, "", "what was decided, by whom and why", most=0),
        Verb("latest", more.latest, "", "the latest transition that did something, as all nodes logged it", most=0),
        Verb("graph", graph, "FILE|NUMBER|-N [FILE.dot|FILE.svg]", "draw what was decided from an input", least=1,
             most=2, old=("dump",), completes=("file", "file")),
        Verb("commits", commits, "", "the commits that this user's shell made here", most=0),
        Verb("peinputs", peinputs, "", "the inputs of the scheduler that were kept"),
        Verb("transition", transition, "FILE|NUMBER|-N [scores] [utilization] [actions] | log [NUMBER|-N]",
             "what was decided from an input of the scheduler, or what was logged then", least=1,
             completes=("file", "ptest_word"), repeats=True),
        Verb("show", show, "FILE|NUMBER|-N [status]", "the configuration or status of an input", least=1, most=2,
             completes=("file",)),
        Verb("diff", diff, "FILE|NUMBER|-N FILE|NUMBER|-N", "what two inputs differ in", least=2, most=4,
             completes=("file", "file")),
        Verb("wdiff", wdiff, "FILE|NUMBER|-N FILE|NUMBER|-N", "what two inputs differ in, word by word", least=2,
             most=2, completes=("file", "file")),
        *(Verb(name, _later(text), "[…]", f"{text} (not there yet)") for name, text in _LATER),
    ),
)  # fmt: skip
