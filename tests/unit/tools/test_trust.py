"""``hacluster forget`` and ``unpin``: what is asked, what is said, how they end."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from hacluster.msg.driver import Refused
from hacluster.msg.membership import Accepted, ForgetFloor, UnpinSeal
from hacluster.tools.main import main

COMMANDS = [("forget", ForgetFloor("beta")), ("unpin", UnpinSeal("beta"))]


@pytest.mark.parametrize(("name", "request_"), COMMANDS)
def test_done_and_refused(node, name, request_):
    node.answers[type(request_)] = Accepted("so be it")
    result = CliRunner().invoke(main, [name, "Beta", "--run-dir", node.run_dir])
    assert (result.exit_code, result.output) == (0, "so be it\n")
    node.answers[type(request_)] = Accepted()
    assert "beta" in CliRunner().invoke(main, [name, "beta", "--run-dir", node.run_dir]).output
    node.answers[type(request_)] = Refused("unknown-node", "beta is no other node", "nodes: gamma")
    result = CliRunner().invoke(main, [name, "beta", "--run-dir", node.run_dir])
    assert (result.exit_code, result.output) == (1, f"hacluster {name}: beta is no other node (nodes: gamma)\n")
    assert node.asked == [request_] * 3


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_without_a_daemon(tmp_path, name):
    result = CliRunner().invoke(main, [name, "beta", "--run-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith(f"hacluster {name}: nobody listens at {tmp_path}")
