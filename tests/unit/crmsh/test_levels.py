"""Levels and their verbs on a CIB file: what they write, say, refuse, and end with."""

import json

import pytest
from lxml import etree

from hacluster.base.results import Fault
from hacluster.client.cibsource import CibFile
from hacluster.crmsh.committing import commit
from hacluster.crmsh.levels import SUMMARIES, find_level
from hacluster.crmsh.levels.root import ROOT
from hacluster.crmsh.session import Session, Switches

NODES = "node 1: n1\nnode 2: n2\n"


@pytest.fixture
def nodes(loaded, tmp_path):
    (tmp_path / "nodes").write_text(NODES)
    assert loaded("configure", "load", "update", str(tmp_path / "nodes")) == (0, "", "")
    return loaded


def tree(file):
    return etree.parse(file).getroot()


def value(file, path):
    found = tree(file).xpath(path)
    return found[0] if found else None


def test_every_verb_of_every_level_has_a_summary_and_every_opened_level_is_there():
    for name in SUMMARIES:
        level = find_level(name)
        assert level.name == name
        for verb in level.verbs:
            assert verb.summary or verb.opens or not verb.shown, (name, verb.name)
            assert not verb.opens or find_level(verb.opens)
    assert {verb.opens for verb in ROOT.verbs if verb.opens} == set(SUMMARIES)


# configure ----------------------------------------------------------------------------------------------------------


def test_a_filter_rewrites_makes_and_removes_and_a_wrong_one_changes_nothing(loaded):
    assert loaded("configure", "filter", "sed s/10s/15s/", "a")[0] == 0
    assert "interval=15s" in loaded("configure", "show", "a")[1]
    assert loaded("configure", "filter", "sed '$aprimitive c Dummy'")[0] == 0
    assert loaded("configure", "show", "c")[1] == "primitive c Dummy\n"
    assert loaded("configure", "filter", "sed /^primitive.c/d")[0] == 0
    assert loaded("configure", "show", "c")[0] == 1
    for program in ("sed s/primitive/frob/", "false", "sed s/Dummy//"):
        assert loaded("configure", "filter", program, "a")[0] == 1
    assert "interval=15s" in loaded("configure", "show", "a")[1]


def test_members_of_a_group_come_and_go_where_they_are_meant(loaded):
    assert loaded("configure", "primitive", "c", "Dummy")[0] == 0
    for words, members in (
        (("add", "c"), "a b c"),
        (("remove", "c"), "a b"),
        (("add", "c", "before", "b"), "a c b"),
        (("remove", "a"), "c b"),
        (("add", "a", "after", "c"), "c a b"),
    ):
        assert loaded("configure", "modgroup", "g", *words) == (0, "", "")
        assert loaded("configure", "show", "g")[1] == f"group g {members}\n"
    for words in (
        ("g", "add", "c"),
        ("g", "add", "nobody"),
        ("g", "remove", "nobody"),
        ("a", "add", "c"),
        ("g", "frob", "c"),
    ):
        assert loaded("configure", "modgroup", *words)[0] == 1


def test_set_and_monitor(loaded):
    assert loaded("configure", "primitive", "c", "Dummy", "fake=1", "op", "monitor", "interval=7s")[0] == 0
    assert loaded("configure", "set", "c.fake", "2")[0] == 0
    assert loaded("configure", "set", "c.monitor.timeout", "30s")[0] == 0
    assert loaded("configure", "set", "c.monitor.7s.interval", "8s")[0] == 0
    assert loaded("configure", "monitor", "c", "60s:25s")[0] == 0
    shown = loaded("configure", "show", "c")[1]
    for part in ("fake=2", "interval=8s timeout=30s", "interval=60s timeout=25s"):
        assert part in shown
    for words in (("set", "c.nothing", "1"), ("set", "nobody.x", "1"), ("set", "c", "1"), ("monitor", "c", "60s")):
        assert loaded("configure", *words)[0] == 1


def test_parameters_are_held_against_the_agent(loaded):
    status, _, err = loaded("configure", "primitive", "n", "Needy", "fakee=1")
    assert status == 1
    assert 'required parameter "ip" not defined' in err
    assert 'parameter "fakee" is not known (did you mean fake?)' in err
    assert loaded("configure", "show", "n")[0] == 1
    assert loaded("-F", "configure", "primitive", "n", "Needy", "fakee=1")[0] == 0
    status, out, _ = loaded("configure", "primitive", "m", "Dummy", "op", "start", "timeout=5s")
    assert status == 0
    assert "specified timeout 5s for start is smaller than the advised 20s" in out
    assert loaded("configure", "primitive", "q", "Nobody")[0] == 1


def test_values_are_held_against_what_they_may_be(loaded):
    out = loaded("configure", "primitive", "n", "Needy", "ip=1", "level=high", "mode=c", "meta", "priority=x")[1]
    assert 'n: parameter "level" is "high", which is not an integer' in out
    assert 'n: parameter "mode" is "c", which is not one of a, b' in out
    assert 'n: priority is "x", which is not' in out
    assert 'no-quorum-policy is "never", which is not' in loaded("configure", "property", "no-quorum-policy=never")[1]


def test_what_contradicts_itself_is_told_by_verify(nodes):
    assert nodes("configure", "location", "l", "a", "inf:", "nowhere")[0] == 0
    assert nodes("configure", "colocation", "c", "inf:", "a", "g")[0] in {0, 1}
    status, out, err = nodes("configure", "verify")
    assert "l: referenced node nowhere does not exist" in out
    assert "stonith-enabld" not in out + err
    assert nodes("configure", "property", "stonith-enabld=false")[0] == 0
    assert "did you mean stonith-enabled" in nodes("configure", "verify")[1]
    assert status in {0, 1}


def test_show_chooses(nodes):
    assert nodes("configure", "tag", "t", "a", "g")[0] == 0
    for words, expected in (
        (("type:group",), "group g a b\n"),
        (("tag:t", "and", "type:group"), "group g a b\n"),
        (("related:b",), "primitive b Dummy\ngroup g a b\n"),
        (("?", "and", "type:tag"), "tag t a g\n"),
    ):
        assert nodes("configure", "show", *words)[1] == expected, words
    shown = nodes("configure", "show", "xml", "a")[1]
    assert shown.startswith('<?xml version="1.0" ?>\n<cib ')
    assert "<group" in shown
    assert "<tag" not in shown


def test_schema_upgrade_and_options_with_defaults(loaded):
    assert loaded("configure", "schema")[1] == "pacemaker-3.9\n"
    assert loaded("configure", "schema", "pacemaker-3.7")[0] == 0
    assert loaded("configure", "schema")[1] == "pacemaker-3.7\n"
    assert loaded("configure", "schema", "pacemaker-77")[0] == 1
    assert loaded("configure", "upgrade", "force")[0] == 0
    assert loaded("configure", "get-property", "stonith-enabled", "cluster-delay")[1].endswith("false\n60s\n")


def test_previews_and_pictures(nodes, tmp_path):
    assert "Transition Summary" in nodes("configure", "ptest")[1]
    assert nodes("configure", "ptest", "frob")[0] == 1
    assert nodes("configure", "graph", "dot", str(tmp_path / "g.dot"))[0] == 0
    assert "digraph" in (tmp_path / "g.dot").read_text()


# plans, commits -----------------------------------------------------------------------------------------------------


def test_a_plan_changes_nothing_and_ends_with_two(nodes, file):
    before = file.read_bytes()
    status, out, _ = nodes("--plan=json", "configure", "primitive", "c", "Dummy")
    assert status == 2
    said = json.loads(out)
    assert (said["changes"], said["objects"]["create"]) == (True, ["c"])
    assert nodes("resource", "stop", "g", "--plan")[0] == 2
    assert nodes(stdin="configure\nproperty no-quorum-policy=ignore\ncommit --plan\nrefresh\n")[0] == 2
    assert file.read_bytes() == before


def test_applying_twice_is_applying_once(nodes, file, tmp_path):
    text = tmp_path / "wanted"
    text.write_text("primitive a Dummy op monitor interval=11s\nproperty cluster-name=x\n")
    assert nodes("apply", "--plan", str(text))[0] == 2
    assert nodes("apply", str(text))[0] == 0
    done = file.read_bytes()
    assert b"11s" in done
    assert nodes("apply", str(text))[0] == 0
    assert nodes("apply", "--plan", str(text))[0] == 0
    assert file.read_bytes() == done
    assert nodes("configure", "show", "b")[0] == 0, "others stay"
    assert nodes("apply", "--prune", str(text))[0] == 0
    assert nodes("configure", "show", "b")[0] == 1
    assert nodes("configure", "show", "n1")[0] == 0, "nodes are not pruned"
    text.write_text("primitive\nfrob x\n")
    status, _, err = nodes("apply", str(text))
    assert status == 1
    assert f"{text}:1:" in err
    assert f"{text}:2:" in err


def test_commits_are_blamed_and_rolled_back(nodes):
    before = nodes("configure", "show")[1]
    assert nodes("configure", "property", "cluster-name=x")[0] == 0
    assert nodes("configure", "primitive", "c", "Dummy")[0] == 0
    blamed = nodes("blame", "c")[1]
    assert blamed.endswith("primitive c Dummy\n")
    assert not blamed.startswith(" " * 5)
    assert "+primitive c Dummy" in nodes("diff")[1]
    assert nodes("rollback", "2", "--plan")[0] == 2
    assert nodes("rollback", "2")[0] == 0
    assert nodes("configure", "show")[1] == before
    assert nodes("rollback", "99")[0] == 1
    assert len(nodes("history", "commits")[1].splitlines()) >= 3


def test_what_somebody_else_changed_is_put_together_or_refused(nodes, file):
    other = "sed -i s/{0}/{1}/ " + str(file)
    apart = 'configure\nproperty cluster-name=x\nfilter "' + other.format("10s", "12s") + '; cat"\ncommit\n'
    status, out, _ = nodes(stdin=apart)
    assert status == 0
    assert "put together" in out
    shown = nodes("configure", "show")[1]
    assert "cluster-name=x" in shown
    assert "interval=12s" in shown
    clash = 'configure\nset a.monitor.timeout 44s\nfilter "' + other.format("12s", "13s") + '; cat"\ncommit\n'
    status, out, err = nodes(stdin=clash)
    assert "+++ as it was to be" in out
    assert "timeout=44s" in out
    assert status == 1
    assert "changed by somebody else meanwhile: g" in err
    assert "interval=13s" in nodes("configure", "show")[1]


# resources and nodes ------------------------------------------------------------------------------------------------


def test_roles_go_to_the_container(nodes, file):
    assert nodes("configure", "clone", "k", "g")[0] == 0
    assert nodes("resource", "stop", "g")[0] == 0
    assert value(file, "//clone/meta_attributes/nvpair[@name='target-role']/@value") == "Stopped"
    assert nodes("resource", "start", "a")[0] == 0
    assert value(file, "//primitive[@id='a']/meta_attributes/nvpair/@value") == "Started"
    assert nodes("resource", "stop", "nobody")[0] == 1
    assert nodes("-F", "resource", "maintenance", "k", "on")[0] == 0
    assert nodes("-F", "resource", "unmanage", "k")[0] == 0
    assert value(file, "//clone/meta_attributes/nvpair[@name='maintenance']") is None


def test_moves_parameters_and_traces(nodes, file):
    assert nodes("resource", "move", "g", "n2")[0] == 0
    assert value(file, "//rsc_location[@id='cli-prefer-g']/@node") == "n2"
    assert "Removing" not in nodes("resource", "clear", "g")[1]
    assert value(file, "//rsc_location") is None
    for words in (("g",), ("g", "nowhere", "PT1H"), ("nobody", "n1")):
        assert nodes("resource", "move", *words)[0] == 1
    assert nodes("resource", "param", "b", "set", "fake", "two words")[0] == 0
    assert "two words" in nodes("resource", "param", "b", "show", "fake")[1]
    assert nodes("resource", "param", "b", "frob", "fake")[0] == 1
    assert nodes("resource", "trace", "a", "start")[0] == 0
    assert value(file, "//op[@name='start']//nvpair[@name='trace_ra']/@value") == "1"
    assert nodes("resource", "untrace", "a")[0] == 0
    assert value(file, "//op[@name='start']") is None


def test_half_quotes_of_a_command_line_are_put_together(nodes, file):
    assert nodes("resource", "param", "b", "set", "fake", '"1', "2", '3"')[0] == 0
    assert value(file, "//primitive[@id='b']//nvpair[@name='fake']/@value") == "1 2 3"


def test_nodes_are_shown_and_taken_out_of_service(nodes, file):
    assert nodes("node", "show", "n1")[1] == "n1(1): member\n"
    assert nodes("node", "standby", "n1")[0] == 0
    assert value(file, "//node[@uname='n1']//nvpair[@name='standby']/@value") == "on"
    assert nodes("node", "online", "n1")[0] == 0
    assert value(file, "//node[@uname='n1']//nvpair[@name='standby']/@value") == "off"
    assert nodes("node", "maintenance", "n2")[0] == 0
    assert nodes("node", "ready", "n2")[0] == 0
    assert nodes("node", "attribute", "n2", "set", "rack", "7")[0] == 0
    assert "rack=7" in nodes("configure", "show", "n2")[1]
    assert nodes("node", "standby", "nowhere")[0] == 1
    assert nodes("node", "fence", "n1")[0] == 1, "nobody can be asked"
    assert nodes("node", "delete", "n2")[0] == 0
    assert value(file, "//node[@uname='n2']") is None


def test_shadows_are_made_used_compared_and_committed(nodes):
    text = "cib\nnew lab\nup\nconfigure\nproperty cluster-name=lab\ncommit\nup\ncib diff\ncib use\n"
    text += "cib commit lab\ncib delete lab\n"
    status, out, err = nodes(stdin=text)
    assert (status, err) == (0, "")
    assert "cluster-name" in out
    assert "cluster-name=lab" in nodes("configure", "show")[1]
    assert nodes("cib", "use", "nothing")[0] == 1
    assert nodes("-c", "nothing", "configure", "show")[0] == 1


def test_templates_agents_options(nodes):
    assert "virtual-ip" in nodes("template", "list", "templates")[1]
    text = "configure\ntemplate\nnew vip virtual-ip params ip=192.0.2.9\nshow\nload vip\napply update\nup\n"
    text += "show vip\nrefresh\n"
    assert "params ip=192.0.2.9" in nodes(stdin=text)[1]
    assert nodes("template", "apply", "update", "nothing")[0] == 1
    shown = nodes("ra", "info", "Needy")[1]
    assert "ip* (string): Address" in shown
    assert nodes("ra", "info", "Nobody")[0] == 1
    assert nodes("ra", "validate", "Dummy", "state=good")[0] == 0
    assert nodes("ra", "validate", "Dummy", "state=bad")[0] == 1
    assert nodes("options", "check-mode", "relaxed")[0] == 0
    assert "core.check_mode = relaxed" in nodes("options", "show")[1]
    assert nodes("configure", "primitive", "q", "Nobody")[0] == 0, "relaxed"
    assert nodes("options", "check-mode", "frob")[0] == 1


def test_maintenance_mode_tickets_and_what_is_not_there(nodes, file):
    assert nodes("maintenance", "on")[0] == 0
    assert value(file, "//nvpair[@name='maintenance-mode']/@value") == "true"
    assert nodes("maintenance", "action", "a", "start")[0] == 0
    assert nodes("maintenance", "off")[0] == 0
    assert nodes("maintenance", "action", "a", "start")[0] == 1
    assert nodes("site", "ticket", "grant", "t")[0] == 1, "not without force"
    assert nodes("-F", "site", "ticket", "grant", "t")[0] == 0
    assert nodes("site", "ticket", "show", "t")[1] == "ticket t is granted\n"
    for words in (("history", "session"), ("cluster", "crash_test"), ("configure", "rsctest", "a")):
        status, _, err = nodes(*words)
        assert status == 1, words
        assert "this version" in err


def test_help_is_there_for_everything(nodes):
    for name in SUMMARIES:
        assert nodes("help", name)[0] == 0
        for verb in find_level(name).verbs:
            if verb.shown and not verb.opens:
                status, out, _ = nodes(name, verb.name, "--help")
                assert (status, out.startswith("usage: crm ")) == (0, True), (name, verb.name)
    assert nodes("help", "frob")[0] == 1


def test_prefixes_and_letters_name_a_verb_that_is_alone(nodes):
    assert "n1(1)" in nodes("nod", "sho", "n1")[1]
    assert nodes("r", "stop", "g")[0] == 1, "ra, resource, report, rollback"


def test_names_that_are_no_ids_get_ids_that_are(nodes, file):
    assert nodes("configure", "node", "n1", "attributes", "#health-disk=green", "master-a:0=5", "a b=1")[0] == 0
    ids = tree(file).xpath("//node[@uname='n1']//nvpair/@id")
    assert [one.removeprefix("num-1-instance_attributes-") for one in ids] == [".health-disk", "master-a.0", "a_b"]


def test_a_commit_that_comes_too_late_is_tried_again_and_not_for_ever(nodes, file):
    session = Session.begin(Switches())

    class Late:
        """The CIB changes each time between reading and writing it, so often."""

        user, force = None, False

        def __init__(self, inner, often):
            self.inner, self.often = inner, often

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def change(self, operation, **request):
            if self.often:
                self.often -= 1
                CibFile(file).change("bump")
                self.inner.forget()
            self.inner.change(operation, **request)

    late = Late(session.source, 2)
    session._source = late
    session.work.make("property cluster-name=late")
    assert commit(session, how="test")
    assert late.often == 0
    assert "cluster-name=late" in nodes("configure", "show")[1]
    session._source = Late(CibFile(file), 1000)
    session.work.make("property cluster-name=never")
    with pytest.raises(Fault):
        commit(session, how="test")
    assert "never" not in nodes("configure", "show")[1]


def test_a_comment_is_committed_with_what_else_has_changed(loaded, tmp_path):
    shown = loaded("configure", "show")[1].replace("10s", "11s")
    (tmp_path / "noted").write_text(shown.replace("group g", "# both together\ngroup g"))
    assert loaded("configure", "load", "replace", str(tmp_path / "noted"))[0] == 0
    assert "# both together\ngroup g a b\n" in loaded("configure", "show")[1]


def test_a_commit_is_confirmed_where_somebody_would_take_it_back(loaded):
    status, _, err = loaded(stdin="configure\nprimitive c Dummy\ncommit confirm 5m\n")
    assert status == 1
    assert "on the running cluster only" in err
    for word in ("5", "soon", "2d"):
        assert "is no time between" in loaded(stdin=f"configure\nprimitive c Dummy\ncommit confirm {word}\n")[2]
    assert loaded("configure", "unconfirmed")[0] == 0
    assert loaded("configure", "revert")[0] == 1


def test_a_comment_is_in_the_history(loaded):
    assert loaded(stdin="configure\nprimitive c Dummy\ncommit comment 'for a try'\n")[0] == 0
    assert "configure commit: for a try" in loaded("history", "commits")[1]


# lvs ------------------------------------------------------------------------------------------------------------------


def test_the_load_balancer_is_shown_where_one_runs(loaded, monkeypatch, tmp_path):
    monkeypatch.setenv("LDIRECTORD_RUN", str(tmp_path))
    assert loaded("lvs", "status") == (1, "no ldirectord runs here\n", "")
    assert json.loads(loaded("lvs", "status", "json", "rate")[1]) == {"directors": [], "faults": []}
    assert loaded("lvs", "status", "rates") == (
        1,
        "",
        "ERROR: lvs.status: Expected some of json|stats|rate, not rates\n",
    )


def test_scripts_are_shown_checked_and_run(loaded):
    assert "virtual-ip" in loaded("script", "list")[1]
    assert loaded("script", "list", "names")[1].split() == [
        "health", "virtual-ip", "filesystem", "apache", "haproxy", "mailto",
    ]  # fmt: skip
    assert "Needed:\n  id " in loaded("script", "show", "vip")[1]
    assert loaded("script", "verify", "vip", "id=v")[0] == 1
    loaded("-F", "script", "run", "vip", "id=v", "ip=10.0.0.1")
    assert "ip=10.0.0.1" in loaded("configure", "show", "v")[1]
    assert "there already" in loaded("script", "run", "vip", "id=v", "ip=10.0.0.2")[2]
    assert json.loads(loaded("script", "json", "show", "vip")[1])["name"] == "virtual-ip"


FAILED = """<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member">
<lrm id="1"><lrm_resources><lrm_resource id="a" class="ocf" provider="heartbeat" type="Dummy">
<lrm_rsc_op id="a_last_0" operation="start" operation_key="a_start_0" rc-code="1" op-status="0" call-id="5" interval="0"
transition-key="1:1:0:00000000-0000-0000-0000-000000000000"
transition-magic="0:1;1:1:0:00000000-0000-0000-0000-000000000000"
exec-time="1" queue-time="0" on_node="n1"/></lrm_resource></lrm_resources></lrm>
<transient_attributes id="1"><instance_attributes id="s1">
<nvpair id="s1-f" name="fail-count-a#start_0" value="INFINITY"/></instance_attributes></transient_attributes>
</node_state>"""


def test_a_plan_of_a_cleanup_knows_what_is_forgotten(nodes, file):
    file.write_text(file.read_text().replace("<status/>", f"<status>{FAILED}</status>"))
    status, out, _ = nodes("resource", "cleanup", "a", "--plan")
    assert status == 2, out
    assert "a" in out
    assert nodes("resource", "cleanup", "b", "--plan")[0] == 0
    assert nodes("resource", "cleanup", "frob", "--plan")[0] == 1
    assert "fail-count-a" in file.read_text()


class Busy(CibFile):
    """A CIB whose status has changed by the time that a change of it is written, three times."""

    left = 3

    def change(self, operation, **words):
        if Busy.left:
            Busy.left -= 1
            root = etree.parse(self.path).getroot()
            root.set("num_updates", str(int(root.get("num_updates")) + 1))
            root.find("status/node_state").set("crm-debug-origin", f"left-{Busy.left}")
            self.path.write_bytes(etree.tostring(root))
            self.forget()
        return super().change(operation, **words)


@pytest.mark.parametrize(("lifetime", "left"), [("forever", 2), ("reboot", 0)])
def test_a_status_that_changes_meanwhile_is_no_obstacle_and_is_not_taken_back(nodes, file, monkeypatch, lifetime, left):
    """What is about the configuration alone is written at once, what is about the status is tried again."""
    root = etree.parse(file).getroot()
    etree.SubElement(root.find("status"), "node_state", id="1", uname="n1")
    file.write_bytes(etree.tostring(root))
    monkeypatch.setattr(Busy, "left", 3)
    monkeypatch.setattr("hacluster.client.cibsource.CibFile", Busy)
    assert nodes("node", "standby", "n1", lifetime) == (0, "INFO: standby node n1\n", "")
    assert Busy.left == left
    where = "node" if lifetime == "forever" else "node_state"
    assert value(file, f"//{where}[@uname='n1']//nvpair[@name='standby']/@value") == "on"
    assert value(file, "//node_state/@crm-debug-origin") == f"left-{left}"
