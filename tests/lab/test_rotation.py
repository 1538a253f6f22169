"""Keys of a running cluster are exchanged, and neither the nodes nor the client notice."""

from __future__ import annotations

import re
import time

import pytest

from tests.cluster import Cluster, cluster
from tests.conftest import require_lab
from tests.nodes import OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SLOW = "keepalive 500ms\nwarntime 2\ndeadtime 10\ninitdead 12\n"
"""Two seconds to a line of log about lateness: less than the time between the two reloads."""

APART_S = 3


def sealing_key(node: OurNode) -> str:
    """The id of the key in use, as the command says it."""
    found = re.search(r"^seal:\t\w+ \(key (\w+)\)$", node.tool("cl_status", "hbstatus", "-v")[1], re.MULTILINE)
    return "" if found is None else found[1]


def heard_key(node: OurNode, other: str) -> str:
    """The id of the key that sealed the other node's last datagram."""
    out = node.tool("cl_status", "hbstatus", "-v")[1]
    found = re.search(rf"^{re.escape(other)}\t\w+\t\(nodetype: normal, sealed with key (\w+)\)$", out, re.MULTILINE)
    return "" if found is None else found[1]


def write_keys(made: Cluster, text: str, apart_s: float) -> None:
    """New authkeys on both nodes, and one reload after the other."""
    for node in made.nodes:
        node.host.write("/etc/ha.d/authkeys", text, 0o600)
    made.one.reload()
    time.sleep(apart_s)
    made.two.reload()


def unnoticed(made: Cluster, since: float) -> None:
    """Nobody was late or refused, and the same node answered every request."""
    made.watch.wait_answer(made.one.name, since=time.monotonic())
    assert made.watch.missed(since) == []
    for node in made.nodes:
        for words in ("Late heartbeat", "refused a datagram", "is dead"):
            assert words not in node.log(), words


def adopted(made: Cluster, old: str) -> str:
    """Wait until another key than ``old`` seals everything, in both directions; gives its id."""
    eventually("both seal with one new key", lambda: sealing_key(made.one) == sealing_key(made.two) != old)
    new = sealing_key(made.one)
    eventually("one hears it", lambda: heard_key(made.one, made.two.name) == new)
    eventually("two hears it", lambda: heard_key(made.two, made.one.name) == new)
    return new


def test_another_key_in_the_same_slot():
    """One step and no order: whoever is first goes on with the old key until the other has the new one."""
    require_lab()
    with cluster(ha_cf=SLOW) as made:
        made.up()
        before = time.monotonic()
        old = sealing_key(made.one)
        assert old == sealing_key(made.two) != ""
        for number in range(2):
            write_keys(made, f"auth 1\n1 sha1 quite-another-key-number-{number}\n", APART_S)
            old = adopted(made, old)
        unnoticed(made, before)


@pytest.mark.parametrize("method", ["md5", "sha1"])
def test_slot_by_slot_without_the_seal(method):
    """The order of conf/authkeys on the classic wire: the new slot, then ``auth``, then the old slot away."""
    require_lab()
    old, new = f"1 {method} the-key-that-goes-0123456789\n", f"7 {method} the-key-that-comes-0123456789\n"
    with cluster(ha_cf=SLOW, hacluster_cf="seal off\n") as made:
        for node in made.nodes:
            node.host.write("/etc/ha.d/authkeys", f"auth 1\n{old}", 0o600)
        made.up()
        before = time.monotonic()
        for text in (f"auth 1\n{old}{new}", f"auth 7\n{old}{new}", f"auth 7\n{new}"):
            write_keys(made, text, APART_S)
        eventually(
            "both sign with it",
            lambda: all(
                f"signature:\tslot 7, {method}" in n.tool("cl_status", "hbstatus", "-v")[1] for n in made.nodes
            ),
        )
        unnoticed(made, before)
