"""ipvsadm as a program: tables read, batches tried, faults known by their rule."""

import sys
from pathlib import Path

import pytest

from hacluster.ldirectord.kernel import BATCH, Ipvsadm, find_ipvsadm
from hacluster.lvs.rules import parse_rule

pytestmark = pytest.mark.asyncio


@pytest.fixture
def ipvsadm(tmp_path, monkeypatch):
    double = Path(__file__).with_name("ipvsadm_double.py")
    program = tmp_path / "ipvsadm"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {double} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("IPVS_TABLE", str(tmp_path / "table"))
    return Ipvsadm(str(program))


def rules(*lines):
    return tuple(parse_rule(line) for line in lines)


async def test_what_was_applied_is_read_back(ipvsadm):
    wanted = rules("-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3")
    assert not (await ipvsadm.apply(wanted)).faults
    found = await ipvsadm.read()
    assert [entry.weight for entry in found.table.of(wanted[0].service.id)] == [3]


async def test_one_bad_rule_keeps_no_other_from_working(ipvsadm):
    wanted = rules("-A -t 10.0.0.1:80 -s rr", "-d -t 10.0.0.1:80 -r 10.0.0.9:80", "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g")
    faults = (await ipvsadm.apply(wanted)).faults
    assert [(rule.command, said) for rule, said in faults] == []
    bad = rules("-e -t 10.0.0.7:80 -r 10.0.0.9:80 -g -w 2", "-a -t 10.0.0.1:80 -r 10.0.0.3:80 -g")
    assert [said for _, said in (await ipvsadm.apply(bad)).faults] == ["Service not defined"]
    assert len(list((await ipvsadm.read()).table.of(wanted[0].service.id))) == 2


async def test_a_missing_program_is_a_fault_not_a_crash():
    kernel = Ipvsadm("/nowhere/ipvsadm")
    assert "cannot run /nowhere/ipvsadm" in (await kernel.read()).fault
    faults = (await kernel.apply(rules("-A -t 10.0.0.1:80 -s rr"))).faults
    assert len(faults) == 1


async def test_output_that_is_no_table_is_a_fault(tmp_path):
    program = tmp_path / "ipvsadm"
    program.write_text("#!/bin/sh\necho garbage\n")
    program.chmod(0o755)
    assert "no rule" in (await Ipvsadm(str(program)).read()).fault


async def test_a_line_that_cannot_be_read_keeps_no_other_from_working(ipvsadm):
    wanted = rules("-A -t 10.0.0.1:80 -s rr", "-A -t 10.0.0.1:81 -s rr -b bogus", "-A -t 10.0.0.1:82 -s rr")
    assert [said for _, said in (await ipvsadm.apply(wanted)).faults] == ["invalid scheduler flag `bogus'"]
    assert len((await ipvsadm.read()).table.services) == 2


async def test_thresholds_are_read(ipvsadm):
    wanted = rules("-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -x 9 -y 3")
    await ipvsadm.apply(wanted)
    assert list((await ipvsadm.read()).table.of(wanted[0].service.id)) == [wanted[1].destination]


async def test_many_rules_go_in_batches(ipvsadm):
    count = 2 * BATCH + 1
    wanted = rules("-A -t 10.0.0.1:80 -s rr", *(f"-a -t 10.0.0.1:80 -r 10.0.0.2:{n} -m" for n in range(1, count)))
    assert not (await ipvsadm.apply(wanted)).faults
    assert len(list((await ipvsadm.read()).table.of(wanted[0].service.id))) == count - 1


async def test_ipvsadm_is_looked_for_in_path_first(ipvsadm, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ipvsadm() == str(tmp_path / "ipvsadm")
