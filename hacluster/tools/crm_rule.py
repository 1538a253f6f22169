"""``crm_rule``: is a rule of the configuration in effect, not yet, or no more?

Options, texts and exit statuses are those of Pacemaker's crm_rule(8), 3.0.3.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from hacluster.base.results import Exit
from hacluster.base.tree import Tree
from hacluster.tools.options import FANCY, Given, Group, Option, Tool, UsageError
from hacluster.tools.output import Failed, Output, run

if TYPE_CHECKING:
    from hacluster.base.iso8601 import Moment
    from hacluster.cib.document import XML

TOOL: Final = Tool(
    "crm_rule",
    "Say whether rules of the configuration are in effect, have expired, or are yet to come.",
    (
        Group("modes", "Modes:", (Option("check", "c", help="Check whether a rule is in effect"),)),
        Group("data", "Data:", (
            Option("xml-text", "X", "CIB", "Use this CIB, or standard input if it is '-', instead of the cluster's"),
        )),
        Group("additional", "Additional Options:", (
            Option("date", "d", "DATE", "Whether the rule is in effect at this time (ISO 8601)"),
            Option("rule", "r", "ID", "The rule to check; may be given more than once"),
            FANCY,
        )),
    ),
    notes="The exit status is that of the last rule: 0 in effect, 110 expired, 111 not yet in effect, 3 cannot be told,"
    " 105 no such rule, 78 cannot be read.",
)  # fmt: skip

_EXITS: Final = {
    "IN_EFFECT": Exit.OK, "SATISFIED": Exit.OK, "EXPIRED": 110, "NOT_YET": 111, "NO_DATE": 3, "MANY_DATES": 3,
    "ENDLESS": 3, "UNREADABLE": 78, "MISSING": Exit.NO_SUCH, "SEVERAL": 78,
}  # fmt: skip
_ANSWERS: Final = ("IN_EFFECT", "SATISFIED", "EXPIRED", "NOT_YET")
"""The standings that are told; the others are errors."""


def _now(date: str | None) -> Moment:
    from hacluster.base.iso8601 import Moment, parse_moment  # noqa: PLC0415 - --help needs none of it

    current = int(time.time())
    present = Moment.from_epoch(current, time.localtime(current).tm_gmtoff)
    moment = present if date is None else parse_moment(date, present.offset)
    if moment is None:
        raise Failed(f"Invalid date specified: '{date}'", Exit.DATA)
    return moment


def _tree(text: str | None) -> XML:
    if text is None:
        from hacluster.client.cibsource import open_source  # noqa: PLC0415 - a text needs no cluster

        return open_source().read()
    from hacluster.base.errors import ConfigError  # noqa: PLC0415 - the cluster's own is well-formed
    from hacluster.cib.document import parse_tree  # noqa: PLC0415

    data = sys.stdin.buffer.read() if text == "-" else text.encode()
    try:
        return parse_tree(data, "<stdin>" if text == "-" else "<text>")
    except ConfigError as error:
        reports = "\n".join(str(report) for report in error.reports)
        raise Failed(f"Couldn't parse input string:\n{reports}", Exit.DATA) from None


def main(given: Given, out: Output) -> int:
    """Check each rule."""
    if "check" not in given:
        raise UsageError("No mode operation given")
    rules = given.all("rule")
    if not rules:
        raise UsageError("--check requires use of --rule=")
    from hacluster.pe.rules.expiry import standing  # noqa: PLC0415 - wrong usage needs none of it

    now = _now(given.get("date"))
    root = _tree(given.get("xml-text"))
    status = 0
    for rule in rules:
        found = standing(root, rule, now)
        status = int(_EXITS[found.name])
        out.tree(Tree("rule-check", {"rule-id": rule, "rc": str(status)}))
        if found.name in _ANSWERS:
            out.line(f"Rule {rule} {found.value}")
        else:
            out.error(f"Could not determine whether rule {rule} is in effect: {found.value}")
    return status


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
