"""Local programs that write: ids for their requests, and an answer for each, in time."""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.machine import Instant, after
from hacluster.base.step import Step
from hacluster.cib.store import RequestId
from hacluster.cibd.settings import CibdSettings
from hacluster.msg.replica import WriteAnswered, WriteEnd, Written
from hacluster.msg.views import View


@dataclass(slots=True)
class _Waiting:
    client: int
    request: RequestId
    until: Instant


class Clients:
    """Who waits for the end of a write."""

    def __init__(self, settings: CibdSettings, step: Step) -> None:
        self._settings = settings
        self._step = step
        self._waiting: dict[int, _Waiting] = {}
        self._serial = 0

    def deadline(self) -> Instant | None:
        """When the first has waited long enough."""
        return min((entry.until for entry in self._waiting.values()), default=None)

    def on_ask(self, client: int, request: RequestId | None, view: View | None, seq: int) -> RequestId | None:
        """A program wants to write, perhaps again. ``view``: the working view, if any; ``seq``: where our copy stands.

        The id under which the leader is asked; ``None`` when the program has its answer already.
        """
        if view is None:
            text = "this node is in no working view, so nothing was done"
            self._reply(client, Written(WriteEnd.UNKNOWN if request else WriteEnd.REFUSED, request, text=text))
            return None
        if request is None:
            request = self.own_request(view, seq)
        self._waiting[client] = _Waiting(client, request, after(self._step.now, self._settings.answer_ms))
        return request

    def own_request(self, view: View, seq: int) -> RequestId:
        """An id that nobody has."""
        self._serial += 1
        own = view.accept_of(self._settings.name).member
        return RequestId(view.id, seq, f"{own.name}.{own.generation}.{own.life}.{self._serial}")

    def on_answer(self, answer: WriteAnswered) -> None:
        """The leader has answered."""
        for entry in [entry for entry in self._waiting.values() if entry.request == answer.request]:
            del self._waiting[entry.client]
            said = Written(answer.end, answer.request, answer.seq, answer.text, answer.status, answer.report)
            self._reply(entry.client, said)

    def on_left(self) -> None:
        """The view is left: what became of their writes is for the next one to say."""
        self._give_up(list(self._waiting.values()), "the view ended before the write was acknowledged")

    def on_time(self) -> None:
        """Those who have waited long enough hear so."""
        late = [entry for entry in self._waiting.values() if entry.until <= self._step.now]
        self._give_up(late, "no acknowledgement in time")

    def on_gone(self, client: int) -> None:
        """A program has hung up."""
        self._waiting.pop(client, None)

    def _give_up(self, entries: list[_Waiting], why: str) -> None:
        for entry in entries:
            del self._waiting[entry.client]
            text = f"outcome unknown: {why}; ask again with the same request id"
            self._reply(entry.client, Written(WriteEnd.UNKNOWN, entry.request, text=text))

    def _reply(self, client: int, body: Written) -> None:
        self._step.reply(client, body)
