"""Small real servers on loopback for the checks: each says what a script tells it to."""

import asyncio
import contextlib
import datetime
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hacluster.lvs.settings import Application, Check, CheckType
from hacluster.lvs.table import Protocol


def check(port, application=Application.NONE, type_=CheckType.NEGOTIATE, **more):
    values = {"timeout_ms": 2_000, "negotiate_timeout_ms": 2_000, "protocol": Protocol.TCP, **more}
    return Check(
        type=type_, application=application, address="127.0.0.1", port=port, server=("127.0.0.1", port), **values
    )


@contextlib.asynccontextmanager
async def serving(talk, **options):
    """``talk(reader, writer)`` for each connection; gives the port."""
    tasks = set()

    async def handle(reader, writer):
        task = asyncio.current_task()
        tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await talk(reader, writer)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()


def script(*steps):
    """Say each text; before each but the first wait for a line. Lines that were heard are in ``heard``."""
    heard = []

    async def talk(reader, writer):
        for number, text in enumerate(steps):
            if number:
                heard.append((await reader.readline()).decode().strip())
            writer.write(text.encode())
            await writer.drain()
        with contextlib.suppress(OSError):
            await reader.read()

    talk.heard = heard
    return talk


async def silent(reader, writer):
    """Accept, and say nothing."""
    await asyncio.sleep(3_600)


async def closing(reader, writer):
    """Accept, and hang up."""


async def dripping(reader, writer):
    """One byte a tenth of a second, for ever."""
    while True:
        writer.write(b"2")
        await writer.drain()
        await asyncio.sleep(0.1)


async def flooding(reader, writer):
    """Megabytes without a line end."""
    for _ in range(64):
        writer.write(b"x" * 1_048_576)
        await writer.drain()


def certificate(tmp_path, name):
    """A self-signed certificate for ``name``, as a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context
