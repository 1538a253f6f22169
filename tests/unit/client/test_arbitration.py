"""The configuration of an arbitrator: a directory for each cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from hacluster.client.arbitration import check_arbitrated, check_together, clusters_in
from hacluster.config.facts import NO_FACTS

HA = "node a b w\nucast eth0 10.0.0.1\ncrm respawn\n"


def write(directory: Path, ha: str = HA, own: str = "witness w\n") -> Path:
    directory.mkdir()
    (directory / "ha.cf").write_text(ha)
    (directory / "hacluster.cf").write_text(own)
    (directory / "authkeys").write_text("auth 1\n1 sha1 0123456789abcdef0123\n")
    (directory / "authkeys").chmod(0o600)
    return directory


def codes(directory: Path) -> list[tuple[str, str]]:
    checked, _ = check_arbitrated(directory, NO_FACTS)
    return [(report.code, Path(str(report.place)).name) for report in checked.reports if report.severity <= 3]


def test_the_name_is_what_the_cluster_says(tmp_path):
    checked, witness = check_arbitrated(write(tmp_path / "shop"), NO_FACTS)
    assert checked.usable, checked.reports
    assert witness == "w"


@pytest.mark.parametrize(
    ("ha", "own", "wanted"),
    [
        (HA, "", [("no-witness", "hacluster.cf")]),
        (HA.replace("crm respawn", "auto_failback on"), "", [("no-crm", "ha.cf"), ("no-witness", "hacluster.cf")]),
        (HA, "witness v\n", [("unknown-node", "hacluster.cf:1")]),
        (HA.replace("ucast", "ukast"), "witness v\n", [("unknown-directive", "ha.cf:2"), ("no-media", "ha.cf")]),
        (HA, "seal off\n", [("crm-unsealed", "hacluster.cf (seal)"), ("no-witness", "hacluster.cf")]),
    ],
)
def test_all_faults_with_their_place(tmp_path, ha, own, wanted):
    found = codes(write(tmp_path / "shop", ha, own))
    assert set(found) == set(wanted)


def test_two_clusters_do_not_share_a_port(tmp_path):
    checked = {name: check_arbitrated(write(tmp_path / name), NO_FACTS)[0] for name in ("mail", "shop")}
    checked["news"] = check_arbitrated(write(tmp_path / "news", f"udpport 6000\n{HA}"), NO_FACTS)[0]
    (report,) = check_together(checked, str(tmp_path))
    assert report.code == "port-shared"
    assert str(report.place) == f"{tmp_path}/shop/ha.cf (udpport)"
    assert "'mail'" in report.text


def test_other_things_in_the_directory_are_no_clusters(tmp_path):
    for name in ("shop", ".git", "-x"):
        write(tmp_path / name)
    (tmp_path / "README").write_text("")
    assert clusters_in(str(tmp_path)) == ["shop"]
