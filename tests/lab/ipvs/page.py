"""A web server that names its host: ``python -IS page.py NAME PORT...``. Light, for it starts in emulated machines."""

import selectors
import socket
import sys


def main() -> None:
    name, *ports = sys.argv[1:]
    body = f"{name}\n".encode()
    answer = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    chosen = selectors.DefaultSelector()
    for port in ports:
        listener = socket.create_server(("", int(port)), backlog=512)
        chosen.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    listeners = {key.fileobj for key in chosen.get_map().values()}
    while True:
        for key, _ in chosen.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if sock in listeners:
                chosen.register(sock.accept()[0], selectors.EVENT_READ)
                continue
            try:
                asked = sock.recv(4096)
                if asked:
                    sock.sendall(answer if asked.startswith(b"GET") else body)
            except OSError:
                asked = b""
            if not asked:
                chosen.unregister(sock)
                sock.close()


main()
