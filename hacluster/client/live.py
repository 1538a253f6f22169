"""The running cluster as tools see it: its CIB, transient attributes, views, and what a node's manager can be asked.

Everything goes over the local sockets of this node; what concerns another node is that node's business, and the daemons
see to it. A call has a time limit; what goes wrong is a :class:`Fault` with the text and exit status of the original.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any, Final, TypeVar

from hacluster.base.results import Exit, Fault, denied, no_such, not_connected
from hacluster.cib.document import XML
from hacluster.cib.markup import flat_markup, read_markup
from hacluster.client.connection import Connection
from hacluster.client.errors import ConnectionLostError, NotPermittedError, NotRunningError, TimedOutError
from hacluster.client.rundir import run_dir
from hacluster.msg.driver import Refused
from hacluster.msg.replica import (
    AwaitChange,
    Changed,
    CibText,
    Edit,
    EditRequest,
    ReadRequest,
    Upload,
    Uploaded,
    WriteEnd,
    Written,
)

TIMEOUT_S: Final = 30.0
"""How long an answer may take in all, as with the original's tools."""

PIECE: Final = 12 * 1024
"""Characters of one piece of a long text: in MessagePack four bytes each at most, within the bound of a request."""

_SHORT: Final = 8 * 1024
_TRIES: Final = 3
_PAUSE_S: Final = 0.1
AnswerT = TypeVar("AnswerT")


def fault_of(error: Exception) -> Fault:
    """What it means that there is no answer."""
    match error:
        case NotRunningError() | ConnectionLostError():
            return not_connected()
        case NotPermittedError():
            return denied()
        case TimedOutError():
            return Fault("Timer expired", Exit.TIMEOUT)
        case _:
            raise error


def fault_of_refusal(refused: Refused) -> Fault:
    """What a refusal means."""
    match refused.code:
        case "not-permitted":
            return denied()
        case "no-answer":
            return Fault("Timer expired", Exit.TIMEOUT)
        case "no-such":
            return no_such()
        case "unknown-request":
            return not_connected()
        case _:
            return Fault(refused.text, Exit.ERROR)


class Daemon:
    """Questions to the daemon of this node. ``name``: what the program calls itself."""

    def __init__(self, name: str, *, directory: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._connection = Connection(run_dir(directory), name=name, timeout_s=timeout_s)

    def ask(self, body: object, wanted: type[AnswerT]) -> AnswerT:
        """The answer to a question. Raises :class:`Fault`."""
        answer = self.answer(body)
        if isinstance(answer, Refused):
            raise fault_of_refusal(answer)
        if not isinstance(answer, wanted):
            raise Fault("No message of desired type", Exit.PROTOCOL)
        return answer

    def answer(self, body: object, *, timeout_s: float | None = None) -> object:
        """The answer, a refusal too. Raises :class:`Fault` when there is none."""
        try:
            return self._connection.ask(body, timeout_s=timeout_s)
        except (NotRunningError, NotPermittedError, ConnectionLostError, TimedOutError) as error:
            raise fault_of(error) from None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class LiveCluster:
    """The CIB of the running cluster. ``user``: in whose name, which only an administrator may say."""

    live = True

    def __init__(self, user: str | None = None, *, name: str = "", daemon: Daemon | None = None) -> None:
        self.user = user
        self.force = False
        self.daemon = daemon or Daemon(name or _own_name())
        self.mark = ""

    def open(self) -> None:
        """Whether anybody answers. Raises :class:`Fault`."""
        self.daemon.ask(AwaitChange("?"), Changed)

    def read(self, *, bare: bool = False) -> XML:
        """The document as far as the user may see it; ``bare``: without the status."""
        root = read_markup(self._text(bare=bare).encode())
        assert root is not None, "the daemon speaks XML"
        return root

    def _text(self, *, bare: bool = False) -> str:
        """The whole text, piece by piece; from the beginning when it is not kept long enough."""
        for _ in range(_TRIES):
            first = self.daemon.ask(ReadRequest(user=self.user or "", bare=bare), CibText)
            pieces, at, left = [first.text], len(first.text), first.left
            while left:
                more = self.daemon.answer(ReadRequest(first.token, at, self.user or ""))
                if not isinstance(more, CibText):
                    break
                pieces.append(more.text)
                at, left = at + len(more.text), more.left
            if not left:
                self.mark = first.mark
                return "".join(pieces)
        raise Fault("Timer expired", Exit.TIMEOUT)

    def change(self, operation: str, **request: Any) -> None:
        """Change the document: ask, and ask again with the same id while nobody knows what became of it."""
        data: XML | None = request.pop("data", None)
        text = None if data is None else flat_markup(data)
        is_long = text is not None and len(text) > _SHORT
        edit = Edit(operation, data=None if is_long else text, **request)
        asked = EditRequest(edit, forced=self.force, user=self.user or "")
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            if is_long and text is not None:
                asked = replace(asked, token=self._upload(text))
            answer = self.daemon.ask(asked, Written)
            if answer.end in (WriteEnd.COMMITTED, WriteEnd.KEPT):
                return
            if answer.end is not WriteEnd.UNKNOWN or answer.request is None or time.monotonic() > deadline:
                raise _fault_of_write(answer)
            asked = replace(asked, request=answer.request)
            time.sleep(_PAUSE_S)

    def _upload(self, text: str) -> str:
        token = os.urandom(12).hex()
        for start in range(0, len(text), PIECE):
            self.daemon.ask(Upload(token, start, text[start : start + PIECE]), Uploaded)
        return token

    def store(self, root: XML) -> None:
        """Put a document in the place of this one."""
        self.change("replace", data=root)

    def wait(self, mark: str, timeout_s: float) -> bool:
        """Whether the document is another than the one of ``mark``, at the latest after ``timeout_s``."""
        try:
            answer = self.daemon.answer(AwaitChange(mark), timeout_s=timeout_s)
        except Fault as fault:
            if fault.status is Exit.TIMEOUT:
                return False
            raise
        return isinstance(answer, Changed)


def daemon_here(name: str = "") -> Daemon:
    """Questions to the daemon of this node, from the program that runs."""
    return Daemon(name or _own_name())


def _own_name() -> str:
    import sys  # noqa: PLC0415 - who is not asked for a name

    return os.path.basename(sys.argv[0])[:32] or "tool"


def _fault_of_write(answer: Written) -> Fault:
    from hacluster.cib.operations import Refusal  # noqa: PLC0415 - most writes succeed

    if answer.end is WriteEnd.UNKNOWN:
        return Fault("Timer expired", Exit.TIMEOUT)
    fault = Fault(answer.text, Exit(answer.status) if answer.status in list(Exit) else Exit.ERROR)
    if answer.status == Exit.QUORUM:
        fault.text = "Operation requires quorum"
    report = read_markup(answer.report.encode()) if answer.report else None
    return Refusal(fault, report) if report is not None else fault
