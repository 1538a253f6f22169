"""The level ``lvs``: the load balancer of this host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hacluster.crmsh.level import Level, Refused, Verb

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

_WORDS: Final = ("json", "stats", "rate")


def status(session: Session, words: list[str]) -> bool:
    """What ``hacluster lvs`` shows; done when every real server serves."""
    from hacluster.ldirectord.status import show  # noqa: PLC0415  only this verb

    for word in words:
        if word not in _WORDS:
            raise Refused(f"Expected some of {'|'.join(_WORDS)}, not {word}")
    given = (word in words for word in _WORDS)
    return show(session.voice.out, session.voice.error, *given) == 0


LEVEL = Level(
    "lvs",
    "the load balancer of this host",
    "",
    (
        Verb("status", status, "[json] [stats] [rate]", "virtual services, real servers, and why one is out",
             "stats: connections, packets and bytes since they were set to zero; rate: the same per second. It ends"
             " with 1 when a real server is out or no ldirectord runs here.", completes=("lvs_word",), repeats=True),
    ),
)  # fmt: skip
