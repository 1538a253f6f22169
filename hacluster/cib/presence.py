"""Since when a node is there, in every form in which a ``node_state`` has said so.

Until feature set 3.18.0 (Pacemaker 2.1.7) ``in_ccm`` was a boolean and ``crmd`` one of two words; since then both are
the time (seconds since 1970) at which the node became a member and its controller joined the others, or 0. Both forms
are read, whatever feature set the document claims: what a peer of another version wrote stays in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hacluster.base.report import Place, Report, Severity
from hacluster.base.values import scan_int, truth
from hacluster.cib.document import XML
from hacluster.cib.records import NodeState

MEMBER: Final = "in_ccm"
"""Whether, or since when, the node belongs to the membership."""
CONTROLLER: Final = "crmd"
"""Whether, or since when, its controller is there."""

KNOWN: Final = frozenset({
    MEMBER, CONTROLLER, "join", "expected", "crm-debug-origin", "remote_node", "node_fenced", "node_in_maintenance",
    "ha", "shutdown", "clear_shutdown",
})  # fmt: skip
"""The attributes that any version of Pacemaker writes, beside ``id`` and ``uname``; the last three are before 1.1."""

JOIN_WORDS: Final = ("member", "down", "pending", "banned")
EXPECTED_WORDS: Final = ("member", "down")


def member_since(state: NodeState, now: int) -> int | None:
    """When the node became a member, in seconds since 1970; 0 if it is none, ``None`` if nothing says so.

    A boolean that is true counts as ``now``: no time is known, and none has passed.
    """
    value = state.attrs.get(MEMBER)
    word = truth(value)
    if word is not None:
        return now if word else 0
    number = scan_int(value)
    return None if number is None or number < 0 else number


def online_since(state: NodeState) -> int:
    """When the node's controller joined the others, in seconds since 1970; 0 if it has not, 1 if no time is known."""
    value = state.attrs.get(CONTROLLER, "offline").lower()
    if value in ("online", "offline"):
        return int(value == "online")
    return max(scan_int(value) or 0, 0)


def _is_time(text: str) -> bool:
    number = scan_int(text)
    return number is not None and number >= 0 and text.strip().isdecimal()


def state_reports(state: NodeState, place: Place | None = None) -> Iterator[Report]:
    """What a node state says that cannot be understood, so that nothing is misread in silence."""
    name = state.uname or state.id or "?"

    def told(text: str, hint: str) -> Report:
        return Report("unknown-node-state", Severity.WARNING, f"node state of {name}: {text}", place, hint)

    attrs = state.attrs
    value = attrs.get(MEMBER)
    if value is not None and truth(value) is None and not _is_time(value):
        yield told(f'{MEMBER}="{value}" is neither a boolean nor a time', "seconds since 1970, or 0")
    value = attrs.get(CONTROLLER)
    if value is not None and value.lower() not in ("online", "offline") and not _is_time(value):
        yield told(f'{CONTROLLER}="{value}" is neither online, offline nor a time', "seconds since 1970, or 0")
    for attribute, words in (("join", JOIN_WORDS), ("expected", EXPECTED_WORDS)):
        value = attrs.get(attribute)
        if value is not None and value not in words:
            yield told(f'{attribute}="{value}" is not known', f"one of {', '.join(words)}")
    for attribute in attrs:
        if attribute not in KNOWN:
            text = f"the attribute {attribute} is not known, and has no effect"
            yield told(text, "a newer version may have written it")


def states_in(root: XML) -> tuple[tuple[str, bool], ...]:
    """The nodes that the status of a CIB knows by name, and whether it calls them members."""
    return tuple(
        (str(state.get("uname")), state.get(MEMBER, "false") not in ("false", "0"))
        for state in root.iterfind("status/node_state")
        if state.get("uname")
    )
