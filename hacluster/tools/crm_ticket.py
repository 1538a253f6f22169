"""``crm_ticket``: tickets of a multi-site cluster, granted, revoked, looked at."""

from __future__ import annotations

import time
from typing import Any, Final

from hacluster.base.results import Exit, Fault
from hacluster.base.tree import Tree
from hacluster.base.values import is_true, scan_int
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import Failed, Output, run

TOOL: Final = Tool(
    "crm_ticket",
    "Query, modify and delete the tickets of this cluster's site.",
    (
        Group("queries", "Queries:", (
            Option("info", "l", help="Display the information of tickets"),
            Option("details", "L", help="Display the details of tickets"),
            Option("raw", "w", help="Display the IDs of tickets"),
            Option("query-xml", "q", help="Query the XML of tickets"),
            Option("constraints", "c", help="Display the rsc_ticket constraints that apply to tickets"),
        )),
        Group("commands", "Commands:", (
            Option("grant", "g", help="Grant a ticket to this site"),
            Option("revoke", "r", help="Revoke a ticket from this site"),
            Option("standby", "s", help="Tell this site that the ticket is standby"),
            Option("activate", "a", help="Tell this site that the ticket is active"),
        )),
        Group("advanced", "Advanced Options:", (
            Option("get-attr", "G", "ATTRIBUTE", "Display the named attribute of a ticket"),
            Option("set-attr", "S", "ATTRIBUTE", "Set the named attribute of a ticket"),
            Option("delete-attr", "D", "ATTRIBUTE", "Delete the named attribute of a ticket"),
            Option("cleanup", "C", help="Delete all state of a ticket at this site"),
        )),
        Group("additional", "Additional Options:", (
            Option("attr-value", "v", "VALUE", "Attribute value to use with -S"),
            Option("default", "d", "VALUE", "(Advanced) Value to show if none is found (with -G)"),
            Option("force", "f", help="(Advanced) Force the action to be performed"),
            Option("ticket", "t", "ID", "Ticket ID"),
        )),
        Group("deprecated", "Deprecated Options:", (
            Option("set-name", "n", "ID", "(Advanced) Accepted without effect"),
            Option("nvpair", "i", "ID", "(Advanced) Accepted without effect"),
            Option("quiet", "Q", help="Print only the value (as is done anyway)"),
        )),
    ),
)  # fmt: skip
_QUERIES: Final = ("info", "details", "raw", "query-xml", "constraints")
_CHANGES: Final = ("grant", "revoke", "standby", "activate", "set-attr", "delete-attr")
_TIMES: Final = ("last-granted", "expires", "standby-expires")
_KNOWN: Final = ("id", "granted", "last-granted", "standby")
_SURE: Final = (
    "This command cannot help you verify whether '{0}' has been already granted elsewhere.\n"
    "If you really want to grant '{0}' to this site now, and you know what you are doing,\nplease specify --force."
)
_LOSS: Final = (
    "Revoking '{0}' can trigger the specified 'loss-policy'(s) relating to '{0}'.\n\n"
    "You can check that with:\ncrm_ticket --ticket {0} --constraints\n\n"
    "Otherwise before revoking '{0}', you may want to make '{0}' standby with:\ncrm_ticket --ticket {0} --standby\n\n"
    "If you really want to revoke '{0}' from this site now, and you know what you are doing,\nplease specify --force."
)


class _Call:
    def __init__(self, given: Given, out: Output) -> None:
        from hacluster.client.cibsource import open_source  # noqa: PLC0415 - --help needs none of it

        self.given, self.out = given, out
        self.ticket = given.get("ticket")
        self.source = open_source()
        try:
            self.root = self.source.read()
        except Fault as error:
            raise Failed(f"Could not connect to the CIB: {error.text}", error.status) from None

    def state(self, name: str | None) -> Any:
        """The state of a ticket."""
        states = self.root.iterfind("status/tickets/ticket_state")
        return next((item for item in states if item.get("id") == name), None)

    # -- queries ---------------------------------------------------------------------------------------------------

    def _known(self) -> list[tuple[str, dict[str, str]]]:
        """Every ticket that a constraint or the status names, in the original's order."""
        from hacluster.pe.assign.hashing import table_order  # noqa: PLC0415 - lists alone are in that order

        states: dict[str, dict[str, str]] = {}
        for item in self.root.iterfind("configuration/constraints/rsc_ticket"):
            states.setdefault(item.get("ticket") or "", {})
        for item in self.root.iterfind("status/tickets/ticket_state"):
            states[item.get("id") or ""] = {str(key): str(value) for key, value in item.attrib.items()}
        return [(name, states[name]) for name in table_order(states)]

    def show(self, command: str) -> int:
        """Tickets as a list."""
        found = [entry for entry in self._known() if self.ticket is None or entry[0] == self.ticket]
        if not found and self.ticket is not None:
            raise Failed(f"No such ticket '{self.ticket}'", Exit.NO_SUCH)
        trees = []
        for name, attrs in found:
            trees.append(_tree(name, attrs))
            self.out.line({"raw": lambda n, _: n, "info": _info, "details": _details}[command](name, attrs))
        if trees:
            self.out.tree(Tree("tickets", children=trees))
        return Exit.OK

    def show_xml(self) -> int:
        """The state as it stands in the CIB."""
        from hacluster.cib.markup import show_markup  # noqa: PLC0415 - loaded by the source already

        element = self.root.find("status/tickets") if self.ticket is None else self.state(self.ticket)
        if element is None:
            raise Failed("Could not query ticket XML: No such device or address", Exit.NO_SUCH)
        self.out.raw(f"State XML:\n\n{show_markup(element)}")
        self.out.tree(Tree("ticket_state", text=show_markup(element), cdata=True))
        return Exit.OK

    def show_constraints(self) -> int:
        """The constraints on one ticket, or on all."""
        from hacluster.cib.markup import show_markup  # noqa: PLC0415 - loaded by the source already

        found = [
            item
            for item in self.root.iterfind("configuration/constraints//rsc_ticket")
            if self.ticket is None or item.get("ticket") == self.ticket
        ]
        if not found:
            raise Failed("Could not show ticket constraints: No such device or address", Exit.NO_SUCH)
        text = "".join(map(show_markup, found))
        self.out.raw(f"Constraints XML:\n\n{text}")
        self.out.tree(Tree("constraints", children=[Tree("constraint", text=text, cdata=True)]))
        return Exit.OK

    def get(self, name: str) -> int:
        """One attribute."""
        if self.ticket is None:
            raise Failed("Must supply ticket ID with -t", Exit.NO_SUCH)
        element = self.state(self.ticket)
        value = None if element is None else element.get(name)
        value = self.given.get("default") if value is None else value
        if value is None:
            return Exit.NO_SUCH
        self.out.tree(Tree("ticket", {"id": self.ticket}, [Tree("attribute", {"name": name, "value": value})]))
        self.out.line(value)
        return Exit.OK

    # -- changes ---------------------------------------------------------------------------------------------------

    def _refuse(self, text: str, message: str, status: int) -> None:
        self.out.error(text.format(self.ticket))
        raise Failed(message, status)

    def cleanup(self) -> int:
        """Forget a ticket."""
        element = self.state(self.ticket)
        if element is None:
            raise Failed(f"No such ticket '{self.ticket}'", Exit.NO_SUCH)
        if "force" not in self.given and element.get("granted") is not None:
            self._refuse(_LOSS, "", Exit.DENIED)
        from lxml import etree  # noqa: PLC0415 - loaded by the source already

        self.source.change("delete", scope="status", data=etree.Element("ticket_state", id=self.ticket or ""))
        self.out.line(f"Cleaned up {self.ticket}")
        return Exit.OK

    def modify(self) -> int:
        """Set and delete attributes, all that were asked for at once."""
        changed: dict[str, str] = {}
        gone: list[str] = []
        pair: dict[str, str] = {}
        for event, value in self.given.events:
            match event:
                case "grant" | "revoke":
                    changed["granted"] = "true" if event == "grant" else "false"
                case "standby" | "activate":
                    changed["standby"] = "true" if event == "standby" else "false"
                case "set-attr" | "attr-value":
                    pair[event] = value
                    if len(pair) == 2:
                        changed[pair.pop("set-attr")] = pair.pop("attr-value")
                case "delete-attr":
                    gone.append(value)
        if "set-attr" in pair:
            raise UsageError(f"Must supply value with -v for -S {pair['set-attr']}")
        self._check(changed, gone)
        element = self.state(self.ticket)
        if is_true(changed.get("granted")) and not is_true(None if element is None else element.get("granted")):
            changed["last-granted"] = str(int(time.time()))
        self._write(element, changed, gone)
        return Exit.OK

    def _check(self, changed: dict[str, str], gone: list[str]) -> None:
        if "force" in self.given:
            return
        message = "Ticket modification not allowed without --force"
        if "granted" in changed:
            grants = is_true(changed["granted"])
            self._refuse(_SURE if grants else _LOSS, message, Exit.UNSAFE)
        if "granted" in gone:
            self._refuse(_LOSS, message, Exit.UNSAFE)

    def _write(self, element: Any, changed: dict[str, str], gone: list[str]) -> None:
        from lxml import etree  # noqa: PLC0415 - loaded by the source already

        attrs = {} if element is None else dict(element.attrib)
        attrs |= {"id": self.ticket or "", **changed}
        for name in gone:
            attrs.pop(name, None)
        state = etree.Element("ticket_state", attrs)
        if element is not None:
            self.source.change("replace", scope="status", data=state)
            return
        whole = etree.Element("status")
        etree.SubElement(whole, "tickets").append(state)
        self.source.change("modify", scope="status", data=whole, create=True)


def _when(text: str) -> str:
    return time.ctime(scan_int(text) or 0)


def _words(attrs: dict[str, str]) -> str:
    return ("granted" if is_true(attrs.get("granted")) else "revoked") + (
        " [standby]" if is_true(attrs.get("standby")) else ""
    )


def _info(name: str, attrs: dict[str, str]) -> str:
    last = attrs.get("last-granted")
    when = f' last-granted="{_when(last)}"' if last and (scan_int(last) or 0) > 0 else ""
    return f"{name}\t{_words(attrs)}{when}"


def _details(name: str, attrs: dict[str, str]) -> str:
    shown = [
        f"{key}={_when(value) if key in _TIMES else value}" for key, value in attrs.items() if key != "id"
    ]  # fmt: skip
    words = _words(attrs) + (" " if attrs.get("last-granted") else "")
    return f"{name}\t{words}" + (f"\t({', '.join(shown)})" if shown else "")


def _tree(name: str, attrs: dict[str, str]) -> Tree:
    found = {"id": name, "status": "granted" if is_true(attrs.get("granted")) else "revoked"}
    found["standby"] = "true" if is_true(attrs.get("standby")) else "false"
    if attrs.get("last-granted"):
        found["last-granted"] = _when(attrs["last-granted"])
    found |= {key: _when(value) if key in _TIMES else value for key, value in attrs.items() if key not in _KNOWN}
    return Tree("ticket", found)


def main(given: Given, out: Output) -> int:
    """One call: the last query, or the changes."""
    command = given.last_of(*_QUERIES, *_CHANGES, "get-attr", "cleanup")
    if command is None:
        raise UsageError("Must supply a command")
    call = _Call(given, out)
    if command in ("info", "details", "raw"):
        return call.show(command)
    if command == "query-xml":
        return call.show_xml()
    if command == "constraints":
        return call.show_constraints()
    if command == "get-attr":
        return call.get(given.get("get-attr") or "")
    if call.ticket is None:
        raise UsageError("Must supply ticket ID with -t")
    return call.cleanup() if command == "cleanup" else call.modify()


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
