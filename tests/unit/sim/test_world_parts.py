"""Clock, network, disk and agents of the simulator, each on its own."""

from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.dice import Dice
from hacluster.base.effects import Persist, Spawn
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.sim.agents import Agents, Behaviour, service_of
from hacluster.sim.clock import Agenda, HostClock
from hacluster.sim.disk import Disk, DiskHealth
from hacluster.sim.network import Network


def test_agenda_keeps_time_then_the_order_of_asking() -> None:
    agenda = Agenda()
    seen: list[tuple[int, str]] = []
    for when, name in ((20, "c"), (10, "a"), (10, "b"), (5, "x")):
        agenda.at(when, lambda name=name: seen.append((agenda.now, name)))  # type: ignore[misc]
    agenda.run_until(10)
    assert seen == [(5, "x"), (10, "a"), (10, "b")]
    agenda.at(3, lambda: seen.append((agenda.now, "late")))
    agenda.run_until(30)
    assert seen[3:] == [(10, "late"), (20, "c")]
    assert agenda.now == 30


def test_wall_clock_can_be_set_and_boot_clock_cannot() -> None:
    agenda = Agenda()
    clock = HostClock(agenda)
    agenda.run_until(5_000)
    clock.boot()
    before, wall = clock.now(), clock.unix_ms()
    clock.step(-60_000)
    agenda.run_until(5_100)
    assert clock.now() - before == 100
    assert clock.unix_ms() - wall == 100 - 60_000
    assert clock.world(clock.now()) == agenda.now


class Net:
    def __init__(self, seed: int = 1) -> None:
        self.agenda = Agenda()
        self.net = Network(self.agenda, Dice(seed), frozenset({"eth0"}))
        self.got: list[tuple[int, str, str, bytes]] = []
        for name in ("a", "b", "c"):
            self.net.attach(
                name,
                f"addr-{name}",
                lambda link, data, _source, name=name: self.got.append((self.agenda.now, name, link, data)),  # type: ignore[misc]
            )

    def heard(self) -> list[tuple[str, bytes]]:
        self.agenda.run_until(self.agenda.now + 10_000)
        heard, self.got = [(name, data) for _, name, _, data in self.got], []
        return heard


def test_everybody_hears_and_the_sender_only_on_broadcast() -> None:
    world = Net()
    world.net.send("a", "eth0", b"1")
    assert world.heard() == [("a", b"1"), ("b", b"1"), ("c", b"1")]
    world.net.send("a", "eth1", b"2")
    assert world.heard() == [("b", b"2"), ("c", b"2")]


def test_cuts_have_a_direction_and_clogs_keep() -> None:
    world = Net()
    world.net.cut("b", "eth1", "in")
    world.net.send("a", "eth1", b"1")
    world.net.send("b", "eth1", b"2")
    assert world.heard() == [("c", b"1"), ("a", b"2"), ("c", b"2")]
    world.net.cut("b", "eth1", "out")
    world.net.send("b", "eth1", b"3")
    assert world.heard() == []
    world.net.mend("b", "eth1")
    world.net.clog("b", "eth1")
    world.net.send("a", "eth1", b"4")
    assert world.heard() == [("c", b"4")]
    world.net.mend("b", "eth1")
    assert world.heard() == [("b", b"4")]


@given(st.integers(0, 2**32))
def test_bad_links_lose_duplicate_and_reorder_as_the_seed_says(seed: int) -> None:
    def play() -> list[tuple[str, bytes]]:
        world = Net(seed)
        quality = world.net.quality("*", "eth1")
        quality.loss, quality.duplicate, quality.delay_high_ms = 300_000, 300_000, 50
        for number in range(60):
            world.net.send("a", "eth1", bytes([number]))
        return world.heard()

    heard = play()
    assert heard == play()
    at_b = [data for name, data in heard if name == "b"]
    assert len(set(at_b)) < 60
    assert at_b != sorted(at_b)


def test_ping_targets_answer_whom_they_can() -> None:
    world = Net()
    echoes: list[tuple[bytes, str]] = []

    def ping(host: str) -> list[tuple[bytes, str]]:
        echoes.clear()
        world.net.echo(host, "10.0.0.254", b"x", lambda data, source: echoes.append((data, source)))
        world.heard()
        return echoes

    assert ping("a") == [(b"x", "10.0.0.254")]
    world.net.forbid("a", "10.0.0.254")
    assert (ping("a"), world.net.answers("a", "10.0.0.254"), world.net.answers("b", "10.0.0.254")) == ([], False, True)
    assert ping("b") != []
    world.net.forbid("a", "10.0.0.254", forbidden=False)
    assert ping("a") != []
    for direction in ("in", "out"):
        world.net.cut("a", "eth0", direction)
        assert ping("a") == []
        world.net.heal()
    world.net.quality("a", "eth0").loss = 1_000_000
    assert not world.net.perfect
    assert ping("a") == []
    world.net.forbid("a", "10.0.0.254")
    world.net.heal()
    assert world.net.perfect
    assert ping("a") != []


def test_total_loss_and_healing() -> None:
    world = Net()
    world.net.quality("a", "eth1").loss = 1_000_000
    world.net.send("a", "eth1", b"1")
    assert world.heard() == []
    world.net.heal()
    world.net.send("a", "eth1", b"2")
    assert world.heard() == [("b", b"2"), ("c", b"2")]


class Store:
    def __init__(self, seed: int = 1) -> None:
        self.agenda = Agenda()
        self.disk = Disk(self.agenda, Dice(seed))
        self.ended: list[tuple[int, str | None]] = []

    def write(self, data: bytes, *, volatile: bool = False, owner: str = "") -> None:
        persist = Persist("k", data, 1, volatile)
        self.disk.write(persist, lambda error: self.ended.append((self.agenda.now, error)), owner)


def test_unsynced_writes_are_seen_by_readers_and_lost_with_the_power() -> None:
    fates = set()
    for seed in range(40):
        store = Store(seed)
        store.write(b"old")
        store.agenda.run_until(100)
        store.write(b"new")
        store.write(b"here", volatile=True)
        assert store.disk.read("k", volatile=False) == b"new"
        store.disk.lose_power()
        store.agenda.run_until(200)
        assert len(store.ended) <= 2, "what was lost is not acknowledged"
        assert store.disk.read("k", volatile=True) is None
        fates.add(store.disk.read("k", volatile=False))
    assert fates == {b"old", b"new"}


def test_a_torn_disk_leaves_parts_and_a_full_one_says_so() -> None:
    torn = set()
    for seed in range(60):
        store = Store(seed)
        store.disk.health = DiskHealth.TORN
        store.write(b"abcdef")
        store.disk.lose_power()
        torn.add(store.disk.read("k", volatile=False))
    assert any(data is not None and len(data) < 6 for data in torn)
    store = Store()
    store.disk.health = DiskHealth.FAIL
    store.write(b"x")
    store.agenda.run_until(10_000)
    assert store.ended[0][1]
    assert store.disk.read("k", volatile=False) is None


def test_a_killed_process_loses_what_it_had_not_written_and_nothing_out_of_order() -> None:
    found = set()
    for seed in range(60):
        store = Store(seed)
        for data in (b"1", b"2", b"3"):
            store.write(data, volatile=True, owner="brain")
        store.disk.write(Persist("other", b"x", 1, volatile=True), lambda _error: None, "hands")
        assert store.disk.read("k", volatile=True) is None, "a write is not done when it is asked for"
        store.disk.abandon("brain")
        store.agenda.run_until(100)
        assert store.ended == []
        assert store.disk.read("other", volatile=True) == b"x"
        found.add(store.disk.read("k", volatile=True))
    assert found == {None, b"1", b"2", b"3"}


def test_a_frozen_disk_answers_when_it_thaws_and_in_order() -> None:
    store = Store()
    store.disk.health = DiskHealth.HANG
    store.write(b"1")
    store.write(b"2")
    store.write(b"v", volatile=True)
    store.agenda.run_until(60_000)
    assert store.disk.durable == {}
    store.disk.health = DiskHealth.OK
    assert store.disk.durable == {"k": b"2"}
    assert store.disk.read("k", volatile=True) == b"v"
    assert [error for _, error in store.ended] == [None] * 3


def test_a_slow_disk_keeps_the_order() -> None:
    store = Store()
    store.disk.health = DiskHealth.SLOW
    for data in (b"1", b"2", b"3"):
        store.write(data)
    store.agenda.run_until(20_000)
    assert [error for _, error in store.ended] == [None] * 3
    assert store.disk.durable["k"] == b"3"


class Box:
    def __init__(self) -> None:
        self.agenda = Agenda()
        self.changes: list[tuple[str, bool]] = []
        self.agents = Agents(self.agenda, Dice(1), lambda service, runs: self.changes.append((service, runs)))
        self.ended: list[ChildExited] = []
        self.child = 0

    def run(self, action: str, program: str = "/etc/init.d/web", env: tuple[tuple[str, str], ...] = ()) -> ChildExited:
        self.child += 1
        spawn = Spawn(self.child, (program, action), env, 1_000, kill_after_ms=500)
        self.agents.run(spawn, self.ended.append)
        self.agenda.run_until(self.agenda.now + 60_000)
        return self.ended[-1]


def test_services_start_stop_and_say_so() -> None:
    box = Box()
    assert b"stopped" in box.run("status").stdout
    assert box.run("start").code == 0
    assert b"running" in box.run("status").stdout
    box.run("start")
    box.run("stop")
    assert box.changes == [("web", True), ("web", False)]


def test_programs_misbehave() -> None:
    box = Box()
    box.agents.behave("web", "start", Behaviour.FAIL)
    assert (box.run("start").code, box.agents.active()) == (1, [])
    box.agents.behave("web", "start", Behaviour.WRONG)
    assert (box.run("start").code, box.agents.active()) == (1, ["web"])
    box.agents.behave("*", "*", Behaviour.HANG)
    late = box.run("stop")
    assert (late.end, late.elapsed_ms, box.agents.active()) == (ChildEnd.TIMED_OUT, 1_000, ["web"])
    box.agents.behave("*", "*", Behaviour.DEAF)
    assert box.run("stop").elapsed_ms == 1_500
    box.agents.heal()
    box.agents.behave("web", "*", Behaviour.VANISHED)
    assert box.run("stop").end is ChildEnd.NOT_STARTED
    box.agents.behave("web", "*", Behaviour.OK)
    assert not box.agents.faulty
    box.agents.lose_power()
    assert box.agents.active() == []


def test_what_is_not_installed_and_who_is_gone() -> None:
    box = Box()
    assert box.run("start", "/etc/ha.d/resource.d/web").end is ChildEnd.NOT_STARTED
    assert box.run("start", "/etc/ha.d/resource.d/IPaddr").end is ChildEnd.EXITED
    box.agents.run(Spawn(99, ("/etc/init.d/web", "start"), (), None), box.ended.append)
    box.agents.disown()
    before = len(box.ended)
    box.agenda.run_until(box.agenda.now + 5_000)
    assert len(box.ended) == before
    assert "web" in box.agents.active(), "a program outlives who started it"


def test_killed_programs_do_nothing_more() -> None:
    box = Box()
    box.agents.run(Spawn(7, ("/etc/init.d/web", "start"), (), None), box.ended.append)
    box.agents.kill(7, 15)
    box.agenda.run_until(5_000)
    assert [(exited.end, exited.code) for exited in box.ended] == [(ChildEnd.SIGNALED, 15)]
    assert box.agents.active() == []
    box.agents.kill(8, 9)


def test_services_have_the_names_of_haresources() -> None:
    assert service_of(Spawn(1, ("/x/IPaddr", "10.0.0.1/24", "start"), (), None)) == "IPaddr::10.0.0.1/24"
    assert service_of(Spawn(1, ("/x/Dummy", "monitor"), (("OCF_RESOURCE_INSTANCE", "d1"),), None)) == "d1"
