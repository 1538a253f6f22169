"""What a configuration says of its resources, kept from one schedule to the next.

Meta-attributes, parameters, configured operations and digests depend on the configuration alone, as long as no rule in
it asks for the time or for a node. They are most of the work on a resource that does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.pe.model.opconfig import OpConfig, OpEntry

_TELLING: Final = (b"<rule", b"<bundle", b"interval-origin", b"id-ref")


class Recalled:
    """What is known of one resource, or of one numbered instance of a cloned one."""

    __slots__ = ("digests", "meta", "op_cache", "op_table", "params")

    def __init__(self) -> None:
        self.meta: dict[str, str] | None = None
        self.params: dict[str, dict[str, str]] = {}
        self.op_table: list[OpEntry] | None = None
        self.op_cache: dict[tuple[str, str, bool, str | None, bool], OpConfig] = {}
        self.digests: dict[str, tuple[dict[str, str], bool, str]] = {}


class Memory:
    """What is known of all resources of one configuration; good for that tree as long as it does not change."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[tuple[XML, str | None], Recalled] = {}

    @staticmethod
    def trusts(configuration: bytes) -> bool:
        """Whether nothing in a configuration can make the same resource look different next time."""
        return not any(word in configuration for word in _TELLING)

    def of(self, xml: XML, instance: str | None) -> Recalled | None:
        """What is known of an element of the configuration; ``None`` for one that was made up on the way."""
        if xml.getparent() is None or xml.get("type") == "remote":
            return None
        found = self._rows.get((xml, instance))
        if found is None:
            found = self._rows[xml, instance] = Recalled()
        return found
