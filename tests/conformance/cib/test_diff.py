"""Patches are those of the installed crm_diff, as long as paths tell elements apart."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from lxml import etree

from hacluster.cib.diff import make_patch
from hacluster.cib.patch import apply_patch
from tests.conformance.cib import record
from tests.conformance.cib.mutations import mutants
from tests.conftest import skip_or_fail

PARSER = etree.XMLParser(remove_blank_text=True)


def content(element: etree._Element) -> object:
    return (element.tag, dict(element.attrib), [content(child) for child in element])


def pairs() -> list[tuple[str, etree._Element, etree._Element]]:
    """Pairs of documents in which every element without an id is the only one of its name."""
    old = record.base("old")
    old.set("crm_feature_set", "3.16.2")
    found = []
    for name, new in mutants(old, 100, 60):
        new.set("epoch", "99")
        for element in new.iter():
            element.text = element.tail = None
        keys = [(element.getparent(), element.tag, element.get("id")) for element in new.iter()]
        lost = [e for e in new.iter() if e.get("id") is None and old.find(f".//{e.tag}[@id]") is not None]
        if len(keys) == len(set(keys)) and not lost:
            found.append((name, old, new))
    return found


def test_the_sample_is_of_use() -> None:
    kinds = {change.get("operation") for _, old, new in pairs() for change in make_patch(old, new).findall("change")}
    assert kinds >= {"create", "delete", "modify"}


def test_patches_are_those_of_crm_diff(tmp_path: Path) -> None:
    skip_or_fail("" if shutil.which("crm_diff") else "crm_diff is not installed")
    for name, old, new in pairs()[:16]:
        (tmp_path / "old").write_bytes(etree.tostring(old))
        (tmp_path / "new").write_bytes(etree.tostring(new))
        command = ["crm_diff", "--cib", "--original", tmp_path / "old", "--new", tmp_path / "new"]
        printed = subprocess.run(command, capture_output=True, check=False).stdout
        patch = make_patch(old, new)
        assert content(patch) == content(etree.fromstring(printed, PARSER)), name
        assert content(apply_patch(old, patch)) == content(new)
