"""``crm_mon`` that goes on: redraws when the CIB has changed, takes keys, writes files in the background.

Between two looks it sleeps in one system call (:mod:`hacluster.tools.crm_mon_watch`).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hacluster.base.results import Exit, Fault
from hacluster.client.cibsource import CibFile
from hacluster.tools.crm_mon_watch import Agent, Watch
from hacluster.tools.options import Given
from hacluster.tools.output import Failed, Output

if TYPE_CHECKING:
    from hacluster.tools.crm_mon import Monitor

_CLEAR: Final = "\033[H\033[2J"
_KEYS: Final = {
    "c": "tickets", "f": "failcounts", "n": "group-by-node", "o": "operations", "r": "inactive", "R": "show-detail",
    "t": "timing-details", "A": "show-node-attributes", "L": "neg-locations", "D": "hide-headers", "b": "brief",
}  # fmt: skip
_HELP: Final = "Keys: " + "  ".join(f"{key} {name}" for key, name in _KEYS.items()) + "  q quit  ? this line"


def _look(monitor: Monitor, agent: Agent | None) -> str:
    source = monitor.source
    if isinstance(source, CibFile):
        source.forget()
    try:
        root, cluster = monitor.cluster()
        if agent is not None:
            agent.look(root)
        return monitor.text(root, cluster)
    except Fault as error:
        return f"Not connected: {error.text}; trying again every {monitor.seconds} seconds\n"


class _Terminal:
    """The terminal without line editing, while somebody looks at it."""

    def __enter__(self) -> _Terminal:
        import termios  # noqa: PLC0415 - only a terminal has it
        import tty  # noqa: PLC0415

        self._saved = termios.tcgetattr(sys.stdin.fileno())
        tty.setcbreak(sys.stdin.fileno())
        return self

    def __exit__(self, *_: object) -> None:
        import termios  # noqa: PLC0415 - only a terminal has it

        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._saved)


def _draw(text: str, note: str) -> None:
    """As much as fits."""
    size = shutil.get_terminal_size()
    lines = text.splitlines()[: max(1, size.lines - (2 if note else 1))]
    sys.stdout.write(_CLEAR + "\n".join(line[: size.columns] for line in lines) + "\n" + (f"{note}\n" if note else ""))
    sys.stdout.flush()


def toggle(given: Given, name: str) -> None:
    """Switch an option on or off."""
    if name in given:
        given.events = [event for event in given.events if event[0] != name]
    else:
        given.events.append((name, ""))


def _interactive(monitor: Monitor, given: Given, watch: Watch, agent: Agent | None) -> int:
    resized: list[int] = []
    signal.signal(signal.SIGWINCH, lambda number, _frame: resized.append(number))
    seen: Any = object()
    text, note = "", ""
    with _Terminal():
        while True:
            stamp = watch.stamp()
            if stamp != seen or stamp is None:
                text, seen = _look(monitor, agent), stamp
                _draw(text, note)
            try:
                ready = watch.pause(sys.stdin.fileno())
            except InterruptedError:
                ready = []
            if resized:
                resized.clear()
                _draw(text, note)
            if ready:
                key = os.read(sys.stdin.fileno(), 1).decode("latin-1")
                if key in ("q", "\x04", ""):
                    return Exit.OK
                note = _HELP if key == "?" else ""
                if key in _KEYS:
                    toggle(given, _KEYS[key])
                seen = object()


def _write(path: str, text: str) -> None:
    """A whole page or nothing: readers never see half of it."""
    part = f"{path}.{os.getpid()}.part"
    Path(part).write_text(text)
    os.replace(part, path)


def _background(given: Given) -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    pid_file = given.get("pid-file")
    if pid_file is not None:
        Path(pid_file).write_text(f"{os.getpid()}\n")


def _plain(monitor: Monitor, to: str, watch: Watch, agent: Agent | None) -> int:
    """Write again and again to a file, or to an output that is no terminal."""
    seen: Any = object()
    while True:
        stamp = watch.stamp()
        if stamp != seen or stamp is None:
            text, seen = _look(monitor, agent), stamp
            if to == "-":
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                _write(to, text)
        watch.pause()


def follow(monitor: Monitor, given: Given, out: Output) -> int:
    """Go on until somebody ends it."""
    to = given.get("as-html") or given.get("output-to") or "-"
    path = given.get("external-agent")
    agent = Agent(path, given.get("external-recipient") or "") if path is not None else None
    if "daemonize" in given:
        if to == "-" and agent is None:
            raise Failed("--daemonize requires at least one of --output-to (with value not set to '-') and"
                         " --external-agent", Exit.USAGE)  # fmt: skip
        _background(given)
    watch = Watch(monitor.source, monitor.seconds)
    try:
        if to == "-" and sys.stdin.isatty() and sys.stdout.isatty():
            return _interactive(monitor, given, watch, agent)
        return _plain(monitor, to, watch, agent)
    except KeyboardInterrupt:
        return Exit.OK
    except OSError as error:
        raise Failed(f"{to}: {error.strerror}", Exit.CANNOT_CREATE) from None
    finally:
        out.flush()
