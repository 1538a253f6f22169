"""A client: each line of its input is an order in JSON, the answer which server answered each of its connections.

``address``, ``ports`` (in turn), ``count``, ``hold``: keep every connection until the end of the order, ``sources``:
addresses of its own (in turn). A connection that failed is told as the error's name.

No port of its own is used twice, and none that the kernel gives out: IPVS keeps a connection of direct routing or a
tunnel for two minutes behind its end, and what comes from the same port then goes the same way, into nothing when that
server is in no table any more (conn_reuse_mode and expire_nodest_conn in the kernel's ipvs-sysctl).
"""

import itertools
import json
import socket
import sys

PORTS = iter(range(10_000, 32_768))


def bind(sock: socket.socket, address: str) -> None:
    for port in itertools.islice(PORTS, 100):
        try:
            return sock.bind((address, port))
        except OSError:
            continue
    raise OSError("no port is left")


def ask(wanted: dict[str, object]) -> list[str]:
    address, ports, count = wanted["address"], wanted.get("ports", [80]), wanted.get("count", 1)
    sources = wanted.get("sources", [""])
    held, said = [], []
    for number in range(count):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.settimeout(wanted.get("timeout_s", 20))
        try:
            bind(sock, sources[number % len(sources)])
            sock.connect((address, ports[number % len(ports)]))
            sock.sendall(b"who\n")
            said.append(sock.recv(100).decode().strip() or "closed")
        except OSError as error:
            said.append(type(error).__name__)
        held.append(sock)
        if not wanted.get("hold"):
            sock.close()
    for sock in held:
        sock.close()
    return said


for line in sys.stdin:
    print(json.dumps(ask(json.loads(line))), flush=True)
