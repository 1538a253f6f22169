"""Digests of operation parameters: MD5 of one canonical XML element, as executors and schedulers agreed long ago.

The text is ``" <parameters a="1" b="2"/>\\n"``: a leading blank, attributes in byte order of their names, a newline.
MD5 is the format's, not a means of protection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_ESCAPES: Final = {
    0x3C: b"&lt;", 0x3E: b"&gt;", 0x22: b"&quot;", 0x27: b"&apos;", 0x26: b"&amp;",
    0x09: b"    ", 0x0A: b"\\n", 0x0D: b"\\r",
}  # fmt: skip


_PLAIN: Final = re.compile(rb"""[^<>"'&\x00-\x1f\x7f-\xff]*""").fullmatch


def _escape(value: str) -> bytes:
    data = value.encode()
    if _PLAIN(data):
        return data
    out = bytearray()
    for position, byte in enumerate(data):
        if byte & 0x80 and position + 1 < len(data) and data[position + 1] & 0x80:
            # Escaping has always stopped at the first multi-byte character; digests would change otherwise.
            return bytes(out) + data[position:]
        if byte in _ESCAPES:
            out += _ESCAPES[byte]
        elif 0x20 <= byte <= 0x7E:
            out.append(byte)
        else:
            out += b"\\%03o" % byte
    return bytes(out)


def parameters_digest(params: Mapping[str, str]) -> str:
    """The digest of a set of parameters."""
    parts = [b" <parameters"]
    names = sorted(params, key=str.encode)
    parts += [b' %s="%s"' % (name.encode(), _escape(params[name])) for name in names]
    parts.append(b"/>\n")
    import hashlib  # noqa: PLC0415 - OpenSSL takes its time, and not every CIB has digests

    return hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
