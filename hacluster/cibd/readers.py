"""Local programs that read, wait for a change, or bring long texts: all in pieces that fit a frame.

A text that is read stays as it was while its pieces are fetched; only a few such texts are kept, the oldest goes first,
and who comes back for one that is gone is told to begin anew. What is uploaded is bounded in all, and forgotten when
nobody comes back to it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final

from lxml import etree

from hacluster.base.limits import MAX_UPLOADED
from hacluster.base.machine import Instant, after
from hacluster.base.results import Fault
from hacluster.base.step import Step
from hacluster.cib.change import node_ids
from hacluster.cib.document import XML
from hacluster.cib.operations import readable
from hacluster.cib.store import Store
from hacluster.msg.driver import Peer, Refused, Request
from hacluster.msg.replica import AwaitChange, Changed, CibText, Edit, EditRequest, ReadRequest, Upload, Uploaded
from hacluster.msg.views import View

PIECE: Final = 256 * 1024
"""Characters of one answer."""

_TEXTS: Final = 4
_WAITING: Final = 256
_UPLOAD_MS: Final = 60_000
_DENIED: Final = "not-permitted"


def rights_of(peer: Peer, user: str) -> tuple[str | None, tuple[str, ...]]:
    """In whose name a client speaks: a user and its groups, ``None`` for an administrator.

    An administrator may speak in somebody else's name.
    """
    if peer.is_administrator:
        return (user, ()) if user and user not in ("root", "hacluster") else (None, ())
    return peer.user or str(peer.uid), peer.group_names


@dataclass(slots=True)
class _Text:
    text: str
    synced: bool
    mark: str


@dataclass(slots=True)
class _Upload:
    until: Instant
    pieces: list[str] = field(default_factory=list)
    length: int = 0


class Readers:
    """Who reads, waits and uploads."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._texts: OrderedDict[str, _Text] = OrderedDict()
        self._waiting: dict[int, str] = {}
        self._uploads: dict[str, _Upload] = {}

    def deadline(self) -> Instant | None:
        """When an upload has waited long enough."""
        return min((upload.until for upload in self._uploads.values()), default=None)

    def on_time(self) -> None:
        """Forget what nobody came back to."""
        for token in [token for token, upload in self._uploads.items() if upload.until <= self._step.now]:
            del self._uploads[token]

    def on_gone(self, client: int) -> None:
        """A program has hung up."""
        self._waiting.pop(client, None)

    def look(self, store: Store, view: View | None, *, synced: bool) -> None:
        """Answer those who wait for another document than this one is."""
        if not self._waiting:
            return
        mark = mark_of(store, view, synced=synced)
        for client in [client for client, known in self._waiting.items() if known != mark]:
            del self._waiting[client]
            self._step.reply(client, Changed(mark, synced))

    def on_request(self, event: Request, store: Store, view: View | None, *, synced: bool) -> None:
        """A program reads, waits or uploads."""
        match event.body:
            case ReadRequest():
                self._read(event, event.body, store, view, synced=synced)
            case AwaitChange():
                if len(self._waiting) >= _WAITING:
                    self._refuse(event, "too-many-requests", f"{_WAITING} programs wait already")
                else:
                    self._waiting[event.request_id] = event.body.mark
            case Upload():
                self._upload(event, event.body)
            case _:
                raise AssertionError(event.body)

    def _read(self, event: Request, asked: ReadRequest, store: Store, view: View | None, *, synced: bool) -> None:
        user, groups = rights_of(event.peer, asked.user)
        token = asked.token
        if not token:
            mark = mark_of(store, view, synced=synced)
            token = f"{mark}{'-' if asked.bare else ''}/{_reader(user, groups)}"
            if token not in self._texts:
                root = shown(store, view, bare=asked.bare)
                try:
                    seen = readable(root, user, groups)
                except Fault as fault:
                    self._refuse(event, _DENIED, fault.text)
                    return
                self._texts[token] = _Text(etree.tostring(seen, encoding="unicode"), synced, mark)
                while len(self._texts) > _TEXTS:
                    self._texts.popitem(last=False)
        known = self._texts.get(token)
        if known is None or not self._may_see(token, user, groups):
            self._refuse(event, "gone", "the text of which this is a piece is not kept any more; begin anew")
            return
        self._texts.move_to_end(token)
        end = asked.offset + PIECE
        left = max(0, len(known.text) - end)
        piece = CibText(known.text[asked.offset : end], known.synced, token, left, known.mark)
        self._step.reply(event.request_id, piece)

    @staticmethod
    def _may_see(token: str, user: str | None, groups: tuple[str, ...]) -> bool:
        """A token is no secret: what it stands for is handed out to whom it was made for."""
        return token.partition("/")[2] == _reader(user, groups)

    def _upload(self, event: Request, asked: Upload) -> None:
        known = self._uploads.get(asked.token) or _Upload(self._step.now)
        if asked.offset != known.length:
            self._refuse(event, "gone", "the beginning of this text is not kept any more; begin anew")
            return
        if sum(entry.length for entry in self._uploads.values()) + len(asked.text) > MAX_UPLOADED:
            self._refuse(event, "too-large", f"more than {MAX_UPLOADED} characters are being uploaded")
            return
        known.pieces.append(asked.text)
        known.length += len(asked.text)
        known.until = after(self._step.now, _UPLOAD_MS)
        self._uploads[asked.token] = known
        self._step.reply(event.request_id, Uploaded(known.length))

    def edit(self, client: int, asked: EditRequest) -> Edit | None:
        """The edit with the data that was uploaded for it; ``None`` when that is gone, which the program is told."""
        if not asked.token:
            return asked.edit
        upload = self._uploads.pop(asked.token, None)
        if upload is None:
            text = "what was uploaded for this edit is not kept any more; upload it again"
            self._step.reply(client, Refused("gone", text))
            return None
        return replace(asked.edit, data="".join(upload.pieces))

    def _refuse(self, event: Request, code: str, text: str) -> None:
        self._step.reply(event.request_id, Refused(code, text))


def _reader(user: str | None, groups: tuple[str, ...]) -> str:
    return "" if user is None else f"{user}:{','.join(groups)}"


def shown(store: Store, view: View | None, *, bare: bool = False) -> XML:
    """The document with what readers look for in it and no record says: who leads, and whether there is quorum."""
    root = store.xml(bare=bare)
    root.set("have-quorum", "1" if view is not None and view.quorate else "0")
    root.attrib.pop("dc-uuid", "")
    if view is not None:
        root.set("dc-uuid", node_ids(root).get(view.leader, view.leader))
    return root


def mark_of(store: Store, view: View | None, *, synced: bool) -> str:
    """Names what readers see now."""
    place = f"{view.id}" if view is not None else "-"
    return f"{store.version}#{store.committed_seq}.{store.digest[:8]}.{store.changes}.{place}{'' if synced else '?'}"
