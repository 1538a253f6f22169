"""The shell on a terminal: prompt, history, completion with help, lines that go on behind a backslash."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from hacluster.crmsh.complete import candidates
from hacluster.crmsh.shell import Ended, Shell

if TYPE_CHECKING:
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from hacluster.crmsh.session import Session

MORE = "   > "


class ShellCompleter(Completer):
    """Words that may come next, at the level where one stands."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.earlier = ""
        """The lines before this one that it goes on from."""

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
        """See :func:`hacluster.crmsh.complete.candidates`."""
        line = self.earlier + document.text_before_cursor
        begun = "" if not line or line[-1].isspace() else line.split()[-1]
        for one in candidates(self._session, self._session.path, line):
            yield Completion(one.word, start_position=-len(begun), display_meta=one.help)


def prompt(session: Session) -> str:
    """``crm(live/alpha)configure# ``; a star marks what is not committed."""
    levels = " ".join(level.name for level in session.path)
    star = "*" if session.editing else ""
    return f"crm({session.place}/{session.node()}){levels}{star}# "


def history_file(session: Session) -> Path:
    """Where lines are kept."""
    data = session.environment.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(data) / "crm" / "hacluster_history"


def _history(session: Session) -> History:
    file = history_file(session)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(file))


def converse(shell: Shell, *, source: Input | None = None, target: Output | None = None) -> int:
    """Read and run lines until the end; the exit status. ``source`` and ``target``: for tests."""
    session = shell.session
    completer = ShellCompleter(session)
    reader: PromptSession[str] = PromptSession(
        history=_history(session), completer=completer, complete_while_typing=False, input=source, output=target
    )
    status = 0
    while True:
        try:
            line = _read(reader, session, completer)
            status = 0 if shell.run(line) else 1
        except KeyboardInterrupt:
            continue
        except EOFError:
            with contextlib.suppress(Ended):
                status = 0 if shell.finish() else 1
            break
        except Ended as ended:
            status = status if ended.status is None else ended.status
            break
    session.voice.out("bye")
    return status or session.status


def _read(reader: PromptSession[str], session: Session, completer: ShellCompleter) -> str:
    shown = prompt(session)
    text = ANSI(f"\033[1m{shown}\033[0m") if session.voice.color else shown
    parts = [reader.prompt(text)]
    while parts[-1].rstrip().endswith("\\"):
        parts[-1] = parts[-1].rstrip().rstrip("\\")
        completer.earlier = "".join(parts)
        parts.append(reader.prompt(MORE))
    completer.earlier = ""
    return "".join(parts)
