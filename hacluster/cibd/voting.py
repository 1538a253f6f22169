"""The leader changes the list of voters: for people, for last-man-standing, for the tie-breaker.

A change that would not be safe at once is made in steps (:func:`hacluster.cib.voters.steps`), each a write of its own,
begun when the one before is committed. What is wanted lives in the leader alone: the next one derives
last-man-standing anew, and a person asks again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hacluster.base.members import Member
from hacluster.cib.document import XML
from hacluster.cib.store import RequestId
from hacluster.cib.voters import Voters, VotersError, adapted, parse_voters, steps, voters_patch
from hacluster.msg.replica import VotersAsked, WriteAnswered, WriteAsked, WriteEnd
from hacluster.msg.views import View


@dataclass(frozen=True, slots=True)
class Wish:
    """A list that somebody asked for."""

    askers: tuple[tuple[Member, RequestId], ...]
    voters: Voters


class Voting:
    """What the list should become in one view."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._wish: Wish | None = None
        self._step: RequestId | None = None
        self._serial = 0
        self._refused = False

    def ask(self, asked: VotersAsked, origin: Member) -> WriteAnswered | None:
        """Somebody wants a list; an answer at once when that cannot be."""
        view = self._view
        try:
            voters = parse_voters(asked.voters)
        except VotersError as error:
            return WriteAnswered(view.id, asked.request, WriteEnd.REFUSED, text=str(error))
        if self._wish is not None and self._wish.voters == voters:
            self._wish = replace(self._wish, askers=(*self._wish.askers, (origin, asked.request)))
            return None
        if self._wish is not None:
            text = "another change of the voters is under way; ask again"
            return WriteAnswered(view.id, asked.request, WriteEnd.REFUSED, text=text)
        self._wish, self._refused = Wish(((origin, asked.request),), voters), False
        return None

    def goal(self, now: Voters) -> Voters:
        """What the list should be, as far as is known here."""
        wanted = self._wish.voters if self._wish is not None else now
        return adapted(wanted, self._view.names) if self._view.quorate else now

    def is_due(self, now: Voters) -> bool:
        """Whether there is no window to wait for: who is here waits for its vote, or it is over and steps are made."""
        if self._refused:
            return False
        return self._wish is not None or self._serial > 0 or bool(self.goal(now).names - now.names)

    def next(self, now: Voters, root: XML, seq: int) -> WriteAsked | None:
        """The next step as a write; ``None`` when the list is what it should be, or a step is under way."""
        if self._step is not None or self._refused:
            return None
        for step in steps(now, self.goal(now)):
            self._serial += 1
            leader = self._view.accept_of(self._view.leader).member
            nonce = f"{leader.name}.{leader.generation}.{leader.life}.voters.{self._serial}"
            self._step = RequestId(self._view.id, seq, nonce)
            return WriteAsked(self._view.id, self._step, voters_patch(root, step), forced=False)
        return None

    def reached(self, now: Voters, seq: int) -> list[tuple[Member, WriteAnswered]]:
        """The answers to who asked, once the list is what was wanted."""
        if self._wish is None or self._step is not None or now != self.goal(now):
            return []
        return self._answers(WriteEnd.COMMITTED, seq)

    def on_answer(self, answer: WriteAnswered) -> list[tuple[Member, WriteAnswered]]:
        """A step has ended; when it was refused, the answers to who asked."""
        if answer.request != self._step:
            return []
        self._step = None
        if answer.end is WriteEnd.COMMITTED:
            return []
        self._refused = True
        return self._answers(answer.end, answer.seq, answer.text)

    def _answers(self, end: WriteEnd, seq: int, text: str = "") -> list[tuple[Member, WriteAnswered]]:
        wish, self._wish = self._wish, None
        askers = wish.askers if wish is not None else ()
        return [(origin, WriteAnswered(self._view.id, request, end, seq, text)) for origin, request in askers]
