"""What became of the last reload, in a file of the run directory: the supervisor writes it, ``hacluster reload`` waits.

The supervisor has no socket, and the one who sends HUP wants to know more than that it was sent.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from hacluster.base.errors import HaError

NAME: Final = "reload"
MAX_BYTES: Final = 1_000_000


class Word(StrEnum):
    """How far a reload is, or how it ended."""

    UNDER_WAY = "under-way"
    REFUSED = "refused"
    UNCHANGED = "unchanged"
    KEYS = "keys"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``count`` tells reloads of one daemon (``pid``) from each other; ``lines`` are findings or the reason."""

    pid: int
    count: int
    word: Word
    lines: tuple[str, ...] = ()

    @property
    def final(self) -> bool:
        """Whether nothing more will follow."""
        return self.word is not Word.UNDER_WAY


class Verdicts:
    """The supervisor's pen."""

    def __init__(self, run_dir: str) -> None:
        self._path = Path(run_dir, NAME)
        self._count = 0
        self.pending = False

    def begin(self) -> None:
        """A reload begins."""
        self._count += 1
        self.tell(Word.UNDER_WAY)

    def tell(self, word: Word, lines: Iterable[str] = ()) -> None:
        """It has come to ``word``. If that cannot be written, the asker gets no answer, and nobody else is harmed."""
        verdict = Verdict(os.getpid(), self._count, word, tuple(lines))
        self.pending = not verdict.final
        with contextlib.suppress(OSError):
            new = self._path.with_name(f"{NAME}.new")
            new.write_text(json.dumps(asdict(verdict)))
            new.replace(self._path)

    def end(self, word: Word, lines: Iterable[str] = ()) -> None:
        """The one that is under way, if any, has come to its end."""
        if self.pending:
            self.tell(word, lines)


def read(run_dir: str) -> Verdict | None:
    """The last verdict; ``None`` when there is none that can be read."""
    try:
        with Path(run_dir, NAME).open("rb") as file:
            data = json.loads(file.read(MAX_BYTES))
        return Verdict(int(data["pid"]), int(data["count"]), Word(data["word"]), tuple(map(str, data["lines"])))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HaError(f"{Path(run_dir, NAME)}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        return None
