"""Records of operations: word for word what Pacemaker 2.1.5 wrote for the same agent, parameters and results."""

from __future__ import annotations

from dataclasses import replace

from hacluster.base.members import ViewId
from hacluster.cib.change import OperationRecorded, ResourceForgotten
from hacluster.crmd.local import Local
from hacluster.lrm.traits import read_traits
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.lrm import AgentTraits, CancelOp, OcfCode, OpEnd, OpFinished, OpsNoted, OpsView, OpView, StartOp
from hacluster.msg.record import Outcome, is_failure, operation_records
from hacluster.msg.transition import Task, TaskKind

VIEW = ViewId(1, "a", 1, 1)
META_DATA = b"""<?xml version="1.0"?><resource-agent name="envd" version="1.0"><version>1.1</version>
<parameters><parameter name="alpha" unique="1"/><parameter name="beta" reloadable="1"/><parameter name="passwd"/>
<parameter name="zeta"/></parameters><actions><action name="start"/><action name="reload-agent"/></actions>
</resource-agent>"""
OWN = (("alpha", "a1"), ("beta", "b2"), ("passwd", "geheim"), ("crm_feature_set", "3.16.1"))


def task(operation: str, interval: int = 0, *own: tuple[str, str], rc: int = 0, **meta: str) -> Task:
    words = {f"CRM_meta_{name}": value for name, value in meta.items()}
    if interval:
        words["CRM_meta_interval"] = str(interval)
    words["CRM_meta_op_target_rc"] = str(rc)
    attributes = (*own, *words.items())
    key = f"r1_{operation}_{interval}"
    return Task(1, TaskKind.RESOURCE, operation, key, "n1", "r1", "ocf", "lab", "envd", attributes)


def traits() -> AgentTraits:
    found = read_traits(META_DATA)
    assert found is not None
    return found


def result(number: int, operation: Task, rc: int = 0, **more: object) -> OpFinished:
    given = {"end": OpEnd.DONE, "serial": number, **more}
    return OpFinished(
        number,
        "r1",
        operation.operation,
        rc=OcfCode(rc),
        interval_ms=operation.interval_ms,
        **given,  # type: ignore[arg-type]
    )


def known() -> Local:
    local = Local("n1")
    assert local.take_up(OpsView((), ())) == ([], [])
    return local


def start(local: Local, operation: Task) -> StartOp:
    asks, _ = local.start(operation, f"{local.serial + 1}:1:{operation.target_rc}:uuid", VIEW, 100)
    found = asks[-1]
    assert isinstance(found, StartOp)
    return found


def test_a_start_is_recorded_as_pacemaker_did() -> None:
    outcome = Outcome(0, 0, 404, began_s=1795883536, changed_s=1795883536, exec_ms=9, traits=traits())
    (words,) = operation_records(task("start", 0, *OWN, timeout="21000"), "5:172:0:u", outcome)
    assert dict(words) == {
        "id": "r1_last_0",
        "operation_key": "r1_start_0",
        "operation": "start",
        "crm_feature_set": "3.16.1",
        "transition-key": "5:172:0:u",
        "transition-magic": "0:0;5:172:0:u",
        "exit-reason": "",
        "on_node": "n1",
        "call-id": "404",
        "rc-code": "0",
        "op-status": "0",
        "interval": "0",
        "last-rc-change": "1795883536",
        "exec-time": "9",
        "queue-time": "0",
        "op-digest": "f604343cd9248e3a25affbd1ca8abae5",
        "op-force-restart": "  zeta passwd alpha  ",
        "op-restart-digest": "15bcbe28dcc950b985d5d6d211271c82",
        "op-secure-params": "  passwd  ",
        "op-secure-digest": "0c4d7388988bcdf921e30b9e04c8d4d3",
    }


def test_a_recurring_operation_is_recorded_as_pacemaker_did() -> None:
    own = (*OWN, ("trace", "x"), ("OCF_CHECK_LEVEL", "10"))
    outcome = Outcome(0, 0, 405, began_s=1, changed_s=1795883536, exec_ms=14, traits=traits())
    (words,) = operation_records(task("monitor", 5000, *own, timeout="11000"), "3:172:0:u", outcome)
    found = dict(words)
    assert (found["id"], found["last-rc-change"]) == ("r1_monitor_5000", "1795883536")
    assert found["op-digest"] == "a6cb612b132f2a706a26053c9de5a95b"
    assert found["op-secure-digest"] == "63cb3936bd05628740695e70493a4594"
    assert "op-restart-digest" not in found


def test_what_fails_is_kept_as_the_last_failure_too_and_a_failing_monitor_leaves_its_last_good_result() -> None:
    bad = Outcome(1, 0, 7, "it is broken", 5, 5)
    once = operation_records(task("start"), "k", bad)
    assert [dict(words)["id"] for words in once] == ["r1_last_failure_0", "r1_last_0"]
    (again,) = operation_records(task("monitor", 5000), "k", bad)
    assert (dict(again)["id"], dict(again)["exit-reason"]) == ("r1_last_failure_0", "it is broken")


def test_reloads_migrations_and_degraded_services() -> None:
    fine, bad = Outcome(0, 0, 7, began_s=5), Outcome(1, 0, 7, began_s=5)
    assert dict(operation_records(task("reload-agent"), "k", fine)[0])["operation_key"] == "r1_start_0"
    timed_out = Outcome(1, 2, 7, began_s=5)
    assert dict(operation_records(task("reload"), "k", timed_out)[0])["operation"] == "monitor"
    move = task("migrate_to", migrate_source="n1", migrate_target="n2")
    (words,) = operation_records(move, "k", bad)
    found = dict(words)
    assert (found["id"], found["migrate_source"], found["migrate_target"]) == ("r1_migrate_to_0", "n1", "n2")
    assert not is_failure(task("monitor", 5000), Outcome(190))
    assert not is_failure(task("monitor", 5000, rc=8), Outcome(191))
    assert is_failure(task("monitor", 5000, rc=8), Outcome(190))
    assert not is_failure(task("monitor", rc=7), Outcome(0)), "a probe may find anything"
    assert is_failure(task("monitor", rc=7), Outcome(5))


def test_the_hands_get_the_names_that_agents_know() -> None:
    operation = task("monitor", 5000, *OWN, ("OCF_CHECK_LEVEL", "10"), timeout="11000", start_delay="300")
    asked = start(known(), operation)
    assert dict(asked.meta) == {"timeout": "11000", "start_delay": "300", "interval": "5000", "op_target_rc": "0"}
    assert dict(asked.resource.parameters)["OCF_CHECK_LEVEL"] == "10"
    assert (asked.timeout_ms, asked.interval_ms, asked.start_delay_ms) == (11_000, 5_000, 300)


def test_failures_count_with_their_time_and_a_start_is_fatal_unless_the_cluster_says_otherwise() -> None:
    local = known()
    start(local, task("start"))
    _, changes = local.finished(result(1, task("start"), 1, changed_s=55), 60)
    pairs = {change.name: change.value for change in changes if isinstance(change, UpdateAttribute)}
    assert pairs == {"last-failure-r1#start_0": "55", "fail-count-r1#start_0": "INFINITY"}
    start(local, task("migrate_to"))
    _, changes = local.finished(result(2, task("migrate_to"), 1), 60)
    assert not [change for change in changes if isinstance(change, UpdateAttribute)]
    gentle = replace(task("start"), fail_value="1")
    start(local, gentle)
    _, changes = local.finished(result(3, gentle, 1), 60)
    assert UpdateAttribute("fail-count-r1#start_0", "value++") in changes


def test_somebody_says_that_a_resource_failed() -> None:
    local = known()
    changes = local.fail("ocf", "lab", "envd", "r1", 77)
    records = [change for change in changes if isinstance(change, OperationRecorded)]
    found = dict(records[0].operation)
    assert (found["id"], found["operation_key"], found["exit-reason"]) == (
        "r1_last_failure_0",
        "r1_asyncmon_0",
        "Simulated failure",
    )
    assert found["transition-key"] == "1:-1:0:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
    assert UpdateAttribute("fail-count-r1#asyncmon_0", "value++") in changes


def test_a_recurring_operation_takes_the_place_of_the_one_before() -> None:
    local = known()
    first = start(local, task("monitor", 5000))
    asks, _ = local.start(task("monitor", 5000), "9:2:0:uuid", VIEW, 100)
    assert asks[0] == CancelOp(first.op_id, asker="crmd")
    assert local.finished(result(1, task("monitor", 5000)), 100) == (None, []), "of the one that is gone"


def test_a_stop_ends_the_records_of_what_recurs() -> None:
    local = known()
    start(local, task("monitor", 5000))
    local.finished(result(1, task("monitor", 5000)), 100)
    start(local, task("stop"))
    _, changes = local.finished(result(2, task("stop")), 100)
    assert ResourceForgotten("n1", "r1", "r1_monitor_5000") in changes


# ---- surviving


def notes_of(local: Local) -> OpsNoted:
    noted = local.notes()
    assert noted is not None
    return noted


def test_a_brain_that_begins_anew_has_its_history_back_and_works_off_what_it_had_not_noted() -> None:
    local = known()
    began = start(local, task("start"))
    local.finished(result(1, task("start")), 100)
    noted = notes_of(local)
    monitor = start(local, task("monitor", 5000))
    failing = start(local, task("promote"))
    lost = result(failing.op_id, task("promote"), 1, serial=2, context=failing.context, changed_s=9)
    del began

    new = Local("n1")
    assert new.notes() is None, "nothing is noted before it is known what there was"
    assert new.finished(lost, 100) == (None, [])
    pending = (OpView(monitor.op_id, "r1", "monitor", running=False, context=monitor.context),)
    notes = tuple((name, value) for name, value in noted.notes if value is not None)
    assert new.take_up(OpsView((), (), notes, more=True)) is None
    taken = new.take_up(OpsView(pending, (lost,)))
    assert taken == ([], [lost])
    asked, changes = new.finished(lost, 100)
    assert asked is not None
    assert asked.transition_key == "3:1:0:uuid"
    assert len([change for change in changes if isinstance(change, OperationRecorded)]) == 2
    assert set(new.history["r1"]) == {"r1_last_0", "r1_last_failure_0"}
    assert UpdateAttribute("fail-count-r1#promote_0", "value++") in changes
    assert new.serial == failing.op_id, "numbers are never given twice"
    assert notes_of(new).serial == 2
    assert new.finished(lost, 100) == (None, []), "and no result counts twice"


def test_hands_that_lost_everything_are_told_everything() -> None:
    local = known()
    start(local, task("start"))
    local.finished(result(1, task("start")), 100)
    monitor = start(local, task("monitor", 5000))
    notes_of(local)
    local.unknown = True
    assert local.take_up(OpsView((), ())) == ([monitor], [])
    assert [name for name, _ in notes_of(local).notes] == ["spec r1", "history r1 r1_last_0"]
    asked, _ = local.finished(result(monitor.op_id, task("monitor", 5000), serial=1), 100)
    assert asked is not None


def test_a_record_of_what_never_came_to_the_hands_goes() -> None:
    local = known()
    start(local, task("start"))
    noted = notes_of(local)
    new = Local("n1")
    new.take_up(OpsView((), (), tuple((name, value) for name, value in noted.notes if value is not None)))
    assert new.history["r1"] == {}


def test_a_script_of_heartbeats_class_has_its_arguments_by_their_places() -> None:
    words = tuple((str(place), f"w{place}") for place in range(1, 12))
    heartbeat = replace(task("start", 0, *words), standard="heartbeat", provider="")
    assert start(known(), heartbeat).resource.arguments == tuple(f"w{place}" for place in range(1, 12))
    assert start(known(), task("start", 0, ("1", "x"))).resource.arguments == ()
