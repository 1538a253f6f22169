"""What is known of the digests of an operation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from hacluster.cib.records import OpRecord


class Verdict(IntEnum):
    """What the comparison of digests says."""

    MATCH = 0
    RESTART = 1
    ALL = 2
    UNKNOWN = 3


@dataclass(slots=True)
class Digests:
    """The digests of one operation on one node as they would be now, and the last verdict on them."""

    params: dict[str, str]
    all: str
    restart: str | None
    secure: str | None
    verdict: Verdict
    op: OpRecord | None
