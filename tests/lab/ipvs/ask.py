"""A client: each line of its input is an order in JSON, the answer which server answered each of its connections.

``address``, ``ports`` (in turn), ``count``, ``hold``: keep every connection until the end of the order, ``sources``:
addresses of its own (in turn). A connection that failed is told as the error's name.
"""

import json
import socket
import sys


def ask(wanted: dict[str, object]) -> list[str]:
    address, ports, count = wanted["address"], wanted.get("ports", [80]), wanted.get("count", 1)
    sources = wanted.get("sources", [""])
    held, said = [], []
    for number in range(count):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.settimeout(wanted.get("timeout_s", 20))
        try:
            sock.bind((sources[number % len(sources)], 0))
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
