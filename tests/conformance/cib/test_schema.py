"""Our grammar gives the verdicts of Pacemaker's schemas, and a reason for every document that it refuses."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.cib.explain import Explainer
from hacluster.cib.grammar import VERSIONS
from hacluster.cib.schema import Schemas
from hacluster.cib.shapes import Shapes
from hacluster.client.paths import shipped
from tests.conformance.cib import oracle, record
from tests.conftest import skip_or_fail

SCHEMAS = Schemas({path.name: path.read_bytes() for path in shipped("conf/schema").glob("*.rng")})
POPULATION = tuple((name, etree.tostring(root)) for name, root in record.population())
VERDICTS = dict(line.split() for line in (record.DATA / "verdicts.txt").read_text().splitlines())


def verdicts(accepts) -> dict[str, str]:
    found = {}
    for name, text in POPULATION:
        bits = sum(accepts(version, etree.fromstring(text)) << place for place, version in enumerate(VERSIONS))
        found[name] = f"{bits:x}"
    return found


def test_recorded_verdicts_are_of_use() -> None:
    """Neither all accepted nor all refused, and some depend on the version."""
    assert len(VERDICTS) == len(POPULATION)
    assert len(set(VERDICTS.values())) >= 8
    assert 50 < list(VERDICTS.values()).count("0") < 250


def test_verdicts_are_those_that_were_recorded() -> None:
    assert verdicts(lambda version, root: SCHEMAS.accepts(root, version)) == VERDICTS


def test_verdicts_are_those_of_the_installed_schemas() -> None:
    skip_or_fail("" if oracle.has("3.9") else "Pacemaker's schemas are not installed")
    theirs = {version: oracle.schema(version) for version in VERSIONS if oracle.has(version)}
    assert len(theirs) >= 20
    for place, version in enumerate(VERSIONS):
        for name, text in POPULATION if version in theirs else ():
            recorded = bool(int(VERDICTS[name], 16) >> place & 1)
            assert oracle.accepts(theirs[version], etree.fromstring(text)) is recorded, (version, name)


@pytest.mark.parametrize("version", ["1.0", "1.2", "2.10", "3.4", "3.9", "3.10", "4.0"])
def test_there_is_a_reason_exactly_when_a_document_is_refused(version: str) -> None:
    shapes = Shapes(SCHEMAS.grammar(version))
    for name, text in POPULATION:
        root = etree.fromstring(text)
        reports = Explainer(shapes, version, name).explain(root)
        assert bool(reports) is not SCHEMAS.accepts(root, version), (name, reports)
        for report in reports:
            assert report.place is not None
            assert report.place.line is not None
