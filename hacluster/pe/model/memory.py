"""What a configuration says of its resources: told once for all instances of a clone, and from schedule to schedule.

Meta-attributes, parameters, configured operations and digests depend on the configuration alone, as long as no rule in
it asks for the time or for a node. They are most of the work on a resource that does nothing. Within one schedule,
where the time is the same, instances of a clone share them in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.pe.model.opconfig import OpConfig, OpEntry

_TELLING: Final = (b"<rule", b"<bundle", b"interval-origin", b"id-ref")


class Recalled:
    """What is known of one resource and all its instances. ``digests`` by task and interval."""

    __slots__ = ("digests", "meta", "op_cache", "op_table", "params")

    def __init__(self) -> None:
        self.meta: dict[str, str] | None = None
        self.params: dict[str, dict[str, str]] = {}
        self.op_table: list[OpEntry] | None = None
        self.op_cache: dict[tuple[str, str, bool, bool], OpConfig] = {}
        self.digests: dict[tuple[str, int], tuple[dict[str, str], bool, str]] = {}


class Memory:
    """What is known of all resources of one configuration, or of one clone; good as long as these do not change."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[XML, Recalled] = {}

    @staticmethod
    def trusts(configuration: bytes) -> bool:
        """Whether nothing in a configuration can make the same resource look different next time."""
        return not any(word in configuration for word in _TELLING)

    def moved(self, old: XML, new: XML) -> Memory | None:
        """What is known, for a copy of the configuration in which only the nodes may be others; else ``None``."""
        sections = [section for section in old if section.tag != "nodes"]
        copies = [section for section in new if section.tag != "nodes"]
        if [etree.tostring(section) for section in sections] != [etree.tostring(section) for section in copies]:
            return None
        twin = Memory()
        for section, other in zip(sections, copies, strict=True):
            pairs = zip(section.iter(), other.iter(), strict=True) if section.tag == "resources" else ()
            twin._rows.update((copied, self._rows[xml]) for xml, copied in pairs if xml in self._rows)
        return twin

    def of(self, xml: XML) -> Recalled | None:
        """What is known of an element of the configuration; ``None`` for one that was made up on the way."""
        if xml.getparent() is None or xml.get("type") == "remote":
            return None
        found = self._rows.get(xml)
        if found is None:
            found = self._rows[xml] = Recalled()
        return found
