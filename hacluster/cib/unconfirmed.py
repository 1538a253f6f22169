"""A commit that counts only if it is confirmed: what it changed is kept in the configuration, and is put back in time.

The mark is a set of cluster options of its own, written with the commit in one change. So it is on every node that has
the commit, survives whoever made it, and is gone with one deletion. ``unconfirmed-before`` has each object that the
commit touched as it was before. Whoever leads the cluster puts them back when the time is over
(:mod:`hacluster.cibd.confirming`). Until then nobody changes these objects otherwise: what is put back would not be
what was there.
"""

from __future__ import annotations

import base64
import copy
import json
import zlib
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.cib.document import XML
from hacluster.cib.markup import read_markup

SET: Final = "hacluster-unconfirmed"
"""The id of the set of options that is the mark."""

_PATH: Final = f"crm_config/cluster_property_set[@id='{SET}']"
_MOST: Final = 64 * 1024 * 1024

Key = tuple[str, str, str]
"""Section, tag and id of an object."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An object as it was before: ``text`` is its XML, ``None`` when there was none; ``after``: what it followed."""

    text: str | None
    after: Key | None = None


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """``until``: seconds since 1970. ``who`` committed, ``comment``: what for. ``before``: what is put back."""

    until: int
    who: str
    comment: str
    before: dict[Key, Kept]

    @property
    def names(self) -> list[str]:
        """The ids of the objects."""
        return sorted({key[2] for key in self.before})

    def when(self) -> str:
        """The end of the time, for people (UTC)."""
        return Moment.from_epoch(self.until).show()


def parts(configuration: XML) -> dict[Key, XML]:
    """The objects of a configuration, in order: what stands in a section, but for the mark itself."""
    found: dict[Key, XML] = {}
    for section in configuration.iterchildren("*"):
        for child in section.iterchildren("*"):
            if child.get("id") != SET:
                found[str(section.tag), str(child.tag), str(child.get("id"))] = child
    return found


def canonical(element: XML | None) -> bytes | None:
    """What two objects are compared by."""
    return None if element is None else etree.tostring(element, method="c14n", with_tail=False)


def touched(before: XML, after: XML) -> dict[Key, Kept]:
    """The objects of ``before`` that are different in ``after``, and those that only ``after`` has."""
    old, new = parts(before), parts(after)
    found: dict[Key, Kept] = {}
    last: dict[str, Key] = {}
    for key, element in old.items():
        if canonical(element) != canonical(new.get(key)):
            found[key] = Kept(etree.tostring(element, encoding="unicode", with_tail=False), last.get(key[0]))
        last[key[0]] = key
    return found | {key: Kept(None) for key in new if key not in old}


def mark_of(configuration: XML) -> XML | None:
    """The mark's element."""
    return configuration.find(_PATH)


def pending(configuration: XML) -> Unconfirmed | None:
    """The commit that is not confirmed yet; also ``None`` for a mark that cannot be read."""
    mark = mark_of(configuration)
    if mark is None:
        return None
    said = {pair.get("name"): pair.get("value", "") for pair in mark.iterfind("nvpair")}
    until = parse_moment(said.get("unconfirmed-until", ""), 0)
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(base64.b64decode(said.get("unconfirmed-before", ""), validate=True), _MOST)
        entries = json.loads(text)
        before = {
            (str(key[0]), str(key[1]), str(key[2])): Kept(
                None if old is None else str(old), None if after is None else (after[0], after[1], after[2])
            )
            for key, old, after in entries
        }
    except (ValueError, TypeError, IndexError, zlib.error):
        return None
    if until is None:
        return None
    return Unconfirmed(until.epoch, said.get("unconfirmed-by", ""), said.get("unconfirmed-comment", ""), before)


def put_mark(configuration: XML, found: Unconfirmed) -> None:
    """Have the mark say this, in the place of one that is there."""
    drop_mark(configuration)
    section = configuration.find("crm_config")
    if section is None:
        section = etree.Element("crm_config")
        configuration.insert(0, section)
    entries = [[key, kept.text, kept.after] for key, kept in found.before.items()]
    packed = base64.b64encode(zlib.compress(json.dumps(entries).encode(), 9)).decode()
    moment = f"{Moment.from_epoch(found.until).wall:%Y-%m-%dT%H:%M:%S}Z"
    mark = etree.SubElement(section, "cluster_property_set", id=SET)
    said = (("until", moment), ("by", found.who), ("comment", found.comment), ("before", packed))
    for name, value in said:
        if value:
            etree.SubElement(mark, "nvpair", id=f"{SET}-{name}", name=f"unconfirmed-{name}", value=value)


def drop_mark(configuration: XML) -> None:
    """Have no mark: the commit is confirmed."""
    mark = mark_of(configuration)
    parent = mark.getparent() if mark is not None else None
    if mark is not None and parent is not None:
        parent.remove(mark)


def further(known: Unconfirmed | None, found: Unconfirmed) -> Unconfirmed:
    """One more commit that is not confirmed, on top of one: both go back to what was before the first."""
    return found if known is None else replace(found, before=found.before | known.before)


def put_back(configuration: XML, found: Unconfirmed) -> XML:
    """A configuration with these objects as they were before, and without the mark."""
    result = copy.deepcopy(configuration)
    drop_mark(result)
    for key, kept in found.before.items():
        now = parts(result).get(key)
        parent = now.getparent() if now is not None else None
        old = None if kept.text is None else read_markup(kept.text.encode())
        if now is not None and parent is not None:
            if old is None:
                parent.remove(now)
            else:
                parent.replace(now, old)
        elif old is not None:
            _insert(result, key, kept, old)
    return result


def _insert(configuration: XML, key: Key, kept: Kept, old: XML) -> None:
    section = configuration.find(key[0])
    if section is None:
        section = etree.SubElement(configuration, key[0])
    before = parts(configuration).get(kept.after) if kept.after is not None else None
    if before is not None:
        before.addnext(old)
    elif kept.after is None:
        section.insert(0, old)
    else:
        section.append(old)


def intrusion(old: XML, new: XML) -> str:
    """Why a change from one configuration to the other is refused, since a commit is not confirmed; empty: it is not.

    Allowed are changes of other objects, the mark's removal (which confirms), a further commit on top of this one, and
    putting all of it back.
    """
    known = pending(old)
    if known is None:
        return ""
    was, now, later = parts(old), parts(new), pending(new)
    changed = [key for key in known.before if canonical(was.get(key)) != canonical(now.get(key))]
    if not changed:
        return ""
    if later is not None and later != known:
        if all(later.before.get(key) == kept for key, kept in known.before.items()):
            return ""
    elif later is None and parts_alike(put_back(old, known), new, known):
        return ""
    names = ", ".join(sorted({key[2] for key in changed}))
    return (
        f"{names}: changed by a commit of {known.who or 'somebody'} that is taken back at {known.when()} unless it is"
        " confirmed; confirm it or take it back first"
    )


def parts_alike(one: XML, other: XML, found: Unconfirmed) -> bool:
    """Whether the objects that the commit touched are the same in both."""
    first, second = parts(one), parts(other)
    return all(canonical(first.get(key)) == canonical(second.get(key)) for key in found.before)
