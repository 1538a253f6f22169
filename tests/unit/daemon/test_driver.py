"""The driver: effects in order, events in turn, deadlines kept, faults ended."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from hacluster.base.effects import (
    Append,
    MachineName,
    Persist,
    Publish,
    Reply,
    Say,
    SelfFence,
    Send,
    SetAside,
    Spawn,
    Stop,
    Transmit,
)
from hacluster.base.machine import Instant, after
from hacluster.base.report import Severity
from hacluster.daemon import clock
from hacluster.daemon.driver import Driver, Outcome
from hacluster.msg.driver import ChildExited, HostSample, MediumFailed, Persisted, PersistFailed, Tick
from hacluster.node.router import Router

H = MachineName.HEARTBEAT


@dataclass
class Scripted:
    """A machine that answers each event with what the script says."""

    script: dict = field(default_factory=dict)
    wake: Instant | None = None
    got: list = field(default_factory=list)
    sound: bool = True

    def step(self, event, now):
        self.got.append(event)
        if isinstance(event, Tick):
            self.wake = None
        answer = self.script.get(event if event in self.script else type(event), [])
        return answer(now) if callable(answer) else answer

    def deadline(self):
        return self.wake

    def check(self):
        assert self.sound, "unsound"


@dataclass
class Organs:
    """Every organ at once: remembers what it is asked for."""

    driver: Driver
    done: list = field(default_factory=list)
    broken: bool = False
    hanging: threading.Event = field(default_factory=threading.Event)
    """Set as long as the disk answers."""

    def __post_init__(self):
        self.hanging.set()

    def send(self, *words):
        self.done.append(words)
        if words[:1] == (9,):
            self.driver.post(H, MediumFailed(9, "down"))

    def start(self, spawn):
        self.done.append(spawn)

    def kill(self, kill):
        self.done.append(kill)

    def reply(self, reply):
        self.done.append(reply)

    def publish(self, topic, body):
        self.done.append((topic, body))

    def write(self, key, data, *, volatile=False):
        if self.broken:
            raise OSError(28, "No space left on device")
        self.hanging.wait()
        self.done.append((key, data, volatile))

    def append(self, key, data, *, volatile=False):
        if self.broken:
            raise OSError(28, "No space left on device")
        self.done.append((key, data, "appended"))

    def set_aside(self, key, *, volatile=False):
        if self.broken:
            raise OSError(30, "Read-only file system")
        self.done.append(("aside", key, volatile))
        return f"/state/{key}.damaged-1"


def drive(machine, test, *, log=lambda say: None):
    async def live():
        driver = Driver(Router({H: machine}), log)
        organs = Organs(driver)
        driver.media = driver.children = driver.clients = driver.disk = driver.others = organs
        async with asyncio.timeout(30):
            await test(driver, organs)
        driver.finish(Outcome.STOPPED)
        driver.close()

    asyncio.run(live())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.002)


def test_effects_are_performed_in_order():
    spawn = Spawn(1, ("/bin/true",), (), None)
    said = []
    effects = [
        Transmit(0, b"a"),
        Say(Severity.INFO, "s", "c", "t"),
        Send(MachineName.LRM, "x"),
        Reply(5, "r"),
        Publish("topic", "p"),
        spawn,
        Transmit(1, b"b"),
    ]

    async def test(driver, organs):
        driver.post(H, "go")
        await until(lambda: len(organs.done) == 6)
        assert organs.done == [(0, b"a"), (H, MachineName.LRM, "x"), Reply(5, "r"), ("topic", "p"), spawn, (1, b"b")]
        assert [say.code for say in said] == ["c"]

    drive(Scripted({"go": effects}), test, log=said.append)


def test_a_failure_of_an_effect_comes_after_the_step_that_asked_for_it():
    machine = Scripted({"go": [Transmit(9, b""), Send(MachineName.LRM, "after")]})

    async def test(driver, organs):
        driver.post(H, "go")
        await until(lambda: len(machine.got) == 2)
        assert machine.got == ["go", MediumFailed(9, "down")]
        assert organs.done[-1] == (H, MachineName.LRM, "after")

    drive(machine, test)


def test_every_machine_hears_how_the_host_is_before_anything_else():
    machine = Scripted()

    async def test(driver, organs):
        driver.start()
        driver.post(H, "later")
        await until(lambda: len(machine.got) == 2)
        sample, later = machine.got
        assert isinstance(sample, HostSample)
        assert abs(sample.unix_ms - clock.unix_ms()) < 60_000
        assert len(sample.loadavg.split()) == 5
        assert later == "later"

    drive(machine, test)


def test_a_deadline_brings_a_tick_and_never_early():
    times = []
    machine = Scripted({Tick: lambda now: times.append(now) or []})

    async def test(driver, organs):
        machine.wake = wanted = after(clock.now(), 30)
        driver.post(H, "go")
        await until(lambda: times)
        assert times[0] >= wanted

    drive(machine, test)


def test_what_is_written_is_confirmed_and_what_is_not_is_too():
    machine = Scripted({"go": [Persist("k", b"1", 7), Persist("k", b"2", 8, volatile=True), Append("k", b"3", 9)]})

    async def test(driver, organs):
        driver.post(H, "go")
        await until(lambda: len(machine.got) == 4)
        assert organs.done == [("k", b"1", False), ("k", b"2", True), ("k", b"3", "appended")]
        assert machine.got[1:] == [Persisted("k", 7), Persisted("k", 8), Persisted("k", 9)]
        organs.broken = True
        driver.post(H, "go")
        await until(lambda: len(machine.got) == 8)
        assert machine.got[5] == PersistFailed("k", 7, "[Errno 28] No space left on device")
        assert machine.got[7] == PersistFailed("k", 9, "[Errno 28] No space left on device")

    drive(machine, test)


def test_what_is_damaged_is_set_aside_before_it_is_written_anew(sayings):
    machine = Scripted({"go": [SetAside("k"), Persist("k", b"1", 7)]})

    async def test(driver, organs):
        driver.post(H, "go")
        await until(lambda: len(machine.got) == 2)
        assert organs.done == [("aside", "k", False), ("k", b"1", False)]
        assert sayings.lines[-1].text == "the damaged k is now /state/k.damaged-1"
        organs.broken = True
        driver.post(H, "go")
        await until(lambda: len(machine.got) == 4)
        assert sayings.lines[-1].text == "the damaged k cannot be set aside: Read-only file system"

    drive(machine, test, log=sayings)


def test_the_end_does_not_wait_for_a_disk_that_hangs(monkeypatch):
    monkeypatch.setattr("hacluster.daemon.driver.CLOSE_S", 0.05)
    machine = Scripted({"go": [Persist("k", b"1", 7)]})
    thaw = []

    async def test(driver, organs):
        organs.hanging.clear()
        thaw.append(organs.hanging)
        driver.post(H, "go")
        await until(lambda: machine.got == ["go"])

    drive(machine, test)  # would never return
    thaw[0].set()


def test_observers_see_an_effect_before_it_is_done():
    """What it causes in another process may be over before this one goes on."""
    machine = Scripted({"go": [Persist("k", b"1", 7)]})

    async def test(driver, organs):
        seen = []
        driver.observers.append(lambda by, effect: seen.append((by, effect, list(organs.done))))
        driver.post(H, "go")
        await until(lambda: organs.done)
        assert seen == [(H, Persist("k", b"1", 7), [])]

    drive(machine, test)


@pytest.mark.parametrize(
    ("effect", "outcome"),
    [
        (Stop("done"), Outcome.STOPPED),
        (Stop("healed", restart=True), Outcome.RESTART),
        (SelfFence("cannot stop a resource"), Outcome.FENCED),
    ],
)
def test_a_machine_ends_its_process(effect, outcome):
    machine = Scripted({"go": [effect]})

    async def test(driver, organs):
        driver.post(H, "go")
        driver.post(H, "never seen")
        assert await driver.finished is outcome
        assert machine.got == ["go"]

    drive(machine, test)


def test_a_fault_of_a_machine_ends_the_process_with_its_place():
    def fail(now):
        raise AssertionError("impossible state")

    said = []

    async def test(driver, organs):
        driver.post(H, "go")
        assert await driver.finished is Outcome.CRASHED

    drive(Scripted({"go": fail}), test, log=said.append)
    assert said[0].code == "internal-fault"
    assert "impossible state" in said[0].text
    assert said[0].fields[0][0] == "at"


def test_an_invariant_that_broke_ends_the_process():
    async def test(driver, organs):
        driver.start()
        assert await driver.finished is Outcome.CRASHED

    drive(Scripted(sound=False), test)


def test_what_comes_back_from_children_reaches_the_machine():
    machine = Scripted()
    exited = ChildExited(1, "exited", 0)

    async def test(driver, organs):
        driver.post(H, exited)
        await until(lambda: machine.got == [exited])

    drive(machine, test)
