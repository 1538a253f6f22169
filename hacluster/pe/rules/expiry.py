"""Is a rule in effect, not yet, or no more? What crm_rule says of the date of one rule.

As with crm_rule of Pacemaker 3.0, a rule can be asked about if it has one date expression, and of those with a
``date_spec`` only one with ``years``: others come and go for ever.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import XML
from hacluster.pe.rules.dates import judge_date


class Standing(Enum):
    """How a rule stands at a time, or why that cannot be told."""

    IN_EFFECT = "is still in effect"
    SATISFIED = "satisfies conditions"
    EXPIRED = "is expired"
    NOT_YET = "has not yet taken effect"
    NO_DATE = "Rule does not have a date expression"
    MANY_DATES = "Rule has more than one date expression"
    ENDLESS = "Rule must either not use date_spec, or use date_spec with years="
    UNREADABLE = "Error parsing rule"
    MISSING = "Rule not found"
    SEVERAL = "Found more than one rule with matching ID"


_BY_SIDE: Final = {-1: Standing.NOT_YET, 0: Standing.IN_EFFECT, 1: Standing.EXPIRED, None: Standing.UNREADABLE}


def standing(root: XML, rule_id: str, now: Moment) -> Standing:
    """How the rule with this id in the configuration of a CIB stands at ``now``."""
    configuration = root.find("configuration")
    rules = () if configuration is None else configuration.iter("rule")
    found = [rule for rule in rules if rule.get("id") == rule_id]
    if len(found) != 1:
        return Standing.SEVERAL if found else Standing.MISSING
    dates = list(found[0].iter("date_expression"))
    if len(dates) != 1:
        return Standing.MANY_DATES if dates else Standing.NO_DATE
    expression = dates[0]
    operation = expression.get("operation")
    if operation is None or (operation == "date_spec" and expression.find("date_spec[@years]") is None):
        return Standing.ENDLESS
    stands = _BY_SIDE[judge_date(now, expression)[0]]
    # What has years has no end for sure, so that it only fits.
    fits = stands is Standing.IN_EFFECT and operation.lower() == "date_spec"
    return Standing.SATISFIED if fits else stands
