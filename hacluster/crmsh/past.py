"""What was committed by this shell, and when and by whom: for ``rollback`` and ``blame``.

Each commit leaves the configuration as it was before and after, in the state directory of who committed, under the
place that it was about. The last fifty are kept.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.tools.words import complain

KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit. ``when``: seconds since 1970. ``how``: the command that it came from."""

    number: int
    when: float
    who: str
    how: str
    before: Path
    after: Path

    def stamp(self) -> str:
        """The time, as people read it."""
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.when))


class Past:
    """The commits to one place: a file, a shadow, or the cluster."""

    def __init__(self, place: str) -> None:
        state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
        key = hashlib.sha256(place.encode()).hexdigest()[:24]
        self.folder = Path(state) / "hacluster" / "commits" / key

    def entries(self) -> list[Entry]:
        """The commits, the latest first."""
        found = []
        for path in sorted(self.folder.glob("*.json"), reverse=True):
            try:
                said = json.loads(path.read_text(encoding="utf-8"))
                entry = Entry(
                    int(path.stem), float(said["when"]), str(said["who"]), str(said["how"]),
                    path.with_suffix(".before.xml"), path.with_suffix(".after.xml"),
                )  # fmt: skip
            except (OSError, ValueError, KeyError):
                continue
            found.append(entry)
        return found

    def note(self, before: XML, after: XML, how: str) -> None:
        """Keep a commit; a disk that takes nothing costs the history, which is said, and not the commit."""
        number = max((entry.number for entry in self.entries()), default=0) + 1
        stem = self.folder / f"{number:08}"
        said = {"when": time.time(), "who": getpass.getuser(), "how": how}
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for word, root in (("before", before), ("after", after)):
                path = stem.with_suffix(f".{word}.xml")
                path.touch(mode=0o600)
                path.write_bytes(etree.tostring(root))
            stem.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")
            for old in self.entries()[KEPT:]:
                for path in self.folder.glob(f"{old.number:08}.*"):
                    path.unlink(missing_ok=True)
        except OSError as error:
            complain(f"WARNING: this commit cannot be taken back by rollback: {self.folder}: {error.strerror}")


def read(path: Path) -> XML:
    """A configuration that was kept."""
    return etree.fromstring(path.read_bytes(), etree.XMLParser(resolve_entities=False, no_network=True))
