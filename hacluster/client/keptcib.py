"""A CIB in a file. The one that the daemon of this node keeps is a snapshot, and a journal beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hacluster.cib.storage import MARK, Recorded, StorageError, read_journal, read_snapshot

_SNAPSHOT: Final = "cib.xml"
_JOURNAL: Final = "cib.journal"


def read_cib_file(path: Path) -> bytes:
    """What a CIB file says, with what was written since where it is the daemon's. Raises :class:`OSError`.

    A snapshot or journal that is damaged is the daemon's business: then the file counts as it is.
    """
    data = path.read_bytes()
    if path.name != _SNAPSHOT or not data.startswith(MARK):
        return data
    try:
        journal = (path.parent / _JOURNAL).read_bytes()
    except FileNotFoundError:  # one that is there and cannot be read is told: without it the CIB is an old one
        return data
    from hacluster.base.errors import HaError  # noqa: PLC0415 - other files need none of it
    from hacluster.cib.markup import show_markup  # noqa: PLC0415
    from hacluster.cib.store import Store  # noqa: PLC0415

    try:
        snapshot = read_snapshot(data)
        store = Store(snapshot)
    except (StorageError, HaError):
        return data
    records = [line.record for line in read_journal(journal, snapshot.digest).lines if isinstance(line, Recorded)]
    try:
        for record in records:
            store.take(record)
    except HaError:
        return data
    return show_markup(store.head).encode() if records else data
