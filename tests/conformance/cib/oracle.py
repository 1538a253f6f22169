"""Pacemaker's own schemas, where they are installed."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

DIRECTORY = Path("/usr/share/pacemaker")


def has(version: str, directory: Path = DIRECTORY) -> bool:
    """Whether the Pacemaker of that directory knows a version: 2.1.5 ends with 3.9 and next, 3.0 begins with 4.0."""
    return (directory / f"pacemaker-{version}.rng").exists()


def schema(version: str, directory: Path = DIRECTORY) -> etree.RelaxNG:
    """Pacemaker's schema of one version."""
    return etree.RelaxNG(file=str(directory / f"pacemaker-{version}.rng"))


def accepts(schema: etree.RelaxNG, root: etree._Element) -> bool:
    """Its verdict on a copy of the tree, without text, as Pacemaker's programs read it."""
    twin = etree.fromstring(etree.tostring(root))
    for element in twin.iter():
        element.text = element.tail = None
    return bool(schema.validate(twin))
