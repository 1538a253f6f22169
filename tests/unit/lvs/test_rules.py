"""ipvsadm's rules: what is printed is read back, what the real program prints is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.lvs.rules import Rule, RuleError, parse_rule, parse_rules, render
from hacluster.lvs.table import Destination, Forward, Protocol, Service, ServiceId, Table

SAVED = """-A -t 172.16.100.1:80 -s wlc -p 300 -M 255.255.255.0
-a -t 172.16.100.1:80 -r 172.16.100.7:80 -g -w 2
-a -t 172.16.100.1:80 -r 172.16.100.8:80 -i -w 1 --tun-type ipip
-A -u 10.0.0.1:53 -s rr -o
-a -u 10.0.0.1:53 -r 10.0.0.2:53 -m -w 1
-A -t [fd00::1]:443 -s sh -b sh-fallback,sh-port
-a -t [fd00::1]:443 -r [fd00::2]:443 -g -w 1
-A -f 8 -s rr -p 360
-a -f 8 -r 192.168.10.7:0 -g -w 2
-A -f 8 -6 -s rr
"""


def test_what_the_program_saves_is_read():
    table, faults = parse_rules(SAVED)
    assert not faults
    assert [id_.label for id_ in table.services] == [
        "tcp:172.16.100.1:80", "udp:10.0.0.1:53", "tcp:[fd00::1]:443", "fwm:8", "fwm6:8",
    ]  # fmt: skip
    first = table.services[ServiceId(Protocol.TCP, "172.16.100.1", 80)]
    assert (first.scheduler, first.persistent, first.netmask) == ("wlc", 300, "255.255.255.0")
    assert [entry.forward for entry in table.of(first.id)] == [Forward.GATE, Forward.IPIP]
    assert parse_rules(render(table))[0] == table


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-A", "a rule has a command"),
        ("-A -t", "-t has no value"),
        ("-A -f eight -s rr", "a firewall mark is a number"),
        ("-a -t 10.0.0.1:80", "-a needs a server"),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2:http", "no number"),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 -w many", "weight is 'many'"),
        ("-A -t 10.0.0.1:80 --frob", "unknown word '--frob'"),
        ("-A -t [::1 -s rr", "is no address"),
        ('-A -t "10.0.0.1:80', "No closing quotation"),
    ],
)
def test_what_is_no_rule_is_told(line, said):
    with pytest.raises(RuleError, match=said.replace("[", "\\[")):
        parse_rule(line)


def test_bad_lines_do_not_hide_good_ones():
    table, faults = parse_rules("-A -t 10.0.0.1:80 -s rr\nnonsense\n\n# comment\n-A -f 3 -s wrr\n")
    assert len(table.services) == 2
    assert faults == ["line 2: unknown word 'nonsense'"]


ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "192.168.255.254"])
SIX = st.sampled_from(["fd00::1", "fd00::2", "fe80::1"])
PORTS = st.integers(1, 65_535)


@st.composite
def services(draw):
    kind = draw(st.sampled_from(list(Protocol)))
    ipv6 = draw(st.booleans())
    if kind is Protocol.FWM:
        id_ = ServiceId(kind, mark=draw(st.integers(1, 2**32 - 1)), ipv6=ipv6)
    else:
        id_ = ServiceId(kind, draw(SIX if ipv6 else ADDRESSES), draw(PORTS), ipv6=ipv6)
    persistent = draw(st.none() | st.integers(1, 100_000))
    netmask = draw(st.sampled_from(["", "64" if ipv6 else "255.255.255.0"])) if persistent else ""
    flags = draw(st.sampled_from(["", "sh-port", "sh-fallback,sh-port"]))
    return Service(id_, draw(st.sampled_from(["rr", "wrr", "mh"])), persistent, netmask, flags, draw(st.booleans()))


@given(st.lists(st.tuples(services(), st.lists(st.tuples(PORTS, st.integers(0, 65_535), st.sampled_from(Forward))))))
def test_every_table_survives_its_rules(drawn):
    table = Table()
    for service, entries in drawn:
        address = "fd00::9" if service.id.ipv6 else "10.0.0.9"
        table.add(service, [Destination(address, port, forward, weight) for port, weight, forward in entries])
    assert parse_rules(render(table)) == (table, [])


def test_thresholds_are_said_only_where_there_are_any():
    service = Service(ServiceId(Protocol.TCP, "10.0.0.1", 80))
    plain = Rule("-a", service, Destination("10.0.0.2", 80))
    bounded = Rule("-e", service, Destination("10.0.0.2", 80, upper=10, lower=2))
    assert str(plain) == "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1"
    assert str(bounded) == "-e -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1 -x 10 -y 2"
    assert str(Rule("-d", service, bounded.destination)) == "-d -t 10.0.0.1:80 -r 10.0.0.2:80"
