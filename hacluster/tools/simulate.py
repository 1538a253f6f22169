"""``hacluster simulate``, ``crm_simulate``: what the cluster would do, from a CIB in a file."""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
from lxml import etree

from hacluster.base.errors import ConfigError
from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.base.values import scan_int
from hacluster.cib.document import Document, parse_document
from hacluster.cib.statusxml import document_xml
from hacluster.cib.upgrade import upgrade
from hacluster.client.schemas import installed_schemas
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.simulation.report import Outcome, Wishes
from hacluster.pe.simulation.report import simulate as simulate_cib

EXIT_ERROR: Final = 1
EXIT_INVALID: Final = 65
EXIT_NO_INPUT: Final = 66
EXIT_CONFIG: Final = 78


@dataclass(frozen=True, slots=True)
class Request:
    """One simulation: which CIB, when, what to show and what to write."""

    xml_file: str
    wishes: Wishes
    when: str | None = None
    save_graph: str | None = None
    save_output: str | None = None


def _local_offset(epoch: float) -> int:
    return time.localtime(epoch).tm_gmtoff


def effective_now(document: Document, when: str | None) -> Moment:
    """The time to schedule for: the given one, that of the CIB's ``execution-date``, or the present."""
    current = int(time.time())
    offset = _local_offset(current)
    if when is not None:
        moment = parse_moment(when, offset)
        if moment is None:
            raise click.BadParameter(f"{when!r} is no ISO 8601 date or time", param_hint="--set-datetime")
        return moment
    executed = scan_int(document.attribute("execution-date"))
    epoch = executed or current
    return Moment.from_epoch(epoch, _local_offset(epoch))


def _date_line(document: Document, when: str | None, now: Moment) -> str:
    if when is not None:
        return f"Setting effective cluster time: {when}"
    if scan_int(document.attribute("execution-date")):
        return f"Using the original execution date of: {now.show()}"
    return ""


def _write_xml(path: str, element: etree._Element) -> None:
    Path(path).write_bytes(etree.tostring(element, pretty_print=True, encoding="UTF-8"))


def perform(request: Request) -> Outcome:
    """Read, schedule, pretend, write. Raises :class:`ConfigError` for a CIB that cannot be read, and OSError."""
    document = parse_document(Path(request.xml_file).read_bytes(), request.xml_file)
    upgrade(document, installed_schemas(), request.xml_file)
    now = effective_now(document, request.when)
    wishes = replace(request.wishes, date=_date_line(document, request.when, now))
    outcome = simulate_cib(document, now, int(time.time()), wishes)
    if request.save_graph is not None and outcome.transition is not None:
        _write_xml(request.save_graph, graph_xml(outcome.transition.graph))
    if request.save_output is not None:
        _write_xml(request.save_output, document_xml(document))
    return outcome


def _batch_request(fields: list[str]) -> tuple[Request, str]:
    xml_file, text_file, graph_file, *options = fields
    when: str | None = None
    while options:
        option = options.pop(0)
        if option not in ("--set-datetime", "-t") or not options:
            raise click.UsageError(f"batch mode does not know the option {option!r}")
        when = options.pop(0)
    return Request(xml_file, Wishes(scores=True), when, graph_file), text_file


def _batch_answer(line: str) -> str:
    fields = line.rstrip("\n").split("\t")
    if len(fields) < 3:
        return "ERROR\tthree fields are needed: CIB, text and graph"
    try:
        request, text_file = _batch_request(fields)
        outcome = perform(request)
        Path(text_file).write_text("\n".join(outcome.lines) + "\n")
    except (ConfigError, OSError, click.ClickException) as error:
        return f"ERROR\t{error}".replace("\n", " ")
    return "OK"


def _run_batch() -> None:
    for line in sys.stdin:
        if line.strip():
            click.echo(_batch_answer(line))
            sys.stdout.flush()


@click.command(name="simulate", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-x", "--xml-file", metavar="FILE", help="The CIB.")
@click.option("-R", "--run", is_flag=True, help="Schedule only.")
@click.option("-S", "--simulate", "pretend", is_flag=True, help="Schedule, and pretend to run the transition.")
@click.option("-s", "--show-scores", is_flag=True, help="Show allocation scores.")
@click.option("-U", "--show-utilization", is_flag=True, help="Show utilization.")
@click.option("-j", "--pending", is_flag=True, hidden=True, help="Show pending operations (always so).")
@click.option("-G", "--save-graph", metavar="FILE", help="Write the transition graph.")
@click.option("-O", "--save-output", metavar="FILE", help="Write the CIB as the transition leaves it.")
@click.option("-t", "--set-datetime", metavar="WHEN", help="Schedule for this time (ISO 8601).")
@click.option("-F", "--op-fail", multiple=True, metavar="OP", help="Let <resource>_<task>_<interval>@<node>=<rc> fail.")
@click.option("--text-fancy", is_flag=True, help="Headings and items in the text (always so here).")
@click.option("--batch", is_flag=True, help="Read cases from standard input: CIB, text file, graph file, options.")
def simulate(  # noqa: PLR0917 - one argument per option
    xml_file: str | None,
    run: bool,
    pretend: bool,
    show_scores: bool,
    show_utilization: bool,
    pending: bool,  # noqa: ARG001 - accepted for crm_simulate's sake
    save_graph: str | None,
    save_output: str | None,
    set_datetime: str | None,
    op_fail: tuple[str, ...],
    text_fancy: bool,  # noqa: ARG001 - accepted for crm_simulate's sake
    batch: bool,
) -> None:
    """Show what the cluster would do with a CIB, and pretend to do it."""
    if batch:
        _run_batch()
        return
    gc.disable()  # one run, then the process ends: looking for cycles in a million live objects gains nothing
    if xml_file is None:
        raise click.UsageError("give a CIB with --xml-file")
    failures: dict[str, int] = {}
    for spec in op_fail:
        name, _, code = spec.rpartition("=")
        if not name or not code.lstrip("-").isdigit():
            raise click.BadParameter(f"{spec!r} is not <operation>@<node>=<rc>", param_hint="--op-fail")
        failures[name.lower()] = int(code)
    wishes = Wishes(run or pretend, pretend, show_scores, show_utilization, failures=failures)
    try:
        outcome = perform(Request(xml_file, wishes, set_datetime, save_graph, save_output))
    except ConfigError as error:
        for report in error.reports:
            click.echo(str(report), err=True)
        sys.exit(EXIT_INVALID)
    except OSError as error:
        click.echo(f"{xml_file}: {error.strerror}", err=True)
        sys.exit(EXIT_NO_INPUT)
    click.echo("\n".join(outcome.lines))
    if outcome.run is not None and not outcome.run.complete:
        click.echo("Transition failed: terminated\nAn invalid transition was produced", err=True)
        sys.exit(EXIT_ERROR)
