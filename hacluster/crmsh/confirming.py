"""Commits that count only if they are confirmed: made, kept and taken back by people.

The cluster itself takes them back in time (:mod:`hacluster.cib.unconfirmed`): whoever made one may be cut off by it.
"""

from __future__ import annotations

import copy
import getpass
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from hacluster.base.results import Fault, bad_patch, old_data
from hacluster.base.values import interval_ms
from hacluster.cib.diff import for_any_status, make_patch
from hacluster.cib.unconfirmed import (
    Unconfirmed,
    drop_mark,
    further,
    mark_of,
    pending,
    put_back,
    put_mark,
    touched,
)
from hacluster.crmsh.level import Refused

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session

TRIES: Final = 20
"""How often a change is tried when the CIB changes between reading and writing it."""
OUTDATED: Final = frozenset({int(old_data().status), int(bad_patch().status)})
"""Exit statuses that say so."""
SHORTEST_S: Final = 10
LONGEST_S: Final = 24 * 3600


def seconds_of(word: str) -> int:
    """How long ``5m`` is; raises :class:`Refused` for what is no such time."""
    found = interval_ms(word) // 1_000
    if not SHORTEST_S <= found <= LONGEST_S:
        raise Refused(f"{word!r} is no time between {SHORTEST_S}s and 24h; write: commit confirm 5m")
    return found


def need_cluster(session: Session) -> None:
    """Raise :class:`Refused` where nobody would take a commit back."""
    if session.shadow or session.environment.get("CIB_file"):
        raise Refused("a commit can be confirmed on the running cluster only: nobody would take it back here")


def carry_mark(before: XML, wanted: XML, confirm_s: int, comment: str) -> Unconfirmed | None:
    """Put into ``wanted`` what is unconfirmed in ``before``, and this commit if it is to be confirmed, too.

    ``before`` is the configuration as it is, with its mark, ``wanted`` what it is to be, without one.
    """
    known = pending(before)
    if not confirm_s:
        mark = mark_of(before)
        if mark is not None:
            section = wanted.find("crm_config")
            assert section is not None, "a mark stands in a section"
            section.append(copy.deepcopy(mark))
        return known
    until = int(time.time()) + confirm_s
    found = further(known, Unconfirmed(until, getpass.getuser(), comment, touched(before, wanted)))
    put_mark(wanted, found)
    return found


def tell(session: Session, found: Unconfirmed) -> None:
    """What is unconfirmed, for people."""
    left = max(0, found.until - int(time.time()))
    comment = f" ({found.comment})" if found.comment else ""
    session.voice.info(
        f"a commit of {found.who}{comment} is taken back in {left} s, at {found.when()}, unless confirmed"
    )
    session.voice.info(
        f"it changed: {', '.join(found.names)}; configure confirm keeps it, configure revert takes it back"
    )


def unconfirmed(session: Session, _words: list[str]) -> bool:
    """Show the commit that is to be confirmed."""
    found = _pending(session)[1]
    if found is None:
        session.voice.info("every commit is confirmed")
        return True
    tell(session, found)
    session.status = 2
    return True


def confirm(session: Session, _words: list[str]) -> bool:
    """Keep the commit that is to be confirmed."""

    def kept(configuration: XML, _found: Unconfirmed) -> XML:
        drop_mark(configuration)
        return configuration

    found = _change(session, kept)
    if found is None:
        session.voice.info("there is no commit to be confirmed")
    else:
        session.voice.info(f"confirmed: {', '.join(found.names)}")
    return True


def revert(session: Session, _words: list[str]) -> bool:
    """Take the commit that is to be confirmed back at once."""
    found = _change(session, put_back)
    if found is None:
        raise Refused("there is no commit to be confirmed; rollback takes back others")
    session.voice.info(f"taken back: {', '.join(found.names)}")
    return True


def _pending(session: Session) -> tuple[XML, Unconfirmed | None]:
    if session.editing:
        raise Refused("commit or refresh first: there are changes that were not committed")
    root = session.read()
    return root, pending(_configuration(root))


def _change(session: Session, made: Callable[[XML, Unconfirmed], XML]) -> Unconfirmed | None:
    """Change the configuration that has a mark, as it is when that is written; what the mark said."""
    for left in reversed(range(TRIES)):
        before, found = _pending(session)
        if found is None:
            return None
        after = copy.deepcopy(before)
        now = _configuration(after)
        after.replace(now, made(copy.deepcopy(now), found))
        patch = for_any_status(make_patch(before, after, digest=False))
        try:
            if patch is not None:
                session.source.change("patch", data=patch)
        except Fault as fault:
            if fault.status not in OUTDATED or not left:
                raise
            continue
        session.renew()
        return found
    return None


def _configuration(root: XML) -> XML:
    found = root.find("configuration")
    if found is None:
        raise Refused("this CIB has no configuration")
    return found
