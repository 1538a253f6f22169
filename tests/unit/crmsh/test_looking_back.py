"""Reports, past instants, what an outage costs, and scripts for whole services."""

from __future__ import annotations

import bz2
import io
import json
import tarfile
import time
from pathlib import Path

import pytest
from lxml import etree

from hacluster.crmsh import budget
from hacluster.crmsh.collecting import Wish, clean_cib, clean_text, line_time, log_part, put
from hacluster.crmsh.level import Refused
from hacluster.crmsh.reporting import Collected, files_in, instant
from hacluster.crmsh.scripts import SCRIPTS, script_of

NOW = time.mktime((2026, 11, 28, 12, 0, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("word", "away"),
    [("11:30", 1_800), ("11:59:30", 30), ("-2h", 7_200), ("2026-11-28 11:00", 3_600), ("13:00", 23 * 3_600)],
)
def test_times_as_people_write_them(word: str, away: int) -> None:
    assert instant(word, NOW) == NOW - away


@pytest.mark.parametrize("word", ["soon", "25:00", "-", "-x", "@x"])
def test_what_is_no_time_is_refused(word: str) -> None:
    with pytest.raises(Refused):
        instant(word, NOW)


def test_a_log_is_cut_to_the_time_and_secrets_are_taken_out(tmp_path: Path) -> None:
    lines = ["2026/11/28_10:00:00 n1 early", "2026/11/28_11:30:00 n1 passwd=geheim ip=1", "  goes on"]
    lines += ["2026/11/28_11:58:00 n1 late"]
    (tmp_path / "log").write_text("\n".join(lines))
    wish = Wish(NOW - 3_600, NOW - 600)
    assert log_part(tmp_path / "log", wish) == ["2026/11/28_11:30:00 n1 passwd=****** ip=1", "  goes on"]
    assert line_time("Nov 28 12:00:00 n1 x", 2026) == line_time("2026-11-28T12:00:00 x", 2026) == NOW
    assert clean_text('<nvpair name="x" password: "a b"', ("passw*",)).count("******") == 1
    root = etree.fromstring(
        '<cib><nvpair name="passwd" value="x"/><primitive password="y"/><nvpair name="ip" value="z"/></cib>'
    )
    assert b'"x"' not in etree.tostring(clean_cib(root, ("passw*",)))
    assert b'"y"' not in etree.tostring(root)
    assert b'"z"' in etree.tostring(root)


def archive(path: Path, files: dict[str, bytes]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:bz2") as tar:
        for name, data in files.items():
            put(tar, name, data)
    path.write_bytes(out.getvalue())


LOG = """crmd[12]: 2026/11/28_11:00:00 notice: transition 3: A_start_0 on n2 why=A failed input=pe-input-7
te[12]: 2026/11/28_11:00:01 info: A_start_0 is fired
crmd[12]: 2026/11/28_11:10:00 notice: transition 4: nothing to do why=recheck input=pe-input-8
"""


def test_a_report_is_read_again(tmp_path: Path, crm, file) -> None:
    cib = file.read_text()
    archive(
        tmp_path / "r.tar.bz2",
        {
            "r/n1/description.txt": b"node n1\n",
            "r/n1/logs/ha-log": LOG.encode(),
            "r/n1/pengine/pe-input-7.bz2": bz2.compress(cib.replace('epoch="4"', 'epoch="7"').encode()),
            "r/n2/description.txt": b"node n2\n",
            "r/n2/logs/ha-log": b"2026/11/28_11:00:02 n2 lrm: A started\n",
        },
    )
    found = Collected.of(str(tmp_path / "r.tar.bz2"))
    assert found.nodes() == ["n1", "n2"]
    assert [node for _, node, _ in found.log_lines()] == ["n1", "n1", "n2", "n1"]
    words = ("-H", str(tmp_path / "r.tar.bz2"), "history")
    assert "n2: 2026/11/28_11:00:02 n2 lrm: A started" in crm(*words, "log")[1]
    assert crm(*words, "log", "n2")[1].count("\n") == 1
    assert crm(*words, "log", "n9")[0] == 1
    assert "2026-11-28 11:00:00 n1 pe-input-7: A_start_0 on n2 (why: A failed)" in crm(*words, "transitions")[1]
    assert "n2: 2026/11/28_11:00:02" in crm(*words, "latest")[1]
    assert "recheck" not in crm(*words, "transition", "log", "7")[1]
    assert crm(*words, "show", "7")[0] == 0
    assert "7: epoch" not in crm(*words, "show", "9")[1]
    for wrong in ("nowhere.tar", str(file)):
        with pytest.raises(Refused):
            Collected.of(wrong)


def test_a_part_of_a_node_stays_in_its_directory() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as tar:
        for name in ("n1/a", "n2/b", "n1/../../etc/x", "/n1/c"):
            put(tar, name, b"x")
    assert list(files_in(out.getvalue(), "n1")) == ["n1/a"]
    assert files_in(b"nonsense", "n1") == {}


CIB = """<cib><configuration><crm_config><cluster_property_set id="o">
<nvpair id="o1" name="stonith-timeout" value="30s"/></cluster_property_set></crm_config><nodes/>
<resources><group id="g"><primitive id="ip" class="ocf" provider="x" type="D"><operations>
<op id="i1" name="start" interval="0" timeout="5s"/>
<op id="i2" name="monitor" interval="10s" timeout="4s"/></operations>
</primitive><primitive id="web" class="ocf" provider="x" type="D"><operations>
<op id="w1" name="start" interval="0" timeout="40s"/></operations></primitive></group>
<primitive id="db" class="ocf" provider="x" type="D"/></resources>
<constraints><rsc_order id="c" first="db" then="g"/></constraints></configuration><status><node_state uname="n1"><lrm>
<lrm_resources><lrm_resource id="ip"><lrm_rsc_op operation="start" rc-code="0" exec-time="300"/></lrm_resource>
</lrm_resources></lrm></node_state></status></cib>"""


def test_what_an_outage_costs() -> None:
    root = etree.fromstring(CIB)
    assert [one.get("id") for one in budget.chain(root, "web")] == ["db", "ip", "web"]
    assert [one.get("id") for one in budget.chain(root, "ip")] == ["db", "ip"]
    timers = budget.Timers(1_000, 10_000, 3)
    steps = {one.name: one for one in budget.node_lost(root, "web", timers)}
    assert list(steps) == ["detection", "quorum", "fencing", "start"]
    assert steps["detection"].worst == 11_000
    assert steps["fencing"].worst == 30_000
    assert (steps["start"].worst, steps["start"].expected) == (20_000 + 5_000 + 40_000, None)
    failed = {one.name: one for one in budget.resource_failed(root, "ip")}
    assert (failed["detection"].worst, failed["start"].worst, failed["start"].expected) == (14_000, 5_000, 300)
    assert budget.resource_failed(root, "web") == []
    assert any(">" in line for line in budget.lines("x", list(steps.values())))


def test_budget_of_a_file(loaded) -> None:
    status, out, _ = loaded("budget", "a")
    assert status == 0
    assert "a, when its node loses power:" in out
    assert "monitor every 10 s" in out
    assert "nothing watches it" in loaded("budget", "b")[1]
    assert json.loads(loaded("budget", "a", "--json")[1].partition("\n")[2])["a"]["node_lost"][0]["step"] == "detection"
    assert loaded("budget", "nobody")[0] == 1


def test_scripts_say_what_they_need_and_what_comes_of_them() -> None:
    for one in SCRIPTS:
        given = {parameter.name: "x1" for parameter in one.parameters if parameter.needed}
        assert "{" not in one.configuration(given), one.name
    with pytest.raises(Refused, match=r"id is needed.*ip is needed"):
        script_of("vip").configuration({})
    with pytest.raises(Refused, match="frob is no parameter"):
        script_of("vip").configuration({"id": "a", "ip": "1", "frob": "1"})
    with pytest.raises(Refused, match="is no id"):
        script_of("vip").configuration({"id": "a b", "ip": "1"})
    with pytest.raises(Refused, match="there is no script"):
        script_of("nothing")
