"""The leader takes a commit back that nobody has confirmed in time.

What is to be put back, and when, is in the configuration itself (:mod:`hacluster.cib.unconfirmed`). So the next leader
goes on where one died, and a view without quorum waits until there is one.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from hacluster.base.members import Member
from hacluster.cib.document import XML
from hacluster.cib.store import RequestId
from hacluster.cib.unconfirmed import pending, put_back
from hacluster.msg.replica import Edit, EditAsked, WriteAnswered, WriteEnd
from hacluster.msg.views import View

AGAIN_MS: Final = 5_000
"""After a refusal (too many writes under way) it is tried again."""
LONGEST_MS: Final = 3_600_000
"""How long is waited at once: the wall clock may be set meanwhile."""
CLIENT: Final = "unconfirmed"
"""Who changes the configuration then, as ``update-client`` has it."""


class Confirming:
    """What one view's leader has to take back."""

    def __init__(self, view: View, own: Member) -> None:
        self._view, self._own = view, own
        self._serial = 0
        self._asked: RequestId | None = None
        self.report = ""
        """What is to be said about the last answer; empty: nothing."""

    def wait_ms(self, root: XML, unix_ms: int) -> int | None:
        """How long there is nothing to do; ``None``: nothing is unconfirmed, it is being taken back, or may not be."""
        configuration = root.find("configuration")
        if self._asked is not None or configuration is None or not self._view.quorate:
            return None
        found = pending(configuration)
        if found is None:
            return None
        return min(LONGEST_MS, max(0, found.until * 1_000 - unix_ms))

    def take_back(self, root: XML, seq: int) -> tuple[EditAsked, str] | None:
        """The edit that puts everything back, and what there is to say of it."""
        configuration = root.find("configuration")
        found = pending(configuration) if configuration is not None else None
        if found is None or configuration is None:
            return None
        self._serial += 1
        nonce = f"{self._own.name}.{self._own.generation}.{self._own.life}.unconfirmed.{self._serial}"
        self._asked = RequestId(self._view.id, seq, nonce)
        data = etree.tostring(put_back(configuration, found), encoding="unicode")
        edit = Edit("replace", scope="configuration", data=data)
        comment = f" ({found.comment})" if found.comment else ""
        text = f"the commit of {found.who or 'somebody'}{comment} was not confirmed in time and is taken back: "
        text += ", ".join(found.names)
        return EditAsked(self._view.id, self._asked, edit, forced=False, client=CLIENT), text

    def on_answer(self, answer: WriteAnswered) -> bool:
        """Whether this is the answer to our edit; then :attr:`report` says what went wrong."""
        if answer.request != self._asked:
            return False
        self._asked = None
        self.report = "" if answer.end in (WriteEnd.COMMITTED, WriteEnd.KEPT) else answer.text
        return True
