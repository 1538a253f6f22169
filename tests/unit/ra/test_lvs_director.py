"""How lvs-director is written in haresources."""

import importlib

import pytest

AGENT = importlib.import_module("hacluster_ra.lvs_director")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("172.16.100.1", {"ip": "172.16.100.1"}),
        ("172.16.100.1::eth1", {"ip": "172.16.100.1", "sync_interface": "eth1"}),
        ("172.16.100.1::eth1::7", {"ip": "172.16.100.1", "sync_interface": "eth1", "sync_id": "7"}),
        (
            "172.16.100.1/16/eth0:0::eth1",
            {"ip": "172.16.100.1", "cidr_netmask": "16", "nic": "eth0", "iflabel": "0", "sync_interface": "eth1"},
        ),
        ("fd00:0:0:0:0:0:0:1::eth1", {"ip": "fd00:0:0:0:0:0:0:1", "sync_interface": "eth1"}),
    ],
)
def test_arguments(words: str, found: dict[str, str]) -> None:
    assert AGENT.from_haresources(words.split("::")) == ({"check_duplicate": "false", **found}, "")


def test_too_many() -> None:
    assert AGENT.from_haresources(["172.16.100.1", "eth1", "7", "8"])[1]
