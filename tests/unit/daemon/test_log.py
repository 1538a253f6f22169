"""The log: Heartbeat's lines, one event one line, and a bound on how many."""

from __future__ import annotations

import os
import re
import socket
import time

import pytest

from hacluster.base.effects import Say
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.config.settings import LogConfig
from hacluster.daemon.log import WINDOW_MS, InLine, Line, Log, LogFile, Stderr, Syslog, Threaded, Throttle, sinks


def say(severity: Severity = Severity.INFO, code: str = "c", text: str = "it happened") -> Say:
    return Say(severity, "heartbeat", code, text, (("node", "alpha"),))


def line(severity: Severity = Severity.INFO, text: str = "it happened", service: str = "heartbeat") -> Line:
    return Line(severity, service, text, os.getpid(), time.time())


def written(path, config=None, *, thread=False, **options) -> Log:
    config = config or LogConfig(logfile=str(path))
    found = sinks(config, "alpha", stderr=False)
    return Log(Threaded(found) if thread else InLine(found), clock=lambda: Instant(0), **options)


def test_lines_in_files_are_heartbeats(tmp_path):
    path = tmp_path / "ha-log"
    log = written(path, thread=False)
    log.say(say(Severity.WARNING))
    log.close()
    pattern = rf"\w{{3}} \d\d \d\d:\d\d:\d\d alpha heartbeat: \[{os.getpid()}\]: WARN: it happened node=alpha\n"
    assert re.fullmatch(pattern, path.read_text())


def test_and_with_syslogmsgfmt_off_the_older_ones(tmp_path):
    path = tmp_path / "ha-log"
    log = written(path, LogConfig(logfile=str(path), syslog_format=False), thread=False)
    log.say(say())
    assert re.fullmatch(
        rf"heartbeat\[{os.getpid()}\]: \d{{4}}/\d\d/\d\d_\d\d:\d\d:\d\d info: it happened node=alpha\n",
        path.read_text(),
    )


def test_debug_lines_go_to_the_debug_file_only(tmp_path):
    config = LogConfig(logfile=str(tmp_path / "log"), debugfile=str(tmp_path / "debug"), debug=1)
    log = written(None, config, thread=False, debug=True)
    log.say(say(Severity.DEBUG))
    log.say(say(Severity.INFO))
    assert (tmp_path / "log").read_text().count("\n") == 1
    assert (tmp_path / "debug").read_text().count("\n") == 2


def test_a_line_stays_one_line(tmp_path):
    path = tmp_path / "log"
    log = written(path, thread=False)
    log.say(say(text="evil\nJan 01 00:00:00 alpha heartbeat: [1]: CRIT: forged\x1b[2J"))
    text = path.read_text()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "evil\\x0aJan" in text


def test_a_thread_writes_them_all_before_the_end(tmp_path):
    path = tmp_path / "log"
    log = written(path, thread=True, limit=1_000)
    for _ in range(500):
        log.say(say())
    log.close()
    assert path.read_text().count("\n") == 500


def test_a_file_that_was_moved_away_is_made_anew(tmp_path):
    path = tmp_path / "log"
    sink = LogFile(str(path), "alpha", syslog_format=True, debug=False)
    sink.write(line(Severity.INFO, "one", "s"))
    path.rename(tmp_path / "log.1")
    sink.write(line(Severity.INFO, "two", "s"))
    assert "two" in path.read_text()
    assert "two" not in (tmp_path / "log.1").read_text()


def test_a_file_that_cannot_be_written_is_no_fault(tmp_path):
    LogFile(str(tmp_path / "no/such/log"), "alpha", syslog_format=True, debug=False).write(line())


def test_syslog_gets_priority_and_tag(tmp_path):
    address = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        sink = Syslog("local7", address)
        sink.write(line(Severity.ERROR, "lost: nobody is there yet", "s"))
        daemon.bind(address)
        sink.write(line(Severity.ERROR, "it happened", "heartbeat"))
        assert daemon.recv(1_000).decode() == f"<{23 * 8 + 3}>heartbeat[{os.getpid()}]: ERROR: it happened"


@pytest.mark.parametrize(
    ("config", "stderr", "kinds"),
    [
        (LogConfig(), False, [Syslog]),
        (LogConfig(), True, [Stderr]),
        (LogConfig(facility="local0", facility_given=True), True, [Stderr, Syslog]),
        (LogConfig(logfile="/x"), False, [LogFile]),
        (LogConfig(facility=None, facility_given=True, debugfile="/x"), False, [LogFile]),
        (
            LogConfig(logfile="/x", debugfile="/y", facility="daemon", facility_given=True),
            False,
            2 * [LogFile] + [Syslog],
        ),
    ],
)
def test_lines_go_where_ha_cf_says(config, stderr, kinds):
    assert [type(sink) for sink in sinks(config, "alpha", stderr=stderr)] == kinds


def test_a_flood_is_counted_instead_of_written():
    throttle = Throttle(3)
    first = [line for _ in range(10) for line in throttle.admit(say(), Instant(0))]
    assert first == [say()] * 3
    assert throttle.admit(say(code="other"), Instant(1)) == [say(code="other")]
    later = throttle.admit(say(), Instant(WINDOW_MS))
    assert [line.code for line in later] == ["left-out", "c"]
    assert later[0].text.startswith("7 more")


def test_what_is_not_taken_is_counted_and_told_when_there_is_room_again():
    class Full:
        room, lines = False, []

        def put(self, line):
            if self.room:
                self.lines.append(line.text)
            return self.room

        def close(self):
            pass

    writer = Full()
    log = Log(writer, clock=lambda: Instant(0), limit=1_000)
    for _ in range(3):
        log.say(say())
    writer.room = True
    log.say(say(text="at last"))
    assert writer.lines == ["3 lines were dropped: the log does not take them fast enough", "at last node=alpha"]
