"""Commands with what they stand for: each text is what ``show`` prints, each element what reading gives."""

CIB = '<cib validate-with="pacemaker-3.9"><configuration>{}</configuration><status/></cib>'

RESOURCES = """
  <resources>
    <primitive id="d1" class="ocf" provider="pacemaker" type="Dummy"/>
    <primitive id="d2" class="ocf" provider="heartbeat" type="Dummy"/>
    <primitive id="d3" class="ocf" provider="heartbeat" type="Dummy"/>
  </resources>"""
"""What constraints and containers in the cases below name."""

SPEAKABLE = [
    ('<nodes><node id="1" uname="alpha"/></nodes>', "node 1: alpha"),
    ('<nodes><node id="alpha" uname="alpha" type="remote"/></nodes>', "node alpha:remote"),
    (
        (
            '<nodes><node id="1" uname="alpha"><instance_attributes id="nodes-1"><nvpair id="nodes-1-site" name="site" '
            'value="north west"/></instance_attributes></node></nodes>'
        ),
        'node 1: alpha \\\n\tattributes site="north west"',
    ),
    ('<resources><primitive id="a" class="ocf" provider="heartbeat" type="Dummy"/></resources>', "primitive a Dummy"),
    ('<resources><primitive id="a" class="lsb" type="sshd"/></resources>', "primitive a lsb:sshd"),
    (
        (
            '<resources><primitive id="a" class="stonith" type="fence_x"><instance_attributes id="a-instance_attributes">'  # noqa: E501
            '<nvpair id="a-instance_attributes-password" name="password" value="secret"/></instance_attributes>'
            "</primitive></resources>"
        ),
        'primitive a stonith:fence_x \\\n\tparams password="******"',
    ),
    (
        (
            '<resources><primitive id="a" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="m"><nvpair '  # noqa: E501
            'id="m-t" name="target-role" value="Stopped"/></meta_attributes><operations><op id="a-monitor-10s" '
            'name="monitor" interval="10s" timeout="20s" role="Promoted"/></operations></primitive></resources>'
        ),
        (
            "primitive a ocf:pacemaker:Dummy \\\n\tmeta target-role=Stopped \\\n\top monitor interval=10s timeout=20s"
            " role=Promoted"
        ),
    ),
    (
        '<constraints><rsc_location id="l" rsc="d1" score="INFINITY" node="alpha"/></constraints>',
        "location l d1 inf: alpha",
    ),
    (
        (
            '<constraints><rsc_location id="l" rsc-pattern="d.*" resource-discovery="never" score="-INFINITY" '
            'node="alpha"/></constraints>'
        ),
        "location l /d.*/ resource-discovery=never -inf: alpha",
    ),
    (
        (
            '<constraints><rsc_location id="l" rsc="d1"><rule id="l-rule" score="-INFINITY" boolean-op="or"><expression '  # noqa: E501
            'id="l-rule-expression" attribute="pingd" operation="not_defined"/><expression id="l-rule-expression-0" '
            'attribute="pingd" operation="lte" type="number" value="0"/></rule></rsc_location></constraints>'
        ),
        "location l d1 \\\n\trule -inf: not_defined pingd or pingd number:lte 0",
    ),
    (
        (
            '<constraints><rsc_location id="l" rsc="d1"><rule id="r" score="10"><date_expression id="e" '
            'operation="date_spec"><date_spec id="s" hours="9-16" weekdays="1-5"/></date_expression></rule>'
            "</rsc_location></constraints>"
        ),
        "location l d1 \\\n\trule 10: date spec hours=9-16 weekdays=1-5",
    ),
    (
        (
            '<constraints><rsc_colocation id="c" score="-50" rsc="d1" rsc-role="Started" with-rsc="d2" '
            'node-attribute="site"/></constraints>'
        ),
        "colocation c -50: d1:Started d2 node-attribute=site",
    ),
    (
        (
            '<constraints><rsc_order id="o" kind="Optional" first="d1" first-action="stop" then="d2" '
            'symmetrical="false"/></constraints>'
        ),
        "order o Optional: d1:stop d2 symmetrical=false",
    ),
    (
        (
            '<constraints><rsc_order id="o" kind="Mandatory"><resource_set id="o-0"><resource_ref id="d1"/></resource_set>'  # noqa: E501
            '<resource_set id="o-1" sequential="false"><resource_ref id="d2"/><resource_ref id="d3"/></resource_set>'
            "</rsc_order></constraints>"
        ),
        "order o Mandatory: d1 ( d2 d3 )",
    ),
    (
        '<constraints><rsc_ticket id="t" ticket="t1" rsc="d1" loss-policy="stop"/></constraints>',
        "rsc_ticket t t1: d1 loss-policy=stop",
    ),
    (
        (
            '<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="cib-bootstrap-options-a" name="a" '  # noqa: E501
            'value="b c"/></cluster_property_set></crm_config>'
        ),
        'property cib-bootstrap-options: \\\n\ta="b c"',
    ),
    (
        (
            '<rsc_defaults><meta_attributes id="rsc-options"><nvpair id="rsc-options-x" name="resource-stickiness" '
            'value="1"/></meta_attributes></rsc_defaults>'
        ),
        "rsc_defaults rsc-options: \\\n\tresource-stickiness=1",
    ),
    ('<tags><tag id="t"><obj_ref id="d1"/><obj_ref id="d2"/></tag></tags>', "tag t d1 d2"),
    (
        (
            '<acls><acl_role id="r"><acl_permission id="r-read" kind="read" xpath="/cib"/><acl_permission id="r-write" '
            'kind="write" object-type="nvpair" attribute="value"/></acl_role><acl_target id="u"><role id="r"/></acl_target>'  # noqa: E501
            "</acls>"
        ),
        "role r \\\n\tread cib \\\n\twrite attr:value type:nvpair\nacl_target u \\\n\tr",
    ),
    (
        (
            '<alerts><alert id="a" path="/srv/a.sh"><select><select_attributes><attribute id="x" name="standby"/>'
            '</select_attributes></select><recipient id="a-recipient-1" value="/var/log/a"/></alert></alerts>'
        ),
        'alert a "/srv/a.sh" \\\n\tselect attributes { standby } \\\n\tto "/var/log/a"',
    ),
]
"""Sections of a configuration, and the text of what they have."""

UNSPEAKABLE = [
    '<constraints><rsc_order id="o" first="d1" then="d2" require-all="false"/></constraints>',
    '<constraints><rsc_colocation id="c" score="5" rsc="d1" with-rsc="d2" influence="false"/></constraints>',
    '<nodes><node id="1" uname="alpha" description="Zürich"/></nodes>',
    '<acls><acl_target id="nobody"/></acls>',
]
"""What crmsh's grammar has no words for."""
