"""What the upgrade makes of old documents is what the installed cibadmin makes of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from hacluster.base.report import has_errors
from hacluster.cib.document import parse_document
from hacluster.cib.grammar import PREFIX
from hacluster.cib.upgrade import upgrade
from hacluster.client.schemas import installed_schemas
from tests.conformance.cib import record
from tests.conftest import skip_or_fail

STEP = 8
"""Each of cibadmin's answers takes a fifth of a second; all of them were compared once (615 documents)."""

DELIBERATE = {
    "old-drop_attribute-0-33",  # a pair without a value gets the value that the new name stands for
    "old-drop_element-0-89",  # a set that was empty before is kept
    "old-repeat_element-0-47",  # a second status section does not keep the configuration from being upgraded
}


def content(root: etree._Element) -> tuple[str | None, list[object]]:
    """The configuration without what does not matter: the order of its sections, white space, the last version.

    The installed cibadmin may know fewer versions than we do.
    """

    def tree(element: etree._Element) -> object:
        return (element.tag, tuple(sorted(element.attrib.items())), tuple(tree(child) for child in element))

    sections = root.find("configuration")
    return root.get("validate-with", "").partition(".")[0], sorted((tree(section) for section in sections), key=repr)


def ours(text: bytes) -> tuple[str | None, list[object]] | None:
    document = parse_document(text)
    return None if has_errors(upgrade(document, installed_schemas())) else content(document.root)


def theirs(text: bytes, path: Path) -> tuple[str | None, list[object]] | None:
    path.write_bytes(text)
    environment = os.environ | {"CIB_file": str(path)}
    done = subprocess.run(["cibadmin", "--upgrade", "--force"], env=environment, capture_output=True, check=False)
    return None if done.returncode else content(etree.parse(path).getroot())


@pytest.mark.parametrize("version", ["1.2", "2.10"])
def test_upgrade_is_that_of_cibadmin(version: str, tmp_path: Path) -> None:
    skip_or_fail("" if shutil.which("cibadmin") else "cibadmin is not installed")
    compared = 0
    for name, root in list(record.population())[::STEP]:
        if name in DELIBERATE or name.startswith("wide"):
            continue
        root.set("validate-with", PREFIX + version)
        text = etree.tostring(root)
        mine = ours(text)
        if mine is None:
            continue  # refusals are compared as verdicts of the schemas
        assert mine == theirs(text, tmp_path / "cib.xml"), name
        compared += 1
    assert compared >= 4
