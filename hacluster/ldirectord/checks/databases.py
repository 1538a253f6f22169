"""SQL servers: log in, run the request, want at least one row."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from hacluster.ldirectord.checks.blocking import in_thread, seconds
from hacluster.ldirectord.checks.outcome import Down
from hacluster.lvs.settings import Check

Connect = Callable[[Check], Any]


async def mysql(check: Check) -> str:
    """MySQL and MariaDB by PyMySQL."""
    return await _asked(check, _mysql)


async def pgsql(check: Check) -> str:
    """PostgreSQL by pg8000."""
    return await _asked(check, _pgsql)


async def oracle(check: Check) -> str:
    """Oracle by oracledb, where that is installed; ``database`` is the service name."""
    return await _asked(check, _oracle)


def _mysql(check: Check) -> Any:
    limit = int(seconds(check))
    return importlib.import_module("pymysql").connect(
        host=check.address,
        port=check.port,
        user=check.login,
        password=check.password,
        database=check.database or None,
        connect_timeout=limit,
        read_timeout=limit,
        write_timeout=limit,
    )


def _pgsql(check: Check) -> Any:
    return importlib.import_module("pg8000.dbapi").connect(
        user=check.login,
        host=check.address,
        port=check.port,
        password=check.password or None,
        database=check.database or None,
        timeout=seconds(check),
    )


def _oracle(check: Check) -> Any:
    return importlib.import_module("oracledb").connect(
        user=check.login,
        password=check.password,
        host=check.address,
        port=check.port,
        service_name=check.database,
        tcp_connect_timeout=seconds(check),
    )


def _said(error: Exception) -> str:
    """What the server said: pg8000 gives its fields (``M`` is the message), the others a text at the end."""
    said = error.args[-1] if error.args else error
    return str(said.get("M", said)) if isinstance(said, dict) else str(said)


async def _asked(check: Check, connect: Connect) -> str:
    request = check.request.removeprefix("/")
    if not check.login or not request:
        raise Down("an SQL check needs login and request")

    def work() -> str:
        try:
            connection = connect(check)
            try:
                cursor = connection.cursor()
                cursor.execute(request)
                row = cursor.fetchone()
            finally:
                connection.close()
        except (ImportError, OSError):
            raise
        except Exception as error:  # each library has errors of its own, without a common root
            raise Down(_said(error)) from None
        if row is None:
            raise Down(f"no row: {request}")
        return "at least one row"

    return await in_thread(work)
