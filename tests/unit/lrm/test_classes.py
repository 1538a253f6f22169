"""How each agent class is called, and how its answers are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.config.settings import HaclusterConfig, LsbStatus, Seal
from hacluster.lrm import heartbeat, lsb, ocf
from hacluster.lrm.classes import CLASSES
from hacluster.lrm.paths import name_fault
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.lrm import AgentClass, OcfCode, OpEnd, ResourceSpec, StartOp

HOST = Surroundings("node1", own_agents="/usr/share/hacluster/ra", extra=(("PATH", "/evil"), ("MINE", "1")))
TEXT, EXIT = HaclusterConfig(lsb_status=LsbStatus.TEXT), HaclusterConfig(lsb_status=LsbStatus.EXIT)


def op(agent_class: AgentClass, action: str, **more: object) -> StartOp:
    spec = ResourceSpec(
        "r1", agent_class, str(more.pop("provider", "")), "Thing", ("a", "b c"), (("ip", "10.0.0.1"), ("nic", "eth0"))
    )
    return StartOp(1, spec, action, **more)  # type: ignore[arg-type]


def ended(code: int, out: bytes = b"", err: bytes = b"", end: ChildEnd = ChildEnd.EXITED) -> ChildExited:
    return ChildExited(1, end, code, out, err, elapsed_ms=1500)


def test_ocf_environment_is_whole() -> None:
    call = ocf.call(
        op(AgentClass.OCF, "status", interval_ms=10, meta=(("notify-type", "pre"), ("OCF_CHECK_LEVEL", "20"))),
        3000,
        HOST,
    )
    env = dict(call.env)
    assert call.arguments == ("monitor",)
    assert env["OCF_RESKEY_ip"] == "10.0.0.1"
    assert env["OCF_RESKEY_CRM_meta_timeout"] == "3000"
    assert env["OCF_RESKEY_CRM_meta_interval"] == "10"
    assert env["OCF_RESKEY_CRM_meta_name"] == "monitor"
    assert env["OCF_RESKEY_CRM_meta_notify_type"] == "pre"
    assert env["OCF_CHECK_LEVEL"] == "20"
    assert env["OCF_RESOURCE_INSTANCE"] == "r1"
    assert (env["OCF_RA_VERSION_MAJOR"], env["OCF_RA_VERSION_MINOR"]) == ("1", "1")
    assert env["OCF_ROOT"] == "/usr/lib/ocf"
    assert env["HA_RSCTMP"] == "/run/resource-agents"
    assert env["MINE"] == "1"
    assert "sbin" in env["PATH"], "setenv cannot change what agents rely on"
    assert list(call.env) == sorted(call.env)


def test_ocf_candidates() -> None:
    known = ocf.call(op(AgentClass.OCF, "start", provider="hacluster"), 1, HOST).candidates
    assert known == (
        "/usr/lib/ocf/resource.d/hacluster/Thing",
        "/usr/share/hacluster/ra/ocf/hacluster/Thing",
    )
    unknown = ocf.call(op(AgentClass.OCF, "start"), 1, HOST).candidates
    assert unknown[0] == "/usr/lib/ocf/resource.d/heartbeat/Thing"
    assert unknown[-1] == "/usr/share/hacluster/ra/ocf/hacluster/Thing"


def test_heartbeat_arguments_come_before_the_action() -> None:
    call = heartbeat.call(op(AgentClass.HEARTBEAT, "monitor"), 1, HOST)
    assert call.arguments == ("a", "b c", "status")
    assert call.candidates == (
        "/etc/ha.d/resource.d/Thing",
        "/usr/share/hacluster/ra/heartbeat/Thing",
        "/etc/init.d/Thing",
    )
    assert dict(call.env)["HA_CURHOST"] == "node1"


def test_lsb_has_no_arguments() -> None:
    call = lsb.call(op(AgentClass.LSB, "monitor"), 1, HOST)
    assert (call.candidates, call.arguments) == (("/etc/init.d/Thing",), ("status",))


@pytest.mark.parametrize(
    ("text", "running"),
    [
        ("running", True),
        ("httpd (pid 12) is Running", True),
        ("Status: OK", True),
        ("ok", False),
        ("", False),
        ("stopped", False),
        ("not running", False),
        ("Not Running", False),
        ("NOT running", False),
        ("httpd is not currently running", False),
        ("NOT RUNNING", False),
        ("unused\nrunning", True),
        ("cannot say", False),
    ],
)
def test_the_text_of_status_decides(text: str, running: bool) -> None:
    for code in (0, 1, 3, 255):
        found = heartbeat.verdict(op(AgentClass.HEARTBEAT, "status"), ended(code, text.encode()), TEXT)
        assert found.end is OpEnd.DONE
        assert found.rc is (OcfCode.OK if running else OcfCode.NOT_RUNNING)


# What scripts print and exit with: text, exit status, what it is by the text, by the exit status, and whether the two
# contradict each other by either rule. R runs, N does not, ? cannot be told.
STATUS_TEXTS = [
    ("httpd (pid 12) is running...", 0, "R", "R", "", ""),
    ("httpd is stopped", 3, "N", "N", "", ""),
    ("No server running", 3, "R", "N", "text", "exit"),
    ("nothing is running here", 3, "R", "N", "text", "exit"),
    ("running: no", 3, "R", "N", "text", "exit"),
    ("Service is never running", 3, "R", "N", "text", "exit"),
    ("dead but pid file exists; it was running", 1, "R", "?", "text", "exit"),
    ("Checking for service: unused (no longer running)", 2, "R", "?", "text", "exit"),
    ("isn't running", 3, "R", "N", "text", "exit"),
    ("NOK: stopped", 3, "R", "N", "text", "exit"),
    ("Apache is up", 0, "N", "R", "text", ""),
    ("active (exited)", 0, "N", "R", "text", ""),
    ("", 0, "N", "R", "text", ""),
    ("", 3, "N", "N", "", ""),
    ("mysql is not running", 0, "N", "?", "text", "exit"),
    ("Server status: stopped", 0, "N", "?", "text", "exit"),
    ("INFO:  Resource is stopped", 7, "N", "N", "", ""),
    ("INFO:  Running OK", 0, "R", "R", "", ""),
    ("IPaddr 10.0.0.1: running, but it does not work", 4, "R", "?", "", ""),
    ("Usage: x {start|stop}", 1, "N", "?", "", ""),
    ("inactive", 3, "N", "N", "", ""),
    ("httpd is not running", 1, "N", "N", "", ""),
    ("dead but pid file exists", 1, "N", "N", "", ""),
    ("running (0 workers down)", 0, "R", "R", "", ""),
    ("IPaddr 10.0.0.1: there, but not as configured", 4, "N", "?", "", ""),
]


@pytest.mark.parametrize(("text", "code", "by_text", "by_exit", "noted_text", "noted_exit"), STATUS_TEXTS)
def test_what_status_says_by_either_rule(
    text: str, code: int, by_text: str, by_exit: str, noted_text: str, noted_exit: str
) -> None:
    words = {OcfCode.OK: "R", OcfCode.NOT_RUNNING: "N", OcfCode.GENERIC: "?"}
    for config, expected, noted in ((TEXT, by_text, noted_text), (EXIT, by_exit, noted_exit)):
        found = heartbeat.verdict(op(AgentClass.HEARTBEAT, "status"), ended(code, text.encode()), config)
        assert words[found.rc] == expected, config.lsb_status
        assert bool(found.note) == bool(noted), found.note
        assert not noted or f"exits with {code}" in found.note
        assert bool(found.reason) == (expected == "?")


def test_the_exit_status_decides_where_no_real_heartbeat_can_be_a_peer() -> None:
    assert HaclusterConfig().status_by_exit
    assert not HaclusterConfig(seal=Seal.OFFER).status_by_exit
    assert not HaclusterConfig(seal=Seal.OFF).status_by_exit
    assert HaclusterConfig(seal=Seal.OFF, lsb_status=LsbStatus.EXIT).status_by_exit
    assert not HaclusterConfig(lsb_status=LsbStatus.TEXT).status_by_exit


def test_heartbeat_start_has_the_last_line_as_reason() -> None:
    found = heartbeat.verdict(op(AgentClass.HEARTBEAT, "start"), ended(2, b"", b"one\nno such device\n\n"), TEXT)
    assert (found.rc, found.reason) == (OcfCode.GENERIC, "exited with 2: no such device")


@pytest.mark.parametrize(
    ("action", "code", "rc"),
    [
        ("status", 0, OcfCode.OK),
        ("status", 1, OcfCode.GENERIC),
        ("status", 2, OcfCode.GENERIC),
        ("status", 3, OcfCode.NOT_RUNNING),
        ("monitor", 4, OcfCode.GENERIC),
        ("monitor", 150, OcfCode.GENERIC),
        ("start", 0, OcfCode.OK),
        ("start", 3, OcfCode.UNIMPLEMENTED),
        ("start", 5, OcfCode.INSTALLED),
        ("stop", 7, OcfCode.NOT_RUNNING),
        ("stop", 99, OcfCode.GENERIC),
    ],
)
def test_lsb_codes(action: str, code: int, rc: OcfCode) -> None:
    found = lsb.verdict(op(AgentClass.LSB, action), ended(code), TEXT)
    assert (found.end, found.rc) == (OpEnd.DONE, rc)
    assert bool(found.reason) == (rc is not OcfCode.OK and not (action == "status" and code == 3))


def test_ocf_reason_is_the_last_marked_line() -> None:
    err = b"noise\nocf-exit-reason:first\nocf-exit-reason: disk \x1b[31mgone\nmore noise"
    found = ocf.verdict(op(AgentClass.OCF, "start"), ended(1, b"", err), TEXT)
    assert (found.rc, found.reason) == (OcfCode.GENERIC, "disk  [31mgone")


@pytest.mark.parametrize("code", [10, 124, 137, 189, 192, 255])
def test_ocf_codes_that_are_none(code: int) -> None:
    found = ocf.verdict(op(AgentClass.OCF, "monitor"), ended(code), TEXT)
    assert (found.end, found.rc) == (OpEnd.DONE, OcfCode.GENERIC)
    assert str(code) in found.reason


@pytest.mark.parametrize("agent_class", list(CLASSES))
def test_unusual_ends_are_the_same_in_all_classes(agent_class: AgentClass) -> None:
    for action in ("start", "stop", "status"):
        rules = CLASSES[agent_class]
        late = rules.verdict(op(agent_class, action), ended(0, b"running", end=ChildEnd.TIMED_OUT), TEXT)
        assert (late.end, late.rc, late.reason) == (OpEnd.TIMED_OUT, OcfCode.GENERIC, "did not finish in 1.5 s")
        shot = rules.verdict(op(agent_class, action), ended(9, b"running", end=ChildEnd.SIGNALED), TEXT)
        assert (shot.end, shot.rc, shot.reason) == (OpEnd.ERROR, OcfCode.GENERIC, "was killed by signal 9")


@given(
    st.sampled_from(list(CLASSES)),
    st.sampled_from(["start", "stop", "status"]),
    st.binary(),
    st.binary(),
    st.integers(0, 255),
)
def test_any_output_gives_a_verdict_of_one_line(
    agent_class: AgentClass, action: str, out: bytes, err: bytes, code: int
) -> None:
    found = CLASSES[agent_class].verdict(op(agent_class, action), ended(code, out, err), TEXT)
    assert found.reason.isprintable() or not found.reason
    assert len(found.reason) < 600


@pytest.mark.parametrize(
    ("type_", "provider", "arguments", "parameters"),
    [
        ("", "", (), ()),
        ("..", "", (), ()),
        ("../../bin/sh", "", (), ()),
        ("a\0b", "", (), ()),
        ("Dummy", "x/y", (), ()),
        ("Dummy", "", ("a\0b",), ()),
        ("Dummy", "", (), (("a=b", "c"),)),
        ("Dummy", "", (), (("", "c"),)),
        ("Dummy", "", (), (("a", "\0"),)),
    ],
)
def test_names_that_leave_the_agents_directories(
    type_: str, provider: str, arguments: tuple[str, ...], parameters: tuple[tuple[str, str], ...]
) -> None:
    assert name_fault(ResourceSpec("r", AgentClass.OCF, provider, type_, arguments, parameters))
    assert name_fault(ResourceSpec("r", AgentClass.OCF, "heartbeat", "Dummy")) is None
