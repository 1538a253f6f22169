"""Streams between real pulses on pretended hosts: a large message beside heartbeats, and casts a second.

    python -m tests.bench.streams [--megabytes 20] [--loss 1] [--casts 10000] [--json FILE]

Three hosts on one network, a broadcast medium, datagrams sealed. On each host one process has the heartbeat with its
real sockets, speech, and a pretended brain, in real time where that is permitted; so what speech costs (cutting,
compressing) is in the way of heartbeats here, and in a process of its own in a cluster. *Large*: bytes that hardly
compress go from one node to two others while each receiver loses the given share of all frames. *Late* is how much
later than its time a status left, or came; one that is lost makes the next one late by a whole interval. *Casts*:
messages of 1 kB from one node to two others, in order; the end is when both have said that they have the last one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import select
import sys
import time
from base64 import b85encode
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import Any, cast

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName, Reply, Say, Send
from hacluster.base.machine import Instant, Machine, after
from hacluster.base.members import NO_VIEW, Member, Rank, ViewId
from hacluster.cib.store import RequestId
from hacluster.config.media import Bcast
from hacluster.config.settings import Seal
from hacluster.daemon.driver import Driver
from hacluster.daemon.media.ports import Media
from hacluster.daemon.realtime import round_robin
from hacluster.heartbeat.config import HeartbeatConfig, Identity, MediumSpec
from hacluster.heartbeat.generation import FLOOR_KEY, GENERATION_KEY
from hacluster.heartbeat.machine import HeartbeatMachine
from hacluster.lab.hosts import Lab
from hacluster.lab.programs import Program
from hacluster.msg.driver import Restored
from hacluster.msg.hearing import Carried, Carry, PulseStarted, StatusSeen
from hacluster.msg.replica import Ack, WriteAsked
from hacluster.msg.stream import Convey, Conveyed
from hacluster.node.router import Router
from hacluster.speech.machine import SpeechMachine
from hacluster.wire.auth import Key, KeyRing, Method

NAMES = ("one", "two", "three")
PORT = 6940
KEEPALIVE_MS = 200
VIEW = ViewId(1, "one", 1, 1)
BATCH = 200
BIG = 10_000


@dataclass
class Ccm:
    """Says who it is, and notes who is there."""

    name: str
    seen: set[str] = field(default_factory=set)

    def step(self, event: object, _now: Instant) -> list[Effect]:
        match event:
            case PulseStarted(generation=generation):
                rank = Rank(witness=False, feature_set=(3, 20, 0), up_since=1, name=self.name)
                carried = Carried(Member(self.name, generation, 1), frozenset(), NO_VIEW, NO_VIEW, rank)
                return [Send(MachineName.HEARTBEAT, Carry(carried))]
            case StatusSeen(carried=carried):
                self.seen.add(carried.member.name)
            case _:
                pass
        return []

    def deadline(self) -> Instant | None:
        return None

    def check(self) -> None:
        pass


@dataclass
class Work:
    """Sends what is to be sent when all are there; the last message is answered."""

    name: str
    ccm: Ccm
    messages: int
    size: int
    done: asyncio.Future[dict[str, Any]]
    sent: int = 0
    heard: int = 0
    answered: set[str] = field(default_factory=set)
    began: float = 0.0
    next: Instant | None = None
    body: str = ""

    def step(self, event: object, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        match event:
            case Conveyed(sender=sender, body=WriteAsked() as asked):
                assert asked.request.seq == self.heard + 1, (asked.request.seq, self.heard)
                self.heard = asked.request.seq
                if self.heard == self.messages:
                    out.append(
                        Send(MachineName.SPEECH, Convey((sender.name,), MachineName.CIBD, Ack(VIEW, self.heard)))
                    )
            case Conveyed(sender=sender, body=Ack()):
                self.answered.add(sender.name)
                if len(self.answered) == len(NAMES) - 1:
                    self.done.set_result({"seconds": time.monotonic() - self.began})
            case _:
                pass
        if self.name == NAMES[0] and self.sent < self.messages and (self.next is None or self.next <= now):
            out += self._more()
            self.next = after(now, 1)
        return out

    def _more(self) -> list[Effect]:
        if len(self.ccm.seen) < len(NAMES) - 1:
            return []
        if not self.began:
            self.began = time.monotonic()
        out: list[Effect] = []
        for _ in range(min(BATCH, self.messages - self.sent)):
            self.sent += 1
            body = WriteAsked(VIEW, RequestId(VIEW, self.sent, "n"), self.body, forced=False)
            out.append(Send(MachineName.SPEECH, Convey(NAMES[1:], MachineName.CIBD, body)))
        return out

    def deadline(self) -> Instant | None:
        return self.next if self.name == NAMES[0] and self.sent < self.messages else None

    def check(self) -> None:
        pass


class Store:
    """Files in memory."""

    def write(self, key: str, data: bytes, *, volatile: bool = False) -> None:
        del key, data, volatile

    def append(self, key: str, data: bytes) -> None:
        del key, data

    def set_aside(self, key: str, *, volatile: bool = False) -> str:
        del volatile
        return key


class Nobody:
    """No clients."""

    def reply(self, reply: Reply) -> None:
        del reply

    def publish(self, topic: str, body: object) -> None:
        del topic, body


class Lateness:
    """How much later than ``KEEPALIVE_MS`` after the one before something came, at most."""

    def __init__(self) -> None:
        self.last = 0
        self.most = 0

    def note(self, now: int) -> None:
        if self.last:
            self.most = max(self.most, now - self.last - KEEPALIVE_MS)
        self.last = now


async def node(name: str, messages: int, size: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[dict[str, Any]] = loop.create_future()
    keys = KeyRing({1: Key(1, Method.SHA1, b"a key for the bench")}, 1)
    config = HeartbeatConfig(
        nodes=NAMES,
        media=(MediumSpec("eth0", hears_itself=True, text="bcast eth0"),),
        keys=keys,
        keepalive_ms=KEEPALIVE_MS,
        deadtime_ms=5_000,
        initdead_ms=10_000,
        seal=Seal.ON,
        seal_keys=(b"a secret for the bench".ljust(32, b"."),),
        listeners=(),
        crm=True,
    )
    with contextlib.suppress(OSError):
        round_robin(None)  # as a pulse runs
    number = NAMES.index(name)
    heartbeat = HeartbeatMachine(config, Identity(name, bytes([number + 1]) * 16, os.urandom(16)), Dice(number))
    ccm = Ccm(name)
    work = Work(name, ccm, messages, size, done)
    if name == NAMES[0]:
        work.body = b85encode(random.Random(1).randbytes(size * 4 // 5)).decode() if size > BIG else "x" * size
    machines = {
        MachineName.HEARTBEAT: heartbeat,
        MachineName.SPEECH: SpeechMachine(),
        MachineName.CCM: ccm,
        MachineName.CIBD: work,
    }
    driver = Driver(Router(cast("dict[MachineName, Machine[object]]", machines)), _log)
    media = Media((Bcast("eth0", PORT),), lambda event: driver.post(MachineName.HEARTBEAT, event))
    driver.media, driver.disk, driver.clients = media, Store(), Nobody()
    core = heartbeat._core
    left = Lateness()
    came = {peer.name: Lateness() for peer in core.peers}

    begun = False

    def observe(*_: object) -> None:
        nonlocal begun
        if work.began and not begun:
            # The step in which the brain encodes it all: in a cluster that is another process.
            begun, left.last, left.most = True, 0, 0
        if core.last_status != left.last:
            left.note(core.last_status)

    driver.observers.append(observe)
    driver.start()
    for key in (GENERATION_KEY, FLOOR_KEY):
        driver.post(MachineName.HEARTBEAT, Restored(key, None))
    media.start()
    heard = {peer.name: 0 for peer in core.peers}

    def look() -> None:
        for peer in core.peers:
            if peer.silence.heard and peer.silence.since != heard[peer.name]:
                heard[peer.name] = peer.silence.since
                came[peer.name].note(peer.silence.since)

    driver.on_turn = lambda _now: look()
    finish = loop.create_task(_stdin())
    await asyncio.wait([done, finish], return_when=asyncio.FIRST_COMPLETED)
    cpu = time.process_time()
    result = {
        "name": name,
        "late_ms": left.most,
        "came_late_ms": max((each.most for each in came.values()), default=0),
        "cpu_s": round(cpu, 2),
        "heard": work.heard,
    }
    if done.done():
        result |= done.result()
        print(json.dumps(result), flush=True)
        await finish
    else:
        print(json.dumps(result), flush=True)
    driver.close()
    return result


def _log(say: Say) -> None:
    print(say, file=sys.stderr, flush=True)


async def _stdin() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def measure(messages: int, size: int, loss: float, timeout_s: float = 120) -> list[dict[str, Any]]:
    """One run on three hosts: what the sender found, then the others."""
    with Lab("bench-streams") as lab:
        lab.add_network("net0", "172.16.0.0/16")
        hosts = [
            lab.add_host(name, {"eth0": ("net0", f"172.16.0.{number}/16")}) for number, name in enumerate(NAMES, 1)
        ]
        if loss:
            for host in hosts:
                host.loss(loss, "out")
        argv = [sys.executable, "-m", "tests.bench.streams", "--node"]
        cwd = str(Path(__file__).resolve().parents[2])
        # The sender is the last to start, so that all are there.
        runs = [
            host.spawn([*argv, host.name, str(messages), str(size)], cwd=cwd, stdin=PIPE, stdout=PIPE)
            for host in reversed(hosts)
        ]
        found = [_line(run, timeout_s) for run in runs[-1:]]
        for run in runs[:-1]:
            assert run.stdin is not None
            run.stdin.close()
            found.append(_line(run, 10))
    return found


def _line(run: Program, timeout_s: float) -> dict[str, Any]:
    assert run.stdout is not None
    if not select.select([run.stdout], [], [], timeout_s)[0]:
        raise TimeoutError(f"nothing after {timeout_s} s")
    return cast("dict[str, Any]", json.loads(run.stdout.readline()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--megabytes", type=float, default=20.0)
    parser.add_argument("--loss", type=float, default=1.0, help="per cent of the frames to each receiver")
    parser.add_argument("--casts", type=int, default=10_000)
    parser.add_argument("--json")
    options = parser.parse_args()
    large = measure(1, int(options.megabytes * 1_000_000), options.loss)
    seconds = large[0]["seconds"]
    late, came = max(run["late_ms"] for run in large), max(run["came_late_ms"] for run in large)
    print(f"{options.megabytes:g} MB to two nodes, {options.loss:g} % loss: {seconds:.1f} s", end="; ")
    print(f"a status left at most {late} ms late, came at most {came} ms late")
    many = measure(options.casts, 1_000, 0)
    rate = options.casts / many[0]["seconds"]
    print(f"casts of 1 kB to two nodes, in order, acknowledged: {rate:,.0f} a second")
    for what, runs in (("large", large), ("casts", many)):
        print(f"{what}: CPU seconds", ", ".join(f"{run['name']} {run['cpu_s']}" for run in runs))
    if options.json:
        Path(options.json).write_text(json.dumps({"large": large, "casts": many}))


if __name__ == "__main__":
    if "--node" in sys.argv:
        at = sys.argv.index("--node")
        asyncio.run(node(sys.argv[at + 1], int(sys.argv[at + 2]), int(sys.argv[at + 3])))
    else:
        main()
