"""The process that writes the log: everybody's lines, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from hacluster.base.report import Severity
from hacluster.config.settings import LogConfig
from hacluster.daemon.log import Line, sinks
from hacluster.daemon.scribe import NAME, Scribe
from tests.waiting import eventually


def line(text: str) -> Line:
    return Line(Severity.INFO, "brain", text, 4711, 0.0)


WRITERS = {"brain": frozenset({"brain", "haresources"}), "pulse": frozenset({"pulse", "heartbeat"})}


def scribe_at(path: Path) -> Scribe:
    return Scribe(sinks(LogConfig(logfile=str(path)), "alpha", stderr=False), WRITERS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def scribe(path):
    made = scribe_at(path)
    made.start()
    yield made
    made.close()


def test_lines_are_written_as_of_who_said_them_and_when(scribe, path):
    assert scribe.pen("brain").put(line("one"))
    eventually("it is written", path.exists)
    eventually("all of it", lambda: path.read_text().endswith(f"brain: [{os.getpid()}]: info: one\n"))
    with open(f"/proc/{scribe.pid}/comm", encoding="ascii") as comm:
        assert comm.read().strip() == NAME


def test_one_that_stands_still_keeps_nobody_waiting(scribe, path):
    os.kill(scribe.pid, signal.SIGSTOP)
    began = time.monotonic()
    taken = 0
    while scribe.pen("brain").put(line("x" * 200)):
        taken += 1
    assert time.monotonic() - began < 10, "a thousand lines in memory are no matter of seconds"
    assert taken > 100
    os.kill(scribe.pid, signal.SIGCONT)
    eventually("what waited is written", lambda: path.exists() and path.read_text().count("\n") == taken)
    assert scribe.pen("brain").put(line("and more"))


def test_a_line_is_of_who_said_it_whatever_it_says(scribe, path):
    """The number is the kernel's; a name that is another's is not believed, one that is nobody's is taken."""
    pen = scribe.pen("pulse")
    for service in ("heartbeat", "brain", "haresources", "ipc"):
        assert pen.put(Line(Severity.INFO, service, "text", 4711, 0.0))
    eventually("all are written", lambda: path.exists() and path.read_text().count("\n") == 4)
    own = [each.partition("alpha ")[2] for each in path.read_text().splitlines()]
    pid = os.getpid()
    assert own == [
        f"heartbeat: [{pid}]: info: text",
        f"pulse: [{pid}]: info: (under the name of brain) text",
        f"pulse: [{pid}]: info: (under the name of haresources) text",
        f"ipc: [{pid}]: info: text",
    ]


def test_lines_that_wait_are_written_in_the_order_in_which_they_were_said(scribe, path):
    os.kill(scribe.pid, signal.SIGSTOP)
    for number in range(20):
        pen = scribe.pen("pulse" if number % 3 else "brain")
        assert pen.put(Line(Severity.INFO, "ipc", str(number), 1, 100.0 + number))
    os.kill(scribe.pid, signal.SIGCONT)
    eventually("all are written", lambda: path.exists() and path.read_text().count("\n") == 20)
    assert [int(each.split()[-1]) for each in path.read_text().splitlines()] == list(range(20))


def test_who_shuts_or_floods_its_channel_silences_nobody_else(scribe, path):
    with socket.socket(fileno=os.dup(scribe.pen("pulse").fileno())) as channel:
        channel.shutdown(socket.SHUT_RDWR)
    assert not scribe.pen("pulse").put(line("lost"))
    assert scribe.pen("brain").put(line("said"))
    eventually("it is written", lambda: path.exists() and "said" in path.read_text())
    os.kill(scribe.pid, signal.SIGSTOP)
    while scribe.pen("brain").put(line("x" * 200)):
        pass
    os.kill(scribe.pid, signal.SIGCONT)


def test_one_that_dies_has_a_successor_who_goes_on(scribe, path, monkeypatch):
    monkeypatch.setattr("hacluster.daemon.scribe.YOUNG_S", 0.0)
    assert not scribe.revive()
    first = scribe.pid
    os.kill(first, signal.SIGKILL)
    # A line that it takes while it dies is lost with it; what comes later waits for the next.
    eventually("it is dead", lambda: ") Z " in Path(f"/proc/{first}/stat").read_text())
    scribe.pen("brain").put(line("kept"))
    eventually("another", scribe.revive)
    assert scribe.pid != first
    eventually("it goes on", lambda: path.exists() and "kept" in path.read_text())


@pytest.mark.parametrize(
    "hostile",
    [
        Line(Severity.INFO, "brain", "x", 1, 1e300),
        Line(Severity.INFO, "brain", "x", 1, float("nan")),
        Line(Severity.INFO, "brain\nforged", "two\nlines\x1b[2J", 1, 0.0),
        "no line",
    ],
)
def test_who_sends_nonsense_does_it_no_harm(scribe, path, hostile):
    """Those who send need not be root, as this process is."""
    scribe.pen("brain").put(hostile)
    assert scribe.pen("brain").put(line("and on"))
    eventually("it goes on", lambda: path.exists() and path.read_text().endswith("info: and on\n"))
    text = path.read_text()
    assert "\x1b" not in text
    assert all(each.startswith(("Jan ", "Dec ")) for each in text.splitlines())


def test_it_ends_after_the_last_of_those_it_writes_for(path):
    made = scribe_at(path)
    made.start()
    end, begin = os.pipe()
    orphan = os.fork()
    if orphan == 0:
        pen = made.inherited("brain")
        os.read(end, 1)
        pen.put(line("of an orphan"))
        os._exit(0)
    made.release()
    assert os.waitpid(made.pid, os.WNOHANG) == (0, 0)
    os.write(begin, b"x")
    os.waitpid(orphan, 0)
    assert os.waitpid(made.pid, 0)[1] == 0
    assert "of an orphan" in path.read_text()
