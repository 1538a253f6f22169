"""Who decides what becomes of a node that must stop at once."""

from __future__ import annotations

import os

import pytest

from hacluster.config.settings import HaclusterConfig, OnStopFailure, SelfFencePolicy
from hacluster.daemon import plug
from hacluster.daemon.plug import policy


@pytest.mark.parametrize("self_fence", list(SelfFencePolicy))
def test_a_stop_failure_that_asks_for_a_reboot_gets_one(self_fence):
    own = HaclusterConfig(on_stop_failure=OnStopFailure.REBOOT, self_fence=self_fence)
    assert policy(own, machine=True) is SelfFencePolicy.REBOOT
    assert policy(own, machine=False) is self_fence


@pytest.mark.parametrize("self_fence", list(SelfFencePolicy))
def test_all_else_is_for_self_fence_to_say(self_fence):
    assert policy(HaclusterConfig(self_fence=self_fence), machine=True) is self_fence


@pytest.mark.parametrize(
    ("own", "held"),
    [
        (HaclusterConfig(), False),
        (HaclusterConfig(self_fence=SelfFencePolicy.REBOOT), True),
        (HaclusterConfig(on_stop_failure=OnStopFailure.REBOOT), True),
    ],
)
def test_what_restarts_the_host_is_held_only_where_a_policy_wants_it(tmp_path, monkeypatch, own, held):
    """Opened before the brain gives root up, written after: an orphan has nobody to do it for it."""
    trigger = tmp_path / "sysrq-trigger"
    trigger.write_bytes(b"")
    monkeypatch.setattr(plug, "SYSRQ", str(trigger))
    fd = plug.grasp(own)
    assert (fd >= 0) is held
    if held:
        trigger.rename(tmp_path / "elsewhere")
        plug.sysrq_reboot(fd)
        os.close(fd)
        assert (tmp_path / "elsewhere").read_bytes() == b"b"
