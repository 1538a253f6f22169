"""Listings that ipvsadm 1.31 printed on Linux 6.1."""

from hacluster.lvs.listing import parse_listing, with_thresholds
from hacluster.lvs.rules import parse_rules, render
from hacluster.lvs.table import Protocol, ServiceId

SAVED = """-A -t 10.0.0.1:80 -s wlc -p 300 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 2
-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 65535
-a -t 10.0.0.1:80 -r 10.0.0.4:80 -i -w 1 --tun-type ipip
-a -t 10.0.0.1:80 -r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 10.0.0.1:80 -r 10.0.0.6:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 10.0.0.1:80 -r 10.0.0.7:80 -i -w 1 --tun-type gre --tun-csum
-A -t 10.0.0.1:81 -s sh -b sh-fallback,sh-port
-A -u 10.0.0.1:53 -s rr -o
-A -u 10.0.0.1:5060 -s rr -p 60 --pe sip
-A --sctp-service 10.0.0.1:99 -s wrr
-A -t [fd00::1]:443 -s sh -p 20 -M 64
-a -t [fd00::1]:443 -r [fd00::2]:443 -g -w 1
-A -f 8 -s rr -p 360
-a -f 8 -r 10.0.0.4:8080 -g -w 2
-A -f 8 -6 -s rr -p 360 -M 64
-a -f 8 -6 -r [fd00::2]:0 -g -w 2
"""
THRESHOLDS = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn
  -> RemoteAddress:Port
TCP  10.0.0.1:80 wlc persistent 300 mask 255.255.255.0
  -> 10.0.0.2:80                  10         2          0          0
  -> 10.0.0.3:8080                5          0          0          0
TCP  10.0.0.1:81 sh (sh-fallback,sh-port)
UDP  10.0.0.1:5060 rr persistent 60 pe sip
SCTP 10.0.0.1:99 wrr
TCP  [fd00::1]:443 sh persistent 20 mask 64
  -> [fd00::2]:443                3          1          0          0
FWM  8 rr persistent 360
  -> 10.0.0.4:8080                0          0          0          0
FWM  8 IPv6 rr persistent 360 mask 64
  -> [fd00::2]:0                  7          1          0          0
"""
STATS = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  10.0.0.1:80                        12       84       60     7000     6000
  -> 10.0.0.2:80                         8       56       40     5000     4000
FWM  8 IPv6                              1        2        3        4        5
"""
WEB = ServiceId(Protocol.TCP, "10.0.0.1", 80)


def test_what_was_saved_is_rendered_alike_but_for_the_default_kind_of_tunnel():
    table, faults = parse_rules(SAVED)
    assert not faults
    assert render(table) == SAVED.replace(" --tun-type ipip", "")


def test_thresholds_come_from_the_listing():
    table, _ = parse_rules(SAVED)
    with_thresholds(table, THRESHOLDS)
    found = {(entry.address, entry.upper, entry.lower) for id_ in table.services for entry in table.of(id_)}
    assert {("10.0.0.2", 10, 2), ("10.0.0.3", 5, 0), ("fd00::2", 3, 1), ("fd00::2", 7, 1)} <= found
    assert ("10.0.0.4", 0, 0) in found


def test_statistics_are_columns():
    listing = parse_listing(STATS)
    assert listing.numbers(WEB) == (12, 84, 60, 7000, 6000)
    assert listing.numbers(WEB, ("10.0.0.2", 80)) == (8, 56, 40, 5000, 4000)
    assert listing.numbers(ServiceId(Protocol.FWM, mark=8, ipv6=True)) == (1, 2, 3, 4, 5)
    assert listing.numbers(WEB, ("10.0.0.9", 80)) is None


def test_words_are_no_numbers():
    assert parse_listing(THRESHOLDS).numbers(WEB) is None
