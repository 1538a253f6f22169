"""``hacluster simulate``, ``crm_simulate``: what the cluster would do, from a CIB in a file."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
from lxml import etree

from hacluster import __version__
from hacluster.base.errors import ConfigError
from hacluster.base.results import Fault
from hacluster.base.tree import Tree
from hacluster.cib.document import Document, parse_document
from hacluster.cib.statusxml import document_xml
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.schedule import schedule
from hacluster.pe.simulation.report import Outcome, Wishes
from hacluster.pe.simulation.report import simulate as simulate_cib
from hacluster.pe.simulation.requests import Requests
from hacluster.tools.cibinput import (
    EXIT_NO_INPUT,
    date_line,
    demand_usable,
    effective_now,
    exit_status,
    unpacked,
)

EXIT_ERROR: Final = 1
LIVE: Final = "<cluster>"
"""What stands for a file where the CIB is that of the cluster, or of ``CIB_shadow`` or ``CIB_file``."""
EXIT_USAGE: Final = 64
EXIT_CANNOT_CREATE: Final = 73
_SCHEDULING: Final = (
    "run",
    "pretend",
    "in_place",
    "op_fail",
    "show_scores",
    "show_utilization",
    "save_graph",
    "save_dotfile",
)
"""The options without which only the status is shown."""


@dataclass(frozen=True, slots=True)
class Request:
    """One simulation: which CIB, when, what to show and what to write."""

    xml_file: str
    wishes: Wishes
    when: str | None = None
    save_graph: str | None = None
    save_output: str | None = None
    save_input: str | None = None
    save_dot: str | None = None
    all_actions: bool = False


def _write_xml(path: str, element: etree._Element) -> None:
    Path(path).write_bytes(etree.tostring(element, pretty_print=True, encoding="UTF-8"))


def _read(xml_file: str) -> bytes:
    if xml_file == LIVE:
        from hacluster.cib.markup import show_markup  # noqa: PLC0415 - a file is read as it is
        from hacluster.client.cibsource import open_source  # noqa: PLC0415

        return show_markup(open_source().read()).encode()
    return unpacked(sys.stdin.buffer.read() if xml_file == "-" else Path(xml_file).read_bytes())


def perform(request: Request) -> Outcome:
    """Read, schedule, pretend, write. Raises :class:`ConfigError` for a CIB that cannot be used, and OSError."""
    document = parse_document(_read(request.xml_file), request.xml_file)
    demand_usable(document, request.xml_file)
    now = effective_now(document, request.when)
    wishes = replace(request.wishes, date=date_line(document, request.when, now))

    def save_input(asked: Document) -> None:
        if request.save_input is not None:
            _write_xml(request.save_input, document_xml(asked))

    outcome = simulate_cib(document, now, int(time.time()), wishes, save_input)
    if request.save_graph is not None and outcome.transition is not None:
        _write_xml(request.save_graph, graph_xml(outcome.transition.graph))
    if request.save_dot is not None and outcome.transition is not None:
        from hacluster.pe.views.dot import dot_text, transition_picture  # noqa: PLC0415 - networkx takes its time

        picture = transition_picture(outcome.transition.cluster, request.all_actions)
        Path(request.save_dot).write_text(dot_text(picture))
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


def _failures(specs: tuple[str, ...]) -> dict[str, int]:
    failures: dict[str, int] = {}
    for spec in specs:
        name, _, code = spec.rpartition("=")
        if not name or not code.lstrip("-").isdigit():
            raise click.BadParameter(f"{spec!r} is not <operation>@<node>=<rc>", param_hint="--op-fail")
        failures[name.lower()] = int(code)
    return failures


def _profile(folder: str, repeat: int) -> Iterator[tuple[str, float]]:
    """Schedule every CIB of a directory: what that takes of the processor, in seconds; CIBs without a use are told."""
    for path in sorted(Path(folder).glob("*.xml")):
        data = path.read_bytes()
        started = time.process_time()
        try:
            for _ in range(repeat):
                document = parse_document(data, str(path))
                demand_usable(document, str(path))
                schedule(document, effective_now(document, None))
        except ConfigError as error:
            _tell(error)
            continue
        yield str(path), time.process_time() - started


def _tell(error: ConfigError) -> None:
    for report in error.reports:
        click.echo(str(report), err=True)


def _write_trees(trees: list[Tree], given: dict[str, Any]) -> None:
    from hacluster.tools.result import result_text  # noqa: PLC0415 - text needs none of it

    _write(result_text(trees, given["output_as"], sys.argv[1:]), given["output_to"])


def _timing(path: str, seconds: float) -> Tree:
    return Tree("timing", {"file": path, "duration": f"{seconds:.6f}"})


def _show_profile(given: dict[str, Any]) -> None:
    found = _profile(given["profile"], given["repeat"])
    if given["output_as"] == "text":
        click.echo("Timings:")
        for path, seconds in found:
            click.echo(f"  * Testing {path} ... {seconds:.2f} secs")
        return
    _write_trees([Tree("timings", children=[_timing(*entry) for entry in found])], given)


def _request(given: dict[str, Any]) -> Request:
    xml_file = LIVE if given["live_check"] else "-" if given["xml_pipe"] else given["xml_file"] or LIVE
    if given["in_place"] and given["xml_file"] is None:
        raise click.UsageError("--in-place needs --xml-file")
    requests = Requests(
        given["quorum"], given["watchdog"], given["node_up"], given["node_down"], given["node_fail"],
        given["ticket_grant"], given["ticket_revoke"], given["ticket_standby"], given["ticket_activate"],
        given["op_inject"],
    )  # fmt: skip
    pretend = bool(given["pretend"] or given["in_place"] or given["op_fail"])
    wishes = Wishes(
        any(given[name] for name in _SCHEDULING), pretend, given["show_scores"], given["show_utilization"],
        attributes=given["show_attrs"], failcounts=given["show_failcounts"], clock=time.ctime,
        failures=_failures(given["op_fail"]), requests=requests, trees=given["output_as"] != "text",
    )  # fmt: skip
    return Request(
        xml_file, wishes, given["set_datetime"], given["save_graph"],
        given["xml_file"] if given["in_place"] else given["save_output"], given["save_input"],
        given["save_dotfile"], given["all_actions"],
    )  # fmt: skip


def _shown(outcome: Outcome, given: dict[str, Any]) -> list[str]:
    """What is printed: when it is to be quiet, scores alone, and utilization alone under its title."""
    if not given["quiet"]:
        return outcome.lines
    table = outcome.table if given["show_scores"] else []
    if given["show_utilization"] and not given["show_scores"]:
        table = ["Utilization Information:", *(f"  * {line}" for line in outcome.table)]
    return table + ([""] if table and outcome.run is not None else [])


def _write(text: str, to: str) -> None:
    """The answer, to standard output or to a file."""
    if to == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(to).write_text(text)
    except OSError as error:
        click.echo(f"crm_simulate: {to}: {error.strerror}", err=True)
        sys.exit(EXIT_CANNOT_CREATE)


@click.command(name="simulate", context_settings={"help_option_names": ["-h", "-?", "--help"]})
@click.option("-x", "--xml-file", metavar="FILE", help="The CIB.")
@click.option("-p", "--xml-pipe", is_flag=True, help="Read the CIB from standard input.")
@click.option("-L", "--live-check", is_flag=True, help="Take the CIB of the running cluster.")
@click.option("-R", "--run", is_flag=True, help="Schedule only.")
@click.option("-S", "--simulate", "pretend", is_flag=True, help="Schedule, and pretend to run the transition.")
@click.option("-X", "--in-place", is_flag=True, help="Like --simulate, and write the result to the input file.")
@click.option("-A", "--show-attrs", is_flag=True, help="Show the attributes of nodes.")
@click.option("-c", "--show-failcounts", is_flag=True, help="Show fail counts and failed operations.")
@click.option("-s", "--show-scores", is_flag=True, help="Show assignment scores.")
@click.option("-U", "--show-utilization", is_flag=True, help="Show utilization.")
@click.option("-j", "--pending", is_flag=True, hidden=True, help="Show pending operations (always so).")
@click.option("-Q", "--quiet", is_flag=True, help="Print nothing but scores and utilization.")
@click.option("-P", "--profile", metavar="DIR", help="Schedule all CIBs of a directory and show the CPU time.")
@click.option("-N", "--repeat", type=click.IntRange(1), default=1, metavar="N", help="With --profile: N times each.")
@click.option("-u", "--node-up", multiple=True, metavar="NODE", help="Bring a node online first.")
@click.option("-d", "--node-down", multiple=True, metavar="NODE", help="Take a node offline first.")
@click.option("-f", "--node-fail", multiple=True, metavar="NODE", help="Let a node fail first.")
@click.option("-i", "--op-inject", multiple=True, metavar="OP", help="Put a result into the status first.")
@click.option("-F", "--op-fail", multiple=True, metavar="OP", help="Let <resource>_<task>_<interval>@<node>=<rc> fail.")
@click.option("-t", "--set-datetime", metavar="WHEN", help="Schedule for this time (ISO 8601).")
@click.option("-q", "--quorum", metavar="BOOL", help="Whether there is quorum (with another of these changes).")
@click.option("-w", "--watchdog", metavar="BOOL", help="Whether there is a watchdog.")
@click.option("-g", "--ticket-grant", multiple=True, metavar="TICKET", help="Grant a ticket first.")
@click.option("-r", "--ticket-revoke", multiple=True, metavar="TICKET", help="Revoke a ticket first.")
@click.option("-b", "--ticket-standby", multiple=True, metavar="TICKET", help="Make a ticket standby first.")
@click.option("-e", "--ticket-activate", multiple=True, metavar="TICKET", help="Activate a ticket first.")
@click.option("-I", "--save-input", metavar="FILE", help="Write the CIB as it is scheduled.")
@click.option("-O", "--save-output", metavar="FILE", help="Write the CIB as the transition leaves it.")
@click.option("-G", "--save-graph", metavar="FILE", help="Write the transition graph.")
@click.option("-D", "--save-dotfile", metavar="FILE", help="Write the transition graph for graphviz.")
@click.option("-a", "--all-actions", is_flag=True, help="With --save-dotfile: what is not needed, too.")
@click.option("--output-as", type=click.Choice(("text", "xml", "json")), default="text", show_default=True)
@click.option("--output-to", metavar="FILE", default="-", help="Write the answer to a file.")
@click.option("--text-fancy", is_flag=True, hidden=True, help="Accepted for compatibility.")
@click.option("-V", "--verbose", count=True, help="Accepted for compatibility.")
@click.version_option(__version__, "-$", "--version", prog_name="crm_simulate")
@click.option("--batch", is_flag=True, help="Read cases from standard input: CIB, text file, graph file, options.")
def simulate(**given: Any) -> None:
    """Show what the cluster would do with a CIB, and pretend to do it.

    An OP is <resource>_<task>_<interval in ms>@<node>=<exit code>.
    """
    if given["batch"]:
        _run_batch()
        return
    gc.disable()  # one run, then the process ends: looking for cycles in a million live objects gains nothing
    try:
        if given["profile"] is not None:
            _show_profile(given)
            return
        outcome = perform(_request(given))
    except ConfigError as error:
        _tell(error)
        sys.exit(exit_status(error))
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}", err=True)
        sys.exit(EXIT_NO_INPUT)
    except Fault as fault:
        click.echo(f"crm_simulate: CIB query failed: Input file not available ({fault.text})", err=True)
        sys.exit(EXIT_NO_INPUT)
    for complaint in outcome.complaints + ([] if outcome.run is None else outcome.run.complaints):
        click.echo(complaint, err=True)
    if given["output_as"] != "text":
        _write_trees(outcome.trees, given)
    else:
        _write("".join(f"{line}\n" for line in _shown(outcome, given)), given["output_to"])
    if outcome.run is not None and not outcome.run.complete:
        click.echo("Transition failed: terminated\nAn invalid transition was produced", err=True)
        sys.exit(EXIT_ERROR)


def script() -> None:
    """The stand-alone command: usage errors exit with 64, as sysexits(3) has it."""
    try:
        simulate.main(prog_name="crm_simulate", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"crm_simulate: {error.format_message()}", err=True)
        sys.exit(EXIT_USAGE)
    except click.exceptions.Abort:
        sys.exit(EXIT_ERROR)
