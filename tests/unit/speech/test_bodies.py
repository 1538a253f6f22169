"""The table of what may travel: each type comes back as it went, and nothing else does."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.base.effects import MachineName
from hacluster.base.errors import WireError
from hacluster.base.members import ViewId
from hacluster.msg.replica import Ack, Commit
from hacluster.msg.transition import TaskDone
from hacluster.msg.travelling import TRAVELS
from hacluster.wire.bodies import Bodies

BODIES = Bodies({machine.value: types for machine, types in TRAVELS.items()})
EVERY = [(machine, type_) for machine, types in TRAVELS.items() for type_ in types]

st.register_type_strategy(str, st.text(st.characters(codec="utf-8"), max_size=8))
st.register_type_strategy(int, st.integers(0, 2**40))


def _values(type_: type[Any]) -> st.SearchStrategy[Any]:
    if dataclasses.is_dataclass(type_):
        hints = typing.get_type_hints(type_)
        return st.builds(type_, **{field.name: _of(hints[field.name]) for field in dataclasses.fields(type_)})
    if issubclass(type_, msgspec.Struct):
        hints = typing.get_type_hints(type_)
        return st.builds(type_, **{name: _of(hints[name]) for name in type_.__struct_fields__})
    return st.from_type(type_)


def _of(hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(_of(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(_of, arguments))
    if origin is frozenset:
        return st.frozensets(_of(arguments[0]), max_size=3)
    if arguments:
        return st.one_of(*map(_of, arguments))
    if hint is type(None):
        return st.none()
    if issubclass(hint, tuple):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{name: _of(hints[name]) for name in hint._fields})
    return _values(hint)


@pytest.mark.parametrize(("machine", "type_"), EVERY, ids=[f"{m}-{t.__name__}" for m, t in EVERY])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_may_travel_comes_back_as_it_went(machine: MachineName, type_: type[Any], data: st.DataObject) -> None:
    body = data.draw(_values(type_))
    encoded = BODIES.encode(machine, body)
    assert BODIES.decode(encoded) == (machine.value, body)
    assert BODIES.encode(machine, BODIES.decode(encoded)[1]) == encoded


def test_what_is_not_in_the_table_is_neither_sent_nor_believed() -> None:
    ack = Ack(ViewId(1, "a", 1, 1), 3)
    with pytest.raises(AssertionError, match="nothing that may travel to crmd"):
        BODIES.encode(MachineName.CRMD, ack)
    other = Bodies({"crmd": (Ack,), "lrm": (Ack,)})
    for machine in ("crmd", "lrm"):
        with pytest.raises(WireError, match="nothing that may be said"):
            BODIES.decode(other.encode(machine, ack))


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\xa4cibd\xa3Ack\x90", b"\x90", b"\x93\xa4cibd\xa3Ack\xc0"])
def test_bytes_that_are_no_body_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        BODIES.decode(data)


def test_a_body_of_another_type_is_refused() -> None:
    wrong = Bodies({"cibd": (type("Ack", (TaskDone,), {}),)})
    body = next(iter(wrong._types.values()))(ViewId(1, "a", 1, 1), "key", 0)
    with pytest.raises(WireError, match="not a Ack"):
        BODIES.decode(wrong.encode("cibd", body))
    assert Commit in TRAVELS[MachineName.CIBD]
