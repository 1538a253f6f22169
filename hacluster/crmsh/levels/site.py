"""The level ``site``: tickets of clusters in several places."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from hacluster.crmsh.level import Level, Refused, Verb
from hacluster.crmsh.session import name_of

if TYPE_CHECKING:
    from hacluster.crmsh.session import Session

_COMMANDS: Final = {
    "grant": "-g", "revoke": "-r", "delete": "-D granted", "standby": "-s", "activate": "-a", "show": "-G granted",
    "time": "-G last-granted",
}  # fmt: skip


def ticket(session: Session, words: list[str]) -> bool:
    """Grant, revoke, delete, show a ticket."""
    command, name = words
    if command not in _COMMANDS:
        raise Refused(f"Expected one of {'|'.join(_COMMANDS)}")
    name_of(name)
    line = f"crm_ticket{' --force' if session.force else ''} -t '{name}' {_COMMANDS[command]}"
    if command not in {"show", "time"}:
        done = session.tool(line) == 0
        session.renew()
        return done
    _, said = session.answer(line)
    value = said.strip()
    if not value:
        raise Refused(f"apparently nothing to show for ticket {name}")
    if command == "show":
        if value not in {"true", "false"}:
            raise Refused(f"unexpected value for ticket {name}: {value}")
        session.voice.out(f"ticket {name} is {'granted' if value == 'true' else 'revoked'}")
        return True
    if not value.lstrip("-").isdecimal() or value == "-1":
        raise Refused(f"{name}: no such ticket")
    session.voice.out(f"ticket {name} last time granted on {time.ctime(int(value))}")
    return True


LEVEL = Level(
    "site",
    "tickets of clusters in several places",
    "",
    (
        Verb("ticket", ticket, "{grant|revoke|standby|activate|show|time|delete} TICKET", "tickets of this site",
             least=2,
             most=2, completes=("ticket_command", "ticket")),
    ),
)  # fmt: skip
