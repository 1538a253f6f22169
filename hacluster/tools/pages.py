"""Man pages and bash completion for every command, out of the tables that its parser and its ``--help`` read.

``python -m hacluster.tools.pages FOLDER`` writes ``man8/*.8`` and ``completions/*``; building the wheel does so, too.
Commands that have no table (the ones in the line of Heartbeat's) have the text of their ``--help`` as their page.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hacluster import __version__

SECTION: Final = 8
ENTRIES: Final = {
    "hacluster": "hacluster.tools.main:main",
    "attrd_updater": "hacluster.tools.attrd_updater:TOOL",
    "cibadmin": "hacluster.tools.cibadmin:TOOL",
    "cibsecret": "hacluster.tools.cibsecret:script",
    "cl_status": "hacluster.tools.cl_status:script",
    "crm": "hacluster.crmsh.options:TOOL",
    "crm_attribute": "hacluster.tools.crm_attribute:TOOL",
    "crm_diff": "hacluster.tools.crm_diff:TOOL",
    "crm_error": "hacluster.tools.crm_error:TOOL",
    "crm_failcount": "hacluster.tools.crm_attribute:FAILCOUNT",
    "crm_master": "hacluster.tools.crm_attribute:MASTER",
    "crm_mon": "hacluster.tools.crm_mon:TOOL",
    "crm_node": "hacluster.tools.crm_node:TOOL",
    "crm_resource": "hacluster.tools.crm_resource:TOOL",
    "crm_rule": "hacluster.tools.crm_rule:TOOL",
    "crm_shadow": "hacluster.tools.crm_shadow:TOOL",
    "crm_simulate": "hacluster.tools.simulate:script",
    "crm_standby": "hacluster.tools.crm_attribute:STANDBY",
    "crm_ticket": "hacluster.tools.crm_ticket:TOOL",
    "crm_verify": "hacluster.tools.crm_verify:TOOL",
    "crmadmin": "hacluster.tools.crmadmin:TOOL",
    "ha_propagate": "hacluster.tools.ha_propagate:script",
    "hb_addnode": "hacluster.tools.nodes:hb_addnode",
    "hb_delnode": "hacluster.tools.nodes:hb_delnode",
    "hb_setsite": "hacluster.tools.nodes:hb_setsite",
    "hb_setweight": "hacluster.tools.nodes:hb_setweight",
    "hb_standby": "hacluster.tools.handover:hb_standby",
    "hb_takeover": "hacluster.tools.handover:hb_takeover",
    "iso8601": "hacluster.tools.iso8601:TOOL",
    "ldirectord": "hacluster.ldirectord.command:script",
    "pacemakerd": "hacluster.tools.pacemakerd:TOOL",
    "stonith_admin": "hacluster.tools.stonith_admin:TOOL",
}
"""Where each command says what it takes: a table, or a console script that knows ``--help``."""
SUMMARIES: Final = {
    "hb_addnode": "add nodes to a running cluster",
    "hb_delnode": "remove nodes from a running cluster",
    "hb_setsite": "set the site of a node",
    "hb_setweight": "set the weight of a node",
}
"""What commands are for whose help has a line of usage alone, as Heartbeat's have."""
KINDS: Final = {"FILE": "file", "DEST": "file", "CIB": "shadow", "STD": "agent_class", "SPEC": "agent"}
"""What stands for an option's value, by the word that the table has for it."""
NAMED: Final = {"--resource": "resource", "--node": "node", "--ticket": "ticket"}
"""The same by the option."""


@dataclass(frozen=True, slots=True)
class Row:
    """One option or verb: ``names`` as they are written, and what it does. ``value``: the word for its value."""

    names: tuple[str, ...]
    text: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of a command."""

    name: str
    summary: str
    usage: str
    sections: tuple[tuple[str, tuple[Row, ...]], ...] = ()
    verbatim: str = ""
    notes: Sequence[str] = field(default=())

    def options(self) -> Iterator[Row]:
        """Every row that is about an option."""
        for _, rows in self.sections:
            yield from (row for row in rows if row.names[0].startswith("-"))


def page_of(name: str) -> Page:
    """The page of one of :data:`ENTRIES`."""
    module, _, attribute = ENTRIES[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if hasattr(found, "all_groups"):
        return _crm_page(found) if name == "crm" else _tool_page(found)
    return _help_page(name, module, attribute)


def _rows(options: Sequence[Any]) -> tuple[Row, ...]:
    rows = []
    for option in options:
        if not option.hidden:
            names = ((f"-{option.short}",) if option.short else ()) + (f"--{option.long}",)
            rows.append(Row(names, option.help, option.arg))
    return tuple(rows)


def _tool_page(tool: Any) -> Page:
    sections = tuple((group.title.rstrip(":"), _rows(group.options)) for group in tool.all_groups())
    usage = f"{tool.name} [OPTION…]" + (f" {tool.operands}" if tool.operands else "")
    return Page(tool.name, tool.summary, usage, sections, notes=tuple(tool.notes.splitlines()))


def _crm_page(tool: Any) -> Page:
    from hacluster.crmsh.level import usage_of  # noqa: PLC0415  one page needs the shell's tables
    from hacluster.crmsh.levels import SUMMARIES as LEVELS  # noqa: PLC0415
    from hacluster.crmsh.levels import find_level  # noqa: PLC0415
    from hacluster.crmsh.levels.root import ROOT  # noqa: PLC0415

    sections = [(group.title.rstrip(":"), _rows(group.options)) for group in tool.groups]
    for level in (ROOT, *(find_level(name) for name in LEVELS)):
        rows = [
            Row((usage_of(verb),), _told(verb.summary, verb.help))
            for verb in level.verbs
            if verb.shown and not verb.opens
        ]
        title = "Verbs of the root" if level is ROOT else f"{level.name}: {level.summary}"
        sections.append((title, tuple(rows)))
    return Page(tool.name, tool.summary, f"{tool.name} [OPTION…] {tool.operands}", tuple(sections))


def _told(summary: str, text: str) -> str:
    return f"{summary[:1].upper()}{summary[1:]}." + (f"\n{text}" if text else "")


def _help_page(name: str, module: str, attribute: str) -> Page:
    """A page out of what ``--help`` says."""
    script = getattr(importlib.import_module(module), attribute)
    caught = io.StringIO()
    before, sys.argv = sys.argv, [name, "--help"]
    try:
        with contextlib.redirect_stdout(caught), contextlib.redirect_stderr(caught), contextlib.suppress(SystemExit):
            script()
    finally:
        sys.argv = before
        # A command that bounds its own time (cl_status) bounds ours no more.
        signal.alarm(0)
    text = caught.getvalue().strip()
    words = [word.rstrip(",") for word in text.split() if word.startswith("-") and word.strip("-")]
    plain = (word.partition("=")[0].strip("[]().;:|") for word in words)
    names = dict.fromkeys(word for word in plain if all(sign.isalnum() or sign in "-?" for sign in word))
    lines = [line.strip() for line in text.splitlines()]
    summary = next((line for line in lines if line and not line.lower().startswith("usage") and name not in line), "")
    summary = summary or SUMMARIES[name]
    rows = tuple(Row((word,), "") for word in names)
    return Page(name, summary.rstrip("."), f"{name} [OPTION…]", (("", rows),), text)


# man pages ----------------------------------------------------------------------------------------------------------


def roff(text: str) -> str:
    """Text for a man page: what roff would take for itself is written so that it is itself."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("“", '"').replace("”", '"')
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def man(page: Page) -> str:
    """The page in the language of man."""
    lines = [
        f'.TH {page.name.upper()} {SECTION} "" "hacluster {__version__}" "High availability"',
        ".SH NAME",
        f"{roff(page.name)} \\- {roff(page.summary.rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {roff(page.usage)}",
    ]
    if page.verbatim:
        lines += [".SH DESCRIPTION", ".nf", *(roff(line) for line in page.verbatim.splitlines()), ".fi"]
    else:
        for title, rows in page.sections:
            lines.append(f".SH {roff(title.upper())}")
            for row in rows:
                value = f" {row.value}" if row.value else ""
                lines += [".TP", f".B {roff(', '.join(row.names) + value)}", *_paragraphs(row.text)]
    for note in page.notes:
        lines += [".PP", roff(note)] if note else []
    return "\n".join([*lines, ".SH SEE ALSO", ".BR crm (8)" if page.name != "crm" else ".BR hacluster (8)", ""])


def _paragraphs(text: str) -> list[str]:
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        set_in = line.startswith("  ")
        if set_in != inside:
            lines.append(".nf" if set_in else ".fi")
            inside = set_in
        lines.append(roff(line) if line else ".sp")
    return [*lines, ".fi"] if inside else lines


# completion ---------------------------------------------------------------------------------------------------------


def completion(page: Page) -> str:
    """Completion for bash: options, and the values of those whose kind is known."""
    head = f"# completion of {page.name} for bash; made from its table of options, as its man page is\n"
    if page.name == "crm":
        return head + _CRM
    cases = []
    for row in page.options():
        kind = next((NAMED[name] for name in row.names if name in NAMED), KINDS.get(row.value.partition("[")[0], ""))
        kind = kind if row.value else ""
        if kind == "file":
            action = 'mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
        elif kind:
            action = f'mapfile -t COMPREPLY < <(compgen -W "$(crm --compgen {kind} 2>/dev/null)" -- "$cur")'
        else:
            continue
        cases.append(f"        {'|'.join(row.names)}) {action}; return ;;\n")
    words = " ".join(dict.fromkeys(name for row in page.options() for name in row.names))
    function = f"_hacluster_{page.name}"
    body = [head, f"{function}() {{\n", "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"]
    if cases:
        body += ["    case $prev in\n", *cases, "    esac\n"]
    body += [f'    mapfile -t COMPREPLY < <(compgen -W "{words}" -- "$cur")\n', "}\n"]
    return "".join([*body, f"complete -o default -F {function} {page.name}\n"])


_CRM: Final = """_hacluster_crm() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    mapfile -t COMPREPLY < <(compgen -W "$(crm --compgen "$COMP_POINT" "$COMP_LINE" 2>/dev/null)" -- "${cur##*:}")
    [[ ${COMPREPLY[0]-} == *= || ${COMPREPLY[0]-} == *: ]] && compopt -o nospace
}
complete -o default -F _hacluster_crm crm
"""


def write(folder: Path) -> None:
    """Write every page and every completion below a folder."""
    for name in ("man8", "completions"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ENTRIES:
        page = page_of(name)
        (folder / "man8" / f"{name}.{SECTION}").write_text(man(page), encoding="utf-8")
        (folder / "completions" / name).write_text(completion(page), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "build/pages"))
