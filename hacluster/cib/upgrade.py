"""Older forms of a CIB, brought to the present one on reading, and what was changed.

As in Pacemaker, a document of 3.0 or later, or one that is not validated, stays as it is. An older one is rewritten at
the two borders where names changed (2.0: access control; 3.0: names), and then named after the newest version that it
is valid in, as long as each version in between accepts it too.
"""

from __future__ import annotations

import copy
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.base.values import version_parts
from hacluster.cib.document import XML, Document
from hacluster.cib.grammar import LATEST, PREFIX, VERSIONS, rank, version_of
from hacluster.cib.places import place_of
from hacluster.cib.schema import ATTRIBUTE, UNCHECKED, Schemas
from hacluster.cib.upgrade_4 import Upgrade
from hacluster.cib.upgrade_acls import upgrade_acls
from hacluster.cib.upgrade_names import NameUpgrade
from hacluster.cib.version import KNOWN_FEATURES

MINIMUM: Final = "3.0"
"""The oldest version that is used as it is."""

_LAST_OF_3: Final = "3.10"
"""The last version that :data:`MINIMUM` leads to without a change."""

_ACLS_SINCE: Final = "2.0"
_DIGITS: Final = 9
"""Longer numbers are none of a version."""


def _newest(root: XML, schemas: Schemas) -> str:
    """The last version from :data:`MINIMUM` on that the tree is valid in without a gap; "" if not even the first."""
    best = ""
    for version in VERSIONS:
        if rank(MINIMUM) <= rank(version) <= rank(_LAST_OF_3):
            if not schemas.accepts(root, version):
                break
            best = version
    return best


def usable(document: Document, schemas: Schemas, file: str = "cib.xml") -> list[Report]:
    """Bring a document to the present form and validate it, as Pacemaker does before it works with one.

    A schema that is not known is no promise: what names an old one that never was (``pacemaker-1.1``) is taken for the
    oldest that accepts it, and what names one that is newer than ours is taken as it is, with a warning. The status
    section is not validated. The document cannot be used if one of the reports is an error.
    """
    return [*newer_reports(document.root, file), *_brought_up(document, schemas, file)]


def newer_reports(root: XML, file: str) -> list[Report]:
    """Warnings that a document was written by something newer than what is known here."""
    place, reports = place_of(root, file), []
    name, features = root.get(ATTRIBUTE), root.get("crm_feature_set")
    if name is not None and _is_newer(name):
        text = f"the schema {name} is newer than {PREFIX}{LATEST}: the configuration is not checked"
        reports.append(Report("newer-schema", Severity.WARNING, text, place, "what is new in it may be misread"))
    if version_parts(features) > version_parts(KNOWN_FEATURES):
        text = f"the feature set {features} is newer than {KNOWN_FEATURES}"
        reports.append(Report("newer-feature-set", Severity.WARNING, text, place, "what is new in it may be misread"))
    return reports


def _brought_up(document: Document, schemas: Schemas, file: str) -> list[Report]:
    root = document.root
    name = root.get(ATTRIBUTE)
    if name is None or name.lower() == UNCHECKED or _is_newer(name):
        return []
    claimed = version_of(name)
    if claimed is not None and rank(claimed) >= rank(MINIMUM):
        return schemas.faults(root, claimed, file)
    for version in VERSIONS[VERSIONS.index(claimed or VERSIONS[0]) :]:
        if schemas.accepts(root, version):
            root.set(ATTRIBUTE, PREFIX + version)
            return upgrade(document, schemas, file)
    return schemas.faults(root, claimed, file) if claimed is not None else schemas.check(root, file)


def _is_newer(name: str) -> bool:
    """Whether a schema has a number that is above those that we know."""
    parts = name.lower().removeprefix(PREFIX).split(".")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < _DIGITS for part in parts):
        return False
    return (int(parts[0]), int(parts[1])) > rank(LATEST)


def upgrade(document: Document, schemas: Schemas | None = None, file: str = "cib.xml") -> list[Report]:
    """Bring a document to the present form in place; answers with one report per change.

    With ``schemas`` a document is refused (a report of severity error, nothing changed) when it is not valid in the
    version it claims, and named after the newest version it is valid in; without, it is taken as it is.
    """
    root = document.root
    version = version_of(root.get(ATTRIBUTE))
    if version is None or rank(version) >= rank(MINIMUM):
        return []
    place = place_of(root, file)
    if schemas is not None:
        faults = schemas.faults(root, version, file)
        if faults:
            return faults
        if schemas.accepts(root, MINIMUM):
            return _named(root, _newest(root, schemas), version, file)
    configuration = root.find("configuration")
    assert configuration is not None or schemas is None, "a valid document has a configuration"
    if configuration is None:
        return []
    reports = upgrade_acls(configuration, file) if rank(version) < rank(_ACLS_SINCE) else []
    if schemas is None or not schemas.accepts(root, MINIMUM):
        reports += NameUpgrade(configuration, file).run()
    if schemas is None:
        return [*reports, *_named(root, MINIMUM, version, file)]
    newest = _newest(root, schemas)
    if newest:
        return [*reports, *_named(root, newest, version, file)]
    text = f"the configuration cannot be upgraded from {PREFIX}{version} to {PREFIX}{MINIMUM}"
    hint = "correct the faults that are reported with this and try again"
    return [Report("cannot-upgrade", Severity.ERROR, text, place, hint), *schemas.faults(root, MINIMUM, file)]


def upgrade_to_4(root: XML, schemas: Schemas, file: str = "cib.xml") -> list[Report]:
    """Bring a valid configuration of 3.x to schema 4.0 in place; one report a change, warnings for what is lost.

    Nothing is changed, and the answer has an error, when the result would not be valid.
    """
    version = version_of(root.get(ATTRIBUTE))
    if version is None or not rank(MINIMUM) <= rank(version) < rank(LATEST):
        return []
    twin = copy.deepcopy(root)
    configuration = twin.find("configuration")
    if configuration is None:
        return []
    reports = Upgrade(configuration, file).run()
    twin.set(ATTRIBUTE, PREFIX + LATEST)
    faults = schemas.faults(twin, LATEST, file)
    if faults:
        text = f"the configuration cannot be upgraded from {PREFIX}{version} to {PREFIX}{LATEST}"
        return [Report("cannot-upgrade", Severity.ERROR, text, place_of(root, file)), *faults]
    old = root.find("configuration")
    assert old is not None
    root.replace(old, configuration)
    return [*reports, *_named(root, LATEST, version, file)]


def _named(root: XML, newest: str, version: str, file: str) -> list[Report]:
    root.set(ATTRIBUTE, PREFIX + newest)
    text = f"the configuration was upgraded from {PREFIX}{version} to {PREFIX}{newest}"
    return [Report("upgraded", Severity.NOTICE, text, place_of(root, file))]
