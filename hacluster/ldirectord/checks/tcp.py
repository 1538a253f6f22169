"""Plain connections: connect, simpletcp, and the check that checks nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hacluster.ldirectord.checks.outcome import MAX_ANSWER, Down, compiled
from hacluster.ldirectord.checks.ping import ping
from hacluster.lvs.settings import Check
from hacluster.lvs.table import Protocol


@contextlib.asynccontextmanager
async def connection(check: Check) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to the server's check port, closed hard at the end: nothing waits for the peer's goodbye."""
    reader, writer = await asyncio.open_connection(check.address, check.port, limit=MAX_ANSWER)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def connect(check: Check) -> str:
    """A TCP connection is enough. For udp it is a ping, as in ldirectord(8)."""
    if check.protocol is Protocol.UDP:
        return await ping(check)
    async with connection(check):
        return "connected"


async def none(_check: Check) -> str:
    """Always up."""
    return "not checked"


async def simpletcp(check: Check) -> str:
    """Send the request, end our half, look for ``receive`` in a line of the answer.

    ``\\n`` and ``\\r`` in the request are line feed and carriage return. With an empty ``receive`` a connection is
    enough.
    """
    async with connection(check) as (reader, writer):
        writer.write(check.request.replace("\\n", "\n").replace("\\r", "\r").encode())
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        if not check.receive:
            return "connected"
        pattern, seen, last = compiled(check.receive), 0, ""
        while line := await reader.readline():
            seen += len(line)
            last = line.decode("utf-8", "replace")
            if pattern.search(last):
                return last
            if seen > MAX_ANSWER:
                raise Down(f"{check.receive!r} is not in the first {MAX_ANSWER} bytes")
        raise Down(f"no line of the answer has {check.receive!r}: {last.strip() or 'it was empty'}")
