"""Pacemaker's own schemas, where they are installed."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

DIRECTORY = Path("/usr/share/pacemaker")


def installed() -> bool:
    """Whether the schemas of a Pacemaker that knows 3.9 are on this machine."""
    return (DIRECTORY / "pacemaker-3.9.rng").exists()


def schema(version: str) -> etree.RelaxNG:
    """Pacemaker's schema of one version."""
    return etree.RelaxNG(file=str(DIRECTORY / f"pacemaker-{version}.rng"))


def accepts(schema: etree.RelaxNG, root: etree._Element) -> bool:
    """Its verdict on a copy of the tree, without text, as Pacemaker's programs read it."""
    twin = etree.fromstring(etree.tostring(root))
    for element in twin.iter():
        element.text = element.tail = None
    return bool(schema.validate(twin))
