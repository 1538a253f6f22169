"""Text protocols that greet first: SMTP (RFC 5321), POP3 (RFC 1939), IMAP4 (RFC 9051), NNTP (RFC 3977), FTP (RFC 959).

With TLS from the first byte for pops and imaps. Certificates are not verified: real servers are reached by address, and
the question is whether they serve.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from typing import Final

from hacluster.ldirectord.checks.outcome import MAX_ANSWER, Down, expect
from hacluster.lvs.settings import Application, Check

_LINE: Final = 8_192
_TLS: Final = frozenset({Application.POPS, Application.IMAPS})


def unverified() -> ssl.SSLContext:
    """TLS without looking at the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Dialogue:
    """Lines to and fro."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def line(self) -> str:
        """The next line without its end."""
        try:
            data = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise Down(f"the server sent a line of more than {_LINE} bytes") from None
        return data.decode("utf-8", "replace").rstrip("\r\n")

    async def say(self, text: str) -> None:
        """Send one line."""
        self._writer.write(f"{text}\r\n".encode())
        await self._writer.drain()

    async def reply(self) -> str:
        """A reply of three digits, of one or more lines (RFC 959, 4.2); its last line."""
        first = await self.line()
        if not re.match(r"\d{3}[ -]?", first):
            raise Down(f"no reply code: {first}")
        line, count = first, 1
        while line[:3] != first[:3] or line[3:4] == "-":
            line, count = await self.line(), count + 1
            if count > 1_000:
                raise Down("a reply of more than 1,000 lines")
        return line

    async def command(self, text: str, *good: str) -> str:
        """Send a command and want a reply that begins with one of ``good``."""
        await self.say(text)
        reply = await self.reply()
        if not reply.startswith(good):
            raise Down(f"{text.split(' ', maxsplit=1)[0]}: {reply}")
        return reply


@contextlib.asynccontextmanager
async def dialogue(check: Check) -> AsyncIterator[Dialogue]:
    """A connection for lines."""
    secure = unverified() if check.application in _TLS else None
    reader, writer = await asyncio.open_connection(
        check.address, check.port, limit=_LINE, ssl=secure, server_hostname=_sni(check) if secure else None
    )
    try:
        yield Dialogue(reader, writer)
    finally:
        writer.transport.abort()


def _sni(check: Check) -> str:
    return check.name or check.address


async def smtp(check: Check) -> str:
    """Greeting, HELO, QUIT."""
    async with dialogue(check) as talk:
        greeting = await talk.reply()
        if not greeting.startswith("2"):
            raise Down(greeting)
        await talk.command("HELO localhost", "2")
        await talk.say("QUIT")
        return greeting


async def pop(check: Check) -> str:
    """Greeting; USER and PASS when a login is configured."""
    async with dialogue(check) as talk:
        greeting = await _pop_answer(talk)
        if check.login:
            await talk.say(f"USER {check.login}")
            await _pop_answer(talk)
            await talk.say(f"PASS {check.password}")
            await _pop_answer(talk)
        await talk.say("QUIT")
        return greeting


async def _pop_answer(talk: Dialogue) -> str:
    line = await talk.line()
    if not line.startswith("+OK"):
        raise Down(line)
    return line


async def imap(check: Check) -> str:
    """Greeting; LOGIN when a login is configured."""
    async with dialogue(check) as talk:
        greeting = await talk.line()
        if not greeting.upper().startswith(("* OK", "* PREAUTH")):
            raise Down(greeting)
        if check.login:
            await talk.say(f'a1 LOGIN "{_quoted(check.login)}" "{_quoted(check.password)}"')
            await _imap_answer(talk)
        await talk.say("a2 LOGOUT")
        return greeting


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


async def _imap_answer(talk: Dialogue) -> None:
    for _ in range(1_000):
        line = await talk.line()
        if line.startswith("a1 "):
            if not line.upper().startswith("A1 OK"):
                raise Down(line)
            return
    raise Down("no end of the answer to LOGIN")


async def nntp(check: Check) -> str:
    """A greeting that begins with 2."""
    async with dialogue(check) as talk:
        greeting = await talk.line()
        if not greeting.startswith("2"):
            raise Down(greeting)
        await talk.say("QUIT")
        return greeting


async def ftp(check: Check) -> str:
    """Log in, get the file ``request``, look for ``receive`` in it. Without a request the login is enough."""
    async with dialogue(check) as talk:
        greeting = await talk.reply()
        if not greeting.startswith("2"):
            raise Down(greeting)
        if (await talk.command(f"USER {check.login}", "2", "3")).startswith("3"):
            await talk.command(f"PASS {check.password}", "2")
        if check.request in {"", "/"}:
            return greeting
        await talk.command("TYPE I", "2")
        port = await _passive_port(talk)
        reader, writer = await asyncio.open_connection(check.address, port, limit=MAX_ANSWER)
        try:
            await talk.command(f"RETR {check.request}", "1")
            content = await read_all(reader)
        finally:
            writer.transport.abort()
        expect(check.receive, content.decode("utf-8", "replace"))
        return f"got {check.request}"


async def _passive_port(talk: Dialogue) -> int:
    """The data port by EPSV (RFC 2428), which fits IPv4 and IPv6, else by PASV."""
    await talk.say("EPSV")
    reply = await talk.reply()
    match = re.search(r"\(\|\|\|(\d+)\|\)", reply)
    if reply.startswith("229") and match:
        return int(match[1])
    reply = await talk.command("PASV", "227")
    numbers = re.search(r"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)", reply)
    if numbers is None:
        raise Down(f"PASV: {reply}")
    return int(numbers[5]) * 256 + int(numbers[6])


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end or :data:`MAX_ANSWER` bytes."""
    parts: list[bytes] = []
    size = 0
    while size < MAX_ANSWER and (data := await reader.read(65_536)):
        parts.append(data)
        size += len(data)
    return b"".join(parts)
