"""A list-based network under virtual time for a few heartbeat machines, and machines fed by hand."""

from __future__ import annotations

import dataclasses
import heapq
import json
import pathlib
import zlib

import pytest

from hacluster.base.dice import Dice
from hacluster.base.effects import Persist, Publish, Reply, Say, Send, Stop, Transmit
from hacluster.base.machine import Instant
from hacluster.heartbeat.config import HeartbeatConfig, Identity, MediumSpec
from hacluster.heartbeat.machine import HeartbeatMachine
from hacluster.msg.driver import DatagramReceived, HostSample, Persisted, Request, Restored, Tick
from hacluster.msg.membership import MessageReceived, NodeStateChanged
from hacluster.wire.auth import Key, KeyRing, Method
from hacluster.wire.frame import Opened, open_frame
from hacluster.wire.seal import is_sealed

START = 1_700_000_000_000
KEYS = KeyRing({1: Key(1, Method.SHA1, b"test-key")}, 1)


def config(nodes=("alpha", "beta"), links=("eth0",), **changes) -> HeartbeatConfig:
    settings = {
        "keys": KEYS,
        "keepalive_ms": 1_000,
        "deadtime_ms": 6_000,
        "warntime_ms": 3_000,
        "initdead_ms": 12_000,
        "deadping_ms": 6_000,
        **changes,
    }
    media = settings.pop("media", tuple(MediumSpec(link) for link in links))
    return HeartbeatConfig(nodes=nodes, media=media, **settings)


def uuid_of(name: str) -> bytes:
    return name.encode().ljust(16, b"\x01")[:16]


class Box:
    """One machine with its disk, and everything it ever asked for."""

    def __init__(self, name, settings, seed=1, disk=None, now=0, wall=START, uuid=None):
        self.name = name
        self.disk = dict(disk or {})
        self.wall = wall
        self.now = now
        self.machine = HeartbeatMachine(
            settings, Identity(name, uuid or uuid_of(name), b"boot%012d" % seed), Dice(seed)
        )
        self.keys = settings.keys
        self.told: list[object] = []
        self.said: list[Say] = []
        self.replies: list[Reply] = []
        self.published: list[object] = []
        self.sent: list[tuple[int, int, bytes]] = []
        self.stopped: Stop | None = None
        self.fail_persist = False
        self.unsaved: list[Persist] = []
        self.hold_persist = False

    def start(self, now=None):
        now = self.now if now is None else now
        self.give(HostSample(self.wall + now, "0.10 0.20 0.30 1/100 4711"), now)
        self.give(Restored("hb_generation", self.disk.get("hb_generation")), now)
        self.give(Restored("replay-floor", self.disk.get("replay-floor")), now)
        return self

    def give(self, event, now=None):
        """One event; what it asks for is done at once. Returns the effects."""
        self.now = self.now if now is None else now
        effects = self.machine.step(event, Instant(self.now))
        self.machine.check()
        for effect in effects:
            match effect:
                case Persist():
                    if self.hold_persist:
                        self.unsaved.append(effect)
                    else:
                        self.disk[effect.key] = effect.data
                        self.give(Persisted(effect.key, effect.token))
                case Send():
                    self.told.append(effect.body)
                case Say():
                    self.said.append(effect)
                case Reply():
                    self.replies.append(effect)
                case Publish():
                    self.published.append(effect.body)
                case Transmit():
                    self.sent.append((self.now, effect.medium, effect.data))
                case Stop():
                    self.stopped = effect
        return effects

    def until(self, now):
        """Run the timers up to ``now``."""
        while (due := self.machine.deadline()) is not None and due <= now:
            self.give(Tick(), max(due, self.now))
        self.now = max(self.now, now)
        return self

    def receive(self, data, now=None, medium=0, source="10.0.0.2"):
        return self.give(DatagramReceived(medium, data, source), now)

    def ask(self, body, peer=None):
        number = len(self.replies) + 1000
        self.give(Request(number, peer, body))
        return next((reply.body for reply in self.replies if reply.request_id == number), None)

    def messages(self, kind=None, since=0):
        """The messages it sent on its first medium: (time, message)."""
        found = []
        for when, medium, data in self.sent:
            if is_sealed(data):
                continue
            opened = open_frame(data, self.keys)
            assert isinstance(opened, Opened), opened
            if medium == 0 and when >= since and kind in (None, opened.message.type):
                found.append((when, opened.message))
        return found

    def of(self, kind):
        return [body for body in self.told if isinstance(body, kind)]

    def heard(self, kind):
        return [b.message for b in self.of(MessageReceived) if b.message.type == kind and not b.own]

    def codes(self):
        return [say.code for say in self.said]

    def view(self):
        return self.machine._core.view()

    def states(self, node):
        return [body.new.value for body in self.of(NodeStateChanged) if body.node == node]


class Lan:
    """Boxes on one wire per medium. Loss and duplication are per million, delays milliseconds."""

    def __init__(self, names=("alpha", "beta"), seed=1, loss=0, duplicate=0, delay=(1, 3), **changes):
        self.dice = Dice(seed)
        self.loss, self.duplicate, self.delay = loss, duplicate, delay
        self.config = config(names, **changes)
        self.now = 0
        self.seed = seed
        self.boxes: dict[str, Box] = {}
        self.cut: set[tuple[str, str]] = set()
        self.paused: set[str] = set()
        self.flying: list[tuple[int, int, str, int, bytes]] = []
        self.count = 0
        self._carried: dict[str, int] = {}

    def boot(self, name, settings=None, disk=None, uuid=None, wall=START):
        self.seed += 1
        old = self.boxes.get(name)
        disk = old.disk if disk is None and old else disk
        box = Box(name, settings or self.config, self.seed, disk, self.now, wall, uuid)
        self.boxes[name] = box
        self._carried[name] = 0
        box.start()
        self._carry(box)
        return box

    def kill(self, name):
        return self.boxes.pop(name)

    def _carry(self, box):
        for when, medium, data in box.sent[self._carried[box.name] :]:
            for other in self.boxes:
                if other == box.name or (box.name, other) in self.cut or self.dice.chance(self.loss):
                    continue
                for _ in range(2 if self.dice.chance(self.duplicate) else 1):
                    self.count += 1
                    at = when + self.dice.between(*self.delay)
                    heapq.heappush(self.flying, (at, self.count, other, medium, data))
        self._carried[box.name] = len(box.sent)

    def give(self, name, event):
        box = self.boxes[name]
        box.give(event, self.now)
        self._carry(box)

    def until(self, end):
        """Let time pass up to ``end``."""
        while True:
            awake = [box for name, box in self.boxes.items() if name not in self.paused]
            dues = [(due, box.name) for box in awake if (due := box.machine.deadline()) is not None]
            due = min(dues, default=(end + 1, ""))
            arrival = next(((f[0], f) for f in self.flying if f[2] not in self.paused), (end + 1, None))
            if self.paused and self.flying:
                ready = [f for f in self.flying if f[2] not in self.paused]
                arrival = (min(ready)[0], min(ready)) if ready else (end + 1, None)
            if min(due[0], arrival[0]) > end:
                break
            if arrival[0] <= due[0]:
                self.flying.remove(arrival[1])
                heapq.heapify(self.flying)
                self.now = max(self.now, arrival[0])
                _, _, name, medium, data = arrival[1]
                if name in self.boxes:
                    self.give(name, DatagramReceived(medium, data, f"10.0.0.{len(name)}"))
            else:
                self.now = max(self.now, due[0])
                self.give(due[1], Tick())
        self.now = end
        return self

    def run(self, ms):
        return self.until(self.now + ms)

    def change(self, **changes):
        self.config = dataclasses.replace(self.config, **changes)


@pytest.fixture(scope="session")
def lan():
    return Lan


@pytest.fixture(scope="session")
def box():
    return Box


@pytest.fixture(scope="session")
def settings():
    return config


class Capture:
    """A captured session of real nodes: packets as (milliseconds, sender, protocol, bytes)."""

    def __init__(self, name):
        path = pathlib.Path(__file__).parent / "data" / f"{name}.json.zz"
        doc = json.loads(zlib.decompress(path.read_bytes()))
        method = Method(doc["method"])
        self.keys = KeyRing({doc["slot"]: Key(doc["slot"], method, doc["key"].encode())}, doc["slot"])
        self.packets = [(t, src, proto, bytes.fromhex(data)) for t, src, proto, data in doc["packets"]]
        self.opened = [(t, src, open_frame(data, self.keys).message) for t, src, proto, data in self.packets]
        self.uuids = {m.get("src"): m.get_binary("srcuuid") for _, _, m in self.opened if "srcuuid" in m}
        self.wall = max(int(m.get("ts"), 16) * 1000 - t for t, _, m in self.opened)

    def of(self, sender, kind=None, generation=None):
        """The messages that ``sender`` made: (milliseconds, message)."""
        return [
            (t, m)
            for t, _, m in self.opened
            if m.get("src") == sender and kind in (None, m.type) and generation in (None, m.get("hg"))
        ]

    def play(self, target, sender, start=0, until=10**9, dice=None, loss=0):
        """Give ``target`` what ``sender`` sent, at its time (plus ``start``)."""
        for (t, _, proto, data), (_, _, message) in zip(self.packets, self.opened, strict=True):
            if message.get("src") != sender or proto != "udp" or t > until:
                continue
            if dice is not None and dice.chance(loss):
                continue
            target.until(max(start + t, target.now))
            target.receive(data)
        return target


@pytest.fixture(scope="session")
def capture():
    return Capture
