"""The ``crm`` command on a CIB file: one-shot, batch, faults, exit statuses."""

import pytest
from lxml import etree


def epoch(file):
    return etree.parse(file).getroot().get("epoch")


def test_what_is_loaded_is_shown(loaded, file):
    status, out, err = loaded("configure", "show")
    assert (status, err) == (0, "")
    assert out == (
        "primitive a Dummy \\\n\top monitor interval=10s\nprimitive b Dummy\ngroup g a b\n"
        "property cib-bootstrap-options: \\\n\tstonith-enabled=false\n"
    )
    assert epoch(file) == "5"


def test_one_shot_commands_commit(loaded, file):
    assert loaded("configure", "location", "l", "g", "inf:", "n1")[0] == 0
    assert loaded("configure", "property", "no-quorum-policy=stop now")[0] == 0
    _, out, _ = loaded("-D", "plain", "configure", "show", "l", "type:property")
    assert "location l g inf: n1" in out
    assert 'no-quorum-policy="stop now"' in out
    assert loaded("configure", "rename", "a", "z")[0] == 0
    assert loaded("configure", "delete", "l")[0] == 0
    assert "group g z b" in loaded("configure", "show")[1]


def test_what_cannot_be_done_changes_nothing(loaded, file):
    before = file.read_bytes()
    for words in (
        ("primitive", "q"),
        ("primitive", "a", "Dummy"),
        ("group", "h", "nobody"),
        ("delete", "nobody"),
        ("frob", "x"),
        ("show", "nobody"),
        ("load", "replace"),
        ("load", "replace", "/nowhere/at/all"),
        ("rename", "a"),
        ("commit", "perhaps"),
    ):
        status, out, err = loaded("configure", *words)
        assert (status, out) == (1, ""), words
        assert err.startswith("ERROR: "), words
    assert file.read_bytes() == before


def test_a_batch_goes_on_behind_a_fault_and_says_its_line_but_commits_only_when_told_so(loaded, file):
    before = file.read_bytes()
    text = "configure\nprimitive c Dummy\nprimitive\nprimitive d Dummy\nshow d\n"
    status, out, err = loaded("-f", "-", stdin=text)
    assert (status, out) == (1, "primitive d Dummy\n")
    assert err.startswith("ERROR: 3: ")
    assert "not committed" in err
    assert file.read_bytes() == before
    assert loaded(stdin=text + "commit\n")[0] == 1
    assert "primitive d Dummy" in loaded("configure", "show")[1]


def test_a_batch_commits_at_its_end(loaded):
    status, out, _ = loaded(stdin="configure\nprimitive c Dummy\nclone k c\nshow k\nend\nquit\nfrob\n")
    assert (status, out) == (0, "clone k c\n")
    assert "clone k c" in loaded("configure", "show")[1]


def test_lines_are_echoed_for_regression_tests(loaded):
    assert loaded("-R", stdin="configure show g\n")[1] == ".INP: configure show g\ngroup g a b\n"


def test_what_has_changed_is_shown(loaded):
    out = loaded(stdin="configure\nprimitive c Dummy\nshow changed\nrefresh\n")[1]
    assert out == "primitive c Dummy\n"
    assert "primitive c" not in loaded("configure", "show")[1]


def test_saving_and_loading_xml(loaded, tmp_path):
    target = tmp_path / "saved"
    assert loaded("configure", "save", "xml", str(target))[0] == 0
    assert loaded("configure", "erase")[0] == 0
    assert loaded("configure", "show")[1] == ""
    assert loaded("configure", "load", "xml", "replace", str(target))[0] == 0
    assert "group g a b" in loaded("configure", "show")[1]


def test_secrets_are_stars_unless_asked_for(loaded):
    assert loaded("-F", "configure", "primitive", "f", "stonith:x", "params", "password=hush")[0] == 0
    assert 'password="******"' in loaded("configure", "show", "f")[1]
    assert "password=hush" in loaded("configure", "show", "f", "obscure:nothing")[1]


@pytest.mark.parametrize(
    "words", [("-Z",), ("-f",), ("-D", "loud", "configure"), ("resource", "stop", "a"), ("konfigure",)]
)
def test_wrong_calls_are_told(crm, words):
    status, out, err = crm(*words)
    assert (status, out) == (1, "")
    assert err.startswith("ERROR: ")


def test_without_a_cluster_it_says_so(crm, monkeypatch):
    monkeypatch.delenv("CIB_file")
    status, _, err = crm("configure", "show")
    assert status == 1
    assert err.startswith("ERROR: ")


def test_help_and_version(crm):
    assert crm("--help")[1].startswith("usage: crm")
    assert crm("--version")[1].startswith("crm of hacluster")
