"""``conf/OCF/TYPE/INSTANCE``: the settings of one OCF resource of haresources.

Heartbeat sources the file with a shell and exports every variable that it assigns. Here nothing is executed: a line is
``NAME=VALUE`` with the shell's quoting, and what a shell would have to evaluate is an error. Variables named
``OCF_RESKEY_x`` are the agent's parameter ``x``; any other variable means nothing to an OCF agent and is a warning.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from hacluster.base.report import Report
from hacluster.config.findings import Findings, shown
from hacluster.config.lexical import physical_lines

PREFIX: Final = "OCF_RESKEY_"
_ASSIGNMENT: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_EXPORT: Final = re.compile(r"export(?:\s+[A-Za-z_][A-Za-z0-9_]*)+\s*")
_EVALUATED: Final = re.compile(r"[$`]")


def parse_instance(text: str, file: str) -> tuple[tuple[tuple[str, str], ...], list[Report]]:
    """The parameters in the order of the file (a later assignment of one replaces the earlier), and all findings."""
    findings = Findings(file)
    parameters: dict[str, str] = {}
    for number, raw in physical_lines(text, findings):
        line = raw.strip()
        if findings.full:
            break
        if not line or line.startswith("#") or _EXPORT.fullmatch(line):
            continue
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            hint = "one assignment a line: OCF_RESKEY_ip=10.0.0.1; the file is read, not run"
            findings.error("bad-assignment", number, f"{shown(line)} is not NAME=VALUE", hint)
            continue
        name = match[1]
        value = _value(match[2], number, findings)
        if value is None:
            continue
        if not name.startswith(PREFIX) or name == PREFIX:
            hint = f"parameters of an agent are written {PREFIX}NAME=VALUE"
            findings.warning("no-parameter", number, f"{shown(name)} means nothing to an OCF agent", hint)
            continue
        parameters.pop(name.removeprefix(PREFIX), None)
        parameters[name.removeprefix(PREFIX)] = value
    return tuple(parameters.items()), findings.reports


def _value(written: str, number: int, findings: Findings) -> str | None:
    """The value as a shell would assign it; ``None`` after an error report."""
    unquoted = re.sub(r"'[^']*'|\\.", "", written)
    if _EVALUATED.search(unquoted):
        hint = "write the value itself; the file is read, not run"
        findings.error("evaluated-value", number, f"{shown(written)} would have to be evaluated by a shell", hint)
        return None
    try:
        words = shlex.split(written, comments=True)
    except ValueError as error:
        findings.error("bad-quoting", number, f"{shown(written)}: {str(error).lower()}", "close the quotation")
        return None
    if len(words) > 1:
        hint = "put a value with blanks between quotes"
        findings.error("bad-assignment", number, f"{shown(written)} is more than one word", hint)
        return None
    return words[0] if words else ""
