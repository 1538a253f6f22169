"""Requests of programs to a node's manager, wherever they were asked: each is done on the node that it concerns.

Who asks at another node is passed on, and answered when that node has; a node that is no member is no one to ask, and
one that does not answer in time is said not to have.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final, Protocol

from hacluster.base.effects import Effect, MachineName, Reply, Send
from hacluster.base.machine import Instant
from hacluster.base.members import Member
from hacluster.base.timers import Timers
from hacluster.cib.change import Words
from hacluster.msg.crmd import Errand, ErrandDone, FailResource, ForgetResource, ManagerQuery, ManagerStatus
from hacluster.msg.driver import Refused, Request
from hacluster.msg.membership import Accepted
from hacluster.msg.stream import Convey
from hacluster.msg.views import View

ANSWER_MS: Final = 10_000
"""How long another node may take."""

Asked = ManagerQuery | ForgetResource | FailResource


class Doer(Protocol):
    """Who does them on this node."""

    def standing(self) -> ManagerStatus:
        """How this node's manager stands."""
        ...

    def forget_history(self, asked: ForgetResource) -> None:
        """Forget what is known of a resource."""
        ...

    def fail_resource(self, asked: FailResource) -> Refused | None:
        """Count a resource as failed; why not, if not."""
        ...


@dataclass(slots=True)
class _Passed:
    client: int
    node: str


class Errands:
    """Who asked, and who has not answered."""

    def __init__(self, node: str, doer: Doer) -> None:
        self._node = node
        self._doer = doer
        self._passed: dict[int, _Passed] = {}
        self._timers: Timers[int] = Timers()
        self._number = 0

    def deadline(self) -> Instant | None:
        """When the first has waited long enough."""
        return self._timers.deadline()

    def on_gone(self, client: int) -> None:
        """A program has hung up."""
        for number in [number for number, passed in self._passed.items() if passed.client == client]:
            self._drop(number)

    def on_request(self, event: Request, view: View | None, now: Instant) -> list[Effect]:
        """A program asks."""
        body = event.body
        if not isinstance(body, Asked):
            return [Reply(event.request_id, Refused("unknown-request", "crmd does not answer this"))]
        node = body.node or self._node
        if node == self._node:
            return [Reply(event.request_id, self._do(body))]
        if view is None or node not in view.keepers:
            return [Reply(event.request_id, Refused("no-such", f"{node} is no member of this partition"))]
        self._number += 1
        self._passed[self._number] = _Passed(event.request_id, node)
        self._timers.set(self._number, now, ANSWER_MS)
        words = tuple((name, str(value)) for name, value in asdict(body).items())
        errand = Errand(view.id, self._number, type(body).__name__, words)
        return [Send(MachineName.SPEECH, Convey((node,), MachineName.CRMD, errand))]

    def _do(self, asked: Asked) -> ManagerStatus | Accepted | Refused:
        match asked:
            case ManagerQuery():
                return self._doer.standing()
            case ForgetResource():
                self._doer.forget_history(asked)
                return Accepted()
            case FailResource():
                return self._doer.fail_resource(asked) or Accepted()

    def on_errand(self, sender: Member, errand: Errand) -> list[Effect]:
        """Another node passes one on. The caller has seen to it that the view is ours, and the sender in it."""
        asked = _read(errand)
        if asked is None:
            done = ErrandDone(errand.view, errand.number, (("text", "it is not known here"),), "unknown-request")
        else:
            answer = self._do(asked)
            if isinstance(answer, Refused):
                done = ErrandDone(errand.view, errand.number, (("text", answer.text),), answer.code)
            else:
                done = ErrandDone(errand.view, errand.number, _words_of(answer))
        return [Send(MachineName.SPEECH, Convey((sender.name,), MachineName.CRMD, done))]

    def on_done(self, done: ErrandDone) -> list[Effect]:
        """The other node has answered."""
        passed = self._passed.get(done.number)
        if passed is None:
            return []
        self._drop(done.number)
        words = dict(done.words)
        if done.refused:
            return [Reply(passed.client, Refused(done.refused, words.get("text", "")))]
        if "state" in words:
            answer = ManagerStatus(
                passed.node, words["state"], words.get("dc", ""), quorate=words.get("quorate") == "True"
            )
            return [Reply(passed.client, answer)]
        return [Reply(passed.client, Accepted())]

    def on_time(self, now: Instant) -> list[Effect]:
        """Those who have waited long enough hear so."""
        out: list[Effect] = []
        while (number := self._timers.pop(now)) is not None:
            passed = self._passed.pop(number)
            out.append(Reply(passed.client, Refused("no-answer", f"{passed.node} did not answer in time")))
        return out

    def _drop(self, number: int) -> None:
        del self._passed[number]
        self._timers.cancel(number)


def _words_of(answer: ManagerStatus | Accepted) -> Words:
    return tuple((name, str(value)) for name, value in asdict(answer).items())


def _read(errand: Errand) -> Asked | None:
    words = dict(errand.words)
    match errand.kind:
        case "ManagerQuery":
            return ManagerQuery(words.get("node", ""))
        case "ForgetResource":
            interval = words.get("interval_ms", "0")
            return ForgetResource(
                words.get("node", ""), words.get("resource", ""), words.get("operation", ""),
                int(interval) if interval.isdecimal() else 0,
            )  # fmt: skip
        case "FailResource":
            return FailResource(words.get("node", ""), words.get("resource", ""))
        case _:
            return None
