"""The Heartbeat message: an ordered, immutable list of typed fields.

A message knows nothing of how it travels; :mod:`hacluster.wire.netstring` and :mod:`hacluster.wire.text` are its two
encodings. Strings are ``str``: UTF-8 with ``surrogateescape``, so every byte a peer may send survives a round trip and
text that people wrote stays readable. Order matters, because the inner signature follows it, and a name may occur more
than once; the accessors see the first field of a name, as Heartbeat does.

Source: Linux-HA Heartbeat 3.0.6 and cluster-glue 1.0.12, message format (``ha_msg``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_FIELD_NAME


class FieldType(IntEnum):
    """The type digit of a field on the wire. 5 (uncompressed struct) exists only in the memory of a real node."""

    STRING = 0
    BINARY = 1
    STRUCT = 2
    LIST = 3
    COMPRESS = 4


@dataclass(frozen=True, slots=True)
class Field:
    """One field. The value's Python type follows ``type``.

    STRING is ``str``, BINARY and COMPRESS are ``bytes``, STRUCT is a :class:`HaMessage`, LIST a tuple of ``str``.
    """

    name: str
    type: FieldType
    value: str | bytes | HaMessage | tuple[str, ...]

    def __str__(self) -> str:
        match self.value:
            case str(text):
                return f"{self.name}={text}" if text.isprintable() and " " not in text else f"{self.name}={text!r}"
            case bytes(data):
                return f"{self.name}=<{data.hex() if len(data) == 16 else f'{len(data)} bytes'}>"
            case tuple(items):
                return f"{self.name}={list(items)!r}"
            case nested:
                return f"{self.name}={{{nested}}}"


def string(name: str, value: str) -> Field:
    """A field of type STRING."""
    return Field(name, FieldType.STRING, value)


def binary(name: str, value: bytes) -> Field:
    """A field of type BINARY."""
    return Field(name, FieldType.BINARY, value)


@dataclass(frozen=True, slots=True, repr=False)
class HaMessage:
    """A message. Every method that changes something returns a new message."""

    fields: tuple[Field, ...] = ()

    @classmethod
    def of(cls, **strings: str) -> HaMessage:
        """A message of string fields in the order of the keywords."""
        return cls(tuple(Field(name, FieldType.STRING, value) for name, value in strings.items()))

    @property
    def type(self) -> str:
        """The message type, field ``t``; empty when there is none."""
        return self.get("t") or ""

    def get(self, name: str) -> str | None:
        """The value of the first string field of that name."""
        for field in self.fields:
            if field.name == name and isinstance(field.value, str):
                return field.value
        return None

    def get_binary(self, name: str) -> bytes | None:
        """The value of the first binary field of that name. A compressed field is not a binary one."""
        for field in self.fields:
            if field.name == name and field.type is FieldType.BINARY and isinstance(field.value, bytes):
                return field.value
        return None

    def get_list(self, name: str) -> tuple[str, ...] | None:
        """The value of the first list field of that name."""
        for field in self.fields:
            if field.name == name and isinstance(field.value, tuple):
                return field.value
        return None

    def get_struct(self, name: str) -> HaMessage | None:
        """The value of the first struct field of that name."""
        for field in self.fields:
            if field.name == name and isinstance(field.value, HaMessage):
                return field.value
        return None

    def with_fields(self, *fields: Field) -> HaMessage:
        """This message with fields appended, whatever their names."""
        return HaMessage(self.fields + fields)

    def replace(self, **strings: str) -> HaMessage:
        """This message with string values set: in the place of the first field of the name, else appended.

        Further fields of a replaced name are dropped, so that the new value is the only one.
        """
        rest = dict(strings)
        fields: list[Field] = []
        for field in self.fields:
            if field.name not in strings:
                fields.append(field)
            elif field.name in rest:
                fields.append(string(field.name, rest.pop(field.name)))
        fields.extend(string(name, value) for name, value in rest.items())
        return HaMessage(tuple(fields))

    def without(self, *names: str) -> HaMessage:
        """This message without any field of these names."""
        return HaMessage(tuple(field for field in self.fields if field.name not in names))

    def names(self) -> tuple[str, ...]:
        """The field names in order, repeated ones included."""
        return tuple(field.name for field in self.fields)

    def __contains__(self, name: object) -> bool:
        return any(field.name == name for field in self.fields)

    def __str__(self) -> str:
        return " ".join(map(str, self.fields))

    def __repr__(self) -> str:
        return f"HaMessage({self})"


NAME_PATTERN: Final = f"[!-\"$&'*-;?-~]{{1,{MAX_FIELD_NAME}}}"
"""A field name: a printable ASCII word without ``=()<>#%``, which both encodings can carry."""

_NAME: Final = re.compile(NAME_PATTERN)


def is_name(name: str) -> bool:
    """Whether both encodings can carry ``name`` as a field name."""
    return _NAME.fullmatch(name) is not None


def text_bytes(value: str, *, field: str | None = None) -> bytes:
    """The wire bytes of a string. NUL cannot travel: a real node would see the text end there."""
    try:
        data = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise WireError("string cannot be encoded", field=field, offset=error.start) from None
    if 0 in data:
        raise WireError("NUL byte in a string", field=field, offset=data.index(0))
    return data


def bytes_text(data: bytes, *, field: str | None = None) -> str:
    """The string of wire bytes; raises :class:`WireError` on a NUL byte."""
    if 0 in data:
        raise WireError("NUL byte in a string", field=field, offset=data.index(0))
    return data.decode("utf-8", "surrogateescape")
