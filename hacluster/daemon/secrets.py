"""Parameters that are kept out of the CIB (cibsecret(8)): a file with the value, and one beside it with its digest."""

from __future__ import annotations

import errno
import hashlib
from typing import Final

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


def filled_in(env: tuple[tuple[str, str], ...], secrets: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """``env`` with the values of ``secrets`` (variable, path) read from their files. OSError."""
    return tuple({**dict(env), **{name: read(path) for name, path in secrets}}.items()) if secrets else env
