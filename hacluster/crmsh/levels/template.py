"""The level ``template``: configurations made of templates.

A template is a text with ``%required`` and ``%optional`` parameters (``%% NAME [VALUE]``) and, behind ``%generate``,
commands in which ``%_`` stands for the configuration's name and ``%_:NAME`` for a parameter; a line that begins with
``opt`` goes when its parameter has no value. Templates are those that come with the program, and crmsh's where they are
installed; configurations are kept beside the user's other preferences, as crmsh keeps them.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hacluster.base.errors import HaError
from hacluster.client.paths import shipped
from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.levels.configure_change import know_agents, tell

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

CRMSH: Final = Path("/usr/share/crmsh/templates")
_NAME: Final = re.compile(r"[\w.-]+")


def _folders() -> list[Path]:
    try:
        own = [shipped("conf/templates")]
    except HaError:
        own = []
    return [*own, CRMSH]


def templates() -> dict[str, Path]:
    """Every template by its name; our own go before crmsh's."""
    found: dict[str, Path] = {}
    for folder in _folders():
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if path.is_file():
                    found.setdefault(path.name, path)
    return found


def _place(session: Session) -> Path:
    return session.preferences.file.parent / "crmconf"


def configs(session: Session) -> list[str]:
    """The configurations that were begun."""
    folder = _place(session)
    return sorted(one.name for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []


def _file(session: Session, name: str) -> Path:
    name = name or session.template
    if not name:
        raise Refused("please load a config first")
    if not _NAME.fullmatch(name) or not (_place(session) / name).is_file():
        raise Refused(f"{name}: no such config")
    return _place(session) / name


def new(session: Session, words: list[str]) -> bool:
    """Begin a configuration from templates."""
    name, *rest = words
    given: dict[str, str] = {}
    if "params" in rest:
        at = rest.index("params")
        for word in rest[at + 1 :]:
            key, equals, value = word.partition("=")
            if not equals:
                raise Refused(f"{word} is no NAME=VALUE")
            given[key] = value
        rest = rest[:at]
    known = templates()
    if not rest:
        if name not in known:
            raise Refused(f"Expected template argument; there are {', '.join(known) or 'none'}")
        rest, number = [name], 0
        while name in configs(session):
            number += 1
            name = f"{rest[0]}-{number}"
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name for a config")
    if name in configs(session):
        raise Refused(f"config {name} exists; delete it first")
    texts = []
    for one in rest:
        if one not in known:
            raise Refused(f"there is no template {one}; there are {', '.join(known) or 'none'}")
        session.voice.info(f"pulling in template {one}")
        texts.append(
            _filled(known[one].read_text(encoding="utf-8"), name if len(rest) == 1 else f"{name}-{one}", given)
        )
    folder = _place(session)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(texts), encoding="utf-8")
    session.template = name
    return True


def _filled(text: str, prefix: str, given: dict[str, str]) -> str:
    """A template with its name and what is known of its parameters."""
    lines = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["%name"]:
            lines += [line, f"%pfx {prefix}"]
        elif words[:1] == ["%%"] and len(words) > 1:
            value = given.get(words[1], " ".join(words[2:]))
            lines.append(f"%% {words[1]} {shlex.quote(value) if value else ''}".rstrip())
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def generated(text: str) -> str:  # noqa: C901  one case for each word of the format
    """The commands that a filled-in configuration stands for; raises :class:`Refused`."""
    prefix, needed, making = "", False, False
    values: dict[str, str] = {}
    missing: list[str] = []
    pieces: list[list[str]] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("#"):
            continue
        try:
            words = shlex.split(line)
        except ValueError as fault:
            raise Refused(f"line {number}: {fault}") from None
        match words:
            case ["%name" | "%depends_on" | "%suggests", *_]:
                making = False
            case ["%pfx", name]:
                prefix = name
            case ["%required"] | ["%optional"]:
                needed = words[0] == "%required"
            case ["%generate"]:
                making = True
                pieces.append([])
            case ["%%", name] if not making:
                if needed:
                    missing.append(name)
            case ["%%", name, value] if not making:
                values[f"{prefix}:{name}"] = value
            case [] if making and pieces[-1]:
                pieces.append([])
            case [_, *_] if making:
                found = _replaced(line, prefix, values)
                if found:
                    pieces[-1].append(found)
            case []:
                pass
            case _:
                raise Refused(f"line {number}: cannot make out {line!r}")
    if missing:
        raise Refused("; ".join(f"required parameter {name} not set" for name in missing))
    return "\n".join(" \\\n\t".join(piece) for piece in pieces if piece)


def _replaced(line: str, prefix: str, values: dict[str, str]) -> str:
    empty = False

    def value(match: re.Match[str]) -> str:
        nonlocal empty
        found = values.get(f"{prefix}:{match[1]}", "")
        empty = empty or not found
        return f'"{found}"' if found else ""

    text = re.sub(r"%_:([A-Za-z0-9_]+)", value, line)
    text = text.replace("%_", prefix)
    if text.startswith("opt "):
        return "" if empty else text.removeprefix("opt ").strip()
    return text


def load(session: Session, words: list[str]) -> bool:
    """Go on with a configuration."""
    if words:
        _file(session, words[0])
    session.template = words[0] if words else ""
    return True


def delete(session: Session, words: list[str]) -> bool:
    """Remove a configuration."""
    name, *force = words
    path = _file(session, name)
    if name == session.template:
        if not force and not session.ask(f"Do you really want to remove config {name} which is in use?"):
            raise Refused(f"{name} is in use; say delete {name} force")
        session.template = ""
    path.unlink()
    return True


def edit(session: Session, words: list[str]) -> bool:
    """Fill in a configuration in an editor."""
    path = _file(session, words[0] if words else "")
    if not session.switches.interactive:
        session.voice.info("edit not allowed in batch mode")
        return False
    editor = session.preferences.get("core.editor") or os.environ.get("EDITOR") or "vi"
    return subprocess.run([*shlex.split(editor), str(path)], check=False).returncode == 0


def show(session: Session, words: list[str]) -> bool:
    """The commands that a configuration stands for."""
    session.voice.out(generated(_file(session, words[0] if words else "").read_text(encoding="utf-8")))
    return True


def apply(session: Session, words: list[str]) -> bool:
    """Take the commands into the configuration that is worked on."""
    method = words[0] if words[:1] in (["replace"], ["update"]) else ""
    rest = words[1:] if method else words
    path = _file(session, rest[0] if rest else "")
    text = generated(path.read_text(encoding="utf-8"))
    asks = (method or "replace") == "replace" and session.editing and session.switches.interactive
    if asks and not session.ask("This operation will erase all changes. Do you want to proceed?"):
        return False
    with session.unnumbered():
        session.work.load(text, method or "replace", path.name)
    know_agents(session, session.work.root)
    tell(session)
    if "configure" not in [level.name for level in session.path]:
        from hacluster.crmsh.committing import commit  # noqa: PLC0415

        return commit(session, how=f"template apply {path.name}")
    return True


def list_all(session: Session, words: list[str]) -> bool:
    """The templates and the configurations."""
    if words == ["templates"]:
        lines = list(templates())
    elif words == ["configs"]:
        lines = configs(session)
    else:
        lines = ["Templates:", *templates(), "", "Configurations:", *configs(session)]
    for line in lines:
        session.voice.out(line)
    return True


LEVEL = Level(
    "template",
    "configurations made of templates",
    "new begins one, edit fills it in, show says what it stands for, apply takes it into the configuration.",
    (
        Verb("new", new, "[CONFIG] TEMPLATE… [params NAME=VALUE…]", "begin a configuration from templates", least=1,
             completes=("none", "template"), repeats=True),
        Verb("load", load, "[CONFIG]", "go on with a configuration", most=1, completes=("config",)),
        Verb("delete", delete, "CONFIG [force]", "remove a configuration", least=1, most=2,
             completes=("config", "force_word")),
        Verb("edit", edit, "[CONFIG]", "fill in a configuration in an editor", most=1, completes=("config",)),
        Verb("show", show, "[CONFIG]", "the commands that a configuration stands for", most=1, completes=("config",)),
        Verb("apply", apply, "[replace|update] [CONFIG]", "take the commands into the configuration", most=2,
             completes=("words:replace update", "config")),
        Verb("list", list_all, "[configs|templates]", "the templates and the configurations", most=1,
             completes=("words:configs templates",)),
    ),
)  # fmt: skip
