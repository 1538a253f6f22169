"""webserver: a small HTTP service that names its node, for demos and tests of a cluster.

The server holds a lock on its pid file as long as it lives. So "is it running" needs no trust in a process number, and
no stale file deceives.
"""

from __future__ import annotations

import fcntl
import os
import time
from _socket import AF_INET6, SOCK_CLOEXEC, SOCK_STREAM
from _socket import socket as Socket  # noqa: N812 - the class is called socket
from collections.abc import Sequence

from hacluster_ra import ocf
from hacluster_ra.netlink import family_of
from hacluster_ra.ocf import SIGKILL, SIGTERM, Action, Agent, Failure, Parameter, Values

HEALTH_PATH = "/.health"
POLL_S = 0.02
ANSWER_S = 5.0
KILL_AFTER_S = 5.0


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


def _lock(path: str) -> int | None:
    """Take the pid file's lock; ``None`` when a server holds it. OSError when the file cannot be opened."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _lock_patiently(path: str) -> int:
    """Take the lock for good; a monitor may hold it for a moment."""
    for _ in range(50):
        lock = _lock(path)
        if lock is not None:
            return lock
        time.sleep(POLL_S)
    raise OSError(f"another server holds {path}")


def is_alive(path: str) -> bool:
    """Whether a server holds the pid file, also when somebody has removed its name."""
    if not ocf.exists(path):
        return bool(orphan(path))
    file = _lock(path)
    if file is None:
        return True
    os.close(file)
    return False


def orphan(path: str) -> int:
    """The process that holds a pid file of which the name is gone, as when HA_RSCTMP was emptied; 0: none."""
    gone = os.path.realpath(path) + " (deleted)"
    here = os.readlink("/proc/self/ns/net")
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            held = [os.readlink(f"/proc/{entry}/fd/{number}") for number in os.listdir(f"/proc/{entry}/fd")]
            if gone in held and os.readlink(f"/proc/{entry}/ns/net") == here:
                return int(entry)
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
    return 0


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
    if is_alive(path):
        return monitor(values)
    directory = values.text("directory")
    if directory and not os.path.isdir(directory):
        raise Failure(ocf.ERR_INSTALLED, f"there is no directory {directory}")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            os.close(read)
            os.setsid()
            if os.fork() == 0:
                _become_server(values, path, write)
        finally:
            os._exit(0)
    os.close(write)
    os.wait()
    with os.fdopen(read, "rb") as pipe:
        word = pipe.read().decode(errors="replace")
    if word != "ready":
        raise Failure(ocf.ERR_GENERIC, word or "the server ended before it was ready")
    wrong = _health(values)
    if wrong:
        raise Failure(ocf.ERR_GENERIC, wrong)
    return ocf.OK


def _become_server(values: Values, path: str, write: int) -> None:
    from hacluster_ra.webservice import Site, serve

    word = "ready"
    os.closerange(3, write)
    os.closerange(write + 1, 1 << 20)
    try:
        lock = _lock_patiently(path)
        site = Site(
            node=os.uname().nodename,
            text=values.text("text"),
            directory=values.text("directory"),
            access_log=values.text("access_log"),
            access_log_size=values.number("access_log_size"),
        )
        server = serve(values.text("ip"), values.number("port"), site)
        os.ftruncate(lock, 0)
        os.write(lock, b"%d\n" % os.getpid())
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
    except OSError as error:
        word = f"port {values.text('port')}: {error}"
    os.write(write, word.encode())
    os.close(write)
    if word == "ready":
        server.serve_forever()


def stop(values: Values) -> int:
    """TERM, then KILL; returns when the server is gone."""
    path = pid_file(values)
    begun = time.monotonic()
    number = SIGTERM
    sent = 0
    while is_alive(path):
        now = time.monotonic()
        if now > begun + values.timeout_s * 0.9:
            raise Failure(ocf.ERR_GENERIC, "the server does not end")
        if now > begun + min(KILL_AFTER_S, values.timeout_s / 2):
            number = SIGKILL
        text = (ocf.read_file(path) or "").strip() or str(orphan(path))
        if text.isdecimal() and int(text) > 1 and sent != number:
            sent = number
            try:
                os.kill(int(text), number)
            except ProcessLookupError:
                continue
        time.sleep(POLL_S)
    if ocf.exists(path):
        os.unlink(path)
    return ocf.OK


def monitor(values: Values) -> int:
    """Running means that it holds its pid file and answers a real request."""
    if not is_alive(pid_file(values)):
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
