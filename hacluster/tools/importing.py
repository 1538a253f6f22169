"""``hacluster import``: a cluster of haresources with a resource manager instead, and what could not be carried."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from pathlib import Path
from typing import Final

import click

from hacluster.base.report import Severity, has_errors
from hacluster.cib.markup import show_markup
from hacluster.client.agentfacts import Agents
from hacluster.client.configdir import DEFAULT_DIR, read_texts
from hacluster.client.hostfacts import host_facts
from hacluster.client.schemas import installed_schemas
from hacluster.config.directory import check_directory
from hacluster.config.facts import HostFacts
from hacluster.node.imported import Imported, import_haresources

EXIT_FINE: Final = 0
EXIT_FAILED: Final = 1
EXIT_ERRORS: Final = 6
CIB: Final = "cib.xml"
_NEXT: Final = (
    "next: hacluster check {target}; CIB_file={cib} crm configure show; crm_verify -x {cib}",
    "on both nodes: hacluster stop, put ha.cf, authkeys, hacluster.cf into /etc/ha.d, empty haresources, start again",
    "when both are members, on one of them: cibadmin --replace --scope configuration --xml-file {cib}",
    "the services are down from the stop to that: the two kinds of cluster do not mix",
)
_COPIED: Final = ("authkeys", "hacluster.cf")


@click.command(name="import")
@click.argument("directory", metavar="[DIR]", default=str(DEFAULT_DIR))
@click.option(
    "-o", "--output", metavar="DIR", default="", help="Write ha.cf, authkeys, hacluster.cf and cib.xml there."
)
@click.option("--offline", is_flag=True, help="Do not look at this host: scripts, agents, interfaces, its name.")
def import_command(directory: str, output: str, *, offline: bool) -> None:
    """Make a CIB of ha.cf, haresources and hacluster.cf in DIR (default: /etc/ha.d), and the ha.cf that goes with it.

    The CIB goes to standard output, or with -o into a new directory beside the other files. What could not be carried,
    and what is different then, is told on standard error with file and line. Nothing in DIR is changed.

    Exit status: 0 done, 1 the result cannot be written, 6 the files have errors.
    """
    path = Path(directory)
    facts = HostFacts() if offline else dataclasses.replace(host_facts(path), agents=Agents())
    texts = read_texts(path)
    checked = check_directory(texts, facts, own_uid=os.getuid())
    if checked.ha is not None and checked.ha.uses_crm:
        click.echo(f"{texts.ha.name}: this cluster has a resource manager already", err=True)
        sys.exit(EXIT_ERRORS)
    if has_errors(checked.reports):
        for report in checked.reports:
            click.echo(str(report), err=True)
        click.echo("Configuration error, nothing imported.", err=True)
        sys.exit(EXIT_ERRORS)
    imported = import_haresources(checked, texts, facts)
    for report in imported.reports:
        click.echo(str(report), err=True)
    faults = [report for report in installed_schemas().check(imported.cib) if report.severity <= Severity.ERROR]
    assert not faults, f"the CIB that was made is not valid: {faults[0]}"
    if output:
        _write(imported, path, Path(output))
        return
    click.echo(show_markup(imported.cib), nl=False)


def _write(imported: Imported, source: Path, target: Path) -> None:
    try:
        target.mkdir(mode=0o755, parents=True)
        for name in _COPIED:
            if (source / name).exists():
                shutil.copy2(source / name, target / name)
        (target / "ha.cf").write_text(imported.ha_cf, encoding="utf-8", errors="surrogateescape")
        (target / CIB).touch(mode=0o600)
        (target / CIB).write_text(show_markup(imported.cib), encoding="utf-8")
    except OSError as error:
        click.echo(f"hacluster: {error.filename or target}: {error.strerror}", err=True)
        sys.exit(EXIT_FAILED)
    for line in _NEXT:
        click.echo(line.format(target=target, cib=target / CIB), err=True)
