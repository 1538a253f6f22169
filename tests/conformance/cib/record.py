"""Record what Pacemaker's schemas say of the mutants: ``python -m tests.conformance.cib.record DIRECTORY…``.

No Pacemaker has the schemas of all versions, so several directories are named; the first that has one is asked.

One line a mutant: its name and the verdicts of all versions as bits of a hexadecimal number, the first version lowest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from hacluster.cib.grammar import VERSIONS
from tests.conformance.cib import oracle
from tests.conformance.cib.mutations import mutants

DATA = Path(__file__).parent / "data"
BASES = ("old", "middle", "wide", "last")
NUMBER = 100


def base(name: str) -> etree._Element:
    """One of the documents that mutants are made from."""
    return etree.parse(DATA / f"{name}.xml", etree.XMLParser(remove_blank_text=True)).getroot()


def population() -> Iterator[tuple[str, etree._Element]]:
    """Every base and its mutants."""
    for seed, name in enumerate(BASES):
        root = base(name)
        yield name, root
        for kind, mutant in mutants(root, seed, NUMBER):
            yield f"{name}-{kind}", mutant


def main() -> None:
    """Write ``data/verdicts.txt``."""
    places = [Path(name) for name in sys.argv[1:]] or [oracle.DIRECTORY]
    homes = {version: next(place for place in places if oracle.has(version, place)) for version in VERSIONS}
    schemas = [oracle.schema(version, homes[version]) for version in VERSIONS]
    lines = []
    for name, root in population():
        bits = sum(oracle.accepts(schema, root) << place for place, schema in enumerate(schemas))
        lines.append(f"{name} {bits:x}\n")
    (DATA / "verdicts.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
