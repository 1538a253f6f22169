"""What an edit comes to: a patch of the configuration, changes of the status, or a fault.

The leader makes an edit on the newest configuration, with what is journaled and not committed yet in it, so that of two
edits at one time each sees the other, and none is lost.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from hacluster.base.results import Exit, Fault
from hacluster.cib.change import Change
from hacluster.cib.diff import make_patch
from hacluster.cib.document import XML, Document
from hacluster.cib.edit import SECTIONS
from hacluster.cib.markup import read_markup, shallow
from hacluster.cib.operations import Refusal, Request, change
from hacluster.cib.statuschanges import status_changes
from hacluster.cib.statusxml import document_xml
from hacluster.cib.store import Store
from hacluster.cib.unconfirmed import intrusion
from hacluster.cib.version import Version, read_version, write_version
from hacluster.msg.replica import EditAsked

_CONFIGURED: Final = frozenset(name for name, parent in SECTIONS.items() if parent == "configuration")


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit comes to; with neither it changes nothing."""

    patch: str = ""
    status: tuple[Change, ...] = ()


def _before(store: Store, asked: EditAsked) -> XML:
    """The document that the edit is made on. The status, which may be large, only where the edit can see it."""
    edit = asked.edit
    if edit.xpath is None and edit.scope in _CONFIGURED and asked.user is None:
        root = copy.copy(store.head)
        etree.SubElement(root, "status")
    else:
        root = document_xml(Document(store.head, store.status))
    version = store.head_version
    write_version(root, Version(version.admin_epoch, version.epoch, version.num_updates + store.updates))
    return root


def evaluate(
    store: Store, asked: EditAsked, accepts: Callable[[XML], bool], *, origin: str = "", written: str = ""
) -> Edited:
    """Make the edit on a copy. Raises :class:`Fault` as :func:`hacluster.cib.operations.change` does.

    ``origin`` is the node at which it was asked for, ``written`` the time in words; both are noted in the document, as
    the original does (``update-origin``, ``update-client``, ``update-user``, ``cib-last-written``).
    """
    edit = asked.edit
    data: XML | None = None
    if edit.data is not None:
        data = read_markup(edit.data.encode())
        if data is None:
            raise Fault("The data of this edit is no XML", Exit.DATA)
    old = _before(store, asked)
    request = Request(edit.operation, edit.scope, data, edit.xpath, edit.create, edit.every, asked.user, asked.groups)
    new = change(old, request, accepts)
    if new is old:
        return Edited()
    refusal = intrusion(_section(old, "configuration"), _section(new, "configuration"))
    if refusal:
        raise Fault(refusal, Exit.UNSAFE)
    before, after = _section(old, "status"), _section(new, "status")
    changes = status_changes(before, after)
    for root, status in ((old, before), (new, after)):
        root.remove(status)
        version = read_version(root)
        write_version(root, Version(version.admin_epoch, version.epoch))
    patch = make_patch(old, new, digest=False)
    if patch is None:
        return Edited(status=changes)
    words = {
        "cib-last-written": written,
        "update-origin": origin,
        "update-client": asked.client,
        "update-user": asked.user or "root",
    }
    _note(patch, old, new, {name: value for name, value in words.items() if value})
    return Edited(etree.tostring(patch, encoding="unicode"), changes)


def _note(patch: XML, old: XML, new: XML, words: dict[str, str]) -> None:
    """Have the patch set these words of the document, beside its own."""
    before, after = shallow(old), shallow(new)
    for name, value in words.items():
        after.set(name, value)
    noted = make_patch(before, after, digest=False)
    if noted is None:
        return
    for entry in patch.findall("change[@path='/cib'][@operation='modify']"):
        patch.remove(entry)
    patch.extend(noted.findall("change"))


def _section(root: XML, name: str) -> XML:
    found: XML | None = root.find(name)
    return found if found is not None else etree.SubElement(root, name)


def fault_of(error: Fault) -> tuple[str, int, str]:
    """The text of a fault, the exit status that it stands for, and its report as XML."""
    report = error.report if isinstance(error, Refusal) else None
    return error.text, int(error.status), "" if report is None else etree.tostring(report, encoding="unicode")
