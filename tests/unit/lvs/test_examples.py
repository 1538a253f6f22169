"""The examples that come along are sound."""

from pathlib import Path

import pytest

from hacluster.config.haresources import parse_haresources
from hacluster.lvs.ldirectord_cf import Host, parse_ldirectord_cf

CONF = Path(__file__).parents[3] / "conf"
FILES = sorted([CONF / "ldirectord.cf", *CONF.glob("lvs/*.cf")])
PAIRS = (CONF / "lvs/haresources").read_text(encoding="utf-8").splitlines()


class Nobody:
    """A host without a name service: the examples need none."""

    def address(self, name: str, *, ipv6: bool) -> str | None:
        return None

    def port(self, name: str, protocol: str) -> int | None:
        return None


def test_all_are_there() -> None:
    assert [path.name for path in FILES] == ["ldirectord.cf", "dr.cf", "first.cf", "nat.cf", "second.cf", "tun.cf"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_without_a_fault(path: Path) -> None:
    settings, reports = parse_ldirectord_cf(path.read_text(encoding="utf-8"), str(path), Host(Nobody()))
    assert settings is not None
    assert [str(report) for report in reports] == []


@pytest.mark.parametrize("line", [line.lstrip("#") for line in PAIRS if line.lstrip("#").startswith("node")])
def test_every_way_to_have_a_pair_is_valid_and_names_a_file(line: str) -> None:
    _, reports = parse_haresources(f"{line}\n", "haresources", nodes=("node1.name", "node2.name"))
    assert reports == []
    (file,) = [word.removeprefix("ldirectord::") for word in line.split() if word.startswith("ldirectord::")]
    assert (CONF / "lvs" / file).exists()
