"""Parameters that are kept out of the CIB (cibsecret(8)): a file with the value, and one beside it with its digest."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.effects import Spawn

MAX_SECRET: Final = 65_536


def read(path: str) -> str:
    """The value; OSError with EBADMSG when it cannot be had, or is not what its digest says."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SECRET)
        with open(f"{path}.sign", "rb") as file:
            sign = file.read(128).strip()
    except OSError as error:
        raise OSError(errno.EBADMSG, f"{error.strerror}: {path}") from error
    # Pacemaker's own tool wrote the digest of the file with or without its last newline, over the years.
    known = {hashlib.md5(text, usedforsecurity=False).hexdigest() for text in (data, data.removesuffix(b"\n"))}
    if sign.decode("ascii", "replace") not in known:
        raise OSError(errno.EBADMSG, f"it is not what its digest says: {path}")
    return data.decode("utf-8", "replace").removesuffix("\n")


HIDDEN: Final = b"****"
_LEAST: Final = 3
"""A shorter secret is no secret, and would be found in every text."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a program gets, with the values of its secrets in it."""

    env: tuple[tuple[str, str], ...] = field(repr=False)
    stdin: bytes = field(repr=False)
    values: tuple[bytes, ...] = field(default=(), repr=False)

    def hide(self, text: bytes) -> bytes:
        """What the program said, without them."""
        for value in self.values:
            text = text.replace(value, HIDDEN)
        return text


def filled_in(spawn: Spawn) -> Filled:
    """What a program is given. OSError."""
    env = {name: read(path) for name, path in spawn.secrets}
    words = {name: read(path) for name, path in spawn.stdin_secrets}
    lines = "".join(f"{name}={' '.join(value.splitlines())}\n" for name, value in words.items())
    values = {value.encode() for value in (*env.values(), *words.values()) if len(value) >= _LEAST}
    given = tuple({**dict(spawn.env), **env}.items())
    return Filled(given, spawn.stdin + lines.encode(), tuple(sorted(values, key=len, reverse=True)))
