"""``crm_resource``: look at resources, set their parameters, say where they may run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hacluster.base.results import Exit, Fault, exit_text
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import Failed, Output, run

if TYPE_CHECKING:
    from hacluster.pe.model.cluster import Cluster
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource

TOOL: Final = Tool(
    "crm_resource",
    "Perform tasks related to the resources of the cluster.",
    (
        Group("queries", "Queries:", (
            Option("list", "L", help="List all resources with their status"),
            Option("list-raw", "l", help="List the IDs of all instantiated resources"),
            Option("list-cts", "c", hidden=True),
            Option("list-operations", "O", help="List active operations (may be filtered by --resource and --node)"),
            Option("list-all-operations", "o", help="List all operations (may be filtered by --resource and --node)"),
            Option("list-standards", "", help="List supported standards"),
            Option("list-ocf-providers", "", help="List all providers of OCF agents"),
            Option("list-agents", "", "STD[:PROV]", "List all agents of a standard and provider"),
            Option("list-ocf-alternatives", "", "AGENT", "List all providers of the named OCF agent"),
            Option("show-metadata", "", "SPEC", "Show the metadata of class:provider:agent"),
            Option("query-xml", "q", help="Show XML configuration of a resource (after template expansion)"),
            Option("query-xml-raw", "w", help="Show XML configuration of a resource (before template expansion)"),
            Option("get-parameter", "g", "PARAM", "Display a parameter (see --meta and --utilization)"),
            Option("locate", "W", help="Show nodes that run a resource"),
            Option("constraints", "a", help="Display the location and colocation constraints that apply to a resource"),
            Option("stack", "A", help="The same as --constraints --recursive"),
            Option("why", "Y", help="Show why resources are not running (may be filtered)"),
        )),
        Group("commands", "Commands:", (
            Option("validate", "", "LEVEL", "Call the agent's validate-all action", optional=True),
            Option("cleanup", "C", help="If a resource has past failures, clear its history and fail count"),
            Option("refresh", "R", help="Delete a resource's history, so that its state is checked anew"),
            Option("set-parameter", "p", "PARAM", "Set a parameter (requires -v)"),
            Option("delete-parameter", "d", "PARAM", "Delete a parameter"),
        )),
        Group("locations", "Locations:", (
            Option("move", "M", help="Create a constraint to move a resource (see --node, --lifetime, --promoted)"),
            Option("ban", "B", help="Create a constraint to keep a resource off a node"),
            Option("clear", "U", help="Remove all constraints created by --ban and --move"),
            Option("expired", "e", help="With --clear: only those whose lifetime is over"),
            Option("lifetime", "u", "TIMESPEC", "How long the constraint lasts (ISO 8601 duration)"),
            Option("promoted", "", help="Limit the command to the promoted role"),
            Option("master", "", hidden=True),
        )),
        Group("advanced", "Advanced:", (
            Option("delete", "D", help="(Advanced) Delete a resource from the CIB. Required: -t"),
            Option("fail", "F", help="(Advanced) Tell the cluster this resource has failed"),
            Option("restart", "", help="(Advanced) Tell the cluster to restart this resource and what depends on it"),
            Option("wait", "", help="(Advanced) Wait until the cluster settles into a stable state"),
            Option("digests", "", help="(Advanced) Show the hashes of parameters. Required: --resource, --node"),
            Option("force-demote", "", help="(Advanced) Demote a resource on this node, past the cluster"),
            Option("force-stop", "", help="(Advanced) Stop a resource on this node, past the cluster"),
            Option("force-start", "", help="(Advanced) Start a resource on this node, past the cluster"),
            Option("force-promote", "", help="(Advanced) Promote a resource on this node, past the cluster"),
            Option("force-check", "", "LEVEL", "(Advanced) Check a resource on this node, past the cluster",
                   optional=True),
        )),
        Group("additional", "Additional Options:", (
            Option("node", "N", "NAME", "Node name"),
            Option("recursive", "", help="Follow colocation chains (with --set-parameter, --constraints)"),
            Option("resource-type", "t", "ELEMENT", "Resource XML element (primitive, group, …) (with -D)"),
            Option("parameter-value", "v", "VALUE", "Value to use with -p"),
            Option("meta", "m", help="Use a meta-attribute (with -p, -g, -d)"),
            Option("utilization", "z", help="Use a utilization attribute (with -p, -g, -d)"),
            Option("element", "", help="Use an attribute of the resource's element (with -p, -g, -d)"),
            Option("operation", "n", "OPERATION", "Operation to clear instead of all (with -C -r)"),
            Option("interval", "I", "INTERVAL", "Interval of the operation to clear (with -C -r -n)"),
            Option("class", "", "CLASS", "The standard of the agent (with --validate)"),
            Option("agent", "", "AGENT", "The agent (with --validate)"),
            Option("provider", "", "PROVIDER", "The provider of the agent (with --validate)"),
            Option("option", "", "PARAM", "A parameter as NAME=VALUE (with --validate)"),
            Option("set-name", "s", "ID", "(Advanced) XML ID of the set of attributes to use (with -p, -d)"),
            Option("nvpair", "i", "ID", "(Advanced) XML ID of the attribute to use (with -p, -d)"),
            Option("plan", "", help="Only say what would be checked anew and what would follow (with -C, -R)"),
            Option("timeout", "T", "N", "(Advanced) Give up after this time (with --restart, --wait, --force-*)"),
            Option("force", "f", help="Do it all the same; see the individual commands"),
            Option("quiet", "Q", help="Be less descriptive in output"),
            Option("resource", "r", "ID", "Resource ID"),
        )),
    ),
)  # fmt: skip
_COMMANDS: Final = (
    *(option.long for group in TOOL.groups[:2] for option in group.options), "move", "ban", "clear", "delete", "fail",
    "restart", "wait", "digests", "force-demote", "force-stop", "force-start", "force-promote", "force-check",
)  # fmt: skip
NEEDS_RSC: Final = frozenset({
    "query-xml", "query-xml-raw", "get-parameter", "locate", "constraints", "stack", "validate", "set-parameter",
    "delete-parameter", "move", "ban", "delete", "fail", "restart", "digests", "force-demote", "force-stop",
    "force-start", "force-promote", "force-check",
})  # fmt: skip
_NEEDS_NODE: Final = frozenset({"fail", "digests"})
_AGENTS: Final = ("list-standards", "list-ocf-providers", "list-agents", "list-ocf-alternatives", "show-metadata")


def _told(text: str, status: Exit) -> Failed:
    """A message that is followed by what its status means."""
    return Failed(f"{text}\nError performing operation: {exit_text(status)}", status)


class Call:
    """One call: what is asked, and the cluster that it is about."""

    def __init__(self, given: Given, out: Output, command: str) -> None:
        from hacluster.client.cibsource import open_source  # noqa: PLC0415 - --help needs none of it

        self.given, self.out, self.command = given, out, command
        self.name = given.get("resource") or ""
        self.quiet = "quiet" in given
        self.force = "force" in given
        self.source = open_source()
        try:
            self._root: Any = self.source.read()
        except Fault as error:
            raise _told(f"Could not connect to the CIB: {error.text}", error.status) from None
        self._cluster: Cluster | None = None

    @property
    def root(self) -> Any:
        """The document, read anew after a change."""
        if self._root is None:
            self._root = self.source.read()
        return self._root

    @property
    def cluster(self) -> Cluster:
        """What the CIB says, with its constraints where they are asked for."""
        if self._cluster is None:
            from hacluster.tools.livestatus import cluster_of  # noqa: PLC0415 - --help needs none of it

            try:
                self._cluster = cluster_of(self.root)
            except Fault as error:
                raise Failed(f"Could not use the CIB: {error.text}", error.status) from None
        return self._cluster

    def find(self, name: str) -> Resource | None:
        """A resource by its id, or an instance by the id of what is cloned."""
        found = self.cluster.find_resource(name)
        if found is not None:
            return found
        return next((rsc for rsc in self.cluster.resource_table if name in (rsc.id, rsc.xml_id)), None)

    @property
    def rsc(self) -> Resource:
        """The resource that is asked about."""
        found = self.find(self.name)
        if found is None:
            raise _told(f"Resource '{self.name}' not found", Exit.NO_SUCH)
        return found

    @property
    def node(self) -> Node | None:
        """The node that was given."""
        name = self.given.get("node")
        if name is None:
            return None
        found = self.cluster.find_node(name)
        if found is None:
            raise _told(f"Node '{name}' not found", Exit.NO_SUCH)
        return found

    def change(self, operation: str, **request: Any) -> None:
        """Change the CIB; what is known of it is forgotten."""
        try:
            self.source.change(operation, **request)
        except Fault as error:
            words = {Exit.CONFIG: "Invalid configuration", Exit.DENIED: "Insufficient privileges"}
            raise Failed(f"Error performing operation: {words.get(error.status, error.text)}", error.status) from None
        self.look_again()

    def look_again(self) -> None:
        """Forget what is known of the CIB."""
        self._root = self._cluster = None


# -- queries ----------------------------------------------------------------------------------------------------------


def _show(*, places: bool) -> Any:
    from hacluster.pe.views.status.show import Show  # noqa: PLC0415 - --help needs none of it

    return Show(inactive=True, places=places)


def _list(call: Call) -> int:
    from hacluster.pe.views.outline import outline_text  # noqa: PLC0415 - --help needs none of it
    from hacluster.pe.views.status.resources import resource_section  # noqa: PLC0415
    from hacluster.pe.views.tree import resource_tree  # noqa: PLC0415

    show = _show(places=False)
    section = resource_section(call.cluster, show)
    call.out.raw(outline_text([section] if section is not None else []))
    if not call.cluster.resources:
        call.out.tree(Tree("resources", children=[Tree("item", text="No resources")]))
        raise Failed("Error performing operation: No such object", Exit.NO_SUCH)
    shown = [rsc for rsc in call.cluster.resources if not rsc.orphan or rsc.is_active(True)]
    call.out.tree(Tree("resources", children=[resource_tree(rsc, show) for rsc in shown]))
    return Exit.OK


def _primitives(rsc: Resource) -> list[Resource]:
    if rsc.bundle is not None:
        parts = [part for replica in rsc.bundle_data.replicas
                 for part in (replica.container, replica.ip, replica.remote) if part is not None]  # fmt: skip
        child = rsc.bundle_data.child
        return parts + (_primitives(child) if child is not None else [])
    if rsc.instances:
        return [item for child in rsc.instances for item in _primitives(child)]
    return [rsc]


def _list_raw(call: Call) -> int:
    names = [item.id for rsc in call.cluster.resources for item in _primitives(rsc)]
    if not names:
        call.out.error("NO resources configured\n")
        raise Failed("Error performing operation: No such object", Exit.NO_SUCH)
    for name in names:
        call.out.line(name)
    items = [Tree("item", {"name": "resource"}, text=name) for name in names]
    call.out.tree(Tree("list", {"name": "resource names", "count": str(len(names))}, items))
    return Exit.OK


def _list_cts(call: Call) -> int:
    for rsc in (item for top in call.cluster.resources for item in top.walk()):
        standard, provider, agent = rsc.agent
        host = rsc.current.name if rsc.current is not None else "NA"
        parent = rsc.parent.id if rsc.parent is not None else "NA"
        kind = str(rsc.xml.tag)
        call.out.line(f"Resource: {kind} {rsc.id} {rsc.clone_name or rsc.xml_id} {parent} {provider or 'NA'}"
                      f" {standard or '(null)'} {agent or '(null)'} {host} {int(rsc.needs_quorum)}")  # fmt: skip
    return Exit.OK


def locations_of(call: Call) -> list[tuple[str, bool]]:
    """The nodes that a resource runs on and whether it is promoted there, the last first."""
    from hacluster.pe.model.kinds import Kind, Role  # noqa: PLC0415 - --help needs none of it

    rsc = call.rsc
    if rsc.kind in (Kind.CLONE, Kind.BUNDLE):
        child = None if rsc.bundle is None else rsc.bundle_data.child
        parts = list(rsc.instances) if rsc.bundle is None else list(rsc.bundle_data.containers)
        parts += child.instances if child is not None else []
    elif rsc.top.is_clone and not rsc.unique and rsc.id != call.name:
        parts = [part for part in rsc.top.walk() if part.xml_id == rsc.xml_id]
    else:
        parts = [rsc]
    found = [(node.name, part.state(True) is Role.PROMOTED and rsc.top.promotable)
             for part in parts for node in part.places(1)]  # fmt: skip
    return found[::-1]


def _locate(call: Call) -> int:
    found = locations_of(call)
    for name, promoted in found:
        call.out.line(name if call.quiet else f"resource {call.name} is running on: {name}"
                      + (" Promoted" if promoted else ""))  # fmt: skip
    if not found and call.out.is_text:
        call.out.error(f"resource {call.name} is NOT running")
    nodes = [Tree("node", {"state": "promoted"} if promoted else {}, text=name) for name, promoted in found]
    call.out.tree(Tree("nodes", {"resource": call.name}, nodes))
    return Exit.OK


def _leaves(part: Any) -> list[str]:
    from hacluster.pe.views.outline import Item  # noqa: PLC0415 - loaded already

    if part is None:
        return []
    return [part.text] if isinstance(part, Item) else [text for item in part.items for text in _leaves(item)]


def _query(call: Call, *, raw: bool) -> int:
    from hacluster.cib.markup import show_markup  # noqa: PLC0415 - --help needs none of it
    from hacluster.pe.views.status.resources import ResourceList  # noqa: PLC0415
    from hacluster.pe.views.tree import resource_tree  # noqa: PLC0415

    rsc, show = call.rsc, _show(places=True)
    text = ""
    if raw:
        found = call.root.xpath("/cib/configuration/resources//*[@id=$name]", name=rsc.xml_id)
        text = show_markup(found[0]) if found else ""
    text = text or show_markup(rsc.xml)
    for line in _leaves(ResourceList(call.cluster, show).resource(rsc)):
        call.out.line(line)
    call.out.raw(f"Resource XML:\n{text}")
    call.out.tree(Tree("resource_config", children=[resource_tree(rsc, show), Tree("xml", text=text, cdata=True)]))
    return Exit.OK


def _agents(given: Given, out: Output, command: str) -> int:
    from hacluster.tools.crm_resource_agents import agents  # noqa: PLC0415 - only what is installed

    return agents(given, out, command)


def set_parameter(source: Any, rsc: str, name: str, value: str) -> None:
    """Set an instance attribute of a resource of a source."""
    from lxml import etree  # noqa: PLC0415 - only a change needs it

    root = source.read()
    found = root.xpath("/cib/configuration/resources//*[@id=$rsc]", rsc=rsc)
    pairs = root.xpath("//*[@id=$rsc]/instance_attributes/nvpair[@name=$name]", rsc=rsc, name=name)
    if pairs:
        data = etree.Element("nvpair", id=pairs[0].get("id"), name=name, value=value)
    else:
        data = etree.Element(found[0].tag, id=rsc)
        group = etree.SubElement(data, "instance_attributes", id=f"{rsc}-instance_attributes")
        etree.SubElement(group, "nvpair", id=f"{rsc}-instance_attributes-{name}", name=name, value=value)
    source.change("modify", scope="resources", data=data, create=True)


def _check(given: Given, command: str) -> None:
    """What makes no sense, before anything is read."""
    rest = given.rest
    if rest and command != "digests":
        raise UsageError("non-option ARGV-elements:\n" + "\n".join(
            f"[{number} of {len(rest)}] {word}" for number, word in enumerate(rest, 1)))  # fmt: skip
    for word in rest:
        if "=" not in word:
            raise UsageError("Error parsing '--digests' as a name=value pair")
    for text in given.all("option"):
        if "=" not in text:
            raise UsageError("Error parsing option --option")
    if "expired" in given and command != "clear":
        raise UsageError("--expired requires --clear or -U")
    by_agent = given.last_of("class", "agent", "provider") is not None
    forced = command == "validate" or command.startswith("force-")
    if by_agent and not forced:
        raise UsageError("--class, --agent, and --provider can only be used with --validate and --force-*")
    if by_agent and "resource" in given:
        raise UsageError("--resource cannot be used with --class, --agent, and --provider")
    needed = command in NEEDS_RSC or (command == "clear" and "expired" not in given)
    if needed and "resource" not in given and not by_agent:
        raise UsageError("Must supply a resource id with -r")
    if command in _NEEDS_NODE and "node" not in given:
        raise UsageError("Must supply a node name with -N")
    if command == "set-parameter" and "parameter-value" not in given:
        raise UsageError("You need to supply a value with the -v option")
    if "plan" in given and command not in ("cleanup", "refresh"):
        raise UsageError("--plan goes with --cleanup and --refresh")
    if command == "delete" and "resource-type" not in given:
        raise UsageError("You need to specify a resource type with -t")


def main(given: Given, out: Output) -> int:
    """The last command; without one, the list."""
    command = given.last_of(*_COMMANDS) or "list"
    _check(given, command)
    if command in _AGENTS:
        return _agents(given, out, command)
    if given.last_of("class", "agent", "provider") is not None:
        from hacluster.tools.crm_resource_agents import validate_agent  # noqa: PLC0415 - few run an agent

        return validate_agent(given, out, command)
    call = Call(given, out, command)
    match command:
        case "list":
            return _list(call)
        case "list-raw":
            return _list_raw(call)
        case "list-cts":
            return _list_cts(call)
        case "locate":
            return _locate(call)
        case "query-xml" | "query-xml-raw":
            return _query(call, raw=command == "query-xml-raw")
        case "list-operations" | "list-all-operations" | "constraints" | "stack" | "why" | "digests":
            from hacluster.tools.crm_resource_tell import tell  # noqa: PLC0415 - a file of its own

            return tell(call)
        case "validate" | "force-demote" | "force-stop" | "force-start" | "force-promote" | "force-check":
            from hacluster.tools.crm_resource_agents import force  # noqa: PLC0415 - few run an agent

            return force(call)
    from hacluster.tools.crm_resource_change import change  # noqa: PLC0415 - a file of its own

    return change(call)


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
