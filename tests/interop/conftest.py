from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hacluster.lab.hosts import Lab
from tests.conftest import require_lab, skip_or_fail
from tests.nodes import HEARTBEAT, Files, Node, OurNode, RealNode
from tests.waiting import eventually

ALPHA_VIP, BETA_VIP = "10.77.0.100", "10.77.0.101"
ADDRESSES = {"alpha": "10.77.0.1", "beta": "10.77.0.2"}
MEDIA = {
    "bcast-sha1": ("bcast eth0", "auth 1\n1 sha1 one-key-for-both\n"),
    "ucast-md5": ("ucast eth0 10.77.0.1\nucast eth0 10.77.0.2", "auth 2\n2 md5 another-key\n"),
    "mcast-crc": ("mcast eth0 225.0.0.15 694 1 0", "auth 3\n3 crc\n"),
}
MEDIA6 = {
    "mcast6-sha1": ("mcast6 eth0 ff05::694 694 1 0", "auth 1\n1 sha1 one-key-for-both\n"),
    "ucast6-md5": ("ucast6 eth0 fd00:77::1\nucast6 eth0 fd00:77::2", "auth 2\n2 md5 another-key\n"),
}
TIMING = "keepalive 500ms\nwarntime 2\ndeadtime 5\ninitdead 10\n"
"""Five seconds: CI's machines stand still for up to half a second, and nobody may be declared dead for it."""


def files(medium: str, *, failback: str = "on", extra: str = "") -> Files:
    media, keys = (MEDIA | MEDIA6)[medium]
    return Files(
        ha_cf=f"{TIMING}{media}\nauto_failback {failback}\nnode alpha beta\nlogfile /var/log/ha-log\n"
        f"debugfile /var/log/ha-debug\n{extra}",
        authkeys=keys,
        haresources=f"alpha IPaddr2::{ALPHA_VIP}/24/eth0\nbeta IPaddr2::{BETA_VIP}/24/eth0\n",
    )


@dataclass
class Pair:
    """Alpha and beta, of whichever kinds."""

    lab: Lab
    alpha: Node
    beta: Node

    @property
    def nodes(self) -> tuple[Node, Node]:
        return self.alpha, self.beta

    def other(self, node: Node) -> Node:
        return self.beta if node is self.alpha else self.alpha

    def holders(self) -> dict[str, set[str]]:
        return {node.name: node.addresses() & {ALPHA_VIP, BETA_VIP} for node in self.nodes}

    def holders_of(self, node: Node) -> set[str]:
        return node.addresses() & {ALPHA_VIP, BETA_VIP}

    def settled(self, alpha: str, beta: str, within: float = 90.0) -> None:
        """Both say so, and the addresses are where the words say."""
        own = {"alpha": ALPHA_VIP, "beta": BETA_VIP}
        sets = {
            "none": lambda me: set(),
            "local": lambda me: {own[me.name]},
            "foreign": lambda me: {own[self.other(me).name]},
            "all": lambda me: set(own.values()),
        }
        wanted = ((self.alpha, alpha), (self.beta, beta))

        def reached() -> bool:
            return all(
                node.rscstatus() == word and node.addresses() & set(own.values()) == sets[word](node)
                for node, word in wanted
                if word != "off"
            )

        self.eventually(f"alpha {alpha}, beta {beta}", reached, within)

    def each_its_own(self, within: float = 90.0) -> None:
        """The addresses are at home. In legacy mode ``rscstatus`` says nothing of them."""
        wanted = {"alpha": {ALPHA_VIP}, "beta": {BETA_VIP}}
        self.eventually("each has its own", lambda: self.holders() == wanted, within)

    def eventually(self, what: str, condition: Callable[[], bool], within: float = 90.0) -> None:
        """As :func:`tests.waiting.eventually`; a failure shows both nodes' logs."""
        try:
            eventually(what, condition, within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.describe()}") from None

    def describe(self) -> str:
        parts = []
        for node in self.nodes:
            try:
                parts.append(
                    f"--- {node.name} ({node.kind}): rscstatus {node.rscstatus()!r}, {sorted(node.addresses())}\n"
                    + "\n".join(node.log().splitlines()[-60:])
                )
            except Exception as error:
                parts.append(f"--- {node.name} ({node.kind}): {error}")
        return "\n".join(parts)


@pytest.fixture
def make_pair() -> Iterator[Callable[..., Pair]]:
    require_lab()
    if not Path(HEARTBEAT).exists():
        skip_or_fail("Debian's package heartbeat is not installed")
    labs: list[Lab] = []

    def make(medium: str, alpha: type[Node] = RealNode, beta: type[Node] = OurNode, **options: str) -> Pair:
        lab = Lab(f"interop-{medium}")
        labs.append(lab)
        lab.add_network("net0", "10.77.0.0/24")
        hosts = {
            name: lab.add_host(name, {"eth0": ("net0", f"{ip}/24", f"fd00:77::{ip[-1]}/64")})
            for name, ip in ADDRESSES.items()
        }
        config = files(medium, **options)
        return Pair(lab, alpha(hosts["alpha"], config), beta(hosts["beta"], config))

    yield make
    for lab in labs:
        lab.close()
