"""The grammar of ``configure``: shown as crmsh shows it, read back to the same, and every fault told."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hacluster.crmsh.cursor import Context, SyntaxFault
from hacluster.crmsh.ids import alike
from hacluster.crmsh.objects import Configuration
from hacluster.crmsh.parse import VERBS, parse
from hacluster.crmsh.words import SECRETS, statements
from hacluster.crmsh.workspace import Rejected, Workspace
from tests.unit.crmsh.texts import CIB, RESOURCES, SPEAKABLE, UNSPEAKABLE

PROVIDERS = {"Dummy": ["heartbeat", "pacemaker"], "ping": ["pacemaker"], "own": ["acme"]}


def providers(type_):
    return PROVIDERS.get(type_, [])


def cib(body):
    return etree.fromstring(CIB.format(body))


def objects_of(body):
    """The configuration with the resources that the cases name, and those objects that ``body`` itself has."""
    whole = cib(body if "<resources>" in body else body + RESOURCES)
    configuration = Configuration(whole, providers)
    named = {"d1", "d2", "d3"}
    return configuration, [one for one in configuration.sorted() if one.id not in named]


@pytest.mark.parametrize(("body", "text"), SPEAKABLE)
def test_shown_as_text(body, text):
    configuration, own = objects_of(body)
    assert configuration.show(own, secrets=SECRETS) == text


@pytest.mark.parametrize(("body", "text"), SPEAKABLE)
def test_a_text_loads_to_what_it_was_made_of(body, text):
    configuration, _ = objects_of(body)
    everything = configuration.show()
    work = Workspace(cib(""), providers)
    work.load(everything, "replace", "conf")
    assert work.view().show() == everything
    before = objects_of(body)[0].root
    for section in work.root:
        known = before.find(section.tag)
        assert known is not None
        assert len(known) == len(section)


@pytest.mark.parametrize("body", UNSPEAKABLE)
def test_what_has_no_words_is_xml_and_comes_back(body):
    configuration, own = objects_of(body)
    assert configuration.text(own[0]).startswith("xml <")
    work = Workspace(cib(""), providers)
    work.load(configuration.show(), "replace", "conf")
    again = work.find(own[0].id)
    assert alike(own[0].element, again)


def test_groups_and_clones_take_their_members_in():
    work = Workspace(cib(""), providers)
    work.load("primitive a Dummy\nprimitive b ping\ngroup g a b\nclone c g meta interleave=true\n", "update", "conf")
    clone = work.find("c")
    assert [child.tag for child in clone] == ["meta_attributes", "group"]
    assert [child.get("id") for child in clone.iter("primitive")] == ["a", "b"]
    assert work.find("b").get("provider") == "pacemaker"
    assert [one.tag for one in work.root.find("resources")] == ["clone"]


def test_fencing_topologies():
    nodes = '<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>'
    work = Workspace(cib(nodes), providers)
    work.make("fencing_topology f1 f2,f3")
    levels = [(one.get("target"), one.get("index"), one.get("devices")) for one in work.root.iter("fencing-level")]
    assert levels == [("n1", "1", "f1"), ("n1", "2", "f2,f3"), ("n2", "1", "f1"), ("n2", "2", "f2,f3")]
    assert "fencing_topology f1 f2,f3" in work.view().show()
    work.make("fencing_topology n1: f1 pattern:n.* f2 attr:rack=1 f3")
    expected = "fencing_topology \\\n\tn1: f1 \\\n\tpattern:n.* f2 \\\n\tattr:rack=1 f3"
    assert expected in work.view().show()


def test_new_ids_follow_the_habit():
    work = Workspace(cib(""), providers)
    work.make(
        "primitive a Dummy state=x params rule #uname eq n1 fake=1 meta priority=3 op monitor interval=10 depth=2"
    )
    ids = {one.get("id") for one in work.find("a").iter("*") if one.get("id")}
    assert {
        "a",
        "a-instance_attributes",
        "a-instance_attributes-state",
        "a-meta_attributes-priority",
        "a-monitor-10",
        "a-monitor-10-instance_attributes-depth",
    } <= ids
    assert len(ids) == len([one for one in work.find("a").iter("*") if one.get("id")])


def test_update_makes_objects_what_the_text_says_and_push_drops_the_others():
    start = "node n1\nprimitive a Dummy params x=1 y=2 meta priority=1\nprimitive c Dummy\nproperty p=1\n"
    for method, left in (("update", True), ("push", False)):
        work = Workspace(cib(""), providers)
        work.load(start, "replace", "conf")
        work.load("primitive a Dummy params x=9\nprimitive b Dummy\n", method, "conf")
        found = {one.get("name"): one.get("value") for one in work.find("a").iterfind("instance_attributes/nvpair")}
        assert found == {"x": "9"}
        assert work.find("b") is not None
        assert (work.find("c") is not None, work.find("cib-bootstrap-options") is not None) == (left, left)
        assert work.find("n1") is not None, "nodes go only when the text names some"


def test_merging_gives_new_parts_ids_of_their_own():
    work = Workspace(cib(""), providers)
    work.load("primitive a Dummy op monitor interval=10s\nproperty x=1\n", "replace", "conf")
    work.load("primitive a Dummy params y=2 op stop timeout=5s meta z=3\nproperty w=4\n", "update", "conf")
    ids = [one.get("id") for one in work.root.iter("*") if one.get("id")]
    assert len(ids) == len(set(ids))
    assert {
        "a-instance_attributes-y",
        "a-stop-0",
        "a-meta_attributes-z",
        "cib-bootstrap-options-x",
        "cib-bootstrap-options-w",
    } <= set(ids)
    assert [one.get("name") for one in work.find("a").iter("op")] == ["stop"]


def test_replace_leaves_nothing_else():
    work = Workspace(cib(RESOURCES), providers)
    work.load("primitive z Dummy\n", "replace", "conf")
    assert [one.get("id") for one in work.root.find("resources")] == ["z"]


def test_every_fault_of_a_text_is_told_and_nothing_is_done():
    work = Workspace(cib(RESOURCES), providers)
    before = etree.tostring(work.root)
    text = "primitive\nprimitive ok Dummy\nfrob x y\norder o ( d1\n\ngroup g nobody\n"
    with pytest.raises(Rejected) as caught:
        work.load(text, "update", "conf")
    assert [report.place.line for report in caught.value.reports] == [1, 3, 4]
    with pytest.raises(Rejected) as caught:
        work.load("primitive ok Dummy\ngroup g nobody\nclone c d1\ngroup h d1 d2\n", "update", "conf")
    assert [report.place.line for report in caught.value.reports] == [2, 3]
    assert etree.tostring(work.root) == before
    assert not work.changed


def test_making_what_exists_is_refused():
    work = Workspace(cib(RESOURCES), providers)
    for command in ("primitive d1 Dummy", "group d1 d2", "location d2 d1 5: n1"):
        with pytest.raises(Rejected):
            work.make(command)


def test_a_remote_node_may_have_its_connections_name():
    work = Workspace(cib(""), providers)
    work.load("node far:remote\nprimitive far ocf:pacemaker:remote\n", "replace", "conf")
    assert work.find("far", node=True).tag == "node"
    assert work.find("far", node=False).tag == "primitive"


def test_deleting_takes_constraints_along_and_leaves_members():
    work = Workspace(cib(""), providers)
    work.load(
        "primitive a Dummy\nprimitive b Dummy\nprimitive c Dummy\ngroup g a b\nlocation l g 5: n1\norder o g c\n"
        "order s a b c\ntag t g c\n",
        "replace",
        "conf",
    )
    work.delete(["g"])
    assert work.told == ["modified location:l from g to a", "modified order:o from g to a"]
    assert [one.get("id") for one in work.root.find("resources")] == ["c", "a", "b"]
    work.told.clear()
    work.delete(["c"])
    assert "hanging order:o deleted" in work.told
    assert work.find("t") is None
    assert dict(work.find("s").attrib) == {"id": "s", "first": "a", "then": "b"}, "two that are left need no set"
    with pytest.raises(Rejected):
        work.delete(["nobody"])


def test_the_last_member_takes_its_group_along():
    work = Workspace(cib(""), providers)
    work.load("primitive a Dummy\ngroup g a\nlocation l g 5: n1\n", "replace", "conf")
    work.delete(["a"])
    assert work.find("g") is None
    assert work.find("l") is None


def test_renaming_follows_references():
    work = Workspace(cib(""), providers)
    work.load("primitive a Dummy\nprimitive b Dummy\ncolocation c inf: a b\ntag t a b\norder o a b a\n", "replace", "x")
    work.rename("a", "z")
    text = work.view().show()
    assert "colocation c inf: z b" in text
    assert "tag t z b" in text
    with pytest.raises(Rejected):
        work.rename("b", "z")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "empty"),
        ("frob a b", "unknown command"),
        ("primitive a", "too short"),
        ('primitive a "Dummy', "quotes"),
        ("primitive a a:b:c:d", "type expected"),
        ("primitive a Dummy op", "an id expected"),
        ("group g a a", "more than once"),
        ("location l d1", "too short|expected"),
        ("location l d1 rule", "expected|end"),
        ("location l d1 rule #uname eq a and b eq c or d eq e", "mixed"),
        ("location l d1 rule a near b", "operator"),
        ("location l { } 5: n1", "empty"),
        ("colocation c d1 d2", "SCORE"),
        ("colocation c inf: d1:Started d2:Frob", "no role"),
        ("order o Sometimes: d1 d2", "kind"),
        ("order o d1:fly d2", "no action"),
        ("order o ( d1 d2", "not closed"),
        ("order o ( d1 ] d2", "bracket"),
        ("order o ( d1 [ d2 ] )", "nested"),
        ("order o ( ) d2 d3", "empty"),
        ("rsc_ticket t d1 d2", "TICKET"),
        ("role r allow cib", "read, write or deny"),
        ("role r read meta", "needs a name"),
        ("role r read attr:x", "type"),
        ("tag t", "too short"),
        ("alert a /p from", "expected"),
        ("xml <primitive", "no XML"),
        ("xml <frob/>", "no place"),
        ("bundle b docker image=x primitive a b", "one resource"),
        ("node", "too short"),
    ],
)
def test_faults(command, said):
    with pytest.raises(SyntaxFault, match=said):
        parse(command, Context("pacemaker-3.9"))


def test_statements():
    text = "# about a\nprimitive a Dummy \\\n\tparams x=1\n\nnode b\n"
    found = list(statements(text))
    assert [(one.text, one.line, one.comments) for one in found] == [
        ("primitive a Dummy params x=1", 2, ("# about a",)),
        ("node b", 5, ()),
    ]


def test_roles_go_by_the_schema():
    old = parse("primitive a Dummy meta target-role=Promoted", Context("pacemaker-3.2"))
    new = parse("primitive a Dummy meta target-role=Promoted", Context("pacemaker-3.7"))
    assert [one.find(".//nvpair").get("value") for one in (old, new)] == ["Master", "Promoted"]


WORDS = st.sampled_from(
    [
        *VERBS,
        "a",
        "b:c",
        "inf:",
        "10:",
        "params",
        "meta",
        "op",
        "rule",
        "x=1",
        "$id=q",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "to",
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_any_mixture_of_words_is_read_or_refused(text):
    with contextlib.suppress(SyntaxFault):
        parse(text, Context("pacemaker-3.9"))


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(SyntaxFault):
        parse(text, Context("pacemaker-3.9"))
