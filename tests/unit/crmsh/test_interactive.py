"""The shell on a terminal, fed through a pipe, and what completion offers where."""

import time

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from hacluster.crmsh.complete import FINDERS, WORDS, candidates, compgen
from hacluster.crmsh.interactive import converse, history_file, prompt
from hacluster.crmsh.levels import SUMMARIES, find_level
from hacluster.crmsh.levels.root import ROOT
from hacluster.crmsh.session import Session, Switches
from hacluster.crmsh.shell import Shell


@pytest.fixture
def session(loaded, tmp_path):
    (tmp_path / "nodes").write_text("node 1: n1\nnode 2: n2\nclone k g\n")
    assert loaded("configure", "load", "update", str(tmp_path / "nodes"))[0] == 0
    return Session.begin(Switches(interactive=True))


def typed(session, text):
    with create_pipe_input() as source:
        source.send_text(text)
        return converse(Shell(session), source=source, target=DummyOutput())


def words(session, line, *path):
    return [one.word for one in candidates(session, [find_level(name) for name in path], line)]


def test_lines_go_on_behind_a_backslash_and_levels_show_in_the_prompt(session, capsys):
    assert prompt(session).startswith("crm(cib.xml/")
    assert typed(session, "configure\rprimitive c \\\rDummy\rshow c\rrefresh\rup\rquit\r") == 0
    out = capsys.readouterr().out
    assert "primitive c Dummy\n" in out
    assert out.endswith("bye\n")
    session.path.append(find_level("configure"))
    session.work.make("primitive d Dummy")
    assert prompt(session).endswith(")configure*# ")


def test_an_unknown_word_does_not_end_it_and_the_last_line_counts(session, capsys):
    assert typed(session, "frob\rconfigure show k\rquit\r") == 0
    assert typed(session, "frob\rquit\r") == 1
    assert typed(session, "quit 7\r") == 7
    said = capsys.readouterr()
    assert "clone k g" in said.out
    assert "frob: No such command" in said.err


def test_lines_are_kept_for_the_next_time_by_their_user_alone(session):
    typed(session, "configure show k\rquit\r")
    kept = history_file(session)
    assert "+configure show k" in kept.read_text()
    assert kept.stat().st_mode & 0o77 == 0


def test_what_is_committed_on_the_terminal_is_in_the_cib(session, capsys, loaded):
    typed(session, "configure\rproperty cluster-name=x\rcommit\rquit\r")
    assert "cluster-name=x" in loaded("configure", "show")[1]


@pytest.mark.parametrize(
    ("line", "path", "wanted", "unwanted"),
    [
        ("", (), ["configure", "resource", "status", "quit"], ["primitive"]),
        ("res", (), ["resource"], ["configure"]),
        ("resource st", (), ["start", "stop", "status"], ["move"]),
        ("resource stop ", (), ["a", "g", "k"], ["n1"]),
        ("move g ", ("resource",), ["n1", "n2"], ["a"]),
        ("node standby ", (), ["n1"], ["a"]),
        ("show type:", ("configure",), ["type:primitive", "type:group"], ["changed"]),
        ("group h ", ("configure",), [], ["a", "g"]),
        ("primitive x ocf:", ("configure",), ["ocf:heartbeat:", "ocf:pacemaker:"], ["lsb:"]),
        ("primitive x ocf:pacemaker:", ("configure",), ["ocf:pacemaker:Stateful"], ["ocf:heartbeat:Dummy"]),
        ("primitive x Needy ", ("configure",), ["ip=", "fake=", "op", "meta"], ["target-role="]),
        ("primitive x Needy ip=1 meta ", ("configure",), ["target-role="], ["ip="]),
        ("primitive x Needy op ", ("configure",), ["start", "monitor"], ["meta-data"]),
        ("property clu", ("configure",), ["cluster-delay="], ["no-quorum-policy="]),
        ("modgroup g ", ("configure",), ["add", "remove"], ["a"]),
        ("cd ", (), [], ["frob"]),
        ("options check-mode ", (), ["strict", "relaxed"], ["yes"]),
    ],
)
def test_what_may_come_next(session, line, path, wanted, unwanted):
    found = words(session, line, *path)
    assert set(wanted) <= set(found)
    assert not set(unwanted) & set(found)


def test_parameters_come_with_their_help_and_the_needed_ones_first(session):
    found = candidates(session, (), "configure primitive x Needy ")
    assert (found[0].word, found[0].help) == ("ip=", "required; Address")


def test_every_kind_that_a_table_names_is_known():
    for level in (ROOT, *(find_level(name) for name in SUMMARIES)):
        for verb in level.verbs:
            for kind in verb.completes:
                known = kind in FINDERS or kind in WORDS or kind == "none" or kind.startswith("words:")
                assert known, (level.name, verb.name, kind)


def test_bash_gets_one_candidate_a_line(session, capsys):
    assert compgen(["100", "crm resource stop "]) == 0
    assert {"a", "g", "k"} <= set(capsys.readouterr().out.split())
    compgen(["node"])
    assert capsys.readouterr().out.split() == ["n1", "n2"]
    compgen(["frob"])
    assert "configure" in capsys.readouterr().out


def test_a_thousand_resources_are_completed_at_once(session, file, capsys):
    resources = "".join(f'<primitive id="r{n}" class="ocf" provider="heartbeat" type="Dummy"/>' for n in range(1000))
    file.write_text(file.read_text().replace("<resources>", f"<resources>{resources}", 1))
    session.renew()
    words(session, "resource stop r99")
    begun = time.process_time()
    assert len(words(session, "resource stop r99")) == 11
    assert time.process_time() - begun < 1, "an answer that is waited for at each key"
