"""The level ``script``: whole services out of a few parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.scripts import SCRIPTS, Script, pairs, script_of

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session


def list_(session: Session, words: list[str]) -> None:
    """The scripts by category."""
    if words == ["names"]:
        for one in SCRIPTS:
            session.voice.out(one.name)
        return
    for category in sorted({one.category for one in SCRIPTS}):
        session.voice.out(f"{category}:\n")
        for one in SCRIPTS:
            if one.category == category:
                session.voice.out(f"{one.name:<16} {one.short}")
        session.voice.out("")


def show(session: Session, words: list[str]) -> None:
    """What a script does, and its parameters."""
    one = script_of(words[0])
    session.voice.out(f"{one.name} ({one.category})\n{one.short}\n")
    for needed in (True, False):
        chosen = [parameter for parameter in one.parameters if parameter.needed is needed]
        if chosen:
            session.voice.out("Needed:" if needed else "May be given:")
        for parameter in chosen:
            default = f" (default: {parameter.default})" if parameter.default else ""
            session.voice.out(f"  {parameter.name:<16} {parameter.short}{default}")


def verify(session: Session, words: list[str]) -> bool:
    """What a script would configure, and whether it may be."""
    one = script_of(words[0])
    text = _text(one, words[1:])
    if one.name == "health":
        session.voice.out("1. Look at the configuration, at failures and at the nodes")
        return True
    session.voice.out(f"1. Configure and commit:\n\n{text}")
    work = session.work
    before = work.saved()
    try:
        from hacluster.crmsh.committing import verify as sound  # noqa: PLC0415
        from hacluster.crmsh.levels.configure_change import know_agents  # noqa: PLC0415

        with session.unnumbered():
            work.load(text, "update", one.name)
        know_agents(session, work.root)
        return sound(session, everything=False)
    finally:
        work.restore(before)
        session.renew()


def run(session: Session, words: list[str]) -> bool:
    """Configure a service by a script."""
    one = script_of(words[0])
    if one.name == "health":
        from hacluster.crmsh.levels.cluster import health  # noqa: PLC0415

        return health(session, [])
    from hacluster.crmsh.committing import commit  # noqa: PLC0415
    from hacluster.crmsh.levels.configure_change import know_agents  # noqa: PLC0415

    text = _text(one, words[1:])
    taken = [line.split()[1] for line in text.splitlines() if session.work.find(line.split()[1]) is not None]
    if taken and not session.force:
        session.renew()
        raise Refused(f"{', '.join(taken)}: there already; choose another id")
    with session.unnumbered():
        session.work.load(text, "update", one.name)
    know_agents(session, session.work.root)
    return commit(session, how=f"script run {one.name}")


def _text(one: Script, words: list[str]) -> str:
    given = pairs(words)
    companion = given.get("with", "") if one.name == "mailto" else ""
    text = one.configuration(given)
    if companion:
        text += f"colocation {given['id']}-with-{companion} inf: {given['id']} {companion}\n"
        text += f"order {given['id']}-after-{companion} Mandatory: {companion} {given['id']}\n"
    return text


def json_(session: Session, words: list[str]) -> bool:
    """For programs: the scripts, or one, as JSON."""
    if words[0] == "list":
        for one in SCRIPTS:
            session.voice.out(json.dumps({"name": one.name, "category": one.category.lower(), "shortdesc": one.short}))
        return True
    if words[0] == "show" and len(words) == 2:
        one = script_of(words[1])
        parameters = [
            {
                "name": parameter.name,
                "required": parameter.needed,
                "shortdesc": parameter.short,
                "value": parameter.default,
            }
            for parameter in one.parameters
        ]
        steps = [{"parameters": parameters}]
        session.voice.out(
            json.dumps({"name": one.name, "category": one.category.lower(), "shortdesc": one.short, "steps": steps})
        )
        return True
    raise Refused("write: json list | json show SCRIPT")


LEVEL = Level(
    "script",
    "whole services out of a few parameters",
    "A script configures what a service needs and commits it at once; verify shows it before.",
    (
        Verb("list", list_, "[names]", "list the scripts", most=1),
        Verb("show", show, "SCRIPT", "what a script does, and its parameters", least=1, most=2, completes=("script",)),
        Verb("verify", verify, "SCRIPT [NAME=VALUE…]", "show what a script would configure, and check it", least=1,
             completes=("script", "script_parameter"), repeats=True),
        Verb("run", run, "SCRIPT [NAME=VALUE…]", "configure a service by a script",
             "  run virtual-ip id=vip ip=10.0.0.1",
             least=1, completes=("script", "script_parameter"), repeats=True, waits=True),
        Verb("json", json_, "list | show SCRIPT", "the scripts as JSON, for programs", least=1, most=2),
    ),
)  # fmt: skip
