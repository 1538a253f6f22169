"""``crm_verify``: is this a configuration that the cluster can work with?

Options and exit statuses are those of Pacemaker's crm_verify(8). Findings are our own: each names file, line, element
and what was expected, and all of them are shown at once.
"""

from __future__ import annotations

import copy
import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from lxml import etree

from hacluster.base.errors import ConfigError, HaError
from hacluster.base.iso8601 import Moment
from hacluster.base.report import Place, Report, Severity, has_errors
from hacluster.base.results import Exit, Fault, exit_text
from hacluster.base.values import scan_int
from hacluster.cib.checks import REFERENCES, check_configuration
from hacluster.cib.document import XML, document_of, parse_tree
from hacluster.cib.places import place_of
from hacluster.cib.upgrade import newer_reports, upgrade, upgrade_to_4
from hacluster.client.keptcib import read_cib_file
from hacluster.client.schemas import installed_schemas
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.schedule import Transition, schedule
from hacluster.tools.options import FANCY, Given, Group, Option, Tool
from hacluster.tools.output import Failed, Output, run

TOOL: Final = Tool(
    "crm_verify",
    "Check a CIB: well-formed, valid in its schema, and free of what is usually a mistake.",
    (
        Group("data", "Data sources:", (
            Option("live-check", "L", help="Check the configuration of the running cluster"),
            Option("xml-file", "x", "FILE", "Check the configuration in the named file"),
            Option("xml-pipe", "p", help="Check the configuration piped in via stdin"),
            Option("xml-text", "X", "XML", "Check the configuration in the supplied string"),
        )),
        Group("additional", "Additional Options:", (
            Option("save-xml", "S", "FILE", "Save the XML that was verified to a file (most useful with -L)"),
            Option("quiet", "q", help="Say nothing: the exit status is the answer"),
            Option("hazards", "", help="Tell what this cluster cannot survive, with the events that show it"),
            Option("strict", "", help="What only hacluster warns of counts for the exit status, too"),
            FANCY,
        )),
    ),
    notes="Findings that Pacemaker's crm_verify does not have are marked [hacluster] (own in JSON) and count for\n"
    "the exit status only with --strict. -V shows notices too, -VV all that is known.\n"
    "Exit status: 0 fine, 1 not XML, 66 no cluster to ask, 76 not a CIB, 78 errors or warnings.",
)  # fmt: skip
SOURCES: Final = ("live-check", "xml-file", "xml-text", "xml-pipe")


def _inside_clones(cluster: Cluster, file: str) -> Iterator[Report]:
    """Constraints that name what is inside a clone: it is only known by its instances."""
    known = {str(item.get("id")) for item in cluster.document.root.iterfind("configuration/resources//*[@id]")}
    for constraint in cluster.document.root.iterfind("configuration/constraints/*"):
        for name in REFERENCES.get(str(constraint.tag), ()):
            ident = constraint.get(name)
            if ident is None or ident not in known or ident in cluster.templates or ident in cluster.tags:
                continue
            if cluster.constraint_resource(ident) is None:
                text = f'{name} names "{ident}", which is inside a clone or bundle: the constraint is ignored'
                yield Report(
                    "no-resource", Severity.ERROR, text, place_of(constraint, file), "name the clone or bundle"
                )


def transition_reports(transition: Transition, file: str) -> list[Report]:
    """What scheduling the document shows: nodes to be fenced, resources that are active twice."""
    place = Place(file)
    reports = [*transition.cluster.reports, *_inside_clones(transition.cluster, file)]
    for node in transition.cluster.nodes:
        if node.unclean:
            text = f"node {node.name} is unclean"
            reports.append(Report("unclean-node", Severity.WARNING, text, place, "it has to be fenced"))
    for synapse in transition.graph.synapses:
        action = synapse.action
        operation = action.meta.get("stonith_action")
        if action.task == "stonith" and operation != "on" and action.node is not None and not action.node.is_guest:
            text = f"node {action.node.name} is going to be fenced"
            reports.append(Report("fencing", Severity.WARNING, text, place))
    for rsc in transition.cluster.resource_table:
        if rsc.orphan and rsc.active_on:
            text = f"{rsc.id} is not in the configuration, but active on {next(iter(rsc.active_on)).name}"
            reports.append(Report("active-orphan", Severity.WARNING, text, place))
    return reports


def _upgrade_reports(root: XML, told: list[Report], file: str) -> Iterator[Report]:
    """What the upgrade to schema 4.0, which Pacemaker 3.0 does with every CIB, would change; warnings for losses."""
    places = {(report.place.line, report.place.field) for report in told if report.place is not None and report.own}
    for report in upgrade_to_4(copy.deepcopy(root), installed_schemas(), file):
        if report.place is None or report.code != "upgraded-name":
            continue
        if report.severity is Severity.NOTICE or (report.place.line, report.place.field) not in places:
            text = f"upgrading to schema 4.0: {report.text}"
            yield replace(report, code="upgrade-to-4", text=text, own=True)


def _hazards(data: bytes, file: str) -> list[Report]:
    from hacluster.tools.hazards import hazards  # noqa: PLC0415 - few ask

    root = parse_tree(data, file)
    document = document_of(root)
    upgrade(document, installed_schemas(), file)
    return hazards(document.root, _now(root), file)


def _now(root: XML) -> Moment:
    return Moment.from_epoch(scan_int(root.get("execution-date")) or int(time.time()))


def verify(data: bytes, file: str) -> tuple[list[Report], XML | None]:
    """Every finding of one document, and the document as far as it could be read."""
    try:
        root = parse_tree(data, file)
    except ConfigError as error:
        return error.reports, None
    schemas = installed_schemas()
    reports = [*newer_reports(root, file), *schemas.check(root, file)]
    if has_errors(reports):
        return reports, root
    whole = etree.ElementTree(root)
    saved = etree.fromstring(etree.tostring(whole))
    document = document_of(root)
    reports += upgrade(document, schemas, file)
    if has_errors(reports):
        return reports, saved
    reports += check_configuration(document.root, file)
    reports += _upgrade_reports(document.root, reports, file)
    found = transition_reports(schedule(document, _now(root)), file)
    return reports + [report for report in found if report.code != "bad-option"], saved


def status_of(reports: list[Report], *, readable: bool, strict: bool = False) -> int:
    """0 without findings that count, 78 with errors or warnings, 76 for XML that is no CIB, 1 for what is no XML.

    What only we find does not change what scripts decide by the status, unless ``strict`` asks for it.
    """
    if not readable:
        return Exit.PROTOCOL if any("not <cib>" in report.text for report in reports) else Exit.ERROR
    counted = [report for report in reports if report.severity <= Severity.WARNING and (strict or not report.own)]
    return Exit.CONFIG if counted else Exit.OK


def verdict(reports: list[Report]) -> str | None:
    """The last line, as the original puts it; ``None`` when all is fine."""
    if has_errors(reports):
        return "Errors found during check: config not valid"
    warnings = [report for report in reports if report.severity is Severity.WARNING]
    if not warnings:
        return None
    only = " (only hacluster warns of this; --strict makes it count)" if all(one.own for one in warnings) else ""
    return f"Warnings found during check: config may not be valid{only}"


def _text(reports: list[Report], threshold: Severity) -> list[str]:
    lines = [str(report) for report in reports if report.severity <= threshold]
    last = verdict(reports)
    return lines if last is None else [*lines, f"crm_verify: {last}"]


def _json(reports: list[Report], code: int, argv: Sequence[str]) -> str:
    from hacluster.tools.result import api_version  # noqa: PLC0415 - text needs none of it

    shown = [{**report.as_dict(), "own": report.own} for report in reports]
    head = {"api-version": api_version(), "request": shlex.join(["crm_verify", *argv])}
    return json.dumps({**head, "status": code, "reports": shown}, indent=2) + "\n"


def _live() -> tuple[bytes, str]:
    from hacluster.cib.markup import show_markup  # noqa: PLC0415 - a file is read as it is
    from hacluster.client.cibsource import open_source  # noqa: PLC0415

    try:
        return show_markup(open_source().read()).encode(), "<cluster>"
    except Fault as fault:
        sys.stderr.write(f"crm_verify: CIB query failed: {exit_text(Exit.NO_INPUT)} ({fault.text})\n")
        raise Failed("", Exit.NO_INPUT) from None


def _source(given: Given) -> tuple[bytes, str]:
    """The text that is checked, and what it is called; the last source that was given counts."""
    kind = given.last_of(*SOURCES)
    if kind == "live-check":
        return _live()
    if kind == "xml-pipe":
        return sys.stdin.buffer.read(), "<stdin>"
    if kind is None:
        raise Failed("No configuration source specified.  Use --help for usage information.", Exit.ERROR)
    value = given.get(kind) or ""
    if kind == "xml-text":
        return value.encode(), "<text>"
    try:
        return read_cib_file(Path(value)), value
    except OSError as error:
        raise Failed(f"Couldn't parse input file: {value}: {error.strerror}", Exit.ERROR) from None


def main(given: Given, out: Output) -> int:
    """Check, save, and tell what was found: on standard error, as the original does whatever the format."""
    data, file = _source(given)
    try:
        reports, root = verify(data, file)
        if "hazards" in given and root is not None and not has_errors(reports):
            reports += _hazards(data, file)
    except HaError as error:
        raise Failed(str(error), Exit.ERROR) from None
    code = status_of(reports, readable=root is not None, strict="strict" in given)
    if code == Exit.ERROR and given.last_of(*SOURCES) == "xml-text" and data.strip():
        code = Exit.PROTOCOL  # the original's parser makes an element of any text
    save = given.get("save-xml")
    if save is not None and root is not None:
        try:
            Path(save).write_bytes(etree.tostring(root, pretty_print=True, encoding="UTF-8"))
        except OSError as error:
            raise Failed(f"{save}: {error.strerror}", Exit.CANNOT_CREATE) from None
    thresholds = (Severity.WARNING, Severity.NOTICE, Severity.DEBUG)
    if out.style == "json":
        out.answer(_json(reports, code, out.argv))
    elif "quiet" not in given:
        for line in _text(reports, thresholds[min(given.count("verbose"), 2)]):
            sys.stderr.write(f"{line}\n")
    return code


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
