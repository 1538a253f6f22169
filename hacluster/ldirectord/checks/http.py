"""HTTP, HTTPS and HTTP through the real server as a proxy, by aiohttp.

The connection goes to the real server's address; the Host header and the name of TLS are ``virtualhost``. A redirect is
followed (ten at most); to the same host it stays with this real server, so that another one cannot answer for it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import Final

import aiohttp
import aiohttp.abc
from yarl import URL

from hacluster.ldirectord.checks.dialogues import unverified
from hacluster.ldirectord.checks.outcome import MAX_ANSWER, Down, expect
from hacluster.lvs.settings import Application, Check
from hacluster.lvs.table import host_port

_REDIRECTS: Final = 10


class _Pinned(aiohttp.abc.AbstractResolver):
    """Gives every name the real server's address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[aiohttp.abc.ResolveResult]:
        """The one address."""
        own = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        if family not in {socket.AF_UNSPEC, own}:
            return []
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host=self._address, port=port, family=own, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def http(check: Check) -> str:
    """``httpmethod`` of ``request`` with 2xx, and ``receive`` in the body."""
    scheme = "https" if check.application is Application.HTTPS else "http"
    host = check.name or (f"[{check.address}]" if ":" in check.address else check.address)
    url = URL(f"{scheme}://{host}:{check.port}", encoded=True).join(URL(check.request or "/", encoded=True))
    connector = aiohttp.TCPConnector(
        resolver=_Pinned(check.address), ssl=unverified(), force_close=True, use_dns_cache=False
    )
    headers = {"Host": check.name} if check.name else {}
    return await _ask(check, url, connector, headers, None)


async def http_proxy(check: Check) -> str:
    """An absolute URL fetched through the real server."""
    url = URL(check.request.removeprefix("/"), encoded=True)
    if not url.is_absolute():
        raise Down(f"the request of a proxy check must be a whole URL, not {check.request!r}")
    connector = aiohttp.TCPConnector(ssl=unverified(), force_close=True, use_dns_cache=False)
    return await _ask(check, url, connector, {}, f"http://{host_port(check.address, check.port)}/")


async def _ask(
    check: Check, url: URL, connector: aiohttp.TCPConnector, headers: dict[str, str], proxy: str | None
) -> str:
    timeout = aiohttp.ClientTimeout(total=None)
    agent = {"User-Agent": "ldirectord"}
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=agent, trust_env=False) as session:
        try:
            async with session.request(
                check.method, url, headers=headers, proxy=proxy, max_redirects=_REDIRECTS, server_hostname=None
            ) as answer:
                status = f"{answer.status} {answer.reason or ''}".strip()
                if not 200 <= answer.status < 300:
                    raise Down(status)
                if check.receive:
                    body = await _body(answer.content)
                    expect(check.receive, body.decode(answer.charset or "utf-8", "replace"))
                return status
        except aiohttp.ClientError as error:
            raise Down(_words(error)) from None
        except (asyncio.LimitOverrunError, LookupError) as error:
            raise Down(f"bad answer: {error}") from None


def _words(error: aiohttp.ClientError) -> str:
    """What went wrong. The library's text for a refused connection does not say so."""
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        if cause.errno and not isinstance(cause, ssl.SSLError):
            return os.strerror(cause.errno)
    return str(error) or type(error).__name__


async def _body(content: aiohttp.StreamReader) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for data in content.iter_chunked(65_536):
        parts.append(data)
        size += len(data)
        if size >= MAX_ANSWER:
            break
    return b"".join(parts)
