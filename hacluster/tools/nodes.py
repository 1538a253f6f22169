"""``hb_addnode``, ``hb_delnode``, ``hb_setweight``, ``hb_setsite``: change what the running cluster knows of its nodes.

Nothing of it is written to ha.cf; a v1 cluster has two nodes, and these tools change little there (HARESOURCES.md 6).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hacluster.base.errors import HaError
from hacluster.client.cluster import Cluster
from hacluster.client.errors import NotRunningError
from hacluster.tools.words import UsageError, complain, end, parse, rendered

MAX_WEIGHT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Tool:
    """One of the four: its usage, how many words it takes, what it does with them."""

    usage: str
    least: int
    most: int | None
    call: Callable[[Cluster, tuple[str, ...]], str]


def _weight(cluster: Cluster, words: tuple[str, ...]) -> str:
    node, weight = words
    if not weight.isascii() or not weight.isdecimal() or int(weight) > MAX_WEIGHT:
        raise UsageError(f"{weight!r} is not a weight: a number from 0 to {MAX_WEIGHT}")
    return cluster.set_attribute(node.lower(), "weight", str(int(weight)))


def _lower(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)


TOOLS: Final[Mapping[str, Tool]] = MappingProxyType(
    {
        "hb_addnode": Tool("<node> <node> ...", 1, None, lambda cluster, w: cluster.change_nodes(_lower(w), add=True)),
        "hb_delnode": Tool("<node> <node> ...", 1, None, lambda cluster, w: cluster.change_nodes(_lower(w), add=False)),
        "hb_setweight": Tool("<node> <weight>", 2, 2, _weight),
        "hb_setsite": Tool("<node> <site>", 2, 2, lambda cluster, w: cluster.set_attribute(w[0].lower(), "site", w[1])),
    }
)


def main(name: str, argv: Sequence[str]) -> int:
    """Run one of the four; the answer is its exit status: 0 accepted, 1 not."""
    tool = TOOLS[name]
    usage = f"usage: {name} {tool.usage}"
    try:
        words = parse(argv, flags=("-h", "--help"))
    except UsageError as error:
        complain(f"{name}: {error}")
        print(usage)
        return 1
    count = len(words.plain)
    if words.flags or count < tool.least or (tool.most is not None and count > tool.most):
        print(usage)
        return 1
    try:
        with Cluster(words.run_dir, name=name) as cluster:
            text = tool.call(cluster, words.plain)
    except HaError as error:
        reason = f"Heartbeat is stopped on this machine ({error})" if isinstance(error, NotRunningError) else str(error)
        if words.output_as == "text":
            complain(f"{name}: {reason}")
        else:
            print(rendered(words.output_as, name, "", {"accepted": False, "reason": reason, "exit": 1}))
        return 1
    shown = rendered(words.output_as, name, text, {"accepted": True, "text": text, "exit": 0})
    if shown:
        print(shown)
    return 0


def hb_addnode() -> None:
    """The entry point of ``hb_addnode``."""
    end(lambda: main("hb_addnode", sys.argv[1:]))


def hb_delnode() -> None:
    """The entry point of ``hb_delnode``."""
    end(lambda: main("hb_delnode", sys.argv[1:]))


def hb_setweight() -> None:
    """The entry point of ``hb_setweight``."""
    end(lambda: main("hb_setweight", sys.argv[1:]))


def hb_setsite() -> None:
    """The entry point of ``hb_setsite``."""
    end(lambda: main("hb_setsite", sys.argv[1:]))
