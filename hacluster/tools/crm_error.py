"""``crm_error``: what the number of an error or of an exit status means."""

from __future__ import annotations

import errno
import os
from typing import Final

from hacluster.base.results import EXITS, exit_text
from hacluster.base.tree import Tree
from hacluster.base.values import scan_int
from hacluster.tools.options import Given, Group, Option, Tool
from hacluster.tools.output import Output, run

TOOL: Final = Tool(
    "crm_error",
    "Show what result codes of the cluster's tools and daemons mean.",
    (Group("codes", "Options:", (
        Option("name", "n", help="Show the name of the code, too"),
        Option("list", "l", help="Show all known codes"),
        Option("exit", "X", help="Interpret as an exit status"),
        Option("rc", "r", help="Interpret as a return code of the present kind"),
    )),),
    "[-- CODE…]",
)  # fmt: skip

_LEGACY: Final = (
    ("generic", "Error"), ("no_quorum", "Operation requires quorum"),
    ("schema_validation", "Update does not conform to the configured schema"),
    ("transform_failed", "Schema transform failed"), ("old_data", "Update was older than existing configuration"),
    ("diff_failed", "Application of update diff failed"),
    ("diff_resync", "Application of update diff failed, requesting full refresh"),
    ("cib_modified", "On-disk configuration was manually modified"),
    ("cib_backup", "Could not archive previous configuration"),
    ("cib_save", "Could not save new configuration to disk"),
    ("", "Schema is already the latest available"), ("cib_corrupt", "Could not parse on-disk configuration"),
    ("multiple", "Resource active on multiple nodes"), ("node_unknown", "Node not found"),
    ("already", "Already in requested state"), ("bad_nvpair", "Bad name/value pair given"),
    ("unknown_format", "Unknown output format"),
)  # fmt: skip
"""Errors of functions of the old kind, from 201 on; 211 has no name and is not listed."""

_RCS: Final = (
    ("error", "Error"), ("unknown_format", "Unknown output format"), ("bad_nvpair", "Bad name/value pair given"),
    ("already", "Already in requested state"), ("node_unknown", "Node not found"),
    ("multiple", "Resource active on multiple nodes"), ("cib_corrupt", "Could not parse on-disk configuration"),
    ("cib_save", "Could not save new configuration to disk"),
    ("cib_backup", "Could not archive previous configuration"),
    ("cib_modified", "On-disk configuration was manually modified"),
    ("diff_resync", "Application of update diff failed, requesting full refresh"),
    ("diff_failed", "Application of update diff failed"),
    ("old_data", "Update was older than existing configuration"), ("transform_failed", "Schema transform failed"),
    ("schema_unchanged", "Schema is already the latest available"),
    ("schema_validation", "Update does not conform to the configured schema"),
    ("no_quorum", "Operation requires quorum"), ("ipc_unauthorized", "IPC server is blocked by unauthorized process"),
    ("ipc_unresponsive", "IPC server is unresponsive"),
    ("ipc_pid_only", "IPC server process is active but not accepting connections"),
    ("op_unsatisfied", "Not applicable under current conditions"), ("undetermined", "Result undetermined"),
    ("before_range", "Result occurs before given range"), ("within_range", "Result occurs within given range"),
    ("after_range", "Result occurs after given range"), ("no_output", "Output message produced no output"),
    ("no_input", "Input file not available"), ("underflow", "Value too small to be stored in data type"),
    ("dot_error", "Error writing dot(1) file"), ("graph_error", "Error writing graph file"),
    ("invalid_transition", "Cluster simulation produced invalid transition"),
    ("unpack_error", "Unable to parse CIB XML"), ("duplicate_id", "Two or more XML elements have the same ID"),
    ("disabled", "Disabled"), ("bad_input", "Bad input value provided"), ("bad_xml_patch", "Bad XML patch format"),
    ("no_transaction", "No active transaction found"), ("ns_resolution", "Nameserver resolution error"),
    ("compression", "Compression/decompression error"), ("no_dc", "DC is not yet elected"),
    ("ipc_more", "More IPC message fragments to send"), ("cs_internal", "Internal corosync error"),
    ("digest_mismatch", "Digest does not match expected value"),
)  # fmt: skip
"""Return codes from -1001 downwards."""

_NAMES: Final = {"EAGAIN": 11, "EDEADLOCK": 35, "EOPNOTSUPP": 95}
_UNLISTED: Final = frozenset({41, 48, 50, 55, 58, 59, 68, 69, 73, 109, 118, 119})
_LAST_ERRNO: Final = 129
_HIDDEN_LEGACY: Final = 211


def _system(number: int) -> tuple[str, str] | None:
    name = {number: name for name, number in _NAMES.items()}.get(number, errno.errorcode.get(number))
    return None if name is None else (name, os.strerror(number))


def _legacy(code: int) -> tuple[str, str]:
    number = abs(code)
    if number == 0:
        return "pcmk_rc_ok", "OK"
    if 201 <= number < 201 + len(_LEGACY):
        name, text = _LEGACY[number - 201]
        return f"pcmk_err_{name}" if name else "Unknown", text
    return _system(number) or ("Unknown", f"Unknown error {number}")


def _rc(code: int) -> tuple[str, str]:
    if code == 0:
        return "pcmk_rc_ok", "OK"
    if -1000 - len(_RCS) <= code <= -1001:
        name, text = _RCS[-1001 - code]
        return f"pcmk_rc_{name}", text
    return _system(code) or ("Unknown", f"Unknown error {code}" if code > 0 else "Error")


def _exit(code: int) -> tuple[str, str]:
    name = next((name for number, name, _ in EXITS if number == code), "CRM_EX_UNKNOWN")
    return name, exit_text(code)


def _listed(kind: str) -> list[int]:
    if kind == "exit":
        return [number for number, _, _ in EXITS]
    errnos = [number for number in range(_LAST_ERRNO + 1) if number not in _UNLISTED]
    if kind == "rc":
        return [*range(-1000 - len(_RCS), -1000), *errnos]
    return errnos + [number for number in range(201, 201 + len(_LEGACY)) if number != _HIDDEN_LEGACY]


def main(given: Given, out: Output) -> int:
    """Tell each code that was given, or all."""
    kind = given.last_of("exit", "rc") or "legacy"
    lookup = {"exit": _exit, "rc": _rc, "legacy": _legacy}[kind]
    everything = "list" in given or not given.rest
    codes = _listed(kind) if everything else [scan_int(word) for word in given.rest]
    named = "name" in given
    for code in codes:
        if code is None:
            name, text = "pcmk_err_generic", "Error"
        else:
            name, text = lookup(code)
        attrs = {"code": str(code or 0), **({"name": name} if named else {}), "description": text}
        out.tree(Tree("result-code", attrs))
        if everything or "verbose" in given:
            out.line(f"{code or 0:5d}: {name:<26}  {text}" if named else f"{code or 0:5d}: {text}")
        else:
            out.line(f"{name} - {text}" if named else text)
    return 0


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
