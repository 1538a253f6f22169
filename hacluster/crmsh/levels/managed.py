"""Verbs of the shape ``THING {set|delete|show} NAME [VALUE]``, each a call of a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hacluster.crmsh.level import Handler, Refused
from hacluster.crmsh.session import name_of
from hacluster.crmsh.toolbox import quoted

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session


def manage(verb: str, lines: Mapping[str, str]) -> Handler:
    """A verb whose commands are tools' lines; ``{0}``, ``{1}``, ``{2}`` stand for thing, name and value."""

    def run(session: Session, words: list[str]) -> bool:
        thing, command, name, *value = words
        line = lines.get("show" if command == "get" and "show" in lines else command)
        if line is None:
            raise Refused(f"{verb}: {command!r} is not one of {', '.join(lines)}")
        if "{2}" in line and not value:
            raise Refused(f"{verb} {thing} {command} {name}: Missing value argument to set")
        if "{2}" not in line and value:
            raise Refused(f"{verb} {thing} {command} {name}: Too many arguments to {command}")
        if value and any(sign in value[0] for sign in "\n\0"):
            raise Refused("a value cannot have line breaks")
        done = session.tool(line.format(quoted(name_of(thing)), quoted(name_of(name)), *map(quoted, value))) == 0
        session.renew()
        return done

    return run
