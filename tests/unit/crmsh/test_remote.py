"""Which nodes there are, for what is done on all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hacluster.crmsh.level import Refused
from hacluster.crmsh.remote import configured_nodes, own_name


def test_nodes_are_those_of_ha_cf_and_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert configured_nodes(tmp_path) == [own_name(tmp_path)]
    (tmp_path / "ha.cf").write_text("node n1 n2\n")
    assert configured_nodes(tmp_path) == ["n1", "n2"]
    (tmp_path / "ha.cf").unlink()
    (tmp_path / "ha.cf").mkdir()
    with pytest.raises(Refused, match=r"ha\.cf"):
        configured_nodes(tmp_path)
