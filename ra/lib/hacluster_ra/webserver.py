"""webserver: a small HTTP service that names its node, for demos and tests of a cluster."""

from __future__ import annotations

import os
from _socket import AF_INET6, SOCK_CLOEXEC, SOCK_STREAM
from _socket import socket as Socket  # noqa: N812 - the class is called socket
from collections.abc import Callable, Sequence

from hacluster_ra import background, ocf
from hacluster_ra.netlink import family_of
from hacluster_ra.ocf import Action, Agent, Failure, Parameter, Values

HEALTH_PATH = "/.health"
ANSWER_S = 5.0


def pid_file(values: Values) -> str:
    """Where the server's process number is."""
    return values.text("pidfile") or os.path.join(ocf.state_directory(), f"hacluster-webserver-{values.instance}.pid")


def _check_ip(value: str) -> str:
    try:
        family_of(value)
    except (OSError, ValueError):
        return f"ip is {value!r}, which is no IP address"
    return ""


def _check_port(value: str) -> str:
    return "" if 1 <= int(value) <= 65535 else f"port is {value}, 1 to 65535 is possible"


def validate(_: Values) -> None:
    """Every parameter is judged by itself."""


def ask(ip: str, port: int, wait_s: float) -> str:
    """Ask for the health page; what is wrong, or an empty text."""
    family = family_of(ip)
    sock = Socket(family, SOCK_STREAM | SOCK_CLOEXEC)
    sock.settimeout(wait_s)
    try:
        sock.connect((ip, port))
        shown = f"[{ip}]" if family == AF_INET6 else ip
        sock.send(f"GET {HEALTH_PATH} HTTP/1.1\r\nHost: {shown}\r\nConnection: close\r\n\r\n".encode())
        answer = sock.recv(4096)
    except OSError as error:
        return f"no answer from {ip} port {port}: {error}"
    finally:
        sock.close()
    status = answer.split(b"\r\n", 1)[0].split()
    if len(status) < 2 or status[1] != b"200":
        return f"{ip} port {port} answers {answer[:60]!r}"
    return ""


def _health(values: Values) -> str:
    return ask(values.text("ip") or "127.0.0.1", values.number("port"), min(ANSWER_S, values.timeout_s / 2))


def start(values: Values) -> int:
    """Start the server and return when it answers."""
    path = pid_file(values)
    if background.is_alive(path):
        return monitor(values)
    directory = values.text("directory")
    if directory and not os.path.isdir(directory):
        raise Failure(ocf.ERR_INSTALLED, f"there is no directory {directory}")
    background.begin(path, lambda: _prepare(values), "server")
    wrong = _health(values)
    if wrong:
        raise Failure(ocf.ERR_GENERIC, wrong)
    return ocf.OK


def _prepare(values: Values) -> Callable[[], None]:
    from hacluster_ra.webservice import Site, serve

    site = Site(
        node=os.uname().nodename,
        text=values.text("text"),
        directory=values.text("directory"),
        access_log=values.text("access_log"),
        access_log_size=values.number("access_log_size"),
    )
    try:
        return serve(values.text("ip"), values.number("port"), site).serve_forever
    except OSError as error:
        raise OSError(f"port {values.text('port')}: {error}") from None


def stop(values: Values) -> int:
    """TERM, then KILL; returns when the server is gone."""
    return background.end(pid_file(values), values, "server")


def monitor(values: Values) -> int:
    """Running means that it holds its pid file and answers a real request."""
    if not background.is_alive(pid_file(values)):
        return ocf.NOT_RUNNING
    try:
        wrong = _health(values)
    except Failure as failure:  # it was not started like this, but it runs
        wrong = failure.reason
    if wrong:
        raise Failure(ocf.ERR_GENERIC, wrong)
    return ocf.OK


AGENT = Agent(
    "webserver",
    "A small web server that names its node",
    "Serves a directory, or a page that names the node, over HTTP/1.1. For demos and tests. Every answer has the "
    f"header X-Served-By with the node's name; {HEALTH_PATH} answers 200 as long as the server works.",
    (
        Parameter("port", "Port", "TCP port.", kind="integer", default="80", group="listen", check=_check_port),
        Parameter("ip", "Address", "Address to listen on. Default: all of the host.", group="listen", check=_check_ip),
        Parameter(
            "directory",
            "Directory to serve",
            "Document root. Without it the page of text is served.",
            check=ocf.absolute("directory"),
        ),
        Parameter("text", "Text of the page", "The page for every path; %n is the node's name.", default="%n"),
        Parameter(
            "pidfile",
            "File with the process number",
            "Locked by the server while it runs. Default: one named after the resource in HA_RSCTMP.",
            group="pidfile",
            check=ocf.absolute("pidfile"),
        ),
        Parameter(
            "access_log",
            "Access log",
            "File that gets one line per request. Default: none is written.",
            check=ocf.absolute("access_log"),
        ),
        Parameter(
            "access_log_size",
            "Largest size of the access log in bytes",
            "When the log is larger it is renamed to NAME.1, and a new one is begun.",
            kind="integer",
            default="1048576",
        ),
    ),
    (
        Action("start", start, 20),
        Action("stop", stop, 20),
        Action("monitor", monitor, 20, depth=0, interval="10s"),
    ),
    validate=validate,
)

USAGE = "[PORT [DIRECTORY]]"


def from_haresources(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    """``webserver[::PORT[::DIRECTORY]]``."""
    wrong = "port and directory at most" if len(arguments) > 2 else ""
    return {n: v for n, v in zip(("port", "directory"), arguments, strict=False) if v}, wrong
