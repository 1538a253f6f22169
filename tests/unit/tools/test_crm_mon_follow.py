"""``crm_mon`` that goes on, over a file: it writes again when the document changes, and calls the user's program."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

OP = (
    '<lrm_rsc_op id="A_last_0" operation="start" operation_key="A_start_0" crm_feature_set="3.19.0"'
    ' transition-key="3:1:0:u" transition-magic="0:{rc};3:1:0:u" call-id="{call}" rc-code="{rc}" op-status="{status}"'
    ' interval="0" last-rc-change="1" exit-reason="{why}"/>'
)


def cib(*, call: int, rc: int = 0, status: int = 0, why: str = "") -> str:
    op = OP.format(call=call, rc=rc, status=status, why=why)
    return (
        '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0" crm_feature_set="3.19.0"'
        ' have-quorum="1"><configuration><crm_config/><nodes><node id="n1" uname="n1"/></nodes><resources>'
        '<primitive id="A" class="ocf" provider="heartbeat" type="Dummy"/></resources><constraints/></configuration>'
        '<status><node_state id="n1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member">'
        f'<lrm id="n1"><lrm_resources><lrm_resource id="A" class="ocf" provider="heartbeat" type="Dummy">{op}'
        "</lrm_resource></lrm_resources></lrm></node_state></status></cib>"
    )


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def put(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.rename(path)


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Path]:
    """crm_mon follows ``cib.xml`` into ``out.txt``, and tells ``told`` by way of a program."""
    agent = tmp_path / "agent"
    agent.write_text(
        "#!/bin/sh\n"
        'echo "$CRM_notify_recipient $CRM_notify_node $CRM_notify_rsc $CRM_notify_task $CRM_notify_rc'
        f' $CRM_notify_target_rc $CRM_notify_desc" >> {tmp_path}/told\n'
    )
    agent.chmod(0o755)
    put(tmp_path / "cib.xml", cib(call=5))
    command = [sys.executable, "-c", "from hacluster.tools.crm_mon import script; script()"]
    options = [
        "--interval=1s",
        f"--output-to={tmp_path}/out.txt",
        f"--external-agent={agent}",
        "--external-recipient=me",
    ]
    running = subprocess.Popen(
        [*command, *options], env=os.environ | {"CIB_file": str(tmp_path / "cib.xml")}, stdin=subprocess.DEVNULL
    )
    yield tmp_path
    running.kill()
    running.wait()


def test_it_draws_anew_and_tells_of_each_result(follower: Path) -> None:
    page, told = follower / "out.txt", follower / "told"
    until(lambda: page.exists() and "Started n1" in page.read_text())
    assert not told.exists(), "what was there before is no news"
    put(follower / "cib.xml", cib(call=6, rc=1, status=0, why="no such luck"))
    until(lambda: "no such luck" in page.read_text())
    until(told.exists)
    until(lambda: told.read_text() == "me n1 A start 1 0 no such luck\n")
    put(follower / "cib.xml", "<cib")
    until(lambda: "Not connected" in page.read_text())
    put(follower / "cib.xml", cib(call=7))
    until(lambda: "Started n1" in page.read_text())
    until(lambda: told.read_text().endswith("me n1 A start 0 0 ok\n"))
