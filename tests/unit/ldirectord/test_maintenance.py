"""The maintenance directory: what can be read counts, what cannot ends nobody's maintenance."""

from hacluster.ldirectord.service import names_in


def test_names_are_those_of_the_files(tmp_path):
    (tmp_path / "10.0.0.2:80").touch()
    assert names_in(str(tmp_path)) == {"10.0.0.2:80"}


def test_without_a_directory_nobody_is_in_maintenance(tmp_path):
    assert names_in(str(tmp_path / "nowhere")) == frozenset()


def test_what_cannot_be_read_is_not_empty(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert names_in(str(file)) is None
