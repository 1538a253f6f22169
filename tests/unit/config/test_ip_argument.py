"""The argument of IP address resources."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.config.ip_argument import IpArgument, parse_ip_argument

V4 = ipaddress.ip_address("10.0.0.1")
V6 = ipaddress.ip_address("fe80::1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", IpArgument(V4)),
        ("10.0.0.1/24", IpArgument(V4, 24)),
        ("10.0.0.1/255.255.0.0", IpArgument(V4, 16)),
        ("10.0.0.1/24/eth0", IpArgument(V4, 24, "eth0")),
        ("10.0.0.1/24/eth0:1", IpArgument(V4, 24, "eth0", "1")),
        ("10.0.0.1/24/eth0:ten-letter", IpArgument(V4, 24, "eth0", "ten-letter")),
        ("10.0.0.1/24/eth0/10.0.0.255", IpArgument(V4, 24, "eth0", None, "10.0.0.255")),
        ("10.0.0.1/24/eth0:web/10.0.0.255", IpArgument(V4, 24, "eth0", "web", "10.0.0.255")),
        ("10.0.0.1/24/10.0.0.255", IpArgument(V4, 24, None, None, "10.0.0.255")),
        ("fe80:0:0:0:0:0:0:1/64/eth0", IpArgument(V6, 64, "eth0")),
    ],
)
def test_good(text, expected):
    assert parse_ip_argument(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0",
        "10.0.0.256",
        "host/24",
        "10.0.0.1/33",
        "10.0.0.1/",
        "10.0.0.1/x",
        "10.0.0.1/255.0.255.0",
        "10.0.0.1/24/",
        "10.0.0.1/24/:1",
        "10.0.0.1/24/eth0:fourteen-chars",
        "10.0.0.1/24/" + 128 * "n",
        "10.0.0.1/24/eth0/nonsense",
        "10.0.0.1/24/10.0.0.256",
        "10.0.0.1/24/10.0.0.255/eth0",
        "10.0.0.1/24/eth0/10.0.0.255/more",
        "10.0.0.1/24/eth0/fe80:0:0:0:0:0:0:1",
        "fe80:0:0:0:0:0:0:1/129",
    ],
)
def test_bad(text):
    assert isinstance(parse_ip_argument(text), str)


@given(st.text(alphabet="0123456789./:ethf%", max_size=40))
def test_it_never_raises(text):
    parse_ip_argument(text)
