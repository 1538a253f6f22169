"""Named mixes of faults: each makes a script for a stretch of virtual time out of dice.

Every fault of a script ends in the script, and after the last comes ``heal``, so that what is checked afterwards is
a cluster without faults. The loss of a nemesis stays below what would silence a link for a dead time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.dice import Dice
from hacluster.sim.edits import EDITS
from hacluster.sim.scenario import LINKS, NODES, PINGS
from hacluster.sim.script import Action

FIRST_FAULT_MS = 60_000
"""Faults begin when the cluster has had time to form, except for those of ``start``."""

Maker = Callable[[Dice, int], list[Action]]
"""(dice, world time at which the fault begins) → the actions of one fault, with those that end it."""


def _seconds(dice: Dice, low: int, high: int) -> int:
    return dice.between(low * 1_000, high * 1_000)


def _pick(dice: Dice, words: tuple[str, ...]) -> str:
    return words[dice.below(len(words))]


def _spans(at: int, span: int, verb: str, begin: tuple[str, ...], end: tuple[str, ...], *, ending: str) -> list[Action]:
    return [Action(at, verb, begin), Action(at + span, ending, end)]


def _loss(dice: Dice, at: int) -> list[Action]:
    who, link = _pick(dice, ("*", *NODES)), _pick(dice, LINKS)
    span = _seconds(dice, 10, 120)
    begin, end = (who, link, str(dice.between(1, 60))), (who, link, "0")
    return _spans(at, span, "loss", begin, end, ending="loss")


def _delay(dice: Dice, at: int) -> list[Action]:
    who, link = _pick(dice, ("*", *NODES)), _pick(dice, LINKS)
    low = dice.between(1, 400)
    begin = (who, link, f"{low}..{low + dice.between(0, 1_500)}")
    return _spans(at, _seconds(dice, 10, 120), "delay", begin, (who, link, "1..1"), ending="delay")


def _duplicate(dice: Dice, at: int) -> list[Action]:
    who, link = _pick(dice, ("*", *NODES)), _pick(dice, LINKS)
    begin = (who, link, str(dice.between(1, 100)))
    return _spans(at, _seconds(dice, 10, 120), "duplicate", begin, (who, link, "0"), ending="duplicate")


def _link(dice: Dice, at: int) -> list[Action]:
    where = (_pick(dice, NODES), _pick(dice, LINKS))
    direction = _pick(dice, ("in", "out", "both"))
    return _spans(at, _seconds(dice, 1, 60), "cut", (*where, direction), where, ending="mend")


def _partition(dice: Dice, at: int) -> list[Action]:
    host, direction = _pick(dice, NODES), _pick(dice, ("in", "out", "both", "both"))
    span = _seconds(dice, 1, 60)
    actions = []
    for link in LINKS:
        jitter = dice.below(1_500)
        actions.append(Action(at + jitter, "cut", (host, link, direction)))
        actions.append(Action(at + jitter + span + dice.below(1_500), "mend", (host, link)))
    return actions


def _clog(dice: Dice, at: int) -> list[Action]:
    host, span = _pick(dice, NODES), _seconds(dice, 1, 25)
    links = LINKS if dice.chance(500_000) else (_pick(dice, LINKS),)
    begin = [Action(at, "clog", (host, link)) for link in links]
    return begin + [Action(at + span, "mend", (host, link)) for link in links]


def _interface(dice: Dice, at: int) -> list[Action]:
    """One interface, or all of a host, are removed or get another name for a while."""
    host, verb, span = _pick(dice, NODES), _pick(dice, ("remove", "rename")), _seconds(dice, 1, 60)
    actions = []
    for link in LINKS if dice.chance(700_000) else (_pick(dice, LINKS),):
        jitter = dice.below(1_500)
        actions.append(Action(at + jitter, verb, (host, link)))
        actions.append(Action(at + jitter + span + dice.below(1_500), "restore", (host, link)))
    return actions


def _ping(dice: Dice, at: int) -> list[Action]:
    where = (_pick(dice, ("*", *NODES, *NODES)), _pick(dice, ("*", *PINGS)))
    return _spans(at, _seconds(dice, 5, 150), "unreachable", where, where, ending="reachable")


def _crash(dice: Dice, at: int) -> list[Action]:
    host = _pick(dice, NODES)
    return _spans(at, _seconds(dice, 1, 90), "power", (host,), (host,), ending="boot")


def _daemon(dice: Dice, at: int) -> list[Action]:
    host = _pick(dice, NODES)
    return _spans(at, _seconds(dice, 1, 60), "kill", (host, "all"), (host,), ending="start")


def _process(dice: Dice, at: int) -> list[Action]:
    host = _pick(dice, NODES)
    return [Action(at + dice.below(5_000), "kill", (host, _pick(dice, ("pulse", "brain", "hands"))))]


def _pause(dice: Dice, at: int) -> list[Action]:
    host = _pick(dice, NODES)
    return _spans(at, _seconds(dice, 1, 45), "pause", (host,), (host,), ending="resume")


def _wall(dice: Dice, at: int) -> list[Action]:
    host, sign = _pick(dice, NODES), _pick(dice, ("+", "-"))
    return [Action(at, "step", (host, f"{sign}{dice.between(1, 200_000)}"))]


def _disk(dice: Dice, at: int) -> list[Action]:
    host, health = _pick(dice, NODES), _pick(dice, ("slow", "fail", "torn", "hang"))
    return _spans(at, _seconds(dice, 5, 60), "disk", (host, health), (host, "ok"), ending="disk")


def _agent(dice: Dice, at: int) -> list[Action]:
    who = _pick(dice, ("*", *NODES))
    service = _pick(dice, ("*", "httpd", "mail", "IPaddr::10.0.0.100/24/eth0"))
    action, kind = _pick(dice, ("start", "status")), _pick(dice, ("fail", "wrong", "slow", "hang", "deaf", "vanished"))
    if (action, kind) == ("status", "wrong"):
        kind = "fail"  # v1 asks once: a status that says running of what does not run is believed for ever
    if kind == "slow":
        action = _pick(dice, ("start", "stop", "status"))
    end = (who, service, action, "ok")
    return _spans(at, _seconds(dice, 5, 60), "agent", (who, service, action, kind), end, ending="agent")


def _stop_failure(dice: Dice, at: int) -> list[Action]:
    who, service = _pick(dice, NODES), _pick(dice, ("*", "httpd", "mail"))
    kind = _pick(dice, ("fail", "wrong", "hang", "deaf"))
    end = (who, service, "stop", "ok")
    span = _seconds(dice, 1, 8)
    return _spans(at, span, "agent", (who, service, "stop", kind), end, ending="agent")


def _operator(dice: Dice, at: int) -> list[Action]:
    verb, which = _pick(dice, ("standby", "takeover")), _pick(dice, ("all", "local", "foreign"))
    return [Action(at, verb, (_pick(dice, NODES), which))]


def _edit(dice: Dice, at: int) -> list[Action]:
    """Files are written on both hosts, alike or not, and read again by each in its own time; in the end both alike."""
    names = tuple(EDITS)
    first = _pick(dice, names)
    second = first if dice.chance(700_000) else _pick(dice, names)
    actions = []
    for host, name in zip(NODES, (first, second), strict=True):
        actions.append(Action(at, "edit", (host, name)))
        if dice.chance(850_000):
            actions.append(Action(at + dice.below(_seconds(dice, 1, 20)), "reload", (host,)))
    end = at + _seconds(dice, 20, 60)
    last = _pick(dice, (first, second, "none"))
    for host in NODES:
        actions.append(Action(end, "edit", (host, last)))
        actions.append(Action(end + dice.below(3_000), "reload", (host,)))
    return actions


def _crossed(dice: Dice, at: int) -> list[Action]:
    """A handover with programs that take their time, and a process that is killed in the middle of it."""
    actions = [Action(at - 1, "agent", ("*", "*", action, "slow")) for action in ("start", "stop")]
    verb = _pick(dice, ("standby", "standby", "takeover"))
    actions.append(Action(at, verb, (_pick(dice, NODES), _pick(dice, ("all", "local", "foreign")))))
    for _ in range(dice.between(1, 2)):
        process = _pick(dice, ("pulse", "pulse", "brain", "hands"))
        actions.append(Action(at + dice.below(8_000), "kill", (_pick(dice, NODES), process)))
    actions += [Action(at + 40_000, "agent", ("*", "*", action, "ok")) for action in ("start", "stop")]
    return actions


def _pair(dice: Dice, at: int) -> list[Action]:
    """Two processes of one host that are killed at nearly the same moment."""
    host = _pick(dice, NODES)
    first, second = _pick(dice, ("pulse", "brain", "hands")), _pick(dice, ("pulse", "brain", "hands"))
    return [Action(at, "kill", (host, first)), Action(at + dice.below(1_000), "kill", (host, second))]


def _leave(dice: Dice, at: int) -> list[Action]:
    host = _pick(dice, NODES)
    return _spans(at, _seconds(dice, 15, 90), "stop", (host,), (host,), ending="start")


def _replay(dice: Dice, at: int) -> list[Action]:
    begin = dice.between(0, max(0, at // 1_000 - 30))
    return [Action(at, "replay", (_pick(dice, NODES), f"{begin}..{begin + dice.between(5, 60)}"))]


NEMESES: Final[dict[str, tuple[Maker, ...]]] = {
    "loss": (_loss,),
    "delay": (_delay,),
    "duplicate": (_duplicate,),
    "link": (_link,),
    "partition": (_partition,),
    "clog": (_clog,),
    "interface": (_interface,),
    "crash": (_crash,),
    "daemon": (_daemon,),
    "process": (_process,),
    "pause": (_pause,),
    "clock": (_wall,),
    "disk": (_disk,),
    "agent": (_agent,),
    "stop-failure": (_stop_failure,),
    "operator": (_operator,),
    "leave": (_leave,),
    "replay": (_replay,),
    "ping": (_ping,),
    "edit": (_edit,),
    "crossed": (_crossed,),
    "pair": (_pair,),
}
"""By name: what makes its faults."""

MIXES: Final[dict[str, tuple[str, ...]]] = {
    "network": ("loss", "delay", "duplicate", "link", "clog", "interface", "ping"),
    "hosts": ("crash", "daemon", "process", "pause", "clock", "disk"),
    "people": ("operator", "leave"),
    "files": ("edit", "operator", "process", "pair", "crash", "leave", "partition"),
    "all": tuple(NEMESES),
}
"""Names for several."""


def expand(names: tuple[str, ...]) -> tuple[str, ...]:
    """The nemeses that the names mean, mixes opened, each once; KeyError for a name that is neither."""
    found = [one for name in names for one in MIXES.get(name, (name,))]
    unknown = [name for name in found if name not in NEMESES]
    if unknown:
        raise KeyError(unknown[0])
    return tuple(dict.fromkeys(found))


def make_script(dice: Dice, names: tuple[str, ...], duration_ms: int, mean_gap_ms: int = 40_000) -> list[Action]:
    """Faults of the named nemeses for ``duration_ms``, one about every ``mean_gap_ms``, and ``heal`` at the end."""
    makers = [maker for name in expand(names) for maker in NEMESES[name]]
    actions: list[Action] = []
    at = FIRST_FAULT_MS if dice.chance(800_000) else dice.below(FIRST_FAULT_MS)
    while makers and at < duration_ms:
        actions += makers[dice.below(len(makers))](dice, at)
        at += dice.between(1, 2 * mean_gap_ms)
    inside = [action for action in actions if action.at_ms < duration_ms]
    return [*sorted(inside, key=lambda action: action.at_ms), Action(duration_ms, "heal")]
