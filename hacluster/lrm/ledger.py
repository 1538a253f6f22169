"""What the hands keep for askers that give contexts, so that no process that dies takes a result along.

Kept are the operations that are under way (recurring ones included), the results that the asker has not noted yet, and
the asker's notes. All of it is written to a journal that does not outlast a reboot, one line an entry, before a result
is told: a result that somebody knows of is never found out a second time. A torn last line was never told.

The journal is written anew when it has grown far beyond what it says.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from hacluster.base.effects import Append, Persist
from hacluster.base.limits import MAX_LRM_JOURNAL, MAX_NOTES, MAX_OPERATIONS, MAX_RESULTS
from hacluster.lrm.queue import Key, key_of
from hacluster.msg.lrm import OpFinished, OpsNoted, OpsView, OpView, StartOp

KEY: Final = "lrm"
"""The journal's key; volatile."""

MAX_OUTPUT: Final = 4_096
"""Characters of what an agent wrote, the last ones, that are kept with a result."""

MAX_READ: Final = 14 * 1024 * 1024
"""A journal is not let grow beyond this, if what it says is shorter: the driver reads no longer ones (16 MiB)."""

_CHUNK_BYTES: Final = 1_000_000
"""How much of contexts and notes goes into one view; a frame of the local sockets holds four times as much."""


class Began(msgspec.Struct, tag="op", frozen=True):
    """An operation was asked for."""

    op: StartOp


class Ended(msgspec.Struct, tag="end", frozen=True):
    """An operation is over and will not be run again."""

    asker: str
    op_id: int


class Told(msgspec.Struct, tag="result", frozen=True):
    """A result."""

    asker: str
    result: OpFinished


class Recalled(msgspec.Struct, tag="told", frozen=True):
    """What was last told of a recurring operation, noted long ago."""

    asker: str
    result: OpFinished


class Noted(msgspec.Struct, tag="noted", frozen=True):
    """Results were worked off, and notes kept."""

    noted: OpsNoted


Entry = Began | Ended | Told | Recalled | Noted
_DECODER: Final = msgspec.json.Decoder(Entry)


@dataclass(slots=True)
class _Account:
    """Of one asker."""

    serial: int = 0
    unseen: deque[OpFinished] = field(default_factory=deque)
    notes: dict[str, str] = field(default_factory=dict)


class Ledger:
    """See the module. ``refused`` counts notes that there was no room for."""

    def __init__(self) -> None:
        self._ops: dict[Key, StartOp] = {}
        self._told: dict[Key, OpFinished] = {}
        self._accounts: dict[str, _Account] = {}
        self._lines: list[bytes] = []
        self._written = 0
        self._token = 0
        self._anew = False
        self._limit = MAX_LRM_JOURNAL
        self.refused = 0

    # ---- what happens

    def began(self, op: StartOp) -> None:
        """An operation was asked for."""
        if op.context:
            self._do(Began(op))

    def ended(self, op: StartOp) -> None:
        """An operation will not be run again."""
        if key_of(op) in self._ops:
            self._do(Ended(*key_of(op)))

    def told(self, op: StartOp, result: OpFinished) -> OpFinished:
        """A result, as it is told: with its number, if the asker is one that notes."""
        if not op.context:
            return result
        account = self._accounts.setdefault(op.asker, _Account())
        output = result.output[-MAX_OUTPUT:]
        numbered = replace(result, serial=account.serial + 1, context=op.context, output=output)
        self._do(Told(op.asker, numbered))
        return numbered

    def noted(self, noted: OpsNoted) -> None:
        """The asker has worked off what it was told."""
        self._do(Noted(noted))

    def _do(self, entry: Entry) -> None:
        self._apply(entry)
        self._lines.append(msgspec.json.encode(entry) + b"\n")

    def _apply(self, entry: Entry) -> None:
        match entry:
            case Began():
                self._ops[key_of(entry.op)] = entry.op
            case Ended():
                self._ops.pop((entry.asker, entry.op_id), None)
                self._told.pop((entry.asker, entry.op_id), None)
            case Told():
                account = self._accounts.setdefault(entry.asker, _Account())
                account.serial = entry.result.serial
                account.unseen.append(entry.result)
                if len(account.unseen) > MAX_RESULTS:
                    account.unseen.popleft()
                self._recall(entry.asker, entry.result)
            case Recalled():
                self._recall(entry.asker, entry.result)
            case Noted():
                self._note(entry.noted)

    def _recall(self, asker: str, result: OpFinished) -> None:
        if (asker, result.op_id) in self._ops:
            self._told[asker, result.op_id] = result

    def _note(self, noted: OpsNoted) -> None:
        account = self._accounts.setdefault(noted.asker, _Account())
        account.serial = max(account.serial, noted.serial)
        while account.unseen and account.unseen[0].serial <= noted.serial:
            account.unseen.popleft()
        for name, value in noted.notes:
            if value is None:
                account.notes.pop(name, None)
            elif name in account.notes or len(account.notes) < MAX_NOTES:
                account.notes[name] = value
            else:
                self.refused += 1

    # ---- the disk

    def write(self) -> Append | Persist | None:
        """What is to be written of what happened since; ``None`` when nothing did."""
        if not self._lines:
            return None
        data = b"".join(self._lines)
        self._lines.clear()
        self._token += 1
        if self._anew or self._written + len(data) > self._limit:
            whole = self.snapshot()
            self._anew, self._written = False, len(whole)
            self._limit = max(MAX_LRM_JOURNAL, min(2 * len(whole), MAX_READ), len(whole) + MAX_LRM_JOURNAL // 4)
            return Persist(KEY, whole, self._token, volatile=True)
        self._written += len(data)
        return Append(KEY, data, self._token, volatile=True)

    def snapshot(self) -> bytes:
        """All that is kept, as a journal."""
        entries: list[Entry] = []
        for asker, account in self._accounts.items():
            seen = account.unseen[0].serial - 1 if account.unseen else account.serial
            entries.append(Noted(OpsNoted(seen, tuple(account.notes.items()), asker)))
        entries += [Began(op) for op in self._ops.values()]
        entries += [Recalled(asker, result) for (asker, _), result in self._told.items()]
        entries += [Told(asker, result) for asker, account in self._accounts.items() for result in account.unseen]
        return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)

    @classmethod
    def read(cls, data: bytes) -> tuple[Ledger, str]:
        """What an earlier life kept; if it cannot be read, an empty one, and why."""
        ledger = cls()
        lines = data.split(b"\n")
        torn = lines.pop()
        for number, line in enumerate(lines, 1):
            try:
                entry = _DECODER.decode(line)
            except msgspec.MsgspecError as error:
                return cls(), f"line {number}: {error}"
            ledger._apply(entry)
        ledger._written = len(data)
        ledger._anew = bool(torn)
        return ledger, ""

    # ---- views

    def under_way(self) -> list[tuple[StartOp, OpFinished | None]]:
        """What was asked for and is not over, with what was last told of it."""
        return [(op, self._told.get(key)) for key, op in self._ops.items()]

    def views(self, asker: str, running: frozenset[int]) -> list[OpsView]:
        """What an asker that begins anew is told; ``running``: its operations that run now."""
        account = self._accounts.get(asker) or _Account()
        own = [op for (who, _), op in self._ops.items() if who == asker]
        items: list[OpView | OpFinished | tuple[str, str]] = [*account.notes.items(), *account.unseen]
        items += [OpView(op.op_id, op.resource.id, op.action, op.op_id in running, op.context) for op in own]
        chunks: list[list[OpView | OpFinished | tuple[str, str]]] = [[]]
        size = 0
        for item in items:
            size += _size(item)
            if size > _CHUNK_BYTES:
                chunks.append([])
                size = _size(item)
            chunks[-1].append(item)
        return [
            OpsView(
                tuple(item for item in chunk if isinstance(item, OpView)),
                tuple(item for item in chunk if isinstance(item, OpFinished)),
                tuple(item for item in chunk if isinstance(item, tuple)),
                more=number < len(chunks),
            )
            for number, chunk in enumerate(chunks, 1)
        ]

    def keeps(self, asker: str) -> bool:
        """Whether that asker gives contexts."""
        return asker in self._accounts or any(who == asker for who, _ in self._ops)

    def check(self) -> None:
        """Assert the bounds."""
        assert len(self._ops) <= 2 * MAX_OPERATIONS
        for account in self._accounts.values():
            assert len(account.notes) <= MAX_NOTES
            assert len(account.unseen) <= MAX_RESULTS
            serials = [result.serial for result in account.unseen]
            assert serials == sorted(serials), serials


def _size(item: OpView | OpFinished | tuple[str, str]) -> int:
    if isinstance(item, tuple):
        return len(item[0]) + len(item[1]) + 16
    text = item.context + (item.output + item.reason + item.scene if isinstance(item, OpFinished) else "")
    return len(text) * 2 + 200
