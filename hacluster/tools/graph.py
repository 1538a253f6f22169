"""``hacluster graph``: the transition, or the constraints, as a picture."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import click

from hacluster.pe.schedule import schedule
from hacluster.pe.views.constraints import constraint_picture
from hacluster.pe.views.dot import dot_text, transition_picture
from hacluster.pe.views.svg import svg_text
from hacluster.tools.cibinput import effective_now
from hacluster.tools.explain import read_cib

_PATIENCE_S: Final = 60


def drawn_by_graphviz(text: str) -> str | None:
    """SVG from graphviz; ``None`` if it is not installed or does not manage."""
    program = shutil.which("dot")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-Tsvg"], input=text, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


@click.command(name="graph", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--transition", "what", flag_value="transition", default=True, help="What is to be done, in which order.")
@click.option("--constraints", "what", flag_value="constraints", help="What the constraints say.")
@click.option("-a", "--all-actions", is_flag=True, help="With actions that nothing needs.")
@click.option("-x", "--xml-file", metavar="FILE", help="The CIB (as a rule that of this node).")
@click.option("-t", "--set-datetime", metavar="WHEN", help="Decide for this time (ISO 8601).")
@click.option("--format", "form", type=click.Choice(["dot", "svg"]), help="As a rule what FILE ends with, or else dot.")
@click.option("--plain", is_flag=True, help="Do not use graphviz even if it is installed.")
@click.option("-o", "--output", metavar="FILE", help="Write to a file.")
def graph(  # noqa: PLR0917 - one argument per option
    what: str,
    all_actions: bool,
    xml_file: str | None,
    set_datetime: str | None,
    form: str | None,
    plain: bool,
    output: str | None,
) -> None:
    """Draw the transition that a CIB leads to, or its constraints."""
    document = read_cib(xml_file)
    cluster = schedule(document, effective_now(document, set_datetime), sanitized=True).cluster
    picture = transition_picture(cluster, all_actions) if what == "transition" else constraint_picture(cluster)
    text = dot_text(picture)
    if form == "svg" or (form is None and output is not None and output.endswith(".svg")):
        text = (None if plain else drawn_by_graphviz(text)) or svg_text(picture)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text)
    except OSError as error:
        raise click.FileError(output, error.strerror) from None
