"""The rule of :mod:`hacluster.wire.screen` as a classic BPF program that the kernel applies to a UDP socket.

Source: Linux kernel documentation, networking/filter; linux/filter.h. The program sees the datagram from the UDP header
on; what it drops takes no room in the receive buffer and wakes nobody.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence
from typing import Final

from hacluster.base.effects import Screen
from hacluster.wire import netstring, text
from hacluster.wire.screen import BOOT_AT, KEY_AT, MAX_LISTED, SAMPLE, SHORTEST, source_word
from hacluster.wire.seal import MARKER

_SO_ATTACH_FILTER: Final = 26
_LOAD_WORD: Final = 0x20
_LOAD_LENGTH: Final = 0x80
_AND: Final = 0x54
_JUMP_EQUAL: Final = 0x15
_JUMP_NOT_LESS: Final = 0x35
_RETURN: Final = 0x06
_UDP_HEADER: Final = 8
_NETWORK: Final = 0xFFF00000
"""SKF_NET_OFF: offsets from the IP header on."""

_RANDOM: Final = 0xFFFFF000 + 56
"""SKF_AD_OFF + SKF_AD_RANDOM."""

_SOURCE: Final = {socket.AF_INET: _NETWORK + 12, socket.AF_INET6: _NETWORK + 8 + 12}
"""The source address, its last word for IPv6."""

Instruction = tuple[int, int, int, int]
"""Operation, jump if true, jump if false, operand (struct sock_filter)."""

_ADMIT: Final[Instruction] = (_RETURN, 0, 0, 0xFFFFFFFF)
_DROP: Final[Instruction] = (_RETURN, 0, 0, 0)


def _word(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


def _one_of(words: Sequence[bytes], then: Sequence[Instruction], otherwise: Sequence[Instruction]) -> list[Instruction]:
    """Go on with ``then`` when the accumulator is one of the words. Both must end in a return."""
    listed = words[:MAX_LISTED]
    last = len(listed) - 1
    tests = [(_JUMP_EQUAL, len(otherwise) + last - at, 0, _word(word)) for at, word in enumerate(listed)]
    return [*tests, *otherwise, *then] if listed else list(otherwise)


def program(screen: Screen, family: int) -> list[Instruction]:
    """The instructions; ``family``: AF_INET or AF_INET6."""
    sample = [(_LOAD_WORD, 0, 0, _RANDOM), (_AND, 0, 0, SAMPLE - 1), (_JUMP_EQUAL, 0, 1, 0), _ADMIT, _DROP]
    sealed, classic = [_ADMIT], [_ADMIT]
    if screen.strict:
        known_key = [(_LOAD_WORD, 0, 0, _UDP_HEADER + BOOT_AT), *_one_of(screen.boots, [_ADMIT], sample)]
        sealed = [(_LOAD_WORD, 0, 0, _UDP_HEADER + KEY_AT), *_one_of(screen.keys, known_key, [_DROP])]
        sources = [source_word(source) for source in screen.sources]
        classic = [(_LOAD_WORD, 0, 0, _SOURCE[socket.AddressFamily(family)]), *_one_of(sources, [_ADMIT], sample)]
        if not screen.classic:
            classic = [_DROP]
    return [
        (_LOAD_LENGTH, 0, 0, 0),
        (_JUMP_NOT_LESS, 1, 0, _UDP_HEADER + SHORTEST),
        _DROP,
        (_LOAD_WORD, 0, 0, _UDP_HEADER),
        *_one_of([netstring.START, text.START], classic, [(_JUMP_EQUAL, 1, 0, _word(MARKER)), _DROP, *sealed]),
    ]


def attach(sock: socket.socket, screen: Screen) -> None:
    """Have the kernel apply it to this socket; it replaces the one before. OSError."""
    made = program(screen, sock.family)
    code = ctypes.create_string_buffer(b"".join(struct.pack("@HBBI", *each) for each in made))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(made), ctypes.addressof(code)))
