"""Is a rule in effect, not yet, or no more? What crm_rule says of the date of one rule.

As with crm_rule of Pacemaker 2.1.5, a rule can be asked about if it has one date expression, and of those with a
``date_spec`` only one with ``years`` and without ``moon``: others come and go for ever.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import XML
from hacluster.pe.rules.dates import bounds, spec_side, test_date


class Standing(Enum):
    """How a rule stands at a time, or why that cannot be told."""

    IN_EFFECT = "is still in effect"
    SATISFIED = "satisfies conditions"
    EXPIRED = "is expired"
    NOT_YET = "has not yet taken effect"
    NO_DATE = "Rule does not have a date expression"
    MANY_DATES = "Rule has more than one date expression"
    ENDLESS = "Rule must either not use date_spec, or use date_spec with years= but not moon="
    UNREADABLE = "Error parsing rule"
    MISSING = "Rule not found"


_BY_SIDE: Final = {-1: Standing.NOT_YET, 0: Standing.SATISFIED, 1: Standing.EXPIRED}


def _of_spec(expression: XML, now: Moment) -> Standing:
    spec = expression.find("date_spec")
    if spec is None or spec.get("years") is None or spec.get("moon") is not None:
        return Standing.ENDLESS
    return _BY_SIDE[spec_side(now, spec)]


def standing(root: XML, rule_id: str, now: Moment) -> Standing:
    """How the rule with this id in the configuration of a CIB stands at ``now``."""
    configuration = root.find("configuration")
    rules = () if configuration is None else configuration.iter("rule")
    rule = next((rule for rule in rules if rule.get("id") == rule_id), None)
    if rule is None:
        return Standing.MISSING
    dates = list(rule.iter("date_expression"))
    if len(dates) != 1:
        return Standing.MANY_DATES if dates else Standing.NO_DATE
    expression = dates[0]
    operation = expression.get("operation", "date_spec")
    if operation == "date_spec":
        return _of_spec(expression, now)
    start, end = bounds(now, expression)
    needed = {"in_range": start or end, "gt": start, "lt": end}.get(operation.lower())
    if needed is None:
        return Standing.UNREADABLE
    if test_date(now, expression)[0]:
        return Standing.IN_EFFECT
    early = start is not None and (now.epoch < start.epoch or operation.lower() == "gt")
    return Standing.NOT_YET if early else Standing.EXPIRED
