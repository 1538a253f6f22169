"""hacluster.cf: every directive, every fault."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.report import Severity
from hacluster.config.facts import HostFacts
from hacluster.config.hacluster_cf import DIRECTIVES, parse_hacluster_cf
from hacluster.config.quorum import DIRECTIVES as QUORUM
from hacluster.config.settings import (
    HaclusterConfig,
    LsbStatus,
    OnStopFailure,
    OperationTimeout,
    PropagateCommand,
    Seal,
    SelfFencePolicy,
)

HOST = HostFacts(groups={"haclient"}, executables={"/bin/hook"}, files={"/etc/seal"})


def parse(text):
    return parse_hacluster_cf(text, "hacluster.cf", host=HOST)


SETTINGS = [
    ("seal on", {"seal": Seal.ON}),
    ("seal offer", {"seal": Seal.OFFER}),
    ("seal off", {"seal": Seal.OFF}),
    ("seal_key /etc/seal", {"seal_key": "/etc/seal"}),
    ("max_replay_skew 0", {"max_replay_skew_ms": 0}),
    ("allow_source 10.0.0.2,fe80::1 10.1.0.7/24", {"allow_source": ("10.0.0.2", "fe80::1", "10.1.0.0/24")}),
    ("start_timeout 60", {"start_timeout_ms": 60_000}),
    ("stop_timeout 60", {"stop_timeout_ms": 60_000}),
    ("status_timeout 500ms", {"status_timeout_ms": 500}),
    ("kill_after 0", {"kill_after_ms": 0}),
    (
        "timeout db start 300\ntimeout db stop 5",
        {"timeouts": (OperationTimeout("db", "start", 300_000), OperationTimeout("db", "stop", 5_000))},
    ),
    ("stop_retry_max 0", {"stop_retry_max": 0}),
    ("stop_retry_delay 2", {"stop_retry_delay_ms": 2_000}),
    ("start_failure_delay 0", {"start_failure_delay_ms": 0}),
    ("on_stop_failure reboot", {"on_stop_failure": OnStopFailure.REBOOT}),
    ("on_stop_failure ignore", {"on_stop_failure": OnStopFailure.IGNORE}),
    ("lsb_status text", {"lsb_status": LsbStatus.TEXT}),
    ("lsb_status exit", {"lsb_status": LsbStatus.EXIT}),
    ("self_fence none", {"self_fence": SelfFencePolicy.NONE}),
    ("output_limit 0", {"output_limit": 0}),
    ("log_rate_limit 5", {"log_rate_limit": 5}),
    ("run_dir /run/x", {"run_dir": "/run/x"}),
    ("state_dir /var/x", {"state_dir": "/var/x"}),
    ("cib_dir /var/cib", {"cib_dir": "/var/cib"}),
    ("socket_mode 0600", {"socket_mode": 0o600}),
    ("socket_mode 660", {"socket_mode": 0o660}),
    ("socket_group haclient", {"socket_group": "haclient"}),
    ("max_clients 3", {"max_clients": 3}),
    ("rc_d on\nhook status /bin/hook", {"rc_d": True, "hooks": (("status", "/bin/hook"),)}),
    ("hook_timeout 5", {"hook_timeout_ms": 5_000}),
    ("real_time off", {"real_time": False}),
    ("hang_timeout 5", {"hang_timeout_ms": 5_000}),
    ("hang_timeout 0", {"hang_timeout_ms": 0}),
    ("pause_notice 700ms", {"pause_notice_ms": 700}),
    ("ha_propagate_command rsync", {"propagate_command": PropagateCommand.RSYNC}),
]


@pytest.mark.parametrize(("text", "expected"), SETTINGS, ids=[text for text, _ in SETTINGS])
def test_a_setting(text, expected):
    assert parse(text) == (dataclasses.replace(HaclusterConfig(), **expected), [])


def test_every_directive_has_a_case():
    tried = {line.split()[0] for text, _ in SETTINGS for line in text.splitlines()}
    assert set(DIRECTIVES) == tried | set(QUORUM), "those of quorum have a file of their own"


def test_an_empty_file_is_the_defaults_and_they_are_safe():
    config, reports = parse("# nothing\n")
    assert (config, reports) == (HaclusterConfig(), [])
    assert config.seal is Seal.ON
    assert config.on_stop_failure is not OnStopFailure.REBOOT
    assert config.self_fence is not SelfFencePolicy.REBOOT
    assert config.socket_mode & 0o007 == 0
    assert not config.rc_d


REMARKS = [
    ("socket_mode 0666", "open-socket"),
    ("hook status /bin/hook", "hooks-off"),
    ("rc_d on", "no-hooks"),
    ("seal off\nseal_key /etc/seal", "seal-key-unused"),
]


@pytest.mark.parametrize(("text", "code"), REMARKS)
def test_remarks(text, code):
    config, reports = parse(text)
    assert config is not None
    assert [(report.severity.word, report.code) for report in reports] == [("warning", code)]


def test_a_value_that_takes_anothers_place_is_told():
    config, reports = parse("seal on\nseal offer off")
    assert config is not None
    assert config.seal is Seal.OFF
    assert [(report.place.line, report.code) for report in reports] == [(2, "given-again"), (2, "extra-values")]


FAULTS = [
    ("sael on", "unknown-directive"),
    ("keepalive 2", "unknown-directive"),
    ("seal", "no-value"),
    ("seal maybe", "bad-word"),
    ("seal_key relative", "relative-path"),
    ("seal_key /etc/nothing", "no-such-file"),
    ("max_replay_skew never", "bad-time"),
    ("allow_source host.example", "bad-address"),
    ("allow_source 10.0.0.0/33", "bad-address"),
    ("start_timeout 50ms", "time-out-of-range"),
    ("timeout db start", "missing-words"),
    ("timeout db start 5 6", "extra-words"),
    ("timeout db restart 5", "bad-word"),
    ("timeout db start soon", "bad-time"),
    ("stop_retry_max -1", "bad-number"),
    ("on_stop_failure panic", "bad-word"),
    ("self_fence maybe", "bad-word"),
    ("output_limit 999999999", "bad-number"),
    ("log_rate_limit 0", "bad-number"),
    ("hang_timeout 999ms", "too-short"),
    ("run_dir run", "relative-path"),
    ("socket_mode rw", "bad-mode"),
    ("socket_mode 0999", "bad-mode"),
    ("socket_group nobody-here", "no-such-group"),
    ("rc_d maybe", "bad-boolean"),
    ("rc_d on\nhook status", "missing-words"),
    ("rc_d on\nhook status /bin/hook x", "extra-words"),
    ("rc_d on\nhook ../x /bin/hook", "bad-word"),
    ("rc_d on\nhook status hook", "relative-path"),
    ("rc_d on\nhook status /bin/nothing", "not-executable"),
    ("rc_d on\nhook status /bin/hook\nhook status /bin/hook", "given-twice"),
    ("ha_propagate_command telnet", "bad-word"),
]


@pytest.mark.parametrize(("text", "code"), FAULTS, ids=[text for text, _ in FAULTS])
def test_faults(text, code):
    config, reports = parse(text)
    assert config is None
    errors = [report for report in reports if report.severity is Severity.ERROR]
    assert [(report.code, report.place.line) for report in errors] == [(code, len(text.splitlines()))]


def test_hints():
    assert parse("sael on")[1][0].hint == "did you mean seal?"
    assert parse("keepalive 2")[1][0].hint == "it belongs into ha.cf"


def test_timeouts_and_hooks_are_looked_up():
    config, _ = parse("stop_timeout 7\ntimeout db stop 5\ntimeout db stop 6\nrc_d on\nhook status /bin/hook")
    assert config.timeout_ms("db", "stop") == 6_000
    assert config.timeout_ms("web", "stop") == 7_000
    assert config.timeout_ms("db", "start") == HaclusterConfig().start_timeout_ms
    assert config.hook("status") == "/bin/hook"
    assert config.hook("hb_takeover") is None
    assert dataclasses.replace(config, rc_d=False).hook("status") is None


_WORDS = st.sampled_from([*sorted(DIRECTIVES), "on", "off", "/bin/hook", "10.0.0.1", "5", "start", "0660", "\n", "\n"])


@given(st.lists(st.one_of(_WORDS, st.text(max_size=6)), max_size=30).map(" ".join))
def test_no_text_makes_it_raise(text):
    config, reports = parse(text)
    assert (config is None) == any(report.severity <= Severity.ERROR for report in reports)
    assert all(str(report).isprintable() for report in reports)
