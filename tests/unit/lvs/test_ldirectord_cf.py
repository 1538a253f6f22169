"""ldirectord.cf: every directive, every fault, and what counts when two things are said."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.report import Severity
from hacluster.lvs.ldirectord_cf import GLOBAL, SECTION, Host, parse_ldirectord_cf
from hacluster.lvs.settings import Application, CheckType, DaemonStatus, Fallback
from hacluster.lvs.table import Forward, Protocol
from hacluster.lvs.values import perl_pattern

KNOWN = {("web", False): "10.0.0.7", ("web", True): "fd00::7", ("db.example.org", False): "10.0.0.8"}


class Names:
    def address(self, name, *, ipv6):
        return KNOWN.get((name, ipv6))

    def port(self, name, protocol):
        return {"http": 80, "domain": 53, "radius": 1812}.get(name)


HOST = Host(Names(), "director", {"/etc/maintenance", "/var/log"}, {"/bin/tell"})


def parse(text):
    return parse_ldirectord_cf(text, "ldirectord.cf", HOST)


def good(text):
    settings, reports = parse(text)
    assert settings is not None, [str(report) for report in reports]
    return settings


def virtual(body="", head="virtual = 10.0.0.1:80", real="    real = 10.0.0.2:80 gate\n"):
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return good(f"{head}\n{real}{lines}").virtuals[0]


def codes(text, severity=Severity.ERROR):
    return [report.code for report in parse(text)[1] if report.severity is severity]


def test_defaults():
    one = virtual()
    real = one.reals[0]
    assert (one.service.scheduler, one.service.persistent, one.quiescent, one.clean_stop) == ("wrr", None, False, True)
    assert (real.weight, real.forward, real.upper, real.lower) == (1, Forward.GATE, 0, 0)
    check = real.check
    assert (check.type, check.application, check.request, check.method) == (
        CheckType.NEGOTIATE, Application.HTTP, "/", "GET",
    )  # fmt: skip
    assert (check.timeout_ms, check.negotiate_timeout_ms, check.interval_ms, check.tries) == (5_000, 30_000, 10_000, 1)


@pytest.mark.parametrize(
    ("section", "shared", "expected"),
    [
        ("", "", (5_000, 30_000)),
        ("", "checktimeout = 3", (3_000, 3_000)),
        ("", "negotiatetimeout = 7", (7_000, 7_000)),
        ("", "checktimeout = 3\nnegotiatetimeout = 7", (3_000, 7_000)),
        ("checktimeout = 2", "checktimeout = 3\nnegotiatetimeout = 7", (2_000, 2_000)),
        ("negotiatetimeout = 4", "checktimeout = 3", (4_000, 4_000)),
    ],
)
def test_time_limits_stand_in_for_each_other(section, shared, expected):
    text = f"{shared}\nvirtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate\n    {section}\n"
    check = good(text).virtuals[0].reals[0].check
    assert (check.timeout_ms, check.negotiate_timeout_ms) == expected


@pytest.mark.parametrize(
    ("port", "word"), [(25, "smtp"), (443, "https"), (3306, "mysql"), (8080, "none"), (5060, "sip")]
)
def test_the_port_gives_the_service(port, word):
    assert virtual(head=f"virtual = 10.0.0.1:{port}").reals[0].check.application.value == word


def test_domain_is_udp_unless_said_otherwise():
    assert virtual(head="virtual = 10.0.0.1:domain").service.id.protocol is Protocol.UDP
    assert virtual("protocol = tcp", head="virtual = 10.0.0.1:53").service.id.protocol is Protocol.TCP


def test_firewall_marks():
    one = virtual("checkport = 80\nservice = http", head="virtual = 8", real="    real = 10.0.0.2 gate 2\n")
    assert (one.service.id.label, one.reals[0].port, one.reals[0].check.port) == ("fwm:8", 0, 80)
    six = virtual(head="virtual6 = 8", real="    real6 = [fd00::2] gate\n")
    assert six.service.id.label == "fwm6:8"


def test_real_servers_in_every_form():
    real = """    real = 10.0.0.2->10.0.0.4:8080 masq 3 "health", "ok" l:2 u:10
    real = web:http ipip 0
    real = db.example.org gate
"""
    reals = virtual(real=real).reals
    assert [str(one) for one in reals] == [
        "10.0.0.2:8080", "10.0.0.3:8080", "10.0.0.4:8080", "10.0.0.7:80", "10.0.0.8:0",
    ]  # fmt: skip
    first = reals[0]
    assert (first.weight, first.lower, first.upper, first.check.request, first.check.receive) == (
        3,
        2,
        10,
        "/health",
        "ok",
    )
    assert reals[3].weight == 0
    assert reals[4].check.port == 80
    assert {"db.example.org", "db"} <= reals[4].names


def test_a_request_that_is_a_url_moves_the_check():
    one = virtual(real='    real = 10.0.0.2:80 gate 1 "http://web:8080/alive", "yes"\n').reals[0]
    assert (one.check.address, one.check.port, one.check.request) == ("10.0.0.7", 8080, "/alive")


def test_fallback_takes_the_ports_of_the_virtuals():
    text = "fallback = 127.0.0.1\nfallback6 = [::1]:81 masq\nvirtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate\n"
    text += (
        "virtual6 = [fd00::1]:80\n    real6 = [fd00::2]:80 gate\nvirtual = 10.0.0.1:81\n    real = 10.0.0.2:80 gate\n"
    )
    text += "    fallback = 10.0.0.9:82\n"
    found = [one.fallback for one in good(text).virtuals]
    assert found == [Fallback("127.0.0.1", 80), Fallback("::1", 81, Forward.MASQ), Fallback("10.0.0.9", 82)]


def test_globals_count_behind_sections_too():
    text = "virtual = 10.0.0.1:80\n\treal = 10.0.0.2:80 gate\nquiescent = yes\n"
    assert good(text).virtuals[0].quiescent


def test_an_empty_line_ends_a_section_and_the_orphan_is_explained():
    _, reports = parse("virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate\n\n    scheduler = rr\n")
    assert [(report.code, report.place.line) for report in reports] == [("outside-section", 4)]
    assert "line 1" in reports[0].hint


def test_comments():
    text = "# one\n  # two\nvirtual = 10.0.0.1:80 # three\n    # four\n    real = 10.0.0.2:80 gate # five\n"
    text += "    scheduler = rr#6\n"
    one = good(text).virtuals[0]
    assert (one.service.scheduler, str(one.reals[0])) == ("rr", "10.0.0.2:80")


def test_every_directive_of_a_section():
    body = """checktimeout = 2
negotiatetimeout = 3
checkinterval = 4
checkcount = 5
failurecount = 6
fallbackcommand = "/bin/tell me"
emailalert = a@x.org, b@x.org
emailalertfreq = 60
emailalertstatus = starting, running
smtp = mail.example.org
quiescent = yes
cleanstop = no
scheduler = mh
persistent = 600
netmask = 255.255.255.0
schedflags = mh-port
checktype = negotiate
service = mysql
checkport = 3307
request = "select 1"
receive = "1"
httpmethod = head
virtualhost = "shop.example.org"
login = "monitor"
passwd = "pw"
database = "db"
secret = "s"
load = "x"
monitorfile = /var/log/m
servicename = shop
comment = the shop"""
    assert {line.split(" =")[0] for line in body.splitlines()} >= set(SECTION) - {"ops", "checkcommand"}
    one = virtual(body)
    check = one.reals[0].check
    assert (check.tries, check.port, check.request, check.login, check.password, check.database, check.secret) == (
        5, 3307, "select 1", "monitor", "pw", "db", "s",
    )  # fmt: skip
    assert (one.failure_count, one.fallback_command, one.clean_stop) == (6, "/bin/tell me", False)
    assert one.mail.to == ("a@x.org", "b@x.org")
    assert one.mail.when == {DaemonStatus.STARTING, DaemonStatus.RUNNING}
    assert (one.mail.every_ms, one.mail.smtp) == (60_000, "mail.example.org")
    assert (one.service.persistent, one.service.netmask, one.service.flags) == (600, "255.255.255.0", "mh-port")
    assert (one.monitor_file, one.name, one.comment) == ("/var/log/m", "shop", "the shop")


def test_every_global_directive():
    text = """checkinterval = 2
autoreload = yes
callback = "/bin/tell"
logfile = "local0"
execute = one.cf
execute = two.cf
execute = one.cf
supervised
fork = yes
readdquiescent = yes
maintenancedir = /etc/maintenance
emailalertfrom = me@x.org
"""
    assert {re.split(r"\s*=", line)[0] for line in text.splitlines()} >= set(GLOBAL) - set(SECTION)
    found = good(text + "virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate\n")
    assert (found.check_interval_ms, found.auto_reload, found.callback, found.log) == (
        2_000,
        True,
        "/bin/tell",
        "local0",
    )
    assert (found.execute, found.supervised, found.fork) == (("one.cf", "two.cf"), True, True)
    assert found.maintenance_dir == "/etc/maintenance"
    assert found.virtuals[0].readd_quiescent


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("frob = 1", "unknown-directive", 1),
        ("schedular = rr", "unknown-directive", 1),
        ("scheduler = rr", "unknown-directive", 1),
        ("timeout = 3", "deprecated", 1),
        ("checktimeout = soon", "bad-number", 1),
        ("checktimeout = 0", "bad-number", 1),
        ("checktimeout =", "no-value", 1),
        ("autoreload = true", "bad-boolean", 1),
        ("callback = /bin/tell", "not-quoted", 1),
        ("emailalertstatus = none, running", "bad-word", 1),
        ("emailalertstatus = sleeping", "bad-word", 1),
        ("fallback = nowhere.example.org", "unresolved-name", 1),
        ("fallback = 127.0.0.1:80 nat", "bad-word", 1),
        ("virtual = nothing", "bad-address", 1),
        ("virtual = [fd00::1]:80", "wrong-family", 1),
        ("virtual6 = [fd00::1::2]:80", "bad-address", 1),
        ("virtual = 10.0.0.256:80", "bad-address", 1),
        ("virtual = 10.0.0.1:frob", "bad-port", 1),
        ("virtual = 10.0.0.1:70000", "bad-port", 1),
        ("virtual = 10.0.0.1:0", "bad-port", 1),
        ("virtual = 10.0.0.1:80\n    real = 10.0.0.2:80", "bad-real", 2),
        ("virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 nat", "bad-word", 2),
        ("virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate many", "bad-real", 2),
        ("virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate 99999", "bad-number", 2),
        ("virtual = 10.0.0.1:80\n    real = 10.0.0.9->10.0.0.2:80 gate", "bad-range", 2),
        ("virtual = 10.0.0.1:80\n    real6 = [fd00::1]:80 gate", "wrong-family", 2),
        ("virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate\n    real = 10.0.0.2:80 masq", "given-twice", 3),
        ("virtual = 10.0.0.1:80\n    checktype = sometimes", "bad-word", 2),
        ("virtual = 10.0.0.1:80\n    service = gopher", "bad-word", 2),
        ("virtual = 10.0.0.1:80\n    scheduler = WRR", "bad-word", 2),
        ("virtual = 10.0.0.1:80\n    protocol = fwm", "bad-word", 2),
        ("virtual = 8\n    protocol = tcp", "bad-word", 2),
        ("virtual = 10.0.0.1:80\n    netmask = 24", "bad-netmask", 2),
        ("virtual6 = [fd00::1]:80\n    netmask = 255.0.0.0", "bad-netmask", 2),
        ("virtual = 10.0.0.1:80\n    checkport = 0", "bad-number", 2),
        ("virtual = 10.0.0.1:80\n    httpmethod = POST", "bad-word", 2),
        ('virtual = 10.0.0.1:80\n    receive = "("', "bad-pattern", 2),
        ('virtual = 10.0.0.1:80\n    passwd = "a#b"', "not-quoted", 2),
        ("virtual = 10.0.0.1:80\n    quiescent = maybe", "bad-boolean", 2),
        ("virtual = 10.0.0.1:80\n    monitorfile = /nowhere/file", "no-such-directory", 2),
        ("virtual = 10.0.0.1:80\n    autoreload = yes", "unknown-directive", 2),
        ("virtual = 10.0.0.1:80\nvirtual = 10.0.0.1:80", "given-twice", 2),
    ],
)
def test_every_fault_has_its_place(text, code, line):
    settings, reports = parse(text + "\n")
    assert settings is None
    found = [(one.code, one.place.line) for one in reports if one.severity is Severity.ERROR]
    assert found == [(code, line)]


def test_all_faults_at_once():
    text = "frob = 1\nvirtual = 10.0.0.1:80\n    scheduler = RR\n    real = nowhere gate\nautoreload = 5\n"
    assert codes(text) == ["unknown-directive", "bad-word", "unresolved-name", "bad-boolean"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("checktimeout = 5s", "odd-number"),
        ("checkcount = 2", "deprecated"),
        ("supervised", "bare-word"),
        ("quiescent = yes\nquiescent = no", "given-again"),
        ("maintenancedir = /nowhere", "no-such-directory"),
        ('callback = "/bin/nothing"', "not-executable"),
        ("emailalertstatus = all, running", "no-effect"),
        ("virtual = 10.0.0.1:80\n    comment =", "no-value"),
        ("virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate\n    real = 10.0.0.2:80 gate", "given-again"),
        ("virtual = 10.0.0.1:80\n    scheduler = wrx", "unknown-scheduler"),
        ("virtual = 10.0.0.1:80\n    netmask = 255.255.255.0", "no-effect"),
        ("virtual = 10.0.0.1:80\n    ops = yes", "no-effect"),
        ("virtual = 10.0.0.1:80\n    checktype = external", "no-command"),
        ("virtual = 10.0.0.1:80\n    checkcommand = /bin/x", "no-effect"),
        ("virtual = 10.0.0.1:8080", "no-check"),
        ("virtual = 10.0.0.1:53", "no-receive"),
        ("virtual = 10.0.0.1:80\n    real = 10.0.0.2:80 gate 1 l:9 u:3", "thresholds-crossed"),
    ],
)
def test_what_is_odd_is_told(text, code):
    assert code in codes(text + "\n", Severity.WARNING)


def test_secrets_do_not_show():
    check = virtual('service = mysql\nlogin = "monitor"\npasswd = "Hidden1"\nsecret = "Hidden2"').reals[0].check
    assert "Hidden" not in repr(check) + str(check)


@pytest.mark.parametrize(
    ("perl", "text", "hit"),
    [
        (r"^ok\z", "ok", True),
        (r"^ok\z", "ok\n", False),
        (r"^ok\Z", "ok\n", True),
        (r"a(?i)B", "ab", True),
        (r"\\z", "\\z", True),
        ("", "anything", True),
    ],
)
def test_perl_patterns(perl, text, hit):
    assert bool(re.search(perl_pattern(perl), text)) is hit


@given(st.text(max_size=400))
def test_any_text_is_answered(text):
    parse(text)


LINES = (
    "virtual = 10.0.0.1:80",
    "virtual = 9",
    "    real = 10.0.0.2:80 gate",
    "\treal=a b c",
    "",
    "    #",
    "quiescent=",
    "x",
    "    checktype = 3",
    '    passwd = "',
    "fallback = ::",
    "    netmask = 1.2.3.4",
    "virtual6=[::1]:http",
)


@given(st.lists(st.sampled_from(LINES), max_size=30))
def test_any_mixture_of_lines_is_answered(lines):
    parse("\n".join(lines))


def test_the_example_has_no_fault():
    text = (Path(__file__).parents[3] / "conf/ldirectord.cf").read_text(encoding="utf-8")
    found, reports = parse_ldirectord_cf(text, "ldirectord.cf", HOST)
    assert not reports
    assert {real.forward for virtual in found.virtuals for real in virtual.reals} == set(Forward)
