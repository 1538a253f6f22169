"""SIP: an OPTIONS request answered by 200 (RFC 3261, 11), over UDP or TCP as the service is."""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import Final

from hacluster.ldirectord.checks.outcome import Down
from hacluster.ldirectord.checks.tcp import connection
from hacluster.lvs.settings import Check
from hacluster.lvs.table import Protocol, host_port

_RETRANSMIT_S: Final = 0.5
"""T1 of RFC 3261, 17.1.1.1."""


def request(check: Check, own: str, transport: str, branch: str) -> bytes:
    """The OPTIONS request; ``own`` is our address and port as the server reaches them."""
    to = f"sip:{check.login}"
    lines = (
        f"OPTIONS {to} SIP/2.0",
        f"Via: SIP/2.0/{transport} {own};branch=z9hG4bK{branch};rport",
        "Max-Forwards: 70",
        f"To: <{to}>",
        f"From: <{to}>;tag={branch[:8]}",
        f"Call-ID: {branch}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:{own}>",
        "Accept: application/sdp",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def status_line(answer: bytes) -> str:
    """The first line when it says 200; :class:`Down` otherwise."""
    line = answer.split(b"\r\n", 1)[0].decode("utf-8", "replace")
    words = line.split(" ", 2)
    if not line.startswith("SIP/2.0 ") or len(words) < 2:
        raise Down(f"no SIP answer: {line}")
    if words[1] != "200":
        raise Down(line)
    return line


async def sip(check: Check) -> str:
    """Ask and want 200."""
    branch = secrets.token_hex(12)
    if check.protocol is Protocol.TCP:
        async with connection(check) as (reader, writer):
            own = writer.get_extra_info("sockname")
            writer.write(request(check, host_port(own[0], own[1]), "TCP", branch))
            await writer.drain()
            return status_line(await reader.readuntil(b"\r\n"))
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in check.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, (check.address, check.port))
        own = sock.getsockname()
        data = request(check, host_port(own[0], own[1]), "UDP", branch)
        while True:
            await loop.sock_sendall(sock, data)
            try:
                async with asyncio.timeout(_RETRANSMIT_S):
                    answer = await loop.sock_recv(sock, 65_535)
            except TimeoutError:
                continue
            if not answer.startswith(b"SIP/2.0 1"):
                return status_line(answer)
