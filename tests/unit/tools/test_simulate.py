"""The command ``simulate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from hacluster.cib.statusxml import document_xml
from hacluster.tools.simulate import simulate
from tests.unit.pe.clusters import cib, primitive


@pytest.fixture
def case(tmp_path: Path) -> Path:
    path = tmp_path / "cib.xml"
    path.write_bytes(etree.tostring(document_xml(cib(primitive("a")))))
    return path


def test_status_only(case: Path) -> None:
    done = CliRunner().invoke(simulate, ["-x", str(case)])
    assert done.exit_code == 0
    assert "Current cluster status:" in done.output
    assert "Transition Summary:" not in done.output


def test_files(case: Path) -> None:
    folder = case.parent
    names = {"-G": "graph.xml", "-D": "graph.dot", "-I": "in.xml", "-O": "out.xml"}
    options = [part for option, name in names.items() for part in (option, str(folder / name))]
    done = CliRunner().invoke(simulate, ["-x", str(case), "-S", "-d", "n3", *options])
    assert done.exit_code == 0, done.output
    assert etree.parse(folder / "graph.xml").getroot().tag == "transition_graph"
    assert "a_start_0 n1" in (folder / "graph.dot").read_text()
    before, after = (etree.parse(folder / name) for name in ("in.xml", "out.xml"))
    assert before.find(".//node_state[@uname='n3']").get("crmd") == "offline"
    assert before.find(".//lrm_rsc_op") is None
    assert after.find(".//lrm_rsc_op[@operation='start']") is not None


def test_pipe(case: Path) -> None:
    done = CliRunner().invoke(simulate, ["-p", "-R"], input=case.read_bytes())
    assert "* Start a ( n1 )" in " ".join(done.output.split())


def test_batch(case: Path) -> None:
    folder = case.parent
    line = "\t".join((str(case), str(folder / "text"), str(folder / "graph")))
    done = CliRunner().invoke(simulate, ["--batch"], input=f"{line}\n{line}\t--set-datetime\tnever\nx\n")
    first, second, third = done.output.splitlines()
    assert first == "OK"
    assert second.startswith("ERROR\t")
    assert third.startswith("ERROR\t")
    assert "Revised Cluster Status:" in (folder / "text").read_text()


def test_profile(case: Path) -> None:
    done = CliRunner().invoke(simulate, ["-P", str(case.parent), "-N", "2"])
    assert done.output.startswith(f"Timings:\n  * Testing {case} ... ")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["-x", "/nonexistent.xml"], 66),
        ([], 66),
        (["-L"], 66),
        (["-x", "CASE", "-F", "x"], 2),
        (["-x", "CASE", "-t", "never"], 2),
    ],
)
def test_errors(case: Path, options: list[str], code: int) -> None:
    done = CliRunner().invoke(simulate, [str(case) if option == "CASE" else option for option in options])
    assert done.exit_code == code
    assert "Traceback" not in done.output


def test_the_cib_of_the_cluster_is_the_one_of_the_environment(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIB_file", str(case))
    for options in (["-L", "-R"], ["-R"]):
        done = CliRunner().invoke(simulate, options)
        assert done.exit_code == 0
        assert "* Start a ( n1 )" in " ".join(done.output.split())
    done = CliRunner().invoke(simulate, ["-L", "-S", "-O", str(case.parent / "out.xml"), "-i", "a_monitor_10000@n1=7"])
    assert done.exit_code == 0
    assert "lrm_rsc_op" in (case.parent / "out.xml").read_text()
    assert "lrm_rsc_op" not in case.read_text(), "the cluster's own is left as it is"


def test_what_is_no_cib(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text("<cib>\n<oops>\n</cib>")
    done = CliRunner().invoke(simulate, ["-x", str(path)])
    assert done.exit_code == 65
    assert ":3:" in done.output
