"""Numbers that would make a schedule as large as they say."""

from __future__ import annotations

from hacluster.base.errors import ConfigError
from hacluster.base.limits import MAX_INSTANCES
from hacluster.base.report import Report, Severity
from hacluster.cib.document import XML
from hacluster.cib.places import place_of


def check_instances(xml: XML, option: str, wanted: int) -> None:
    """Refuse a clone or bundle of too many instances. Raises :class:`ConfigError`."""
    if wanted > MAX_INSTANCES:
        text = f"{option} is {wanted}, more than {MAX_INSTANCES}"
        raise ConfigError([Report("too-many-instances", Severity.ERROR, text, place_of(xml, "CIB"))])
