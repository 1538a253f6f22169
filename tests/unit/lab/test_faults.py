from hacluster.lab.faults import Fault, netem, ruleset


def rules(*faults: Fault) -> list[str]:
    text = ruleset(list(faults))
    return [line.strip() for line in text.splitlines() if "drop" in line]


def test_no_fault_is_an_empty_chain() -> None:
    assert rules() == []
    assert ruleset([]).startswith("table bridge lab { }\ndelete table bridge lab\n")


def test_directions_are_as_the_host_sees_them() -> None:
    assert rules(Fault("p1.0", "out")) == ['iifname "p1.0" drop']
    assert rules(Fault("p1.0", "in")) == ['oifname "p1.0" drop']
    assert rules(Fault("p1.0", "both")) == ['iifname "p1.0" drop', 'oifname "p1.0" drop']


def test_a_peer_is_the_other_end() -> None:
    assert rules(Fault("p1.0", "both", "p2.0")) == [
        'iifname "p1.0" oifname "p2.0" drop',
        'oifname "p1.0" iifname "p2.0" drop',
    ]


def test_loss_is_a_random_number_below_a_share() -> None:
    assert rules(Fault("p1.0", "out", None, 4000)) == ['iifname "p1.0" numgen random mod 10000 < 4000 drop']


def test_netem_begins_and_ends() -> None:
    assert netem("eth0", 4050) == ["tc", "qdisc", "replace", "dev", "eth0", "root", "netem", "loss", "40.5%"]
    assert netem("eth0", 0) == ["tc", "qdisc", "del", "dev", "eth0", "root"]
