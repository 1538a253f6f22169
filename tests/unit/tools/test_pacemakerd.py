"""``pacemakerd``: what it says of itself; starting and stopping are ``hacluster``'s."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from hacluster.tools.pacemakerd import FEATURES, script
from tests.scripts import play


def test_features() -> None:
    done = play(script, ["pacemakerd", "-F"])
    assert done.status == 0
    assert done.out.splitlines()[1].endswith(": " + " ".join(FEATURES))
    root = etree.fromstring(play(script, ["pacemakerd", "--features", "--output-as=xml"]).out)
    assert [item.text for item in root.iterfind("pacemakerd/features/feature")] == list(FEATURES)


def test_a_stop_where_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HACLUSTER_RUN_DIR", str(tmp_path))
    done = play(script, ["pacemakerd", "--shutdown"])
    assert (done.status, done.out) == (0, "heartbeat is stopped. No process\n")


def test_a_start_in_standby_is_refused_with_what_to_do_instead() -> None:
    done = play(script, ["pacemakerd", "--standby"])
    assert done.status == 3
    assert "crm_standby" in done.err
