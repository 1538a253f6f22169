"""Throw damaged datagrams at the wire: ``python -m tests.bench.fuzz_wire [COUNT [SEED]]``, one million by default.

The corpus is every captured payload, the same messages in classic form, compressed and nested ones, and sealed
datagrams. Each throw takes one, damages it with a deterministic sequence, and opens it as it is (the signature refuses
it), signed again (so that the parser meets the damage) or sealed. The claims: nothing but a verdict ever comes back, no
damage passes a keyed signature, what decodes encodes to the same bytes, and memory does not grow.
"""

from __future__ import annotations

import gc
import sys
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hacluster.base.dice import Dice
from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DATAGRAM
from hacluster.wire import netstring, offer, text
from hacluster.wire.auth import Key, KeyRing, Method, digest
from hacluster.wire.compress import ALGORITHM, PAYLOAD
from hacluster.wire.fields import read_resend_range, read_stamp
from hacluster.wire.frame import Form, Opened, open_frame, sign
from hacluster.wire.freshness import SealState, Verdict
from hacluster.wire.hamsg import Field, FieldType, HaMessage, binary, string
from hacluster.wire.reject import Rejected
from hacluster.wire.seal import SealKeys, Session
from tests.conformance.wire import vectors

KEY = Key(1, Method.SHA1, b"fuzz")
RING = KeyRing({1: KEY, 2: Key(2, Method.MD5, b"fuzz too")}, 1)
MAX_BLOCKS_GROWN = 5_000
MAX_BYTES_GROWN = 32 * 1024 * 1024
TOKENS = (
    b"###\n",
    b"%%%\n",
    b">>>\n",
    b"<<<\n",
    b"(0)",
    b"(2)",
    b"(3)",
    b"(4)",
    b"=",
    b",",
    b":",
    b"0",
    b"99999",
    b"\0",
)


@dataclass
class Corpus:
    """What is thrown: signed bodies (netstring and classic) and sealed datagrams, and who opens the latter."""

    netstrings: list[bytes] = field(default_factory=list)
    classics: list[bytes] = field(default_factory=list)
    sealed: list[bytes] = field(default_factory=list)
    receiver: SealState = field(
        default_factory=lambda: SealState(SealKeys.of(b"fuzz"), Session(b"B" * 16, 1, b"b" * 16))
    )


def corpus() -> Corpus:
    """The corpus; the same on every machine."""
    found = Corpus()
    payloads = {
        packet.payload: packet.message
        for name in vectors.names()
        for packet in vectors.session(name).packets
        if packet.message is not None
    }
    sender = SealState(SealKeys.of(b"fuzz"), Session(b"A" * 16, 1, b"a" * 16))
    sender.open(found.receiver.seal(b""))
    for message in payloads.values():
        plain = message.without("auth")
        found.netstrings.append(netstring.encode(plain))
        if all(each.value for each in plain.fields):
            found.classics.append(text.START + text.body(plain.fields) + text.END)
        found.sealed.append(sender.seal(netstring.encode(plain)))
    for body in found.netstrings[:200]:
        plain = netstring.decode(body)
        packed = zlib.compress(body)
        nested = HaMessage((Field("s", FieldType.STRUCT, plain), Field("l", FieldType.LIST, plain.names())))
        for _ in range(3):
            nested = HaMessage((string("t", "x"), Field("s", FieldType.STRUCT, nested)))
        part = HaMessage((Field("c", FieldType.COMPRESS, packed), string(ALGORITHM, "zlib")))
        for msg in (nested, part, HaMessage((binary(PAYLOAD, packed), string(ALGORITHM, "zlib")))):
            found.netstrings.append(netstring.encode(msg))
        found.classics.append(text.encode(nested).removesuffix(b"\0"))
    return found


def damage(data: bytes, other: bytes, dice: Dice) -> bytes:
    """``data`` with one to four faults; ``other`` lends bytes for a splice."""
    out = bytearray(data)
    for _ in range(dice.between(1, 4)):
        at = dice.below(len(out) + 1)
        match dice.below(8):
            case 0 if out:
                out[at % len(out)] ^= 1 << dice.below(8)
            case 1 if out:
                out[at % len(out)] = dice.below(256)
            case 2:
                del out[at:]
            case 3:
                del out[at : at + dice.between(1, 30)]
            case 4:
                out[at:at] = TOKENS[dice.below(len(TOKENS))]
            case 5:
                start = dice.below(len(other) + 1)
                out[at : at + dice.below(20)] = other[start : start + dice.below(60)]
            case 6:
                out[at:at] = out[at : at + dice.below(80)] * dice.between(1, 4)
            case _:
                run = MAX_DATAGRAM if dice.chance(300) else dice.below(300)
                out[at:at] = bytes([dice.below(256)]) * run
    return bytes(out)


def throw_as_is(good: bytes, bad: bytes) -> str:
    """A damaged datagram whose signature was not renewed: never taken."""
    opened = open_frame(bad, RING)
    if isinstance(opened, Rejected):
        return f"signed {opened.reason}"
    assert bad.removesuffix(b"\0") == good.removesuffix(b"\0"), "damage passed the signature"
    return "signed harmless"


def throw_signed(body: bytes) -> str:
    """A damaged body under a good signature: the parser is what must hold."""
    if body.startswith(text.START):
        lines = body.removeprefix(text.START).removesuffix(text.END)
        data = text.START + lines + f"auth=1 {digest(KEY, lines)}\n".encode() + text.END
    else:
        token = f"1 {digest(KEY, body)}"
        data = body + f"{len(token)}:{token},".encode()
    opened = open_frame(data, RING)
    if isinstance(opened, Rejected):
        return f"resigned {opened.reason}"
    if opened.form is Form.NETSTRING:
        assert netstring.encode(netstring.decode(body)) == body, "two encodings of one message"
    _read(opened)
    return "resigned taken"


def _read(opened: Opened) -> None:
    for read in (read_stamp, read_resend_range):
        try:
            read(opened.message)
        except WireError:
            continue
    try:
        offer.parse(opened.message.get("hx") or "")
    except WireError:
        return


def throw_sealed(receiver: SealState, good: bytes, bad: bytes) -> str:
    """A damaged sealed datagram: never taken."""
    opened = receiver.open(bad)
    if isinstance(opened, Verdict):
        assert bad == good, "damage passed the seal"
        return "sealed harmless"
    return f"sealed {opened.reason}"


def throw(thrown: Corpus, dice: Dice) -> str:
    """One datagram; the kind and outcome as words."""
    way = dice.below(5)
    if way == 0:
        pool = thrown.sealed
        good = pool[dice.below(len(pool))]
        return throw_sealed(thrown.receiver, good, damage(good, pool[dice.below(len(pool))], dice))
    pool = thrown.netstrings if way < 4 else thrown.classics
    body, other = pool[dice.below(len(pool))], pool[dice.below(len(pool))]
    if way == 1:
        form = Form.CLASSIC if dice.chance(300_000) else Form.NETSTRING
        msg = netstring.decode(body)
        good = sign(msg, RING, form=form) if _fits(msg, form) else sign(msg, RING, inner=False)
        return throw_as_is(good, damage(good, other, dice))
    start, end = (netstring.START, netstring.END) if way < 4 else (text.START, text.END)
    if dice.chance(800_000):
        # Damage between the markers, or most of it would only ever meet the search for the signature.
        return throw_signed(start + damage(body.removeprefix(start).removesuffix(end), other, dice) + end)
    return throw_signed(damage(body, other, dice))


def _fits(msg: HaMessage, form: Form) -> bool:
    return form is Form.NETSTRING or all(
        each.type in (FieldType.STRING, FieldType.BINARY) and each.value for each in msg.fields
    )


def resident_bytes() -> int:
    """What this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def run(count: int, seed: int = 1) -> Counter[str]:
    """Throw ``count`` datagrams and count the outcomes; AssertionError when a claim fails."""
    thrown, dice, outcomes = corpus(), Dice(seed), Counter[str]()
    warm = max(1, count // 5)
    blocks = resident = 0
    for number in range(count):
        if number == warm:
            gc.collect()
            blocks, resident = sys.getallocatedblocks(), resident_bytes()
        outcomes[throw(thrown, dice)] += 1
    gc.collect()
    assert sys.getallocatedblocks() - blocks < MAX_BLOCKS_GROWN, "objects pile up"
    assert resident_bytes() - resident < MAX_BYTES_GROWN, "memory grows"
    thrown.receiver.check()
    return outcomes


def main() -> None:
    """Print the outcomes and the rate."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    begin = time.perf_counter()
    outcomes = run(count, seed)
    seconds = time.perf_counter() - begin
    for outcome, number in sorted(outcomes.items()):
        print(f"{number:>10,}  {outcome}")
    print(f"{count:>10,}  datagrams in {seconds:.0f} s, seed {seed}: no exception, no growth")


if __name__ == "__main__":
    main()
