"""The schemas of the CIB that come with the program, read once per process."""

from __future__ import annotations

import functools

from hacluster.cib.schema import Schemas
from hacluster.client.paths import shipped


@functools.cache
def installed_schemas() -> Schemas:
    """The schemas of ``conf/schema``. Raises :class:`HaError` when they are not installed."""
    return Schemas({path.name: path.read_bytes() for path in sorted(shipped("conf/schema").glob("*.rng"))})
