"""``hacluster explain``: why a resource is where it is, why not elsewhere, and what one change would do about it."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Final, NoReturn

import click

from hacluster.base.errors import ConfigError
from hacluster.base.results import Exit, Fault
from hacluster.cib.document import XML, Document, parse_document
from hacluster.cib.grammar import version_of
from hacluster.client.keptcib import read_cib_file
from hacluster.client.schemas import installed_schemas
from hacluster.pe.explain.resource import explain as explain_resource
from hacluster.pe.explain.text import resource_lines
from hacluster.pe.explain.trials import sound
from hacluster.tools.cibinput import EXIT_INVALID, EXIT_NO_INPUT, demand_usable, effective_now, exit_status, unpacked

INPUTS: Final = "/var/lib/hacluster/pengine"
"""Where the daemon keeps what its decisions were made of."""

LIVE_CIB: Final = "/var/lib/hacluster/cib/cib.xml"
"""The CIB of this node's daemon."""


def _live() -> tuple[bytes, str]:
    """The CIB of the cluster, or of ``CIB_shadow`` or ``CIB_file``; what this node kept while no daemon runs."""
    from hacluster.cib.markup import show_markup  # noqa: PLC0415 - a file is read as it is
    from hacluster.client.cibsource import is_live, open_source  # noqa: PLC0415

    try:
        return show_markup(open_source().read()).encode(), "<cluster>"
    except Fault as fault:
        if fault.status != Exit.DISCONNECTED or not is_live() or not Path(LIVE_CIB).exists():
            click.echo(f"Could not get the CIB: {fault.text}", err=True)
            sys.exit(EXIT_NO_INPUT)
    return read_cib_file(Path(LIVE_CIB)), LIVE_CIB


def read_cib(xml_file: str | None) -> Document:
    """Read a CIB for a command; says what is wrong with it and exits if it cannot be used."""
    path = xml_file or LIVE_CIB
    try:
        if xml_file is None:
            data, path = _live()
        else:
            data = unpacked(read_cib_file(Path(path)))
        document = parse_document(data, path)
        demand_usable(document, path)
    except ConfigError as error:
        fail(error, exit_status(error))
    except OSError as error:
        click.echo(f"{path}: {error.strerror}", err=True)
        sys.exit(EXIT_NO_INPUT)
    return document


def fail(error: ConfigError, code: int) -> NoReturn:
    """Show all reports and exit."""
    for report in error.reports:
        click.echo(str(report), err=True)
    sys.exit(code)


def can_be_made(before: XML, after: XML) -> bool:
    """Whether crm_verify would take a changed configuration: it finds no error that it had not found before."""
    version, schemas = version_of(after.get("validate-with")), installed_schemas()
    if version is not None and not schemas.accepts(after, version) and schemas.accepts(before, version):
        return False
    return sound(before, after)


def _show(lines: list[str], data: object, output_as: str) -> None:
    click.echo("\n".join(lines) if output_as == "text" else json.dumps(data, indent=2))


@click.command(name="explain", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("resource", required=False)
@click.option("--on", "node", metavar="NODE", help="Only: why it is, or is not, on this node.")
@click.option("--action", metavar="ID", help="Explain an action: KEY, 'KEY on NODE', or its number in the graph.")
@click.option("-x", "--xml-file", metavar="FILE", help="The CIB (as a rule that of the cluster).")
@click.option("-L", "--live-check", "live", is_flag=True, help="The CIB of the cluster, as without a file.")
@click.option("-i", "--input", "name", metavar="NAME", help="What a decision was made of, as the log names it.")
@click.option("-t", "--set-datetime", metavar="WHEN", help="Decide for this time (ISO 8601).")
@click.option("--output-as", type=click.Choice(["text", "json"]), default="text", help="What to print.")
def explain(  # noqa: PLR0917 - one argument per option
    resource: str | None,
    node: str | None,
    action: str | None,
    xml_file: str | None,
    live: bool,
    name: str | None,
    set_datetime: str | None,
    output_as: str,
) -> None:
    """Say why RESOURCE is or will be where it is, why not elsewhere, and what one change would move it."""
    if (resource is None) == (action is None):
        raise click.UsageError("give either a resource or --action")
    if node is not None and resource is None:
        raise click.UsageError("--on goes with a resource; name the node of an action as 'KEY on NODE'")
    if live and (xml_file is not None or name is not None):
        raise click.UsageError("-L goes without a file")
    if name is not None:
        xml_file = f"{INPUTS}/{name.removesuffix('.bz2')}.bz2"
    gc.disable()  # one answer, then the process ends
    document = read_cib(xml_file)
    now = effective_now(document, set_datetime)
    try:
        if action is not None:
            from hacluster.pe.explain.action import explain_action  # noqa: PLC0415 - most ask for a resource
            from hacluster.pe.explain.text import action_lines  # noqa: PLC0415

            answers = explain_action(document, now, action)
            _show(action_lines(answers), [answer.as_json() for answer in answers], output_as)
        elif resource is not None:
            explanation = explain_resource(document, now, resource, node, can_be_made)
            _show(resource_lines(explanation), explanation.as_json(), output_as)
    except ConfigError as error:
        fail(error, EXIT_INVALID)
