"""A client with one connection: ``talk.py ADDRESS PORT`` says its own port, and for each line of input who answers."""

import socket
import sys


def main() -> None:
    sock = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
    print(sock.getsockname()[1], flush=True)
    for _ in sys.stdin:
        try:
            sock.sendall(b"who\n")
            print(sock.recv(100).decode().strip() or "closed", flush=True)
        except OSError as error:
            print(type(error).__name__, flush=True)


main()
