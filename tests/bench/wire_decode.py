"""Datagrams verified and decoded per second: ``python -m tests.bench.wire_decode [--json]``.

Each figure is the best of several rounds over the same captured status messages, and its ratio to the plain netstring
decoder without any verification, which is the floor. All take turns in each round, so that a machine that is slower for
a while is it for all. Ratios hold from machine to machine; rates do not.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable

from hacluster.wire import netstring
from hacluster.wire.auth import Key, KeyRing, Method
from hacluster.wire.frame import Form, Opened, open_frame, sign
from hacluster.wire.freshness import SealState, Verdict
from hacluster.wire.hamsg import HaMessage
from hacluster.wire.seal import SealKeys, Session
from tests.conformance.wire import vectors

ROUNDS = 15
REPEAT = 20
RINGS = {
    "crc": KeyRing({1: Key(1, Method.CRC)}, 1),
    "md5": KeyRing({1: Key(1, Method.MD5, b"bench")}, 1),
    "sha1": KeyRing({1: Key(1, Method.SHA1, b"bench")}, 1),
}


def rate(work: Callable[[], int]) -> float:
    """Datagrams per second of one run; ``work`` gives how many it did."""
    begin = time.process_time()
    done = work()
    return done / (time.process_time() - begin)


def statuses() -> list[HaMessage]:
    """Captured status messages, without the inner signature."""
    packets = vectors.session("bcast-sha1-01_start_both").packets
    return [packet.message.without("auth") for packet in packets if packet.message and packet.message.type == "status"]


def _count(outcomes: Iterable[object], expected: type) -> int:
    done = 0
    for outcome in outcomes:
        assert isinstance(outcome, expected), outcome
        done += 1
    return done


def opening(messages: list[HaMessage], ring: KeyRing, form: Form) -> Callable[[], int]:
    """Open signed datagrams, inner signature included as real nodes send it."""
    data = [sign(msg, ring, form=form) for msg in messages] * REPEAT
    return lambda: _count((open_frame(each, ring) for each in data), Opened)


def unsealing(messages: list[HaMessage]) -> Callable[[], int]:
    """Judge sealed datagrams and decode what is in them; each run needs new ones, made outside the clock's sight."""
    keys = SealKeys.of(b"bench")
    alpha, beta = (SealState(keys, Session(name * 16, 1, name * 16)) for name in (b"a", b"b"))
    alpha.open(beta.seal(b""))
    batches = [[alpha.seal(netstring.encode(msg)) for _ in range(REPEAT) for msg in messages] for _ in range(ROUNDS)]

    def work() -> int:
        done = 0
        for data in batches.pop(0):
            verdict = beta.open(data)
            assert isinstance(verdict, Verdict)
            assert verdict.fresh
            netstring.decode(verdict.plaintext)
            done += 1
        return done

    return work


def measure() -> dict[str, float]:
    """Rates by name; ``plain`` is the floor that the others are held against."""
    messages = statuses()
    bodies = [netstring.encode(msg) for msg in messages] * REPEAT
    ring = RINGS["sha1"]
    works: dict[str, Callable[[], int]] = {
        "plain": lambda: _count((netstring.decode(body) for body in bodies), HaMessage),
        **{f"{name} {form}": opening(messages, RINGS[name], form) for name in RINGS for form in Form},
        "sealed": unsealing(messages),
        "sign sha1": lambda: _count((sign(msg, ring) for msg in messages * REPEAT), bytes),
    }
    rates = dict.fromkeys(works, 0.0)
    for _ in range(ROUNDS):
        for name, work in works.items():
            rates[name] = max(rates[name], rate(work))
    return rates


def main() -> None:
    """Print the table, or one JSON object."""
    rates = measure()
    if "--json" in sys.argv[1:]:
        print(
            json.dumps(
                {name: {"per_second": round(value), "ratio": value / rates["plain"]} for name, value in rates.items()}
            )
        )
        return
    print(f"{'':18}{'per second':>12}{'ratio to plain':>16}")
    for name, value in rates.items():
        print(f"{name:18}{value:>12,.0f}{value / rates['plain']:>16.2f}")


if __name__ == "__main__":
    main()
