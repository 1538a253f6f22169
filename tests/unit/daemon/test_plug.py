"""Who decides what becomes of a node that must stop at once."""

from __future__ import annotations

import pytest

from hacluster.config.settings import HaclusterConfig, OnStopFailure, SelfFencePolicy
from hacluster.daemon.plug import policy


@pytest.mark.parametrize("self_fence", list(SelfFencePolicy))
def test_a_stop_failure_that_asks_for_a_reboot_gets_one(self_fence):
    own = HaclusterConfig(on_stop_failure=OnStopFailure.REBOOT, self_fence=self_fence)
    assert policy(own, machine=True) is SelfFencePolicy.REBOOT
    assert policy(own, machine=False) is self_fence


@pytest.mark.parametrize("self_fence", list(SelfFencePolicy))
def test_all_else_is_for_self_fence_to_say(self_fence):
    assert policy(HaclusterConfig(self_fence=self_fence), machine=True) is self_fence
