"""The director: who gets traffic, when, and what stays as it is."""

from collections import Counter

from hacluster.base.dice import Dice
from hacluster.director.words import MaintenanceSeen, Reloaded, StopAsked
from hacluster.lvs.rules import parse_rule, perform, render
from hacluster.lvs.table import Destination, Forward, Service, Table
from hacluster.sim.directors import DirectorWorld
from tests.unit.director.conftest import TIMES, VIRTUAL, settings


def table_of(world):
    return render(world.kernel)


def test_nobody_gets_traffic_before_the_first_good_check(world):
    one = world()
    one.server("10.9.0.3").up = False
    one.run_until(900)
    assert one.weight("10.9.0.2") == 2
    assert one.weight("10.9.0.3") is None
    added = [rule for _, rule in one.applied if rule.command == "-a"]
    assert [rule.destination.address for rule in added] == ["10.9.0.2"]


def test_with_quiescent_a_new_server_waits_with_weight_zero(world):
    one = world("quiescent = yes\n" + TIMES + VIRTUAL)
    one.server("10.9.0.3").up = False
    one.run_until(5_000)
    weights = [(at, rule.destination.weight) for at, rule in one.applied if rule.destination]
    assert weights[0][1] == 0
    assert one.weight("10.9.0.2") == 2
    assert one.weight("10.9.0.3") == 0


def test_a_dead_server_leaves_within_one_interval_and_comes_back(world):
    one = world()
    one.run_until(3_000)
    one.server("10.9.0.2").up = False
    one.run_until(4_100)
    assert one.weight("10.9.0.2") is None
    one.server("10.9.0.2").up = True
    one.run_until(5_200)
    assert one.weight("10.9.0.2") == 2


def test_one_hanging_server_delays_no_other(world):
    one = world("checkinterval = 1\nchecktimeout = 30\n" + VIRTUAL)
    one.server("10.9.0.3").latency_ms = 60_000
    one.run_until(3_000)
    one.server("10.9.0.2").up = False
    one.run_until(4_100)
    assert one.weight("10.9.0.2") is None


def test_soft_failures_count_and_one_success_resets_them(world):
    one = world("failurecount = 3\n" + TIMES + VIRTUAL)
    one.run_until(2_500)
    one.server("10.9.0.2").up = False
    one.run_until(4_400)
    assert one.weight("10.9.0.2") == 2
    assert one.codes().count("soft-failure") == 2
    one.server("10.9.0.2").up = True
    one.run_until(5_500)
    assert "soft-reset" in one.codes()
    one.server("10.9.0.2").up = False
    one.run_until(7_400)
    assert one.weight("10.9.0.2") == 2
    one.run_until(8_600)
    assert one.weight("10.9.0.2") is None


def test_fallback_serves_only_while_nobody_else_does(world):
    one = world(TIMES + VIRTUAL + "    fallback = 127.0.0.1:80\n    fallbackcommand = /bin/tell\n")
    one.run_until(2_000)
    assert one.weight("127.0.0.1") is None
    for address in ("10.9.0.2", "10.9.0.3"):
        one.server(address).up = False
    one.run_until(4_000)
    assert one.weight("127.0.0.1") == 1
    one.server("10.9.0.3").up = True
    one.run_until(6_000)
    assert one.weight("127.0.0.1") is None
    words = [command.argv[1:] for _, command in one.commands]
    assert words[-2:] == [("start", "10.9.0.1:80", "tcp"), ("stop", "10.9.0.1:80", "tcp")]


def test_the_incoming_server_is_added_before_the_fallback_goes(world):
    one = world(TIMES + VIRTUAL + "    fallback = 127.0.0.1:80\n")
    one.server("10.9.0.2").up = one.server("10.9.0.3").up = False
    one.run_until(2_000)
    one.applied.clear()
    one.server("10.9.0.2").up = True
    one.run_until(4_000)
    assert [(rule.command, rule.destination.address) for _, rule in one.applied] == [
        ("-a", "10.9.0.2"),
        ("-d", "127.0.0.1"),
    ]


def test_a_dead_fallback_is_taken_out_and_said(world):
    one = world(TIMES + VIRTUAL + "    fallback = 127.0.0.1:80\n")
    for address in ("10.9.0.2", "10.9.0.3", "127.0.0.1"):
        one.server(address).up = False
    one.run_until(3_000)
    assert one.weight("127.0.0.1") is None
    assert "fallback-dead" in one.codes()
    one.server("127.0.0.1").up = True
    one.run_until(5_000)
    assert one.weight("127.0.0.1") == 1


def test_a_running_table_is_adopted_without_a_gap(world):
    def before(one):
        service = one.settings.virtuals[0].service
        one.kernel.add(service, [Destination("10.9.0.2", 80, Forward.GATE, 2), Destination("10.9.9.9", 80)])

    one = DirectorWorld(settings(TIMES + VIRTUAL), Dice(1), kernel=Table())
    before(one)
    one.server("10.9.0.2").latency_ms = 800
    one.run_until(700)
    assert one.weight("10.9.0.2") == 2
    assert one.weight("10.9.9.9") is None
    one.server("10.9.0.2").up = False
    one.run_until(4_000)
    assert one.weight("10.9.0.2") is None


def test_a_weight_set_by_hand_stays_until_the_state_changes(world):
    one = world()
    one.run_until(2_000)
    id_ = one.settings.virtuals[0].service.id
    one.kernel.destinations[id_]["10.9.0.2", 80] = Destination("10.9.0.2", 80, Forward.GATE, 0)
    one.run_until(20_000)
    assert one.weight("10.9.0.2") == 0
    assert one.codes().count("weight-by-hand") == 1
    one.server("10.9.0.2").up = False
    one.run_until(22_000)
    assert one.weight("10.9.0.2") is None
    one.server("10.9.0.2").up = True
    one.run_until(24_000)
    assert one.weight("10.9.0.2") == 2


def test_what_somebody_takes_out_is_put_back_and_reported(world):
    one = world()
    one.run_until(2_000)
    one.kernel.remove(one.settings.virtuals[0].service.id)
    one.run_until(4_000)
    assert one.weight("10.9.0.2") == 2
    assert "repaired" in one.codes()


def test_foreign_entries_stay_until_a_reload(world):
    one = world()
    one.run_until(2_000)
    id_ = one.settings.virtuals[0].service.id
    one.kernel.destinations[id_]["10.9.9.9", 80] = Destination("10.9.9.9", 80)
    other = Service(settings("virtual = 10.9.0.77:80\n    real = 10.9.0.2:80 gate\n").virtuals[0].service.id)
    one.kernel.add(other)
    one.run_until(6_000)
    assert one.weight("10.9.9.9") == 1
    one.give(Reloaded(one.settings))
    one.run_until(7_000)
    assert one.weight("10.9.9.9") is None
    assert other.id in one.kernel.services


def test_a_reload_keeps_every_state(world):
    one = world("failurecount = 2\n" + TIMES + VIRTUAL)
    one.server("10.9.0.3").up = False
    one.run_until(4_000)
    one.applied.clear()
    changed = settings(
        TIMES + VIRTUAL.replace("gate 2", "gate 7") + "    real = 10.9.0.4:80 gate 1\n    scheduler = rr\n"
    )
    one.server("10.9.0.4").latency_ms = 500
    one.give(Reloaded(changed))
    one.run_until(4_400)
    assert one.weight("10.9.0.2") == 7
    assert one.weight("10.9.0.3") is None
    assert one.weight("10.9.0.4") is None
    assert not [rule for _, rule in one.applied if rule.command in {"-d", "-D", "-A"}]
    one.run_until(6_000)
    assert one.weight("10.9.0.4") == 1


def test_a_reload_takes_out_what_is_no_longer_configured(world):
    one = world(TIMES + VIRTUAL + VIRTUAL.replace("0.1:80", "0.9:80"))
    one.run_until(2_000)
    one.give(Reloaded(settings(TIMES + VIRTUAL)))
    one.run_until(3_000)
    assert [str(id_) for id_ in one.kernel.services] == ["10.9.0.1:80"]


def test_maintenance_forces_a_server_down_and_gives_it_back(world):
    one = world()
    one.run_until(2_000)
    one.give(MaintenanceSeen(frozenset({"10.9.0.2:80"})))
    one.run_until(4_000)
    assert one.weight("10.9.0.2") is None
    one.give(MaintenanceSeen(frozenset()))
    one.run_until(4_500)
    assert one.weight("10.9.0.2") == 2


def test_a_stop_takes_our_services_out_and_leaves_others(world):
    one = world(TIMES + VIRTUAL + VIRTUAL.replace("0.1:80", "0.9:80") + "    cleanstop = no\n")
    one.run_until(2_000)
    one.give(StopAsked())
    one.run_until(3_000)
    assert one.ended
    assert [str(id_) for id_ in one.kernel.services] == ["10.9.0.9:80"]


def test_a_stop_during_an_apply_waits_for_it(world):
    one = world()
    one.ipvsadm_ms = 400
    one.run_until(500)
    one.give(StopAsked())
    one.run_until(3_000)
    assert one.ended
    assert not one.kernel.services


def test_a_failing_ipvsadm_stops_no_check_and_is_said_once(world):
    one = world()
    one.run_until(2_000)
    one.broken = "Can't initialize ipvs: Protocol not available"
    one.server("10.9.0.2").up = False
    one.run_until(10_000)
    assert one.codes().count("no-table") + one.codes().count("rule-failed") <= 2
    one.broken = ""
    one.run_until(13_000)
    assert one.weight("10.9.0.2") is None
    assert one.weight("10.9.0.3") == 1


def test_combined_checks_connect_and_negotiate_in_turn(world):
    text = TIMES + "virtual = 10.9.0.1:80\n    real = 10.9.0.2:80 gate\n    checktype = 3\n"
    one = world(text)
    one.run_until(9_500)
    kinds = [connect_only for _, _, connect_only in one.runs]
    assert kinds[:9] == [False, True, True, True, False, True, True, True, False]
    one.server("10.9.0.2").up = False
    one.run_until(10_500)
    assert [connect_only for _, _, connect_only in one.runs][-2:] == [True, False]
    assert one.weight("10.9.0.2") is None


def test_on_and_off(world):
    text = TIMES + VIRTUAL.replace("connect", "on") + VIRTUAL.replace("connect", "off").replace("0.1:80", "0.8:80")
    one = world(text + "    fallback = 127.0.0.1:80\n")
    one.server("10.9.0.2").up = False
    one.run_until(5_000)
    assert table_of(one) == (
        "-A -t 10.9.0.1:80 -s wrr\n-a -t 10.9.0.1:80 -r 10.9.0.2:80 -g -w 2\n"
        "-a -t 10.9.0.1:80 -r 10.9.0.3:80 -g -w 1\n-A -t 10.9.0.8:80 -s wrr\n"
    )


def test_mails_at_each_change_and_repeated_while_down(world):
    alerts = "emailalert = ops@example.org\nemailalertfreq = 5\nemailalertstatus = running\n"
    one = world(alerts + TIMES + VIRTUAL + "    servicename = shop\n")
    one.run_until(3_000)
    one.mails.clear()
    one.server("10.9.0.2").up = False
    one.run_until(20_500)
    subjects = [mail.subject for _, mail in one.mails]
    assert subjects[0] == "[shop] Deleted real server: 10.9.0.2:80 (10.9.0.1:80)"
    assert subjects[1:] == ["[shop] Inaccessible real server: 10.9.0.2:80 (10.9.0.1:80)"] * 3
    one.give(Reloaded(one.settings))
    one.run_until(21_000)
    assert len(one.mails) == 4


def test_the_view_says_why_a_server_is_out(world):
    one = world()
    one.server("10.9.0.3").up = False
    one.run_until(3_000)
    first, second = one.machine.view().virtuals[0].servers
    assert (first.state, first.weight, first.why) == ("up", 2, "")
    assert (second.state, second.weight, second.why) == ("down", None, "refused")


def test_thousand_servers_are_checked_at_their_rate(world):
    lines = "".join(f"    real = 10.8.{n // 250}.{n % 250 + 1}:80 gate\n" for n in range(1_000))
    one = world(TIMES + "virtual = 10.9.0.1:80\n" + lines + "    checktype = connect\n")
    one.run_until(10_000)
    counts = Counter(check.address for _, check, _ in one.runs)
    assert set(counts.values()) <= {10, 11, 12}


def texts(one, code):
    return [line.text for _, line in one.log if line.code == code]


def test_a_server_that_never_was_in_the_table_is_down_and_not_deleted(world):
    one = world(before=lambda one: setattr(one.server("10.9.0.2"), "up", False))
    one.run_until(500)
    assert texts(one, "server-down") == ["Real server is down: 10.9.0.2:80 (10.9.0.1:80): refused"]
    one.server("10.9.0.3").up = False
    one.run_until(2_500)
    assert texts(one, "server-down")[1:] == ["Deleted real server: 10.9.0.3:80 (10.9.0.1:80): refused"]


def test_what_was_done_to_virtual_services_is_said(world):
    def before(one):
        for line in ("-A -t 10.9.0.1:80 -s rr", "-a -t 10.9.0.1:80 -r 10.9.0.77:80 -g"):
            perform(one.kernel, parse_rule(line))

    one = world(before=before)
    one.run_until(500)
    assert texts(one, "virtual-changed") == ["Changed virtual server: 10.9.0.1:80"]
    assert texts(one, "purged") == ["Purged real server (start): 10.9.0.77:80 (10.9.0.1:80)"]
    one.give(StopAsked())
    one.run_until(1_000)
    assert texts(one, "purged")[1:] == ["Purged virtual server (stop): 10.9.0.1:80"]
    assert one.ended


def test_a_server_behind_a_firewall_mark_keeps_its_port(world):
    text = TIMES + "virtual = 8\n    real = 10.9.0.2:8080 gate 2\n    protocol = fwm\n    checktype = connect\n"
    one = world(text)
    one.run_until(2_500)
    assert [key for inside in one.kernel.destinations.values() for key in inside] == [("10.9.0.2", 8080)]
    assert len(one.applied) == 2


def test_the_kind_of_a_tunnel_that_somebody_set_stays(world):
    one = world(TIMES + VIRTUAL.replace("gate", "ipip"))
    one.run_until(500)
    perform(one.kernel, parse_rule("-e -t 10.9.0.1:80 -r 10.9.0.2:80 -i -w 2 --tun-type gre --tun-csum"))
    one.run_until(2_500)
    one.server("10.9.0.3").up = False
    one.run_until(4_500)
    entry = one.kernel.find(next(iter(one.kernel.services)), "10.9.0.2", 80)
    assert entry.tunnel == "--tun-type gre --tun-csum"
