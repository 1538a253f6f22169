"""The algebra of ``rsc_hold``: sets over {local, foreign}, written as the words of the wire.

``local`` are the groups at home on the node that says the word, ``foreign`` all others; so the other node says
:func:`mirror` of it. Source: WIRE.md 9 (Heartbeat 3.0.6, resource protocol).
"""

from __future__ import annotations

from typing import Final

from hacluster.msg.haresources import Hold

_BITS: Final = {Hold.NONE: 0, Hold.LOCAL: 1, Hold.FOREIGN: 2, Hold.ALL: 3}
_WORDS: Final = (Hold.NONE, Hold.LOCAL, Hold.FOREIGN, Hold.ALL)
_MIRROR: Final = {Hold.NONE: Hold.NONE, Hold.LOCAL: Hold.FOREIGN, Hold.FOREIGN: Hold.LOCAL, Hold.ALL: Hold.ALL}


def union(a: Hold, b: Hold) -> Hold:
    """What is in either."""
    return _WORDS[_BITS[a] | _BITS[b]]


def minus(a: Hold, b: Hold) -> Hold:
    """What is in ``a`` and not in ``b``."""
    return _WORDS[_BITS[a] & ~_BITS[b]]


def common(a: Hold, b: Hold) -> Hold:
    """What is in both."""
    return _WORDS[_BITS[a] & _BITS[b]]


def has(a: Hold, b: Hold) -> bool:
    """Whether all of ``b`` is in ``a``."""
    return common(a, b) is b


def mirror(a: Hold) -> Hold:
    """The same groups in the words of the other node."""
    return _MIRROR[a]


def word(text: str | None) -> Hold | None:
    """The set that a word of the wire names; ``None`` for anything else."""
    return next((hold for hold in _WORDS if hold.value == text), None)
