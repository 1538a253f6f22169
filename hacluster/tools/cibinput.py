"""A CIB as the input of a command: read, found usable, and the time that it is looked at."""

from __future__ import annotations

import time
from typing import Final

import click

from hacluster.base.errors import ConfigError
from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.base.report import Severity, has_errors
from hacluster.base.values import scan_int
from hacluster.cib.document import Document
from hacluster.cib.upgrade import usable
from hacluster.client.schemas import installed_schemas

EXIT_INVALID: Final = 65
EXIT_NO_INPUT: Final = 66
EXIT_BAD_CONFIGURATION: Final = 78


def _local_offset(epoch: float) -> int:
    return time.localtime(epoch).tm_gmtoff


def effective_now(document: Document, when: str | None) -> Moment:
    """The time to schedule for: the given one, that of the CIB's ``execution-date``, or the present."""
    current = int(time.time())
    offset = _local_offset(current)
    if when is not None:
        moment = parse_moment(when, offset)
        if moment is None:
            raise click.BadParameter(f"{when!r} is no ISO 8601 date or time", param_hint="--set-datetime")
        return moment
    executed = scan_int(document.attribute("execution-date"))
    epoch = executed or current
    return Moment.from_epoch(epoch, _local_offset(epoch))


def date_line(document: Document, when: str | None, now: Moment) -> str:
    """The line that says which time is taken for the present; empty for the present itself."""
    if when is not None:
        return f"Setting effective cluster time: {when}"
    if scan_int(document.attribute("execution-date")):
        return f"Using the original execution date of: {Moment.from_epoch(now.epoch, 0).show()}"
    return ""


def demand_usable(document: Document, file: str) -> None:
    """Bring a document up to date. Raises :class:`ConfigError` when it is not what its schema promises.

    That it may be misread, because something newer than this program wrote it, is told on standard error.
    """
    reports = usable(document, installed_schemas(), file)
    if has_errors(reports):
        raise ConfigError(reports)
    for report in reports:
        if report.severity is Severity.WARNING:
            click.echo(str(report), err=True)


def exit_status(error: ConfigError) -> int:
    """The exit status for a CIB that cannot be used: 65 for what is no XML, 78 for what is not valid."""
    broken = any(report.code == "broken-xml" for report in error.reports)
    return EXIT_INVALID if broken else EXIT_BAD_CONFIGURATION


def unpacked(data: bytes) -> bytes:
    """A CIB as it was saved: as it is, or compressed with bzip2. Raises :class:`OSError` when that is damaged."""
    if not data.startswith(b"BZh"):
        return data
    import bz2  # noqa: PLC0415 - most files are not compressed

    return bz2.decompress(data)
