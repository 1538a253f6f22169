"""The grammar of one version of the CIB, cut out of the grammar of all versions.

``conf/schema`` is one RELAX NG grammar whose patterns may name the first (``since``) and the last (``until``) version
that has them. :func:`read_grammar` joins its files; :func:`cut` gives the plain RELAX NG of one version, which libxml2
compiles and from which :mod:`hacluster.cib.shapes` makes messages.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Final

from lxml import etree

from hacluster.cib.document import XML

RELAX_NG: Final = "http://relaxng.org/ns/structure/1.0"
_VERSION: Final = "urn:hacluster:schema-version"
_SINCE: Final = f"{{{_VERSION}}}since"
_UNTIL: Final = f"{{{_VERSION}}}until"
_ENTRY: Final = "cib.rng"

VERSIONS: Final = (
    "1.0", "1.2", "1.3",
    "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9", "2.10",
    "3.0", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9", "3.10",
    "next",
    "4.0",
)  # fmt: skip
"""Every version that a CIB can be validated with, in order. ``next`` is the trial version of Pacemaker 2.1."""

LATEST: Final = "4.0"
"""The newest version that is known."""

WRITTEN: Final = "3.9"
"""The version that new documents have and that old ones are upgraded to: the newest that Pacemaker 2.1.5 reads, too."""

PREFIX: Final = "pacemaker-"
"""What stands before the version in ``validate-with``."""


def version_of(validate_with: str | None) -> str | None:
    """The version that ``validate-with`` names, ``None`` if it names none that is known.

    Case does not matter, as in Pacemaker.
    """
    if validate_with is None or not validate_with.lower().startswith(PREFIX):
        return None
    version = validate_with.lower().removeprefix(PREFIX)
    return version if version in VERSIONS else None


def rank(version: str) -> tuple[int, int]:
    """A key that sorts versions, known ones and those that a grammar names as bounds."""
    if version == "next":
        return (3, 99)
    major, _, minor = version.partition(".")
    return (int(major), int(minor))


def local(element: XML) -> str:
    """The name of an element without its namespace."""
    return str(etree.QName(element).localname)


def read_grammar(texts: Mapping[str, bytes]) -> XML:
    """One flat grammar of all files; ``texts`` maps file names to contents.

    The files come with the program, so what is wrong with them is an error of ours (``KeyError``, ``XMLSyntaxError``).
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_blank_text=True)
    whole = etree.fromstring(texts[_ENTRY], parser)
    for include in whole.findall(f"{{{RELAX_NG}}}include"):
        part = etree.fromstring(texts[str(include.get("href"))], parser)
        whole.remove(include)
        whole.extend(part)
    return whole


def _has(pattern: XML, version: str) -> bool:
    since, until = pattern.get(_SINCE), pattern.get(_UNTIL)
    place = rank(version)
    return (since is None or rank(since) <= place) and (until is None or place <= rank(until))


def cut(whole: XML, version: str) -> XML:
    """The grammar of one version: what it does not have is gone, and so are definitions that nothing leads to."""
    grammar = copy.deepcopy(whole)
    for pattern in list(grammar.iter(etree.Element)):
        if not _has(pattern, version):
            parent = pattern.getparent()
            assert parent is not None
            parent.remove(pattern)
            continue
        for name in (_SINCE, _UNTIL):
            if name in pattern.attrib:
                del pattern.attrib[name]
    definitions = {str(entry.get("name")): entry for entry in grammar if local(entry) == "define"}
    reached: set[str] = set()
    waiting = [entry for entry in grammar if local(entry) == "start"]
    while waiting:
        for reference in waiting.pop().iter(f"{{{RELAX_NG}}}ref"):
            name = str(reference.get("name"))
            if name not in reached:
                reached.add(name)
                waiting.append(definitions[name])
    for name, entry in definitions.items():
        if name not in reached:
            grammar.remove(entry)
    etree.cleanup_namespaces(grammar)
    return grammar
