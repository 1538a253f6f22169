"""apiauth: under which name who may sign on."""

from __future__ import annotations

import pytest

from hacluster.config.settings import BUILTIN_APIAUTH, ApiAuth
from hacluster.daemon.signon import SignOn
from hacluster.msg.driver import Peer

NOBODY = 65_534
GROUP = 64_999


def peer(name: str, uid: int = NOBODY, gid: int = NOBODY, groups: tuple[int, ...] = ()) -> Peer:
    return Peer(name, uid, gid, 1, groups)


def entries(*written: ApiAuth) -> tuple[ApiAuth, ...]:
    return tuple(({entry.client: entry for entry in BUILTIN_APIAUTH} | {e.client: e for e in written}).values())


@pytest.mark.parametrize("name", ["cl_status", "hb_standby", "my-monitor", "anon", "ipfail", ""])
def test_root_always_may(name):
    assert SignOn(entries(ApiAuth("anon", ("4711",), ())), str(GROUP)).permits(peer(name, uid=0))


def test_without_a_line_casual_clients_are_the_sockets_group():
    """Heartbeat's own entry says haclient; hacluster.cf may call that group something else."""
    sign_on = SignOn(entries(), str(GROUP))
    for name in ("cl_status", "my-monitor", "anon"):
        assert sign_on.permits(peer(name, groups=(GROUP,)))
        assert sign_on.permits(peer(name, gid=GROUP))
        assert not sign_on.permits(peer(name))


def test_a_line_counts_as_it_stands():
    sign_on = SignOn(entries(ApiAuth("anon", (str(NOBODY),), ())), str(GROUP))
    assert sign_on.permits(peer("cl_status"))
    assert not sign_on.permits(peer("cl_status", uid=4711, groups=(GROUP,)))


def test_default_is_for_names_without_a_line_but_not_for_our_commands():
    sign_on = SignOn(entries(ApiAuth("default", (str(NOBODY),), ())), str(GROUP))
    assert sign_on.permits(peer("my-monitor"))
    assert not sign_on.permits(peer("cl_status"))
    assert not sign_on.permits(peer("my-monitor", uid=4711, groups=(GROUP,)))


def test_a_line_reserves_its_name():
    sign_on = SignOn(entries(ApiAuth("my-monitor", ("4711",), ("4712",))), str(GROUP))
    assert sign_on.permits(peer("my-monitor", uid=4711))
    assert sign_on.permits(peer("my-monitor", groups=(1, 4712)))
    assert not sign_on.permits(peer("my-monitor", groups=(GROUP,)))
    assert not sign_on.permits(peer("ipfail", groups=(GROUP,)))


def test_unknown_users_and_groups_are_nobody():
    sign_on = SignOn(entries(ApiAuth("anon", ("no-such-user",), ("no-such-group",))), "no-such-group")
    assert not sign_on.permits(peer("cl_status"))
