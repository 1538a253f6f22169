"""``crm_mon``: the status of the cluster, once, again and again, as text, a page, XML or JSON."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final, cast

from hacluster.base.results import Exit, Fault
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import FORMATS, Failed, Output, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hacluster.client.live import LiveCluster
    from hacluster.msg.stonith import FencingEntry
    from hacluster.pe.model.cluster import Cluster
    from hacluster.pe.views.status.show import Show

TOOL: Final = Tool(
    "crm_mon",
    "Provide a summary of the cluster's current state, in varying detail and a number of formats.",
    (
        Group("display", "Display Options:", (
            Option("include", "I", "SECTIONS", "A list of sections to include in the output (see Output Control)"),
            Option("exclude", "U", "SECTIONS", "A list of sections to exclude from the output"),
            Option("node", "", "NODE", "Show only what is related to this node, or to all nodes with this tag"),
            Option("resource", "", "RSC", "Show only what is related to this resource, or to all with this tag"),
            Option("group-by-node", "n", help="Group resources by node"),
            Option("inactive", "r", help="Display inactive resources"),
            Option("failcounts", "f", help="Display resource fail counts"),
            Option("operations", "o", help="Display resource operation history"),
            Option("timing-details", "t", help="Display resource operation history with timing details"),
            Option("tickets", "c", help="Display cluster tickets"),
            Option("fence-history", "m", "LEVEL", "Show fence history: 0 off, 1 failures and pending, 2 add successes,"
                   " 3 everything", optional=True),
            Option("neg-locations", "L", "PREFIX", "Display negative location constraints, by the prefix of their ids",
                   optional=True),
            Option("show-node-attributes", "A", help="Display node attributes"),
            Option("hide-headers", "D", help="Hide all headers"),
            Option("show-detail", "R", help="Show more details (node IDs, individual clone instances)"),
            Option("brief", "b", help="Brief output"),
            Option("simple-status", "s", help="Display the status once as one line (for monitoring systems)"),
            Option("pending", "j", hidden=True),
        )),
        Group("additional", "Additional Options:", (
            Option("interval", "i", "TIMESPEC", "Update frequency (default 5 seconds)"),
            Option("one-shot", "1", help="Display the status once and exit"),
            Option("daemonize", "d", help="Run in the background. Requires --output-to or --external-agent"),
            Option("pid-file", "p", "FILE", "(Advanced) Where the daemon notes its process id"),
            Option("external-agent", "E", "FILE", "A program to run when resource operations take place"),
            Option("external-recipient", "e", "RCPT", "A recipient to name to the program"),
            Option("watch-fencing", "W", help="Listen for fencing events, too. For use with --external-agent"),
            Option("html-cgi", "", help="Add CGI headers (requires --output-as=html)"),
            Option("html-stylesheet", "", "URI", "Link to an external stylesheet (requires --output-as=html)"),
            Option("html-title", "", "TITLE", "Specify a page title (requires --output-as=html)"),
            Option("text-fancy", "", hidden=True),
            Option("quiet", "Q", help="Be less descriptive in output"),
        )),
        Group("deprecated", "Deprecated Options:", (
            Option("as-html", "h", "FILE", "Write the status to this HTML file"),
            Option("as-xml", "X", help="Write the status as XML once"),
            Option("disable-ncurses", "N", help="Write text (accepted for compatibility)"),
            Option("web-cgi", "w", help="Write HTML with CGI headers"),
        )),
    ),
    notes="Output Control:\n\nSections are applied from left to right: " + ", ".join((
        "all", "none", "default", "summary", "attributes", "bans[:PREFIX]", "counts", "dc", "failcounts", "failures",
        "fencing[-failed|-pending|-succeeded]", "maint-mode", "nodes", "operations", "options", "resources", "stack",
        "tickets", "times")) + ".",
)  # fmt: skip
_FENCING: Final = ("fencing-failed", "fencing-pending", "fencing-succeeded")
_DEFAULT: Final = (
    *("stack", "dc", "times", "counts", "nodes", "resources", "failures", "maint-mode"),
    *_FENCING[:2],
)
_EVERY_FENCING: Final = 3
"""The level of history at which nothing is left out."""
_INCLUDES: Final = {
    "failcounts": "failcounts", "operations": "operations", "timing-details": "operations", "tickets": "tickets",
    "show-node-attributes": "attributes",
}  # fmt: skip
_SHAPE: Final = "2.1.5"
"""The version of Pacemaker that the old XML has the shape of."""
_STATUS_ERROR: Final = "Error outputting status info from the fencer or CIB"


def _expanded(word: str) -> tuple[str, ...]:
    from hacluster.pe.views.status.show import SECTIONS, SUMMARY  # noqa: PLC0415 - --help needs none of it

    if word == "summary":
        return SUMMARY
    if word == "fencing":
        return _FENCING
    if word in SECTIONS:
        return (word,)
    raise UsageError(f"'{word}' is no section; see --help for the list")


class _Sections:
    """The sections that are shown, as options change them one after the other."""

    def __init__(self, default: tuple[str, ...], everything: tuple[str, ...]) -> None:
        self.default, self.all = default, everything
        self.shown = set(default)
        self.bans = ""

    def include(self, words: str) -> None:
        for word in words.split(","):
            name, colon, prefix = word.partition(":")
            if word == "all":
                self.shown = set(self.all)
            elif word == "none":
                self.shown = set()
            elif word in ("default", "defaults"):
                self.shown |= set(self.default)
            elif name == "bans":
                self.shown.add("bans")
                self.bans = prefix if colon else self.bans
            else:
                self.shown |= set(_expanded(word))

    def exclude(self, words: str) -> None:
        for word in words.split(","):
            if word == "all":
                self.shown = set()
            elif word == "none":
                self.shown = set(self.all)
            else:
                self.shown -= set(_expanded(word.partition(":")[0]))


def style_of(given: Given) -> str:
    """The format: the last of the options that name one."""
    if os.path.basename(sys.argv[0]).endswith(".cgi"):
        return "html"
    last = given.last_of("output-as", "as-html", "as-xml", "web-cgi")
    if last == "output-as":
        style = given.get("output-as") or "text"
        return style if style in (*FORMATS, "html") else "text"
    return {"as-html": "html", "as-xml": "xml", "web-cgi": "html"}.get(last or "", "text")


def _sections(given: Given, style: str) -> _Sections:
    from hacluster.pe.views.status.show import SECTIONS  # noqa: PLC0415 - --help needs none of it

    every = SECTIONS if style != "text" else tuple(name for name in SECTIONS if name != "options")
    found = _Sections(SECTIONS if style in ("xml", "json") else _DEFAULT, every)
    for event, value in given.events:
        if event == "include":
            found.include(value)
        elif event == "exclude":
            found.exclude(value)
        elif event in _INCLUDES:
            found.include(_INCLUDES[event])
        elif event == "quiet":
            found.exclude("times")
        elif event == "hide-headers":
            found.exclude("summary")
        elif event == "neg-locations":
            found.include(f"bans:{value}" if value else "bans")
        elif event == "fence-history":
            level = _level(value)
            found.exclude("fencing")
            for name in _FENCING[: (0, 2, 3, 3)[level]]:
                found.include(name)
    return found


def _level(value: str | None) -> int:
    from hacluster.base.values import scan_int  # noqa: PLC0415 - few ask

    level = scan_int(value) if value else 2
    if level is not None and not 0 <= level <= _EVERY_FENCING:
        raise UsageError("Fence history must be 0-3")
    return 2 if level is None else level


def _tagged(root: Any, name: str) -> set[str]:
    """A name, or what has that tag."""
    tags = root.iterfind("configuration/tags/tag")
    tag = next((item for item in tags if item.get("id") == name), None)
    return {name} if tag is None else {str(ref.get("id")) for ref in tag.iterfind("obj_ref")}


def show_of(given: Given, root: Any, style: str) -> Show:
    """What is to be shown of a document."""
    from hacluster.pe.views.status.show import Show  # noqa: PLC0415 - --help needs none of it

    sections = _sections(given, style)
    node, rsc, tree = given.get("node"), given.get("resource"), style in ("xml", "json")
    nodes = None
    if node is not None and node != "*":
        known = {item.get("id"): item.get("uname", "") for item in root.iterfind("configuration/nodes/node")}
        refs = _tagged(root, node)
        found = refs if node in refs else {known.get(ident, "") for ident in refs}
        nodes = frozenset(name.lower() for name in found)
    return Show(
        frozenset(sections.shown), tree or "inactive" in given, "group-by-node" in given,
        "brief" in given, "show-detail" in given, tree or "timing-details" in given, bans=sections.bans,
        nodes=nodes, rscs=None if rsc is None or rsc == "*" else frozenset(_tagged(root, rsc)), page=style == "html",
        clock=time.ctime, stamp=_stamp, now=time.ctime(),
    )  # fmt: skip


def _stamp(epoch: int) -> str:
    from hacluster.base.iso8601 import Moment  # noqa: PLC0415 - failures in XML alone tell it so

    return Moment.from_epoch(epoch, time.localtime(epoch).tm_gmtoff).show()


def sections_of(cluster: Cluster, show: Show, fencings: Sequence[FencingEntry] = ()) -> list[Any]:
    """The outline of a status. ``fencings``: those of the history that may be shown."""
    from hacluster.pe.views.status import facts  # noqa: PLC0415 - trees need none of it
    from hacluster.pe.views.status.nodes import node_section  # noqa: PLC0415
    from hacluster.pe.views.status.resources import resource_section  # noqa: PLC0415
    from hacluster.pe.views.status.summary import summary_sections  # noqa: PLC0415

    has = show.sections.__contains__
    found = list(summary_sections(cluster, show))
    history = "operations" if has("operations") else "failcounts"
    for name, make in (
        ("nodes", node_section), ("resources", resource_section), ("attributes", facts.attribute_section),
        (history, facts.history_section), ("failures", facts.failure_section), ("tickets", facts.ticket_section),
        ("bans", facts.ban_section),
    ):  # fmt: skip
        section = make(cluster, show) if has(name) else None
        found += [section] if section is not None else []
        if name == "failures" and fencings:
            found += _fencing_sections(fencings, show, ("fencing-failed",))
    return found + (_fencing_sections(fencings, show, _FENCING[1:]) if fencings else [])


def _fencing_sections(entries: Sequence[FencingEntry], show: Show, names: tuple[str, ...]) -> list[Any]:
    from hacluster.pe.views.outline import Item, Listing  # noqa: PLC0415 - most clusters have nothing to tell
    from hacluster.tools.fencinghistory import friendly  # noqa: PLC0415

    full = show.sections.issuperset(_FENCING)
    wanted = [name for name in names if name in show.sections]
    # What is under way stands among what has succeeded, where that is shown.
    if "fencing-succeeded" in wanted:
        wanted = ["fencing-succeeded"]
    title, states = {
        "fencing-failed": ("Failed Fencing Actions", ("failed",)),
        "fencing-pending": ("Pending Fencing Actions", ("pending",)),
        "fencing-succeeded": ("Fencing History", ("pending", "success")),
    }.get(wanted[0] if wanted else "", ("", ()))
    lines = [friendly(entry, entries, full=full) for entry in entries if entry.state.value in states]
    return [Listing(title, [Item(line) for line in lines])] if lines else []


def simple_status(cluster: Cluster) -> tuple[str, bool]:
    """One line, and whether all is well."""
    counts = {"online": 0, "standby": 0, "maintenance": 0}
    offline: list[str] = []
    for node in cluster.nodes:
        if node.standby and node.online:
            counts["standby"] += 1
        elif node.maintenance and node.online:
            counts["maintenance"] += 1
        elif node.online:
            counts["online"] += 1
        else:
            offline.append(f"offline node: {node.name}")
    if cluster.dc is None or offline:
        words = (["No DC"] if cluster.dc is None else []) + ([" ".join(offline)] if offline else [])
        return f"CLUSTER WARN: {', '.join(words)}", False
    count = counts["online"]
    text = f"CLUSTER OK: {count} node{'' if count == 1 else 's'} online"
    for name in ("standby", "maintenance"):
        if counts[name]:
            text += f", {counts[name]} {name} node{'' if counts[name] == 1 else 's'}"
    return f"{text}, {cluster.ninstances} resource instance{'' if cluster.ninstances == 1 else 's'} configured", True


class Monitor:
    """Reads the CIB and makes the answer, as often as it is asked."""

    def __init__(self, given: Given, argv: list[str]) -> None:
        from hacluster.client.cibsource import open_source  # noqa: PLC0415 - --help needs none of it

        self.given, self.argv = given, argv
        self.style = style_of(given)
        self.source = open_source()

    def cluster(self) -> tuple[Any, Cluster]:
        """The document and what it says."""
        from hacluster.tools.livestatus import cluster_of  # noqa: PLC0415 - --help needs none of it

        root = self.source.read()
        cluster = cluster_of(root)
        if "bans" in _sections(self.given, self.style).shown:
            from hacluster.pe.unpack.constraints import unpack_constraints  # noqa: PLC0415 - few want bans

            unpack_constraints(cluster)
        return root, cluster

    def trees(self, root: Any, cluster: Cluster) -> list[Tree]:
        """The answer as trees."""
        from hacluster.pe.views.status.trees import status_trees  # noqa: PLC0415 - text needs none of it

        show = show_of(self.given, root, self.style)
        found = status_trees(cluster, show)
        entries = self._fencings(show)
        if entries:
            from hacluster.tools.fencinghistory import tree_of  # noqa: PLC0415 - most clusters have nothing to tell

            shown = Tree("fence_history", children=[tree_of(entry) for entry in entries])
            place = next((i for i, tree in enumerate(found) if tree.name in ("tickets", "bans")), len(found))
            found.insert(place, shown)
        return found

    def _fencings(self, show: Show) -> list[FencingEntry]:
        """What the fencer of this node knows, as far as it is wanted; nothing of a CIB that is a file."""
        if not self.source.live or not show.sections.intersection(_FENCING):
            return []
        from hacluster.client.fencing import Fencer  # noqa: PLC0415
        from hacluster.tools.fencinghistory import reduced  # noqa: PLC0415

        try:
            entries = list(Fencer(cast("LiveCluster", self.source).daemon).history())
        except Fault:
            return []
        if show.nodes is not None:
            entries = [entry for entry in entries if entry.target.lower() in show.nodes]
        asked = [value for event, value in self.given.events if event == "fence-history"]
        whole = self.style in ("xml", "json") or (asked and _level(asked[-1]) == _EVERY_FENCING)
        return entries if whole else reduced(entries)

    def text(self, root: Any, cluster: Cluster) -> str:
        """The answer as text or page."""
        show = show_of(self.given, root, self.style)
        outline = sections_of(cluster, show, self._fencings(show))
        if self.style != "html":
            from hacluster.pe.views.outline import outline_text  # noqa: PLC0415 - a page needs none of it

            return outline_text(outline)
        from hacluster.pe.views.page import page  # noqa: PLC0415 - text needs none of it

        to_file = self.given.get("as-html") or (self.given.get("output-to") or "-") != "-"
        refresh = str(self.seconds) if to_file else ""
        title = self.given.get("html-title") or "Cluster Status"
        text = page(outline, title, refresh=refresh, stylesheet=self.given.get("html-stylesheet") or "")
        return f"Content-Type: text/html\n\n{text}" if self.cgi else text

    @property
    def cgi(self) -> bool:
        """Whether a web server asks."""
        return "html-cgi" in self.given or "web-cgi" in self.given or sys.argv[0].endswith(".cgi")

    @property
    def seconds(self) -> int:
        """How often a follower looks."""
        from hacluster.base.values import interval_ms  # noqa: PLC0415 - one look needs none of it

        return max(1, interval_ms(self.given.get("interval") or "5s") // 1000)


def _once(monitor: Monitor, given: Given, out: Output) -> int:
    try:
        root, cluster = monitor.cluster()
    except Fault as error:
        if error.status is Exit.DISCONNECTED:
            raise Failed("Connection to cluster failed: Connection refused", Exit.DISCONNECTED) from None
        text = f"Could not connect to the CIB: {error.text}"
        if monitor.style == "html":
            from hacluster.pe.views.page import message_page  # noqa: PLC0415 - text needs none of it

            out.raw(message_page(text, "Cluster Status"))
        else:
            out.error(text)
        return Exit.OK  # to the original, a document that cannot be used is no failure of its own
    if "simple-status" in given:
        text, well = simple_status(cluster)
        out.line(text)
        if not well:
            print(_STATUS_ERROR, file=sys.stderr)
        return Exit.OK
    if out.is_text:
        out.raw(monitor.text(root, cluster))
    else:
        out.tree(*monitor.trees(root, cluster))
    return Exit.OK


def _legacy_xml(monitor: Monitor) -> int:
    """The shape of before 2.0, which ``--as-xml`` still has."""
    from hacluster.base.tree import xml_lines  # noqa: PLC0415
    from hacluster.tools.result import fitted  # noqa: PLC0415

    try:
        root, cluster = monitor.cluster()
    except Fault as error:
        print(f"Could not connect to the CIB: {error.text}", file=sys.stderr)
        return Exit.OK
    whole = Tree("crm_mon", {"version": _SHAPE}, monitor.trees(root, cluster))
    print("\n".join(xml_lines(fitted(whole))))
    return Exit.OK


def _check(given: Given, monitor: Monitor, out: Output) -> None:
    """What makes no sense, said before anything is read."""
    from hacluster.base.values import valid_interval  # noqa: PLC0415 - --help needs none of it

    interval = given.get("interval")
    if interval is not None and not valid_interval(interval):
        raise UsageError(f"Invalid value for -i: '{interval}' is no interval")
    if monitor.cgi and "web-cgi" in given and os.environ.get("CIB_file"):
        from hacluster.pe.views.page import message_page  # noqa: PLC0415 - one refusal

        out.raw("Content-Type: text/html\n\n" + message_page("crm_mon: CGI mode used with CIB file", "Cluster Status"))
        raise Failed("", Exit.USAGE)


def _warn_of_glued(argv: Sequence[str]) -> None:
    """What 3.0 says to ``-LPREFIX``: it takes that, but not for ever."""
    for word in argv:
        letters, found, value = word.partition("L")
        if found and value and letters[:1] == "-" and letters[1:2] != "-" and letters[1:].isalnum() | (letters == "-"):
            text = f"Deprecated argument format '-L{value}' used.\nPlease use '-L {value}' instead."
            print(f"{text}  Support will be removed in a future release.", file=sys.stderr)


def main(given: Given, out: Output) -> int:
    """One look, or many."""
    if "neg-locations" in given:
        _warn_of_glued(sys.argv[1:])
    monitor = Monitor(given, sys.argv[1:])
    out.style = monitor.style
    _sections(given, monitor.style)
    if given.last_of("output-as", "as-xml", "as-html") == "as-xml":
        out.style = "text"
        return _legacy_xml(monitor)
    _check(given, monitor, out)
    target = given.get("as-html")
    if target is not None and monitor.style == "html":
        out.redirect(target)
    single = "one-shot" in given or "disable-ncurses" in given or given.get("output-as") == "text"
    single = single or "simple-status" in given or monitor.style in ("xml", "json") or monitor.cgi
    if single:
        return _once(monitor, given, out)
    from hacluster.tools.crm_mon_follow import follow  # noqa: PLC0415 - one look needs none of it

    return follow(monitor, given, out)


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main, None)
