"""The version of a CIB: admin_epoch.epoch.num_updates, compared in this order.

Pacemaker Explained, "CIB Properties".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hacluster.base.values import scan_int
from hacluster.cib.document import XML

FIELDS: Final = ("admin_epoch", "epoch", "num_updates")
"""The attributes of ``cib`` that make the version, the weightiest first."""

KNOWN_FEATURES: Final = "3.20.5"
"""The newest feature set whose meaning is known: that of Pacemaker 3.0.3."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version. Administrators raise ``admin_epoch``, configuration changes ``epoch``, status ``num_updates``."""

    admin_epoch: int = 0
    epoch: int = 0
    num_updates: int = 0

    def __str__(self) -> str:
        return f"{self.admin_epoch}.{self.epoch}.{self.num_updates}"

    def configured(self) -> Version:
        """The version after a change of the configuration."""
        return Version(self.admin_epoch, self.epoch + 1, 0)

    def updated(self) -> Version:
        """The version after a change of the status alone."""
        return Version(self.admin_epoch, self.epoch, self.num_updates + 1)


def read_version(element: XML) -> Version:
    """The version that the attributes of an element say; what is missing or no number counts as 0."""
    return Version(*(scan_int(element.get(name)) or 0 for name in FIELDS))


def write_version(element: XML, version: Version) -> None:
    """Set the attributes of an element to a version."""
    for name in FIELDS:
        element.set(name, str(getattr(version, name)))
