"""iso8601: what Pacemaker 2.1.5 prints for the same arguments (recorded), and what the installed one prints."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest

from hacluster.tools.iso8601 import script
from tests.conftest import skip_or_fail
from tests.scripts import Done, play

RECORDED = [
    ("-d 2005-040", 0, "Date: 2005-02-09 00:00:00Z\n"),
    ("-d 2005-040 -s", 0, "Date: 63243504000\n"),
    ("-d 2005-040 -S", 0, "Date: 1107907200\n"),
    ("-d 1969-12-31 -S", 0, "Date: -86400\n"),
    ("-d 2005-02-09 -O", 0, "Date: 2005-040 00:00:00Z\n"),
    ("-d 2005-01-01 -W", 0, "Date: 2004-W53-6 00:00:00Z\n"),
    ("-d 2005-01-01 -O -W", 0, "Date: 2004-W53-6 00:00:00Z\n"),
    ("-d '2005-02-09 10:00:00 +02:00' -L", 0, "Date: 2005-02-09 10:00:00 +02:00\n"),
    ("-d '2005-02-09 10:00:00 +02:00'", 0, "Date: 2005-02-09 08:00:00Z\n"),
    ("-d 2005-02-09T24:00", 0, "Date: 2005-02-10 00:00:00Z\n"),
    ("-d 20050209T123045Z", 0, "Date: 2005-02-09 12:30:45Z\n"),
    ("-d 2005-W01-1", 0, "Date: 2005-01-03 00:00:00Z\n"),
    ("-d epoch", 0, "Date: 1970-01-01 00:00:00Z\n"),
    ("-d 2005-02-30", 2, ""),
    ("-d 2005-366", 2, ""),
    ("-d foo", 2, ""),
    ("-D P1Y2M3DT4H5M6S", 0, "Duration:    1 year  2 months  3 days 14706 seconds (4 hours 5 minutes 6 seconds)\n"),
    ("-D P1Y", 0, "Duration:    1 year \n"),
    ("-D P1W", 0, "Duration:  7 days \n"),
    ("-D PT0S", 0, "Duration: 0 seconds\n"),
    ("-D PT1S", 0, "Duration: 1 second\n"),
    ("-D PT60S", 0, "Duration: 60 seconds (1 minute)\n"),
    ("-D PT86400S", 0, "Duration: 86400 seconds (24 hours)\n"),
    ("-D P1MT1M", 0, "Duration:  1 month 60 seconds (1 minute)\n"),
    ("-D P-1D", 0, "Duration: -1 days \n"),
    ("-D P", 2, ""),
    ("-D P1.5D", 2, ""),
    ("-D 1D", 2, ""),
    ("-p 2005-01-31/P1M", 0, "Period: 2005-01-31 00:00:00Z to 2005-02-28 00:00:00Z\n"),
    ("-p P1M/2005-03-31", 0, "Period: 2005-02-28 00:00:00Z to 2005-03-31 00:00:00Z\n"),
    ("-p 2005-01-01/2006-01-01 -S", 0, "Period: 1104537600 to 1136073600\n"),
    ("-p 2005-01-01/P1Y2M3DT4H", 0, "Period: 2005-01-01 00:00:00Z to 2006-03-04 04:00:00Z\n"),
    ("-p 2005-01-01", 2, ""),
    ("-p foo/P1D", 2, ""),
    (
        "-d 2005-01-31 -D P1M",
        0,
        "Date: 2005-01-31 00:00:00Z\nDuration:  1 month \nDuration ends at: 2005-02-28 00:00:00Z\n",
    ),
    ("-d 2005-01-31 -E 2005-02-01", 1, "Date: 2005-01-31 00:00:00Z\n"),
    ("-d 2005-01-01 -S -E 1104537600", 0, "Date: 1104537600\n"),
    ("-D P1D -E x", 0, "Duration:  1 day \n"),
    ("-E x", 0, ""),
]


def asked(*arguments: str) -> Done:
    return play(script, ["iso8601", *arguments])


@pytest.mark.parametrize(("arguments", "code", "text"), RECORDED)
def test_recorded(arguments: str, code: int, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.timezone", 0)
    result = asked(*shlex.split(arguments))
    assert (result.status, result.out) == (code, text)


def test_a_text_that_cannot_be_read_is_named() -> None:
    assert asked("-d", "foo").err == "iso8601: Invalid date/time specified: foo\n"


def test_recorded_is_what_the_installed_one_says() -> None:
    skip_or_fail("" if shutil.which("iso8601", path="/usr/bin:/usr/sbin") else "Pacemaker's iso8601 is not installed")
    environment = os.environ | {"TZ": "UTC", "PATH": "/usr/bin:/usr/sbin"}
    for arguments, code, text in RECORDED:
        done = subprocess.run(
            ["iso8601", *shlex.split(arguments)], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (code, text), arguments


def test_a_zone_may_follow_at_once_as_the_standard_has_it() -> None:
    """The original overlooks a zone that no blank separates from the time."""
    assert asked("-d", "2005-02-09T10:00:00+02:00").out == "Date: 2005-02-09 08:00:00Z\n"


def test_now_is_now() -> None:
    result = asked("-n", "-D", "P1D")
    assert result.status == 0
    assert result.out.startswith("Current date/time: 2")
    assert "Duration ends at: 2" in result.out


def test_the_answer_as_xml_and_in_a_file(tmp_path) -> None:
    done = asked(*shlex.split("-d 2024-01-01 -D P1M --output-as xml"))
    assert done.status == 0
    for part in (
        "<date>2024-01-01 00:00:00Z</date>",
        "<duration_ends>2024-02-01 00:00:00Z</duration_ends>",
        'code="0"',
    ):
        assert part in done.out
    done = asked(*shlex.split("-d foo --output-as xml"))
    assert done.status == 2
    assert "<error>iso8601: Invalid date/time specified: foo</error>" in done.out
    place = tmp_path / "answer"
    done = asked("-p", "2024-040/2024-043", "--output-to", str(place))
    assert (done.status, done.out) == (0, "")
    assert place.read_text() == "Period: 2024-02-09 00:00:00Z to 2024-02-12 00:00:00Z\n"


def test_a_time_alone_is_one_of_today() -> None:
    done = asked("-d", "10:30")
    assert done.status == 0
    assert done.out.endswith(" 10:30:00Z\n")
    assert asked("-d", "10:61").status == 2
