"""Edits, reads and waiting by local programs, through the real machines of three nodes."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.base.effects import MachineName
from hacluster.base.results import Exit
from hacluster.msg.driver import Peer, Refused, Request
from hacluster.msg.replica import (
    AwaitChange,
    Changed,
    CibText,
    Edit,
    EditRequest,
    ReadRequest,
    SetVoters,
    Upload,
    Uploaded,
    WriteEnd,
    WriteRequest,
    Written,
)
from hacluster.sim.crm.ring import write_of
from hacluster.sim.desk import Desk, majority

ALICE = Peer("cibadmin", 1001, 1001, 5, user="alice", group_names=("haclient",))
PRIMITIVE = '<primitive id="{}" class="ocf" provider="heartbeat" type="Dummy"/>'
ACLS = """<acls><acl_role id="watch"><acl_permission id="w1" kind="read" xpath="/cib/configuration/nodes"/></acl_role>
<acl_target id="alice"><role id="watch"/></acl_target></acls>"""


def desk() -> Desk:
    made = Desk(majority("a", "b", "c"))
    for name in "abc":
        made.restart(name)
    return made.view("a", "abc")


def do(made: Desk, name: str, body: object, peer: Peer | None = None) -> object:
    """Ask at a node, and let everything come to rest."""
    if peer is None:
        number = made.ask(name, body)
    else:
        number = made._serial = made._serial + 1
        made.give(made.nodes[name], MachineName.CIBD, Request(number, peer, body))
    made.settle(made.nodes)
    return made.nodes[name].replies.get(number)


def edit(made: Desk, name: str, operation: str, scope: str | None, data: str | None, **more: object) -> Written:
    answer = do(made, name, EditRequest(Edit(operation, scope, data, **more)))  # type: ignore[arg-type]
    assert isinstance(answer, Written), answer
    return answer


def read(made: Desk, name: str, peer: Peer | None = None, user: str = "") -> etree._Element:
    answer = do(made, name, ReadRequest(user=user), peer)
    assert isinstance(answer, CibText), answer
    text = answer.text
    while answer.left:
        answer = do(made, name, ReadRequest(answer.token, len(text), user), peer)
        assert isinstance(answer, CibText), answer
        text += answer.text
    return etree.fromstring(text)


def test_an_edit_at_any_node_is_made_by_the_leader_and_seen_at_all() -> None:
    made = desk()
    assert edit(made, "b", "create", "resources", PRIMITIVE.format("A")).end is WriteEnd.COMMITTED
    for name in "abc":
        assert [entry.get("id") for entry in read(made, name).iter("primitive")] == ["A"]


def test_a_change_says_who_made_it_and_when_and_a_reader_who_leads() -> None:
    made = desk()
    edit(made, "b", "create", "resources", PRIMITIVE.format("A"))
    seen = dict(read(made, "c").attrib)
    assert (seen["update-origin"], seen["update-client"], seen["update-user"]) == ("b", "test", "root")
    assert seen["cib-last-written"] == "Sun Sep 13 12:26:40 2020"
    assert (seen["have-quorum"], seen["dc-uuid"]) == ("1", "a")


def test_what_no_access_control_can_see_into_is_for_administrators() -> None:
    made = desk()
    assert isinstance(do(made, "a", WriteRequest(write_of("x")), ALICE), Refused)
    assert isinstance(do(made, "a", SetVoters("a=1 b=1 c=2"), ALICE), Refused)


def test_two_edits_at_one_time_are_both_kept() -> None:
    made = desk()
    numbers = [
        (name, made.ask(name, EditRequest(Edit("create", "resources", PRIMITIVE.format(name))))) for name in "bc"
    ]
    made.settle(made.nodes)
    for name, number in numbers:
        answer = made.nodes[name].replies[number]
        assert isinstance(answer, Written), answer
        assert answer.end is WriteEnd.COMMITTED
    assert sorted(entry.get("id", "") for entry in read(made, "a").iter("primitive")) == ["b", "c"]


def test_an_edit_that_is_asked_again_is_made_once() -> None:
    made = desk()
    once = edit(made, "b", "create", "resources", PRIMITIVE.format("A"))
    again = do(made, "b", EditRequest(Edit("create", "resources", PRIMITIVE.format("A")), request=once.request))
    assert isinstance(again, Written)
    assert (again.end, again.seq) == (WriteEnd.COMMITTED, once.seq)


def test_a_refusal_says_what_the_tools_say() -> None:
    made = desk()
    edit(made, "a", "create", "resources", PRIMITIVE.format("A"))
    refused = edit(made, "b", "create", "resources", PRIMITIVE.format("A"))
    assert (refused.end, refused.text, refused.status) == (WriteEnd.REFUSED, "File exists", Exit.EXISTS)
    assert etree.fromstring(refused.report).tag == "failed"
    gone = edit(made, "b", "modify", "resources", PRIMITIVE.format("B"))
    assert gone.status == Exit.NO_SUCH
    assert edit(made, "b", "modify", "resources", "<primitive").status == Exit.DATA


def test_an_edit_that_changes_nothing_is_answered_and_leaves_no_record() -> None:
    made = desk()
    edit(made, "a", "create", "resources", PRIMITIVE.format("A"))
    before = made.nodes["b"].cibd.store.position
    assert edit(made, "b", "modify", "resources", PRIMITIVE.format("A")).end is WriteEnd.COMMITTED
    assert made.nodes["b"].cibd.store.position == before


def test_what_is_so_by_a_write_under_way_is_told_when_that_is_committed() -> None:
    made = desk()
    first = made.ask("a", EditRequest(Edit("create", "resources", PRIMITIVE.format("A"))))
    second = made.ask("a", EditRequest(Edit("modify", "resources", PRIMITIVE.format("A"))))
    replies = made.nodes["a"].replies
    assert first not in replies
    assert second not in replies, "nobody else has it on disk yet"
    made.settle(made.nodes)
    for number in (first, second):
        answer = replies[number]
        assert isinstance(answer, Written)
        assert answer.end is WriteEnd.COMMITTED


def test_a_bump_raises_the_epoch() -> None:
    made = desk()
    before = made.nodes["b"].cibd.store.version.epoch
    assert edit(made, "c", "bump", None, None).end is WriteEnd.COMMITTED
    assert made.nodes["b"].cibd.store.version.epoch == before + 1


STATE = """<node_state id="b" uname="b" crmd="online"><transient_attributes id="b"><instance_attributes id="status-b">
<nvpair id="status-b-pingd" name="pingd" value="1"/></instance_attributes></transient_attributes>
<lrm id="b"><lrm_resources><lrm_resource id="A" class="ocf" provider="heartbeat" type="Dummy">
<lrm_rsc_op id="A_last_0" operation="start" rc-code="0" op-status="0" call-id="5" interval="0"/>
</lrm_resource></lrm_resources></lrm></node_state>"""


def test_status_written_as_xml_is_seen_at_all_nodes_and_makes_no_record() -> None:
    made = desk()
    before = made.nodes["a"].cibd.store.position
    assert edit(made, "b", "modify", "status", STATE, create=True).end is WriteEnd.COMMITTED
    for name in "abc":
        root = read(made, name)
        assert root.xpath("//nvpair[@name='pingd']/@value") == ["1"], name
        assert root.xpath("//lrm_rsc_op/@operation") == ["start"], name
        assert root.xpath("//node_state/@crmd") == ["online"], name
    ticket = '<tickets><ticket_state id="T" granted="true"/></tickets>'
    edit(made, "c", "modify", "status", ticket, create=True)
    assert read(made, "a").xpath("//ticket_state/@granted") == ["true"]
    edit(made, "c", "delete", "status", '<lrm_resource id="A"/>')
    edit(made, "c", "delete", "status", '<nvpair id="status-b-pingd"/>')
    assert read(made, "a").xpath("//lrm_rsc_op") == read(made, "a").xpath("//nvpair[@name='pingd']") == []
    edit(made, "a", "delete", "status", '<node_state id="b"/>')
    assert read(made, "b").xpath("//node_state") == []
    assert made.nodes["a"].cibd.store.position == before


def test_what_a_status_cannot_hold_is_refused() -> None:
    assert edit(desk(), "a", "modify", "status", "<nonsense/>", create=True).status == Exit.CONFIG


def test_access_control_binds_users_for_reading_and_writing() -> None:
    made = desk()
    edit(made, "a", "create", "nodes", '<node id="a" uname="a"/>')
    edit(made, "a", "create", "resources", PRIMITIVE.format("A"))
    option = '<crm_config><cluster_property_set id="o"><nvpair id="acl" name="enable-acl" value="true"/>'
    edit(made, "a", "modify", "crm_config", f"{option}</cluster_property_set></crm_config>", create=True)
    edit(made, "a", "modify", "configuration", f"<configuration>{ACLS}</configuration>", create=True)
    seen = read(made, "b", ALICE)
    assert [entry.get("id") for entry in seen.iter("node")] == ["a"]
    assert list(seen.iter("primitive")) == []
    assert [entry.get("id") for entry in read(made, "b").iter("primitive")] == ["A"]
    assert list(read(made, "b", user="alice").iter("primitive")) == [], "root speaks in her name"
    refused = do(made, "b", EditRequest(Edit("create", "resources", PRIMITIVE.format("B"))), ALICE)
    assert isinstance(refused, Written)
    assert (refused.end, refused.status) == (WriteEnd.REFUSED, Exit.DENIED)
    claims = do(made, "b", EditRequest(Edit("create", "resources", PRIMITIVE.format("B")), user="root"), ALICE)
    assert isinstance(claims, Written)
    assert claims.status == Exit.DENIED, "nobody but an administrator says in whose name"


def test_without_quorum_an_edit_is_refused_unless_it_is_forced() -> None:
    made = desk()
    made.crash("b")
    made.crash("c")
    made.view("a", "a")
    refused = edit(made, "a", "create", "resources", PRIMITIVE.format("A"))
    assert (refused.end, refused.status) == (WriteEnd.REFUSED, Exit.QUORUM)
    forced = do(made, "a", EditRequest(Edit("create", "resources", PRIMITIVE.format("A")), forced=True))
    assert isinstance(forced, Written)
    assert forced.end is WriteEnd.KEPT


def test_what_began_with_quorum_is_not_told_as_kept_without_it() -> None:
    """It is in this copy alone, and goes when a view with quorum has another."""
    made = desk()
    number = made.ask("a", EditRequest(Edit("create", "resources", PRIMITIVE.format("A"))))
    made.crash("b")
    made.crash("c")
    made.view("a", "a")
    made.settle(made.nodes)
    first = made.nodes["a"].replies[number]
    assert isinstance(first, Written)
    assert first.end is WriteEnd.UNKNOWN
    again = EditRequest(Edit("create", "resources", PRIMITIVE.format("A")), request=first.request)
    later = do(made, "a", again)
    assert isinstance(later, Written)
    assert (later.end, later.request) == (WriteEnd.UNKNOWN, first.request)
    assert "no quorum" in later.text
    made.restart("b")
    made.restart("c")
    made.view("a", "abc")
    assert do(made, "a", again).end is WriteEnd.COMMITTED  # type: ignore[attr-defined]
    assert [entry.get("id") for entry in read(made, "b").iter("primitive")] == ["A"]


def test_long_texts_go_both_ways_in_pieces() -> None:
    made = desk()
    text = f"<resources>{''.join(PRIMITIVE.format(f'r{number}') for number in range(9_000))}</resources>"
    half = len(text) // 2
    assert do(made, "b", Upload("t1", 0, text[:half])) == Uploaded(half)
    assert do(made, "b", Upload("t1", half, text[half:])) == Uploaded(len(text))
    assert isinstance(do(made, "b", Upload("t1", 0, "x")), Refused), "not where it left off"
    answer = do(made, "b", EditRequest(Edit("replace", "resources"), token="t1"))
    assert isinstance(answer, Written), answer
    assert answer.end is WriteEnd.COMMITTED
    assert len(list(read(made, "c").iter("primitive"))) == 9_000
    assert isinstance(do(made, "b", EditRequest(Edit("replace", "resources"), token="t1")), Refused), "used up"


def test_a_text_that_is_read_in_pieces_stays_as_it_was() -> None:
    made = desk()
    text = f"<resources>{''.join(PRIMITIVE.format(f'r{number}') for number in range(9_000))}</resources>"
    edit(made, "a", "replace", "resources", text)
    first = do(made, "b", ReadRequest())
    assert isinstance(first, CibText)
    edit(made, "a", "delete", "resources", '<primitive id="r8999"/>')
    second = do(made, "b", ReadRequest(first.token, len(first.text)))
    assert isinstance(second, CibText)
    stolen = do(made, "b", ReadRequest(first.token, len(first.text)), ALICE)
    assert isinstance(stolen, Refused), "a token is no right"


@pytest.mark.parametrize("moved_by", ["edit", "status", "view"])
def test_who_waits_for_a_change_hears_of_it_once(moved_by: str) -> None:
    made = desk()
    first = do(made, "b", ReadRequest())
    assert isinstance(first, CibText)
    assert do(made, "b", AwaitChange("another")) == Changed(first.mark, True)
    number = made.ask("b", AwaitChange(first.mark))
    assert number not in made.nodes["b"].replies
    if moved_by == "edit":
        edit(made, "a", "create", "resources", PRIMITIVE.format("A"))
    elif moved_by == "status":
        edit(made, "a", "modify", "status", STATE, create=True)
    else:
        made.crash("a")
        made.view("b", "bc")
    answer = made.nodes["b"].replies[number]
    assert isinstance(answer, Changed)
    assert answer.mark != first.mark
