"""Looking at real servers: one module a family of protocols, one table that says which serves what.

A check is a coroutine that gives one line of text when the server is up and raises :class:`Down` when it is not. It
need not watch the clock: :func:`look` ends it at its time limit, whatever it is doing. What comes from a server is
bounded (:data:`MAX_ANSWER`), so one that sends megabytes costs nothing.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from hacluster.ldirectord.checks.outcome import Down, one_line
from hacluster.lvs.settings import Application, Check, CheckType

Look = Callable[[Check], Awaitable[str]]

_HERE: Final = "hacluster.ldirectord.checks"
APPLICATIONS: Final[dict[Application, tuple[str, str]]] = {
    Application.DNS: ("dns", "dns"),
    Application.FTP: ("dialogues", "ftp"),
    Application.HTTP: ("http", "http"),
    Application.HTTPS: ("http", "http"),
    Application.HTTP_PROXY: ("http", "http_proxy"),
    Application.IMAP: ("dialogues", "imap"),
    Application.IMAPS: ("dialogues", "imap"),
    Application.LDAP: ("ldap", "ldap"),
    Application.LDAPS: ("ldap", "ldap"),
    Application.MYSQL: ("databases", "mysql"),
    Application.NNTP: ("dialogues", "nntp"),
    Application.NONE: ("tcp", "none"),
    Application.ORACLE: ("databases", "oracle"),
    Application.PGSQL: ("databases", "pgsql"),
    Application.POP: ("dialogues", "pop"),
    Application.POPS: ("dialogues", "pop"),
    Application.RADIUS: ("radius", "radius"),
    Application.SIMPLETCP: ("tcp", "simpletcp"),
    Application.SIP: ("sip", "sip"),
    Application.SMTP: ("dialogues", "smtp"),
    Application.SUBMISSION: ("dialogues", "smtp"),
}
"""Application → (module, function). A module is imported at its first use: most directors speak one protocol."""

TYPES: Final[dict[CheckType, tuple[str, str]]] = {
    CheckType.CONNECT: ("tcp", "connect"),
    CheckType.PING: ("ping", "ping"),
    CheckType.EXTERNAL: ("external", "external"),
    CheckType.EXTERNAL_PERL: ("external", "external_perl"),
    CheckType.ON: ("tcp", "none"),
    CheckType.OFF: ("tcp", "none"),
}


def looker(check: Check, *, connect_only: bool) -> Look:
    """The coroutine function that serves ``check``."""
    if connect_only:
        module, name = TYPES[CheckType.CONNECT]
    elif check.type in {CheckType.NEGOTIATE, CheckType.COMBINED}:
        module, name = APPLICATIONS[check.application]
    else:
        module, name = TYPES[check.type]
    found: Look = getattr(importlib.import_module(f"{_HERE}.{module}"), name)
    return found


def limit_s(check: Check, *, connect_only: bool) -> float:
    """Seconds that a check may take: ``negotiatetimeout`` for negotiations, ``checktimeout`` for all else."""
    negotiates = check.type in {CheckType.NEGOTIATE, CheckType.COMBINED} and not connect_only
    if negotiates:
        return check.negotiate_timeout_ms / 1_000
    return check.timeout_ms / 1_000 * (check.tries if check.type is CheckType.PING else 1)


async def look(check: Check, *, connect_only: bool = False) -> tuple[bool, str]:
    """Whether the server is up, and one line that says what it answered or what is wrong. Never raises."""
    seconds = limit_s(check, connect_only=connect_only)
    try:
        async with asyncio.timeout(seconds):
            return True, one_line(await looker(check, connect_only=connect_only)(check))
    except TimeoutError:
        return False, f"no answer within {seconds:g} s"
    except Down as down:
        return False, one_line(str(down))
    except ssl.SSLError as error:
        return False, one_line(f"TLS: {error.reason or error}")
    except asyncio.IncompleteReadError:
        return False, "the server closed the connection early"
    except (OSError, ValueError, EOFError) as error:
        return False, one_line(str(error) or type(error).__name__)
    except ImportError as error:
        return False, f"the check needs the Python package {error.name}"
    except Exception as error:  # the libraries have errors of their own, without a common root
        return False, one_line(f"{type(error).__name__}: {error}")
