"""What an idle node takes; the measure beside Heartbeat is ``python -m tests.bench.footprint``."""

from __future__ import annotations

import pytest

from tests.bench.footprint import daemons, pss_kib
from tests.cluster import cluster
from tests.conftest import require_lab
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

BOUND_KIB = 64 * 1024
"""A sixth above what was measured with Python 3.11: 54.6 MiB."""

HEARTBEAT_NEEDS_NOT = ("lxml", "libssl")


def test_the_processes_of_a_node_share_what_they_loaded():
    require_lab()
    with cluster(hacluster_cf="seal on\n") as made:
        made.up()
        pids = daemons(made.one.host, "hacluster")
        maps = {}
        for pid in pids:
            with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
                maps[pid] = file.read()
        assert len(pids) == 5, pids
        assert [word for word in HEARTBEAT_NEEDS_NOT for text in maps.values() if word in text] == []
        eventually("bounded", lambda: sum(map(pss_kib, pids)) < BOUND_KIB)
        print(f"{sum(map(pss_kib, pids)) / 1024:.1f} MiB")
