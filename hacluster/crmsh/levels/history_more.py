"""``history`` beyond this node: what others logged and decided, transitions with what triggered them, past instants."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from hacluster.crmsh import remote
from hacluster.crmsh.collecting import Wish
from hacluster.crmsh.level import Refused
from hacluster.crmsh.reporting import DEFAULT_S, Collected, gather, instant

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

_TRANSITION: Final = re.compile(r"transition (\d+): (.*?)(?: why=(.*?))?(?: input=(\S+))?$")


def collected(session: Session) -> Collected:
    """What there is to look at, collected when it is first asked for."""
    found = session.memory.get("collected")
    if not isinstance(found, Collected):
        source = session.switches.history
        if source and source != "live":
            found = Collected.of(source)
        else:
            since, until = _limits(session)
            nodes = session.memory.get("nodes") or remote.configured_nodes()
            parts, _ = gather(session, nodes, Wish(since, until))
            found = Collected({name: data for part in parts.values() for name, data in part.items()}, "live")
        session.memory["collected"] = found
    return found


def _limits(session: Session) -> tuple[float, float]:
    now = time.time()
    since, until = session.memory.get("limits") or (None, None)
    return (now - DEFAULT_S if since is None else since), (now if until is None else until)


def source(session: Session, words: list[str]) -> None:
    """Read a report, or the cluster as it is."""
    if not words:
        session.voice.out(f"Source: {session.switches.history}")
        return
    found = None if words[0] == "live" else Collected.of(words[0])
    session.switches.history = words[0]
    session.memory["collected"] = found
    if found is not None:
        session.voice.info(f"{words[0]}: {', '.join(found.nodes())}")


def refresh(session: Session, _words: list[str]) -> None:
    """Collect anew what the nodes have."""
    session.memory["collected"] = None
    session.voice.info(f"collected from {', '.join(collected(session).nodes())}")


def limit(session: Session, words: list[str]) -> None:
    """Limit the time that is looked at."""
    now = time.time()
    since = instant(words[0], now) if words else None
    until = instant(words[1], now) if len(words) > 1 else None
    if since is not None and until is not None and since >= until:
        raise Refused("the beginning is not before the end")
    session.memory["limits"] = (since, until) if words else None
    if session.switches.history in {"", "live"}:
        session.memory["collected"] = None
    session.voice.info(
        "period: {} - {}".format(*(time.strftime("%F %T", time.localtime(one)) for one in _limits(session)))
    )


def setnodes(session: Session, words: list[str]) -> None:
    """Choose whose logs are read."""
    session.memory["nodes"] = words
    session.memory["collected"] = None
    session.voice.info(f"nodes: {' '.join(words)}")


def _within(session: Session, nodes: list[str]) -> list[tuple[float, str, str]]:
    since, until = _limits(session)
    excluded = [re.compile(one) for one in session.memory.get("exclude", [])]
    return [
        (when, node, line)
        for when, node, line in collected(session).log_lines(nodes)
        if (session.switches.history not in {"", "live"} and not session.memory.get("limits")) or since <= when <= until
        if not any(one.search(line) for one in excluded)
    ]


def log(session: Session, words: list[str]) -> None:
    """Show logs of all nodes, or some, by time."""
    wrong = [word for word in words if word not in collected(session).nodes()]
    if wrong:
        raise Refused(f"nothing was collected of {', '.join(wrong)}; there are: {' '.join(collected(session).nodes())}")
    for _, node, line in _within(session, words):
        session.voice.out(f"{node}: {line}")


def exclude(session: Session, words: list[str]) -> None:
    """Leave out lines that match."""
    known = session.memory.setdefault("exclude", [])
    if words == ["clear"]:
        known.clear()
    elif words:
        try:
            re.compile(words[0])
        except re.error as error:
            raise Refused(f"{words[0]!r} is no regular expression: {error}") from None
        known.append(words[0])
    else:
        for one in known:
            session.voice.out(one)


def decisions(session: Session) -> list[tuple[float, str, re.Match[str]]]:
    """What was decided: when, by whom (the DC), number, what, why, and the name of its input."""
    found = []
    for when, node, line in _within(session, []):
        match = _TRANSITION.search(line)
        if match is not None:
            found.append((when, node, match))
    return found


def transitions(session: Session, _words: list[str]) -> None:
    """List what was decided, by whom and why."""
    for when, node, match in decisions(session):
        stamp = time.strftime("%F %T", time.localtime(when))
        why = f" (why: {match[3]})" if match[3] else ""
        session.voice.out(f"{stamp} {node} {match[4] or '-'}: {match[2]}{why}")


def latest(session: Session, _words: list[str]) -> None:
    """The latest transition that did something, with the lines of log from its beginning on."""
    doing = [one for one in decisions(session) if one[2][2] != "nothing to do"]
    if not doing:
        raise Refused("no transition that did something is in the logs of this time")
    transition_log(session, doing[-1])


def transition_log(session: Session, decision: tuple[float, str, re.Match[str]]) -> None:
    """The lines of all nodes from one decision to the next."""
    later = [one[0] for one in decisions(session) if one[0] > decision[0]]
    end = min(later, default=float("inf"))
    for when, node, line in _within(session, []):
        if decision[0] <= when < end:
            session.voice.out(f"{node}: {line}")


def find_input(session: Session, word: str) -> bytes:
    """The input of a decision by its number, its name, ``node/name``, or counted from the end (``-1``)."""
    known = collected(session).inputs()
    if word.startswith("-") and word[1:].isdecimal():
        names = [one[2][4] for one in decisions(session) if one[2][4]]
        if not names or int(word[1:]) > len(names) or word == "-0":
            raise Refused(f"{word}: {len(names)} decisions are in the logs of this time")
        word = names[int(word)]
    number = re.compile(rf"(^|/|-){re.escape(word)}(\.(bz2|xml))*$")
    chosen = [name for name in known if name == word or number.search(name)]
    if not chosen:
        raise Refused(f"{word}: no such input was collected from {', '.join(collected(session).nodes())}")
    if len(chosen) > 1:
        raise Refused(f"{word} can be {', '.join(sorted(chosen))}")
    return known[chosen[0]]


def input_at(session: Session, when: float) -> tuple[str, bytes]:
    """The newest input of a decision that is no newer than that instant, of any node."""
    known = collected(session).inputs()
    found = [(one[0], one[1], one[2][4]) for one in decisions(session) if one[2][4] and one[0] <= when]
    for _, node, name in reversed(found):
        for full, data in known.items():
            if full.startswith(f"{node}/{name}"):
                return full, data
    raise Refused(f"nothing was decided before {time.strftime('%F %T', time.localtime(when))} that is still kept")
