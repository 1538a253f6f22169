"""The level ``cibstatus``: a pretended status, and what the cluster would do with it.

Changes are kept in the session as requests to the simulation (nodes up and down, operations' results, tickets, quorum)
and told to it when it is run.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hacluster.base.errors import HaError
from hacluster.client.cibsource import CibFile, shadow_path
from hacluster.crmsh.level import Level, Refused, Verb

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session

_EXITS = {
    "success": 0, "unknown": 1, "args": 2, "unimplemented": 3, "perm": 4, "installed": 5, "configured": 6,
    "not_running": 7, "master": 8, "failed_master": 9,
}  # fmt: skip


class _Pretended:
    """What is pretended, for one session."""

    def __init__(self) -> None:
        self.origin = "live"
        self.status: XML | None = None
        self.requests: list[tuple[str, str]] = []


_of_session: dict[int, _Pretended] = {}


def _pretended(session: Session) -> _Pretended:
    return _of_session.setdefault(id(session), _Pretended())


def _root(session: Session) -> XML:
    pretended = _pretended(session)
    root = session.work.whole(status=True)
    if pretended.status is not None:
        for old in root.findall("status"):
            root.remove(old)
        root.append(copy.deepcopy(pretended.status))
    return root


def load(session: Session, words: list[str]) -> bool:
    """Take the status from somewhere else."""
    origin = words[0]
    pretended = _pretended(session)
    if origin == "live":
        pretended.status = None
    else:
        name = origin.removeprefix("shadow:")
        path = shadow_path(name, session.environment) if origin.startswith("shadow:") else Path(origin)
        pretended.status = CibFile(path).read().find("status")
    pretended.origin = origin
    pretended.requests.clear()
    return True


def save(session: Session, words: list[str]) -> bool:
    """Write the status, with what is pretended, to a file."""
    if not words:
        raise Refused("write: save FILE")
    from hacluster.cib.markup import show_markup  # noqa: PLC0415

    root = _applied(session)
    name = words[0].removeprefix("shadow:")
    path = shadow_path(name, session.environment) if words[0].startswith("shadow:") else Path(words[0])
    path.write_text('<?xml version="1.0"?>\n' + show_markup(root), encoding="utf-8")
    return True


def _applied(session: Session) -> Any:
    import time  # noqa: PLC0415

    from hacluster.cib.statusxml import document_xml  # noqa: PLC0415
    from hacluster.pe.schedule import status  # noqa: PLC0415
    from hacluster.pe.simulation.requests import apply_requests  # noqa: PLC0415
    from hacluster.tools.livestatus import document, present  # noqa: PLC0415

    root = _root(session)
    whole = document(root)
    requests = _requests(session)
    if requests:
        apply_requests(whole, status(whole, present(root), sanitized=True), requests, int(time.time()))
    return document_xml(whole)


def _requests(session: Session) -> Any:
    from hacluster.pe.simulation.requests import Requests  # noqa: PLC0415

    made = _pretended(session).requests

    def all_of(kind: str) -> tuple[str, ...]:
        return tuple(value for name, value in made if name == kind)

    quorum = all_of("quorum")
    return Requests(
        quorum[-1] if quorum else None, None, all_of("online"), all_of("offline"), all_of("unclean"), all_of("grant"),
        all_of("revoke"), all_of("standby"), all_of("activate"), all_of("op"),
    )  # fmt: skip


def origin(session: Session, _words: list[str]) -> None:
    """Where the status is from."""
    pretended = _pretended(session)
    session.voice.out(pretended.origin + (" (modified)" if pretended.requests else ""))


def show(session: Session, words: list[str]) -> bool:
    """The status, or what is pretended."""
    if words == ["changed"]:
        for kind, value in _pretended(session).requests:
            session.voice.out(f"{kind}: {value}")
        return True
    if words:
        raise Refused(f"Expected 'changed', got '{words[0]}'")
    from hacluster.cib.markup import show_markup  # noqa: PLC0415

    found = _applied(session).find("status")
    session.voice.out("" if found is None else show_markup(found).rstrip("\n"))
    return True


def quorum(session: Session, words: list[str]) -> bool:
    """Pretend that there is quorum, or none."""
    from hacluster.base.values import truth  # noqa: PLC0415

    value = truth(words[0])
    if value is None:
        raise Refused(f"{words[0]}: bad boolean option")
    _pretended(session).requests.append(("quorum", str(value).lower()))
    return True


def node(session: Session, words: list[str]) -> bool:
    """Pretend a state of a node."""
    name, state = words
    if state not in {"online", "offline", "unclean"}:
        raise Refused(f"{state} is not one of online, offline, unclean")
    if name not in session.nodes():
        raise Refused(f"there is no node {name}")
    _pretended(session).requests.append((state, name))
    return True


def ticket(session: Session, words: list[str]) -> bool:
    """Pretend a state of a ticket."""
    name, state = words
    if state not in {"grant", "revoke", "activate", "standby"}:
        raise Refused(f"{state} is not one of grant, revoke, activate, standby")
    _pretended(session).requests.append((state, name))
    return True


def op(session: Session, words: list[str]) -> bool:
    """Pretend the result of an operation."""
    operation, rsc, code, *rest = words
    name, _, interval = operation.partition(":")
    value = _EXITS.get(code, code)
    if not str(value).isdigit():
        raise Refused(f"Invalid exit code '{code}'")
    where = rest[-1] if rest else ""
    if where not in session.nodes():
        raise Refused("write: op OPERATION[:INTERVAL] RSC EXIT-CODE NODE, with a node of the cluster")
    from hacluster.base.values import msec  # noqa: PLC0415

    milliseconds = max(msec(interval or "0"), 0)
    _pretended(session).requests.append(("op", f"{rsc}_{name}_{milliseconds}@{where}={value}"))
    return True


def _runs(*, pretend: bool) -> Any:
    def run(session: Session, words: list[str]) -> bool:
        import time  # noqa: PLC0415

        from hacluster.pe.simulation.report import Wishes, simulate  # noqa: PLC0415
        from hacluster.tools.livestatus import document, present  # noqa: PLC0415

        root = _root(session)
        wishes = Wishes(
            simulate=pretend, scores="scores" in words, utilization="utilization" in words, clock=time.ctime,
            requests=_requests(session),
        )  # fmt: skip
        try:
            outcome = simulate(document(root), present(root), int(time.time()), wishes)
        except HaError as error:
            raise Refused(str(error)) from None
        for line in [*outcome.complaints, *outcome.lines]:
            session.voice.out(line)
        return True

    return run


LEVEL = Level(
    "cibstatus",
    "a pretended status, and what the cluster would do with it",
    "Nothing here touches the cluster.",
    (
        Verb("load", load, "FILE | shadow:NAME | live", "take the status from somewhere else", least=1, most=1,
             completes=("file",)),
        Verb("save", save, "FILE | shadow:NAME", "write the CIB with what is pretended", most=1, completes=("file",)),
        Verb("origin", origin, "", "where the status is from", most=0),
        Verb("show", show, "[changed]", "the status, or what is pretended", most=1),
        Verb("quorum", quorum, "BOOL", "pretend that there is quorum, or none", least=1, most=1, completes=("on_off",)),
        Verb("node", node, "NODE online|offline|unclean", "pretend a state of a node", least=2, most=2,
             completes=("node", "node_state")),
        Verb("ticket", ticket, "TICKET grant|revoke|activate|standby", "pretend a state of a ticket", least=2, most=2,
             completes=("none", "ticket_state")),
        Verb("op", op, "OPERATION[:INTERVAL] RSC EXIT-CODE NODE", "pretend the result of an operation", least=4, most=5,
             completes=("operation", "resource", "none", "node")),
        Verb("run", _runs(pretend=False), "[nograph] [v…] [scores] [utilization]", "what the cluster would do",
             completes=("ptest_word",), repeats=True),
        Verb("simulate", _runs(pretend=True), "[nograph] [v…] [scores] [utilization]",
             "what the cluster would do, and what it is like then", completes=("ptest_word",), repeats=True),
    ),
)  # fmt: skip
