"""The level ``cib``: shadow CIBs."""

from __future__ import annotations

import bz2
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hacluster.client.cibsource import SHADOW_DIR, shadow_path, write_file
from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.session import name_of

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

_SILENT = ">/dev/null </dev/null "
INPUTS = ("/var/lib/hacluster/pengine", "/var/lib/pacemaker/pengine")
_NAME = re.compile(r"[\w.+-]+")


def _name(word: str) -> str:
    if not _NAME.fullmatch(word):
        raise Refused(f"Bad filename: {word}")
    return name_of(word)


def _prefix(session: Session) -> str:
    return f"{session.path[-1].name}." if session.path and session.path[-1].name == "cib" else "cib."


def _tool(session: Session, line: str) -> bool:
    session.outside(f"{_SILENT}{line}")
    return session.silent_tool(line) == 0


def shadows(session: Session) -> list[str]:
    """The names of all shadows."""
    folder = Path(session.environment.get("CIB_shadow_dir") or SHADOW_DIR)
    try:
        return sorted(one.name.removeprefix("shadow.") for one in folder.iterdir() if one.name.startswith("shadow."))
    except OSError:
        return []


def new(session: Session, words: list[str]) -> bool:
    """Make a shadow and use it."""
    options = {word for word in words if word in {"force", "--force", "withstatus", "empty"}}
    names = [word for word in words if word not in options]
    if len(names) > 1:
        raise Refused(f"Unexpected argument(s): {' '.join(names)}")
    name = _name(names[0]) if names else f"crmsh_{os.getpid()}"
    if name in {"live", "tmp"}:
        raise Refused(f"Shadow name '{name}' is not allowed")
    line = f"crm_shadow -b {'-e' if 'empty' in options else '-c'} '{name}'"
    if not names or session.force or options & {"force", "--force"}:
        line += " --force"
    if not _tool(session, line):
        return False
    session.voice.info(f"{_prefix(session)}new: {name} shadow CIB created")
    _use(session, name)
    return True


def _use(session: Session, name: str) -> None:
    if name in {"", "live"}:
        session.environment.pop("CIB_shadow", None)
    else:
        session.environment["CIB_shadow"] = name
    session.renew()


def use(session: Session, words: list[str]) -> bool:
    """Work on a shadow, or on the cluster again."""
    name = words[0] if words else ""
    if name and name != "live":
        _name(name)
        if not shadow_path(name, session.environment).exists():
            raise Refused(f"{name}: no such shadow CIB")
    if len(words) > 1 and words[1] != "withstatus":
        raise Refused(f"Expected 'withstatus', got '{words[1]}'")
    if session.editing and not session.ask("All changes will be dropped. Do you want to proceed?"):
        raise Refused("there are changes that were not committed: commit or refresh first")
    _use(session, name)
    return True


def reset(session: Session, words: list[str]) -> bool:
    """Copy the cluster's CIB into a shadow."""
    name = _name(words[0])
    session.outside(f"{_SILENT}crm_shadow -b -r '{name}'")
    if session.silent_tool(f"crm_shadow -b -r '{name}' --force") != 0:
        raise Refused(f"failed to copy live CIB to {name}")
    session.renew()
    session.voice.info(f"{_prefix(session)}reset: copied live CIB to {name}")
    return True


def commit(session: Session, words: list[str]) -> bool:
    """Put a shadow in the place of the cluster's configuration."""
    plan = [word for word in words if word.startswith("--plan")]
    names = [word for word in words if word not in plan]
    name = _name(names[0]) if names else session.shadow
    if not name:
        raise Refused("There is nothing to commit")
    if plan:
        from hacluster.client.cibsource import CibFile, open_source  # noqa: PLC0415
        from hacluster.crmsh.committing import tell_plan  # noqa: PLC0415
        from hacluster.crmsh.plan import plan as planned  # noqa: PLC0415

        before = open_source(live=True, environment=session.environment).read()
        after = CibFile(shadow_path(name, session.environment)).read()
        tell_plan(session, planned(before, after), "json" if plan[0].endswith("json") else "text")
        return True
    if not _tool(session, f"crm_shadow -b -C '{name}' --force"):
        raise Refused(f"failed to commit the {name} shadow CIB")
    session.renew()
    session.voice.info(f"{_prefix(session)}commit: committed '{name}' shadow CIB to the cluster")
    return True


def delete(session: Session, words: list[str]) -> bool:
    """Remove a shadow."""
    for word in words:
        name = _name(word)
        if session.shadow == name:
            raise Refused(f"{name} shadow CIB is in use")
        if not shadow_path(name, session.environment).exists():
            raise Refused(f"{name}: no such shadow CIB")
        if not _tool(session, f"crm_shadow -b -D '{name}' --force"):
            raise Refused(f"failed to delete {name} shadow CIB")
        session.voice.info(f"{_prefix(session)}delete: {name} shadow CIB deleted")
    return True


def diff(session: Session, _words: list[str]) -> None:
    """What the shadow in use differs in from the cluster."""
    if not session.shadow:
        raise Refused("no shadow CIB is in use")
    _, text = session.answer("crm_shadow -b -d")
    if text:
        session.voice.out(text.rstrip("\n"))


def list_shadows(session: Session, _words: list[str]) -> None:
    """The shadows."""
    for name in shadows(session):
        session.voice.out(name)


def import_input(session: Session, words: list[str]) -> bool:
    """Make a shadow of a file, such as an input of the scheduler that was kept."""
    file = Path(words[0])
    if not file.exists():
        if "/" in words[0]:
            raise Refused(f"{words[0]}: no such file")
        patterns = (words[0], f"{words[0]}.bz2", f"pe-*-{words[0]}.bz2")
        found = [one for folder in INPUTS for pattern in patterns for one in Path(folder).glob(pattern)]
        if len(found) != 1:
            raise Refused(f"no {words[0]} pe input file" if not found else f"more than one {words[0]} pe input file")
        file = found[0]
    from hacluster.cib.markup import read_markup, show_markup  # noqa: PLC0415

    data = file.read_bytes()
    root = read_markup(bz2.decompress(data) if file.suffix == ".bz2" else data)
    if root is None or root.tag != "cib":
        raise Refused(f"{file} is no CIB")
    name = _name(words[1]) if len(words) > 1 else _name(file.name.removesuffix(".bz2").removesuffix(".xml"))
    path = shadow_path(name, session.environment)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, '<?xml version="1.0"?>\n' + show_markup(root))
    _use(session, name)
    return True


def _nothing(_session: Session, _words: list[str]) -> None:
    """Entered by the shell itself."""


LEVEL = Level(
    "cib",
    "shadow CIBs: make, use, compare, commit them",
    "A shadow is a copy of the CIB on which everything can be tried; the prompt says which one is in use.",
    (
        Verb("new", new, "[NAME] [withstatus] [force] [empty]", "make a shadow and use it", most=4,
             completes=("none", "shadow_word"), repeats=True),
        Verb("use", use, "[NAME|live] [withstatus]", "work on a shadow, or on the cluster again", most=2,
             completes=("shadow_or_live", "withstatus")),
        Verb("reset", reset, "NAME", "copy the cluster's CIB into a shadow", least=1, most=1, completes=("shadow",)),
        Verb("commit", commit, "[NAME] [--plan[=json]]", "put a shadow in the place of the cluster's configuration",
             most=2,
             completes=("shadow",), waits=True),
        Verb("delete", delete, "NAME…", "remove shadows", least=1, completes=("shadow",), repeats=True),
        Verb("diff", diff, "", "what the shadow in use differs in", most=0),
        Verb("list", list_shadows, "", "the shadows", most=0),
        Verb("import", import_input, "FILE|NUMBER [NAME]",
             "make a shadow of a file or of a kept input of the scheduler",
             least=1, most=2, completes=("file", "none")),
        Verb("cibstatus", _nothing, summary="a pretended status", opens="cibstatus"),
    ),
)  # fmt: skip
