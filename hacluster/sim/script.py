"""Fault scripts: one action a line, readable and writable by people.

    # what happens to the cluster, and when (seconds)
    at 12.000 cut node1 eth0            # both directions; or: in, out
    at 30.500 mend node1 eth0
    at 40.000 loss * eth0 30            # per cent of what every host sends on eth0
    at 60.000 heal                      # end every fault, start everything

The verbs and their arguments are the table :data:`VERBS`. A script is in order of time; actions at the same time are
done in the order of the lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hacluster.base.report import Report
from hacluster.config.findings import Findings, shown
from hacluster.msg.haresources import Hold
from hacluster.sim.agents import Behaviour
from hacluster.sim.disk import DiskHealth
from hacluster.sim.edits import EDITS
from hacluster.sim.scenario import PINGS
from hacluster.sim.trace import clock_text

MAX_WORDS = 8


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that is done to the cluster at world time ``at_ms``."""

    at_ms: int
    verb: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(("at", clock_text(self.at_ms), self.verb, *self.arguments))

    @property
    def words(self) -> str:
        """Without the time."""
        return " ".join((self.verb, *self.arguments))


_NUMBER = r"\d{1,9}(\.\d{1,3})?"
_HOST = r"[a-z0-9][a-z0-9.-]*"
_ANY_HOST = rf"(\*|{_HOST})"
_LINK = r"[a-z0-9]+"
_WORD = r"\S+"
_PING = "|".join(("\\*", *(re.escape(target) for target in PINGS))).join(("(", ")"))
_BEHAVIOURS = "|".join(behaviour.value for behaviour in Behaviour)
_HEALTHS = "|".join(health.value for health in DiskHealth)
_EDITS = "|".join(EDITS)
_HOLDS = "|".join(hold.value for hold in Hold if hold is not Hold.NONE)

VERBS: Final[dict[str, tuple[str, str, str]]] = {
    "cut": (rf"{_HOST} {_LINK}( (in|out|both))?", "HOST LINK [in|out|both]", "an interface goes deaf, dumb or both"),
    "clog": (rf"{_HOST} {_LINK}", "HOST LINK", "what comes in is held back until mended, then comes at once"),
    "mend": (rf"{_HOST} {_LINK}", "HOST LINK", "the interface works again"),
    "remove": (rf"{_HOST} {_LINK}", "HOST LINK", "the host has no such interface any more"),
    "rename": (rf"{_HOST} {_LINK}", "HOST LINK", "the interface gets another name"),
    "restore": (rf"{_HOST} {_LINK}", "HOST LINK", "it is there again under its name; a new one if it was removed"),
    "loss": (rf"{_ANY_HOST} {_LINK} {_NUMBER}", "HOST|* LINK PERCENT", "of what the host sends"),
    "duplicate": (rf"{_ANY_HOST} {_LINK} {_NUMBER}", "HOST|* LINK PERCENT", "of what the host sends"),
    "delay": (rf"{_ANY_HOST} {_LINK} \d{{1,5}}\.\.\d{{1,5}}", "HOST|* LINK LOW..HIGH", "ms; a range also reorders"),
    "unreachable": (rf"{_ANY_HOST} {_PING}", "HOST|* PING|*", "a ping target answers that host no more"),
    "reachable": (rf"{_ANY_HOST} {_PING}", "HOST|* PING|*", "a ping target answers that host again"),
    "replay": (rf"{_HOST} {_NUMBER}\.\.{_NUMBER}", "HOST FROM..TO", "an attacker sends what it heard then"),
    "power": (_HOST, "HOST", "power loss: services, memory and unsynced writes are gone"),
    "boot": (_HOST, "HOST", "power is back; the daemon starts"),
    "kill": (rf"{_HOST} (pulse|brain|hands|all)", "HOST PROCESS|all", "kill -9; services go on"),
    "start": (_HOST, "HOST", "the daemon starts, if it does not run"),
    "stop": (_HOST, "HOST", "the administrator stops the daemon cleanly"),
    "pause": (_HOST, "HOST", "SIGSTOP for the daemon; services go on"),
    "resume": (_HOST, "HOST", "SIGCONT"),
    "step": (rf"{_HOST} [+-]{_NUMBER}", "HOST +-SECONDS", "the wall clock is set"),
    "disk": (rf"{_HOST} ({_HEALTHS})", f"HOST {_HEALTHS}", "what writes meet"),
    "agent": (
        rf"{_ANY_HOST} {_WORD} (start|stop|status|\*) ({_BEHAVIOURS})",
        f"HOST|* SERVICE|* start|stop|status|* {_BEHAVIOURS}",
        "how programs act",
    ),
    "edit": (rf"{_HOST} ({_EDITS})", f"HOST {_EDITS}", "the haresources file on that host is written anew"),
    "reload": (_HOST, "HOST", "the daemon reads its files again"),
    "standby": (rf"{_HOST} ({_HOLDS})", f"HOST {_HOLDS}", "hb_standby on that host"),
    "takeover": (rf"{_HOST} ({_HOLDS})", f"HOST {_HOLDS}", "hb_takeover on that host"),
    "heal": ("", "", "end every fault, start and resume every daemon"),
}
"""Verb: the pattern of its arguments, how they are written for people, and what it does."""

PING_VERBS: Final = frozenset({"unreachable", "reachable"})
"""Those that mean something only in a cluster with ping nodes."""

_LINE = re.compile(rf"at ({_NUMBER}) ([a-z]+)((?: \S+){{0,{MAX_WORDS}}})")


def parse_script(text: str, file: str, hosts: Iterable[str], links: Iterable[str]) -> tuple[list[Action], list[Report]]:
    """The actions in order of time, and everything that is wrong with the text."""
    actions: list[Action] = []
    findings = Findings(file)
    known = (frozenset(hosts), frozenset(links))
    for number, raw in enumerate(text.splitlines(), 1):
        line = " ".join(raw.partition("#")[0].split())
        if not line:
            continue
        if findings.full:
            break
        found = _LINE.fullmatch(line)
        if found is None:
            hint = "at SECONDS VERB ARGUMENTS, for example: at 12.000 cut node1 eth0"
            findings.error("bad-line", number, f"{shown(line)} is not an action", hint)
            continue
        action = Action(round(float(found[1]) * 1000), found[3], tuple(found[4].split()))
        fault = _fault(action, *known)
        if fault is None:
            actions.append(action)
        else:
            code, words, hint = fault
            findings.error(code, number, words, hint)
    return sorted(actions, key=lambda action: action.at_ms), findings.reports


def _fault(action: Action, hosts: frozenset[str], links: frozenset[str]) -> tuple[str, str, str] | None:
    if action.verb not in VERBS:
        return "unknown-verb", f"{shown(action.verb)} is not something that can be done", f"one of {', '.join(VERBS)}"
    pattern, usage, _ = VERBS[action.verb]
    if re.fullmatch(pattern, " ".join(action.arguments)) is None:
        return "bad-arguments", f"{shown(action.words)} is incomplete or wrong", f"{action.verb} {usage}".strip()
    if action.arguments and action.arguments[0] not in hosts | {"*"}:
        return "unknown-host", f"there is no host {shown(action.arguments[0])}", f"one of {', '.join(sorted(hosts))}"
    if "LINK" in usage and action.arguments[1] not in links:
        return "unknown-link", f"there is no link {shown(action.arguments[1])}", f"one of {', '.join(sorted(links))}"
    if action.verb == "delay":
        low, high = (int(part) for part in action.arguments[2].split(".."))
        if not 1 <= low <= high:
            return "bad-arguments", f"{shown(action.words)}: the range is empty", "LOW..HIGH in ms, LOW at least 1"
    if action.verb in {"loss", "duplicate"} and float(action.arguments[2]) > 100:
        return "bad-arguments", f"{shown(action.words)}: more than all", "0 to 100 per cent"
    return None


def render_script(actions: Iterable[Action]) -> str:
    """The text of a script; :func:`parse_script` reads it back."""
    return "".join(f"{action}\n" for action in actions)
