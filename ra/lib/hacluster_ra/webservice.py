"""The HTTP server behind the agent webserver. Imported only by the process that becomes the server."""

from __future__ import annotations

import os
import socket
import threading
import time
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from hacluster_ra.webserver import HEALTH_PATH

MAX_CONNECTIONS = 256
IDLE_S = 15


class Site:
    """What is served, and the bounded log of it."""

    def __init__(self, node: str, text: str, directory: str, access_log: str, access_log_size: int) -> None:
        self.node = node
        self.page = (text.replace("%n", node) + "\n").encode()
        self.directory = directory
        self.access_log = access_log
        self.access_log_size = access_log_size
        self._lock = threading.Lock()

    def log(self, line: str) -> None:
        """Append a line; a log that has grown too large becomes NAME.1 first."""
        if not self.access_log:
            return
        with self._lock:
            try:
                with open(self.access_log, "a", encoding="utf-8") as file:
                    file.write(line + "\n")
                    size = file.tell()
                if size > self.access_log_size:
                    os.replace(self.access_log, self.access_log + ".1")
            except OSError:
                return  # a full disk is no reason not to serve


class Handler(SimpleHTTPRequestHandler):
    """Serves a directory as the base class does, or the site's page for every path."""

    protocol_version = "HTTP/1.1"
    server_version = "hacluster-webserver"
    sys_version = ""
    timeout = IDLE_S

    def __init__(self, *arguments: object, site: Site) -> None:
        self.site = site
        super().__init__(*arguments, directory=site.directory or "/nonexistent")  # type: ignore[arg-type]

    def end_headers(self) -> None:
        """Name the node in every answer."""
        self.send_header("X-Served-By", self.site.node)
        super().end_headers()

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self._answer(body=False)

    def _answer(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        if path == HEALTH_PATH:
            self._page(b"ok\n", body)
        elif self.site.directory:
            super().do_GET() if body else super().do_HEAD()
        else:
            self._page(self.site.page, body)

    def _page(self, text: bytes, body: bool) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if body:
            self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """One line per request, without control characters that the client may have sent."""
        line = format % args
        clean = "".join(c if c.isprintable() else "?" for c in line)
        self.site.log(f"{self.client_address[0]} {time.strftime('%Y-%m-%dT%H:%M:%S%z')} {clean}")


class Server(ThreadingHTTPServer):
    """Listens again at once after a restart; a client too many is turned away and does not cost a thread."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, family: socket.AddressFamily, address: tuple[str, int], site: Site) -> None:
        self.address_family = family
        self.places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, partial(Handler, site=site))

    def server_bind(self) -> None:
        """Bind without the base class's reverse look-up of the name, which may wait for DNS."""
        if self.address_family == socket.AF_INET6 and self.server_address[0] == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Start a thread when there is a place."""
        if self.places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Serve one connection and free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""
        del request, client_address


def serve(ip: str, port: int, site: Site) -> Server:
    """A server that listens on ``ip``, or on all addresses of both families. OSError when the port cannot be had."""
    if ip:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        return Server(family, (ip, port), site)
    try:
        return Server(socket.AF_INET6, ("::", port), site)
    except OSError as error:
        if not socket.has_ipv6 or error.errno in (97, 99):  # EAFNOSUPPORT, EADDRNOTAVAIL: a host without IPv6
            return Server(socket.AF_INET, ("0.0.0.0", port), site)
        raise
