"""crm_verify: what it says and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hacluster.tools.crm_verify import script
from tests.scripts import play

FINE = """<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config>
<cluster_property_set id="o"><nvpair id="s" name="stonith-enabled" value="false"/>
<nvpair id="q" name="no-quorum-policy" value="ignore"/></cluster_property_set></crm_config><nodes/>
<resources><primitive id="a" class="lsb" type="x"/></resources><constraints/></configuration><status/></cib>"""
ORDER = """<constraints><rsc_order id="o1" first="a" then="a" require-all="true"/></constraints>"""
LAST = "crm_verify: Errors found during check: config not valid"


def run(*arguments: str, stdin: str = "") -> tuple[int, list[str]]:
    done = play(script, ["crm_verify", *arguments], stdin=stdin)
    return done.status, (done.out + done.err).splitlines()


def test_a_fine_configuration_is_passed_in_silence(tmp_path: Path) -> None:
    (tmp_path / "cib.xml").write_text(FINE)
    assert run("-x", str(tmp_path / "cib.xml")) == (0, [])
    assert run("-X", FINE) == (0, [])
    assert run("-p", stdin=FINE) == (0, [])


def test_every_fault_is_shown_with_its_place() -> None:
    broken = FINE.replace('class="lsb"', 'class="osf"').replace("<constraints/>", '<constraints bogus="1"/>')
    code, lines = run("-X", broken)
    assert code == 78
    assert [line.split(": ")[0] for line in lines[:-1]] == ['<text>:4 (<primitive id="a">)', "<text>:4 (<constraints>)"]
    assert lines[-1] == LAST


def test_a_mistake_that_the_schema_does_not_see() -> None:
    code, lines = run("-X", FINE.replace('value="false"', 'value="true"'))
    assert code == 78
    assert "fencing is enabled and there is no fencing device" in lines[0]


def test_a_warning_counts_too() -> None:
    code, lines = run("-X", FINE.replace("<constraints/>", ORDER))
    assert code == 78
    assert lines[-1] == "crm_verify: Warnings found during check: config may not be valid"


@pytest.mark.parametrize(
    ("text", "code"), [("<cib>", 76), ("", 1), ("<cob/>", 76), ("<!DOCTYPE cib [<!ENTITY a 'b'>]><cib>&a;</cib>", 76)]
)
def test_what_is_no_cib(text: str, code: int) -> None:
    assert run("-X", text)[0] == code


def test_no_source_no_file_no_cluster(tmp_path: Path) -> None:
    assert run()[0] == 1
    assert run("-x", str(tmp_path / "none"))[0] == 1
    assert run("-L")[0] == 66


def test_an_upgrade_is_told_to_who_asks() -> None:
    old = FINE.replace("3.9", "2.10").replace("no-quorum-policy", "no_quorum_policy")
    assert run("-X", old) == (0, [])
    code, lines = run("-V", "-X", old)
    assert code == 0
    assert "no_quorum_policy is now no-quorum-policy" in lines[0]


def test_formats(tmp_path: Path) -> None:
    bad = FINE.replace('class="lsb"', "")
    code, lines = run("--output-as", "json", "-X", bad)
    shown = json.loads("\n".join(lines))
    assert code == shown["status"] == 78
    assert shown["reports"][0]["line"] == 4
    done = play(script, ["crm_verify", "--output-as=xml", "-X", bad])
    assert '<status code="78" message="Invalid configuration"/>' in done.out
    assert "report" not in done.out
    assert "attribute class is missing" in done.err or "class" in done.err


def test_the_verified_document_is_saved_whole(tmp_path: Path) -> None:
    saved = tmp_path / "saved.xml"
    assert run("-X", FINE, "-S", str(saved))[0] == 0
    assert "<status/>" in saved.read_text()
    assert run("-x", str(saved))[0] == 0


def test_wrong_usage_exits_with_64() -> None:
    assert play(script, ["crm_verify", "--bogus"]).status == 64


def test_the_cib_of_a_shadow_or_a_file_stands_for_that_of_the_cluster(tmp_path: Path) -> None:
    place = tmp_path / "cib.xml"
    place.write_text(FINE)
    assert play(script, ["crm_verify", "-L"], {"CIB_file": str(place)}).status == 0
    place.write_text(FINE.replace("<constraints/>", ORDER))
    done = play(script, ["crm_verify", "-L"], {"CIB_file": str(place)})
    assert done.status == 78
    assert "<cluster>:" in done.err


CLONE = '<clone id="c"><primitive id="a" class="lsb" type="x"/></clone>'
LOCATION = '<constraints><rsc_location id="l" rsc="{}" node="n" score="1"/></constraints>'


@pytest.mark.parametrize(("named", "code"), [("a", 78), ("c", 0)])
def test_a_constraint_cannot_name_what_is_inside_a_clone(named: str, code: int) -> None:
    cloned = FINE.replace('<primitive id="a" class="lsb" type="x"/>', CLONE)
    told = run("-X", cloned.replace("<constraints/>", LOCATION.format(named)))
    assert told[0] == code
    assert ("inside a clone" in " ".join(told[1])) is (code != 0)


def test_the_state_of_a_node_that_is_gone() -> None:
    code, lines = run("-X", FINE.replace("<status/>", '<status><node_state id="9" uname="gone"/></status>'))
    assert code == 78
    assert "what is recorded of node gone is ignored" in lines[0]
