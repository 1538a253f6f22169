"""``hacluster check [DIR]``: every fault of a configuration directory at once, without starting anything."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree  # written only, never parsed

import click

from hacluster.base.report import Report, Severity
from hacluster.client.configdir import DEFAULT_DIR, check_config_dir
from hacluster.client.hostfacts import host_facts
from hacluster.config.directory import Checked
from hacluster.config.facts import HostFacts

EXIT_FINE: Final = 0
EXIT_WARNINGS: Final = 1
EXIT_ERRORS: Final = 6
"""What Heartbeat exits with on a configuration error."""


def _count(reports: tuple[Report, ...], severity: Severity) -> int:
    """How many are of this severity; for errors, or worse."""
    if severity is Severity.ERROR:
        return sum(report.severity <= Severity.ERROR for report in reports)
    return sum(report.severity is severity for report in reports)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


_COUNTED = (Severity.ERROR, Severity.WARNING, Severity.NOTICE)


def _summary(checked: Checked) -> dict[str, Any] | None:
    """What the directory sets up; ``None`` when it cannot be used."""
    if not checked.usable or checked.ha is None or checked.resources is None or checked.hacluster is None:
        return None
    return {
        "nodes": list(checked.ha.nodes),
        "ping-nodes": list(checked.ha.ping_nodes),
        "links": list(checked.ha.links),
        "auto-failback": checked.ha.auto_failback.value,
        "seal": checked.hacluster.seal.value,
        "groups": [{"node": group.node, "resources": list(group.words)} for group in checked.resources.groups],
    }


def render_text(directory: str, checked: Checked) -> str:
    """One line a finding, then the counts."""
    lines = [str(report) for report in checked.reports]
    counts = ", ".join(_counted(_count(checked.reports, severity), severity.word) for severity in _COUNTED)
    verdict = "can be used" if checked.usable else "cannot be used"
    return "\n".join((*lines, f"{directory} {verdict}: {counts}"))


def render_json(directory: str, checked: Checked) -> str:
    """An object: directory, usable, errors, warnings, notices, reports, summary."""
    counts = {f"{severity.word}s": _count(checked.reports, severity) for severity in _COUNTED}
    whole = {
        "directory": directory,
        "usable": checked.usable,
        **counts,
        "reports": [report.as_dict() for report in checked.reports],
        "summary": _summary(checked),
    }
    return json.dumps(whole, indent=2)


def render_xml(directory: str, checked: Checked) -> str:
    """An element ``hacluster-check`` with one ``report`` a finding; attributes as the keys of the JSON form."""
    root = ElementTree.Element("hacluster-check", directory=directory, usable=str(checked.usable).lower())
    for severity in _COUNTED:
        root.set(f"{severity.word}s", str(_count(checked.reports, severity)))
    for report in checked.reports:
        values = {key: str(value) for key, value in report.as_dict().items() if value not in (None, "")}
        ElementTree.SubElement(root, "report", values)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")


RENDERERS: Final[dict[str, Callable[[str, Checked], str]]] = {
    "text": render_text,
    "json": render_json,
    "xml": render_xml,
}


def exit_status(checked: Checked, *, strict: bool) -> int:
    """6 for errors, 1 for warnings when they count, else 0."""
    if not checked.usable:
        return EXIT_ERRORS
    return EXIT_WARNINGS if strict and _count(checked.reports, Severity.WARNING) else EXIT_FINE


@click.command()
@click.argument("directory", metavar="[DIR]", default=str(DEFAULT_DIR))
@click.option("--output-as", type=click.Choice(tuple(RENDERERS)), default="text", show_default=True, help="Format.")
@click.option("--strict", is_flag=True, help="Exit with 1 when there are warnings.")
@click.option("--node", metavar="NAME", help="Check as if this host were called NAME.")
@click.option("--offline", is_flag=True, help="Do not look at this host: interfaces, users, programs, its name.")
@click.option("--run-status", is_flag=True, help="Ask the scripts of haresources for their status, and judge them.")
def check(directory: str, *, output_as: str, strict: bool, node: str | None, offline: bool, run_status: bool) -> None:
    """Check ha.cf, authkeys, haresources and hacluster.cf in DIR (default: /etc/ha.d).

    Shows every fault with its file, line and a hint. Exit status: 0 the directory can be used, 1 it can but there are
    warnings (with --strict), 6 it has errors.
    """
    if offline and run_status:
        raise click.UsageError("--run-status runs scripts of this host, which --offline does not look at")
    path = Path(directory)
    facts = HostFacts() if offline else host_facts(path)
    if not offline:
        agents = importlib.import_module("hacluster.client.agentfacts").Agents()
        facts = dataclasses.replace(facts, agents=agents)
    if node is not None:
        facts = dataclasses.replace(facts, node_name=node)
    checked = check_config_dir(path, host=facts)
    if run_status:
        tried = importlib.import_module("hacluster.tools.runstatus").try_scripts(checked, path)
        checked = dataclasses.replace(checked, reports=(*checked.reports, *tried))
    click.echo(RENDERERS[output_as](directory, checked))
    sys.exit(exit_status(checked, strict=strict))
