"""``crm_verify``: is this a configuration that the cluster can work with?

Options and exit statuses are those of Pacemaker's crm_verify(8). Findings are our own: each names file, line, element
and what was expected, and all of them are shown at once.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn
from xml.etree import ElementTree  # written only, never parsed

import click
from lxml import etree

from hacluster import __version__
from hacluster.base.errors import ConfigError, HaError
from hacluster.base.iso8601 import Moment
from hacluster.base.report import Place, Report, Severity, has_errors
from hacluster.base.values import scan_int
from hacluster.cib.checks import REFERENCES, check_configuration
from hacluster.cib.document import XML, document_of, parse_tree
from hacluster.cib.places import place_of
from hacluster.cib.upgrade import newer_reports, upgrade, upgrade_to_4
from hacluster.client.schemas import installed_schemas
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.schedule import Transition, schedule
from hacluster.tools.result import API_VERSION

OK: Final = 0
ERROR: Final = 1
USAGE: Final = 64
INVALID: Final = 65
NO_INPUT: Final = 66
NOT_A_CIB: Final = 76
BAD_CONFIGURATION: Final = 78


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
    """0 without findings that count, 78 with errors or warnings, 76 or 65 for what is no CIB.

    What only we find does not change what scripts decide by the status, unless ``strict`` asks for it.
    """
    if not readable:
        return NOT_A_CIB if any("not <cib>" in report.text for report in reports) else INVALID
    counted = [report for report in reports if report.severity <= Severity.WARNING and (strict or not report.own)]
    return BAD_CONFIGURATION if counted else OK


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


def _json(reports: list[Report], code: int) -> str:
    shown = [{**report.as_dict(), "own": report.own} for report in reports]
    return json.dumps({"status": code, "reports": shown}, indent=2)


def _xml(reports: list[Report], code: int) -> str:
    root = ElementTree.Element("pacemaker-result", {"api-version": API_VERSION, "request": "crm_verify"})
    for report in reports:
        values = {key: str(value) for key, value in report.as_dict().items() if value not in (None, "")}
        ElementTree.SubElement(root, "report", values | ({"own": "true"} if report.own else {}))
    message = {OK: "OK", BAD_CONFIGURATION: "Invalid configuration"}.get(code, "Invalid data given")
    ElementTree.SubElement(root, "status", code=str(code), message=message)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")


def _fail(text: str, code: int) -> NoReturn:
    click.echo(f"crm_verify: {text}", err=True)
    sys.exit(code)


def _source(xml_file: str | None, xml_text: str | None, *, pipe: bool, live: bool) -> tuple[bytes, str]:
    if live:
        _fail("CIB query failed: there is no running cluster to ask", NO_INPUT)
    if xml_file is not None:
        try:
            return Path(xml_file).read_bytes(), xml_file
        except OSError as error:
            _fail(f"Couldn't parse input file: {xml_file}: {error.strerror}", ERROR)
    if xml_text is not None:
        return xml_text.encode(), "<text>"
    if pipe:
        return sys.stdin.buffer.read(), "<stdin>"
    _fail("No configuration source specified.  Use --help for usage information.", ERROR)


@click.command("verify", context_settings={"help_option_names": ["-h", "-?", "--help"]})
@click.option("-x", "--xml-file", metavar="FILE", help="Check the configuration in the named file.")
@click.option("-X", "--xml-text", metavar="XML", help="Check the configuration in the supplied string.")
@click.option("-p", "--xml-pipe", "pipe", is_flag=True, help="Check the configuration piped in via stdin.")
@click.option("-L", "--live-check", "live", is_flag=True, help="Check the configuration of the running cluster.")
@click.option("-S", "--save-xml", metavar="FILE", help="Save the XML that was verified to a file.")
@click.option("-V", "--verbose", count=True, help="Show notices too; twice: all that is known.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing, the exit status is the answer.")
@click.option("--strict", is_flag=True, help="What only hacluster warns of counts for the exit status, too.")
@click.option("--output-as", type=click.Choice(("text", "xml", "json")), default="text", show_default=True)
@click.option("--output-to", metavar="DEST", help='The file that takes the output ("-" for standard output).')
@click.version_option(__version__, "-$", "--version", prog_name="crm_verify")
def verify_command(
    *,
    xml_file: str | None,
    xml_text: str | None,
    pipe: bool,
    live: bool,
    save_xml: str | None,
    verbose: int,
    quiet: bool,
    strict: bool,
    output_as: str,
    output_to: str | None,
) -> None:
    """Check a CIB: well-formed, valid in its schema, and free of what is usually a mistake.

    Findings that Pacemaker's crm_verify does not have are marked "[hacluster]" ("own" in JSON and XML) and count for
    the exit status only with --strict.

    Exit status: 0 fine, 65 not XML, 66 no cluster to ask, 76 not a CIB, 78 errors or warnings.
    """
    data, file = _source(xml_file, xml_text, pipe=pipe, live=live)
    try:
        reports, root = verify(data, file)
    except HaError as error:
        _fail(str(error), ERROR)
    code = status_of(reports, readable=root is not None, strict=strict)
    if save_xml is not None and root is not None:
        try:
            Path(save_xml).write_bytes(etree.tostring(root, pretty_print=True, encoding="UTF-8"))
        except OSError as error:
            _fail(f"{save_xml}: {error.strerror}", ERROR)
    thresholds = (Severity.WARNING, Severity.NOTICE, Severity.DEBUG)
    if not quiet:
        if output_as == "text":
            _show(_text(reports, thresholds[min(verbose, 2)]), output_to, err=True)
        else:
            _show([_json(reports, code) if output_as == "json" else _xml(reports, code)], output_to, err=False)
    sys.exit(code)


def _show(lines: list[str], output_to: str | None, *, err: bool) -> None:
    if output_to is None or output_to == "-":
        for line in lines:
            click.echo(line, err=err and output_to is None)
        return
    try:
        Path(output_to).write_text("".join(f"{line}\n" for line in lines))
    except OSError as error:
        _fail(f"{output_to}: {error.strerror}", ERROR)


def script() -> None:
    """The stand-alone command: usage errors exit with 64, as sysexits(3) has it."""
    try:
        verify_command.main(prog_name="crm_verify", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message(), USAGE)
    except click.exceptions.Abort:
        sys.exit(ERROR)
