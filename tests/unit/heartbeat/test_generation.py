"""The files on disk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.config.settings import GenerationMethod
from hacluster.heartbeat.generation import (
    MAX_GENERATION,
    Floor,
    Floors,
    decode_floors,
    decode_generation,
    decode_uuid,
    encode_floors,
    encode_generation,
    next_generation,
    uuid_of_name,
)


@given(st.integers(0, MAX_GENERATION))
def test_generation_round_trip_is_sixteen_bytes(generation):
    data = encode_generation(generation)
    assert len(data) == 16
    assert decode_generation(data) == generation


WHOLE = encode_generation(1_780_000_000)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"abc\n", b"-1\n", b"1 2\n", b"9" * 16, b"0x10\n", b" " * 16, b"42\n", b"999999999999999\n"]
    + [WHOLE[:size] for size in range(16)]
    + [WHOLE[size:] for size in range(1, 16)]
    + [WHOLE * 2, bytes(16)],
)
def test_what_is_no_generation(data):
    assert decode_generation(data) is None


def test_a_hand_written_generation_is_read():
    assert decode_generation(b"             42\n") == 42


def test_what_is_read_can_be_followed_by_another():
    assert len(encode_generation(next_generation(MAX_GENERATION, 0, GenerationMethod.FILE))) == 16


def test_next_generation():
    file, time = GenerationMethod.FILE, GenerationMethod.TIME
    assert next_generation(None, 5_000_999, file) == 5_001
    assert next_generation(7, 5_000_999, file) == 8
    assert next_generation(7, 5_000_999, time) == 5_001
    assert next_generation(9_000, 5_000_999, time) == 9_001


def test_uuid_file():
    assert decode_uuid(b"\x01" * 16) == b"\x01" * 16
    for data in (b"", b"\0" * 16, b"\x01" * 15, b"\x01" * 17):
        assert decode_uuid(data) is None
    assert uuid_of_name("Alpha") == uuid_of_name("alpha") != uuid_of_name("beta")
    assert len(uuid_of_name("alpha")) == 16


floors = st.lists(
    st.builds(
        Floor,
        node=st.from_regex(r"[a-z][a-z0-9.-]{0,30}", fullmatch=True),
        uuid=st.sampled_from([b"", b"\x07" * 16]),
        generation=st.integers(0, 2**64 - 1),
        seq=st.integers(0, 2**64 - 1),
        ts=st.integers(0, 2**40),
        wall=st.integers(0, 2**40),
        sealed=st.booleans(),
    ),
    max_size=20,
    unique_by=lambda floor: floor.node,
)


@given(floors, st.binary(max_size=200))
def test_floors_round_trip(made, seal):
    assert decode_floors(encode_floors(made, seal)) == Floors({floor.node: floor for floor in made}, seal)


@given(floors, st.binary(max_size=50), st.integers(1, 400))
def test_a_torn_floor_file_is_not_believed_in_part(made, seal, cut):
    data = encode_floors(made, seal)
    assert decode_floors(data[:-cut]) is None


@given(st.binary(max_size=200))
def test_rubbish_is_no_floor_file(data):
    assert decode_floors(data) is None
    assert decode_floors(b"hacluster-replay-floor 2\nend 0\n") is None
    assert decode_floors(b"x" * 10**6) is None
