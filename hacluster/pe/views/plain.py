"""The text of a simulation without headings: what crm_simulate prints with scores or utilization by default.

The items stay and lose their bullets and depth. The titles of sections, groups, clones and bundles go, and so do
the words before the lists of nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

_TITLES: Final = frozenset(
    {
        "Current cluster status:",
        "Performing Requested Modifications:",
        "Allocation Scores:",
        "Utilization Information:",
        "Allocation Scores and Utilization Information:",
        "Transition Summary:",
        "Executing Cluster Transition:",
        "Revised Cluster Status:",
    }
)
_ITEM: Final = re.compile(r" *\* ")
_LIST: Final = re.compile(
    r"(?:Node List|Full List of Resources|Node Attributes|Migration Summary|Failed Resource Actions"
    r"|(?:Node: |Resource Group|Clone Set|Container bundle).*):$"
)
_NODES: Final = re.compile(r"(?:Online|OFFLINE|RemoteOnline|RemoteOFFLINE|GuestOnline): (?=\[ )")


def plain_lines(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a report with headings, as they are without them."""
    for line in lines:
        if line in _TITLES:
            continue
        item = _ITEM.match(line)
        if item is None:
            yield line
            continue
        text = line[item.end() :]
        if not _LIST.match(text):
            yield _NODES.sub("", text, count=1)
