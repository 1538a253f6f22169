"""Bodies of what machines of different nodes say to one another: the name of a type, and MessagePack.

``[to, type, body]``: ``to`` is the machine that it is for. What may travel to whom is a table that is given; a body
that is not in it, that does not fit its type, or that is none, is :class:`WireError`. One value has one encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hacluster.base.errors import WireError


class _Envelope(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    to: str
    type: str
    body: msgspec.Raw


class Bodies:
    """Encodes and decodes bodies. ``table``: by machine, the types that it may be sent."""

    def __init__(self, table: Mapping[str, tuple[type[Any], ...]]) -> None:
        self._names = {(to, type_): type_.__name__ for to, types in table.items() for type_ in types}
        self._types = {(to, type_.__name__): type_ for to, types in table.items() for type_ in types}
        assert len(self._types) == len(self._names), "two types of one name for one machine"
        self._decoders: dict[type[Any], msgspec.msgpack.Decoder[Any]] = {}
        self._encoder = msgspec.msgpack.Encoder(order="deterministic")
        self._envelope = msgspec.msgpack.Decoder(_Envelope)

    def encode(self, to: str, body: object) -> bytes:
        """The bytes of a body for a machine; :class:`WireError` when it holds text that cannot travel."""
        name = self._names.get((to, type(body)))
        assert name is not None, f"{type(body).__name__} is nothing that may travel to {to}"
        try:
            return self._encoder.encode(_Envelope(to, name, msgspec.Raw(self._encoder.encode(body))))
        except UnicodeEncodeError as error:
            raise WireError(f"text that is no UTF-8: {error}", field=name) from None

    def decode(self, data: bytes) -> tuple[str, object]:
        """Whom it is for, and the body."""
        try:
            envelope = self._envelope.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise WireError(f"not what machines say: {error}") from None
        type_ = self._types.get((envelope.to, envelope.type))
        if type_ is None:
            raise WireError(f"{envelope.type[:80]!r} is nothing that may be said to {envelope.to[:80]!r}")
        decoder = self._decoders.get(type_)
        if decoder is None:
            decoder = self._decoders[type_] = msgspec.msgpack.Decoder(type_)
        try:
            return envelope.to, decoder.decode(envelope.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise WireError(f"not a {envelope.type}: {error}") from None
