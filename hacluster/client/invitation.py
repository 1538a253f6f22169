"""An invitation into a cluster: one TLS connection, and a token that a person carries from one node to the other.

The node that invites makes a key and a certificate for this one time. The token has its address, the certificate's
digest and a secret: so the joining node knows whom it speaks to, and proves that it was given the token. What is said
is one JSON object a line. Keys of the cluster travel inside TLS alone, and only after the proof. Nobody is believed
twice: a token ends with its use, with three wrong proofs, or with its time.

    joining: {node, unix_ms, proof}              inviting: {unix_ms, files, networks} or {refused}
    joining: {written} or {refused}              inviting: {added} or {refused}
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
import json
import os
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hacluster.base.errors import HaError

PORT: Final = 694
"""TCP; the same number as the cluster's UDP port."""
WRONG_PROOFS: Final = 3
PATIENCE_S: Final = 20.0
"""How long the other end may take for a line."""
_PREFIX: Final = "hacluster1-"
_LINE: Final = 1024 * 1024
_SECRET: Final = 16

Words = Mapping[str, Any]


class InvitationError(HaError):
    """The other node cannot be let in, or cannot be joined."""


@dataclass(frozen=True, slots=True)
class Token:
    """Where to go, whom to expect there (SHA-256 of the certificate), and what to prove."""

    address: str
    port: int
    digest: bytes
    secret: bytes

    def __str__(self) -> str:
        packed = struct.pack("!H", self.port) + self.digest + self.secret + self.address.encode()
        return _PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Token:
        """The token that a person typed; :class:`InvitationError` when it is none."""
        body = text.strip().removeprefix(_PREFIX)
        try:
            packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            address = packed[2 + 32 + _SECRET :].decode("ascii")
        except (binascii.Error, ValueError):
            packed, address = b"", ""
        if not text.strip().startswith(_PREFIX) or not address:
            raise InvitationError("this is no token; take what crm cluster invite has shown, the whole word")
        return cls(address, struct.unpack("!H", packed[:2])[0], packed[2:34], packed[34 : 34 + _SECRET])

    def proof(self, node: str) -> str:
        """What shows that one has the secret; good for this node name alone."""
        return hmac.new(self.secret, self.digest + node.encode(), hashlib.sha256).hexdigest()


def _identity() -> tuple[bytes, bytes, bytes]:
    """A key and a certificate for one connection, as PEM, and the certificate's digest."""
    from cryptography import x509  # noqa: PLC0415 - who invites nobody pays nothing
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hacluster invitation")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=365))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    digest = hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).digest()
    return pem, made.public_bytes(serialization.Encoding.PEM), digest


class _Lines:
    """JSON objects, one a line, over a connection; each has its time."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._buffer = b""

    def say(self, words: Words) -> None:
        self._connection.sendall(json.dumps(words).encode() + b"\n")

    def hear(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        deadline = time.monotonic() + patience_s
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or len(self._buffer) > _LINE:
                raise InvitationError("the other node does not answer in time")
            self._connection.settimeout(left)
            piece = self._connection.recv(65_536)
            if not piece:
                raise InvitationError("the other node has hung up")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            words = json.loads(line)
        except ValueError:
            words = None
        if not isinstance(words, dict):
            raise InvitationError("the other node does not speak as it should")
        if "refused" in words:
            raise InvitationError(str(words["refused"])[:500])
        return words


class Inviting:
    """A token that waits for its use."""

    def __init__(self, address: str, port: int = PORT) -> None:
        pem, certificate, digest = _identity()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        descriptor, path = tempfile.mkstemp(prefix="hacluster-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem + certificate)
            self._context.load_cert_chain(path)
        finally:
            os.unlink(path)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=family)
        self.token = Token(address, self._socket.getsockname()[1], digest, os.urandom(_SECRET))

    def close(self) -> None:
        """The token is worth nothing any more."""
        self._socket.close()

    def serve(self, seconds: float, offer: Callable[[str, int], Words], add: Callable[[str, Words], Words]) -> str:
        """Wait for whoever has the token; the name of the node that was let in.

        ``offer`` says what a node of that name, with that difference of clocks (ms), is given, ``add`` takes it in when
        it has written that; both may raise :class:`InvitationError`, which it is told. Raises it when nobody came.
        """
        deadline = time.monotonic() + seconds
        wrong = 0
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise InvitationError("nobody came in time; the token is worth nothing any more")
            self._socket.settimeout(left)
            try:
                plain, _ = self._socket.accept()
            except TimeoutError:
                continue
            try:
                with plain:
                    plain.settimeout(PATIENCE_S)
                    with self._context.wrap_socket(plain, server_side=True) as connection:
                        name = self._one(_Lines(connection), offer, add)
            except (OSError, InvitationError):
                continue
            if name:
                return name
            wrong += 1
            if wrong >= WRONG_PROOFS:
                raise InvitationError("somebody tried who does not have the token; it is worth nothing any more")

    def _one(self, lines: _Lines, offer: Callable[[str, int], Words], add: Callable[[str, Words], Words]) -> str:
        said = lines.hear()
        node = str(said.get("node", "")).lower()
        if not hmac.compare_digest(str(said.get("proof", "")), self.token.proof(node)):
            lines.say({"refused": "this is not the token that was shown"})
            return ""
        try:
            away = int(said.get("unix_ms", 0)) - time.time_ns() // 1_000_000
            lines.say({"unix_ms": time.time_ns() // 1_000_000, **offer(node, away)})
            lines.say(add(node, lines.hear()))
        except InvitationError as error:
            lines.say({"refused": str(error)})
            raise
        return node


def join(token: Token, node: str, write: Callable[[Words], Words]) -> Words:
    """Go to the node that invites, and be let in: what it says at the end.

    ``write`` is given what the cluster hands out, writes it, and says so; it may raise :class:`InvitationError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the certificate is compared with the token's digest
    try:
        with (
            socket.create_connection((token.address, token.port), timeout=PATIENCE_S) as plain,
            context.wrap_socket(plain) as connection,
        ):
            certificate = connection.getpeercert(binary_form=True) or b""
            if not hmac.compare_digest(hashlib.sha256(certificate).digest(), token.digest):
                raise InvitationError(f"whoever answers at {token.address} is not the node that made this token")
            lines = _Lines(connection)
            lines.say({"node": node, "unix_ms": time.time_ns() // 1_000_000, "proof": token.proof(node)})
            given = lines.hear()
            try:
                done = write(given)
            except InvitationError as error:
                lines.say({"refused": str(error)})
                raise
            lines.say({"written": True, **done})
            return lines.hear()
    except OSError as error:
        where = f"{token.address} port {token.port}"
        raise InvitationError(
            f"{where} cannot be reached: {error.strerror or error}; is crm cluster invite running there?"
        ) from None
