"""Man pages and completion files: one for every command, with everything that its table has, in valid forms."""

import signal
import subprocess
import tomllib
from pathlib import Path

import pytest

from hacluster.crmsh.levels import SUMMARIES, find_level
from hacluster.tools.pages import ENTRIES, Page, Row, completion, man, page_of, roff, write

ROOT = Path(__file__).parents[3]


def test_every_command_of_the_wheel_has_a_page():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(ENTRIES) == set(scripts)


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_page_has_a_summary_and_every_option(name):
    page = page_of(name)
    assert page.summary
    text = man(page)
    assert text.startswith(f".TH {name.upper()} 8 ")
    for row in page.options():
        for option in row.names:
            assert roff(option) in text, option
    for line in text.splitlines():
        assert not line.startswith("'"), "roff would take it for a request"
        assert not line.startswith(".") or line.split()[0] in {
            ".TH", ".SH", ".TP", ".PP", ".B", ".BR", ".nf", ".fi", ".sp",
        }, line  # fmt: skip


def test_the_page_of_crm_has_every_verb_of_every_level():
    text = man(page_of("crm"))
    for name in SUMMARIES:
        for verb in find_level(name).verbs:
            if verb.shown and not verb.opens:
                assert f".B {roff(verb.name)}" in text, (name, verb.name)


def test_text_that_roff_would_take_for_itself_is_shown_as_it_is():
    assert roff(".x\\y-z") == "\\&.x\\ey\\-z"
    assert roff("'a") == "\\&'a"
    page = Page("t", "a tool.", "t", (("A", (Row(("-x",), ".begins"),)),))
    assert "\\&.begins" in man(page)


def test_completions_are_scripts_that_bash_can_read(tmp_path):
    write(tmp_path)
    for name in ENTRIES:
        path = tmp_path / "completions" / name
        done = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), name
        assert completion(page_of(name)) == path.read_text()
    assert "compgen resource" in (tmp_path / "completions" / "crm_resource").read_text()


def test_a_command_that_bounds_its_own_time_does_not_bound_that_of_who_asks_for_its_page():
    page_of("cl_status")
    assert signal.alarm(0) == 0
