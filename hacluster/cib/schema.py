"""Whether a CIB is what its ``validate-with`` promises, and if not, why not.

The rules are those of Pacemaker: ``none`` is not checked, an unknown name is an error, a document that names no schema
gets the newest that accepts it, or none, and text between elements is ignored.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Final

from lxml import etree

from hacluster.base.report import Place, Report, Severity
from hacluster.cib.document import XML
from hacluster.cib.explain import Explainer
from hacluster.cib.grammar import LATEST, PREFIX, VERSIONS, cut, rank, read_grammar, version_of
from hacluster.cib.places import place_of
from hacluster.cib.shapes import Shapes

ATTRIBUTE: Final = "validate-with"
UNCHECKED: Final = "none"
"""The value of ``validate-with`` that switches validation off."""

_LAST_UNNAMED: Final = "3.9"
"""The newest version that a document may have without naming one."""


class Schemas:
    """The schemas of every version. ``texts`` maps the names of the files in ``conf/schema`` to their contents."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._whole = read_grammar(texts)
        self._grammars: dict[str, XML] = {}
        self._compiled: dict[str, etree.RelaxNG] = {}
        self._shapes: dict[str, Shapes] = {}

    def grammar(self, version: str) -> XML:
        """The RELAX NG grammar of one of :data:`~hacluster.cib.grammar.VERSIONS`."""
        if version not in self._grammars:
            self._grammars[version] = cut(self._whole, version)
        return self._grammars[version]

    def accepts(self, root: XML, version: str) -> bool:
        """Whether the tree is valid in that version, whatever its ``validate-with`` says."""
        if version not in self._compiled:
            self._compiled[version] = etree.RelaxNG(self.grammar(version))
        # libxml2 notes ids and references in the document that it validates; a copy keeps the caller's tree clean.
        twin = copy.deepcopy(root)
        for element in twin.iter():
            element.text = element.tail = None
        return bool(self._compiled[version].validate(twin))

    def best_version(self, root: XML, most: str = LATEST) -> str | None:
        """The newest released version up to ``most`` that accepts the tree."""
        released = [version for version in VERSIONS if version != "next" and rank(version) <= rank(most)]
        return next((version for version in reversed(released) if self.accepts(root, version)), None)

    def faults(self, root: XML, version: str, file: str = "cib.xml") -> list[Report]:
        """What keeps the tree from being valid in that version; empty if and only if it is valid."""
        if self.accepts(root, version):
            return []
        if version not in self._shapes:
            self._shapes[version] = Shapes(self.grammar(version))
        found = Explainer(self._shapes[version], version, file).explain(root)
        return found or self._last_resort(version, file)

    def _last_resort(self, version: str, file: str) -> list[Report]:
        """libxml2's own words, should a document ever be invalid in a way that the shapes do not show."""
        log = self._compiled[version].error_log
        return [
            Report("invalid", Severity.ERROR, entry.message, Place(file, entry.line))
            for entry in log
            if entry.level >= etree.ErrorLevels.ERROR
        ]

    def check(self, root: XML, file: str = "cib.xml") -> list[Report]:
        """Validate a tree against the schema that it names."""
        name = root.get(ATTRIBUTE)
        place = place_of(root, file)
        if name == UNCHECKED:
            return [_unchecked(place)]
        version = version_of(name)
        if version is not None:
            return self.faults(root, version, file)
        if name is None:
            if self.best_version(root) is not None:
                return []
            return [*self.faults(root, _LAST_UNNAMED, file), _unchecked(place)]
        known = f"known are {UNCHECKED} and {PREFIX}{VERSIONS[0]} to {PREFIX}{LATEST}"
        return [
            Report("unknown-schema", Severity.ERROR, f'{ATTRIBUTE} names the unknown schema "{name}"', place, known)
        ]


def _unchecked(place: Place) -> Report:
    text = "schema validation of the configuration is disabled"
    return Report("unvalidated", Severity.WARNING, text, place, f"set {ATTRIBUTE} to prevent common mistakes")
