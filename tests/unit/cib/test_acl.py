"""Who may see and change what."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.cib.acl import Access, check, enabled, permissions

CIB = """<cib><configuration>
<crm_config><cluster_property_set id="o"><nvpair id="o-1" name="enable-acl" value="{acl}"/></cluster_property_set>
</crm_config>
<nodes><node id="1" uname="n1"><instance_attributes id="n1-a"/></node></nodes>
<resources><primitive id="web" type="x"><meta_attributes id="web-m"/></primitive>
<primitive id="db" type="y"/></resources>
<acls>
<acl_target id="ann"><role id="r1"/></acl_target>
<acl_target id="t2" name="bob"><role id="r2"/></acl_target>
<acl_group id="wheel"><role id="r1"/><role id="nowhere"/></acl_group>
<acl_role id="r1">
<acl_permission id="p1" kind="read" xpath="/cib"/>
<acl_permission id="p2" kind="write" reference="web"/>
<acl_permission id="p3" kind="deny" object-type="node"/>
<acl_permission id="p4" kind="read" xpath="//meta_attributes"/>
<acl_permission id="p5" kind="write" object-type="primitive" attribute="nothing"/>
</acl_role>
<acl_role id="r2"><acl_permission id="q1" kind="read" xpath="//instance_attributes"/>
<acl_permission id="q2" kind="read" xpath="//["/></acl_role>
</acls></configuration><status/></cib>"""


def document(acl: str = "true") -> etree._Element:
    return etree.fromstring(CIB.format(acl=acl))


def rights(user: str, groups: tuple[str, ...] = (), acl: str = "true") -> dict[str, str]:
    root = document(acl)
    access = Access(root, user, groups)
    found = {}
    for name in ("web", "web-m", "db", "1", "n1-a", "o"):
        element = root.find(f".//*[@id='{name}']")
        found[name] = "r" * access.may_read(element) + "w" * access.may_write(element)
    return found


def test_permissions_are_inherited_and_deny_wins() -> None:
    assert rights("ann") == {"web": "rw", "web-m": "rw", "db": "r", "1": "", "n1-a": "", "o": "r"}


@pytest.mark.parametrize("user", ["root", "hacluster"])
def test_privileged_users_are_free(user: str) -> None:
    assert set(rights(user).values()) == {"rw"}


def test_without_the_option_everybody_is_free() -> None:
    assert set(rights("nobody", acl="false").values()) == {"rw"}
    assert not enabled(document("false"))


def test_without_a_permission_nothing_is_seen() -> None:
    assert set(rights("nobody").values()) == {""}
    assert Access(document(), "nobody").readable() is None


def test_a_group_has_its_roles() -> None:
    assert rights("carl", ("wheel",)) == rights("ann")


def test_a_target_goes_by_its_name_and_a_broken_xpath_grants_nothing() -> None:
    assert [permission.xpath for permission in permissions(document(), "bob")] == ["//instance_attributes", "//["]
    assert permissions(document(), "t2") == []
    assert rights("bob")["n1-a"] == "r"


def test_what_may_not_be_read_is_left_out_but_for_the_way_to_what_may() -> None:
    seen = Access(document(), "bob").readable()
    assert etree.tostring(seen).decode().replace("\n", "") == (
        '<cib><configuration><nodes><node id="1"><instance_attributes id="n1-a"/></node></nodes></configuration></cib>'
    )
    everything = Access(document(), "ann").readable()
    assert everything.find(".//node") is None
    assert everything.find(".//primitive[@id='db']").get("type") == "y"


def test_refusals_name_the_element() -> None:
    root = document()
    (report,) = Access(root, "ann").refused(root.findall(".//primitive"))
    assert str(report) == 'cib.xml:6 (<primitive id="db">): error: this may not be changed by this user'


def test_what_is_wrong_with_permissions() -> None:
    assert [(report.code, report.place.line) for report in check(document())] == [
        ("idle-permission", 16),
        ("bad-xpath", 19),
    ]
