"""Small clusters and what happens in them: each shows why the warm path needs one of its guards."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lxml import etree

from hacluster.cib.document import Document
from hacluster.cib.records import OpRecord
from tests.unit.pe.clusters import NOW, cib, meta, operation, primitive

AGO, LATER = "2023-01-01", "2023-11-14 22:15:00Z"
"""Long before ``NOW``, and 100 seconds after it."""


class Scene(NamedTuple):
    """A document, a change of it, and how many seconds later that is."""

    document: Document
    change: Callable[[Document], None]
    later: int = 0


def filler(number: int = 6) -> str:
    """Resources that have nothing to do with the others, so that a part is less than half."""
    return "".join(primitive(f"z{place}") for place in range(number))


def nothing(_document: Document) -> None:
    """Nothing but time changes."""


def put(document: Document, section: str, text: str) -> Document:
    """Add an element to a section of the configuration."""
    parent = document.section(section)
    if parent is None:
        configuration = document.root.find("configuration")
        assert configuration is not None
        parent = etree.SubElement(configuration, section)
    parent.append(etree.fromstring(text))
    return document


def transient(document: Document, number: int, kind: str = "instance_attributes", **values: str) -> None:
    """Set transient attributes of a node; underscores in names are dashes, two are the mark of an operation."""
    state = document.status.nodes[number - 1]
    if state.transient is None:
        state.transient = etree.Element("transient_attributes", id=str(number))
    for block in state.transient.findall(kind):
        state.transient.remove(block)
    block = etree.SubElement(state.transient, kind, id=f"t{number}-{kind}")
    for name, value in values.items():
        word = name.replace("__", "#").replace("_", "-").replace("#10000", "#monitor_10000")
        etree.SubElement(block, "nvpair", id=f"t{number}-{word}", name=word, value=value)


def fail(task: str, number: int, place: int = 0, ago: int = 90) -> Callable[[Document], None]:
    """Let an operation of the ``place``th history of a node fail."""

    def change(document: Document) -> None:
        state = document.status.nodes[number - 1]
        history, key = state.histories[place], "2:1:0:u"
        ident = f"{history.id}_{task}_0"
        failed = OpRecord(f"{history.id}_last_failure_0", ident, task, 1, 4, 4, 0, 0, key, f"4:1;{key}", state.uname)
        failed.last_change = NOW - ago
        history.ops.insert(0, failed)

    return change


def stopped(number: int, place: int = 0, task: str = "stop") -> Callable[[Document], None]:
    """Let the only operation of the ``place``th history of a node have been a stop."""

    def change(document: Document) -> None:
        history = document.status.nodes[number - 1].histories[place]
        history.ops[0].task, history.ops[0].key = task, f"{history.id}_{task}_0"

    return change


def rule(ident: str, inside: str, score: str = "") -> str:
    """A rule."""
    return f'<rule id="{ident}"{score and f" score={chr(34)}{score}{chr(34)}"}>{inside}</rule>'


def until(ident: str, end: str = LATER) -> str:
    """A date expression that holds until then."""
    return f'<date_expression id="{ident}" operation="lt" end="{end}"/>'


def standby_on_failure() -> Scene:
    """A start that failed elsewhere puts that node into standby: what has nothing to do with it leaves, too.

    The resource itself stays where it is, so that no load tells of it.
    """
    settings = '<op id="a-s" name="start" interval="0" on-fail="standby"/><op id="a-m"'
    failing = primitive("a").replace('<op id="a-m"', settings)
    running = {
        1: operation("a", "stop", "n1") + operation("b", "start", "n1"),
        2: operation("a", "start", "n2"),
    }
    return Scene(cib(failing + primitive("b") + filler(), histories=running), fail("start", 1))


def failure_that_expires() -> Scene:
    """A fail count without a failed result runs out by the time alone."""
    settings = meta("a", migration_threshold="1", failure_timeout="60s")
    document = cib(
        primitive("a", settings) + filler(),
        '<rsc_location id="l" rsc="a" node="n1" score="10"/>',
        histories={2: operation("a", "start", "n2")},
    )
    transient(document, 1, fail_count_a__10000="1", last_failure_a__10000=str(NOW - 30))
    return Scene(document, nothing, 120)


def failure_that_is_forgotten() -> Scene:
    """A failed result without a fail count is forgotten by the time alone."""
    document = cib(
        primitive("a", meta("a", failure_timeout="100s")) + filler(), histories={1: operation("a", "start", "n1")}
    )
    fail("monitor", 1, ago=30)(document)
    return Scene(document, nothing, 120)


def move_that_others_see() -> Scene:
    """What has no place yet goes where less runs; a resource that moves turns that."""
    running = {1: operation("a", "start", "n1"), 2: operation("z0", "start", "n2")}
    document = cib(primitive("a") + primitive("y") + filler(), nodes=2, histories=running)

    def ban(doc: Document) -> None:
        transient(doc, 1, fail_count_a__10000="INFINITY")
        fail("monitor", 1)(doc)

    return Scene(document, ban)


def room_that_shrinks() -> Scene:
    """A node has less room than it had; none of its attributes says so."""
    needs = '<utilization id="y-u"><nvpair id="y-r" name="room" value="5"/></utilization>'
    document = cib(
        primitive("a") + primitive("y", needs) + filler(),
        nodes=2,
        histories={1: operation("y", "start", "n1")},
        placement_strategy="utilization",
    )
    for number in (1, 2):
        transient(document, number, "utilization", room="5")
    return Scene(document, lambda doc: transient(doc, 1, "utilization", room="1"))


def urgency_that_changes() -> Scene:
    """With a placement strategy, what runs has its turn before what does not; once it has stopped, another is first."""
    needs = '<utilization id="{0}-u"><nvpair id="{0}-r" name="room" value="5"/></utilization>'
    document = cib(
        primitive("y", needs.format("y")) + primitive("a", needs.format("a")) + filler(),
        '<rsc_location id="l1" rsc="a" node="n1" score="10"/><rsc_location id="l2" rsc="y" node="n1" score="15"/>',
        nodes=2,
        histories={1: operation("a", "start", "n1")},
        placement_strategy="utilization",
    )
    for number in (1, 2):
        transient(document, number, "utilization", room="5")
    return Scene(document, stopped(1))


def option_with_an_end() -> Scene:
    """An option holds until a time."""
    document = cib(primitive("a") + filler(), histories={1: operation("a", "start", "n1")})
    pair = '<nvpair id="x-s" name="stop-all-resources" value="true"/>'
    inside = rule("xr", until("xd")) + pair
    put(document, "crm_config", f'<cluster_property_set id="x" score="9">{inside}</cluster_property_set>')
    return Scene(document, nothing, 200)


def place_with_an_end() -> Scene:
    """A location holds until a time."""
    expression = '<expression id="le" attribute="#uname" operation="eq" value="n1"/>'
    timed = f'<rsc_location id="l" rsc="a">{rule("lr", until("ld") + expression, "50")}</rsc_location>'
    document = cib(primitive("a") + filler(), f'{timed}<rsc_location id="k" rsc="a" node="n3" score="20"/>')
    return Scene(document, nothing, 200)


def place_by_pattern_with_an_end() -> Scene:
    """A location of all whose names fit holds until a time."""
    expression = '<expression id="le" attribute="#uname" operation="eq" value="n3"/>'
    text = rule("lr", until("ld") + expression, "-INFINITY")
    document = cib(primitive("a") + filler(), f'<rsc_location id="l" rsc-pattern="^z">{text}</rsc_location>')
    return Scene(document, nothing, 200)


def priority_with_an_end() -> Scene:
    """The last resource comes first until a time."""
    pair = '<nvpair id="a-p" name="priority" value="5"/>'
    settings = f'<meta_attributes id="a-meta">{rule("ar", until("ad"))}{pair}</meta_attributes>'
    return Scene(cib(filler() + primitive("a", settings)), nothing, 200)


def instances_with_an_end() -> Scene:
    """A clone has two instances, and three from a time on."""
    pair = '<nvpair id="c-m" name="clone-max" value="2"/>'
    first = f'<meta_attributes id="c-meta">{rule("cr", until("cd"))}{pair}</meta_attributes>'
    return Scene(cib(f'<clone id="c">{first}{primitive("a")}</clone>{filler()}'), nothing, 200)


def sides_that_become_even() -> Scene:
    """What runs on a lost node was worth more than what runs on the other; then something of it had stopped before."""

    def worth(ident: str, priority: int) -> str:
        return primitive(ident, meta(ident, priority=str(priority)))

    document = cib(
        worth("a", 5) + worth("b", 1) + worth("y", 5) + _DEVICE + filler(),
        '<rsc_order id="o" first="a" then="b"/>',
        nodes=2,
        histories={1: operation("a", "start", "n1") + operation("b", "start", "n1"), 2: operation("y", "start", "n2")},
        stonith_enabled="true",
        priority_fencing_delay="60s",
    )
    return Scene(_lost(document, 1), stopped(1, 1))


def order_of_two() -> Scene:
    """Of two that were started one after the other, the first has stopped."""
    running = {1: operation("a", "start", "n1") + operation("b", "start", "n1")}
    constraints = '<rsc_order id="o" first="a" then="b"/><rsc_location id="l" rsc="b" node="n1" score="50"/>'
    document = cib(primitive("a") + primitive("b") + filler(), constraints, histories=running)
    return Scene(document, stopped(1))


def default_with_an_end() -> Scene:
    """A default of all resources holds until a time."""
    document = cib(
        primitive("a") + filler(),
        '<rsc_location id="l" rsc="a" node="n2" score="10"/>',
        histories={1: operation("a", "start", "n1")},
    )
    pair = '<nvpair id="d-s" name="resource-stickiness" value="100"/>'
    put(document, "rsc_defaults", f'<meta_attributes id="d">{rule("dr", until("dd"))}{pair}</meta_attributes>')
    return Scene(document, nothing, 200)


def default_of_some_operations() -> Scene:
    """A default of starts changes at a time; only a start asks for it."""
    document = cib(primitive("a") + filler(), histories={1: operation("a", "start", "n1")})
    first = '<op_expression id="de" name="start"/>'
    pair = '<nvpair id="d-t" name="timeout" value="99s"/>'
    put(document, "op_defaults", f'<meta_attributes id="d">{rule("dr", first + until("dd"))}{pair}</meta_attributes>')
    return Scene(document, nothing, 1)


def attribute_of_a_node() -> Scene:
    """A location asks for an attribute of nodes."""
    expression = '<expression id="le" attribute="weather" operation="eq" value="bad"/>'
    document = cib(
        primitive("a") + primitive("b", meta("b", resource_stickiness="10")) + filler(),
        f'<rsc_location id="l" rsc="b">{rule("lr", expression, "-INFINITY")}</rsc_location>',
        histories={1: operation("b", "start", "n1")},
    )
    return Scene(document, lambda doc: transient(doc, 1, weather="bad"))


def ghost() -> Scene:
    """Something runs that is not configured."""
    running = operation("ghost", "start", "n1") + operation("a", "start", "n1")
    return Scene(cib(filler() + primitive("a"), histories={1: running}), fail("monitor", 1, 1))


_DEVICE = '<primitive id="dev" class="stonith" type="external/ssh"/>'
_UNFENCER = _DEVICE.replace("/>", f">{meta('dev', provides='unfencing')}</primitive>")


def _lost(document: Document, number: int) -> Document:
    """A node is not there any more."""
    document.status.nodes[number - 1].attrs |= {"in_ccm": "false", "crmd": "offline"}
    return document


def beside(document: Document) -> Scene:
    """The last of what has nothing to do with the rest fails."""

    def change(doc: Document) -> None:
        fail("monitor", 1, len(doc.status.nodes[0].histories) - 1)(doc)

    return Scene(document, change)


_LAST = operation("z5", "start", "n1")


def beside_fencing() -> Scene:
    """A node is fenced meanwhile, and what ran there recovered."""
    running = {1: operation("dev", "start", "n1") + _LAST, 2: operation("b", "start", "n2")}
    document = cib(primitive("b") + _DEVICE + filler(), histories=running, stonith_enabled="true")
    return beside(_lost(document, 2))


def beside_a_shutdown() -> Scene:
    """A node leaves meanwhile, and what ran there is stopped."""
    document = cib(primitive("b") + filler(), histories={1: _LAST, 2: operation("b", "start", "n2")})
    transient(document, 2, shutdown=str(NOW - 10))
    return beside(document)


def beside_locks() -> Scene:
    """What a node that left had is kept for it."""
    document = cib(
        primitive("b") + filler(),
        histories={1: _LAST, 2: operation("b", "start", "n2")},
        shutdown_lock="true",
        shutdown_lock_limit="10min",
    )
    transient(document, 2, shutdown=str(NOW - 10))
    return beside(document)


def beside_utilization() -> Scene:
    """Nodes have room for so much only."""
    needs = '<utilization id="y-u"><nvpair id="y-r" name="room" value="5"/></utilization>'
    document = cib(primitive("y", needs) + filler(), histories={1: _LAST}, placement_strategy="balanced")
    for number in (1, 2, 3):
        transient(document, number, "utilization", room="7")
    return beside(document)


def beside_health() -> Scene:
    """A node is not well."""
    document = cib(primitive("b") + filler(), histories={1: _LAST}, node_health_strategy="progressive")
    transient(document, 2, __health_disk="red")
    return beside(document)


def beside_unfencing() -> Scene:
    """Nodes have to be unfenced before they are used."""
    return beside(cib(_UNFENCER + filler(), histories={1: _LAST}, stonith_enabled="true"))


def _known(ident: str, home: int, nodes: int = 3) -> dict[int, str]:
    """The histories of what was looked for on all nodes, and found to run on one."""
    found = {number: operation(ident, "monitor", f"n{number}", 7, 7) for number in range(1, nodes + 1)}
    return found | {home: operation(ident, "monitor", f"n{home}")}


def _remote(histories: dict[int, str]) -> dict[int, str]:
    return {number: text.replace('type="Dummy"', 'type="remote"') for number, text in histories.items()}


def _merged(*histories: dict[int, str]) -> dict[int, str]:
    return {number: "".join(known.get(number, "") for known in histories) for number in (1, 2, 3)}


def remote_node(change: Callable[[Document], None] | None = None) -> Scene:
    """One runs on a remote node."""
    remote = '<primitive id="r1" class="ocf" provider="pacemaker" type="remote"/>'
    document = cib(
        remote + primitive("b") + filler(),
        '<rsc_location id="l" rsc="b" node="r1" score="100"/>',
        histories=_merged(_remote(_known("r1", 1)), _known("b", 2), {1: _LAST}),
    )
    return beside(document) if change is None else Scene(document, change)


def beside_a_remote_node() -> Scene:
    """One goes to a remote node."""
    return remote_node()


def beside_a_guest_node() -> Scene:
    """One goes to a guest node."""
    machine = primitive("vm", meta("vm", remote_node="g1"))
    document = cib(
        machine + primitive("b") + filler(),
        '<rsc_location id="l" rsc="b" node="g1" score="100"/>',
        histories=_merged(_known("vm", 1), _remote(_known("g1", 1)), _known("b", 2), {1: _LAST}),
    )
    return beside(document)


def lost_connection() -> Scene:
    """The connection to a remote node fails: what goes there has to wait."""
    return remote_node(fail("monitor", 1))


def beside_a_bundle() -> Scene:
    """There is a bundle."""
    network = '<network ip-range-start="192.168.1.1" control-port="3121"/>'
    bundle = f'<bundle id="web"><docker image="x" replicas="2"/>{network}{primitive("httpd")}</bundle>'
    return beside(cib(bundle + filler(), histories={1: _LAST}))


def beside_rules() -> Scene:
    """One has a place by a rule, and there is a default by the time of day."""
    timed = f'<rsc_location id="l" rsc="b">{rule("lr", until("ld"), "50")}</rsc_location>'
    document = cib(primitive("b") + filler(), timed, histories={1: _LAST})
    hours = '<date_expression id="dd" operation="date_spec"><date_spec id="ds" hours="0-23"/></date_expression>'
    pair = '<nvpair id="d-s" name="resource-stickiness" value="100"/>'
    put(document, "rsc_defaults", f'<meta_attributes id="d">{rule("dr", hours)}{pair}</meta_attributes>')
    return beside(document)


BESIDE = (
    beside_fencing,
    beside_a_shutdown,
    beside_locks,
    beside_utilization,
    beside_health,
    beside_unfencing,
    beside_a_remote_node,
    beside_a_guest_node,
    beside_a_bundle,
    beside_rules,
)
"""Scenes in which a part is enough, whatever else there is."""
