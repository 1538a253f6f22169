"""Checkers of what the resource manager promises people: answers to their requests, and groups where the network works.

Both judge from outside: by what a program that asks gets, and by which ping nodes really answer which host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hacluster.base.effects import Reply
from hacluster.base.limits import MAX_DISK_WAIT_MS
from hacluster.haresources.states import ANSWER_MS
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import HandoverAccepted, HandoverFinished
from hacluster.sim.checkers import Bounds, Checker
from hacluster.sim.scene import Scene

ANSWER_BOUND_MS: Final = ANSWER_MS + 1_000
"""hb_takeover is answered when the peer begins, or refused when it does not begin in time."""

AT_ONCE_MS: Final = 2 * MAX_DISK_WAIT_MS
"""An answer comes when the state behind it is written, and a machine waits for no disk longer than this."""

FINISH_MS: Final = 90_000
"""From a request to its end where programs work: answer time, a death on the way, and the programs of all groups."""

FINISH_FAULTY_MS: Final = 600_000
"""The same where programs fail or hang."""

PING_MS: Final = 45_000
"""How long after ping nodes changed, or anything else did, ipfail must have moved everything: the ping dead time, two
keepalives, a handover that was going on, ten seconds until the next comparison, and the programs."""


@dataclass(slots=True)
class _Asked:
    verb: str
    since: int
    hopeless: str
    accepted: bool = False


class Answers(Checker):
    """Every request of hb_standby and hb_takeover with ``--wait`` is answered to its end, and in time.

    hb_standby is accepted or refused at once; hb_takeover too if it cannot be accepted: the peer is dead, or the node
    is leaving. What is accepted ends. A client whose daemon is killed or stops is hung up on and waits no longer.
    """

    name = "answers"

    def __init__(self, scene: Scene, bounds: Bounds) -> None:
        super().__init__(scene, bounds)
        self._asked: dict[tuple[str, int], _Asked] = {}

    def on_request(self, host: str, request_id: int, verb: str) -> None:
        """A program has asked."""
        scene = self.scene.hosts[host]
        hopeless = ""
        if scene.holds_dead >= self.scene.hosts.keys() - {host}:
            hopeless = "no other node is there"
        elif scene.stop_asked:
            hopeless = "it is leaving"
        self._asked[host, request_id] = _Asked(verb, self.scene.now, hopeless)

    def on_reply(self, host: str, reply: Reply) -> str | None:
        """One answer; the last one of a request comes once."""
        asked = self._asked.get((host, reply.request_id))
        body = reply.body
        if not isinstance(body, Refused | HandoverAccepted | HandoverFinished):
            return None
        if asked is None:
            return f"{host} answers a request that is answered already or was not made: {body.text}"
        late = self._late(host, asked)
        if late is not None:
            return late
        if isinstance(body, HandoverAccepted):
            if asked.hopeless or asked.accepted or reply.last:
                return f"{host} accepts {asked.verb}, although {asked.hopeless or 'it was to wait for the end'}"
            asked.accepted, asked.hopeless = True, ""
        else:
            if isinstance(body, HandoverFinished) and not asked.accepted:
                return f"{host} finishes {asked.verb}, which it has not accepted"
            del self._asked[host, reply.request_id]
        return None

    def on_hung_up(self, host: str) -> None:
        """The process that answers is gone."""
        for key in [key for key in self._asked if key[0] == host]:
            del self._asked[key]

    def each_second(self) -> str | None:
        """Who waits too long."""
        for (host, _), asked in self._asked.items():
            found = self._late(host, asked)
            if found is not None:
                return found
        return None

    def at_end(self) -> str | None:
        """Faults have been over for long: nobody waits any more."""
        for (host, _), asked in self._asked.items():
            return f"{asked.verb} on {host} is not answered to its end"
        return None

    def _late(self, host: str, asked: _Asked) -> str | None:
        scene = self.scene.hosts[host]
        if scene.paused:
            return None
        waited = self.scene.now - max(asked.since, scene.resumed_at)
        if asked.accepted:
            faulty = any(other.agents_failed for other in self.scene.hosts.values())
            limit, what = FINISH_FAULTY_MS if faulty else FINISH_MS, "was accepted and has not ended"
        elif asked.verb.startswith("takeover") and not asked.hopeless:
            limit, what = ANSWER_BOUND_MS, "is neither accepted nor refused"
        else:
            limit, what = (
                AT_ONCE_MS,
                f"is not refused at once ({asked.hopeless})" if asked.hopeless else "is not answered at once",
            )
        return f"{asked.verb} on {host} {what} after {waited} ms" if waited > limit else None


class MoreSight(Checker):
    """With ipfail, and when everything is calm, the node that more ping nodes answer holds all groups.

    Two cases are left to people: programs that fail, and a handover that was asked for, which stands until the next
    ping node changes.
    """

    name = "ipfail"

    def each_second(self) -> str | None:
        """Which group runs where fewer ping nodes answer, or nowhere."""
        scene = self.scene
        if not scene.ipfail or scene.overruled or scene.now - scene.disturbed_at <= PING_MS:
            return None
        if any(host.agents_failed for host in scene.hosts.values()):
            return None
        ranked = sorted(scene.hosts, key=lambda name: scene.hosts[name].reach)
        fewer, more = ranked[0], ranked[-1]
        counts = tuple(scene.hosts[name].reach for name in (more, fewer))
        if counts[0] == counts[1]:
            return None
        for group in scene.groups.groups:
            runners = scene.runners(group)
            if runners != [more]:
                where = " and ".join(runners) or "no node"
                return f"{group.key} runs on {where}; {counts[0]} ping nodes answer {more}, {counts[1]} {fewer}"
        return None


PROMISES: Final[tuple[type[Checker], ...]] = (Answers, MoreSight)
