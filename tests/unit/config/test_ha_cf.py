"""ha.cf: one case a directive, one a fault; what Heartbeat 3.0.6 accepts is accepted."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.report import Severity
from hacluster.config.facts import HostFacts, InterfaceFacts
from hacluster.config.findings import MAX_REPORTS
from hacluster.config.ha_cf import DIRECTIVES, default_initdead_ms, parse_ha_cf
from hacluster.config.media import described
from hacluster.config.settings import (
    BUILTIN_APIAUTH,
    ApiAuth,
    AutoFailback,
    Bcast,
    Client,
    GenerationMethod,
    HaConfig,
    Mcast,
    Mcast6,
    MessageFormat,
    PacemakerMode,
    Ping,
    Ping6,
    PingGroup,
    StonithDevice,
    StonithHost,
    Ucast,
    Ucast6,
    UuidFrom,
)

BASE = "node alpha beta\nbcast eth0\nauto_failback on\n"
HOST = HostFacts(
    node_name="Alpha",
    interfaces={
        "lo": InterfaceFacts(None, False),
        "eth0": InterfaceFacts("10.0.0.255"),
        "eth1": InterfaceFacts("10.1.0.255"),
        "ppp0": InterfaceFacts(None, False),
    },
    users={"root", "hacluster"},
    groups={"root", "haclient"},
    executables={"/bin/sleep"},
    files={"/dev/watchdog", "/etc/rps.cfg"},
)


def whole(line):
    """A file with the line, on line 4."""
    return (BASE.replace("auto_failback on", "") if line.startswith("auto_failback") else BASE) + line


def parse(text, host=HOST):
    return parse_ha_cf(text, "ha.cf", host=host)


def findings(text, host=HOST):
    """(line, severity, code) of everything found."""
    return [(report.place.line, report.severity.word, report.code) for report in parse(text, host)[1]]


def test_a_plain_file():
    config, reports = parse(BASE)
    assert reports == []
    assert config == HaConfig(
        nodes=("alpha", "beta"),
        media=(Bcast("eth0", 694),),
        auto_failback=AutoFailback.ON,
        configured=(("node", "alpha"), ("node", "beta"), ("bcast", "eth0"), ("auto_failback", "on")),
    )


SETTINGS = [
    ("node Gamma", {"nodes": ("alpha", "beta", "gamma")}),
    ("keepalive 200ms", {"keepalive_ms": 200}),
    ("deadtime 10", {"deadtime_ms": 10_000, "warntime_ms": 5_000, "deadping_ms": 10_000, "initdead_ms": 20_000}),
    ("deadtime 5", {"initdead_ms": 12_000}),
    ("deadtime 11", {"initdead_ms": 11_000}),
    ("warntime 4.5", {"warntime_ms": 4_500}),
    ("initdead 120", {"initdead_ms": 120_000}),
    ("deadping 40", {"deadping_ms": 40_000}),
    ("hopfudge 3", {"hopfudge": 3, "ttl": 5}),
    ("hbgenmethod time", {"generation_method": GenerationMethod.TIME}),
    ("uuidfrom nodename", {"uuid_from": UuidFrom.NODENAME}),
    ("autojoin none", {}),
    ("cluster b", {"cluster": "b"}),
    ("max_rexmit_delay 100", {"max_rexmit_delay_ms": 100}),
    ("max_rexmit_delay 10ms", {"max_rexmit_delay_ms": 10}),
    ("bcast eth1", {"media": (Bcast("eth0", 694), Bcast("eth1", 694)), "links": ("eth0", "eth1")}),
    ("mcast eth0 225.0.0.1 695 1 0", {"media": (Bcast("eth0", 694), Mcast("eth0", "225.0.0.1", 695, 1, False))}),
    ("mcast6 eth1 ff02::694 694 4 1", {"media": (Bcast("eth0", 694), Mcast6("eth1", "ff02::694", 694, 4, True))}),
    ("ucast eth0 10.0.0.2", {"media": (Bcast("eth0", 694), Ucast("eth0", "10.0.0.2", 694)), "links": ("eth0",)}),
    ("ucast eth0 beta.example", {"media": (Bcast("eth0", 694), Ucast("eth0", "beta.example", 694))}),
    ("ucast6 eth0 fe80::2", {"media": (Bcast("eth0", 694), Ucast6("eth0", "fe80::2", 694))}),
    ("ping 10.0.0.254 gw", {"ping_nodes": ("10.0.0.254", "gw"), "ttl": 5, "links": ("eth0",)}),
    ("ping gw", {"media": (Bcast("eth0", 694), Ping("gw"))}),
    ("ping6 fe80::1", {"media": (Bcast("eth0", 694), Ping6("fe80::1"))}),
    ("ping_group gws a b", {"media": (Bcast("eth0", 694), PingGroup("gws", ("a", "b"))), "ping_nodes": ("gws",)}),
    ("auto_failback OFF", {"auto_failback": AutoFailback.OFF}),
    ("auto_failback y", {"auto_failback": AutoFailback.ON}),
    ("watchdog /dev/watchdog", {"watchdog": "/dev/watchdog"}),
    ("pacemaker off", {"pacemaker": PacemakerMode.OFF}),
    ("crm no", {"pacemaker": PacemakerMode.OFF}),
    ("respawn root /bin/sleep 5,6", {"clients": (Client("root", ("/bin/sleep", "5,6"), False, 4),)}),
    ("respawn hacluster /usr/lib/heartbeat/ipfail", {"uses_ipfail": True}),
    ("failfast root /bin/sleep 5", {"clients": (Client("root", ("/bin/sleep", "5"), True, 4),)}),
    (
        "apiauth x uid=root,hacluster gid=0",
        {"apiauth": (*BUILTIN_APIAUTH, ApiAuth("x", ("root", "hacluster"), ("0",)))},
    ),
    ("apiauth ipfail uid=root", {"apiauth": (ApiAuth("ipfail", ("root",), ()), *BUILTIN_APIAUTH[1:])}),
    ("apiauth default uid=root", {"apiauth": (*BUILTIN_APIAUTH, ApiAuth("default", ("root",), ()))}),
    ("env A=1 B=x=y", {"env": (("A", "1"), ("B", "x=y"))}),
    ("use_apphbd no", {}),
    ("syslogmsgfmt off", {"log.syslog_format": False}),
    ("log_badpack off", {"log.log_badpack": False}),
    ("logfile /var/log/ha-log", {"log.logfile": "/var/log/ha-log"}),
    ("debugfile /var/log/ha-debug", {"log.debugfile": "/var/log/ha-debug"}),
    ("logfacility local0", {"log.facility": "local0", "log.facility_given": True}),
    ("logfacility none", {"log.facility": None, "log.facility_given": True}),
    ("debug 255", {"log.debug": 255}),
    ("msgfmt netstring", {"msgfmt": MessageFormat.NETSTRING}),
    ("realtime off", {"realtime": False}),
    ("rtprio 5", {"rtprio": 5}),
]


@pytest.mark.parametrize(("line", "expected"), SETTINGS, ids=[line for line, _ in SETTINGS])
def test_a_setting(line, expected):
    config, reports = parse(whole(line))
    assert reports == []
    for path, value in expected.items():
        found = config
        for name in path.split("."):
            found = getattr(found, name)
        assert found == value, path


ACCEPTED = [
    ("udpport 7000", "warning", "udpport-after-media"),
    ("deadping 40\nping gw\ndeadping 50", "warning", "deadping-after-ping"),
    ("udp eth1", "warning", "old-directive"),
    ("nice_failback on", "warning", "old-directive"),
    ("auto_failback legacy", "warning", "legacy-failback"),
    ("serial /dev/ttyS0", "warning", "unsupported-medium"),
    ("baud 19200", "notice", "no-effect"),
    ("quorum_server x", "warning", "no-effect"),
    ("crm_daemon_dir /usr/lib", "notice", "no-effect"),
    ("crmd_spawns_pengine on", "notice", "no-effect"),
    ("record_config_changes on", "notice", "no-effect"),
    ("record_pengine_inputs on", "notice", "no-effect"),
    ("enable_config_writes off", "notice", "no-effect"),
    ("use_apphbd yes", "warning", "no-effect"),
    ("use_logd yes", "notice", "no-effect"),
    ("compression bz2", "notice", "no-effect"),
    ("compression_threshold 8", "notice", "no-effect"),
    ("traditional_compression yes", "notice", "no-effect"),
    ("conn_logd_time 60", "notice", "no-effect"),
    ("memreserve 6500", "notice", "no-effect"),
    ("coredumps true", "notice", "no-effect"),
    ("coreroot /var/cores", "notice", "no-effect"),
    ("normalpoll true", "warning", "no-effect"),
    ("keepalive", "warning", "no-value"),
    ("keepalive 1 2", "warning", "extra-values"),
    ("logfile /var/log/a /var/log/b", "warning", "extra-values"),
    ("keepalive 1\nkeepalive 2", "warning", "given-again"),
    ("auto_failback off\nauto_failback on", "warning", "given-again"),
    ("ucast eth0 10.0.0.2 more", "warning", "extra-words"),
    ("mcast eth0 225.0.0.1 694 1 0 more", "warning", "extra-words"),
    ("bcast eth0", "warning", "duplicate-medium"),
    ("ping gw gw", "warning", "duplicate-ping-node"),
    ("mcast ppp0 225.0.0.1 694 1 0", "warning", "no-multicast"),
    ("warntime 60", "warning", "warntime-useless"),
    ("warntime 1", "warning", "warntime-useless"),
    ("deadtime 5\ninitdead 9", "warning", "initdead-short"),
    ("env A", "warning", "empty-variable"),
    ("logfile ha.log", "warning", "relative-path"),
    ("watchdog /dev/nothing", "warning", "no-such-file"),
]


@pytest.mark.parametrize(("line", "severity", "code"), ACCEPTED, ids=[line for line, _, _ in ACCEPTED])
def test_what_heartbeat_accepts_starts_with_a_remark(line, severity, code):
    config, reports = parse(whole(line))
    assert config is not None
    assert [(report.severity.word, report.code) for report in reports] == [(severity, code)]
    assert reports[0].place.line == 3 + len(line.splitlines())


def test_a_wrong_number_is_called_by_its_name():
    _, reports = parse(BASE + "mcast eth0 225.0.0.1 694 5 2\ndeadtime 99999999")
    assert [report.text for report in reports] == [
        "the TTL must be a number from 0 to 4, not '5'",
        "LOOP must be a number from 0 to 1, not '2'",
        "'99999999' is not a time",
    ]
    assert reports[2].hint == "the longest time is 2147483 seconds"


def test_fencing_is_read():
    config, reports = parse(BASE + "stonith_host * null a b\nstonith_host Beta ssh a\nstonith rps10 /etc/rps.cfg")
    assert config is not None
    assert config.stonith == StonithDevice("rps10", "/etc/rps.cfg", 6)
    assert config.stonith_hosts == (StonithHost("*", "null", ("a", "b"), 4), StonithHost("beta", "ssh", ("a",), 5))
    assert reports == []
    _, reports = parse(BASE + "stonith a /etc/rps.cfg\nstonith b /etc/rps.cfg")
    assert [report.code for report in reports] == ["duplicate-stonith"]


def test_the_last_value_counts():
    config, reports = parse(BASE + "keepalive 1 2\nkeepalive 3 4")
    assert config is not None
    assert config.keepalive_ms == 4000
    assert [(report.place.line, report.text) for report in reports] == [
        (4, "keepalive takes one value: the last of 2 counts"),
        (5, "keepalive was given in line 4 already: the last value counts"),
        (5, "keepalive takes one value: the last of 2 counts"),
    ]


REFUSED = [
    ("node gämma", "bad-node-name"),
    ("node \udcff", "bad-node-name"),
    ("Node gamma", "unknown-directive"),
    ("keepalive,2", "unknown-directive"),
    ("node beta", "duplicate-node"),
    ("node BETA", "duplicate-node"),
    ("node " + "a" * 65, "node-name-too-long"),
    ("keepalive 0", "time-out-of-range"),
    ("keepalive 0.0004", "time-out-of-range"),
    ("keepalive 2s", "bad-time"),
    ("keepalive -1", "bad-time"),
    ("deadtime fast", "bad-time"),
    ("deadtime 2", "deadtime-too-short"),
    ("keepalive 15", "deadtime-too-short"),
    ("warntime 0", "time-out-of-range"),
    ("initdead 29", "initdead-too-short"),
    ("deadping 2", "deadping-too-short"),
    ("hopfudge 256", "bad-number"),
    ("hopfudge 0x1", "bad-number"),
    ("hbgenmethod dice", "bad-word"),
    ("uuidfrom dice", "bad-word"),
    ("autojoin other", "unsupported-directive"),
    ("autojoin any", "unsupported-directive"),
    ("autojoin maybe", "bad-word"),
    ("max_rexmit_delay 0", "bad-number"),
    ("udpport 0", "bad-number"),
    ("udpport 70000", "bad-number"),
    ("udpport 12ab", "bad-number"),
    ("bcast eth9", "no-such-interface"),
    ("bcast ppp0", "no-broadcast-address"),
    ("mcast eth0 225.0.0.1 694 1", "missing-words"),
    ("mcast", "missing-words"),
    ("mcast eth9 225.0.0.1 694 1 0", "no-such-interface"),
    ("mcast eth0 10.0.0.1 694 1 0", "bad-multicast-group"),
    ("mcast eth0 ff02::1 694 1 0", "bad-multicast-group"),
    ("mcast eth0 group 694 1 0", "bad-multicast-group"),
    ("mcast eth0 225.0.0.1 0 1 0", "bad-number"),
    ("mcast eth0 225.0.0.1 694 5 0", "bad-number"),
    ("mcast eth0 225.0.0.1 694 1 2", "bad-number"),
    ("mcast6 eth0 225.0.0.1 694 1 0", "bad-multicast-group"),
    ("mcast6 eth0 ff02::1 694 5 0", "bad-number"),
    ("keepalive 99999999999999999999", "bad-time"),
    ("ucast eth0", "missing-words"),
    ("ucast eth9 10.0.0.2", "no-such-interface"),
    ("ucast eth0 fe80::1", "wrong-address-family"),
    ("ucast6 eth0 10.0.0.2", "wrong-address-family"),
    ("baud 9601", "bad-word"),
    ("baud 9600\nbaud 9600", "given-twice"),
    ("ping fe80::1", "wrong-address-family"),
    ("ping6 10.0.0.1", "wrong-address-family"),
    ("ping beta", "ping-node-is-node"),
    ("ping_group", "missing-words"),
    ("ping_group g", "missing-words"),
    ("hbaping card", "unsupported-directive"),
    ("auto_failback maybe", "bad-word"),
    ("auto_failback on extra", "bad-word"),
    ("nice_failback maybe", "bad-boolean"),
    ("stonith", "missing-words"),
    ("stonith ssh", "missing-words"),
    ("stonith ssh /nonexistent", "no-such-file"),
    ("stonith_host", "missing-words"),
    ("stonith_host * ssh", "missing-words"),
    ("watchdog /dev/watchdog /dev/watchdog", "given-twice"),
    ("pacemaker off\npacemaker off", "given-twice"),
    ("pacemaker ccm-only", "unsupported-directive"),
    ("crm valgrind", "unsupported-directive"),
    ("pacemaker minimal", "unsupported-directive"),
    ("pacemaker perhaps", "bad-word"),
    ("record_config_changes maybe", "bad-boolean"),
    ("respawn", "missing-words"),
    ("respawn root", "missing-words"),
    ("respawn nobody-here /bin/sleep", "no-such-user"),
    ("respawn root sleep", "relative-path"),
    ("respawn root /bin/nonexistent", "not-executable"),
    ("failfast root /bin/nonexistent", "not-executable"),
    ("apiauth", "missing-words"),
    ("apiauth uid=root", "missing-words"),
    ("apiauth x", "missing-words"),
    ("apiauth x uid=", "missing-words"),
    ("apiauth x uid=root junk", "bad-word"),
    ("apiauth x pid=1", "bad-word"),
    ("apiauth x uid=root uid=hacluster", "duplicate-apiauth"),
    ("apiauth x uid=nobody-here", "no-such-user"),
    ("apiauth x gid=nobody-here", "no-such-group"),
    ("apiauth x uid=root\napiauth x gid=root", "duplicate-apiauth"),
    ("env =1", "bad-variable"),
    ("env 1A=1", "bad-variable"),
    ("use_apphbd maybe", "bad-boolean"),
    ("use_logd maybe", "bad-boolean"),
    ("use_logd off", "no-log"),
    ("conn_logd_time soon", "bad-time"),
    ("logfacility nope", "bad-word"),
    ("logfacility LOCAL0", "bad-word"),
    ("syslogmsgfmt x", "bad-boolean"),
    ("log_badpack 2", "bad-boolean"),
    ("debug 256", "bad-number"),
    ("debug -1", "bad-number"),
    ("msgfmt xml", "bad-word"),
    ("compression gzip", "bad-word"),
    ("compression_threshold 0", "bad-number"),
    ("traditional_compression maybe", "bad-boolean"),
    ("realtime maybe", "bad-boolean"),
    ("rtprio 0", "bad-number"),
    ("rtprio 500", "bad-number"),
    ("memreserve -1", "bad-number"),
    ("coredumps x", "bad-boolean"),
    ("normalpoll x", "bad-boolean"),
    ("node a\0", "nul-character"),
    ("node " + "a" * 5200, "line-too-long"),
]


@pytest.mark.parametrize(("line", "code"), REFUSED, ids=[line[:40] for line, _ in REFUSED])
def test_a_fault_is_reported_with_its_line(line, code):
    config, reports = parse(BASE + line)
    assert config is None
    errors = [report for report in reports if report.severity is Severity.ERROR]
    assert [report.code for report in errors] == [code]
    assert errors[0].place.file == "ha.cf"
    assert errors[0].place.line == 3 + len(line.splitlines())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("bcast eth0\nauto_failback on", "no-nodes"),
        ("node alpha\nauto_failback on", "no-media"),
        ("node alpha\nauto_failback on\nbcast", "no-media"),
        ("node alpha\nauto_failback on\nping gw", "no-media"),
        ("node alpha\nauto_failback on\nserial /dev/ttyS0", "no-media"),
        ("bcast eth0\nauto_failback on\nnode beta gamma", "not-a-member"),
        (BASE + "".join(f"node n{number}\n" for number in range(99)), "too-many-nodes"),
        (BASE + "".join(f"ucast eth0 10.0.0.{number}\n" for number in range(64)), "too-many-media"),
    ],
)
def test_faults_of_the_whole_file(text, code):
    assert [found for _, severity, found in findings(text) if severity == "error"] == [code]


def test_every_directive_has_a_case():
    tried = {line.split()[0] for line, *_ in [*SETTINGS, *ACCEPTED, *REFUSED]}
    assert set(DIRECTIVES) - tried == set()


def test_all_faults_at_once_in_order():
    text = "keepalive 2s\nnode alpha\nbcast eth9\nnoed x\ndeadtime 1"
    assert findings(text) == [
        (1, "error", "bad-time"),
        (3, "error", "no-such-interface"),
        (4, "error", "unknown-directive"),
        (5, "error", "deadtime-too-short"),
        (None, "warning", "no-auto-failback"),
    ]


def test_hints():
    hints = {report.code: report.hint for report in parse("noed a\nkeepalive 2s\nbcast eht0")[1]}
    assert hints["unknown-directive"] == "did you mean node?"
    assert hints["bad-time"] == "seconds have no unit: write 2"
    assert "eth0" in hints["no-such-interface"]


def test_media_take_the_port_set_before_them():
    config, reports = parse(
        "auto_failback on\nnode alpha\nudpport 7000\nbcast eth0\nudpport 7001\nucast eth1 10.1.0.2\n"
    )
    assert config.media == (Bcast("eth0", 7000), Ucast("eth1", "10.1.0.2", 7001))
    assert config.udpport == 7001
    assert [report.code for report in reports] == ["udpport-after-media"]


def test_the_port_of_services_is_the_default():
    config, _ = parse(BASE, dataclasses.replace(HOST, udpport=7694))
    assert (config.udpport, config.media) == (7694, (Bcast("eth0", 7694),))


def test_nothing_known_of_the_host_means_nothing_checked_against_it():
    text = "auto_failback on\nnode x y\nbcast eth9\nrespawn who /bin/what\napiauth c uid=who\nstonith t /nowhere\n"
    assert findings(text, HostFacts()) == []


def test_parameters_are_what_was_written_and_defaults():
    """As cl_status of 3.0.6 printed them for such a file."""
    text = "keepalive 500ms 1\ndeadtime 3\nucast eth0 10.0.0.2\nlogfacility none,local1\ncrm off\nenv A=1\nping gw\n"
    config, _ = parse(BASE + text)
    found = config.parameters()
    expected = {
        "keepalive": "1",
        "deadtime": "3",
        "warntime": "1500ms",
        "initdead": "12000ms",
        "deadping": "3000ms",
        "auto_failback": "on",
        "logfacility": "local1",
        "hopfudge": "1",
        "msgfmt": "classic",
        "compression": "zlib",
        "debug": "0",
        "pacemaker": "off",
        "crm": "off",
    }
    assert {name: found[name] for name in expected} == expected
    assert not {"node", "bcast", "ucast", "env", "ping", "rtprio", "watchdog"} & set(found)


@given(st.integers(1, 10**6))
def test_default_initdead_is_never_less_than_deadtime(deadtime_ms):
    assert default_initdead_ms(deadtime_ms) >= max(deadtime_ms, 10_000)


_LINES = st.builds(
    " ".join,
    st.lists(
        st.one_of(
            st.sampled_from(sorted(DIRECTIVES)),
            st.sampled_from(["alpha", "eth0", "on", "10.0.0.1", "225.0.0.1", "694", "1", "0", "uid=root", "a=b", "/x"]),
            st.text(max_size=12),
        ),
        max_size=7,
    ),
)


@given(st.one_of(st.text(), st.lists(_LINES, max_size=12).map("\n".join)))
def test_no_text_makes_it_raise(text):
    config, reports = parse(text)
    errors = [report for report in reports if report.severity <= Severity.ERROR]
    assert (config is None) == bool(errors)
    for report in reports:
        assert str(report).isprintable()
        assert report.place.line is None or 1 <= report.place.line <= text.count("\n") + 1


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "ucast eth0 h{}",
        "ping h{}",
        "apiauth c{} uid=root",
        "respawn root /bin/sleep",
        "env A=1",
        "node n{}",
    ],
)
def test_the_longest_files_take_no_quadratic_time(line):
    """Ten thousand lines: quadratic handling of any list would take minutes and run into the time limit."""
    config, reports = parse(BASE + "".join(line.format(number) + "\n" for number in range(10_000)))
    assert len(reports) <= MAX_REPORTS + 1
    if line == "nonsense":
        assert "too-many-reports" in {report.code for report in reports}
        assert config is None


def test_media_are_called_what_they_are_in_the_file():
    lines = [
        "ucast eth1 10.1.0.2",
        "mcast6 eth0 ff02::694 694 1 0",
        "ping gw",
        "ping6 fe80::1",
        "ping_group routers a b",
    ]
    config, _ = parse(BASE + "\n".join(lines))
    called = [described(medium) for medium in config.media]
    assert called == [
        "bcast eth0",
        "ucast eth1 10.1.0.2",
        "mcast6 eth0",
        "ping gw",
        "ping6 fe80::1",
        "ping_group routers",
    ]
