import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.config.directory import DirectoryTexts, FileText, check_directory
from hacluster.config.instances import parse_instance

FILE = "/etc/ha.d/conf/OCF/Dummy/one"


def parsed(text):
    parameters, reports = parse_instance(text, FILE)
    return dict(parameters), [(r.code, r.place.line) for r in reports]


def test_assignments_with_the_shells_quoting():
    text = (
        "# settings\n\nOCF_RESKEY_ip=10.0.0.1\nexport OCF_RESKEY_text='a b $c'\nOCF_RESKEY_q=\"x y\"  # why\n"
        "OCF_RESKEY_empty=\nOCF_RESKEY_esc=a\\ b\nexport OCF_RESKEY_ip\n"
    )
    values = {"ip": "10.0.0.1", "text": "a b $c", "q": "x y", "empty": "", "esc": "a b"}
    assert parsed(text) == (values, [])


def test_a_later_assignment_counts():
    assert parse_instance("OCF_RESKEY_a=1\nOCF_RESKEY_b=2\nOCF_RESKEY_a=3\n", FILE)[0] == (("b", "2"), ("a", "3"))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("OCF_RESKEY_a=$(hostname)", "evaluated-value"),
        ("OCF_RESKEY_a=`hostname`", "evaluated-value"),
        ('OCF_RESKEY_a="$HOME"', "evaluated-value"),
        ("OCF_RESKEY_a='open", "bad-quoting"),
        ("OCF_RESKEY_a=two words", "bad-assignment"),
        (". /etc/default/other", "bad-assignment"),
        ("if true; then", "bad-assignment"),
        ("PATH=/tmp", "no-parameter"),
        ("OCF_RESKEY_=x", "no-parameter"),
    ],
)
def test_what_a_shell_would_have_to_run_is_reported(line, code):
    assert parsed(f"\n{line}\n") == ({}, [(code, 2)])


@given(st.text())
def test_no_text_makes_it_raise(text):
    parse_instance(text, FILE)


def texts(instance):
    return DirectoryTexts(
        ha=FileText("ha.cf", "node a\nnode b\nbcast eth0\nauto_failback on\n"),
        authkeys=FileText("authkeys", "auth 1\n1 sha1 hlWq8zTnV3xR0bPdE5mKcYuA\n", 0o600, 0),
        haresources=FileText("haresources", "a 10.0.0.1 OCF::Dummy::one\n"),
        hacluster=FileText("hacluster.cf", None),
        instances={("Dummy", "one"): instance},
    )


def test_the_parameters_reach_the_resource():
    checked = check_directory(texts(FileText(FILE, "OCF_RESKEY_state=/run/x\n")))
    word = checked.resources.groups[0].resources[1]
    assert (word.name, word.arguments, word.parameters) == ("Dummy", ("one",), (("state", "/run/x"),))


def test_a_missing_file_is_said_and_a_bad_one_stops_the_start():
    missing = check_directory(texts(FileText(FILE, None)))
    assert missing.usable
    assert "no-instance-file" in {report.code for report in missing.reports}
    assert not check_directory(texts(FileText(FILE, "OCF_RESKEY_a=$b\n"))).usable
    assert not check_directory(texts(FileText(FILE, None, problem="the file cannot be read"))).usable
