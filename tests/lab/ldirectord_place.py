"""A place for ldirectord without IPVS: ipvsadm is a double, run files and logs are the test's own."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

from tests.waiting import eventually

COMMAND = Path(sys.executable).with_name("ldirectord")
DOUBLE = Path(__file__).parents[1] / "unit/ldirectord/ipvsadm_double.py"
VIRTUAL = "10.9.0.1:80"


class RealServer:
    """A web server on loopback that can be ended; ``port`` stays its own when it begins again."""

    def __init__(self) -> None:
        self.port = 0
        self._server: http.server.HTTPServer | None = None
        self.begin()

    def begin(self) -> None:
        """Answer from now on."""
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), _Page)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def end(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"OK\n")

    def log_message(self, *_words: object) -> None:
        pass


class Place:
    """One configuration and what runs of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "web.cf"
        self.log = folder / "log"
        self.table = folder / "table"
        self.servers: list[RealServer] = []
        self.begun: list[subprocess.Popen[str]] = []
        binaries = folder / "bin"
        binaries.mkdir()
        program = binaries / "ipvsadm"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {DOUBLE} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "IPVS_TABLE": str(self.table),
            "LDIRECTORD_RUN": str(folder),
        }

    def server(self) -> RealServer:
        """One more real server."""
        self.servers.append(RealServer())
        return self.servers[-1]

    def write(self, *servers: RealServer, head: str = "", tail: str = "", file: Path | None = None) -> None:
        """The configuration: one virtual service with these real servers."""
        lines = "".join(f"    real = 127.0.0.1:{server.port} masq {n}\n" for n, server in enumerate(servers, start=1))
        text = (
            f'checkinterval = 1\nchecktimeout = 5\nnegotiatetimeout = 5\nquiescent = no\nlogfile = "{self.log}"\n{head}'
            f'virtual = {VIRTUAL}\n{lines}    service = http\n    request = "/"\n    receive = "OK"\n{tail}'
        )
        (file or self.file).write_text(text, encoding="utf-8")

    def ldirectord(self, *words: str, file: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        argv = [str(COMMAND), str(file or self.file), *words]
        return subprocess.run(argv, env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begin what stays in the foreground."""
        child = subprocess.Popen(
            [str(COMMAND), *words], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.begun.append(child)
        return child

    @property
    def pid_file(self) -> Path:
        """Of the first configuration."""
        return self.folder / "ldirectord.web.cf.pid"

    def rules(self) -> str:
        """The kernel's table."""
        return self.table.read_text(encoding="utf-8") if self.table.exists() else ""

    def has(self, server: RealServer) -> bool:
        """Whether the real server gets traffic."""
        return f"-r 127.0.0.1:{server.port} " in self.rules()

    def await_server(self, server: RealServer, *, inside: bool = True) -> None:
        """Wait until it is in the table, or out of it."""
        eventually(f"{server.port} {'in' if inside else 'out of'} the table", lambda: self.has(server) == inside)

    def said(self) -> str:
        """The whole log."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def await_line(self, words: str) -> None:
        """Wait for words in the log."""
        eventually(f"{words!r} in the log", lambda: words in self.said())

    def leave(self) -> None:
        """End everything that this place began."""
        for file in sorted(self.folder.glob("*.cf")):
            self.ldirectord("stop", file=file)
        for child in self.begun:
            if child.poll() is None:
                child.kill()
            child.communicate()
        for server in self.servers:
            server.end()
