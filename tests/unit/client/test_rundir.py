"""Where a command looks for the daemon that it was not told about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.report import Severity
from hacluster.client.greeting import DEFAULT_RUN_DIR
from hacluster.client.rundir import VARIABLE, run_dir, run_dir_in
from hacluster.config.hacluster_cf import parse_hacluster_cf

LINES = st.sampled_from(
    [
        "run_dir /run/one",
        "  run_dir\t/run/two  # there",
        "run_dir /run/three,/run/four",
        "#run_dir /run/five",
        "state_dir /var/lib/six",
        "seal off\r",
        "run_dir /run/seven\r",
        "",
    ]
)


@given(st.lists(LINES, max_size=6))
def test_it_is_what_the_daemon_reads(lines):
    text = "\n".join(lines)
    config, reports = parse_hacluster_cf(text, "hacluster.cf")
    assert config is not None, [report for report in reports if report.severity <= Severity.ERROR]
    assert (run_dir_in(text) or DEFAULT_RUN_DIR) == config.run_dir


@given(st.text(max_size=200))
def test_any_text_can_be_looked_at(text):
    assert run_dir_in(text) is None or text.count("run_dir") >= 1


def test_who_comes_first(tmp_path, monkeypatch):
    file = tmp_path / "hacluster.cf"
    monkeypatch.delenv(VARIABLE, raising=False)
    assert run_dir(config_file=str(file)) == DEFAULT_RUN_DIR
    file.write_bytes(b"# \xff\nrun_dir /run/other\n")
    assert run_dir(config_file=str(file)) == "/run/other"
    monkeypatch.setenv(VARIABLE, "/run/variable")
    assert run_dir(config_file=str(file)) == "/run/variable"
    assert run_dir("/run/given", config_file=str(file)) == "/run/given"
