"""What is the same for several members is said once, to all of them."""

from __future__ import annotations

from hacluster.msg.stream import Convey
from hacluster.sim.crm.ring import RingNode
from hacluster.sim.desk import Desk, majority


class Listening(Desk):
    """Notes who is meant by what is said."""

    said: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def convey(self, node: RingNode, convey: Convey) -> None:
        self.said += ((type(convey.body).__name__, convey.to),)
        super().convey(node, convey)


def test_a_sync_and_a_write_are_cast_and_each_member_is_meant_once() -> None:
    desk = Listening(majority("a", "b", "c"))
    desk.view("a", "abc").write("a", "x").settle("abc")
    for kind in ("Sync", "Synced", "Patch", "Commit"):
        meant = [to for name, to in desk.said if name == kind]
        assert meant, kind
        assert set(meant) == {("b", "c")}, (kind, meant)


def test_members_that_need_something_else_are_told_something_else() -> None:
    desk = Listening(majority("a", "b", "c", "d", "e"))
    desk.view("a", "abcde").view("a", "abc").write("a", "x").settle("abc")
    desk.said = ()
    desk.view("a", "abcde").settle("abcde")
    syncs = [to for name, to in desk.said if name == "Sync"]
    assert sorted(syncs) == [("b", "c"), ("d", "e")]
