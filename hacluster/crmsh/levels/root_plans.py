"""Verbs about the configuration as a whole: compare, apply, roll back, blame, explain."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

from lxml import etree

from hacluster.client.agents import providers_of
from hacluster.crmsh.committing import commit, place_of, planned, tell_plan, verify
from hacluster.crmsh.level import Refused
from hacluster.crmsh.levels.configure_change import know_agents, read_text, tell
from hacluster.crmsh.objects import Configuration
from hacluster.crmsh.past import Entry, Past, read
from hacluster.crmsh.words import SECRETS

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session


def plan_form(words: list[str]) -> tuple[str, list[str]]:
    """How a plan is asked for ("": not at all), and the other words."""
    form = ""
    rest = []
    for word in words:
        if word in {"--plan", "--plan=text", "--plan=json"}:
            form = "json" if word.endswith("json") else "text"
        else:
            rest.append(word)
    return form, rest


def _lines(root: XML, schema: str | None) -> list[str]:
    """A configuration as commands."""
    whole = etree.Element("cib")
    if schema is not None:
        whole.set("validate-with", schema)
    whole.append(root)
    return Configuration(whole, providers_of).show(secrets=SECRETS).splitlines()


def _entry(session: Session, number: int) -> Entry:
    for entry in Past(place_of(session)).entries():
        if entry.number == number:
            return entry
    raise Refused(f"there is no commit {number}; history commits lists them")


def diff(session: Session, words: list[str]) -> None:
    """What a text, or a past commit, differs in."""
    schema = session.work.schema
    now = _lines(session.work.saved(), schema)
    if not words or words[0].isdecimal():
        entries = Past(place_of(session)).entries()
        if not entries:
            raise Refused("this shell has committed nothing here yet")
        entry = entries[0] if not words else _entry(session, int(words[0]))
        old, new = _lines(read(entry.before), schema), _lines(read(entry.after), schema)
        names = (f"before commit {entry.number}", f"commit {entry.number} ({entry.who}, {entry.stamp()})")
    else:
        work = session.work
        before = work.saved()
        with session.unnumbered():
            work.load(read_text(words[0]), "replace", words[0])
        old, new, names = now, _lines(work.saved(), schema), (session.place, words[0])
        work.restore(before)
    text = "\n".join(difflib.unified_diff(old, new, *names, lineterm=""))
    if text:
        session.voice.out(text)
        session.status = 1


def apply(session: Session, words: list[str]) -> bool:
    """Make the configuration what a text says."""
    form, rest = plan_form(words)
    prune = "--prune" in rest
    files = [word for word in rest if word != "--prune"]
    if len(files) != 1:
        raise Refused("write: apply [--prune] [--plan[=json]] FILE")
    text = read_text(files[0])
    work = session.work
    with session.unnumbered():
        work.load(text, "push" if prune else "update", files[0])
    know_agents(session, work.root)
    tell(session)
    if not work.changed:
        if form == "json":
            tell_plan(session, planned(session), form)
        else:
            session.voice.info("the configuration is as the text says already")
        session.renew()
        return True
    if form:
        sound = verify(session, everything=False)
        tell_plan(session, planned(session), form)
        session.renew()
        return sound
    done = commit(session, how=f"apply {files[0]}")
    session.renew()
    return done


def rollback(session: Session, words: list[str]) -> bool:
    """Take back the last N commits."""
    form, rest = plan_form(words)
    number = rest[0] if rest else "1"
    if not number.isdecimal() or int(number) < 1:
        raise Refused(f"{number} is no number of commits")
    entries = Past(place_of(session)).entries()
    if len(entries) < int(number):
        raise Refused(f"there are {len(entries)} commits to take back, not {number}")
    entry = entries[int(number) - 1]
    work = session.work
    work.restore(read(entry.before))
    if form:
        tell_plan(session, planned(session), form)
        session.renew()
        return True
    if not work.changed:
        session.voice.info("the configuration is as it was then already")
        session.renew()
        return True
    done = commit(session, force=True, how=f"rollback {number}")
    session.renew()
    if done:
        session.voice.info(f"as it was before commit {entry.number} ({entry.who}, {entry.stamp()})")
    return done


def blame(session: Session, words: list[str]) -> None:
    """Who committed which line, and when."""
    from hacluster.crmsh.levels.configure import text_of  # noqa: PLC0415

    wanted = set(text_of(session, words, secrets=SECRETS).splitlines()) if words else None
    schema = session.work.schema
    authors: list[tuple[str, Entry | None]] = []
    for entry in reversed(Past(place_of(session)).entries()):
        if not authors:
            authors = [(line, None) for line in _lines(read(entry.before), schema)]
        authors = _carried(authors, _lines(read(entry.after), schema), entry)
    now = _lines(session.work.saved(), schema)
    authors = _carried(authors, now, None)
    for line, author in authors:
        if wanted is None or line in wanted:
            who = "" if author is None else f"{author.number:>4} {author.who} {author.stamp()}"
            session.voice.out(f"{who:<36} {line}".rstrip())


def _carried(
    old: list[tuple[str, Entry | None]], new: list[str], entry: Entry | None
) -> list[tuple[str, Entry | None]]:
    """The lines of ``new``, each with who wrote it: those that are not in ``old`` are ``entry``'s."""
    matcher = difflib.SequenceMatcher(None, [line for line, _ in old], new, autojunk=False)
    result: list[tuple[str, Entry | None]] = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            result += old[i1:i2]
        else:
            result += [(line, entry) for line in new[j1:j2]]
    return result


def explain(session: Session, words: list[str]) -> None:
    """Why a resource is where it is."""
    from hacluster.base.errors import ConfigError  # noqa: PLC0415
    from hacluster.pe.explain.action import explain_action  # noqa: PLC0415  schedules a cluster, many times
    from hacluster.pe.explain.resource import explain as explained  # noqa: PLC0415
    from hacluster.pe.explain.text import action_lines, resource_lines  # noqa: PLC0415
    from hacluster.tools.explain import can_be_made  # noqa: PLC0415
    from hacluster.tools.livestatus import document, present  # noqa: PLC0415

    as_json = "--json" in words
    words = [word for word in words if word != "--json"]
    root = session.work.whole(status=True)
    whole, now = document(root), present(root)
    try:
        if words[0] == "action" and len(words) > 1:
            answers = explain_action(whole, now, " ".join(words[1:]))
            lines, data = action_lines(answers), [one.as_json() for one in answers]
        else:
            on = words[2] if len(words) == 3 and words[1] == "on" else None
            if len(words) not in {1, 3} or (len(words) == 3 and on is None):
                raise Refused("write: explain RSC [on NODE]")
            found = explained(whole, now, words[0], on, can_be_made)
            lines, data = resource_lines(found), [found.as_json()]
    except ConfigError as error:
        raise Refused("; ".join(str(report) for report in error.reports)) from None
    session.voice.out(json.dumps(data, indent=2) if as_json else "\n".join(lines))


def why_not(session: Session, words: list[str]) -> None:
    """Why a resource is not on a node."""
    explain(session, [words[0], "on", words[1]])
