"""The hands of a cluster resource manager: contexts, journal, meta-data, classes, many operations."""

from __future__ import annotations

import errno
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.base.effects import (
    Append,
    Effect,
    Kill,
    MachineName,
    Persist,
    Reply,
    Say,
    Send,
    SetAside,
    Spawn,
    UnitJob,
)
from hacluster.base.limits import MAX_FRAME, MAX_LRM_JOURNAL, MAX_OPERATIONS, MAX_RUNNING
from hacluster.base.machine import Instant
from hacluster.client.language import codec
from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.agents import WAIT_MS
from hacluster.lrm.ledger import KEY, Ledger
from hacluster.lrm.machine import DEVICE_MS, SLOW_MS, LrmMachine
from hacluster.lrm.surroundings import Surroundings
from hacluster.lrm.traits import read_traits
from hacluster.msg.driver import (
    ChildEnd,
    ChildExited,
    HostSample,
    Peer,
    Persisted,
    PersistFailed,
    Refused,
    Request,
    RequesterGone,
    Restored,
    Tick,
    UnitDone,
    UnitEnd,
)
from hacluster.msg.lrm import (
    AgentClass,
    AgentTraits,
    CancelOp,
    OcfCode,
    OpEnd,
    OpFinished,
    OpsNoted,
    OpsQuery,
    OpsView,
    ResourceSpec,
    StartOp,
)
from hacluster.msg.stonith import DeviceOp, DeviceOpEnded
from hacluster.wire.ipc import Frame, Kind

META_DATA = b"""noise before it
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd"><resource-agent name="x"><version>1.0</version>
<longdesc>a &nbsp; broken <b>text</longdesc>
<parameters><parameter name="state" unique="1"/><parameter name="fake"/><parameter name="passwd"/></parameters>
<actions><action name="start"/><action name="Reload"/></actions></resource-agent>"""


class Desk:
    """A machine with a disk that is as fast as a test wants."""

    def __init__(self, files: dict[str, bytes] | None = None, parallel: int = 8, *, writes: bool = True) -> None:
        self.files = {} if files is None else files
        self.lrm = LrmMachine(HaclusterConfig(), Surroundings("n1"), asker=MachineName.CRMD, parallel=parallel)
        self.now, self.writes = 0, writes
        self.pending: list[Append | Persist] = []
        self.spawned: list[Spawn] = []
        self.meta_data: list[Spawn] = []
        self.units: list[UnitJob] = []
        self.said: list[Say] = []
        self.told: list[tuple[MachineName, object]] = []
        self.other: list[Effect] = []
        self.give(HostSample(1_700_000_000_000, ""))
        self.give(Restored(KEY, self.files.get(KEY)))

    def give(self, event: object, now: int | None = None) -> None:
        self.now = self.now if now is None else now
        for effect in self.lrm.step(event, Instant(self.now)):  # type: ignore[arg-type]
            match effect:
                case Append() | Persist():
                    self.pending.append(effect)
                case Spawn() if effect.argv[-1] == "meta-data":
                    self.meta_data.append(effect)
                case Spawn():
                    self.spawned.append(effect)
                case UnitJob():
                    self.units.append(effect)
                case Send():
                    self.told.append((effect.to, effect.body))
                case Say():
                    self.said.append(effect)
                case _:
                    self.other.append(effect)
        self.lrm.check()
        while self.pending and self.writes:
            self.write()

    def write(self) -> None:
        write = self.pending.pop(0)
        assert write.volatile
        before = self.files.get(KEY, b"") if isinstance(write, Append) else b""
        self.files[KEY] = before + write.data
        self.give(Persisted(write.key, write.token))

    def start(self, number: int, action: str = "start", name: str = "r", **more: object) -> None:
        kind = more.pop("kind", AgentClass.OCF)
        assert isinstance(kind, AgentClass)
        spec = ResourceSpec(name, kind, "heartbeat" if kind is AgentClass.OCF else "", "x")
        spec = replace(spec, parameters=more.pop("parameters", ()))  # type: ignore[arg-type]
        given = {"context": "c", "asker": "crmd", **more}
        self.give(StartOp(number, spec, action, 1_000, **given))  # type: ignore[arg-type]

    def end(self, code: int = 0, position: int = -1, **more: object) -> None:
        spawn = self.spawned.pop(position)
        given = {"end": ChildEnd.EXITED, "code": code, "stamp": 1, **more}
        self.give(ChildExited(spawn.child_id, **given))  # type: ignore[arg-type]

    def say_meta_data(self, text: bytes = META_DATA, code: int = 0, stamp: int = 1) -> None:
        self.give(ChildExited(self.meta_data.pop().child_id, ChildEnd.EXITED, code, text, stamp=stamp))

    def results(self) -> list[OpFinished]:
        found = [body for _, body in self.told if isinstance(body, OpFinished)]
        self.told = [entry for entry in self.told if not isinstance(entry[1], OpFinished)]
        return found

    def query(self) -> tuple[list[OpsView], list[int]]:
        self.give(OpsQuery("crmd"))
        views = [body for _, body in self.told if isinstance(body, OpsView)]
        self.told = [entry for entry in self.told if not isinstance(entry[1], OpsView)]
        return views, [entry.op_id for view in views for entry in view.pending]


# ---- meta-data


def test_traits_of_both_generations_of_agents() -> None:
    assert read_traits(META_DATA) == AgentTraits(reloads=True, restart=("state",), private=("passwd",), older=True)
    newer = META_DATA.replace(b"1.0</version>", b"1.1</version>").replace(b'"Reload"', b'"reload-agent"')
    found = read_traits(newer)
    assert found is not None
    assert found.restart == ("passwd", "fake", "state"), "all that is not called reloadable, the last one first"
    assert read_traits(b"no agent at all") is None
    assert read_traits(b"<html/>") is None
    assert read_traits(b"\xff\xfe<resource-agent") == AgentTraits(), "cut off, and still an agent"


def test_a_reload_has_the_word_that_the_agent_has_for_it() -> None:
    desk = Desk()
    desk.start(1)
    desk.say_meta_data()
    desk.end()
    desk.start(2, "reload-agent")
    assert desk.spawned[-1].argv[-1] == "reload", "the meta-data is that of OCF 1.0"
    desk.end()
    newer = Desk()
    newer.start(1)
    newer.say_meta_data(META_DATA.replace(b"1.0</version>", b"1.1</version>").replace(b'"Reload"', b'"reload-agent"'))
    newer.end()
    newer.start(2, "reload-agent")
    assert newer.spawned[-1].argv[-1] == "reload-agent"


def test_an_agent_that_is_not_known_yet_is_asked_with_the_older_word_too() -> None:
    desk = Desk()
    desk.start(1, "reload-agent")
    assert desk.spawned[-1].argv[-1] == "reload-agent"
    desk.end(3)
    assert desk.spawned[-1].argv[-1] == "reload"
    desk.end(0)
    desk.say_meta_data()
    (result,) = desk.results()
    assert (result.action, result.rc) == ("reload-agent", 0)


def test_an_agent_is_asked_once_and_its_results_say_what_it_is() -> None:
    desk = Desk()
    desk.start(1)
    assert len(desk.meta_data) == 1
    desk.end()
    assert desk.results() == [], "the record needs it"
    desk.start(2, "stop")
    desk.end()
    assert desk.results() == [], "nothing overtakes"
    desk.say_meta_data()
    first, second = desk.results()
    assert (first.op_id, second.op_id) == (1, 2)
    assert first.traits is not None
    assert first.traits.private == ("passwd",)
    assert second.traits is None, "of a stop nobody compares digests"
    desk.start(3)
    assert desk.meta_data == []


def test_an_agent_whose_file_has_changed_is_asked_again() -> None:
    desk = Desk()
    desk.start(1)
    desk.say_meta_data()
    desk.end(stamp=1)
    assert len(desk.results()) == 1
    desk.start(2)
    desk.end(stamp=2)
    assert desk.results() == []
    desk.say_meta_data(META_DATA.replace(b"Reload", b"no"), stamp=2)
    (result,) = desk.results()
    assert result.traits is not None
    assert not result.traits.reloads


def test_meta_data_that_hangs_or_is_broken_costs_digests_and_nothing_else() -> None:
    desk = Desk()
    desk.start(1)
    desk.end()
    desk.give(Tick(), WAIT_MS)
    (result,) = desk.results()
    assert (result.rc, result.traits) == (OcfCode.OK, None)
    desk.say_meta_data(b"<oops")
    assert [say.code for say in desk.said] == ["no-meta-data"]
    desk.start(2)
    desk.end()
    assert len(desk.results()) == 1


# ---- nothing is lost


def test_a_result_is_written_before_it_is_told() -> None:
    desk = Desk(writes=False)
    desk.start(1, "stop")
    desk.end()
    assert desk.results() == []
    while desk.pending:
        desk.write()
    assert [result.serial for result in desk.results()] == [1]


def test_a_disk_that_hangs_or_fails_does_not_keep_results_for_ever() -> None:
    desk = Desk(writes=False)
    desk.start(1, "stop")
    desk.end()
    desk.give(Tick(), 1_000)
    assert len(desk.results()) == 1
    desk.pending.clear()
    desk.give(PersistFailed(KEY, 2, "no space"))
    assert desk.said[-1].code == "journal-failed"


def test_hands_that_begin_anew_do_again_what_has_no_result_and_nothing_else() -> None:
    desk = Desk()
    desk.start(1, "stop", "done")
    desk.end()
    desk.start(2, "stop", "running")
    desk.start(3, "start", "running")
    desk.start(4, "migrate_to", "moving")
    desk.start(5, "monitor", "seen", interval_ms=10_000)
    desk.end()
    desk.say_meta_data()
    new = Desk(desk.files)
    assert sorted((s.argv[-1], dict(s.env)["OCF_RESOURCE_INSTANCE"]) for s in new.spawned) == [
        ("monitor", "seen"),
        ("stop", "running"),
    ]
    (lost,) = new.results()
    assert (lost.op_id, lost.end) == (4, OpEnd.ERROR)
    views, pending = new.query()
    assert sorted(pending) == [2, 3, 5]
    assert [result.op_id for view in views for result in view.last] == [1, 5, 4]
    assert all(entry.context == "c" for view in views for entry in view.pending)


def test_what_was_noted_is_told_to_nobody_again_and_notes_come_back() -> None:
    desk = Desk()
    desk.start(1, "stop")
    desk.end()
    (result,) = desk.results()
    desk.give(OpsNoted(result.serial, (("a", "1"), ("b", "2")), "crmd"))
    desk.give(OpsNoted(result.serial, (("a", None),), "crmd"))
    for again in (desk, Desk(desk.files)):
        views, pending = again.query()
        assert pending == []
        assert [view.notes for view in views] == [(("b", "2"),)]
        assert [view.last for view in views] == [()]
    new = Desk(desk.files)
    new.start(2, "stop")
    new.end()
    assert [found.serial for found in new.results()] == [2], "numbers go on"


def test_a_recurring_answer_that_was_told_is_no_news_to_the_next_life() -> None:
    desk = Desk()
    desk.start(1, "monitor", interval_ms=5_000)
    desk.say_meta_data()
    desk.end(7)
    (told,) = desk.results()
    desk.give(OpsNoted(told.serial, (), "crmd"))
    new = Desk(desk.files)
    new.say_meta_data()
    new.end(7)
    assert new.results() == []
    new.give(Tick(), 5_000)
    new.end(0)
    assert [result.rc for result in new.results()] == [OcfCode.OK]


def test_a_torn_line_was_never_told_and_a_damaged_journal_is_set_aside() -> None:
    desk = Desk()
    desk.start(1, "stop")
    torn = {KEY: desk.files[KEY] + b'["half'}
    new = Desk(torn)
    assert [spawn.argv[-1] for spawn in new.spawned] == ["stop"]
    new.end()
    assert Ledger.read(torn[KEY])[1] == "", "what follows does not stick to the torn end"
    damaged = Desk({KEY: b"noise\n" + desk.files[KEY]})
    assert damaged.spawned == []
    assert damaged.other == [SetAside(KEY, volatile=True)]
    assert damaged.said[-1].code == "journal-damaged"


def test_the_journal_is_written_anew_when_it_is_mostly_history() -> None:
    desk = Desk()
    for number in range(1, 2_500):
        desk.start(number, "stop", context="c" * 900)
        desk.end()
        desk.give(OpsNoted(number, (("history r", "h" * 500),), "crmd"))
    assert len(desk.files[KEY]) < MAX_LRM_JOURNAL
    views, pending = Desk(desk.files).query()
    assert (pending, len(views), views[0].notes) == ([], 1, (("history r", "h" * 500),))


def test_views_come_in_pieces_that_fit_into_a_frame() -> None:
    desk = Desk(parallel=1)
    desk.writes = False
    for number in range(1, MAX_OPERATIONS + 1):
        desk.lrm.step(
            StartOp(
                number,
                ResourceSpec(f"r{number}", AgentClass.OCF, "heartbeat", "x"),
                "stop",
                context="k" * 2_000,
                asker="crmd",
            ),
            Instant(0),
        )
    desk.pending.clear()
    for effect in desk.lrm.step(OpsQuery("crmd"), Instant(2_000)):
        if isinstance(effect, Send):
            desk.told.append((effect.to, effect.body))
    views = [body for _, body in desk.told if isinstance(body, OpsView)]
    assert len(views) > 5
    assert [view.more for view in views] == [True] * (len(views) - 1) + [False]
    assert sum(len(view.pending) for view in views) == MAX_OPERATIONS
    frames = [codec().encode(Frame(Kind.SEND, view)) for view in views]
    assert max(len(frame) for frame in frames) < MAX_FRAME


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.sampled_from(["start", "stop", "monitor"]), st.sampled_from("ab")),
        st.tuples(st.just("recur"), st.just("monitor"), st.sampled_from("ab")),
        st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from([0, 1, 7])),
        st.tuples(st.just("cancel"), st.integers(1, 12), st.booleans()),
        st.tuples(st.just("note"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("write"), st.just(0), st.just(0)),
        st.tuples(st.just("die"), st.integers(0, 3), st.integers(0, 200)),
    ),
    max_size=50,
)


@settings(max_examples=120, deadline=None)
@given(EVENTS)
def test_whenever_the_hands_die_each_operation_has_exactly_one_result(script: list[tuple[str, object, object]]) -> None:
    """Results by their number, as an asker sees them who notes some of them: none twice, none missing in the end."""
    desk, serial, known = Desk(writes=False), 0, {}
    asked: dict[int, bool] = {}
    noted = 0

    def collect() -> None:
        for result in desk.results():
            if not result.serial:
                continue
            assert known.setdefault(result.serial, result.op_id) == result.op_id, "a number means one result"

    for kind, what, more in script:
        if kind in ("start", "recur"):
            serial += 1
            asked[serial] = kind == "recur"
            desk.start(serial, str(what), str(more), interval_ms=500 if kind == "recur" else 0)
        elif kind == "end" and desk.spawned:
            desk.end(int(more), int(what) % len(desk.spawned))  # type: ignore[call-overload]
        elif kind == "cancel":
            desk.give(CancelOp(int(what), bool(more), "crmd"))  # type: ignore[call-overload]
        elif kind == "note" and known:
            noted = max(noted, max(known) - int(what))  # type: ignore[call-overload]
            desk.give(OpsNoted(noted, (), "crmd"))
        elif kind == "write" and desk.pending:
            desk.write()
        elif kind == "die":
            collect()
            files = dict(desk.files)
            for write in desk.pending[: int(what)]:  # type: ignore[call-overload]
                files[KEY] = (files.get(KEY, b"") if isinstance(write, Append) else b"") + write.data
            rest = desk.pending[int(what) :]  # type: ignore[call-overload]
            if rest and isinstance(rest[0], Append):
                files[KEY] = files.get(KEY, b"") + rest[0].data[: min(int(more), len(rest[0].data) - 1)]  # type: ignore[call-overload]
            desk = Desk(files, writes=False)
            views, pending = desk.query()
            while desk.pending:
                desk.write()
            views, pending = desk.query()
            for view in views:
                for result in view.last:
                    assert known.setdefault(result.serial, result.op_id) == result.op_id
            alive = set(pending) | set(known.values())
            for lost in [number for number in asked if number not in alive]:
                desk.start(lost, "stop", "a")  # the asker asks again what they do not know
                asked[lost] = False
        collect()
    desk.writes = True
    while desk.pending:
        desk.write()
    for number in asked:
        desk.give(CancelOp(number, kill=True, asker="crmd"))
    for _ in range(200):
        if desk.meta_data:
            desk.say_meta_data()
        if desk.spawned:
            desk.end()
    collect()
    assert set(asked) <= set(known.values())
    for number, recurs in asked.items():
        if not recurs:
            assert list(known.values()).count(number) == 1


# ---- times and several askers


def test_times_are_those_of_the_run_and_of_the_change() -> None:
    desk = Desk(parallel=1)
    desk.start(1, "stop", "a")
    desk.start(2, "stop", "b")
    desk.now = 3_400
    desk.end(position=0)
    desk.now = 4_500
    desk.end()
    first, second = desk.results()
    assert (first.queued_ms, first.elapsed_ms, first.began_s, first.changed_s) == (
        0,
        3_400,
        1_700_000_000,
        1_700_000_003,
    )
    assert (second.queued_ms, second.elapsed_ms, second.began_s) == (3_400, 1_100, 1_700_000_003)


def test_two_machines_and_a_client_ask_at_once() -> None:
    desk = Desk()
    desk.start(1, "stop", "a")
    desk.start(1, "stop", "b", asker="stonith")
    body = StartOp(1, ResourceSpec("c", AgentClass.OCF, "heartbeat", "x"), "validate-all", 1_000)
    desk.give(Request(77, Peer("tool", 0, 0, 1), body))
    desk.give(Request(78, Peer("tool", 33, 33, 1), body))
    while desk.spawned:
        desk.end()
    assert sorted(str(to) for to, body in desk.told if isinstance(body, OpFinished)) == ["crmd", "stonith"]
    refused, reply = desk.other
    assert isinstance(refused, Reply)
    assert isinstance(refused.body, Refused), "agents run as root"
    assert isinstance(reply, Reply)
    assert (reply.request_id, reply.body.rc) == (77, OcfCode.OK)
    desk.give(Request(79, Peer("tool", 0, 0, 1), body))
    desk.give(RequesterGone(79))
    assert isinstance(desk.other[-1], Kill)


def test_a_first_run_that_is_put_off() -> None:
    desk = Desk()
    desk.start(1, "monitor", interval_ms=10_000, start_delay_ms=3_000)
    assert desk.spawned == []
    assert desk.lrm.deadline() == 3_000
    desk.give(Tick(), 3_000)
    assert len(desk.spawned) == 1
    desk.start(2, "monitor", "b", interval_ms=10_000, start_delay_ms=3_000)
    desk.give(CancelOp(2, asker="crmd"))
    assert [result.end for result in desk.results()] == [OpEnd.CANCELLED]


# ---- classes


def test_service_is_an_init_script_or_else_a_unit() -> None:
    desk = Desk()
    desk.start(1, "start", kind=AgentClass.SERVICE)
    assert desk.spawned[0].argv == ("/etc/init.d/x", "start")
    desk.end(errno.ENOENT, end=ChildEnd.NOT_STARTED)
    (job,) = desk.units
    assert job.unit == "x.service"
    desk.give(UnitDone(job.child_id, UnitEnd.DONE, "active", "loaded"))
    assert [result.rc for result in desk.results()] == [OcfCode.OK]


def test_a_unit_that_is_not_waited_for_any_more() -> None:
    desk = Desk()
    desk.start(1, "start", kind=AgentClass.SYSTEMD)
    desk.give(CancelOp(1, kill=True, asker="crmd"))
    assert [effect for effect in desk.other if isinstance(effect, Kill)]
    desk.give(UnitDone(desk.units[0].child_id, UnitEnd.CANCELLED))
    assert [result.end for result in desk.results()] == [OpEnd.CANCELLED]


def test_a_device_is_the_fencers_and_a_silent_fencer_is_waited_for_for_a_time() -> None:
    desk = Desk()
    desk.start(1, "start", kind=AgentClass.STONITH, parameters=(("pcmk_host_list", "a"), ("crm_feature_set", "1")))
    ((to, op),) = desk.told
    assert isinstance(op, DeviceOp)
    assert (to, op.device.parameters) == (MachineName.STONITH, (("pcmk_host_list", "a"),))
    desk.give(DeviceOpEnded(op.child_id, 0))
    assert [result.rc for result in desk.results()] == [OcfCode.OK]
    desk.start(2, "monitor", kind=AgentClass.STONITH)
    desk.give(Tick(), 1_000 + DEVICE_MS)
    assert [result.end for result in desk.results()] == [OpEnd.TIMED_OUT]


def test_a_plugin_of_nagios_only_looks() -> None:
    desk = Desk()
    parameters = (("hostname", "h"),)
    desk.start(1, "monitor", kind=AgentClass.NAGIOS, parameters=parameters)
    assert desk.spawned[0].argv == ("/bin/true",)
    desk.end()
    desk.start(2, "start", kind=AgentClass.NAGIOS, parameters=parameters)
    desk.end()
    desk.start(3, "monitor", kind=AgentClass.NAGIOS, parameters=parameters, interval_ms=1_000)
    assert desk.spawned[0].argv == ("/usr/lib/nagios/plugins/x", "--hostname", "h")
    desk.end(2, stdout=b"CRITICAL - refused\n")
    codes = [(result.rc, result.reason) for result in desk.results()]
    assert codes == [(OcfCode.NOT_RUNNING, ""), (OcfCode.OK, ""), (OcfCode.GENERIC, "CRITICAL - refused")]


def test_secret_parameters_are_read_when_an_agent_is_run_and_a_stop_goes_without() -> None:
    desk = Desk()
    secret = (("passwd", "lrm://"),)
    desk.start(1, "start", "db:0", parameters=secret)
    assert desk.spawned[0].secrets == (("OCF_RESKEY_passwd", "/var/lib/pacemaker/lrm/secrets/db/passwd"),)
    desk.end(errno.EBADMSG, end=ChildEnd.NOT_STARTED, stderr=b"No such file: /x\n")
    desk.say_meta_data()
    (result,) = desk.results()
    assert (result.end, result.rc) == (OpEnd.ERROR, OcfCode.CONFIGURED)
    desk.start(2, "stop", "db:0", parameters=secret)
    desk.end(errno.EBADMSG, end=ChildEnd.NOT_STARTED)
    assert desk.spawned[0].secrets == ()


# ---- many


def test_programs_that_only_wait_do_not_keep_others_from_their_turn() -> None:
    desk = Desk(parallel=2)
    for number in range(1, 5):
        desk.start(number, "stop", f"r{number}")
    assert len(desk.spawned) == 2
    assert desk.lrm.deadline() == SLOW_MS
    desk.give(Tick(), SLOW_MS)
    assert len(desk.spawned) == 4
    for number in range(5, 400):
        desk.start(number, "stop", f"r{number}")
        desk.give(Tick(), desk.now + SLOW_MS)
    assert len(desk.spawned) == MAX_RUNNING


@pytest.mark.slow
def test_four_thousand_operations_cost_no_scans() -> None:
    """Twice as many take about twice as long."""

    def run(count: int) -> float:
        lrm = LrmMachine(HaclusterConfig(), Surroundings("n1"), asker=MachineName.CRMD)
        began, running = time.process_time(), []
        for number in range(count):
            spec = ResourceSpec(f"r{number}", AgentClass.OCF, "heartbeat", "x")
            effects = lrm.step(StartOp(number, spec, "stop", 1_000), Instant(0))
            running += [effect for effect in effects if isinstance(effect, Spawn)]
        while running:
            effects = lrm.step(ChildExited(running.pop().child_id, ChildEnd.EXITED, 0), Instant(1))
            running += [effect for effect in effects if isinstance(effect, Spawn)]
        return time.process_time() - began

    run(256)
    small, large = min(run(1_024) for _ in range(3)), min(run(4_096) for _ in range(3))
    assert large < 8 * small, (small, large)
