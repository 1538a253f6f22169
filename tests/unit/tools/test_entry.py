"""The daemon begins without click where its words are plain, and means the same by them."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from hacluster.tools import entry
from hacluster.tools.entry import Plain, plain
from hacluster.tools.main import main


def test_the_words_are_those_of_the_command():
    command = main.get_command(click.Context(main), "run")
    assert command is not None
    names = {name: param.name for param in command.params for name in param.opts}
    assert names == entry._DIRECTORIES | entry._FLAGS
    context = command.make_context("run", [])
    assert Plain(**context.params) == Plain()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ([], Plain()),
        (["-C", "/a"], Plain(config_dir="/a")),
        (["--config-dir=/a=b", "--log-stderr"], Plain(config_dir="/a=b", log_stderr=True)),
        (
            ["--run-dir", "/r", "--state-dir", "/s", "--one-process"],
            Plain(run_dir="/r", state_dir="/s", one_process=True),
        ),
    ],
)
def test_plain_words(words, meant):
    assert plain(words) == meant


@pytest.mark.parametrize("words", [["-h"], ["-C"], ["-C/a"], ["--run-dir", "--help"], ["--log-stderr=yes"], ["more"]])
def test_the_rest_is_left_to_click(words):
    assert plain(words) is None


def test_the_daemon_has_no_click():
    code = "import sys, hacluster.tools.entry, hacluster.daemon.begin; print('click' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout == "False\n"
