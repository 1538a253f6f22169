"""Small clusters for tests: a CIB from a few lines, and what is decided for it."""

from __future__ import annotations

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.pe.schedule import Transition, schedule
from hacluster.pe.simulation.report import Outcome, Wishes, simulate

NOW = 1_700_000_000


def primitive(ident: str, inside: str = "", agent: str = "Dummy") -> str:
    """A primitive with a monitor."""
    return (
        f'<primitive id="{ident}" class="ocf" provider="pacemaker" type="{agent}">{inside}'
        f'<operations><op id="{ident}-m" name="monitor" interval="10s"/></operations></primitive>'
    )


def meta(ident: str, **values: str) -> str:
    """A block of meta attributes; underscores in names are dashes."""
    pairs = "".join(
        f'<nvpair id="{ident}-{name}" name="{name.replace("_", "-")}" value="{value}"/>'
        for name, value in values.items()
    )
    return f'<meta_attributes id="{ident}-meta">{pairs}</meta_attributes>'


def operation(rsc: str, task: str, node: str, code: int = 0, expected: int = 0) -> str:
    """The history of a resource with one operation."""
    key = f"1:1:{expected}:u"
    return (
        f'<lrm_resource id="{rsc}" type="Dummy" class="ocf" provider="pacemaker"><lrm_rsc_op id="{rsc}_last_0" '
        f'operation_key="{rsc}_{task}_0" operation="{task}" on_node="{node}" call-id="5" rc-code="{code}" '
        f'op-status="{0 if code == expected else 4}" interval="0" last-rc-change="{NOW - 60}" transition-key="{key}" '
        f'transition-magic="0:{code};{key}" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/></lrm_resource>'
    )


def cib(
    resources: str, constraints: str = "", nodes: int = 3, histories: dict[int, str] | None = None, **options: str
) -> Document:
    """A cluster of nodes ``n1``, ``n2``, … that are all up; ``histories`` by the number of the node."""
    options = {"stonith_enabled": "false"} | options
    pairs = "".join(
        f'<nvpair id="o-{name}" name="{name.replace("_", "-")}" value="{value}"/>' for name, value in options.items()
    )
    numbers = range(1, nodes + 1)
    states = "".join(
        f'<node_state id="{number}" uname="n{number}" in_ccm="true" crmd="online" join="member" expected="member">'
        f'<lrm id="{number}"><lrm_resources>{(histories or {}).get(number, "")}</lrm_resources></lrm></node_state>'
        for number in numbers
    )
    members = "".join(f'<node id="{number}" uname="n{number}"/>' for number in numbers)
    text = (
        f'<cib validate-with="pacemaker-3.7" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1" dc-uuid="1">'
        f"<configuration><crm_config>"
        f'<cluster_property_set id="o">{pairs}</cluster_property_set></crm_config><nodes>{members}</nodes>'
        f"<resources>{resources}</resources><constraints>{constraints}</constraints></configuration>"
        f"<status>{states}</status></cib>"
    )
    return parse_document(text.encode())


def decide(document: Document) -> Transition:
    """The transition for a document."""
    return schedule(document, Moment.from_epoch(NOW))


def places(document: Document) -> dict[str, str | None]:
    """Primitive → the node it gets."""
    found: dict[str, str | None] = {}
    for top in decide(document).cluster.resources:
        for rsc in top.walk():
            if not rsc.instances:
                found[rsc.id] = None if rsc.assigned is None else rsc.assigned.name
    return found


def keys(document: Document) -> set[str]:
    """The operations that are carried out, with their nodes."""
    synapses = decide(document).graph.synapses
    actions = [synapse.action for synapse in synapses]
    return {action.key + (f" {action.node.name}" if action.node is not None else "") for action in actions}


def run(document: Document) -> Outcome:
    """The document with the transition carried out."""
    return simulate(document, Moment.from_epoch(NOW), NOW, Wishes(scores=True))
