"""What a ``node_state`` says of a member, and of a node that is gone.

Since Pacemaker 2.1.7 it says since when (seconds since 1970, or 0). Older readers take a time for "no", and so do
shells that look themselves; so it says ``true`` and ``online`` until the CIB has a schema that older readers cannot
read anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.cib.change import Words


@dataclass(slots=True)
class Presence:
    """``since``: when this node became a member (Unix seconds); 0: it is none, or nobody has said so yet."""

    since: int = 0
    times: bool = False

    def configure(self, *, times: bool) -> bool:
        """Whether times are said; true when that is news."""
        before, self.times = self.times, times
        return before is not times

    def here(self) -> Words:
        """This node is a member."""
        since = str(max(self.since, 1))
        member, online = (since, since) if self.times else ("true", "online")
        return (("in_ccm", member), ("crmd", online), ("join", "member"), ("expected", "member"))

    def gone(self) -> Words:
        """A node is no member."""
        member, online = ("0", "0") if self.times else ("false", "offline")
        return (("in_ccm", member), ("crmd", online), ("join", "down"))
