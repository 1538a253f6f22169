"""The tools that agents call, in a directory of their own."""

from __future__ import annotations

import os
import subprocess

from hacluster.daemon import toolbox


def test_it_holds_tools_and_no_interpreter(tmp_path):
    for _ in range(2):
        folder, missing = toolbox.fill(str(tmp_path))
        assert missing == []
        assert sorted(os.listdir(folder)) == sorted(toolbox.TOOLS)
    done = subprocess.run(
        ["crm_error", "-X", "7"], env={"PATH": folder + ":/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert "not running" in done.stdout.lower()


def test_a_tool_that_is_not_installed_any_more_goes(tmp_path, monkeypatch):
    folder, _ = toolbox.fill(str(tmp_path))
    monkeypatch.setattr(toolbox, "TOOLS", ("no_such_tool",))
    os.symlink("/gone", os.path.join(folder, "no_such_tool"))
    assert toolbox.fill(str(tmp_path)) == (folder, ["no_such_tool"])
    assert not os.path.lexists(os.path.join(folder, "no_such_tool"))
