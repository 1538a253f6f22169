"""``crm_rule``: is a rule of the configuration in effect, not yet, or no more?

Options, texts and exit statuses are those of Pacemaker's crm_rule(8), 2.1.5.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from lxml import etree

from hacluster import __version__
from hacluster.base.errors import ConfigError
from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.cib.document import XML, parse_tree
from hacluster.pe.rules.expiry import Standing, standing
from hacluster.tools.result import API_VERSION

ERROR: Final = 1
USAGE: Final = 64
INVALID: Final = 65
NO_INPUT: Final = 66
_EXITS: Final[dict[Standing, tuple[int, str]]] = {
    Standing.IN_EFFECT: (0, "OK"),
    Standing.SATISFIED: (0, "OK"),
    Standing.EXPIRED: (110, "Requested item has expired"),
    Standing.NOT_YET: (111, "Requested item is not yet in effect"),
    Standing.NO_DATE: (3, "Unimplemented"),
    Standing.MANY_DATES: (3, "Unimplemented"),
    Standing.ENDLESS: (3, "Unimplemented"),
    Standing.UNREADABLE: (112, "Could not determine status"),
    Standing.MISSING: (105, "No such object"),
}
"""Standing → exit status and what the XML calls it."""
_ANSWERS: Final = (Standing.IN_EFFECT, Standing.SATISFIED, Standing.EXPIRED, Standing.NOT_YET)
Answers = list[tuple[str, Standing]]


def _fail(text: str, code: int) -> NoReturn:
    click.echo(f"crm_rule: {text}", err=True)
    sys.exit(code)


def _now(date: str | None) -> Moment:
    current = int(time.time())
    present = Moment.from_epoch(current, time.localtime(current).tm_gmtoff)
    if date is None:
        return present
    moment = parse_moment(date, present.offset)
    if moment is None:
        _fail(f"Invalid date specified: '{date}'", INVALID)
    return moment


def _tree(text: str | None) -> XML:
    if text is None:
        _fail("CIB query failed: there is no running cluster to ask; give a CIB with --xml-text", NO_INPUT)
    data = sys.stdin.buffer.read() if text == "-" else text.encode()
    try:
        return parse_tree(data, "<stdin>" if text == "-" else "<text>")
    except ConfigError as error:
        reports = "\n".join(str(report) for report in error.reports)
        _fail(f"Couldn't parse input string:\n{reports}", INVALID)


def _sentence(rule: str, found: Standing) -> str:
    if found in _ANSWERS:
        return f"Rule {rule} {found.value}"
    return f"Could not determine whether rule {rule} is in effect: {found.value}"


def _errors(answers: Answers) -> list[str]:
    return [_sentence(rule, found) for rule, found in answers if found not in _ANSWERS]


def _text(answers: Answers) -> str:
    for line in _errors(answers):
        click.echo(line, err=True)
    return "".join(_sentence(rule, found) + "\n" for rule, found in answers if found in _ANSWERS)


def _xml(answers: Answers) -> str:
    request = shlex.join(["crm_rule", *sys.argv[1:]])
    root = etree.Element("pacemaker-result", {"api-version": API_VERSION, "request": request})
    for rule, found in answers:
        etree.SubElement(root, "rule-check", {"rule-id": rule, "rc": str(_EXITS[found][0])})
    code, message = _EXITS[answers[-1][1]]
    status = etree.SubElement(root, "status", code=str(code), message=message)
    if errors := _errors(answers):
        box = etree.SubElement(status, "errors")
        for line in errors:
            etree.SubElement(box, "error").text = line
    return etree.tostring(root, pretty_print=True, encoding="unicode")


def _json(answers: Answers) -> str:
    code, message = _EXITS[answers[-1][1]]
    rules = [{"rule-id": rule, "rc": _EXITS[found][0], "text": _sentence(rule, found)} for rule, found in answers]
    return json.dumps({"rules": rules, "status": {"code": code, "message": message}}, indent=2) + "\n"


_FORMATS: Final = {"text": _text, "xml": _xml, "json": _json}


@click.command("rule", context_settings={"help_option_names": ["-h", "-?", "--help"]})
@click.option("-c", "--check", is_flag=True, help="Check whether a rule is in effect.")
@click.option("-r", "--rule", "rules", multiple=True, metavar="ID", help="The rule to check; may be repeated.")
@click.option("-X", "--xml-text", metavar="XML", help="Use this CIB, or standard input if it is '-'.")
@click.option("-d", "--date", metavar="DATE", help="Whether the rule is in effect at this time (ISO 8601).")
@click.option("--output-as", type=click.Choice(tuple(_FORMATS)), default="text", show_default=True)
@click.option("--output-to", metavar="FILE", default="-", help="Write the answer to a file.")
@click.option("--text-fancy", is_flag=True, help="Accepted for compatibility.")
@click.option("-V", "--verbose", count=True, help="Accepted for compatibility.")
@click.version_option(__version__, "-$", "--version", prog_name="crm_rule")
def rule_command(**given: Any) -> None:
    """Say whether rules of the configuration are in effect, have expired, or are yet to come.

    Exit status, of the last rule: 0 in effect, 110 expired, 111 not yet in effect, 3 cannot be told, 105 no such
    rule, 112 cannot be read; and 64 wrong usage, 65 invalid CIB or date, 66 no cluster to ask.
    """
    if not given["check"]:
        _fail("No mode operation given", USAGE)
    if not given["rules"]:
        _fail("--check requires use of --rule=", USAGE)
    now = _now(given["date"])
    root = _tree(given["xml_text"])
    answers = [(rule, standing(root, rule, now)) for rule in given["rules"]]
    text = _FORMATS[given["output_as"]](answers)
    if given["output_to"] == "-":
        click.echo(text, nl=False)
    else:
        try:
            Path(given["output_to"]).write_text(text)
        except OSError as error:
            _fail(f"{given['output_to']}: {error.strerror}", ERROR)
    sys.exit(_EXITS[answers[-1][1]][0])


def script() -> None:
    """The stand-alone command: usage errors exit with 64, as sysexits(3) has it."""
    try:
        rule_command.main(prog_name="crm_rule", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message(), USAGE)
    except click.exceptions.Abort:
        sys.exit(ERROR)
