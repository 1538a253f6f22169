from dataclasses import dataclass, field

import pytest

from hacluster.base.effects import MachineName, Persist, Publish, Send
from hacluster.base.machine import Instant
from hacluster.msg.driver import Tick
from hacluster.node.router import Asked, Router


@dataclass
class Scripted:
    """A machine that answers each event with what the script says, and remembers what it got."""

    script: dict[object, list] = field(default_factory=dict)
    wake: int | None = None
    got: list = field(default_factory=list)

    def step(self, event, now):
        self.got.append(event)
        if isinstance(event, Tick):
            self.wake = None
        return self.script.get(event, [])

    def deadline(self):
        return self.wake

    def check(self):
        assert self.wake != -1


def test_messages_between_machines_keep_their_order():
    a = Scripted({"go": [Send(MachineName.LRM, 1), Send(MachineName.LRM, 2)]})
    b = Scripted({1: [Send(MachineName.LRM, 3)]})
    router = Router({MachineName.HARESOURCES: a, MachineName.LRM: b})
    assert router.deliver(MachineName.HARESOURCES, "go", Instant(0)) == []
    assert b.got == [1, 2, 3]


def test_other_effects_go_to_the_driver_with_their_machine():
    publish, elsewhere = Publish("t", 1), Send(MachineName.HEARTBEAT, "x")
    a = Scripted({"go": [publish, elsewhere]})
    router = Router({MachineName.HARESOURCES: a})
    assert router.deliver(MachineName.HARESOURCES, "go", Instant(0)) == [
        Asked(MachineName.HARESOURCES, publish),
        Asked(MachineName.HARESOURCES, elsewhere),
    ]


def test_tick_wakes_only_machines_that_are_due():
    due, later = Scripted({Tick(): [Persist("k", b"", 1)]}, wake=5), Scripted(wake=50)
    router = Router({MachineName.HEARTBEAT: due, MachineName.LRM: later})
    assert router.deadline() == 5
    assert router.tick(Instant(10)) == [Asked(MachineName.HEARTBEAT, Persist("k", b"", 1))]
    assert later.got == []
    assert router.deadline() == 50


def test_machines_that_talk_in_a_circle_are_stopped():
    a = Scripted({"ping": [Send(MachineName.LRM, "ping")]})
    b = Scripted({"ping": [Send(MachineName.HARESOURCES, "ping")]})
    router = Router({MachineName.HARESOURCES: a, MachineName.LRM: b})
    with pytest.raises(AssertionError, match="circle"):
        router.deliver(MachineName.LRM, "ping", Instant(0))


def test_check_reaches_every_machine():
    router = Router({MachineName.LRM: Scripted(wake=-1)})
    with pytest.raises(AssertionError):
        router.check()
