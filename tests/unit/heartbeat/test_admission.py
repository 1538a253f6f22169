"""Who is believed: floors, clocks, challenges, names, UUIDs, sources, keys; and logs that nobody can flood."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.config.settings import Seal
from hacluster.heartbeat.admission import SourceFilter
from hacluster.heartbeat.generation import Floor, decode_floors, encode_floors
from hacluster.heartbeat.quiet import MAX_KINDS, Quiet
from hacluster.msg.driver import HostSample, Refused, StopRequested, Tick
from hacluster.msg.membership import CommUp, ForgetFloor, NodeRestarted, NodeState
from hacluster.wire.auth import Key, KeyRing, Method
from hacluster.wire.fields import Stamp, stamped
from hacluster.wire.frame import sign
from hacluster.wire.hamsg import HaMessage

START = 1_700_000_000_000
WALL = START // 1000


class Mouth:
    """Makes what a node named ``name`` would send."""

    def __init__(self, keys, name="beta", uuid=None, generation=WALL):
        self.keys, self.name, self.generation = keys, name, generation
        self.uuid = uuid or name.encode().ljust(16, b"\x01")[:16]
        self.seq = 0

    def say(self, message, ts, seq=None):
        self.seq = seq or self.seq + 1
        number = None if message.type.startswith("NS_") else self.seq
        stamp = Stamp(self.name, ts, self.uuid, seq=number, hg=self.generation, ld="0", ttl=3)
        return sign(stamped(message, stamp), self.keys)

    def status(self, ts, seq=None, state="active", dt="1770"):
        return self.say(HaMessage.of(t="status", st=state, dt=dt, protocol="1"), ts, seq)


@pytest.fixture
def alpha(box, settings):
    return box("alpha", settings()).start(0)


@pytest.fixture
def beta(alpha):
    return Mouth(alpha.keys)


def _state(alpha):
    return alpha.view().node("beta").state


def test_a_clock_far_behind_costs_one_question(alpha, beta):
    for second in range(3):
        alpha.until(second * 1_000 + 10)
        alpha.receive(beta.status(WALL - 4_000 + second))
    assert _state(alpha) is NodeState.INIT
    asked = alpha.messages("query-cstatus")
    assert len(asked) == 3
    nonces = {(m.get("cn"), m.get("from_id"), m.get("dest")) for _, m in asked}
    [(nonce, asker, dest)] = nonces
    assert dest == "beta"
    wrong = HaMessage.of(t="respond-cstatus", dest="alpha", result="OK", cn="hx-0", to_id=asker, cs="offline")
    alpha.receive(beta.say(wrong, WALL - 3_997))
    alpha.receive(beta.status(WALL - 3_997))
    assert _state(alpha) is NodeState.INIT
    right = HaMessage.of(t="respond-cstatus", dest="alpha", result="OK", cn=nonce, to_id=asker, cs="offline")
    alpha.receive(beta.say(right, WALL - 3_996))
    assert _state(alpha) is NodeState.ACTIVE, "the status that was doubted counts now"
    assert alpha.machine._core.peers.get("beta").receiver.last == beta.seq
    assert "doubtful-status" in alpha.codes()


def test_an_old_answer_does_not_prove_another_generation(alpha, beta):
    alpha.receive(beta.status(WALL - 4_000), 10)
    [(_, asked)] = alpha.messages("query-cstatus")
    answer = HaMessage.of(
        t="respond-cstatus", dest="alpha", result="OK", cn=asked.get("cn"), to_id=asked.get("from_id")
    )
    alpha.receive(beta.say(answer, WALL - 4_000))
    other = Mouth(alpha.keys, generation=beta.generation + 1)
    alpha.receive(other.status(WALL - 4_000))
    assert alpha.view().node("beta").generation == beta.generation
    assert not alpha.of(NodeRestarted)


def test_two_nodes_that_doubt_each_other_come_together(lan):
    net = lan()
    first = {name: net.boot(name) for name in ("alpha", "beta")}
    net.run(10_000)
    disks = {name: first[name].disk for name in first}
    for name in first:
        net.kill(name)
    for disk in disks.values():
        floors = decode_floors(disk["replay-floor"]).nodes
        ahead = [Floor(f.node, f.uuid, f.generation, f.seq, f.ts + 5_000, f.wall) for f in floors.values()]
        disk["replay-floor"] = encode_floors(ahead)
    again = [net.boot(name, disk=disks[name]) for name in disks]
    net.run(6_000)
    for made in again:
        assert made.view().own_state is NodeState.ACTIVE
        assert "node-proven" in made.codes()


def test_a_lower_generation_needs_the_administrator(box, settings):
    floor = Floor("beta", b"b" * 16, WALL + 100, 7, WALL - 100, WALL - 100)
    alpha = box("alpha", settings(), disk={"replay-floor": encode_floors([floor])}).start(0)
    beta = Mouth(alpha.keys)
    alpha.receive(beta.status(WALL), 10)
    assert _state(alpha) is NodeState.INIT
    [said] = [say.text for say in alpha.said if say.code == "replay-generation"]
    assert "hacluster forget beta" in said
    assert isinstance(alpha.ask(ForgetFloor("gamma")), Refused)
    alpha.ask(ForgetFloor("beta"))
    alpha.receive(beta.status(WALL))
    assert _state(alpha) is NodeState.ACTIVE
    assert alpha.ask(ForgetFloor("beta")).code == "live-node"


def test_a_host_that_changes_its_software_keeps_its_generation_and_is_taken(box, settings):
    floor = Floor("beta", b"b" * 16, WALL, 500, WALL - 60, WALL - 60)
    alpha = box("alpha", settings(), disk={"replay-floor": encode_floors([floor])}).start(0)
    alpha.receive(Mouth(alpha.keys, uuid=b"b" * 16, generation=WALL + 1).status(WALL, seq=1), 10)
    assert _state(alpha) is NodeState.ACTIVE
    assert not alpha.of(NodeRestarted)


def test_the_same_generation_goes_on_after_our_restart(box, settings):
    floor = Floor("beta", b"b" * 16, WALL, 500, WALL - 60, WALL - 60)
    disk = {"replay-floor": encode_floors([floor])}
    beta = Mouth(KeyRing({1: Key(1, Method.SHA1, b"test-key")}, 1), uuid=b"b" * 16)
    for seq, ts, state in (
        (500, WALL, "init"),
        (501, WALL - 59, "init"),
        (501, WALL - 1, "active"),
        (540, WALL - 20, "active"),
    ):
        alpha = box("alpha", settings(), disk=disk).start(0)
        alpha.receive(beta.status(ts, seq=seq), 10)
        assert _state(alpha).value == state, (seq, ts)


def test_nothing_but_a_status_brings_a_node_back(alpha, beta):
    alpha.receive(beta.status(WALL), 10)
    alpha.until(20_000)
    assert _state(alpha) is NodeState.DEAD
    told = len(alpha.told)
    for message in (
        HaMessage.of(t="hb_takeover", rsc_hold="all"),
        HaMessage.of(t="shutdone", st="dead"),
        HaMessage.of(t="reqnodes", dest="alpha"),
        HaMessage.of(t="NS_rexmit", dest="alpha", firstseq="1", lastseq="50"),
    ):
        sent = len(alpha.sent)
        alpha.receive(beta.say(message, WALL + 20))
        assert len(alpha.sent) == sent
    assert len(alpha.told) == told
    alpha.receive(beta.status(WALL + 20))
    assert _state(alpha) is NodeState.ACTIVE


def test_log_badpack_off_keeps_bad_datagrams_out_of_the_log(box, settings):
    """ha.cf(5) of Heartbeat: whether malformed and unauthentic packets are logged."""
    quiet = box("alpha", settings(log_badpack=False)).start(0)
    beta, stranger = Mouth(quiet.keys), Mouth(KeyRing({1: Key(1, Method.SHA1, b"another cluster")}, 1))
    before = quiet.codes()
    quiet.receive(stranger.status(WALL, seq=1), 10)
    quiet.receive(b"###\n(0)(5)short%%%\n", 11)
    quiet.receive(beta.say(HaMessage.of(t="status", st=""), WALL), 12)
    assert quiet.codes() == before
    assert quiet.states("beta") == []


def test_foreign_keys_are_logged_a_few_times_and_change_nothing(alpha):
    other = Mouth(KeyRing({1: Key(1, Method.SHA1, b"another cluster")}, 1))
    for number in range(500):
        alpha.receive(other.status(WALL, seq=number + 1), 10 + number)
    assert alpha.codes().count("datagram-refused") == 20
    alpha.until(70_000)
    [summary] = [say for say in alpha.said if say.code == "suppressed"]
    assert "480" in summary.text
    assert alpha.states("beta") == ["dead"]


def test_unknown_nodes_are_ignored_and_named(alpha):
    for number in range(100):
        alpha.receive(Mouth(alpha.keys, name=f"node{number}").status(WALL), 10)
    assert alpha.codes().count("unknown-node") == 20
    assert len(alpha.view().nodes) == 2


def test_names_are_compared_in_lower_case(alpha):
    alpha.receive(Mouth(alpha.keys, name="BETA").status(WALL), 10)
    assert _state(alpha) is NodeState.ACTIVE


def test_a_second_host_under_a_nodes_name_does_not_count_while_the_first_lives(alpha, beta):
    """Otherwise the two would restart each other with every word, and a word of one would speak for both."""
    alpha.receive(beta.status(WALL), 10)
    told = len(alpha.told)
    for number in range(100):
        second = Mouth(alpha.keys, uuid=b"n" * 16, generation=WALL + 1)
        alpha.receive(second.status(WALL, seq=number + 1), 20 + number)
        alpha.receive(second.say(HaMessage.of(t="shutdone", st="dead"), WALL, seq=number + 1000))
    assert alpha.view().node("beta").uuid == beta.uuid
    assert len(alpha.told) == told
    assert alpha.codes().count("name-shared") == 20


def test_a_new_uuid_is_said_and_taken_once_the_old_host_is_dead(alpha, beta):
    alpha.receive(beta.status(WALL), 10)
    alpha.machine._core.accounted = True
    changed = Mouth(alpha.keys, uuid=b"n" * 16, generation=WALL + 1)
    alpha.receive(changed.status(WALL))
    alpha.until(20_000)
    assert _state(alpha) is NodeState.DEAD
    alpha.receive(changed.status(WALL + 20))
    assert _state(alpha) is NodeState.ACTIVE
    assert alpha.view().node("beta").uuid == b"n" * 16
    assert "uuid-changed" in alpha.codes()


def test_our_name_or_uuid_elsewhere_is_said_loudly(alpha):
    own = b"alpha".ljust(16, b"\x01")
    for mouth, code in (
        (Mouth(alpha.keys, name="alpha", uuid=b"x" * 16), "name-twice"),
        (Mouth(alpha.keys, name="beta", uuid=own), "uuid-twice"),
        (Mouth(alpha.keys, name="alpha", uuid=own, generation=WALL + 9), "host-twice"),
    ):
        alpha.receive(mouth.status(WALL), 10)
        assert alpha.said[-1].code == code
        assert alpha.said[-1].severity.word == "crit"
    assert _state(alpha) is NodeState.INIT


def test_our_own_packets_come_back_unnoticed(alpha):
    codes = alpha.codes()
    for _, _, data in list(alpha.sent):
        alpha.receive(data, 10)
    assert alpha.codes() == codes


@pytest.mark.parametrize(
    "fields",
    [
        {"t": "status", "st": "dead", "dt": "1770"},
        {"t": "status", "st": "nonsense", "dt": "1770"},
        {"t": "status", "st": "active", "dt": "-5"},
        {"t": "status", "dt": "1770"},
        {"t": "reqnodes"},
        {"t": "repnodes", "nodelist": "a\x7fb "},
        {"t": "NS_ackmsg", "dest": "alpha", "ackseq": "xyz"},
        {"t": "NS_rexmit", "dest": "alpha", "firstseq": "9", "lastseq": "1"},
        {"t": "NS_rexmit", "dest": "alpha"},
        {"t": "NS_nak_rexmit", "dest": "alpha", "firstseq": "g"},
        {"t": "addnode", "nodelist": "\x80 "},
        {"t": "setweight", "node": "beta", "weight": "many"},
        {"t": "query-cstatus", "dest": "alpha"},
        {"t": "respond-cstatus", "dest": "alpha"},
    ],
)
def test_authentic_nonsense_changes_nothing(alpha, beta, fields):
    alpha.receive(beta.status(WALL), 10)
    before = alpha.view()
    alpha.receive(beta.say(HaMessage.of(**fields), WALL))
    after = alpha.view()
    assert [(node.name, node.weight) for node in after.nodes] == [(node.name, node.weight) for node in before.nodes]
    assert after.node("beta").state is NodeState.ACTIVE


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"###\n", b">>>\n", b"HAX1"]))
def test_rubbish_is_survived(box, settings, data, head):
    alpha = box("alpha", settings()).start(0)
    alpha.receive(head + data, 10)
    assert _state(alpha) is NodeState.INIT


@pytest.mark.parametrize(
    ("dt", "dead_after"),
    [("1", 1_000), ("ffffffff", 120_000), ("ffffffffffffffff", 120_000), ("2710", 10_000)],
)
def test_odd_deadtimes_are_bounded(alpha, beta, dt, dead_after):
    alpha.receive(beta.status(WALL, dt=dt), 10)
    alpha.machine._core.accounted = True
    alpha.until(10 + dead_after - 1)
    assert _state(alpha) is NodeState.ACTIVE
    alpha.until(10 + dead_after)
    assert _state(alpha) is NodeState.DEAD


def test_only_listed_sources_are_heard(box, settings):
    alpha = box("alpha", settings(allow_source=("10.0.0.0/29", "fe80::/64"))).start(0)
    beta = Mouth(alpha.keys)
    alpha.receive(beta.status(WALL), 10, source="10.0.0.77")
    assert _state(alpha) is NodeState.INIT
    assert alpha.codes()[-1] == "source-refused"
    alpha.receive(beta.status(WALL), 10, source="10.0.0.2")
    assert _state(alpha) is NodeState.ACTIVE


@pytest.mark.parametrize(
    ("source", "admitted"),
    [("10.1.2.3", True), ("10.2.0.1", False), ("fe80::1%eth0", True), ("fe80:1::1", False), ("?", False), ("", False)],
)
def test_source_filter(source, admitted):
    assert SourceFilter(("10.1.0.0/16", "fe80::/64")).admits(source) is admitted
    assert SourceFilter(()).admits(source)


def test_quiet_counts_what_it_hides_and_is_bounded():
    quiet = Quiet(3)
    assert [quiet.may_say("a", 0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert quiet.summaries(59_999) == []
    assert quiet.summaries(60_000) == [("a", 2)]
    assert quiet.may_say("a", 60_000)
    allowed = [quiet.may_say(f"kind{number}", 60_000) for number in range(2 * MAX_KINDS)]
    assert sum(allowed) < MAX_KINDS


def test_the_floor_is_written_while_a_node_talks_and_at_its_death(alpha, beta):
    for second in range(40):
        alpha.until(second * 1_000 + 10)
        alpha.receive(beta.status(WALL + second))
        floor = decode_floors(alpha.disk["replay-floor"]).nodes["beta"]
        assert floor.seq >= beta.seq - 11
    alpha.receive(beta.say(HaMessage.of(t="starting"), WALL + 40))
    alpha.until(60_000)
    assert decode_floors(alpha.disk["replay-floor"]).nodes["beta"].seq == beta.seq
    assert alpha.of(CommUp)


def test_an_unreadable_floor_is_said_and_does_not_stop_the_start(box, settings):
    disk = {"replay-floor": b"hacluster-replay-floor 1\nbeta 0 0", "hb_generation": b"what?"}
    alpha = box("alpha", settings(), disk=disk).start(0)
    assert {"bad-floor", "bad-generation"} <= set(alpha.codes())
    assert alpha.sent


def test_a_late_driver_reads_what_waits_before_it_declares_anyone_dead(alpha, beta):
    alpha.machine._core.accounted = True
    alpha.receive(beta.status(WALL), 10)
    alpha.until(6_009)
    alpha.give(Tick(), 6_310)
    assert _state(alpha) is NodeState.ACTIVE
    alpha.receive(beta.status(WALL + 6), 6_320)
    alpha.until(12_000)
    assert alpha.states("beta") == ["active"]
    alpha.until(12_320)
    assert alpha.states("beta") == ["active", "dead"]


def test_what_we_stamp_never_goes_back(alpha):
    alpha.give(HostSample(START - 3_600_000, "0.10 0.20 0.30 1/100 4711"), 1_500)
    alpha.until(4_000)
    stamps = [int(m.get("ts"), 16) for _, m in alpha.messages()]
    assert stamps == sorted(stamps)


def test_the_time_in_which_we_did_not_run_is_no_silence_of_others(alpha, beta):
    alpha.machine._core.accounted = True
    alpha.receive(beta.status(WALL), 10)
    alpha.until(3_900)
    alpha.give(Tick(), 6_500)  # late by 2,500 ms, less than half the deadtime
    assert "slept" not in alpha.codes()
    alpha.until(8_509)
    assert _state(alpha) is NodeState.ACTIVE
    alpha.until(8_510)
    assert _state(alpha) is NodeState.DEAD


def test_a_host_that_comes_up_under_the_name_of_a_living_one_leaves(lan, box):
    """Both know for certain that the other lives: a seal proves that it was made now."""
    net = lan(seal=Seal.ON, seal_keys=(b"a secret for the seal",))
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(60_000)
    twin = box("alpha", net.config, 99, now=net.now, uuid=b"t" * 16)
    twin.name = "twin"
    net.boxes["twin"], net._carried["twin"] = twin, 0
    twin.start()
    net.run(10_000)
    assert [body.reason for body in twin.of(StopRequested)] == ["another host has our node name"]
    assert alpha.of(StopRequested) == []
    assert "name-twice" in alpha.codes()
    assert beta.view().node("alpha").uuid == alpha.view().node("alpha").uuid
    assert beta.of(NodeRestarted) == []
