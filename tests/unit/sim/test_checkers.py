"""Each checker sees what it is for: histories that are wrong on purpose, and their innocent neighbours."""

from hacluster.sim.checkers import (
    Bounds,
    CleanStop,
    Death,
    Exclusive,
    Order,
    SaveFirst,
    membership_faults,
    placement_faults,
)
from hacluster.sim.scenario import STANDARD
from hacluster.sim.scene import HostScene, Scene

IP, FS, HTTPD = "IPaddr::10.0.0.100/24/eth0", "Filesystem::/dev/vdb::/srv", "httpd"
MAIL = ("IPaddr::10.0.0.101/24/eth0", "mail")
BOUNDS = Bounds()


def scene(now: int = 100_000) -> Scene:
    hosts = {name: HostScene(daemon=True, pulse_since=0) for name in STANDARD.nodes}
    return Scene(STANDARD.groups, hosts, now=now)


def test_two_runners_that_were_never_apart() -> None:
    found = scene()
    found.hosts["node1"].services.add(HTTPD)
    checker = Exclusive(found, BOUNDS)
    assert checker.on_service("node1", HTTPD, runs=True) is None
    found.hosts["node2"].services.add(IP)
    sentence = checker.on_service("node2", IP, runs=True)
    assert sentence == f"{IP} runs on node1 and node2, which were never apart"


def test_windows_excuse_two_runners_and_close() -> None:
    for begin, end, word in (
        (lambda h: h.holds_dead.add("node2"), lambda h: h.holds_dead.clear(), "partition"),
        (lambda h: setattr(h, "paused", True), lambda h: setattr(h, "paused", False), "paused holder"),
        (lambda h: setattr(h, "daemon", False), lambda h: setattr(h, "daemon", True), "crashed daemon"),
        (lambda h: setattr(h, "pulse_since", None), lambda h: setattr(h, "pulse_since", 0), "crashed pulse"),
    ):
        found = scene()
        checker = Exclusive(found, BOUNDS)
        for host in found.hosts.values():
            host.services.add(HTTPD)
        begin(found.hosts["node1"])
        found.note_apart()
        assert checker.each_second() is None
        end(found.hosts["node1"])
        found.now += BOUNDS.reunion_ms
        found.note_apart()
        assert checker.each_second() is None
        found.now += 1
        sentence = checker.each_second()
        assert sentence is not None
        assert word in sentence


def test_death_needs_silence() -> None:
    found = scene()
    checker = Death(found, BOUNDS)
    found.hosts["node1"].heard["node2"] = found.now - 5_000
    sentence = checker.on_declared_dead("node1", "node2", ever_heard=True)
    assert sentence == "node1 declares node2 dead, whose last status it got 5000 ms ago"
    found.hosts["node1"].heard["node2"] = found.now - 10_000
    assert checker.on_declared_dead("node1", "node2", ever_heard=True) is None


def test_silence_must_be_noticed_by_those_who_listen() -> None:
    found = scene(now=200_000)
    checker = Death(found, BOUNDS)
    for host in found.hosts.values():
        host.perhaps = dict.fromkeys(found.hosts, 190_000)
    assert checker.each_second() is None
    found.hosts["node1"].perhaps["node2"] = 100_000
    assert checker.each_second() == "node1 has heard nothing of node2 for 100000 ms and believes it alive"
    found.hosts["node1"].paused = True
    assert checker.each_second() is None
    found.hosts["node1"].paused = False
    found.hosts["node1"].holds_dead.add("node2")
    assert checker.each_second() is None


def test_order_within_a_group() -> None:
    found = scene()
    checker = Order(found, BOUNDS)
    services = found.hosts["node1"].services
    services |= {IP, HTTPD}
    assert checker.on_service("node1", HTTPD, runs=True) == f"httpd starts on node1 before {FS}"
    services.add(FS)
    assert checker.on_service("node1", HTTPD, runs=True) is None
    services.discard(IP)
    assert checker.on_service("node1", IP, runs=False) == f"{IP} stops on node1 before httpd"
    found.hosts["node1"].agents_failed = True
    assert checker.on_service("node1", IP, runs=False) is None


def test_generations_are_saved_before_they_are_spoken() -> None:
    checker = SaveFirst(scene(), BOUNDS)
    status = b"###\n10:(0)t=status,9:(0)hg=1f,8:(0)seq=1,%%%\n"
    assert checker.on_transmit("node1", status, {}) == "node1 speaks as generation 31, but its disk says nothing"
    assert checker.on_transmit("node1", status, {"hb_generation": b"             30\n"}) is not None
    assert checker.on_transmit("node1", status, {"hb_generation": b"             31\n"}) is None
    older = status.replace(b"1f", b"1e")
    saved = {"hb_generation": b"             31\n"}
    assert checker.on_transmit("node1", older, saved) == "node1 speaks as generation 30 after 31"
    assert checker.on_transmit("node2", older, saved) is None


def test_a_clean_stop_leaves_nothing() -> None:
    found = scene()
    checker = CleanStop(found, BOUNDS)
    host = found.hosts["node1"]
    host.services.add(HTTPD)
    assert checker.on_stopped("node1") is None
    host.stop_asked = True
    assert checker.on_stopped("node1") == "node1 was asked to stop and leaves httpd running"
    host.services.clear()
    assert checker.on_stopped("node1") is None


def test_placement_and_membership() -> None:
    found = scene()
    assert placement_faults(found, at_home=False) == [f"{IP} runs on no node", f"{MAIL[0]} runs on no node"]
    found.hosts["node1"].services |= {IP, HTTPD}
    found.hosts["node1"].services |= set(MAIL)
    assert placement_faults(found, at_home=False) == [f"{IP} runs on node1 without {FS}"]
    found.hosts["node1"].services.add(FS)
    assert placement_faults(found, at_home=False) == []
    assert placement_faults(found, at_home=True) == [f"{MAIL[0]} runs on node1, its home is node2"]
    found.hosts["node2"].services.add("mail")
    assert placement_faults(found, at_home=False) == [f"{MAIL[0]} runs on node1 and node2"]
    assert membership_faults(found) == []
    found.hosts["node1"].holds_dead.add("node2")
    found.hosts["node2"].daemon = False
    assert membership_faults(found) == ["the daemon of node2 does not run", "node1 holds node2 for dead"]
